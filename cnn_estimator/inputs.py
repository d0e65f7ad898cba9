"""numpy arrays -> input_fn."""

import functools
import math
import secrets
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from cnn_estimator.data.augmentation import Augment
from cnn_estimator.tf1 import tf

_Choose = Callable[[int], np.ndarray]  # the number of a batch -> its rows' numbers
# the number of a batch, its rows' numbers, the share of these that is asked for -> those rows of each array
_Gather = Callable[[int, np.ndarray, slice], list[np.ndarray]]


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
) -> Callable[..., tf.data.Dataset]:
    """Returns an input_fn over arrays in memory, without a copy of them in its graph.

    Like tf.estimator.inputs.numpy_input_fn, but it shuffles the whole set, in an order that a seed repeats, and returns
    a tf.data.Dataset. Each epoch is every row once; its last batch is the remainder.

    The input_fn takes the `input_context` that Estimator passes under a strategy. Where that has several replicas, the
    dataset has an element for each of the worker's own, in turn: the replica's share of the batch that one device would
    get whole. Beside x, which has to be a dict then, are two int64 scalars: `first_row`, where the share begins in that
    batch, and `global_rows`, how many rows the batch has. A replica that gets none of a short batch's rows gets a row
    all the same, which must not count, with `first_row` equal to `global_rows`: not every operation takes no rows.

    Args:
      x: features, an array [N, ...] or a dict of them, as the model_fn takes them.
      y: labels, an array [N, ...], or None for features alone.
      batch_size: rows per batch, those of all replicas together.
      num_epochs: how many times to repeat the rows; None for ever.
      shuffle: whether each epoch has an order of its own; otherwise the rows come in the arrays' order.
      seed: determines the orders; None draws one.
      first_batch: how many batches to skip at the beginning: those that a resumed run has seen already.
      augment: changes a batch of x's first array, before `transform`, with random numbers that follow from the seed and
        the number of the batch.
      transform: what makes features of a batch of each of x's arrays, row by row: bytes into numbers, for example, so
        that the arrays may stay small.

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
    choose = _chooser(len(arrays[0]), batch_size=batch_size, shuffle=shuffle, seed=seed)
    transforms = [transform or _unchanged] * len(tf.nest.flatten(x)) + [_unchanged] * (y is not None)

    def gather(batch: int, chosen: np.ndarray, share: slice) -> list[np.ndarray]:
        first, *others = arrays
        own = chosen[share]
        # The whole batch is changed, so that a row is as on one device; the number 2 is of no other use.
        images = augment(first[chosen], np.random.default_rng((seed, batch, 2)))[share] if augment else first[own]
        taken = [images, *(array[own] for array in others)]
        return [function(rows) for function, rows in zip(transforms, taken, strict=True)]

    one_row = gather(0, np.array([0]), slice(1))

    def input_fn(input_context: tf.distribute.InputContext | None = None) -> tf.data.Dataset:
        take, own = _take_batches(structure, one_row, gather, choose), 1
        if input_context and input_context.num_replicas_in_sync > 1:
            own = input_context.num_replicas_in_sync // input_context.num_input_pipelines
            take = _take_shares(structure, one_row, gather, choose, input_context)
        total = np.iinfo(np.int64).max if num_epochs is None else num_epochs * batches * own
        dataset = tf.data.Dataset.range(first_batch * own, total).map(take).prefetch(2)
        # There is nothing to tune, and closing a session waits for the tuner's sleep to end: up to a minute.
        options = tf.data.Options()
        options.autotune.enabled = False
        return dataset.with_options(options)

    return input_fn


def _take_batches(
    structure: Any, one_row: list[np.ndarray], gather: _Gather, choose: _Choose
) -> Callable[[tf.Tensor], Any]:
    """Returns a function that takes the number of a batch, and returns the batch in the form of `structure`."""

    @tf.autograph.experimental.do_not_convert  # which takes 0.1 s, for nothing
    def take(batch: tf.Tensor) -> Any:
        tensors = tf.numpy_function(
            lambda batch: gather(int(batch), choose(int(batch)), slice(None)),
            [batch],
            [array.dtype for array in one_row],
        )
        return tf.nest.pack_sequence_as(structure, _with_shapes(tensors, one_row))

    return take


def _take_shares(
    structure: Any,
    one_row: list[np.ndarray],
    gather: _Gather,
    choose: _Choose,
    input_context: tf.distribute.InputContext,
) -> Callable[[tf.Tensor], Any]:
    """Returns a function that takes the number of a worker's element, and returns a replica's share of a batch."""
    features = structure[0] if isinstance(structure, tuple) else structure
    if not isinstance(features, Mapping):
        raise ValueError("x must be a dict under a strategy with several replicas: first_row and global_rows join it")
    replicas = input_context.num_replicas_in_sync
    own = replicas // input_context.num_input_pipelines
    first_replica = own * input_context.input_pipeline_id

    def gather_share(element: np.int64) -> list[Any]:
        batch, replica = divmod(int(element), own)
        chosen = choose(batch)
        rows = len(chosen)
        begin, end = ((first_replica + number) * rows // replicas for number in (replica, replica + 1))
        if begin == end:
            chosen, begin, end = np.append(chosen, chosen[0]), rows, rows + 1
        return [np.int64(begin), np.int64(rows), *gather(batch, chosen, slice(begin, end))]

    @tf.autograph.experimental.do_not_convert
    def take(element: tf.Tensor) -> Any:
        dtypes = [np.int64, np.int64, *(array.dtype for array in one_row)]
        first_row, global_rows, *tensors = tf.numpy_function(gather_share, [element], dtypes)
        for scalar in (first_row, global_rows):
            scalar.set_shape([])
        place = {"first_row": first_row, "global_rows": global_rows}
        packed = tf.nest.pack_sequence_as(structure, _with_shapes(tensors, one_row))
        return (packed[0] | place, packed[1]) if isinstance(packed, tuple) else packed | place

    return take


def _unchanged(array: np.ndarray) -> np.ndarray:
    return array


def _with_shapes(tensors: list[tf.Tensor], one_row: list[np.ndarray]) -> list[tf.Tensor]:
    for tensor, array in zip(tensors, one_row, strict=True):
        tensor.set_shape([None, *array.shape[1:]])
    return tensors


def _chooser(rows: int, *, batch_size: int, shuffle: bool, seed: int) -> _Choose:
    """Returns a function that takes the number of a batch, counted over all epochs, and returns its rows' numbers."""
    batches = math.ceil(rows / batch_size)  # per epoch

    @functools.lru_cache(maxsize=1)
    def order(epoch: int) -> np.ndarray:
        return np.random.default_rng((seed, epoch)).permutation(rows) if shuffle else np.arange(rows)

    def choose(batch: int) -> np.ndarray:
        epoch, position = divmod(batch, batches)
        return order(epoch)[position * batch_size : (position + 1) * batch_size]

    return choose
