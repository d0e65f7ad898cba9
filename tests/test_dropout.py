"""Dropout masks: their rate, and what they follow from."""

import numpy as np
import pytest

from cnn_estimator.dropout import Dropout, rows_from
from cnn_estimator.tf1 import tf

SHAPE = (200, 50)


def masks(rate, seed, steps, layers=1):
    """The outputs of dropout layers for ones, [step, layer, 200, 50], at each global step, in one new session."""
    with tf.Graph().as_default(), tf.Session() as session:
        global_step = tf.train.create_global_step()
        dropout = Dropout(seed, training=True)
        outputs = [dropout(tf.ones(SHAPE), rate) for _ in range(layers)]
        values = []
        for step in steps:
            session.run(global_step.assign(step))
            values.append(session.run(outputs))
        return np.array(values)


@pytest.mark.integration
def test_dropout_drops_at_its_rate_and_scales_the_rest():
    mask = masks(0.4, 7, [3])
    assert set(np.unique(mask)) == {0, np.float32(1) / np.float32(0.6)}
    assert np.mean(mask == 0) == pytest.approx(0.4, abs=0.02)


@pytest.mark.integration
def test_a_mask_follows_from_seed_layer_and_step():
    steps = [0, 1, 2**40]
    first = masks(0.4, 7, steps, layers=3)
    np.testing.assert_array_equal(first, masks(0.4, 7, steps, layers=3))
    # A session that starts at step 1, as a resumed run does, draws the masks of step 1.
    np.testing.assert_array_equal(first[1], masks(0.4, 7, [1], layers=3)[0])
    different = [*first.reshape(9, -1), *masks(0.4, 8, steps, layers=3).reshape(9, -1)]
    assert len({mask.tobytes() for mask in different}) == 18
    # Two independent masks drop the same value with probability 0.4 * 0.4.
    for number, mask in enumerate(different):
        for other in different[:number]:
            assert np.mean((mask == 0) & (other == 0)) == pytest.approx(0.16, abs=0.02)


def dropped(shape, first_row=None):
    """The output of a dropout layer for ones at global step 3, for a whole batch or a part of one."""
    with tf.Graph().as_default(), tf.Session() as session:
        step = tf.train.create_global_step()
        dropout = Dropout(2**31 - 1, training=True)
        if first_row is None:
            outputs = dropout(tf.ones(shape), 0.4)
        else:
            with rows_from(tf.constant(first_row, tf.int64)):
                outputs = dropout(tf.ones(shape), 0.4)
        session.run(step.assign(3))
        return session.run(outputs)


@pytest.mark.integration
@pytest.mark.parametrize("row", [(7, 7, 64), (3, 3, 128), (1024,)])  # the shapes in the networks
def test_a_part_of_a_batch_gets_the_masks_of_its_rows(row):
    """Also the last part, which has no rows."""
    parts = [dropped((rows, *row), first) for first, rows in [(0, 33), (33, 1), (34, 66), (100, 0)]]
    np.testing.assert_array_equal(np.concatenate(parts), dropped((100, *row)))


@pytest.mark.unit
def test_rows_that_cannot_begin_within_a_batch_are_refused():
    with pytest.raises(ValueError, match="rows of 6 values: to begin within a batch they need a multiple of 4"):
        dropped((5, 2, 3), first_row=1)
