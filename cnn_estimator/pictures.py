"""Image files of any kind -> images as the training sets have them: 28x28, grey, a bright object on black."""

import dataclasses
import os
import warnings

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from cnn_estimator.datasets import SIDE
from cnn_estimator.errors import UserError

# Pixels alone: Pillow runs other programs for some formats.
FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
MOST_PIXELS = 50_000_000  # a camera's
_WORKING_SIDE = 8 * SIDE  # larger images are made smaller first, which also takes their noise away
_NEARLY_WHITE = 0.8  # the mean grey from which on an object would be lost on white
_TOLERANCE = 0.12  # how far from the ground's grey a pixel may be and still belong to it


@dataclasses.dataclass(frozen=True)
class Picture:
    """image: float32 [28, 28] in 0..1. inverted: whether bright and dark were exchanged."""

    image: np.ndarray
    inverted: bool


def read(path, *, dataset, invert):
    """Reads an image file: its first frame, upright, in grey, the object cut out and put into the middle of 28x28.

    An image that has 28x28 pixels is taken for one of a training set, and nothing in it is moved.

    Args:
      path: of a file in one of FORMATS.
      dataset: the datasets.Dataset whose images it is to be like.
      invert: "yes", "no", or "auto": where the ground, which the border shows, is brighter than mid-grey. Transparent
        pixels become black ground, or white with "yes"; with "auto" white too, but for an object that is nearly white.

    Returns:
      A Picture.

    Raises:
      UserError: the file is missing, empty, no image, damaged or too large; the message does not name it.
    """
    grey = _grey(_opened(path), invert)
    ground = np.median(np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]]))
    inverted = invert == "yes" or (invert == "auto" and bool(ground > 0.5))
    if inverted:
        grey, ground = 1 - grey, 1 - ground
    if grey.shape != (SIDE, SIDE):
        grey = _centred(_cut_out(grey, ground), dataset)
    return Picture(grey.astype(np.float32), inverted)


def _opened(path):
    """Returns a Pillow image, upright, of at most _WORKING_SIDE, in one of the modes L, RGBA and F (of any range)."""
    if not os.path.isfile(path):
        raise UserError("no such file")
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
        values = np.nan_to_num(values)
        return (values - values.min()) / (np.ptp(values) or 1)
    if image.mode == "L":
        return values / 255
    grey = np.asarray(image.convert("RGB").convert("L"), float) / 255
    cover = values[..., 3] / 255
    bright_object = (grey * cover).sum() >= _NEARLY_WHITE * cover.sum()
    ground = invert == "yes" or (invert == "auto" and not bright_object)
    return grey * cover + ground * (1 - cover)


def _cut_out(grey, ground):
    """Returns the part of the image that holds all that is not ground, with the ground made black."""
    rows, columns = np.nonzero(np.abs(grey - ground) > _TOLERANCE)
    if not len(rows):
        return np.zeros_like(grey)
    part = grey[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
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
