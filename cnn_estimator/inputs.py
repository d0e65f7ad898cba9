"""Makes an input_fn from NumPy arrays."""

import functools
import math
import secrets
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from cnn_estimator.data.augmentation import Augment
from cnn_estimator.data.datasets import Split, scale
from cnn_estimator.settings import EVALUATION_BATCH_SIZE
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
    augment: Augment | None = None,
    transform: Callable[[np.ndarray], np.ndarray] | None = None,
) -> Callable[[], tf.data.Dataset]:
    """Returns an input_fn that reads arrays from memory; its graph holds no copy of them.

    Like tf.estimator.inputs.numpy_input_fn, but it shuffles the whole set, in an order that the seed determines, and
    returns a tf.data.Dataset. Each epoch has every row once, and its last batch may be smaller.

    Args:
      x: features, an array [N, ...] or a dict of arrays, as the model_fn takes them.
      y: labels, an array [N, ...], or None for features alone.
      batch_size: rows per batch.
      num_epochs: how many times to repeat the rows; None repeats them for ever.
      shuffle: whether to shuffle each epoch; if not, the rows keep the arrays' order.
      seed: determines the orders; None draws a seed.
      first_batch: how many batches to skip: those that a resumed run has already trained on.
      augment: changes a batch of x's first array, before `transform`, with random numbers that follow from the seed and
        the number of the batch.
      transform: a function applied to each batch of each array of x, for example to turn bytes into floats, so that the
        arrays stay small.

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
    rows = lengths.pop()
    batches_per_epoch = math.ceil(rows / batch_size)
    seed = secrets.randbits(128) if seed is None else seed
    features = len(tf.nest.flatten(x))

    @functools.lru_cache(maxsize=1)
    def order(epoch: int) -> np.ndarray:
        return np.random.default_rng((seed, epoch)).permutation(rows) if shuffle else np.arange(rows)

    def gather(batch: np.int64) -> list[np.ndarray]:
        """Returns batch number `batch` of each array, counted across epochs."""
        epoch, position = divmod(int(batch), batches_per_epoch)
        rows_of_batch = order(epoch)[position * batch_size : (position + 1) * batch_size]
        values = [array[rows_of_batch] for array in arrays]
        if augment:
            # The seeds are (seed, epoch) for an order, (seed, 0, 1) for held-out images, (seed, batch, 2) for these.
            values[0] = augment(values[0], np.random.default_rng((seed, int(batch), 2)))
        if transform:
            values[:features] = [transform(value) for value in values[:features]]
        return values

    first = gather(np.int64(0))

    @tf.autograph.experimental.do_not_convert  # converting takes 0.1 s, and changes nothing
    def load(batch: tf.Tensor) -> Any:
        tensors = tf.numpy_function(gather, [batch], [value.dtype for value in first])
        for tensor, value in zip(tensors, first, strict=True):
            tensor.set_shape([None, *value.shape[1:]])
        return tf.nest.pack_sequence_as(structure, tensors)

    def input_fn() -> tf.data.Dataset:
        end = np.iinfo(np.int64).max if num_epochs is None else num_epochs * batches_per_epoch
        dataset = tf.data.Dataset.range(first_batch, end).map(load).prefetch(2)
        # Autotuning helps nothing here, and delays the closing of a session by up to a minute.
        options = tf.data.Options()
        options.autotune.enabled = False
        return dataset.with_options(options)

    return input_fn


def evaluation_input_fn(images: Split, batch_size: int = EVALUATION_BATCH_SIZE) -> Callable[[], tf.data.Dataset]:
    """Returns the numpy_input_fn that evaluates model_fn on all images of a dataset, once and in order."""
    return numpy_input_fn(
        {"x": images.pixels}, images.labels, batch_size=batch_size, num_epochs=1, shuffle=False, transform=scale
    )
