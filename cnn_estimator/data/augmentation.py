"""Random changes of training images that do not change their classes. Imports no TensorFlow."""

from collections.abc import Callable

import numpy as np

MAX_SHIFT_PIXELS = 2

Augment = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def create(name: str) -> Augment | None:
    """Returns the function that changes a batch for one of AUGMENTATIONS, or None for "none"."""
    return {"none": None, "flips": flip, "shifts": shift, "flips_and_shifts": flip_and_shift}[name]


def flip(images: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Returns images [B, H, W] of any dtype, half of them mirrored left to right."""
    return np.where(generator.random(len(images))[:, None, None] < 0.5, images[:, :, ::-1], images)


def shift(images: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Returns images [B, H, W] of any dtype, each moved by up to 2 pixels in each direction, with 0 at the edges."""
    count, height, width = images.shape
    padded = np.pad(images, ((0, 0), (MAX_SHIFT_PIXELS, MAX_SHIFT_PIXELS), (MAX_SHIFT_PIXELS, MAX_SHIFT_PIXELS)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (height, width), axis=(1, 2))
    down, right = generator.integers(0, 2 * MAX_SHIFT_PIXELS + 1, (2, count))
    return windows[np.arange(count), down, right]


def flip_and_shift(images: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Returns images [B, H, W] of any dtype that flip() and then shift() have changed."""
    return shift(flip(images, generator), generator)
