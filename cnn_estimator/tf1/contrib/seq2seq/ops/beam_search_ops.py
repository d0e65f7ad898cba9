"""Follows the beams of a beam search back to their start. T is the number of steps, B the batch size."""

from typing import Any

import tensorflow.compat.v1 as tf  # type: ignore[import-untyped]


def gather_tree(
    step_ids: Any, parent_ids: Any, max_sequence_lengths: Any, end_token: Any, name: str | None = None
) -> Any:
    """Returns the ids [T, B, width] of the beams that are alive at the last step.

    Args:
      step_ids: int32 [T, B, width], the ids that each step chose.
      parent_ids: int32 [T, B, width], the beams of the step before that each step continued.
      max_sequence_lengths: [B]. Steps behind it have the end token.
      end_token: every id behind the first end token is the end token too.
    """
    with tf.name_scope(name, "GatherTree"):
        step_ids = tf.convert_to_tensor(step_ids)
        parent_ids = tf.convert_to_tensor(parent_ids)
        steps = tf.shape(step_ids)[0]
        times = tf.range(steps)
        lengths = tf.minimum(tf.cast(max_sequence_lengths, tf.int32), steps)
        follows = (times[:, tf.newaxis] < lengths - 1)[:, :, tf.newaxis]
        later_parents = tf.concat([parent_ids[1:], tf.zeros_like(parent_ids[:1])], 0)
        own = tf.zeros_like(step_ids[0]) + tf.range(tf.shape(step_ids)[2])

        def earlier(beams: Any, row: Any) -> Any:
            parents, follow = row
            return tf.where_v2(follow, tf.gather(tf.where_v2(follow, parents, own), beams, batch_dims=1), own)

        beams = tf.scan(earlier, (later_parents, follows), own, reverse=True)
        ids = tf.gather(step_ids, beams, batch_dims=2)
        ids = tf.where_v2((times[:, tf.newaxis] < lengths)[:, :, tf.newaxis], ids, end_token)
        ended = tf.cumsum(tf.cast(tf.equal(ids, end_token), tf.int32), exclusive=True) > 0
        return tf.where_v2(ended, end_token, ids)
