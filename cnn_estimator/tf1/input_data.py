"""The functions by which TF 1 programs load MNIST and Fashion-MNIST.

Programs import them as tensorflow.examples.tutorials.mnist.input_data, tf.contrib.learn.datasets.mnist and
tf.keras.datasets. This package's datasets.load reads and verifies the files, and needs no network if it finds them on
the machine.
"""

import collections
import gzip
import logging
import os
from typing import BinaryIO

import numpy as np
import tensorflow.compat.v1 as tf  # type: ignore[import-untyped]

from cnn_estimator.data import datasets, idx

log = logging.getLogger("cnn_estimator")

DEFAULT_SOURCE_URL = SOURCE_URL = "https://storage.googleapis.com/cvdf-datasets/mnist/"
Datasets = collections.namedtuple("Datasets", ["train", "validation", "test"])

_FAKE_SIZE = 10000
_FAKE_LABEL = 0


class DataSet:
    """Images and labels in batches.

    Attributes:
      images: [N, rows * columns], or [N, rows, columns, depth] without reshape; uint8, or float32 in 0..1.
      labels: [N], or [N, classes] if the labels are one-hot.
      num_examples: N.
      epochs_completed: the number of epochs that next_batch() has completed.
    """

    def __init__(
        self,
        images: np.ndarray,
        labels: np.ndarray,
        fake_data: bool = False,
        one_hot: bool = False,
        dtype: object = tf.float32,
        reshape: bool = True,
        seed: int | None = None,
    ) -> None:
        """Seeds NumPy's global generator, as TF 1 did: with `seed`, else with the graph's seed, else at random.

        next_batch() shuffles with that generator.

        Args:
          images: uint8 [N, rows, columns, depth]; with reshape=True the depth must be 1.
          fake_data: True for a data set without images, of which only next_batch(fake_data=True) is used.
          one_hot: if True, the labels of next_batch(fake_data=True) are one-hot.
          dtype: tf.uint8, or tf.float32 to divide pixels by 255.

        Raises:
          TypeError: dtype is neither tf.uint8 nor tf.float32.
          ValueError: images and labels have different lengths, or images cannot be reshaped because the depth is not 1.
        """
        graph_seed, operation_seed = tf.get_seed(seed)
        np.random.seed(graph_seed if seed is None else operation_seed)
        dtype = tf.as_dtype(dtype).base_dtype
        if dtype not in (tf.uint8, tf.float32):
            raise TypeError(f"images can be tf.uint8 or tf.float32, not {dtype!r}")
        self.one_hot = one_hot
        if fake_data:
            self._num_examples = _FAKE_SIZE
        else:
            if len(images) != len(labels):
                raise ValueError(f"{len(images)} images, but {len(labels)} labels")
            self._num_examples = len(images)
            if reshape:
                if images.shape[3] != 1:
                    raise ValueError(f"images of depth {images.shape[3]} cannot be reshaped to rows, 1 is needed")
                images = images.reshape(len(images), images.shape[1] * images.shape[2])
            if dtype == tf.float32:
                images = np.multiply(images.astype(np.float32), np.float32(1 / 255))
        self._images = images
        self._labels = labels
        self._epochs_completed = 0
        self._next = 0

    @property
    def images(self) -> np.ndarray:
        return self._images

    @property
    def labels(self) -> np.ndarray:
        return self._labels

    @property
    def num_examples(self) -> int:
        return self._num_examples

    @property
    def epochs_completed(self) -> int:
        return self._epochs_completed

    def next_batch(self, batch_size: int, fake_data: bool = False, shuffle: bool = True) -> tuple:
        """Returns (images, labels) of the next batch.

        A batch that reaches the end of an epoch is filled from the next epoch. With shuffle=True each epoch has a new
        order. With fake_data=True the batch consists of constants.
        """
        if fake_data:
            label: object = [1] + [0] * 9 if self.one_hot else _FAKE_LABEL
            return [[1] * 784] * batch_size, [label] * batch_size
        if shuffle and self._epochs_completed == self._next == 0:
            self._shuffle()
        start = self._next
        end = start + batch_size
        if end <= self._num_examples:
            self._next = end
            return self._images[start:end], self._labels[start:end]
        self._epochs_completed += 1
        images = self._images[start:]
        labels = self._labels[start:]
        if shuffle:
            self._shuffle()
        self._next = end - self._num_examples
        return (
            np.concatenate((images, self._images[: self._next])),
            np.concatenate((labels, self._labels[: self._next])),
        )

    def _shuffle(self) -> None:
        order = np.arange(self._num_examples)
        np.random.shuffle(order)
        self._images = self._images[order]
        self._labels = self._labels[order]


def _read(train_dir: str | os.PathLike[str] | None, split: str, source_url: str = "") -> tuple[np.ndarray, np.ndarray]:
    """Returns uint8 images [N, 28, 28] and labels [N] of a split.

    Reads the IDX files in train_dir. If train_dir has none, reads the public Fashion-MNIST if source_url contains
    "fashion", and else the public MNIST.
    """
    names = [name + end for pair in datasets.SPLITS.values() for name in pair for end in ("", ".gz")]
    has_files = train_dir and any(os.path.isfile(os.path.join(train_dir, name)) for name in names)
    folder = train_dir if has_files else None
    public = "fashion_mnist" if "fashion" in (source_url or "").lower() else "mnist"
    data = datasets.load(public, split, folder)
    log.info("read %s %s images and labels from %s", len(data.labels), split, data.source)
    return data.pixels.copy(), data.labels.astype(np.uint8)


def read_data_sets(
    train_dir: str | os.PathLike[str] | None,
    fake_data: bool = False,
    one_hot: bool = False,
    dtype: object = tf.float32,
    reshape: bool = True,
    validation_size: int = 5000,
    seed: int | None = None,
    source_url: str = DEFAULT_SOURCE_URL,
) -> Datasets:
    """Returns three DataSets. The first validation_size training images are `validation`, the others are `train`.

    Args:
      train_dir: a folder of IDX files. If it has none, the public MNIST is read. Nothing is written to it.
      one_hot: if True, labels are float64 [N, 10] instead of uint8 [N].
      source_url: nothing is downloaded from there. A URL that contains "fashion" selects Fashion-MNIST.

    Raises:
      DatasetError: the data is damaged or cannot be found.
      ValueError: validation_size is negative or exceeds the number of training images.
    """
    if fake_data:
        empty = np.empty(0)
        fake = DataSet(empty, empty, fake_data=True, one_hot=one_hot, dtype=dtype, seed=seed)
        return Datasets(fake, fake, fake)
    train, test = (_read(train_dir, split, source_url) for split in ("train", "test"))
    if not 0 <= validation_size <= len(train[0]):
        raise ValueError(f"validation_size must be in 0..{len(train[0])}, not {validation_size}")
    sets = []
    for images, labels in (
        [part[validation_size:] for part in train],
        [part[:validation_size] for part in train],
        test,
    ):
        targets = dense_to_one_hot(labels, datasets.CLASSES) if one_hot else labels
        sets.append(DataSet(images[..., np.newaxis], targets, dtype=dtype, reshape=reshape, seed=seed))
    return Datasets(*sets)


def load_mnist(train_dir: str = "MNIST-data") -> Datasets:
    """Returns read_data_sets(train_dir)."""
    return read_data_sets(train_dir)


def dense_to_one_hot(labels_dense: np.ndarray, num_classes: int) -> np.ndarray:
    """Returns labels [N] as one-hot rows, float64 [N, num_classes]."""
    return np.eye(num_classes)[labels_dense]


def extract_images(f: BinaryIO) -> np.ndarray:
    """Returns the images of a gzipped IDX file, uint8 [N, 28, 28, 1]."""
    return idx.parse_images(gzip.decompress(f.read()), getattr(f, "name", "the file"))[..., np.newaxis]


def extract_labels(f: BinaryIO, one_hot: bool = False, num_classes: int = 10) -> np.ndarray:
    """Returns the labels of a gzipped IDX file: uint8 [N], or float64 [N, num_classes] with one_hot=True."""
    labels = idx.parse_labels(gzip.decompress(f.read()), getattr(f, "name", "the file"))
    return dense_to_one_hot(labels, num_classes) if one_hot else labels


def _keras_data(dataset: str) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    train, test = (_read(None, split, dataset) for split in ("train", "test"))
    return train, test


def load_mnist_arrays(path: str = "mnist.npz") -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Replaces tf.keras.datasets.mnist.load_data.

    Args:
      path: not used. Keras keeps its copy there.

    Returns:
      (train images, train labels), (test images, test labels): uint8 [N, 28, 28] and [N].
    """
    return _keras_data("mnist")


def load_fashion_mnist_arrays() -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Replaces tf.keras.datasets.fashion_mnist.load_data. Returns what load_mnist_arrays() returns."""
    return _keras_data("fashion_mnist")
