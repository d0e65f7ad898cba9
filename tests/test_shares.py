"""A replica's share of each batch."""

import numpy as np
import pytest

from cnn_estimator.distributed import shares
from cnn_estimator.tf1 import tf

REPLICAS = 3


def input_fn():
    """A batch of eight rows, and a batch of one."""
    return tf.data.Dataset.from_tensor_slices(({"x": np.arange(9)}, 10 + np.arange(9))).batch(8)


def read_shares(worker, workers):
    """Returns the shares of a worker's replicas, (features, labels), in the order of its dataset."""
    with tf.Graph().as_default(), tf.Session() as session:
        dataset = shares.input_fn(input_fn)(tf.distribute.InputContext(workers, worker, REPLICAS))
        share = tf.data.make_one_shot_iterator(dataset).get_next()
        found = [session.run(share) for _ in range(2 * REPLICAS // workers)]
        with pytest.raises(tf.errors.OutOfRangeError):
            session.run(share)
    return found


@pytest.mark.integration
@pytest.mark.parametrize("workers", [1, 3])
def test_the_shares_of_the_replicas_are_the_rows_of_each_batch(workers):
    """Replicas for which the second batch has no row get a row that does not count."""
    first_step = []
    second_step = []
    for worker in range(workers):
        found = read_shares(worker, workers)
        first_step += found[: len(found) // 2]
        second_step += found[len(found) // 2 :]
    assert [features["x"].tolist() for features, _ in first_step] == [[0, 1], [2, 3, 4], [5, 6, 7]]
    assert [labels.tolist() for _, labels in first_step] == [[10, 11], [12, 13, 14], [15, 16, 17]]
    assert [(features["first_row"], features["global_rows"]) for features, _ in first_step] == [(0, 8), (2, 8), (5, 8)]
    assert [(features["x"].tolist(), labels.tolist()) for features, labels in second_step] == [([8], [18])] * REPLICAS
    assert [(features["first_row"], features["global_rows"]) for features, _ in second_step] == [(1, 1), (1, 1), (0, 1)]
