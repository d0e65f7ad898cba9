"""Reads arrays for the estimators of tf.contrib.learn, in the order and with the types of TensorFlow 1.15."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf  # type: ignore[import-untyped]

from cnn_estimator.tf1.contrib import _feature_columns

_SEED = 42  # TensorFlow 1.15 shuffles with this seed in each call of fit


def _column(values: Any) -> np.ndarray:
    """Returns a feature of a dict as an array with at least two axes."""
    values = np.asarray(values)
    return values[:, np.newaxis] if values.ndim == 1 else values


def _features(x: Any) -> Any:
    return {name: _column(values) for name, values in x.items()} if isinstance(x, dict) else np.asarray(x)


def _labels(y: Any) -> Any:
    if isinstance(y, dict):
        return {name: _labels(values) for name, values in y.items()}
    y = np.asarray(y)
    y = y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y
    return y.astype(np.int64) if y.dtype.kind in "iu" else y


def input_fn(x: Any, y: Any = None, batch_size: int | None = None, *, train: bool) -> Callable:
    """Returns an input_fn that reads arrays [N, …], or dicts of arrays.

    Args:
      y: labels, or None for prediction.
      batch_size: None: all examples in one batch. The last batch of an epoch may be smaller.
      train: if True, shuffle and repeat without end.

    Raises:
      ValueError: there are no examples, or x and y have different lengths.
    """
    arrays = (_features(x),) if y is None else (_features(x), _labels(y))
    flat = tf.nest.flatten(arrays)
    count = len(flat[0])
    if not count or any(len(array) != count for array in flat):
        raise ValueError(f"x and y must have the same number of examples, at least 1: {[len(array) for array in flat]}")
    size = min(batch_size or count, count)

    def batches() -> Iterator:
        order = np.random.RandomState(_SEED)
        while True:
            rows = order.permutation(count) if train else np.arange(count)
            for start in range(0, count, size):
                yield tf.nest.map_structure(lambda array: array[rows[start : start + size]], arrays)  # noqa: B023
            if not train:
                return

    def read() -> Any:
        types = tf.nest.map_structure(lambda array: tf.as_dtype(array.dtype), arrays)
        shapes = tf.nest.map_structure(lambda array: tf.TensorShape([None, *array.shape[1:]]), arrays)
        dataset = tf.data.Dataset.from_generator(batches, types, shapes)
        return dataset if y is not None else dataset.map(lambda features: features)

    return read


def infer_real_valued_columns_from_input(x: Any) -> list:
    """Returns a real-valued column for each array [N, …] of the dict x. A single array x has the name ""."""
    with tf.Graph().as_default():
        tensors = tf.nest.map_structure(lambda array: tf.zeros([0, *array.shape[1:]], array.dtype), _features(x))
        return _feature_columns.infer_real_valued_columns(tensors)


def infer_real_valued_columns_from_input_fn(input_fn: Callable) -> list:
    """Returns a real-valued column for each feature that an input_fn returns."""
    with tf.Graph().as_default():
        return _feature_columns.infer_real_valued_columns(as_tensors(input_fn())[0])


def as_tensors(data: Any) -> tuple[Any, Any]:
    """Returns the result of an input_fn as tensors (features, labels). labels may be None."""
    if isinstance(data, tf.data.Dataset):
        data = tf.data.make_one_shot_iterator(data).get_next()
    return data if isinstance(data, tuple) else (data, None)
