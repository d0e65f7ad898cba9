import numpy as np
import pytest

from cnn_estimator.inputs import numpy_input_fn
from cnn_estimator.tf1 import tf


def batches(input_fn, count=1000):
    """The batches of an input_fn, in order, until it ends, at most `count`."""
    with tf.Graph().as_default(), tf.Session() as session:
        following = tf.data.make_one_shot_iterator(input_fn()).get_next()
        result = []
        while len(result) < count:
            try:
                result.append(session.run(following))
            except tf.errors.OutOfRangeError:
                break
        return result


X = np.arange(10, dtype=np.float32).reshape(5, 2)
Y = np.arange(5, dtype=np.int32)


@pytest.mark.integration
def test_batches_in_order_with_the_remainder_then_the_end():
    (x1, y1), (x2, y2), (x3, y3) = batches(numpy_input_fn({"x": X}, Y, batch_size=2, num_epochs=1, shuffle=False))
    np.testing.assert_array_equal(x1["x"], [[0, 1], [2, 3]])
    np.testing.assert_array_equal(x2["x"], [[4, 5], [6, 7]])
    np.testing.assert_array_equal(x3["x"], [[8, 9]])
    assert [y.tolist() for y in (y1, y2, y3)] == [[0, 1], [2, 3], [4]]
    assert x1["x"].dtype == np.float32
    assert y1.dtype == np.int32


@pytest.mark.integration
def test_every_epoch_ends_with_its_remainder():
    labels = [y.tolist() for _, y in batches(numpy_input_fn(X, Y, batch_size=3, num_epochs=2, shuffle=False))]
    assert labels == [[0, 1, 2], [3, 4], [0, 1, 2], [3, 4]]


@pytest.mark.integration
def test_without_num_epochs_it_never_ends():
    endless = numpy_input_fn(X, Y, batch_size=5, num_epochs=None, shuffle=False)
    assert len(batches(endless, count=50)) == 50


@pytest.mark.integration
def test_features_alone():
    (first, *_) = batches(numpy_input_fn({"x": X}, None, batch_size=4, num_epochs=1, shuffle=False))
    np.testing.assert_array_equal(first["x"], X[:4])


@pytest.mark.integration
def test_shuffled_epochs_are_complete_and_each_in_another_order():
    rows = np.arange(5000)
    shuffled = numpy_input_fn(rows, rows, batch_size=5000, num_epochs=2, shuffle=True, seed=3)
    (x1, y1), (x2, _) = batches(shuffled)
    np.testing.assert_array_equal(x1, y1)
    np.testing.assert_array_equal(np.sort(x1), rows)
    np.testing.assert_array_equal(np.sort(x2), rows)
    assert not np.array_equal(x1, x2)
    # A full shuffle moves a row by a third of the set on average; a 1,000-row queue, by far less.
    assert np.abs(x1 - rows).mean() == pytest.approx(5000 / 3, rel=0.05)


@pytest.mark.integration
def test_a_seed_repeats_the_order_and_none_draws_one():
    def first_batch(seed):
        return batches(numpy_input_fn(np.arange(100), None, batch_size=100, num_epochs=1, shuffle=True, seed=seed))[0]

    np.testing.assert_array_equal(first_batch(7), first_batch(7))
    assert not np.array_equal(first_batch(7), first_batch(8))
    assert not np.array_equal(first_batch(None), first_batch(None))


@pytest.mark.integration
@pytest.mark.parametrize("first_batch", [1, 3, 4, 11])
def test_a_resumed_run_sees_the_batches_that_it_would_have_seen(first_batch):
    """Four batches per epoch, the last of one row."""
    arguments = {"batch_size": 3, "num_epochs": 5, "shuffle": True, "seed": 7}
    rows = np.arange(10)
    complete = [batch.tolist() for batch in batches(numpy_input_fn(rows, None, **arguments))]
    resumed = batches(numpy_input_fn(rows, None, **arguments, first_batch=first_batch))
    assert len(complete) == 20
    assert [batch.tolist() for batch in resumed] == complete[first_batch:]


@pytest.mark.unit
def test_the_graph_holds_no_copy_of_the_data():
    big = np.zeros([100_000, 10], np.float32)
    with tf.Graph().as_default() as graph:
        tf.data.make_one_shot_iterator(
            numpy_input_fn(big, None, batch_size=1, num_epochs=1, shuffle=True, seed=1)()
        ).get_next()
        assert graph.as_graph_def().ByteSize() < 20_000


@pytest.mark.unit
@pytest.mark.filterwarnings("ignore:To make it possible to preserve tf.data options:UserWarning")
def test_autotuning_is_off_so_that_sessions_close_at_once():
    """With it, TensorFlow 2.21 took 59 s to close a session that had trained for 84 s."""
    dataset = numpy_input_fn(X, Y, batch_size=2, num_epochs=None, shuffle=True)()
    assert dataset.options().autotune.enabled is False


@pytest.mark.unit
def test_shapes_are_known_except_for_the_batch():
    dataset = numpy_input_fn({"x": X}, Y, batch_size=2, num_epochs=1, shuffle=False)()
    features, labels = tf.data.get_output_shapes(dataset)
    assert features["x"].as_list() == [None, 2]
    assert labels.as_list() == [None]


@pytest.mark.unit
@pytest.mark.parametrize(("x", "y"), [(X, Y[:4]), ({"x": X, "z": X[:3]}, Y), (X[:0], Y[:0])])
def test_empty_arrays_or_different_lengths_are_an_error(x, y):
    with pytest.raises(ValueError, match="same number of rows, at least one"):
        numpy_input_fn(x, y, batch_size=2, num_epochs=1, shuffle=False)


@pytest.mark.unit
@pytest.mark.parametrize("size", [0, -1])
def test_a_batch_has_at_least_one_row(size):
    with pytest.raises(ValueError, match=f"^batch_size {size}: it must be at least 1"):
        numpy_input_fn(X, Y, batch_size=size, num_epochs=1, shuffle=False)


@pytest.mark.integration
def test_a_transform_makes_the_features_of_each_batch_and_leaves_the_labels():
    arguments = {"batch_size": 2, "num_epochs": 1, "shuffle": True, "seed": 7}
    pixels, labels = np.arange(10, dtype=np.uint8).reshape(5, 2), np.arange(5, dtype=np.uint8)
    input_fn = numpy_input_fn({"x": pixels}, labels, **arguments, transform=lambda rows: rows / np.float32(2))
    for (features, found), (plain, expected) in zip(
        batches(input_fn), batches(numpy_input_fn({"x": pixels}, labels, **arguments)), strict=True
    ):
        assert features["x"].dtype == np.float32
        np.testing.assert_array_equal(features["x"], plain["x"] / 2)
        np.testing.assert_array_equal(found, expected)
        assert found.dtype == np.uint8
