"""What an evaluation says of each class: counts and shares, of numpy arrays. Imports no TensorFlow."""

import dataclasses

import numpy as np
from tabulate import tabulate

from cnn_estimator.datasets import CLASSES


@dataclasses.dataclass(frozen=True)
class ClassScore:
    """One class of a test set.

    precision is the share of the images taken for the class that are of it, recall the share of its images that are
    taken for it, f1 their harmonic mean. None where there is no image to take a share of.
    """

    images: int
    precision: float | None
    recall: float | None
    f1: float | None


def confusion_matrix(labels, classes):
    """Returns int64 [10, 10]: how many images of the row's class are taken for the column's."""
    return np.bincount(labels * CLASSES + classes, minlength=CLASSES**2).reshape(CLASSES, CLASSES)


def class_scores(confusion):
    """Returns the ClassScore of each class."""
    return [
        ClassScore(
            images=int(confusion[number].sum()),
            precision=_share(confusion[number, number], confusion[:, number].sum()),
            recall=_share(confusion[number, number], confusion[number].sum()),
            f1=_share(2 * confusion[number, number], confusion[number].sum() + confusion[:, number].sum()),
        )
        for number in range(CLASSES)
    ]


def _share(part, whole):
    return float(part / whole) if whole else None


def confusions(confusion, most=5):
    """Returns [(images, true class, predicted class)] of the mistakes that are made most often, at most so many."""
    mistakes = confusion * (1 - np.eye(CLASSES, dtype=int))
    order = np.argsort(-mistakes, axis=None, kind="stable")[:most]
    pairs = (divmod(int(flat), CLASSES) for flat in order)
    return [(int(mistakes[pair]), *pair) for pair in pairs if mistakes[pair]]


def most_confident_mistakes(labels, predictions, most):
    """Returns the indices of images that are taken for another class, those with the highest probability first."""
    wrong = np.flatnonzero(predictions.classes != labels)
    return wrong[np.argsort(-predictions.probabilities[wrong].max(axis=1), kind="stable")][:most]


def text(confusion, class_names):
    """Returns the table of the classes, and the most frequent confusions below it."""
    rows = [
        (name, *dataclasses.astuple(score)) for name, score in zip(class_names, class_scores(confusion), strict=True)
    ]
    classes = tabulate(
        rows, ("class", "images", "precision", "recall", "F1"), "plain", floatfmt=".3f", missingval="-",
        disable_numparse=[0],
    )  # fmt: skip
    mistakes = [(class_names[true], class_names[taken], images) for images, true, taken in confusions(confusion)]
    if not mistakes:
        return classes
    return f"{classes}\n\n" + tabulate(
        mistakes, ("most often", "taken for", "images"), "plain", disable_numparse=[0, 1]
    )
