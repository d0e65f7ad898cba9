"""tf.contrib.sparsemax: a softmax with exact zeros, and its loss."""

from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from cnn_estimator.tf1.unavailable import module_getattr


def sparsemax(logits: Any, name: str | None = None) -> tf.Tensor:
    """Returns the probabilities nearest to the logits [batch, classes]: max(logits - threshold, 0), with the sum 1.

    A row with an infinite or undefined sum is nan.
    """
    with tf.name_scope(name, "sparsemax", [logits]):
        logits = tf.convert_to_tensor(logits, name="logits")
        classes = tf.shape(logits)[1]
        descending, _ = tf.nn.top_k(logits, classes)
        sums = tf.cumsum(descending, axis=1)
        counts = tf.cast(tf.range(1, classes + 1), logits.dtype)
        support = tf.reduce_sum(tf.cast(1 + counts * descending > sums, tf.int32), 1)
        support_sum = tf.gather(sums, tf.maximum(support, 1) - 1, batch_dims=1)
        threshold = (support_sum - 1) / tf.cast(support, logits.dtype)
        result = tf.maximum(tf.cast(0, logits.dtype), logits - threshold[:, tf.newaxis])
        undefined = tf.equal(support, 0) | tf.is_nan(sums[:, -1])
        return tf.where(undefined, tf.fill(tf.shape(logits), tf.cast(np.nan, logits.dtype)), result)


def sparsemax_loss(logits: Any, sparsemax: Any, labels: Any, name: str | None = None) -> tf.Tensor:
    """Returns the loss [batch] whose gradient for the logits is sparsemax - labels.

    Args:
      sparsemax: the result of sparsemax for the logits.
      labels: probabilities, as the logits [batch, classes].
    """
    with tf.name_scope(name, "sparsemax_loss", [logits, sparsemax, labels]):
        logits = tf.convert_to_tensor(logits, name="logits")
        sparsemax = tf.convert_to_tensor(sparsemax, name="sparsemax")
        labels = tf.convert_to_tensor(labels, name="labels")
        zeros = tf.zeros_like(logits)
        # Infinite logits without a probability or a label count nothing: 0 * inf would be nan.
        chosen = (sparsemax > 0) | tf.is_nan(sparsemax)
        ignored = tf.equal(labels, 0) & tf.is_inf(logits)
        support = tf.where(chosen, sparsemax * (logits - 0.5 * sparsemax), zeros)
        target = tf.where(ignored, zeros, labels * (0.5 * labels - logits))
        return tf.reduce_sum(support + target, 1)


__getattr__ = module_getattr("tf.contrib.sparsemax", (), "use sparsemax and sparsemax_loss", names="")
