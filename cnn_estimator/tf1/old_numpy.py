"""Restores NumPy's old names, such as np.int, for programs that were written for TensorFlow 1."""

import builtins
import math
from typing import Any

import numpy as np

_BUILTINS = ("bool", "complex", "float", "int", "object", "str")
_RENAMED = {
    "Inf": "inf",
    "Infinity": "inf",
    "NaN": "nan",
    "alltrue": "all",
    "complex_": "complex128",
    "cumproduct": "cumprod",
    "float_": "float64",
    "in1d": "isin",
    "infty": "inf",
    "mat": "asmatrix",
    "product": "prod",
    "round_": "round",
    "row_stack": "vstack",
    "sometrue": "any",
    "string_": "bytes_",
    "trapz": "trapezoid",
    "unicode_": "str_",
}
_NUMPY_RESHAPE = np.reshape


def restore() -> None:
    """Adds the names that NumPy has removed. Names that NumPy still has stay as they are."""
    removed: dict[str, Any] = {name: getattr(builtins, name) for name in _BUILTINS}
    removed |= {old: getattr(np, new) for old, new in _RENAMED.items() if hasattr(np, new)}
    removed |= {"NINF": -math.inf, "PINF": math.inf, "asfarray": _asfarray, "asscalar": np.ndarray.item, "unicode": str}
    for name, value in removed.items():
        if name not in vars(np):
            setattr(np, name, value)
    np.reshape = _reshape  # type: ignore[assignment]  # it has fewer overloads than NumPy's


def _asfarray(a: Any, dtype: Any = np.float64) -> np.ndarray:
    """Returns an array of the dtype, or of float64 if the dtype is neither floating nor complex."""
    return np.asarray(a, dtype if np.issubdtype(dtype, np.inexact) else np.float64)


def _reshape(a: Any, shape: Any = None, order: Any = "C", *, newshape: Any = None, **options: Any) -> np.ndarray:
    """Is np.reshape, and takes newshape, the old name of shape."""
    return _NUMPY_RESHAPE(a, newshape if shape is None else shape, order, **options)
