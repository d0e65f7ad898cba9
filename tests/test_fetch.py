"""The public datasets. Their sources are real: folders, a web server, package managers."""

import dataclasses
import functools
import gzip
import hashlib
import http.server
import os
import threading

import numpy as np
import pytest
from helpers import images_content, labels_content, ten_bars, write_idx_folder

from cnn_estimator.data import datasets, fetch
from cnn_estimator.data.datasets import TEST_IMAGES, TEST_LABELS, DatasetError, load

pytestmark = pytest.mark.unit

IMAGES, LABELS = ten_bars(20)


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("zipped", [False, True])
def test_a_file_is_read_zipped_or_not_whatever_its_name(tmp_path, zipped, suffix):
    content = images_content(IMAGES)
    path = tmp_path / f"{TEST_IMAGES}{suffix}"
    path.write_bytes(gzip.compress(content) if zipped else content)
    assert fetch.read(str(tmp_path), TEST_IMAGES) == (str(path), content)


@pytest.mark.parametrize(
    ("problem", "content"),
    [
        ("cannot be read: Compressed file ended", gzip.compress(images_content(IMAGES), mtime=0)[:-20]),
        ("cannot be read: CRC check failed", gzip.compress(images_content(IMAGES), mtime=0)[:-8] + b"12345678"),
        ("cannot be read: Error -3 while decompressing", gzip.compress(b"", mtime=0)[:10] + b"\xff" * 40),
    ],
)
def test_a_damaged_gzip_file_is_an_error_that_names_it(tmp_path, problem, content):
    (tmp_path / TEST_IMAGES).write_bytes(content)
    with pytest.raises(DatasetError) as error:
        fetch.read(str(tmp_path), TEST_IMAGES)
    assert str(error.value).startswith(f"{tmp_path / TEST_IMAGES}: {problem}")


def test_a_missing_file_is_an_error_that_names_it(tmp_path):
    with pytest.raises(DatasetError, match=rf"^{tmp_path}/{TEST_IMAGES}: no such file, with or without \.gz$"):
        fetch.read(str(tmp_path), TEST_IMAGES)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """The folder of Fashion-MNIST in an empty cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "cnn_estimator" / "fashion_mnist"


@pytest.fixture
def mirror(tmp_path):
    """A web server on this machine with ten_bars as .gz files; .requests lists the paths that it was asked for."""
    folder = tmp_path / "mirror"
    folder.mkdir()
    write_idx_folder(folder, train=30, test=20, zipped=True)
    requests = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            requests.append(self.path)

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=folder)) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        server.url, server.folder, server.requests = f"http://127.0.0.1:{server.server_port}/", folder, requests
        yield server
        server.shutdown()


@pytest.fixture
def public(tmp_path, mirror, monkeypatch):
    """Makes ten_bars the public dataset, which only the mirror has; returns a function that changes its sources."""
    known = tmp_path / "known"
    known.mkdir()
    write_idx_folder(known, train=30, test=20)
    sha256 = {name: hashlib.sha256((known / name).read_bytes()).hexdigest() for name in os.listdir(known)}
    nothing = fetch.Package(fetch=("false",), archive="*.deb", unpack=("false",), folder="")

    def change(**fields):
        fields = {"sha256": sha256, "installed": None, "mirrors": (mirror.url,), "package": nothing} | fields
        monkeypatch.setitem(datasets.DATASETS, "fashion_mnist", dataclasses.replace(datasets.FASHION_MNIST, **fields))
        return known

    change()
    return change


def test_a_mirror_fills_the_cache_which_is_the_source_from_then_on(cache, mirror, public):
    split = load("fashion_mnist", "test")
    np.testing.assert_array_equal(split.labels, LABELS)
    assert split.source == mirror.url
    assert sorted(os.listdir(cache)) == sorted(datasets.FASHION_MNIST.sha256)
    assert len(mirror.requests) == 4
    assert load("fashion_mnist", "train").source == str(cache)
    assert len(mirror.requests) == 4


def test_a_dataset_needs_no_package(cache, mirror, public):
    public(package=None)
    assert load("fashion_mnist", "test").source == mirror.url
    (cache / TEST_LABELS).unlink()
    public(package=None, mirrors=())
    with pytest.raises(DatasetError, match=f"^no source has fashion_mnist, tried {cache} .*: put its four IDX files"):
        load("fashion_mnist", "test")


def test_a_mirror_with_other_content_is_not_used(cache, mirror, public, tmp_path):
    (mirror.folder / f"{TEST_LABELS}.gz").write_bytes(gzip.compress(labels_content(LABELS[::-1]), mtime=0))
    with pytest.raises(DatasetError, match=f"{TEST_LABELS}.gz: damaged, its SHA-256 is not the known one"):
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


def test_if_no_source_has_it_the_error_lists_what_was_tried(cache, mirror, public):
    missing = fetch.Package(fetch=("no-such-program", "download"), archive="*.deb", unpack=(), folder="")
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
    ):
        assert tried in error.value.problem
    assert error.value.advice.endswith("name that with {data_dir}")


def test_a_write_that_fails_leaves_nothing_in_the_cache(cache, mirror, public, monkeypatch):
    def replace(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", replace)
    with pytest.raises(DatasetError, match="cannot be written: No space left on device"):
        load("fashion_mnist", "test")
    assert os.listdir(cache) == []


def test_a_damaged_file_in_the_cache_is_downloaded_again(cache, mirror, public):
    load("fashion_mnist", "test")
    (cache / TEST_IMAGES).write_bytes(b"")
    assert fetch.find_local(datasets.DATASETS["fashion_mnist"]) is None
    assert load("fashion_mnist", "test").source == mirror.url
    assert fetch.find_local(datasets.DATASETS["fashion_mnist"]) == str(cache)
