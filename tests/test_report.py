import numpy as np
import pytest

from cnn_estimator import report
from cnn_estimator.model import Predictions

NAMES = ("T-shirt/top", "1e3", *"cdefghij")


def test_the_confusion_matrix_counts_true_classes_in_rows():
    confusion = report.confusion_matrix(np.array([0, 0, 9, 3], np.int32), np.array([0, 5, 9, 2]))
    assert confusion.shape == (10, 10)
    assert {pair: int(count) for pair, count in np.ndenumerate(confusion) if count} == {
        (0, 0): 1,
        (0, 5): 1,
        (3, 2): 1,
        (9, 9): 1,
    }


def test_the_scores_of_a_class():
    """Of class 0 there are 4 images, of which 3 are found; 5 are taken for it. Nothing has to do with class 2."""
    confusion = np.zeros((10, 10), int)
    confusion[0, [0, 1]] = 3, 1
    confusion[1, [0, 1]] = 2, 4
    scores = report.class_scores(confusion)
    assert scores[0] == report.ClassScore(images=4, precision=3 / 5, recall=3 / 4, f1=pytest.approx(2 / 3))
    assert scores[2] == report.ClassScore(images=0, precision=None, recall=None, f1=None)


def test_the_most_frequent_confusions_come_first_and_what_never_happened_not_at_all():
    confusion = np.eye(10, dtype=int) * 100
    confusion[6, 0], confusion[4, 2], confusion[2, 4] = 7, 9, 7
    assert report.confusions(confusion) == [(9, 4, 2), (7, 2, 4), (7, 6, 0)]
    assert report.confusions(confusion, most=1) == [(9, 4, 2)]


def test_the_most_confident_mistakes_are_in_the_order_of_their_probability():
    probabilities = np.full((4, 10), 0.01, np.float32)
    probabilities[range(4), [1, 1, 2, 3]] = 0.5, 0.9, 0.99, 0.7
    predictions = Predictions(np.array([1, 1, 2, 3]), probabilities)
    assert list(report.most_confident_mistakes(np.array([0, 0, 2, 0]), predictions, 2)) == [1, 3]


def test_the_table_names_each_class_and_the_confusions():
    confusion = np.zeros((10, 10), int)
    confusion[0, 0], confusion[0, 1], confusion[1, 1] = 3, 1, 2
    lines = [line.split() for line in report.text(confusion, NAMES).splitlines()]
    assert lines[:4] == [
        ["class", "images", "precision", "recall", "F1"],
        ["T-shirt/top", "4", "1.000", "0.750", "0.857"],
        ["1e3", "2", "0.667", "1.000", "0.800"],
        ["c", "0", "-", "-", "-"],
    ]
    assert lines[-2:] == [["most", "often", "taken", "for", "images"], ["T-shirt/top", "1e3", "1"]]
    assert "most often" not in report.text(np.eye(10, dtype=int), NAMES)
