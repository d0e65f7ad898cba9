"""model_fn, which Estimator trains, evaluates and predicts with."""

import dataclasses
import functools
from collections.abc import Mapping

import numpy as np

from cnn_estimator.networks import NETWORKS
from cnn_estimator.recipes import Settings
from cnn_estimator.tf1 import tf

# Tensors of the training graph, for its hooks. The names `loss` and `accuracy` are in use: a summary's tag is the name
# of its op.
BATCH_LOSS = "batch_loss"
BATCH_ACCURACY = "batch_accuracy"
# Tensors of every graph.
CLASSES = "classes"
PROBABILITIES = "softmax_tensor"

_OPTIMIZERS = {
    "adam": tf.train.AdamOptimizer,
    "sgd": tf.train.GradientDescentOptimizer,
    "momentum": functools.partial(tf.train.MomentumOptimizer, momentum=0.9),
}


@dataclasses.dataclass(frozen=True)
class Predictions:
    """The predictions for N images. classes: int64 [N], 0 to 9. probabilities: float32 [N, 10]."""

    classes: np.ndarray
    probabilities: np.ndarray


def model_fn(
    features: Mapping[str, tf.Tensor], labels: tf.Tensor | None, mode: str, params: Settings
) -> tf.estimator.EstimatorSpec:
    """Builds the graph of the network params.network for one mode, in Estimator's form.

    Args:
      features: {"x": images}, images float32 [B, 28, 28] in 0..1.
      labels: int32 [B], classes 0 to 9; None for predictions.
      mode: a tf.estimator.ModeKeys.
      params: the settings of the run.

    Returns:
      An EstimatorSpec with the predictions `classes`, int64 [B], and `probabilities`, float32 [B, 10].
    """
    training = mode == tf.estimator.ModeKeys.TRAIN
    logits = NETWORKS[params.network](features["x"], training, params.seed)
    predictions = {
        "classes": tf.argmax(logits, axis=1, name=CLASSES),
        "probabilities": tf.nn.softmax(logits, name=PROBABILITIES),
    }
    if mode == tf.estimator.ModeKeys.PREDICT:
        return tf.estimator.EstimatorSpec(mode, predictions=predictions)

    loss = tf.losses.sparse_softmax_cross_entropy(labels=labels, logits=logits)
    if mode == tf.estimator.ModeKeys.EVAL:
        return tf.estimator.EstimatorSpec(
            mode,
            predictions=predictions,
            loss=loss,
            eval_metric_ops={
                "accuracy": tf.metrics.accuracy(labels, predictions["classes"]),
                # Estimator's own `loss` is the mean over batches, which gives a short last batch too much weight.
                "average_loss": tf.metrics.mean(loss, weights=tf.size(labels)),
            },
        )

    tf.identity(loss, name=BATCH_LOSS)
    hits = tf.equal(tf.cast(labels, tf.int64), predictions["classes"])
    accuracy = tf.reduce_mean(tf.cast(hits, tf.float32), name=BATCH_ACCURACY)
    tf.summary.scalar("accuracy", accuracy)
    tf.summary.scalar("learning_rate", params.learning_rate)
    optimizer = _OPTIMIZERS[params.optimizer](params.learning_rate)
    train_op = optimizer.minimize(loss, global_step=tf.train.get_global_step())
    return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=train_op)


def variables(params: Settings, mode: str) -> dict[str, tuple[str, list[int]]]:
    """Returns {name: (dtype's name, shape)} of the variables that a checkpoint must have for a mode."""
    with tf.Graph().as_default():
        tf.train.create_global_step()
        images = tf.placeholder(tf.float32, [None, 28, 28])
        labels = tf.placeholder(tf.int32, [None])
        model_fn({"x": images}, labels, mode, params)
        return {
            variable.op.name: (variable.dtype.base_dtype.name, variable.shape.as_list())
            for variable in tf.global_variables()
        }
