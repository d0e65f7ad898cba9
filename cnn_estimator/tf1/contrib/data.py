"""tf.contrib.data: tf.data.experimental, and older names that TensorFlow 1 replaced itself."""

from collections.abc import Callable
from typing import Any

import tensorflow.compat.v1 as tf

from cnn_estimator.tf1.contrib import _old_datasets
from cnn_estimator.tf1.unavailable import Unavailable, module_getattr

Transformation = Callable[[tf.data.Dataset], tf.data.Dataset]  # the argument of Dataset.apply

AUTOTUNE = tf.data.experimental.AUTOTUNE
reduce_dataset = Unavailable("tf.contrib.data.reduce_dataset", "use tf.data.Dataset.reduce")
LMDBDataset = Unavailable("tf.contrib.data.LMDBDataset", "use tf.data.Dataset.from_generator with the package lmdb")


def batch_and_drop_remainder(batch_size: Any) -> Transformation:
    """Makes batches, and drops a last smaller one."""
    return lambda dataset: dataset.batch(batch_size, drop_remainder=True)


def padded_batch_and_drop_remainder(batch_size: Any, padded_shapes: Any, padding_values: Any = None) -> Transformation:
    """Makes padded batches, and drops a last smaller one."""
    return lambda dataset: dataset.padded_batch(batch_size, padded_shapes, padding_values, drop_remainder=True)


def sloppy_interleave(map_func: Callable[..., Any], cycle_length: Any, block_length: Any = 1) -> Transformation:
    """Is parallel_interleave(sloppy=True), which does not keep the order."""
    return tf.data.experimental.parallel_interleave(map_func, cycle_length, block_length, sloppy=True)


def sliding_window_batch(
    window_size: Any, stride: Any = None, window_shift: Any = None, window_stride: Any = 1
) -> Transformation:
    """Makes batches of window_size elements, whose starts are window_shift apart. stride: old name of window_shift."""
    if stride is not None and window_shift is not None:
        raise ValueError("stride and window_shift are the same: give one of them")
    shift = stride if stride is not None else window_shift if window_shift is not None else 1

    def windows(dataset: tf.data.Dataset) -> tf.data.Dataset:
        nested = dataset.window(window_size, shift, window_stride, drop_remainder=True)
        return nested.flat_map(_batch_of(window_size))

    return windows


def _batch_of(size: Any) -> Callable[..., tf.data.Dataset]:
    """Returns a function that makes one batch of the datasets in a window, which are structured like the elements."""

    def batch(*window: Any) -> tf.data.Dataset:
        structure = window if len(window) > 1 else window[0]
        if isinstance(structure, tf.data.Dataset):
            return structure.batch(size, drop_remainder=True)
        return tf.data.Dataset.zip(structure).batch(size, drop_remainder=True)

    return batch


def read_batch_features(
    file_pattern: Any,
    batch_size: Any,
    features: dict[str, Any],
    reader: Any = tf.data.TFRecordDataset,
    reader_args: Any = None,
    randomize_input: bool = True,
    num_epochs: int | None = None,
    capacity: int = 10000,
) -> dict[str, Any]:
    """Returns the tensors of the next batch of parsed examples."""
    dataset = tf.data.experimental.make_batched_features_dataset(
        file_pattern,
        batch_size,
        features,
        reader=reader,
        reader_args=reader_args,
        shuffle=randomize_input,
        num_epochs=num_epochs,
        shuffle_buffer_size=capacity,
    )
    return tf.data.make_one_shot_iterator(dataset).get_next()


__getattr__ = module_getattr(
    "tf.contrib.data",
    (tf.data.experimental, _old_datasets, tf.data),
    "use tf.data",
    names="CheckpointInputPipelineHook assert_element_shape",
)
