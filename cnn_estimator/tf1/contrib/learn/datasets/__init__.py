"""tf.contrib.learn.datasets: MNIST, and CSV files."""

from cnn_estimator.tf1.contrib.learn.datasets import base, mnist
from cnn_estimator.tf1.contrib.learn.datasets.base import load_boston, load_iris

__all__ = ["DATASETS", "base", "load_boston", "load_dataset", "load_iris", "mnist"]

DATASETS = {"boston": load_boston, "iris": load_iris, "mnist": mnist.load_mnist}


def load_dataset(name: str, size: str = "small", test_with_fake_data: bool = False) -> object:
    """Returns the dataset: for "mnist" three DataSets; of the folder MNIST-data if that has IDX files, else the public
    MNIST.

    Raises:
      ValueError: there is no such dataset.
    """
    if name not in DATASETS:
        raise ValueError(f"dataset {name!r} is not available: {', '.join(DATASETS)} are")
    return DATASETS[name]()
