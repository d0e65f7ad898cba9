"""The names that NumPy had in TensorFlow 1's days, for programs that use them."""

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
    """Gives NumPy the names that it has lost, and leaves those that it has."""
    lost: dict[str, Any] = {name: getattr(builtins, name) for name in _BUILTINS}
    lost |= {old: getattr(np, new) for old, new in _RENAMED.items() if hasattr(np, new)}
    lost |= {"NINF": -math.inf, "PINF": math.inf, "asfarray": _asfarray, "asscalar": np.ndarray.item, "unicode": str}
    for name, value in lost.items():
        if name not in vars(np):
            setattr(np, name, value)
    np.reshape = _reshape  # type: ignore[assignment]  # fewer overloads than its own


def _asfarray(a: Any, dtype: Any = np.float64) -> np.ndarray:
    """Returns an array of a floating or complex dtype, float64 where another is asked for."""
    return np.asarray(a, dtype if np.issubdtype(dtype, np.inexact) else np.float64)


def _reshape(a: Any, shape: Any = None, order: Any = "C", *, newshape: Any = None, **options: Any) -> np.ndarray:
    """np.reshape, which called its shape newshape."""
    return _NUMPY_RESHAPE(a, newshape if shape is None else shape, order, **options)
