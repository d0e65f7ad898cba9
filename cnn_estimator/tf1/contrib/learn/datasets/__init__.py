"""tf.contrib.learn.datasets: MNIST, DBpedia, and CSV files."""

from collections.abc import Callable

from cnn_estimator.tf1.contrib.learn.datasets import base, mnist, text_datasets
from cnn_estimator.tf1.contrib.learn.datasets.base import load_boston, load_iris

__all__ = ["DATASETS", "base", "load_boston", "load_dataset", "load_iris", "mnist", "text_datasets"]

DATASETS: dict[str, Callable[..., object]] = {
    "boston": load_boston,
    "dbpedia": text_datasets.load_dbpedia,
    "iris": load_iris,
    "mnist": mnist.load_mnist,
}


def load_dataset(name: str, size: str = "small", test_with_fake_data: bool = False) -> object:
    """Returns the dataset "mnist" or "dbpedia".

    "mnist" is three DataSets, of the folder MNIST-data if it has IDX files, else of the public MNIST. For the
    other arguments see text_datasets.load_dbpedia.

    Raises:
      ValueError: the name is unknown.
    """
    if name not in DATASETS:
        raise ValueError(f"dataset {name!r} is not available: {', '.join(DATASETS)} are")
    return DATASETS[name](size, test_with_fake_data) if name == "dbpedia" else DATASETS[name]()
