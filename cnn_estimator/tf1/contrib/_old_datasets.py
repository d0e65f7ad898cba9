"""tf.contrib.data.Dataset of TensorFlow 1.3: tf.data.Dataset with old names and arguments of methods."""

import functools
from collections.abc import Callable
from typing import Any

import tensorflow.compat.v1 as tf
from tensorflow.python.data.ops import dataset_ops


class Dataset(dataset_ops.DatasetV1Adapter):
    """A dataset with the methods of TensorFlow 1.3. Its methods return datasets of the same kind."""

    def map(
        self, map_func: Callable[..., Any], num_threads: Any = None, output_buffer_size: Any = None, **kwargs: Any
    ) -> "Dataset":
        """num_threads: number of parallel calls of map_func; output_buffer_size: number of elements to prefetch."""
        dataset = super().map(map_func, **{"num_parallel_calls": num_threads, **kwargs})
        return Dataset(dataset if output_buffer_size is None else dataset.prefetch(output_buffer_size))

    def dense_to_sparse_batch(self, batch_size: Any, row_shape: Any) -> "Dataset":
        return Dataset(self.apply(tf.data.experimental.dense_to_sparse_batch(batch_size, row_shape)))


def _old(make: Callable[..., tf.data.Dataset]) -> Callable[..., Dataset]:
    """Returns a function that calls another one and turns the dataset that it returns into an old Dataset."""
    return functools.wraps(make)(lambda *args, **kwargs: Dataset(make(*args, **kwargs)))


_METHODS = (
    "apply batch cache concatenate enumerate filter flat_map group_by_window ignore_errors interleave padded_batch "
    "prefetch repeat shard shuffle skip take unbatch"
)
for _name in _METHODS.split():
    setattr(Dataset, _name, _old(getattr(tf.data.Dataset, _name)))
for _name in ("from_tensors", "from_tensor_slices", "from_sparse_tensor_slices", "list_files", "range", "zip"):
    setattr(Dataset, _name, staticmethod(_old(getattr(tf.data.Dataset, _name))))

TextLineDataset = _old(tf.data.TextLineDataset)
TFRecordDataset = _old(tf.data.TFRecordDataset)
FixedLengthRecordDataset = _old(tf.data.FixedLengthRecordDataset)
