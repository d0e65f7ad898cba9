"""tf.contrib.learn.datasets.text_datasets: the texts of DBpedia."""

import os
import shutil
import tarfile

import numpy as np

from cnn_estimator.tf1.contrib.learn.datasets import base

DBPEDIA_URL = "https://github.com/le-scientifique/torchDatasets/raw/master/dbpedia_csv.tar.gz"


def maybe_download_dbpedia(data_dir: str) -> None:
    """Writes data_dir/dbpedia_csv/train.csv and test.csv if they do not exist.

    They come from data_dir/dbpedia_csv.tar.gz, which is downloaded if it does not exist.

    Raises:
      KeyError: the archive lacks a file.
      OSError: the archive cannot be downloaded or read.
    """
    folder = os.path.join(data_dir, "dbpedia_csv")
    paths = [os.path.join(folder, name) for name in ("train.csv", "test.csv")]
    if not all(map(os.path.exists, paths)):
        os.makedirs(folder, exist_ok=True)
        with tarfile.open(base.maybe_download("dbpedia_csv.tar.gz", data_dir, DBPEDIA_URL)) as archive:
            for path in paths:
                member = archive.extractfile(f"dbpedia_csv/{os.path.basename(path)}")
                with open(path, "wb") as file:
                    shutil.copyfileobj(member, file)  # type: ignore[arg-type]  # never None for a regular file


def load_dbpedia(size: str = "small", test_with_fake_data: bool = False) -> base.Datasets:
    """Returns train and test, each with int32 targets [N] and pairs of title and text [N, 2]. validation is None.

    The files are in the folder dbpedia_data of the folder that the environment variable TF_EXP_BASE_DIR names.

    Args:
      size: "small" selects every 1000th text, any other value all texts.
      test_with_fake_data: if True, return three training texts and one test text without reading files.
    """
    if test_with_fake_data:
        return base.Datasets(train=_made([1, 2, 3]), validation=None, test=_made([2]))
    data_dir = os.path.join(os.environ.get("TF_EXP_BASE_DIR", ""), "dbpedia_data")
    maybe_download_dbpedia(data_dir)
    sets = []
    for name in ("train", "test"):
        path = os.path.join(data_dir, "dbpedia_csv", f"{name}.csv")
        if size == "small":
            base.shrink_csv(path, 1000)
            path = path.replace(f"{name}.csv", f"{name}_small.csv")
        sets.append(base.load_csv_without_header(path, np.int32, str, target_column=0))
    return base.Datasets(train=sets[0], validation=None, test=sets[1])


def _made(targets: list[int]) -> base.Dataset:
    """Returns a title and a text for each target."""
    rows = [[f"title {target}", f"a text of the class {target}"] for target in targets]
    return base.Dataset(np.array(rows), np.array(targets, np.int32))
