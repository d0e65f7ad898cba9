"""tf.contrib.training.bucket and bucket_by_sequence_length. The expected batches are TensorFlow 1.15.5's."""

import numpy as np
import pytest

from cnn_estimator.tf1 import contrib, tf

pytestmark = pytest.mark.integration

T = contrib.training


@pytest.fixture(autouse=True)
def graph():
    with tf.Graph().as_default():
        yield


def _numbers():
    return tf.train.range_input_producer(10, shuffle=False, num_epochs=1).dequeue()


def _batches(tensors):
    """Returns all batches. Their order is not deterministic, and they are sorted."""
    batches = []
    with tf.Session() as session:
        session.run([tf.global_variables_initializer(), tf.local_variables_initializer()])
        coordinator = tf.train.Coordinator()
        threads = tf.train.start_queue_runners(session, coordinator)
        try:
            while True:
                batches.append(session.run(tensors))
        except tf.errors.OutOfRangeError:
            coordinator.request_stop()
        coordinator.join(threads)
    return sorted(([np.asarray(value).tolist() for value in tf.nest.flatten(batch)] for batch in batches), key=str)


@pytest.mark.parametrize("smaller", [False, True])
def test_examples_are_put_into_buckets(smaller):
    number = _numbers()
    batch = T.bucket([number, number * 10], number % 3, 2, 3, allow_smaller_final_batch=smaller)
    full = [[0, [0, 3], [0, 30]], [0, [6, 9], [60, 90]], [1, [1, 4], [10, 40]], [2, [2, 5], [20, 50]]]
    rest = [[1, [7], [70]], [2, [8], [80]]]
    assert _batches(batch) == sorted(full + (rest if smaller else []), key=str)


def test_each_bucket_may_have_its_own_size():
    number = _numbers()
    batch = T.bucket({"b": number, "a": tf.fill([2], number)}, number % 2, [2, 3], 2)
    assert _batches(batch) == [
        [0, [[0, 0], [2, 2]], [0, 2]],
        [0, [[4, 4], [6, 6]], [4, 6]],
        [1, [[1, 1], [3, 3], [5, 5]], [1, 3, 5]],
    ]
    with pytest.raises(ValueError, match="3 buckets, 2 sizes"):
        T.bucket([number], number % 2, [2, 3], 3)


@pytest.mark.parametrize("smaller", [False, True])
def test_sequences_of_similar_lengths_are_padded(smaller):
    number = _numbers()
    options = {"dynamic_pad": True, "allow_smaller_final_batch": smaller}
    batch = T.bucket_by_sequence_length(number, [tf.range(number)], 2, [3, 6], **options)
    full = [[[0, 1], [[0], [0]]], [[3, 4], [[0, 1, 2, 0], [0, 1, 2, 3]]]]
    full += [[[n, n + 1], [[*range(n), 0], [*range(n + 1)]]] for n in (6, 8)]
    rest = [[[2], [[0, 1]]], [[5], [[*range(5)]]]]
    assert _batches(batch) == sorted(full + (rest if smaller else []), key=str)


def test_examples_may_be_dropped():
    number = _numbers()
    batch = T.bucket_by_sequence_length(number, number, 1, [3, 6], keep_input=number > 7)
    assert _batches(batch) == [[[8], [8]], [[9], [9]]]


@pytest.mark.parametrize(("boundaries", "error"), [([], ValueError), ([3, 3], ValueError), ([1.5, 2], TypeError)])
def test_boundaries_must_increase(boundaries, error):
    with pytest.raises(error, match="bucket_boundaries must"):
        T.bucket_by_sequence_length(tf.constant(1), tf.constant(1), 2, boundaries)


def test_sparse_tensors_are_an_error():
    with pytest.raises(NotImplementedError, match="sparse"):
        T.bucket([tf.SparseTensor([[0]], [1], [2])], 0, 2, 1)
