"""The functions for pictures that scipy.misc had up to SciPy 1.1. They need Pillow."""

from typing import Any

import numpy as np
from PIL import Image

_RESAMPLE = {
    "nearest": Image.Resampling.NEAREST,
    "lanczos": Image.Resampling.LANCZOS,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "cubic": Image.Resampling.BICUBIC,
}
_CHANNELS = {"RGB": 3, "YCbCr": 3, "RGBA": 4, "CMYK": 4}


def imread(name: Any, flatten: bool = False, mode: str | None = None) -> np.ndarray:
    """Returns the pixels of an image file."""
    return fromimage(Image.open(name), flatten, mode)


def imsave(name: Any, arr: Any, format: str | None = None) -> None:
    """Writes an array as an image file, scaled to 0 ... 255 unless it is uint8."""
    toimage(arr, channel_axis=2).save(name, format)


def imresize(arr: Any, size: Any, interp: str = "bilinear", mode: str | None = None) -> np.ndarray:
    """Returns an image in another size: (height, width), a fraction, or a whole number of percent."""
    image = toimage(arr, mode=mode)
    if isinstance(size, int | np.signedinteger):
        new_size = [int(side * (size / 100)) for side in image.size]
    elif isinstance(size, float | np.floating):
        new_size = [int(side * size) for side in image.size]
    else:
        new_size = [size[1], size[0]]
    return fromimage(image.resize((new_size[0], new_size[1]), _RESAMPLE[interp]))


def imrotate(arr: Any, angle: float, interp: str = "bilinear") -> np.ndarray:
    """Returns an image that is rotated counter-clockwise by degrees."""
    return fromimage(toimage(arr).rotate(angle, _RESAMPLE[interp]))


def fromimage(im: Image.Image, flatten: bool = False, mode: str | None = None) -> np.ndarray:
    """Returns the pixels of a Pillow image, with flatten as gray float32."""
    if not isinstance(im, Image.Image):
        raise TypeError("the input is not a Pillow image")
    if mode is None and im.mode == "P":
        mode = "RGBA" if "transparency" in im.info else "RGB"
    if mode is not None and mode != im.mode:
        im = im.convert(mode)
    if flatten:
        im = im.convert("F")
    elif im.mode == "1":
        im = im.convert("L")
    return np.array(im)


def bytescale(data: np.ndarray, cmin: Any = None, cmax: Any = None, high: int = 255, low: int = 0) -> np.ndarray:
    """Returns uint8 data as they are, and other data scaled from cmin ... cmax to low ... high."""
    if data.dtype == np.uint8:
        return data
    if not 0 <= low <= high <= 255:
        raise ValueError("low and high must be in 0 ... 255, and in this order")
    lowest = data.min() if cmin is None else cmin
    span = (data.max() if cmax is None else cmax) - lowest
    if span < 0:
        raise ValueError("cmax must not be smaller than cmin")
    if np.issubdtype(data.dtype, np.floating):
        lowest = data.dtype.type(lowest)  # so that float32 data stay float32, as in NumPy 1
    scaled = (data - lowest) * (float(high - low) / float(span or 1)) + low
    return (scaled.clip(low, high) + 0.5).astype(np.uint8)


def toimage(
    arr: Any,
    high: int = 255,
    low: int = 0,
    cmin: Any = None,
    cmax: Any = None,
    pal: Any = None,
    mode: str | None = None,
    channel_axis: int | None = None,
) -> Image.Image:
    """Returns a Pillow image of an array [height, width], or with a third axis of 3 or 4 channels at any place."""
    data = np.asarray(arr)
    if np.iscomplexobj(data):
        raise ValueError("a complex array is not an image")
    if data.ndim == 2:
        return _gray_image(data, high, low, cmin, cmax, pal, mode)
    if data.ndim != 3 or not {3, 4} & {*data.shape}:
        raise ValueError(f"an array of shape {data.shape} is not an image")
    if channel_axis is None:
        channel_axis = data.shape.index(3 if 3 in data.shape else 4)
    channels = data.shape[channel_axis]
    if channels not in (3, 4):
        raise ValueError(f"an image has 3 or 4 channels, not {channels}")
    mode = mode or ("RGB" if channels == 3 else "RGBA")
    if _CHANNELS.get(mode) != channels:
        raise ValueError(f"an image of mode {mode} does not have {channels} channels")
    pixels = np.moveaxis(bytescale(data, cmin, cmax, high, low), channel_axis, 2)
    return Image.frombytes(mode, pixels.shape[1::-1], pixels.tobytes())


def _gray_image(data: np.ndarray, high: int, low: int, cmin: Any, cmax: Any, pal: Any, mode: str | None) -> Image.Image:
    size = data.shape[::-1]
    if mode == "F":
        return Image.frombytes(mode, size, data.astype(np.float32).tobytes())
    if mode == "1":
        return Image.frombytes(mode, size, (data > high).tobytes())
    if mode == "I":
        lowest = data.min() if cmin is None else cmin
        highest = data.max() if cmax is None else cmax
        scaled = (data * 1.0 - lowest) * (high - low) / (highest - lowest) + low
        return Image.frombytes(mode, size, scaled.astype(np.uint32).tobytes())
    if mode not in (None, "L", "P"):
        raise ValueError(f"an array with two axes is not an image of mode {mode}")
    image = Image.frombytes("L", size, bytescale(data, cmin, cmax, high, low).tobytes())
    if pal is None and mode == "P":
        pal = np.arange(256)[:, np.newaxis].repeat(3, axis=1)
    if pal is not None:
        image.putpalette(np.asarray(pal, np.uint8).tobytes())
    return image
