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

_Arrays = tuple[np.ndarray, np.ndarray]


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
          fake_data: must be False.
          one_hot: not used, as in TF 1 without fake data.
          dtype: tf.uint8, or tf.float32 to divide pixels by 255.

        Raises:
          TypeError: dtype is neither tf.uint8 nor tf.float32.
          ValueError: images and labels have different lengths, or images cannot be reshaped because the depth is not 1.
          NotImplementedError: fake_data is True.
        """
        _refuse_fake_data(fake_data)
        graph_seed, operation_seed = tf.get_seed(seed)
        np.random.seed(graph_seed if seed is None else operation_seed)
        dtype = tf.as_dtype(dtype).base_dtype
        if dtype not in (tf.uint8, tf.float32):
            raise TypeError(f"images can be tf.uint8 or tf.float32, not {dtype!r}")
        if len(images) != len(labels):
            raise ValueError(f"{len(images)} images, but {len(labels)} labels")
        if reshape:
            images = images.reshape(len(images), images.shape[1] * images.shape[2])
        if dtype == tf.float32:
            images = np.multiply(images.astype(np.float32), np.float32(1 / 255))
        self.images = images
        self.labels = labels
        self.num_examples = len(labels)
        self.epochs_completed = 0
        self._next = 0

    def next_batch(self, batch_size: int, fake_data: bool = False, shuffle: bool = True) -> tuple:
        """Returns (images, labels) of the next batch.

        A batch that reaches the end of an epoch is filled from the next epoch. With shuffle=True each epoch has a new
        order. fake_data must be False.
        """
        _refuse_fake_data(fake_data)
        if shuffle and self.epochs_completed == self._next == 0:
            self._shuffle()
        start = self._next
        end = start + batch_size
        if end <= self.num_examples:
            self._next = end
            return self.images[start:end], self.labels[start:end]
        self.epochs_completed += 1
        images = self.images[start:]
        labels = self.labels[start:]
        if shuffle:
            self._shuffle()
        self._next = end - self.num_examples
        images = np.concatenate((images, self.images[: self._next]))
        labels = np.concatenate((labels, self.labels[: self._next]))
        return images, labels

    def _shuffle(self) -> None:
        order = np.arange(self.num_examples)
        np.random.shuffle(order)
        self.images = self.images[order]
        self.labels = self.labels[order]


def _refuse_fake_data(fake_data: bool) -> None:
    if fake_data:
        raise NotImplementedError("fake_data=True is not available: feed random arrays")


def _read(train_dir: str | os.PathLike[str] | None, split: str, source_url: str = "") -> _Arrays:
    """Returns uint8 images [N, 28, 28] and labels [N] of a split.

    Reads the IDX files in train_dir. If train_dir has none, reads the public Fashion-MNIST if source_url contains
    "fashion", and else the public MNIST.
    """
    names = [name + end for pair in datasets.SPLITS.values() for name in pair for end in ("", ".gz")]
    has_files = train_dir and any(os.path.isfile(os.path.join(train_dir, name)) for name in names)
    folder = train_dir if has_files else None
    public = "fashion_mnist" if "fashion" in (source_url or "").lower() else "mnist"
    data = datasets.load(public, split, folder)
    if len(data.class_names) != datasets.CLASSES:
        raise idx.DatasetError(f"{data.source} has {len(data.class_names)} classes, not {datasets.CLASSES}")
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
      NotImplementedError: fake_data is True.
    """
    _refuse_fake_data(fake_data)
    images, labels = _read(train_dir, "train", source_url)
    test_images, test_labels = _read(train_dir, "test", source_url)
    if not 0 <= validation_size <= len(images):
        raise ValueError(f"validation_size must be in 0..{len(images)}, not {validation_size}")

    def data_set(images: np.ndarray, labels: np.ndarray) -> DataSet:
        targets = dense_to_one_hot(labels, datasets.CLASSES) if one_hot else labels
        return DataSet(images[..., np.newaxis], targets, dtype=dtype, reshape=reshape, seed=seed)

    return Datasets(
        train=data_set(images[validation_size:], labels[validation_size:]),
        validation=data_set(images[:validation_size], labels[:validation_size]),
        test=data_set(test_images, test_labels),
    )


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


def load_mnist_arrays(path: str = "mnist.npz") -> tuple[_Arrays, _Arrays]:
    """Replaces tf.keras.datasets.mnist.load_data.

    Args:
      path: not used. Keras keeps its copy there.

    Returns:
      (train images, train labels), (test images, test labels): uint8 [N, 28, 28] and [N].
    """
    return _read(None, "train"), _read(None, "test")


def load_fashion_mnist_arrays() -> tuple[_Arrays, _Arrays]:
    """Replaces tf.keras.datasets.fashion_mnist.load_data. Returns what load_mnist_arrays() returns."""
    return _read(None, "train", "fashion_mnist"), _read(None, "test", "fashion_mnist")
