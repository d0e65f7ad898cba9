"""tf.contrib.learn.datasets.base: CSV files as arrays."""

import csv
import os
import urllib.request
from typing import Any, NamedTuple

import numpy as np
import tensorflow.compat.v1 as tf  # type: ignore[import-untyped]

from cnn_estimator.tf1.input_data import Datasets
from cnn_estimator.tf1.unavailable import Unavailable

__all__ = [
    "Dataset",
    "Datasets",
    "load_boston",
    "load_csv_with_header",
    "load_csv_without_header",
    "load_iris",
    "maybe_download",
    "shrink_csv",
]


class Dataset(NamedTuple):
    """Features [N, columns - 1] and targets [N]."""

    data: np.ndarray
    target: np.ndarray


def _rows(filename: str) -> list[list[str]]:
    with tf.gfile.GFile(filename) as file:
        return list(csv.reader(file))


def _dataset(rows: list[list[str]], target_dtype: Any, features_dtype: Any, target_column: int) -> Dataset:
    targets = [row.pop(target_column) for row in rows]
    return Dataset(np.array(rows, dtype=features_dtype), np.array(targets, dtype=target_dtype))


def load_csv_with_header(filename: str, target_dtype: Any, features_dtype: Any, target_column: int = -1) -> Dataset:
    """Reads a CSV file whose first line holds the number of rows and the number of features.

    Raises:
      ValueError: a value does not fit its dtype, or the first line does not fit the other lines.
    """
    (rows, columns, *_), *values = _rows(filename)
    dataset = _dataset(values, target_dtype, features_dtype, target_column)
    if dataset.data.shape != (int(rows), int(columns)):
        raise ValueError(f"{filename}: the first line says {rows} rows of {columns} features: {dataset.data.shape}")
    return dataset


def load_csv_without_header(filename: str, target_dtype: Any, features_dtype: Any, target_column: int = -1) -> Dataset:
    """Reads a CSV file.

    Raises:
      ValueError: a value does not fit its dtype.
    """
    return _dataset(_rows(filename), target_dtype, features_dtype, target_column)


def shrink_csv(filename: str, ratio: int) -> None:
    """Writes every ratio-th row of NAME.csv, beginning with the first, to NAME_small.csv."""
    with tf.gfile.GFile(filename.replace(".", "_small."), "w") as file:
        csv.writer(file).writerows(_rows(filename)[::ratio])


def maybe_download(filename: str, work_directory: str, source_url: str) -> str:
    """Returns the path of a file in a folder. Downloads the file from a URL if it does not exist.

    Raises:
      OSError: the file cannot be downloaded.
    """
    path = os.path.join(work_directory, filename)
    if not tf.gfile.Exists(path):
        tf.gfile.MakeDirs(work_directory)
        loaded, _ = urllib.request.urlretrieve(source_url)
        tf.gfile.Copy(loaded, path)
    return path


def load_iris(data_path: str | None = None) -> Dataset:
    """Reads a CSV file with a header, int targets and float features."""
    if data_path is None:
        Unavailable("tf.contrib.learn.datasets.load_iris()", "use sklearn.datasets.load_iris, or name a CSV file")()
    return load_csv_with_header(data_path, int, float)


def load_boston(data_path: str | None = None) -> Dataset:
    """Reads a CSV file with a header, float targets and float features."""
    if data_path is None:
        Unavailable("tf.contrib.learn.datasets.load_boston()", "name a CSV file with the data")()
    return load_csv_with_header(data_path, float, float)
