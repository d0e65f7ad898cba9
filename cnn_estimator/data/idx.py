"""Makes NumPy arrays of the bytes of IDX files. Imports no TensorFlow.

IDX is the format of MNIST's authors (yann.lecun.com/exdb/mnist). A file has a magic number and the size of each
dimension, as big-endian 32-bit numbers, and then one byte per value.
"""

import math
import struct

import numpy as np

from cnn_estimator.errors import UserError

IMAGES_MAGIC = 0x803
LABELS_MAGIC = 0x801
SIDE = 28
CLASSES = 10  # of the public datasets
MAX_CLASSES = 256  # a label is one byte


class DatasetError(UserError):
    """A file of a dataset is missing or bad. The message names the file and the problem."""


def parse_images(content: bytes, path: str) -> np.ndarray:
    """Returns the images, uint8 [N, 28, 28], in the content of the IDX file at a path.

    Raises:
      DatasetError: the content is not a complete IDX file of at least one 28x28 image.
    """
    images = _values(content, path, IMAGES_MAGIC, dimensions=3)
    _, rows, columns = images.shape
    if (rows, columns) != (SIDE, SIDE):
        raise DatasetError(f"{path}: its images are {rows}x{columns}, not {SIDE}x{SIDE}")
    return images


def parse_labels(content: bytes, path: str, classes: int = CLASSES) -> np.ndarray:
    """Returns the labels, uint8 [N], in the content of the IDX file at a path.

    Args:
      classes: the number of classes.

    Raises:
      DatasetError: the content is not a complete IDX file of at least one label, all below `classes`.
    """
    labels = _values(content, path, LABELS_MAGIC, dimensions=1)
    if labels.max() >= classes:
        row = int(labels.argmax())
        raise DatasetError(f"{path}: label {labels[row]} at position {row} is above {classes - 1}")
    return labels


def _values(content: bytes, path: str, magic: int, *, dimensions: int) -> np.ndarray:
    """Returns the values in the content of the IDX file at a path, as uint8 of the shape that its header declares."""
    header_size = 4 + 4 * dimensions
    if len(content) < header_size:
        raise DatasetError(f"{path}: truncated, it has {len(content)} bytes and its header alone is {header_size}")
    found, *shape = struct.unpack_from(f">{1 + dimensions}I", content)
    if found != magic:
        raise DatasetError(f"{path}: wrong magic number {found:#010x}, not {magic:#010x}")
    if shape[0] == 0:
        raise DatasetError(f"{path}: an empty set")
    declared = header_size + math.prod(shape)
    if len(content) != declared:
        problem = "truncated" if len(content) < declared else "too long"
        raise DatasetError(f"{path}: {problem}, it has {len(content)} bytes and its header declares {declared}")
    return np.frombuffer(content, np.uint8, offset=header_size).reshape(shape)
