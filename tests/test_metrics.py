import re
import types

import numpy as np
import pytest

from cnn_estimator import metrics

pytestmark = pytest.mark.unit

NAMES = ("a<b>&c", "1e3", *"cdefghij")


def test_the_confusion_matrix_counts_true_classes_in_rows():
    confusion = metrics.confusion_matrix(np.array([0, 0, 9, 3], np.int32), np.array([0, 5, 9, 2]), 10)
    expected = np.zeros((10, 10), int)
    expected[[0, 0, 3, 9], [0, 5, 2, 9]] = 1
    np.testing.assert_array_equal(confusion, expected)


def test_the_scores_of_a_class():
    """4 images are of class 0, and 3 of them are predicted as it; 5 images are predicted as it. None is of class 2."""
    confusion = np.zeros((10, 10), int)
    confusion[0, [0, 1]] = 3, 1
    confusion[1, [0, 1]] = 2, 4
    scores = metrics.class_scores(confusion)
    assert scores[0] == metrics.ClassScore(images=4, precision=3 / 5, recall=3 / 4, f1=pytest.approx(2 / 3))
    assert scores[2] == metrics.ClassScore(images=0, precision=None, recall=None, f1=None)


def test_the_most_frequent_confusions_come_first_without_those_that_never_happened():
    confusion = np.eye(10, dtype=int) * 100
    confusion[6, 0], confusion[4, 2], confusion[2, 4] = 7, 9, 7
    assert metrics.most_frequent_confusions(confusion) == [(9, 4, 2), (7, 2, 4), (7, 6, 0)]
    assert metrics.most_frequent_confusions(confusion, count=1) == [(9, 4, 2)]


def test_the_most_confident_mistakes_are_in_the_order_of_their_probability():
    probabilities = np.full((4, 10), 0.01, np.float32)
    probabilities[range(4), [1, 1, 2, 3]] = 0.5, 0.9, 0.99, 0.7
    predictions = types.SimpleNamespace(classes=np.array([1, 1, 2, 3]), probabilities=probabilities)
    assert list(metrics.most_confident_mistakes(np.array([0, 0, 2, 0]), predictions, 2)) == [1, 3]


def test_the_table_names_each_class_and_the_confusions():
    confusion = np.zeros((10, 10), int)
    confusion[0, 0], confusion[0, 1], confusion[1, 1] = 3, 1, 2
    lines = [line.split() for line in metrics.table(confusion, NAMES).splitlines()]
    assert lines[:4] == [
        ["class", "images", "precision", "recall", "F1"],
        ["a<b>&c", "4", "1.000", "0.750", "0.857"],
        ["1e3", "2", "0.667", "1.000", "0.800"],
        ["c", "0", "-", "-", "-"],
    ]
    assert lines[-2:] == [["most", "often", "predicted", "as", "images"], ["a<b>&c", "1e3", "1"]]
    assert "most often" not in metrics.table(np.eye(10, dtype=int), NAMES)


def test_in_a_notebook_the_matrix_is_coloured_by_rows_and_names_are_escaped():
    confusion = np.eye(10, dtype=int) * 3
    confusion[0, 1] = 1
    html = metrics.html(confusion, NAMES)
    assert "<b>" not in html
    matrix = html.rpartition("<table>")[2]
    assert matrix.count("<th>a&lt;b&gt;&amp;c</th>") == 2
    cells = re.findall(r", ([\d.]+)\)\">(\d*)<", matrix.split("<tr>")[2])
    assert cells == [("0.61", "3"), ("0.35", "1"), *[("0.00", "")] * 8]
