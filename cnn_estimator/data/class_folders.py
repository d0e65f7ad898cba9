"""Reads a folder that has a folder of pictures for each class, such as pets/cat/*.jpg and pets/dog/*.png.

The pictures are read once. The cache keeps what was read, until a picture is added, removed or changed. Nothing is
written into the folder itself. Imports no TensorFlow.
"""

import dataclasses
import hashlib
import json
import logging
import os
import unicodedata
import zipfile

import numpy as np

from cnn_estimator import stopping
from cnn_estimator.data import pictures
from cnn_estimator.data.fetch import Dataset, cache_folder
from cnn_estimator.data.idx import SIDE, DatasetError
from cnn_estimator.errors import UserError
from cnn_estimator.files import atomic_write
from cnn_estimator.settings import MAX_CLASSES, RULES

log = logging.getLogger("cnn_estimator")

TRAIN_FOLDER = "train"
TEST_FOLDER = "test"
TEST_FRACTION = 0.1  # of each class, where there is no folder test
MAX_BAD_FRACTION = 0.1  # of all pictures
MIN_BAD_ALLOWED = 3
_ARCHIVE_FOLDER = "__MACOSX"  # macOS puts it into its zip files
_CACHE_FOLDER = "pictures"
_reported: set[tuple[str, str]] = set()  # what this process has logged the problems of: cache path and fingerprint
_VERSION = 2  # of what the cache keeps, to be raised with every change of how pictures are read


@dataclasses.dataclass(frozen=True)
class Pictures:
    """What a folder has.

    Attributes:
      pixels: uint8 [N, 28, 28].
      labels: int32 [N], numbers of class_names.
      is_test: bool [N], which pictures are the test set.
      class_names: the names of the classes, sorted.
      divided: True where the test set is a tenth of each class folder; it changes when pictures are added.
    """

    pixels: np.ndarray
    labels: np.ndarray
    is_test: np.ndarray
    class_names: tuple[str, ...]
    divided: bool


@dataclasses.dataclass(frozen=True)
class _File:
    """A file that may be a picture. key: the names of its class and of the file. label: the number of its class."""

    path: str
    key: str
    label: int
    is_test: bool


@dataclasses.dataclass(frozen=True)
class _Listing:
    """The files of a folder, in an order that mixes the classes and that further files do not change."""

    files: list[_File]
    class_names: tuple[str, ...]
    divided: bool


def class_names(data_dir: str) -> tuple[str, ...]:
    """Returns the names of the class folders in a folder, sorted.

    Raises:
      DatasetError: see load().
    """
    return tuple(_class_folders(_training_folder(data_dir)))


def load(data_dir: str, dataset: Dataset, *, crop: bool) -> Pictures:
    """Returns the pictures of a folder, from the cache if none of them has changed.

    Args:
      data_dir: a folder with a folder for each class, or with the folders train and test that have a folder for each
        class. Links are followed. Hidden files, files that are no pictures and folders in a class folder are left out.
      dataset, crop: see pictures.read.

    Raises:
      DatasetError: there are no class folders, or one class, or a class without pictures; two classes have one name; a
        name is not printable; the classes in train and test differ; too many pictures cannot be read.
      Stopped: a stop signal came.
    """
    listing = _list(data_dir)
    fingerprint = _fingerprint(listing, dataset, crop=crop)
    path = _cache_path(data_dir, dataset, crop=crop)
    cached = _read_cache(path, fingerprint)
    if cached is None:
        log.info("reading %d pictures of %d classes in %s", len(listing.files), len(listing.class_names), data_dir)
        cached = _read_all(listing, dataset, crop=crop)
        _write_cache(path, fingerprint, cached)
    pixels, read, problems, uneven = cached
    if (path, fingerprint) not in _reported:  # training and evaluation load a folder twice
        _reported.add((path, fingerprint))
        _report(data_dir, listing, problems, uneven)
    _check_problems(data_dir, listing, problems)
    files = [listing.files[number] for number in read]
    result = Pictures(
        pixels,
        np.array([file.label for file in files], np.int32),
        np.array([file.is_test for file in files], bool),
        listing.class_names,
        listing.divided,
    )
    _check_classes(data_dir, result)
    warn_of_repeated(data_dir, "test", result.pixels[~result.is_test], result.pixels[result.is_test])
    return result


def _training_folder(data_dir: str) -> str:
    """Returns the folder that has the class folders: data_dir itself, or the folder train in it."""
    inside = os.path.join(data_dir, TRAIN_FOLDER)
    # A class may be called train: its folder has pictures and no folders.
    return inside if os.path.isdir(inside) and _folders(inside) else data_dir


def _entries(folder: str) -> list[str]:
    """Returns the names in a folder, sorted, without hidden ones."""
    try:
        names = os.listdir(folder)
    except OSError as error:
        raise DatasetError(f"{pictures.printable(folder)}: cannot be read: {error.strerror}") from error
    return sorted(name for name in names if not name.startswith(".") and name != _ARCHIVE_FOLDER)


def _folders(folder: str) -> list[str]:
    return [name for name in _entries(folder) if os.path.isdir(os.path.join(folder, name))]


def _class_folders(folder: str) -> dict[str, str]:
    """Returns {class name: path of its folder} of the class folders in a folder, sorted by name."""
    named: dict[str, str] = {}
    for entry in _folders(folder):
        # macOS writes an umlaut as two characters.
        name = unicodedata.normalize("NFC", entry.strip())
        path = os.path.join(folder, entry)
        if name in named:
            raise DatasetError(
                f"{pictures.printable(named[name])!r} and {pictures.printable(path)!r} are two folders of one class, "
                f"{name!r}",
                "put their pictures into one folder",
            )
        named[name] = path
    if not named:
        loose = any(map(pictures.has_suffix, _entries(folder)))
        problem = "pictures, and no folder for each class" if loose else "neither IDX files nor a folder for each class"
        raise DatasetError(
            f"data_dir {folder} has {problem}",
            "put the pictures of each class into a folder with the name of the class",
        )
    if named.keys() == {TRAIN_FOLDER, TEST_FOLDER}:
        raise DatasetError(
            f"data_dir {folder} has pictures in {TRAIN_FOLDER} and {TEST_FOLDER}, and no folder for each class in them",
            "put the pictures of each class into a folder with the name of the class",
        )
    if len(named) == 1:
        raise DatasetError(
            f"data_dir {folder} has one class, {next(iter(named))!r}", "add a folder with pictures of another class"
        )
    try:
        RULES["class_names"].check(list(named))
    except ValueError as error:
        names = f"{len(named)} classes" if len(named) > MAX_CLASSES else f"the class folders {list(named)}"
        raise DatasetError(f"data_dir {folder} has {names}: {error}") from error
    return dict(sorted(named.items()))


def _list(data_dir: str) -> _Listing:
    """Returns the files of a folder."""
    folder = _training_folder(data_dir)
    classes = _class_folders(folder)
    test_folder = os.path.join(data_dir, TEST_FOLDER)
    divided = folder == data_dir or not os.path.isdir(test_folder)
    files = sorted(_files(classes, is_test=False), key=_order)
    loose = [name for name in _entries(folder) if pictures.has_suffix(name) and name not in classes]
    if loose:
        log.warning("left out pictures outside the class folders: %d in %s, such as %s", len(loose), folder, loose[0])
    if divided:
        files = _divide(files, len(classes))
    else:
        test_classes = _class_folders(test_folder)
        differing = sorted(classes.keys() ^ test_classes.keys())
        if differing:
            where = TRAIN_FOLDER if differing[0] in classes else TEST_FOLDER
            raise DatasetError(
                f"data_dir {data_dir}: class {differing[0]!r} has a folder in {where} alone",
                f"give the folders {TRAIN_FOLDER} and {TEST_FOLDER} the same classes",
            )
        files += sorted(_files(test_classes, is_test=True), key=_order)
    return _Listing(files, tuple(classes), divided)


def _files(classes: dict[str, str], *, is_test: bool) -> list[_File]:
    """Returns the files with a picture's suffix in class folders."""
    files = []
    for label, (name, folder) in enumerate(classes.items()):
        entries = [entry for entry in _entries(folder) if pictures.has_suffix(entry)]
        of_class = [_File(os.path.join(folder, entry), f"{name}/{entry}", label, is_test) for entry in entries]
        of_class = [file for file in of_class if not os.path.isdir(file.path)]
        if not of_class:
            raise DatasetError(
                f"{pictures.printable(folder)}: a class without pictures",
                f"put pictures into the folder itself, or move it away. Names end in {', '.join(pictures.suffixes())}",
            )
        files += of_class
    return files


def _order(file: _File) -> bytes:
    """Returns the place of a file in the order of all: by a checksum of its name, as if it were shuffled."""
    return hashlib.sha256(os.fsencode(file.key)).digest()


def _divide(files: list[_File], classes: int) -> list[_File]:
    """Returns the files with the first tenth of each class, and at least one of it, as the test set."""
    counts = np.bincount([file.label for file in files], minlength=classes)
    missing = [max(1, round(TEST_FRACTION * count)) for count in counts.tolist()]
    divided = []
    for file in files:
        divided.append(dataclasses.replace(file, is_test=missing[file.label] > 0))
        missing[file.label] -= 1
    return divided


def _fingerprint(listing: _Listing, dataset: Dataset, *, crop: bool) -> str:
    """Returns a checksum of the names, sizes and times of all files, and of how they are read.

    The ctime of a file also changes when a program sets its mtime, and when the file gets another name.
    """
    how = [dataset.object_side, dataset.centred_on] if crop else []
    facts: list[object] = [_VERSION, crop, *how, listing.class_names]
    for file in listing.files:
        try:
            status = os.stat(file.path)
        except OSError:  # a broken link
            facts.append((file.key, file.is_test))
        else:
            facts.append((file.key, file.is_test, status.st_size, status.st_mtime_ns, status.st_ctime_ns))
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


# pixels; the numbers of their files in the listing; problems; the paths of pictures without a plain background
_Read = tuple[np.ndarray, list[int], list[str], list[str]]


def _read_all(listing: _Listing, dataset: Dataset, *, crop: bool) -> _Read:
    """Reads the pictures of a listing."""
    images = []
    read = []
    problems = []
    uneven = []
    for number, file in enumerate(listing.files):
        stopping.check()
        try:
            picture = pictures.read(file.path, dataset=dataset, invert="auto", crop=crop)
        except UserError as error:
            problems.append(f"{pictures.printable(file.path)}: {error}")
        else:
            images.append(np.round(picture.image * 255).astype(np.uint8))
            read.append(number)
            if not picture.plain_background:
                uneven.append(file.path)
    return np.array(images, np.uint8).reshape(-1, SIDE, SIDE), read, problems, uneven


def _report(data_dir: str, listing: _Listing, problems: list[str], uneven: list[str]) -> None:
    """Logs which pictures are skipped, and how many have no plain background."""
    for problem in problems:
        log.warning("skipped a picture: %s", problem)
    if uneven:
        log.warning(
            "%d of %d pictures in %s have no plain background, such as %s: more than the object may be cut out",
            len(uneven),
            len(listing.files),
            data_dir,
            pictures.printable(uneven[0]),
        )


def _check_problems(data_dir: str, listing: _Listing, problems: list[str]) -> None:
    allowed = max(MIN_BAD_ALLOWED, int(MAX_BAD_FRACTION * len(listing.files)))
    if len(problems) > allowed:
        raise DatasetError(
            f"data_dir {data_dir}: {len(problems)} of {len(listing.files)} pictures cannot be read, and {allowed} may "
            f"be skipped; the first is {problems[0]}",
            "repair the files, or move them away",
        )


def _check_classes(data_dir: str, result: Pictures) -> None:
    """Raises DatasetError unless each class has a picture to train on and a picture to test with."""
    for label, name in enumerate(result.class_names):
        of_class = result.labels == label
        for is_test, what in ((False, "train on"), (True, "test with")):
            if not (of_class & (result.is_test == is_test)).any():
                raise DatasetError(
                    f"data_dir {data_dir}: class {name!r} has no picture to {what}", "add pictures of the class"
                )


def warn_of_repeated(data_dir: str, what: str, trained_on: np.ndarray, others: np.ndarray) -> None:
    """Logs a warning if some of the other pictures, uint8 [N, 28, 28], are trained on too.

    Args:
      what: what the other pictures are, such as test.
    """
    known = {picture.tobytes() for picture in trained_on}
    twice = sum(picture.tobytes() in known for picture in others)
    if twice:
        log.warning("%s pictures in %s that are training pictures too: %d", what, data_dir, twice)


def _cache_path(data_dir: str, dataset: Dataset, *, crop: bool) -> str:
    how = [os.path.realpath(data_dir), *([dataset.name] if crop else [])]
    name = hashlib.sha256(os.fsencode("\0".join(how))).hexdigest()[:32]
    return os.path.join(cache_folder(_CACHE_FOLDER), f"{name}.npz")


def _read_cache(path: str, fingerprint: str) -> _Read | None:
    """Returns what the cache keeps for a fingerprint; None if that is missing, outdated or damaged."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            facts = json.loads(str(arrays["facts"]))
            if facts["fingerprint"] != fingerprint:
                return None
            pixels = arrays["pixels"]
            read = list(facts["read"])
            problems = list(facts["problems"])
            uneven = list(facts["uneven"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        log.warning("%s cannot be used, and the pictures are read again: %s", path, error)
        return None
    return pixels, read, problems, uneven


def _write_cache(path: str, fingerprint: str, read: _Read) -> None:
    """Keeps what was read. An error is only logged: the next start reads the pictures again."""
    pixels, numbers, problems, uneven = read
    facts = json.dumps({"fingerprint": fingerprint, "read": numbers, "problems": problems, "uneven": uneven})
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with atomic_write(path, "wb") as file:
            np.savez(file, pixels=pixels, facts=np.array(facts))
    except OSError as error:
        log.warning("%s cannot be written, and the next start reads the pictures again: %s", path, error.strerror)
