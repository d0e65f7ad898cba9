"""A replica's share of each batch: its images, its dropout masks and its part of the loss.

Several replicas share the batch that one device would train on. Each replica draws the dropout masks of its rows in the
whole batch, and the sum of the replicas' losses is the loss of the whole batch.
"""

from collections.abc import Mapping
from typing import Any

from cnn_estimator import model
from cnn_estimator.data.datasets import SIDE
from cnn_estimator.distributed.placement import InputFn
from cnn_estimator.dropout import Dropout, rows_from
from cnn_estimator.errors import UserError
from cnn_estimator.networks import NETWORKS
from cnn_estimator.settings import Settings
from cnn_estimator.tf1 import tf

# Names of tensors in the training graph.
OWN_STOP_VOTE = "own_stop_vote"  # fed with 1 to ask all replicas to stop
STOP_VOTES = "stop_votes"  # how many replicas ask to stop, summed in a training step
STOP_VOTES_ALONE = "stop_votes_alone"  # the same sum without a training step


def input_fn(batches: InputFn) -> InputFn:
    """Returns an input_fn of each batch's shares for the replicas of this process, one after the other.

    The features get two int64 scalars: `first_row`, the row of the batch where the share begins, and `global_rows`, the
    number of rows of the batch. If a batch has too few rows, a replica without a row gets one that must not count, with
    first_row equal to global_rows, because some operations fail on no rows.

    Args:
      batches: an input_fn of (features, labels), features a dict.
    """

    def shares(input_context: tf.distribute.InputContext) -> tf.data.Dataset:
        replicas = input_context.num_replicas_in_sync
        local_replicas = replicas // input_context.num_input_pipelines
        first_replica = local_replicas * input_context.input_pipeline_id

        @tf.autograph.experimental.do_not_convert
        def split(features: Mapping[str, tf.Tensor], labels: tf.Tensor) -> tf.data.Dataset:
            local = tf.data.Dataset.range(first_replica, first_replica + local_replicas)
            return local.map(lambda replica: _share(features, labels, replica, replicas))

        return batches().flat_map(split).prefetch(2 * local_replicas)

    return shares


@tf.autograph.experimental.do_not_convert
def _share(
    features: Mapping[str, tf.Tensor], labels: tf.Tensor, replica: tf.Tensor, replicas: int
) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
    rows = tf.shape(labels, out_type=tf.int64)[0]
    begin = replica * rows // replicas
    end = (replica + 1) * rows // replicas
    empty = tf.equal(begin, end)
    first_row = tf.where_v2(empty, rows, begin)
    begin = tf.where_v2(empty, tf.zeros_like(begin), begin)
    end = tf.where_v2(empty, tf.ones_like(end), end)
    share = {name: values[begin:end] for name, values in features.items()}
    return share | {"first_row": first_row, "global_rows": rows}, labels[begin:end]


def model_fn(
    features: Mapping[str, tf.Tensor], labels: tf.Tensor, mode: str, params: Settings
) -> tf.estimator.EstimatorSpec:
    """model.model_fn for training on a share of each batch."""
    with rows_from(features["first_row"]):
        logits = NETWORKS[params.network](features["x"], Dropout(params.seed, training=True), params.classes)
    classes = tf.argmax(logits, axis=1, name=model.CLASSES)
    tf.nn.softmax(logits, name=model.PROBABILITIES)

    rows = tf.cast(features["global_rows"], tf.float32)
    counts = tf.cast(features["first_row"] < features["global_rows"], tf.float32)
    # With this reduction Estimator adds up the losses of the replicas, and their gradients, as they are.
    loss = tf.losses.sparse_softmax_cross_entropy(labels, logits, counts, reduction=tf.losses.Reduction.SUM) / rows
    hits = tf.reduce_sum(tf.cast(tf.equal(tf.cast(labels, tf.int64), classes), tf.float32))
    own_vote = tf.placeholder_with_default(0.0, [], name=OWN_STOP_VOTE)
    batch_loss, batch_hits, votes = _sums_over_replicas(loss, counts * hits, own_vote)
    tf.identity(votes, name=STOP_VOTES)
    tf.identity(*_sums_over_replicas(own_vote), name=STOP_VOTES_ALONE)
    model.name_batch_metrics(batch_loss, batch_hits / rows)
    return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=model.train_op(loss, params))


def check_network(settings: Settings) -> None:
    """Raises UserError if the network has batch normalization, which would have other statistics for each share."""
    with tf.Graph().as_default():
        images = tf.placeholder(tf.float32, [None, SIDE, SIDE])
        NETWORKS[settings.network](images, Dropout(settings.seed, training=True), settings.classes)
        if tf.get_collection(tf.GraphKeys.UPDATE_OPS):
            raise UserError(
                f"network {settings.network} has batch normalization, which would differ between the parts of a batch",
                "train on one device, without {strategy}",
            )


def _sums_over_replicas(*values: tf.Tensor) -> list[tf.Tensor]:
    """Returns the sum of each float32 scalar over all replicas, by one exchange between them."""

    def add_up(strategy: tf.distribute.Strategy, replica_values: Any) -> tf.Tensor:
        return strategy.reduce(tf.distribute.ReduceOp.SUM, replica_values, axis=None)

    sums = tf.distribute.get_replica_context().merge_call(add_up, args=(tf.stack(values),))
    return tf.unstack(sums, num=len(values))
