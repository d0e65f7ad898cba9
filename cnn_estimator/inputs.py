"""numpy arrays -> input_fn."""

import functools
import math
import secrets
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from cnn_estimator.tf1 import tf


def numpy_input_fn(
    x: np.ndarray | Mapping[str, np.ndarray],
    y: np.ndarray | None,
    *,
    batch_size: int,
    num_epochs: int | None,
    shuffle: bool,
    seed: int | None = None,
    first_batch: int = 0,
) -> Callable[[], tf.data.Dataset]:
    """Returns an input_fn over arrays in memory, without a copy of them in its graph.

    Like tf.estimator.inputs.numpy_input_fn, but it shuffles the whole set, in an order that a seed repeats, and returns
    a tf.data.Dataset. Each epoch is every row once; its last batch is the remainder.

    Args:
      x: features, an array [N, ...] or a dict of them, as the model_fn takes them.
      y: labels, an array [N, ...], or None for features alone.
      batch_size: rows per batch.
      num_epochs: how many times to repeat the rows; None for ever.
      shuffle: whether each epoch has an order of its own; otherwise the rows come in the arrays' order.
      seed: determines the orders; None draws one.
      first_batch: how many batches to skip at the beginning: those that a resumed run has seen already.

    Raises:
      ValueError: the arrays differ in length, or are empty; batch_size is not positive.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size {batch_size}: it must be at least 1")
    structure = x if y is None else (x, y)
    arrays = [np.asarray(array) for array in tf.nest.flatten(structure)]
    lengths = {len(array) for array in arrays}
    if len(lengths) != 1 or 0 in lengths:
        raise ValueError(f"x and y must have the same number of rows, at least one: they have {sorted(lengths)}")
    batches = math.ceil(lengths.pop() / batch_size)  # per epoch
    seed = secrets.randbits(128) if seed is None else seed
    gather = _gather(arrays, batch_size=batch_size, shuffle=shuffle, seed=seed)

    def take(batch: tf.Tensor) -> Any:
        tensors = tf.numpy_function(gather, [batch], [array.dtype for array in arrays])
        for tensor, array in zip(tensors, arrays, strict=True):
            tensor.set_shape([None, *array.shape[1:]])
        return tf.nest.pack_sequence_as(structure, tensors)

    def input_fn() -> tf.data.Dataset:
        total = np.iinfo(np.int64).max if num_epochs is None else num_epochs * batches
        dataset = tf.data.Dataset.range(first_batch, total).map(take).prefetch(2)
        # There is nothing to tune, and closing a session waits for the tuner's sleep to end: up to a minute.
        options = tf.data.Options()
        options.autotune.enabled = False
        return dataset.with_options(options)

    return input_fn


def _gather(
    arrays: list[np.ndarray], *, batch_size: int, shuffle: bool, seed: int
) -> Callable[[np.int64], list[np.ndarray]]:
    """Returns a function that takes the number of a batch, counted over all epochs, and returns its rows."""
    rows = len(arrays[0])
    batches = math.ceil(rows / batch_size)  # per epoch

    @functools.lru_cache(maxsize=1)
    def order(epoch: int) -> np.ndarray:
        return np.random.default_rng((seed, epoch)).permutation(rows) if shuffle else np.arange(rows)

    def gather(batch: np.int64) -> list[np.ndarray]:
        epoch, position = divmod(int(batch), batches)
        chosen = order(epoch)[position * batch_size : (position + 1) * batch_size]
        return [array[chosen] for array in arrays]

    return gather
