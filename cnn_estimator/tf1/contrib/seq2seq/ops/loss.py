"""The loss of sequences."""

from collections.abc import Callable
from typing import Any

import tensorflow.compat.v1 as tf  # type: ignore[import-untyped]


def sequence_loss(
    logits: Any,
    targets: Any,
    weights: Any,
    average_across_timesteps: bool = True,
    average_across_batch: bool = True,
    sum_over_timesteps: bool = False,
    sum_over_batch: bool = False,
    softmax_loss_function: Callable | None = None,
    name: str | None = None,
) -> Any:
    """Returns the weighted cross-entropy of logits [B, T, classes] and targets [B, T].

    Args:
      weights: [B, T].
      average_across_timesteps, average_across_batch: sum over the axis, and divide by the sum of the weights.
      sum_over_timesteps, sum_over_batch: sum over the axis, and divide by the number of weights that are not 0.
      softmax_loss_function: takes labels [B * T] and logits [B * T, classes].
    """
    if [len(tensor.shape) for tensor in (logits, targets, weights)] != [3, 2, 2]:
        raise ValueError("the loss needs logits [B, T, classes], targets [B, T] and weights [B, T]")
    if (average_across_timesteps and sum_over_timesteps) or (average_across_batch and sum_over_batch):
        raise ValueError("an axis can be averaged or summed, not both: set average_across_… or sum_over_… to False")
    with tf.name_scope(name, "sequence_loss", [logits, targets, weights]):
        classes = tf.shape(logits)[2]
        loss = (softmax_loss_function or tf.nn.sparse_softmax_cross_entropy_with_logits)(
            labels=tf.reshape(targets, [-1]), logits=tf.reshape(logits, [-1, classes])
        )
        weights = tf.convert_to_tensor(weights)
        loss = tf.reshape(loss, tf.shape(weights)) * weights
        averaged = _axes(average_across_batch, average_across_timesteps)
        if averaged:
            return tf.div_no_nan(tf.reduce_sum(loss, averaged), tf.reduce_sum(weights, averaged))
        summed = _axes(sum_over_batch, sum_over_timesteps)
        if summed:
            count = tf.cast(tf.count_nonzero(weights, summed), loss.dtype)
            return tf.div_no_nan(tf.reduce_sum(loss, summed), count)
        return loss


def _axes(batch: bool, time: bool) -> list[int]:
    return [axis for axis, chosen in ((0, batch), (1, time)) if chosen]
