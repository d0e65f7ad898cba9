"""The model_fn that Estimator trains, evaluates and predicts with, its optimizer and its learning rate."""

import dataclasses
import math
from collections.abc import Mapping

import numpy as np

from cnn_estimator.dropout import Dropout
from cnn_estimator.networks import NETWORKS
from cnn_estimator.settings import Settings
from cnn_estimator.tf1 import tf

# Names of tensors in the training graph, for its hooks. They are not `loss` and `accuracy`: TensorBoard's curves have
# these names, and TensorFlow names a curve after an operation.
BATCH_LOSS = "batch_loss"
BATCH_ACCURACY = "batch_accuracy"
# Names of tensors in every graph.
CLASSES = "classes"
PROBABILITIES = "softmax_tensor"

_ONE_CYCLE_WARMUP_FRACTION = 0.3  # of the steps, where the settings name no warm-up


def _line(progress: tf.Tensor) -> tf.Tensor:
    return 1 - progress


def _cosine(progress: tf.Tensor) -> tf.Tensor:
    return (1 + tf.cos(math.pi * progress)) / 2


# {settings.SCHEDULES that fall: the fraction of the peak that is left}, as functions of progress in 0..1.
_FALLS = {"linear": _line, "cosine": _cosine, "one_cycle": _cosine}


@dataclasses.dataclass(frozen=True)
class Predictions:
    """The predictions for N images. classes: int64 [N], from 0. probabilities: float32 [N, number of classes]."""

    classes: np.ndarray
    probabilities: np.ndarray


def model_fn(
    features: Mapping[str, tf.Tensor], labels: tf.Tensor | None, mode: str, params: Settings
) -> tf.estimator.EstimatorSpec:
    """Builds the graph of the network params.network for one mode, as an EstimatorSpec.

    Args:
      features: {"x": images}, images float32 [B, 28, 28] in 0..1.
      labels: int32 [B], classes from 0; None for predictions.
      mode: a tf.estimator.ModeKeys.
      params: the settings of the run.

    Returns:
      An EstimatorSpec with the predictions `classes`, int64 [B], and `probabilities`, float32 [B, params.classes].
    """
    dropout = Dropout(params.seed, training=mode == tf.estimator.ModeKeys.TRAIN)
    logits = NETWORKS[params.network](features["x"], dropout, params.classes)
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
            scaffold=tf.train.Scaffold(saver=tf.train.Saver(evaluated_variables(params))),
            eval_metric_ops={
                "accuracy": tf.metrics.accuracy(labels, predictions["classes"]),
                # Estimator's own `loss` is the mean over batches, which gives a short last batch too much weight.
                "average_loss": tf.metrics.mean(loss, weights=tf.size(labels)),
            },
        )

    hits = tf.equal(tf.cast(labels, tf.int64), predictions["classes"])
    name_batch_metrics(loss, tf.reduce_mean(tf.cast(hits, tf.float32)))
    return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=train_op(loss, params))


def name_batch_metrics(loss: tf.Tensor, accuracy: tf.Tensor) -> None:
    """Names the loss and the accuracy of a batch for hooks.LogTensors, and writes the accuracy for TensorBoard."""
    tf.identity(loss, name=BATCH_LOSS)
    tf.summary.scalar("accuracy", tf.identity(accuracy, name=BATCH_ACCURACY))


def train_op(loss: tf.Tensor, params: Settings) -> tf.Operation:
    """Returns the operation of one training step with the learning rate that params names for it."""
    rate = learning_rate(params)
    tf.summary.scalar("learning_rate", rate)
    return minimize(loss, rate, params)


def minimize(loss: tf.Tensor, rate: tf.Tensor | float, params: Settings) -> tf.Operation:
    """Returns the operation of one training step.

    It lowers the loss, updates what layers such as batch normalization keep, and updates the weights' moving averages.
    """
    optimizer = make_optimizer(rate, params)
    global_step = tf.train.get_global_step()
    updates = tf.get_collection(tf.GraphKeys.UPDATE_OPS)
    if not params.average_decay:
        with tf.control_dependencies(updates):
            return optimizer.minimize(loss, global_step=global_step)
    steps = tf.cast(global_step, tf.float32) + 1  # lowers the decay early in a run
    with tf.control_dependencies([steps, *updates]):  # the step is read before it is increased
        minimize = optimizer.minimize(loss, global_step=global_step)
    with tf.control_dependencies([minimize]):
        averages = tf.train.ExponentialMovingAverage(params.average_decay, num_updates=steps)
        return averages.apply(tf.trainable_variables())


def make_optimizer(rate: tf.Tensor | float, params: Settings) -> tf.train.Optimizer:
    """Returns the optimizer that params.optimizer names, one of settings.OPTIMIZERS."""
    if params.optimizer == "adam":
        return tf.train.AdamOptimizer(rate, beta2=params.adam_beta2)
    if params.optimizer == "momentum":
        return tf.train.MomentumOptimizer(rate, momentum=0.9)
    if params.optimizer == "sgd":
        return tf.train.GradientDescentOptimizer(rate)
    raise ValueError(f"optimizer {params.optimizer!r} is not implemented")


def learning_rate(params: Settings) -> tf.Tensor | float:
    """Returns the learning rate of the next step: a float32 tensor, or a float where it is constant.

    The rate rises linearly during the warm-up, and reaches params.learning_rate one step later. Then it is constant, or
    falls as params.schedule says, one of settings.SCHEDULES, to 0 at the global step params.schedule_steps.
    """
    warmup_steps = params.warmup_steps
    if params.schedule == "one_cycle" and params.schedule_steps and not warmup_steps:
        warmup_steps = round(_ONE_CYCLE_WARMUP_FRACTION * params.schedule_steps)
    if not warmup_steps and not params.falls_to_zero:
        return params.learning_rate
    step = tf.cast(tf.train.get_or_create_global_step(), tf.float64)  # float32 is exact only up to 16 million
    rate = params.learning_rate * tf.minimum((step + 1) / (warmup_steps + 1), 1)
    if params.falls_to_zero:
        assert params.schedule_steps is not None
        begin = min(warmup_steps, params.schedule_steps - 1)  # the schedule may end during the warm-up
        progress = tf.clip_by_value((step - begin) / (params.schedule_steps - begin), 0, 1)
        rate *= _FALLS[params.schedule](progress)
    return tf.cast(rate, tf.float32)


def evaluated_variables(params: Settings) -> dict[str, tf.Variable]:
    """Returns {name in a checkpoint: variable of the current graph} for what evaluation and prediction restore.

    Where a run averages its weights, the averages are restored into the weights.
    """
    if params.average_decay:
        averages = tf.train.ExponentialMovingAverage(params.average_decay)
        return dict(averages.variables_to_restore(tf.trainable_variables()))
    return {variable.op.name: variable for variable in tf.global_variables()}


def variables(params: Settings, mode: str) -> dict[str, tuple[str, list[int]]]:
    """Returns {name: (dtype's name, shape)} of the variables that a checkpoint must have for a mode."""
    with tf.Graph().as_default():
        tf.train.create_global_step()
        images = tf.placeholder(tf.float32, [None, 28, 28])
        labels = tf.placeholder(tf.int32, [None])
        model_fn({"x": images}, labels, mode, params)
        named = {variable.op.name: variable for variable in tf.global_variables()}
        if mode != tf.estimator.ModeKeys.TRAIN:
            named |= evaluated_variables(params)
        return {name: (variable.dtype.base_dtype.name, variable.shape.as_list()) for name, variable in named.items()}
