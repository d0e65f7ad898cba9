"""Image files of any kind -> images as the training sets have them: 28x28, grey, a bright object on black."""

import dataclasses
import os
import select
import sys
import warnings

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from cnn_estimator.datasets import SIDE
from cnn_estimator.errors import UserError
from cnn_estimator.signals import StopSignals

# Pixels alone: Pillow runs other programs for some formats.
FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
MOST_PIXELS = 50_000_000  # a camera's
_WORKING_SIDE = 8 * SIDE  # larger images are made smaller first, which also takes their noise away
_NEARLY_WHITE = 0.8  # the mean grey from which on an object would be lost on white
_FAINTEST = 0.02  # the least that an object differs from its ground
_TOLERANCE = 0.12  # how far from the ground's grey a pixel may be and still belong to it


@dataclasses.dataclass(frozen=True)
class Picture:
    """image: float32 [28, 28] in 0..1. inverted: whether bright and dark were exchanged."""

    image: np.ndarray
    inverted: bool


def files(names, stop=None):
    """Returns (paths of image files, problems) of what a user names: files, folders, and - for a list on stdin.

    Of a folder those files that are called like images, in order; a problem is a str that names what it is about.

    Raises:
      UserError: a list is asked for, and stdin is closed.
      Stopped: a signal ended the wait for it.
    """
    suffixes = {suffix for suffix, kind in Image.registered_extensions().items() if kind in FORMATS}
    listed = []
    for name in names:
        listed.extend(_listed(stop or StopSignals()) if name == "-" else [name])
    paths, problems = [], []
    for name in listed:
        if not os.path.isdir(name):
            paths.append(name)
            continue
        try:
            inside = [file for file in sorted(os.listdir(name)) if os.path.splitext(file)[1].lower() in suffixes]
        except OSError as error:
            problems.append(f"{shown(name)}: cannot be read: {error.strerror}")
            continue
        paths.extend(os.path.join(name, file) for file in inside)
        if not inside:
            problems.append(f"{shown(name)}: a folder without images: {', '.join(sorted(suffixes))}")
    return paths, problems


def _listed(stop):
    """Returns the lines on stdin; a person may be slow to type them, so that a signal is asked for while waiting."""
    if sys.stdin is None:
        raise UserError("-: stdin is closed, so that there is no list on it")
    content = b""
    while True:
        stop.check("nothing was predicted")
        if not select.select([sys.stdin], [], [], 0.2)[0]:
            continue
        chunk = os.read(sys.stdin.fileno(), 2**16)
        if not chunk:
            return [line.removesuffix("\r") for line in os.fsdecode(content).split("\n") if line.strip()]
        content += chunk


def shown(path):
    """Returns a path as it can be printed in a line."""
    return path if path.isprintable() else repr(path)


def read(path, *, dataset, invert):
    """Reads an image file: its first frame, upright, in grey, the object cut out and put into the middle of 28x28.

    An image that has 28x28 pixels is taken for one of a training set, and nothing in it is moved.

    Args:
      path: of a file in one of FORMATS.
      dataset: the datasets.Dataset whose images it is to be like.
      invert: "yes", "no", or "auto": where the object is darker than its ground, which the border shows. Transparent
        pixels become black ground, or white with "yes"; with "auto" white too, but for an object that is nearly white.

    Returns:
      A Picture.

    Raises:
      UserError: the file is missing, empty, no image, damaged or too large, or all of it looks like its border; the
        message does not name it.
    """
    grey = _grey(_opened(path), invert)
    ground = np.median(np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]]))
    contrast = np.abs(grey - ground)
    if contrast.max() < _FAINTEST:
        raise UserError("nothing to be seen: all of it looks like its border")
    rows, columns = np.nonzero(contrast > min(_TOLERANCE, contrast.max() / 2))
    inverted = invert == "yes" or (invert == "auto" and bool(grey.mean() < ground))
    if inverted:
        grey, ground = 1 - grey, 1 - ground
    if grey.shape != (SIDE, SIDE):
        part = grey[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
        grey = _centred(_on_black(part, ground), dataset)
    return Picture(grey.astype(np.float32), inverted)


def _opened(path):
    """Returns a Pillow image, upright, of at most _WORKING_SIDE, in one of the modes L, RGBA and F (of any range)."""
    if not os.path.isfile(path):
        raise UserError("not a file" if os.path.exists(path) else "no such file")
    try:
        if os.path.getsize(path) == 0:
            raise UserError("an empty file")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's about odd files: what it cannot read raises an error
            with Image.open(path, formats=FORMATS) as file:
                return _working_copy(file)
    except UserError:
        raise
    except UnidentifiedImageError as error:
        raise UserError(f"no image in one of the formats {', '.join(FORMATS)}") from error
    except Image.DecompressionBombError as error:
        raise UserError(f"too large: {error}") from error
    except Exception as error:  # for damaged files Pillow's decoders raise what they please, RuntimeError too
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"no image that can be read: {reason}") from error


def _working_copy(file):
    if file.width * file.height > MOST_PIXELS:
        raise UserError(f"{file.width}x{file.height} pixels, more than {MOST_PIXELS}: make it smaller")
    file.draft("L", (2 * _WORKING_SIDE, 2 * _WORKING_SIDE))  # a large JPEG is decoded at a fraction of its size
    image = ImageOps.exif_transpose(file)
    if image.mode.startswith(("I", "F")):  # more than 8 bits, which Pillow would cut off at 255
        image = image.convert("F")
    else:
        image = image.convert("RGBA" if image.has_transparency_data else "L")
    image.thumbnail((_WORKING_SIDE, _WORKING_SIDE), Image.Resampling.BOX)
    return image


def _grey(image, invert):
    """Returns float [H, W] in 0..1 of what _opened returns."""
    values = np.asarray(image, float)
    if image.mode == "F":
        values = np.nan_to_num(values, posinf=0, neginf=0)
        return (values - values.min()) / (np.ptp(values) or 1)
    if image.mode == "L":
        return values / 255
    grey = np.asarray(image.convert("RGB").convert("L"), float) / 255
    cover = values[..., 3] / 255
    bright_object = (grey * cover).sum() >= _NEARLY_WHITE * cover.sum()
    ground = invert == "yes" or (invert == "auto" and not bright_object)
    return grey * cover + ground * (1 - cover)


def _on_black(part, ground):
    return np.clip((part - ground) / (1 - ground), 0, 1) if ground < 1 else part


def _centred(part, dataset):
    """Returns [28, 28]: the part, of the size and at the place that the dataset gives to objects, on black."""
    scale = dataset.object_side / max(part.shape)
    height, width = (max(1, round(scale * side)) for side in part.shape)
    image = Image.fromarray(part.astype(np.float32)).resize((width, height), Image.Resampling.LANCZOS)
    pixels = np.clip(np.asarray(image), 0, 1)
    middle = np.array([height - 1, width - 1]) / 2
    if dataset.centred == "mass" and pixels.any():
        middle = np.average(list(np.ndindex(pixels.shape)), axis=0, weights=pixels.ravel())
    corner = np.round((SIDE - 1) / 2 - middle).astype(int)
    top, left = np.clip(corner, 0, SIDE - np.array(pixels.shape))
    centred = np.zeros((SIDE, SIDE))
    centred[top : top + height, left : left + width] = pixels
    return centred
