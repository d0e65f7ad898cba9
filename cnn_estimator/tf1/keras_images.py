"""Keras's transformations of images as in TensorFlow 1.15, for a process that runs nothing but a TF 1 program.

Later releases turn and shear to the other side, shift and zoom along the other axis, and have another center. They also
keep the range of an image whose brightness they change, and whiten images in another way.
"""

import functools
import importlib
import types
from collections.abc import Callable
from typing import Any

import numpy as np

_RANDOM_TRANSFORMATIONS = ("random_rotation", "random_shift", "random_shear", "random_zoom")


def restore(package: str) -> None:
    """Gives the images of a package, keras or tf_keras, the transformations of TensorFlow 1.15."""
    module = importlib.import_module(f"{package}.src.preprocessing.image")
    functions = {
        "apply_affine_transform": apply_affine_transform,
        "apply_brightness_shift": _to_the_whole_range(module.apply_brightness_shift),
        "transform_matrix_offset_center": transform_matrix_offset_center,
        **{name: _along_the_first_axes(getattr(module, name)) for name in _RANDOM_TRANSFORMATIONS},
    }
    api = importlib.import_module(f"{package}.api._v1.keras.preprocessing.image")
    for name, function in functions.items():
        setattr(module, name, function)
        if hasattr(api, name):
            setattr(api, name, function)
    module.ImageDataGenerator.fit = _with_old_whitening(module)


def transform_matrix_offset_center(matrix: np.ndarray, x: float, y: float) -> np.ndarray:
    """Returns a matrix that transforms around the center of x rows and y columns, as TensorFlow 1.15 counted it."""
    center = (x / 2 + 0.5, y / 2 + 0.5)
    to_center = np.array([[1, 0, center[0]], [0, 1, center[1]], [0, 0, 1]])
    from_center = np.array([[1, 0, -center[0]], [0, 1, -center[1]], [0, 0, 1]])
    return to_center @ matrix @ from_center


def apply_affine_transform(
    x: np.ndarray,
    theta: float = 0,
    tx: float = 0,
    ty: float = 0,
    shear: float = 0,
    zx: float = 1,
    zy: float = 1,
    row_axis: int = 0,
    col_axis: int = 1,
    channel_axis: int = 2,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    order: int = 1,
) -> np.ndarray:
    """Returns an image that is turned, shifted, sheared and zoomed, in this order.

    Args:
      x: an image with three axes.
      theta: angle in degrees.
      tx: shift along the rows, in pixels.
      ty: shift along the columns, in pixels.
      shear: angle in degrees.
      zx: zoom along the rows.
      zy: zoom along the columns.
      row_axis: the axis of x with the rows.
      col_axis: the axis of x with the columns.
      channel_axis: the axis of x with the channels.
      fill_mode: what lies outside of the image, a mode of scipy.ndimage.
      cval: the value outside of the image for the mode constant.
      order: order of the splines that interpolate.

    Raises:
      ImportError: SciPy is not installed.
    """
    ndimage = importlib.import_module("scipy.ndimage")
    parts = []
    if theta != 0:
        angle = np.deg2rad(theta)
        parts.append([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    if tx != 0 or ty != 0:
        parts.append([[1, 0, tx], [0, 1, ty], [0, 0, 1]])
    if shear != 0:
        angle = np.deg2rad(shear)
        parts.append([[1, -np.sin(angle), 0], [0, np.cos(angle), 0], [0, 0, 1]])
    if zx != 1 or zy != 1:
        parts.append([[zx, 0, 0], [0, zy, 0], [0, 0, 1]])
    if not parts:
        return x
    product: np.ndarray = functools.reduce(np.dot, map(np.array, parts))
    matrix = transform_matrix_offset_center(product, x.shape[row_axis], x.shape[col_axis])
    channels = [
        ndimage.affine_transform(channel, matrix[:2, :2], matrix[:2, 2], order=order, mode=fill_mode, cval=cval)
        for channel in np.moveaxis(x, channel_axis, 0)
    ]
    return np.stack(channels, channel_axis)


def _to_the_whole_range(apply_brightness_shift: Callable[..., Any]) -> Callable[..., Any]:
    """Returns apply_brightness_shift that always spreads the image over 0 to 255 first."""

    @functools.wraps(apply_brightness_shift)
    def shift(x: Any, brightness: float, scale: object = True) -> Any:
        return apply_brightness_shift(x, brightness)

    return shift


def _along_the_first_axes(transform: Callable[..., Any]) -> Callable[..., Any]:
    """Returns a random transformation that takes its range from row_axis and col_axis, and transforms axes 0 and 1."""

    def apply(*arguments: Any, row_axis: object, col_axis: object, **keywords: Any) -> np.ndarray:
        return apply_affine_transform(*arguments, **keywords)

    names = {**transform.__globals__, "apply_affine_transform": apply}
    copy = types.FunctionType(transform.__code__, names, transform.__name__, transform.__defaults__)
    return functools.update_wrapper(copy, transform)


def _with_old_whitening(module: types.ModuleType) -> Callable[..., None]:
    """Returns ImageDataGenerator.fit with the whitening matrix of TensorFlow 1.15."""
    fit = module.ImageDataGenerator.fit

    @functools.wraps(fit)
    def fit_generator(generator: Any, x: Any, augment: bool = False, rounds: int = 1, seed: int | None = None) -> None:
        if generator.zca_whitening and augment:
            raise NotImplementedError("ImageDataGenerator.fit with zca_whitening: leave augment=True out")
        fit(generator, x, augment, rounds, seed)
        if generator.zca_whitening:
            generator.zca_whitening_matrix = _whitening_matrix(generator, np.array(x, generator.dtype))
            generator.principal_components = generator.zca_whitening_matrix  # its name in TensorFlow 1.15

    return fit_generator


def _whitening_matrix(generator: Any, images: np.ndarray) -> np.ndarray:
    """Returns the matrix that whitens flat images. images: what the generator was fitted to; they are changed."""
    if generator.rescale:
        images *= generator.rescale
    if generator.featurewise_center:  # whitening turns featurewise_std_normalization off
        images -= generator.mean
    flat = images.reshape(len(images), -1)
    vectors, variances, _ = np.linalg.svd(flat.T @ flat / len(flat))
    return (vectors / np.sqrt(variances + generator.zca_epsilon)) @ vectors.T
