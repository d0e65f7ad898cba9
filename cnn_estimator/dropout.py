"""Dropout whose masks repeat: they follow from the seed, the layer, the global step and the row alone.

The operation behind tf.layers.dropout starts its sequence of masks again in every session, so that a resumed run would
draw other masks than a run that was never stopped.
"""

import contextlib
import contextvars
import math
import zlib
from collections.abc import Iterator

from cnn_estimator.tf1 import tf

_PHILOX = 1  # TensorFlow's number for this generator of random numbers
_PHILOX_VALUES_PER_COUNT = 4  # float32 values

_first_row: contextvars.ContextVar[tf.Tensor | None] = contextvars.ContextVar("first_row", default=None)


@contextlib.contextmanager
def rows_from(first_row: tf.Tensor) -> Iterator[None]:
    """Makes the Dropout in this context draw the masks of a part of a larger batch, as distributed/shares.py needs it.

    Args:
      first_row: where the part begins in that batch, an int64 scalar.
    """
    token = _first_row.set(first_row)
    try:
        yield
    finally:
        _first_row.reset(token)


class Dropout:
    """The dropout of one network: `x = dropout(x, 0.4)` is a layer that drops 0.4 of its inputs while training.

    Args:
      seed: determines the masks.
      training: whether anything is dropped.

    Attributes:
      training: for layers that do something else while training: `tf.layers.batch_normalization(x, training=…)`.
    """

    def __init__(self, seed: int, training: bool) -> None:
        self._seed = seed
        self.training = training
        self._layers = 0

    def __call__(self, x: tf.Tensor, rate: float) -> tf.Tensor:
        """Returns x, float32 [B, ...], with the fraction `rate` of its values set to 0 and the others scaled up."""
        self._layers += 1
        with tf.name_scope("dropout"):
            if not self.training:
                return tf.identity(x)
            layer = (self._seed << 32) + zlib.crc32(f"dropout_{self._layers}".encode())
            step = tf.cast(tf.train.get_or_create_global_step(), tf.int64)
            seed = tf.stack([layer, step])
            first_row = _first_row.get()
            if first_row is None:
                return tf.nn.experimental.stateless_dropout(x, rate, seed=seed)
            kept = _uniform(x, seed, first_row) >= rate
            return tf.where_v2(kept, x * (1 / (1 - rate)), 0.0)


def _uniform(x: tf.Tensor, seed: tf.Tensor, first_row: tf.Tensor) -> tf.Tensor:
    """Returns the random numbers that stateless_dropout draws for these rows where they are part of a larger batch."""
    values_per_row = math.prod(x.shape[1:])
    if values_per_row % _PHILOX_VALUES_PER_COUNT:
        raise ValueError(
            f"rows of {values_per_row} values: to begin within a batch they need a multiple of "
            f"{_PHILOX_VALUES_PER_COUNT}"
        )
    key, counter = tf.raw_ops.StatelessRandomGetKeyCounter(seed=seed)
    # TensorFlow draws with Philox on CPUs and GPUs. The first of the counter's two words is 0 before a batch.
    count = tf.cast(first_row, tf.int64) * (values_per_row // _PHILOX_VALUES_PER_COUNT)
    counter += tf.cast(tf.stack([count, 0]), tf.uint64)
    return tf.raw_ops.StatelessRandomUniformV2(shape=tf.shape(x), key=key, counter=counter, alg=_PHILOX, dtype=x.dtype)
