"""model_fn, which Estimator trains, evaluates and predicts with."""

import dataclasses
from collections.abc import Mapping

import numpy as np

from cnn_estimator import schedules
from cnn_estimator.networks import NETWORKS
from cnn_estimator.settings import Settings
from cnn_estimator.tf1 import tf

# Tensors of the training graph, for its hooks. The names `loss` and `accuracy` are in use: a summary's tag is the name
# of its op.
BATCH_LOSS = "batch_loss"
BATCH_ACCURACY = "batch_accuracy"
REACHED_STEP = "reached_step"  # of a task among several that add to the global step
# Of replicas that train in step: 1 to ask all of them to stop, and how many ask, in this step or without one.
OWN_STOP_VOTE = "own_stop_vote"
STOP_VOTES = "stop_votes"
STOP_VOTES_ALONE = "stop_votes_alone"
# Tensors of every graph.
CLASSES = "classes"
PROBABILITIES = "softmax_tensor"


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
      features: {"x": images}, images float32 [B, 28, 28] in 0..1. Where they are a replica's share of a batch, also
        `first_row` and `global_rows`, see inputs.numpy_input_fn.
      labels: int32 [B], classes 0 to 9; None for predictions.
      mode: a tf.estimator.ModeKeys.
      params: the settings of the run.

    Returns:
      An EstimatorSpec with the predictions `classes`, int64 [B], and `probabilities`, float32 [B, 10].
    """
    training = mode == tf.estimator.ModeKeys.TRAIN
    logits = NETWORKS[params.network](features["x"], training, params.seed, features.get("first_row", 0))
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
            scaffold=_restoring_averages(params) if params.average_decay else None,
            eval_metric_ops={
                "accuracy": tf.metrics.accuracy(labels, predictions["classes"]),
                # Estimator's own `loss` is the mean over batches, which gives a short last batch too much weight.
                "average_loss": tf.metrics.mean(loss, weights=tf.size(labels)),
            },
        )

    hits = tf.cast(tf.equal(tf.cast(labels, tf.int64), predictions["classes"]), tf.float32)
    batch_loss, accuracy = loss, tf.reduce_mean(hits)
    if "global_rows" in features:
        rows = tf.cast(features["global_rows"], tf.float32)
        # With this reduction Estimator adds up the losses of the replicas, and their gradients, as they are.
        counts = tf.cast(features["first_row"] < features["global_rows"], tf.float32)
        loss = tf.losses.sparse_softmax_cross_entropy(labels, logits, counts, reduction=tf.losses.Reduction.SUM) / rows
        own_vote = tf.placeholder_with_default(0.0, [], name=OWN_STOP_VOTE)
        batch_loss, all_hits, votes = _sums_over_replicas(loss, counts * tf.reduce_sum(hits), own_vote)
        tf.identity(votes, name=STOP_VOTES)
        tf.identity(*_sums_over_replicas(own_vote), name=STOP_VOTES_ALONE)
        accuracy = all_hits / rows
    tf.identity(batch_loss, name=BATCH_LOSS)
    tf.summary.scalar("accuracy", tf.identity(accuracy, name=BATCH_ACCURACY))
    return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=_train_op(loss, params))


def _train_op(loss: tf.Tensor, params: Settings) -> tf.Operation:
    learning_rate = schedules.learning_rate(params)
    tf.summary.scalar("learning_rate", learning_rate)
    optimizer, global_step = _optimizer(learning_rate, params), tf.train.get_global_step()
    if not params.average_decay:
        return optimizer.minimize(loss, global_step=global_step)
    steps = tf.cast(global_step, tf.float32) + 1  # early in a run the averages are over few of them
    with tf.control_dependencies([steps]):  # which is read before it is increased
        train_op = optimizer.minimize(loss, global_step=global_step)
    with tf.control_dependencies([train_op]):
        averages = tf.train.ExponentialMovingAverage(params.average_decay, num_updates=steps)
        return averages.apply(tf.trainable_variables())


def _optimizer(learning_rate: tf.Tensor | float, params: Settings) -> tf.train.Optimizer:
    if params.optimizer == "adam":
        return tf.train.AdamOptimizer(learning_rate, beta2=params.adam_beta2)
    if params.optimizer == "momentum":
        return tf.train.MomentumOptimizer(learning_rate, momentum=0.9)
    return tf.train.GradientDescentOptimizer(learning_rate)


def evaluated_variables(params: Settings) -> dict[str, tf.Variable]:
    """Returns {name in a checkpoint: variable of the current graph} of what evaluation and prediction restore.

    Where a run averages its weights, the averages are restored into the weights.
    """
    if params.average_decay:
        averages = tf.train.ExponentialMovingAverage(params.average_decay)
        return dict(averages.variables_to_restore(tf.trainable_variables()))
    return {variable.op.name: variable for variable in tf.global_variables()}


def _restoring_averages(params: Settings) -> tf.train.Scaffold:
    return tf.train.Scaffold(saver=tf.train.Saver(evaluated_variables(params)))


def _sums_over_replicas(*values: tf.Tensor) -> list[tf.Tensor]:
    """Returns the sum of each float32 scalar over all replicas of the strategy, by one exchange between them."""

    def add_up(strategy: tf.distribute.Strategy, replicas_values: tf.Tensor) -> tf.Tensor:
        return strategy.reduce(tf.distribute.ReduceOp.SUM, replicas_values, axis=None)

    sums = tf.distribute.get_replica_context().merge_call(add_up, args=(tf.stack(values),))
    return tf.unstack(sums, num=len(values))


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
