"""numpy arrays -> input_fn."""

import functools
import math

import numpy as np

from cnn_estimator.tf1 import tf


def numpy_input_fn(x, y, *, batch_size, num_epochs, shuffle, seed=None, first_batch=0):
    """Returns an input_fn over arrays in memory, whose graph holds no copy of them.

    Like tf.estimator.inputs.numpy_input_fn, but with a shuffle over the whole set, which a seed repeats, and as a
    tf.data.Dataset. Each epoch is every row once; its last batch is the remainder.

    Args:
      x: features, an array [N, ...] or a dict of them, as the model_fn takes them.
      y: labels, an array [N, ...], or None for features alone.
      batch_size: rows a batch.
      num_epochs: how often to go through the rows; None for ever.
      shuffle: whether each epoch has an order of its own; otherwise rows come as they lie.
      seed: an int that the orders follow from; None draws one.
      first_batch: how many batches to leave out at the beginning: those that a run has seen before it was resumed.

    Raises:
      ValueError: the arrays differ in length, or are empty.
    """
    structure = x if y is None else (x, y)
    arrays = [np.asarray(array) for array in tf.nest.flatten(structure)]
    lengths = {len(array) for array in arrays}
    if len(lengths) != 1 or 0 in lengths:
        raise ValueError(f"x and y must have the same number of rows, at least one: they have {sorted(lengths)}")
    rows = lengths.pop()
    batches = math.ceil(rows / batch_size)  # an epoch
    seed = np.random.SeedSequence().entropy if seed is None else seed

    @functools.lru_cache(maxsize=1)
    def order(epoch):
        return np.random.default_rng((seed, epoch)).permutation(rows) if shuffle else np.arange(rows)

    def gather(batch):
        epoch, position = divmod(int(batch), batches)
        chosen = order(epoch)[position * batch_size : (position + 1) * batch_size]
        return [array[chosen] for array in arrays]

    def take(batch):
        tensors = tf.numpy_function(gather, [batch], [array.dtype for array in arrays])
        for tensor, array in zip(tensors, arrays, strict=True):
            tensor.set_shape([None, *array.shape[1:]])
        return tf.nest.pack_sequence_as(structure, tensors)

    def input_fn():
        total = np.iinfo(np.int64).max if num_epochs is None else num_epochs * batches
        dataset = tf.data.Dataset.range(first_batch, total).map(take).prefetch(2)
        # There is nothing to tune here, and a session that closes waits out the tuner's sleep: up to a minute.
        options = tf.data.Options()
        options.autotune.enabled = False
        return dataset.with_options(options)

    return input_fn
