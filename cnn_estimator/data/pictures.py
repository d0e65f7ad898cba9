"""Turns image files of any kind into what a training set has: grey images of 28x28 pixels.

Imports no TensorFlow.
"""

import dataclasses
import functools
import os
import warnings
from collections.abc import Iterable
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from cnn_estimator.data.fetch import Dataset
from cnn_estimator.data.idx import SIDE
from cnn_estimator.errors import UserError

# Only formats that Pillow decodes by itself: for some others it runs another program.
FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
_MAX_16_BITS = 2**16 - 1
_WORKING_SIDE = 8 * SIDE  # larger images are made as small as this first, which averages out their noise
# Grey values are from 0 to 1.
_MIN_MEAN_GREY_OF_BRIGHT_OBJECT = 0.8  # such an object would be lost on white
_MIN_CONTRAST = 0.02  # between an object and its background
_MAX_CONTRAST_OF_BACKGROUND = 0.12  # a pixel that differs less from the background's grey belongs to it
_MAX_NOISE = 5  # or by fewer standard deviations of the photo's grain
_MIN_BACKGROUND_FRACTION_OF_BORDER = 0.75  # an object that touches the border covers less than the rest


@dataclasses.dataclass(frozen=True)
class Preprocessed:
    """What read() returns.

    Attributes:
      image: float32 [28, 28] in 0..1, multiples of 1/255 as in a training set.
      inverted: whether bright and dark were exchanged.
      plain_background: whether nearly all of the image's border has one grey. If not, more than the object may be cut
        out. True for an image of 28x28 pixels, and where nothing is cut out.
    """

    image: np.ndarray
    inverted: bool
    plain_background: bool


def image_files(names: Iterable[str]) -> tuple[list[str], list[str]]:
    """Returns (paths of image files, problems) for names of files and folders.

    The name of a file is returned unchanged. For a folder the sorted files with an image's suffix are returned. A
    problem is one line that names a folder which is unreadable or has no images.
    """
    paths: list[str] = []
    problems = []
    for name in names:
        if not os.path.isdir(name):
            paths.append(name)
            continue
        try:
            inside = [file for file in sorted(os.listdir(name)) if has_suffix(file)]
        except OSError as error:
            problems.append(f"{printable(name)}: cannot be read: {error.strerror}")
            continue
        paths.extend(os.path.join(name, file) for file in inside)
        if not inside:
            problems.append(f"{printable(name)}: a folder without images: {', '.join(suffixes())}")
    return paths, problems


@functools.cache
def suffixes() -> tuple[str, ...]:
    """Returns the suffixes of FORMATS, such as .jpg, sorted."""
    return tuple(sorted(suffix for suffix, kind in Image.registered_extensions().items() if kind in FORMATS))


def has_suffix(name: str) -> bool:
    """Returns True for the name of a file in one of FORMATS."""
    return os.path.splitext(name)[1].lower() in suffixes()


def printable(path: str) -> str:
    """Returns a path as one line of text."""
    return path if path.isprintable() else repr(path)


def read(file: str | BinaryIO, *, dataset: Dataset, invert: str, crop: bool = True) -> Preprocessed:
    """Reads the first frame of an image file, upright and grey, as 28x28 pixels.

    An image of 28x28 pixels counts as one of a training set, and nothing in it is moved.

    Args:
      file: the path of a file in one of FORMATS, or such a file, opened.
      dataset: the dataset whose images the result resembles, if the object is cut out.
      invert: whether to exchange bright and dark: "yes", "no", or "auto" for an object that is cut out and is darker
        than the border of the image. With "no", transparent pixels become black. With "yes" they become white, and with
        "auto" too unless the object is nearly white.
      crop: whether to cut the object out and centre it on black. If not, the whole picture is made smaller or larger
        until it fits, and the rest gets the grey of its border.

    Raises:
      UserError: the file is missing, not an image, damaged or too large, or shows no object to cut out. The message
        does not name the file.
    """
    grey = _grey(_open(file), invert)
    plain_background = True
    if crop:
        plain_background = grey.shape == (SIDE, SIDE) or _has_plain_border(grey)
        grey, inverted = _cut_out(grey, dataset, invert)
    else:
        inverted = invert == "yes"
        grey = _whole(1 - grey if inverted else grey)
    return Preprocessed(np.round(grey * 255).astype(np.float32) / np.float32(255), inverted, plain_background)


def _cut_out(grey: np.ndarray, dataset: Dataset, invert: str) -> tuple[np.ndarray, bool]:
    """Returns the object in a grey picture, bright on black, as [28, 28], and whether it was inverted for that."""
    background = _border_grey(grey)
    contrast = np.abs(grey - background)
    if contrast.max() < _MIN_CONTRAST:
        raise UserError("no object to be seen: all of it looks like its border")
    limit = max(_MAX_CONTRAST_OF_BACKGROUND, _MAX_NOISE * _deviation(_border(grey)))
    rows, columns = np.nonzero(contrast > min(limit, contrast.max() / 2))
    inverted = invert == "yes" or (invert == "auto" and bool(grey.mean() < background))
    if inverted:
        grey, background = 1 - grey, 1 - background
    if grey.shape != (SIDE, SIDE):
        cropped = grey[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
        if background < 1:
            cropped = np.clip((cropped - background) / (1 - background), 0, 1)
        grey = _centred(cropped, dataset)
    if not grey.any():
        raise UserError("the object is darker than the background, and turns black", "exchange them with {invert} yes")
    return grey, inverted


def _deviation(values: np.ndarray) -> float:
    """Returns the standard deviation of the noise in the grey values of a border that an object may touch."""
    return 1.4826 * float(np.median(np.abs(values - np.median(values))))


def _border(grey: np.ndarray) -> np.ndarray:
    return np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])


def _border_grey(grey: np.ndarray) -> float:
    return float(np.median(_border(grey)))


def _has_plain_border(grey: np.ndarray) -> bool:
    """Returns whether nearly all of the border of a grey picture has one grey."""
    near = np.abs(_border(grey) - _border_grey(grey)) <= _MAX_CONTRAST_OF_BACKGROUND
    return bool(np.mean(near) >= _MIN_BACKGROUND_FRACTION_OF_BORDER)


def _whole(grey: np.ndarray) -> np.ndarray:
    """Returns a whole grey picture as [28, 28], with the grey of its border beside or above and below it."""
    pixels = _resized(grey, SIDE)
    height, width = pixels.shape
    top = (SIDE - height) // 2
    left = (SIDE - width) // 2
    whole = np.full((SIDE, SIDE), _border_grey(grey))
    whole[top : top + height, left : left + width] = pixels
    return whole


def _resized(grey: np.ndarray, side: int) -> np.ndarray:
    """Returns a grey picture with `side` pixels on its longer side."""
    height, width = (max(1, round(side / max(grey.shape) * length)) for length in grey.shape)
    image = Image.fromarray(grey.astype(np.float32)).resize((width, height), Image.Resampling.LANCZOS)
    return np.clip(np.asarray(image), 0, 1)


def _open(file: str | BinaryIO) -> Image.Image:
    """Returns an upright Pillow image of at most _WORKING_SIDE in width and height, of mode L, RGBA or F."""
    if isinstance(file, str) and not os.path.isfile(file):
        raise UserError(_what_is_missing(file))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of odd files; for a file that it cannot read it raises
            with Image.open(file, formats=FORMATS) as image:
                return _working_copy(image)
    except UnidentifiedImageError as error:
        raise UserError(f"not an image in one of the formats {', '.join(FORMATS)}") from error
    except Exception as error:  # for a damaged file, Pillow's decoders raise anything
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"not a readable image: {reason}") from error


def _what_is_missing(path: str) -> str:
    if os.path.islink(path) and not os.path.exists(path):
        return "a link to a missing file"
    return "not a file" if os.path.exists(path) else "no such file"


def _working_copy(file: Image.Image) -> Image.Image:
    file.draft("L", (2 * _WORKING_SIDE, 2 * _WORKING_SIDE))  # decodes a large JPEG at a fraction of its size
    image = ImageOps.exif_transpose(file)
    if image.mode.startswith(("I", "F")):  # more than 8 bits, which mode L would clip to 255
        sixteen_bits = image.mode.startswith("I;16") or (image.mode == "I" and file.format in ("PNG", "PPM"))
        image = image.convert("F")
        if sixteen_bits:
            image = Image.fromarray(np.asarray(image) / np.float32(_MAX_16_BITS))
    else:
        image = image.convert("RGBA" if image.has_transparency_data else "L")
    image.thumbnail((_WORKING_SIDE, _WORKING_SIDE), Image.Resampling.BOX)
    return image


def _grey(image: Image.Image, invert: str) -> np.ndarray:
    """Returns the image as float64 [H, W] in 0..1. `invert` decides the background of transparent pixels."""
    values = np.asarray(image, float)
    if image.mode == "F":
        values = np.nan_to_num(values, posinf=0, neginf=0)
        if values.min() >= 0 and values.max() <= 1:
            return values
        # A TIFF file of larger numbers does not say which of them is white.
        return (values - values.min()) / (np.ptp(values) or 1)
    if image.mode == "L":
        return values / 255
    grey = np.asarray(image.convert("RGB").convert("L"), float) / 255
    opacity = values[..., 3] / 255
    bright_object = (grey * opacity).sum() >= _MIN_MEAN_GREY_OF_BRIGHT_OBJECT * opacity.sum()
    background = invert == "yes" or (invert == "auto" and not bright_object)
    return grey * opacity + background * (1 - opacity)


def _centred(cropped: np.ndarray, dataset: Dataset) -> np.ndarray:
    """Returns float64 [28, 28] with the object on black, as large and placed as the objects in the dataset."""
    pixels = _resized(cropped, dataset.object_side)
    height, width = pixels.shape
    middle = np.array([height - 1, width - 1]) / 2
    if dataset.centred_on == "mass" and pixels.any():
        middle = np.average(list(np.ndindex(pixels.shape)), axis=0, weights=pixels.ravel())
    corner = np.round((SIDE - 1) / 2 - middle).astype(int)
    top, left = np.clip(corner, 0, SIDE - np.array(pixels.shape))
    centred = np.zeros((SIDE, SIDE))
    centred[top : top + height, left : left + width] = pixels
    return centred
