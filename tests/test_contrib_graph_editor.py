"""tf.contrib.graph_editor. The expected names are TensorFlow 1.15.5's."""

import pytest

from cnn_estimator.tf1 import contrib, tf
from cnn_estimator.tf1.unavailable import Unavailable

pytestmark = pytest.mark.integration

G = contrib.part("graph_editor")


@pytest.fixture(autouse=True)
def graph():
    """Builds d = (a + b) * 3 after an operation n, and e = -a."""
    with tf.Graph().as_default() as graph:
        a = tf.constant(1.0, name="a")
        c = tf.add(a, tf.constant(2.0, name="b"), name="c")
        with tf.control_dependencies([tf.no_op(name="n")]):
            tf.multiply(c, 3.0, name="d")
        tf.negative(a, name="e")
        yield graph


def operation(name):
    return tf.get_default_graph().get_operation_by_name(name)


def tensor(name):
    return operation(name).outputs[0]


def names(found):
    return [each.name for each in found]


@pytest.mark.parametrize(
    ("walk", "expected"),
    [
        (lambda: G.get_backward_walk_ops(operation("d"), control_inputs=True), ["a", "b", "c", "d", "d/y", "n"]),
        (lambda: G.get_backward_walk_ops([tensor("d")], inclusive=False), ["a", "b", "c", "d/y"]),
        (lambda: G.get_backward_walk_ops(operation("d"), stop_at_ts=[tensor("c")]), ["d", "d/y"]),
        (lambda: G.get_forward_walk_ops(operation("a")), ["a", "c", "d", "e"]),
        (lambda: G.get_forward_walk_ops([tensor("a")], inclusive=False), ["d"]),
        (lambda: G.get_forward_walk_ops(operation("a"), stop_at_ts=[tensor("c")]), ["a", "c", "e"]),
        (lambda: G.get_forward_walk_ops(operation("a"), within_ops=[operation("a"), operation("e")]), ["a", "e"]),
        (lambda: G.get_forward_walk_ops(operation("a"), within_ops=[]), ["a"]),
        (lambda: G.get_forward_walk_ops([operation("a")], within_ops=[operation("c")]), []),
        (lambda: G.get_forward_walk_ops(operation("a"), within_ops_fn=lambda op: op.type != "Neg"), ["a", "c", "d"]),
    ],
)
def test_walks_through_a_graph(walk, expected):
    assert sorted(names(walk())) == expected


def test_lists_of_operations_and_tensors(graph):
    assert names(G.get_generating_ops([tensor("c"), tensor("d")])) == ["c", "d"]
    assert names(G.get_consuming_ops([tensor("a")])) == ["c", "e"]
    assert names(G.make_list_of_op(graph)) == ["a", "b", "c", "n", "d/y", "d", "e"]
    assert names(G.make_list_of_t([tensor("c")])) == ["c:0"]
    assert names(G.get_tensors(graph)) == ["a:0", "b:0", "c:0", "d/y:0", "d:0", "e:0"]


def test_functions_that_change_a_graph_are_errors():
    assert isinstance(G.graph_replace, Unavailable)
    assert not hasattr(G, "graph_replacement")
