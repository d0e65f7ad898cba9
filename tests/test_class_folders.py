"""Folders of pictures as training data: which files are read, how, into which set, and what is refused."""

import logging
import os
import pathlib
import shutil

import numpy as np
import pytest
from helpers import images_content, labels_content
from PIL import Image

from cnn_estimator.data import class_folders, datasets, fetch, pictures
from cnn_estimator.data.datasets import DatasetError, load

pytestmark = pytest.mark.unit


@pytest.fixture(autouse=True)
def _cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


def save(path, grey, size=(40, 30), **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", size, grey).save(path, path.suffix[1:].replace("jpg", "jpeg"), **options)


@pytest.fixture
def folder(tmp_path):
    """Twenty pictures of each of three classes, of one grey value for each picture."""
    for number, name in enumerate(("dogs", "Äpfel", "big cats")):
        for index in range(20):
            save(tmp_path / "mine" / name / f"{index}.png", 80 * number + index, size=(30 + index, 50))
    return tmp_path / "mine"


def grey_values(split):
    """Returns {(class name, grey value)} of a split, and checks that no picture is there twice."""
    values = [
        (split.class_names[label], int(image[14, 14])) for image, label in zip(split.pixels, split.labels, strict=True)
    ]
    assert len(set(values)) == len(values)
    return set(values)


def test_classes_are_sorted_and_a_tenth_of_each_is_the_test_set(folder):
    train, test = (load("fashion_mnist", split, folder) for split in ("train", "test"))
    assert train.class_names == test.class_names == ("big cats", "dogs", "Äpfel")
    assert np.bincount(train.labels).tolist() == [18, 18, 18]
    assert np.bincount(test.labels).tolist() == [2, 2, 2]
    assert (train.pixels.dtype, train.labels.dtype, train.pixels.shape[1:]) == (np.uint8, np.int32, (28, 28))
    assert grey_values(train) | grey_values(test) == {
        (name, 80 * number + index) for number, name in enumerate(("dogs", "Äpfel", "big cats")) for index in range(20)
    }
    assert not grey_values(train) & grey_values(test)
    assert train.divided
    assert len(set(train.labels[:6].tolist())) > 1  # the first pictures are of several classes


def test_the_sets_do_not_depend_on_the_place_or_the_order_of_the_files(folder, tmp_path, monkeypatch):
    before = load("fashion_mnist", "test", folder)
    shutil.move(folder, tmp_path / "elsewhere")
    listdir = os.listdir
    monkeypatch.setattr(os, "listdir", lambda path: listdir(path)[::-1])
    after = load("fashion_mnist", "test", tmp_path / "elsewhere")
    np.testing.assert_array_equal(before.pixels, after.pixels)


def test_a_second_start_reads_no_picture(folder, monkeypatch):
    before = load("fashion_mnist", "train", folder)
    real = pictures.read
    read = []
    monkeypatch.setattr(pictures, "read", lambda path, **options: (read.append(path), real(path, **options))[1])
    np.testing.assert_array_equal(load("fashion_mnist", "train", folder).pixels, before.pixels)
    assert read == []
    save(folder / "dogs" / "new.png", 200)
    assert len(load("fashion_mnist", "train", folder).labels) == 55
    assert len(read) == 61
    os.utime(folder / "dogs" / "new.png", (1, 1))
    load("fashion_mnist", "train", folder)
    assert len(read) == 122
    load("fashion_mnist", "train", folder, crop=False)
    assert len(read) == 122


def test_pictures_of_one_size_and_time_that_change_places_are_read_again(tmp_path):
    """Such pictures come out of an archive."""
    paths = [tmp_path / "mine" / name / f"{number}.bmp" for name in ("cats", "dogs") for number in range(5)]
    for number, path in enumerate(paths):
        save(path, 20 * number)
        os.utime(path, (1, 1))
    before = load("fashion_mnist", "train", tmp_path / "mine")
    (tmp_path / "mine" / "cats" / "0.bmp").rename(tmp_path / "moved")
    (tmp_path / "mine" / "dogs" / "0.bmp").rename(tmp_path / "mine" / "cats" / "0.bmp")
    (tmp_path / "moved").rename(tmp_path / "mine" / "dogs" / "0.bmp")
    after = [load("fashion_mnist", split, tmp_path / "mine") for split in ("train", "test")]
    assert after[0].fingerprint() != before.fingerprint()
    assert {("cats", 100), ("dogs", 0)} <= grey_values(after[0]) | grey_values(after[1])


def test_with_and_without_cutting_out_are_two_readings(tmp_path):
    for name in ("left", "right"):
        for number in range(3):
            image = np.full((60, 90), 255, np.uint8)
            image[5:25, 5:25] = number
            (tmp_path / name).mkdir(exist_ok=True)
            Image.fromarray(image).save(tmp_path / name / f"{number}.png")
    for crop in (False, True, False):
        pixels = load("fashion_mnist", "train", tmp_path, crop=crop).pixels
        if crop:
            assert pixels.min() >= 250  # the object fills the image, and is bright now
        else:
            assert pixels[:, -8:].min() == 255
            assert pixels[:, 10, 5].max() < 10


def test_a_damaged_or_unwritable_cache_costs_a_line(folder, caplog, monkeypatch):
    before = load("fashion_mnist", "train", folder)
    (path,) = pathlib.Path(fetch.cache_folder("pictures")).iterdir()
    for content in (b"", path.read_bytes()[:-200], b"PK\x03\x04"):
        path.write_bytes(content)
        np.testing.assert_array_equal(load("fashion_mnist", "train", folder).pixels, before.pixels)
        assert f"{path} cannot be used, and the pictures are read again: " in caplog.text
        caplog.clear()
    path.unlink()
    path.parent.rmdir()
    path.parent.touch()
    np.testing.assert_array_equal(load("fashion_mnist", "train", folder).pixels, before.pixels)
    assert f"{path} cannot be written, and the next start reads the pictures again: " in caplog.text


def test_nothing_in_the_folder_is_changed(folder):
    def state():
        return {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in [folder, *folder.rglob("*")]}

    before = state()
    load("fashion_mnist", "train", folder, crop=False)
    assert state() == before


def test_the_folders_train_and_test_divide_the_pictures(tmp_path):
    for part, first, count in (("train", 0, 6), ("test", 100, 2)):
        for number, name in enumerate("ab"):
            for index in range(count):
                save(tmp_path / part / name / f"{index}.jpg", first + 50 * number + index, quality=100)
    save(tmp_path / "validation" / "c" / "1.png", 3)
    train, test = (load("fashion_mnist", split, tmp_path) for split in ("train", "test"))
    assert (train.class_names, train.divided) == (("a", "b"), False)
    assert sorted(image[14, 14] for image in test.pixels) == [100, 101, 150, 151]
    assert len(train.labels) == 12
    shutil.rmtree(tmp_path / "test" / "b")
    save(tmp_path / "test" / "c" / "1.png", 3)
    with pytest.raises(DatasetError, match=r"class 'b' has a folder in train alone: give the folders train and test"):
        load("fashion_mnist", "test", tmp_path)
    shutil.rmtree(tmp_path / "test")
    assert load("fashion_mnist", "train", tmp_path).divided


def test_a_class_may_be_called_train(tmp_path):
    for name in ("train", "car"):
        for index in range(2):
            save(tmp_path / name / f"{index}.png", 9)
    assert load("fashion_mnist", "train", tmp_path).class_names == ("car", "train")


def test_other_files_are_left_out_and_links_are_followed(folder, tmp_path, caplog):
    expected = grey_values(load("fashion_mnist", "train", folder))
    for path in (".DS_Store", "dogs/.DS_Store", "dogs/Thumbs.db", "dogs/._1.png", "dogs/notes.txt", "readme.md"):
        (folder / path).write_bytes(b"x")
    (folder / "dogs" / "more.png").mkdir()
    for hidden in (".git", "__MACOSX"):
        save(folder / hidden / "1.png", 1)
    assert grey_values(load("fashion_mnist", "train", folder)) == expected
    assert caplog.text == ""
    save(folder / "loose.png", 7)
    shutil.move(folder / "dogs", tmp_path / "dogs")
    (folder / "dogs").symlink_to(tmp_path / "dogs")
    (tmp_path / "link").symlink_to(folder)
    assert grey_values(load("fashion_mnist", "train", tmp_path / "link")) == expected
    assert f"left out pictures outside the class folders: 1 in {tmp_path / 'link'}, such as loose.png" in caplog.text


def test_bad_pictures_are_named_and_skipped_up_to_a_limit(monkeypatch, folder, caplog):
    caplog.set_level(logging.INFO, "cnn_estimator")
    (folder / "dogs" / "empty.jpg").touch()
    (folder / "dogs" / "text.JPG").write_text("no picture")
    (folder / "dogs" / "broken link.png").symlink_to("nowhere")
    for _ in range(2):  # read, and from the cache in another process
        caplog.clear()
        monkeypatch.setattr(class_folders, "_reported", set())
        assert (
            len(load("fashion_mnist", "train", folder).labels) + len(load("fashion_mnist", "test", folder).labels) == 60
        )
        for name in (
            "empty.jpg: not an image in ",
            "text.JPG: not an image in ",
            "broken link.png: a link to a missing file",
        ):
            assert caplog.text.count(f"skipped a picture: {folder / 'dogs' / name}") == 1
    for number in range(10):
        (folder / "dogs" / f"{number}.png").write_bytes(b"")
    with pytest.raises(DatasetError) as error:
        load("fashion_mnist", "train", folder)
    assert str(error.value).startswith(
        f"data_dir {folder}: 13 of 63 pictures cannot be read, and 6 may be skipped; the first"
    )


def test_a_class_of_bad_pictures_alone_is_an_error(folder):
    (folder / "birds").mkdir()
    (folder / "birds" / "1.png").touch()
    with pytest.raises(DatasetError, match=r"class 'birds' has no picture to train on: add pictures of the class$"):
        load("fashion_mnist", "train", folder)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ([], "data_dir {} has neither IDX files nor a folder for each class: put the pictures of each class into "),
        (["1.png"], "data_dir {} has pictures, and no folder for each class: put the pictures of each class into "),
        (["train/1.png", "test/1.png"], "data_dir {} has pictures in train and test, and no folder for each class in"),
        (["cats/1.png"], "data_dir {} has one class, 'cats': add a folder with pictures of another class"),
        (["cats/1.png", "dogs/notes.txt"], "{}/dogs: a class without pictures: put pictures into the folder itself"),
        (["cats/1.png", "cats/2.png", "dogs/1.png"], "data_dir {}: class 'dogs' has no picture to train on"),
        (["cats/1.png", "cats /1.png"], "'{0}/cats' and '{0}/cats ' are two folders of one class, 'cats': put"),
        (["Ä/1.png", "A\u0308/1.png"], "'{0}/A\u0308' and '{0}/Ä' are two folders of one class, 'Ä': put"),
        (["a/1.png", "b\tc/1.png"], "data_dir {} has the class folders ['a', 'b\\tc']: a class name must have 1 to 40"),
        (["a/1.png", f"{'b' * 41}/1.png"], "data_dir {} has the class folders ['a', 'bbb"),
        ([f"{number}/1.png" for number in range(1001)], "data_dir {} has 1001 classes: not 2 to 1000 different"),
    ],
)
def test_what_is_no_set_of_class_folders_is_one_line(tmp_path, files, message):
    for file in files:
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).touch()
        if file.endswith(".png") and len(files) < 9:
            save(tmp_path / file, 9)
    with pytest.raises(DatasetError) as error:
        load("fashion_mnist", "train", tmp_path)
    assert str(error.value).startswith(message.format(tmp_path))
    assert "\n" not in str(error.value)


def test_idx_files_come_before_folders(folder, data_dir):
    for file in pathlib.Path(data_dir).iterdir():
        shutil.copy(file, folder)
    assert load("fashion_mnist", "train", folder).class_names == tuple("0123456789")
    assert not class_folders.load(str(folder), datasets.MNIST, crop=False).is_test.all()


@pytest.mark.parametrize(("names", "labels", "expected"), [("a\nb\nc\n", 3, ("a", "b", "c")), ("", 12, None)])
def test_idx_files_may_have_any_number_of_classes(tmp_path, names, labels, expected):
    images = np.zeros((24, 28, 28), np.uint8)
    for prefix, count in (("train", 24), ("t10k", 6)):  # the test set has fewer classes
        (tmp_path / f"{prefix}-images-idx3-ubyte").write_bytes(images_content(images[:count]))
        numbers = np.arange(count, dtype=np.uint8) % labels
        (tmp_path / f"{prefix}-labels-idx1-ubyte").write_bytes(labels_content(numbers))
    if names:
        (tmp_path / "class_names.txt").write_text(names)
    for split in ("train", "test"):
        assert load("fashion_mnist", split, tmp_path).class_names == (expected or tuple(map(str, range(12))))
    (tmp_path / "class_names.txt").write_text("a\nb\n")
    with pytest.raises(DatasetError, match=r"train-labels-idx1-ubyte: label \d+ at position \d+ is above 1$"):
        load("fashion_mnist", "train", tmp_path)
