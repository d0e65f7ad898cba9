"""The metrics of each class, computed with NumPy. Imports no TensorFlow."""

import dataclasses
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

import numpy as np
from tabulate import tabulate

if TYPE_CHECKING:
    from cnn_estimator.model import Predictions


_MAX_CLASSES_OF_HTML_MATRIX = 40  # a notebook shows no readable table of more columns


@dataclasses.dataclass(frozen=True)
class ClassScore:
    """The scores of one class on a test set. A ratio without any image is None.

    Attributes:
      images: the number of images of the class.
      precision: the fraction of the images predicted as the class that belong to the class.
      recall: the fraction of the images of the class that are predicted as the class.
      f1: the harmonic mean of precision and recall.
    """

    images: int
    precision: float | None
    recall: float | None
    f1: float | None


def confusion_matrix(labels: np.ndarray, classes: np.ndarray, count: int) -> np.ndarray:
    """Returns int64 [count, count], how many images of the row's class are predicted as the column's class.

    Args:
      labels: the true classes, int [N], from 0.
      classes: the predicted classes, int [N], from 0.
      count: the number of classes.
    """
    return np.bincount(labels * count + classes, minlength=count**2).reshape(count, count)


def class_scores(confusion: np.ndarray) -> list[ClassScore]:
    """Returns the ClassScore of each class."""
    counts = zip(confusion.diagonal(), confusion.sum(axis=1), confusion.sum(axis=0), strict=True)
    return [
        ClassScore(int(images), _ratio(hits, predicted), _ratio(hits, images), _ratio(2 * hits, images + predicted))
        for hits, images, predicted in counts
    ]


def _ratio(count: int, total: int) -> float | None:
    return float(count / total) if total else None


def most_frequent_confusions(confusion: np.ndarray, count: int = 5) -> list[tuple[int, int, int]]:
    """Returns [(images, true class, predicted class)] of at most `count` mistakes, the most frequent first."""
    classes = len(confusion)
    mistakes = confusion * (1 - np.eye(classes, dtype=int))
    order = np.argsort(-mistakes, axis=None, kind="stable")[:count]
    pairs = (divmod(int(flat), classes) for flat in order)
    return [(int(mistakes[true, predicted]), true, predicted) for true, predicted in pairs if mistakes[true, predicted]]


def most_confident_mistakes(labels: np.ndarray, predictions: "Predictions", count: int) -> np.ndarray:
    """Returns the indices of at most `count` wrong predictions, the highest probability first."""
    wrong = np.flatnonzero(predictions.classes != labels)
    return wrong[np.argsort(-predictions.probabilities[wrong].max(axis=1), kind="stable")][:count]


def table(confusion: np.ndarray, class_names: Sequence[str], form: str = "plain") -> str:
    """Returns a table of the scores of the classes, and below it a table of the most frequent mistakes.

    Args:
      form: "plain" for text, or "html".
    """
    rows = [
        (name, *dataclasses.astuple(score)) for name, score in zip(class_names, class_scores(confusion), strict=True)
    ]
    scores = tabulate(
        rows, ("class", "images", "precision", "recall", "F1"), form, floatfmt=".3f", missingval="-",
        disable_numparse=[0],
    )  # fmt: skip
    mistakes = [
        (class_names[true], class_names[predicted], images)
        for images, true, predicted in most_frequent_confusions(confusion)
    ]
    if not mistakes:
        return scores
    header = ("most often", "predicted as", "images")
    return f"{scores}\n\n{tabulate(mistakes, header, form, disable_numparse=[0, 1])}"


def html(confusion: np.ndarray, class_names: Sequence[str]) -> str:
    """Returns table() as HTML, and below it the confusion matrix, where a darker blue is a larger part of the row.

    For more than 40 classes it returns the table alone.
    """
    scores = table(confusion, class_names, "html")
    if len(class_names) > _MAX_CLASSES_OF_HTML_MATRIX:
        return scores
    names = [escape(name) for name in class_names]
    fractions = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    rows = [
        f"<tr><th>{name}</th>{''.join(map(_html_cell, counts, shares))}</tr>"
        for name, counts, shares in zip(names, confusion.tolist(), fractions.tolist(), strict=True)
    ]
    header = "".join(f"<th>{name}</th>" for name in names)
    matrix = f"<table><tr><th>true class, predicted as</th>{header}</tr>{''.join(rows)}</table>"
    return f"{scores}\n{matrix}"


def _html_cell(count: int, fraction: float) -> str:
    # Translucent, so that the number can be read on bright and dark pages. The plot takes the square root too.
    return f'<td style="background: rgba(0, 119, 187, {0.7 * fraction**0.5:.2f})">{count or ""}</td>'
