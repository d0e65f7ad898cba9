"""What NumPy has removed since TensorFlow 1.15, which worked with NumPy 1.18."""

import builtins
import functools
import math
import types
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

_BUILTINS = "bool complex float int object str"
_LIB = (
    "angle append apply_along_axis apply_over_axes array_split average bartlett bincount blackman broadcast_arrays "
    "broadcast_to column_stack common_type copy corrcoef cov delete diag diag_indices diff digitize dsplit dstack "
    "ediff1d expand_dims extract eye fill_diagonal flip fliplr flipud genfromtxt gradient hamming hanning histogram "
    "histogram2d histogramdd hsplit i0 imag insert interp intersect1d isin issubdtype ix_ kaiser kron load loadtxt "
    "median meshgrid nan_to_num nanargmax nanargmin nanmax nanmean nanmedian nanmin nanpercentile nanstd nansum nanvar "
    "ndenumerate ndindex packbits pad percentile piecewise place poly poly1d polyfit polyval real roots rot90 save "
    "savetxt savez savez_compressed select setdiff1d setxor1d sinc split tile tri tril tril_indices triu triu_indices "
    "union1d unique unpackbits unravel_index unwrap vander vectorize vsplit"
)
_LIB_FILES = (
    "arraypad arraysetops function_base histograms index_tricks nanfunctions polynomial shape_base twodim_base "
    "type_check ufunclike utils"
)
_ERRORS = "AxisError ComplexWarning ModuleDeprecationWarning RankWarning TooHardError VisibleDeprecationWarning"

# {module:old name: what it is now}. A name that starts with a dot is defined below.
NAMES = {
    **{f"numpy:{name}": f"builtins.{name}" for name in _BUILTINS.split()},
    **{f"numpy:{name}": f"numpy.exceptions.{name}" for name in _ERRORS.split()},
    **{f"numpy.lib:{name}": f"numpy.{name}" for name in _LIB.split()},
    "numpy:DataSource": "numpy.lib.npyio.DataSource",
    "numpy:Inf": "math.inf",
    "numpy:Infinity": "math.inf",
    "numpy:MAXDIMS": ".MAXDIMS",
    "numpy:NAN": "math.nan",
    "numpy:NINF": ".NINF",
    "numpy:NZERO": ".NZERO",
    "numpy:NaN": "math.nan",
    "numpy:PINF": "math.inf",
    "numpy:PZERO": ".PZERO",
    "numpy:alen": ".alen",
    "numpy:alltrue": "numpy.all",
    "numpy:asfarray": ".asfarray",
    "numpy:asscalar": ".asscalar",
    "numpy:bool8": "numpy.bool_",
    "numpy:byte_bounds": "numpy.lib.array_utils.byte_bounds",
    "numpy:bytes0": "numpy.bytes_",
    "numpy:cast": ".CAST",
    "numpy:cfloat": "numpy.complex128",
    "numpy:chararray": "numpy.char.chararray",
    "numpy:clongfloat": "numpy.clongdouble",
    "numpy:compare_chararrays": "numpy.char.compare_chararrays",
    "numpy:complex_": "numpy.complex128",
    "numpy:cumproduct": "numpy.cumprod",
    "numpy:float_": "numpy.float64",
    "numpy:format_parser": "numpy.rec.format_parser",
    "numpy:in1d": ".in1d",
    "numpy:infty": "math.inf",
    "numpy:int0": "numpy.intp",
    "numpy:loads": "pickle.loads",
    "numpy:long": "builtins.int",
    "numpy:longcomplex": "numpy.clongdouble",
    "numpy:longfloat": "numpy.longdouble",
    "numpy:mat": "numpy.asmatrix",
    "numpy:math": "math",
    "numpy:msort": ".msort",
    "numpy:object0": "numpy.object_",
    "numpy:product": "numpy.prod",
    "numpy:rank": "numpy.ndim",
    "numpy:round_": "numpy.round",
    "numpy:row_stack": "numpy.vstack",
    "numpy:safe_eval": "ast.literal_eval",
    "numpy:sctypes": ".SCTYPES",
    "numpy:singlecomplex": "numpy.complex64",
    "numpy:sometrue": "numpy.any",
    "numpy:str0": "numpy.str_",
    "numpy:string_": "numpy.bytes_",
    "numpy:sys": "sys",
    "numpy:trapz": "numpy.trapezoid",
    "numpy:typeDict": "numpy.sctypeDict",
    "numpy:uint0": "numpy.uintp",
    "numpy:unicode": "builtins.str",
    "numpy:unicode_": "numpy.str_",
    "numpy:void0": "numpy.void",
    "numpy:warnings": "warnings",
    "numpy:ndarray.itemset": ".itemset",
    "numpy:ndarray.newbyteorder": ".newbyteorder",
    "numpy:ndarray.ptp": ".ptp",
    "numpy:ndarray.tostring": ".tostring",
    "numpy:generic.tostring": ".tostring",
}
# {module that has moved: module it is now}.
MODULES = {
    **{f"numpy.lib.{name}": f"numpy.lib._{name}_impl" for name in _LIB_FILES.split()},
    "numpy.fft.helper": "numpy.fft._helper",
    "numpy.linalg.linalg": "numpy.linalg._linalg",
    "numpy.testing.utils": "numpy.testing",
}
REMOVED_MODULES = ()
# {module:name that NumPy still has: function below that returns it with its old behaviour}.
CHANGED = {
    "numpy:array": ".array",
    "numpy:asanyarray": ".rows_of_any_length",
    "numpy:asarray": ".rows_of_any_length",
    "numpy:column_stack": ".stack_of_iterator",
    "numpy:dstack": ".stack_of_iterator",
    "numpy:fromstring": ".fromstring",
    "numpy:histogram": ".histogram",
    "numpy:hstack": ".stack_of_iterator",
    "numpy:ndarray.__bool__": ".truth_of_nothing",
    "numpy:ndarray.__complex__": ".number_of_one_element",
    "numpy:ndarray.__float__": ".number_of_one_element",
    "numpy:ndarray.__int__": ".number_of_one_element",
    "numpy:reshape": ".reshape",
    "numpy:row_stack": ".stack_of_iterator",
    "numpy:stack": ".stack_of_iterator",
    "numpy:sum": ".sum_of_generator",
    "numpy:unique": ".flat_inverse",
    "numpy:vstack": ".stack_of_iterator",
}
_FINANCE = "fv ipmt irr mirr nper npv pmt ppmt pv rate"
_TEXT_READERS = "mafromtxt ndfromtxt recfromcsv recfromtxt"
_SCALAR_TYPES = "issctype issubclass_ issubsctype maximum_sctype obj2sctype sctype2char sctypeNA typeNA"
NOT_SERVED = {
    **{f"numpy.{name}": "use the package numpy-financial" for name in _FINANCE.split()},
    **{f"numpy.{name}": "use numpy.genfromtxt, or numpy<2" for name in _TEXT_READERS.split()},
    **{f"numpy.{name}": "use numpy.dtype and numpy.issubdtype, or numpy<2" for name in _SCALAR_TYPES.split()},
    "numpy.MachAr": "use numpy.finfo, or numpy<1.24",
    "numpy.Tester": "use pytest, or numpy<1.25",
    "numpy.compat": "use Python's own types, or numpy<2",
    "numpy.core.umath_tests": "for inner1d use numpy.einsum('...i,...i', a, b), or numpy<1.20",
    "numpy.deprecate": "use warnings.warn, or numpy<2",
    "numpy.disp": "use print, or numpy<2",
    "numpy.distutils": "use setuptools, or Python<3.12 with numpy<2",
    "numpy.dual": "use numpy.linalg and numpy.fft, or numpy<1.20",
    "numpy.fastCopyAndTranspose": "use a.T.copy(), or numpy<1.25",
    "numpy.find_common_type": "use numpy.result_type, or numpy<2",
    "numpy.lookfor": "use NumPy's documentation, or numpy<2",
    "numpy.nbytes": "use numpy.dtype(name).itemsize, or numpy<2",
    "numpy.set_numeric_ops": "use numpy<1.25",
    "numpy.set_string_function": "use numpy.set_printoptions(formatter=...), or numpy<2",
    "numpy.source": "use inspect.getsource, or numpy<2",
    "numpy.who": "use numpy<2",
}

MAXDIMS = 32
NINF = -math.inf
NZERO = -0.0
PZERO = 0.0
SCTYPES = {
    "int": [np.int8, np.int16, np.int32, np.int64],
    "uint": [np.uint8, np.uint16, np.uint32, np.uint64],
    "float": [np.float16, np.float32, np.float64, np.longdouble],
    "complex": [np.complex64, np.complex128, np.clongdouble],
    "others": [bool, object, bytes, str, np.void],
}


class _Cast(dict[Any, Callable[[Any], np.ndarray]]):
    """A dictionary of functions: cast[dtype](x) is an array of the dtype."""

    def __missing__(self, dtype: Any) -> Callable[[Any], np.ndarray]:
        return lambda values: np.asarray(values).astype(dtype)


CAST = _Cast()


def alen(a: Any) -> int:
    """Returns the length of the first axis, and 1 for a number."""
    return len(np.atleast_1d(a))


def asfarray(a: Any, dtype: Any = np.float64) -> np.ndarray:
    """Returns an array of the dtype, or of float64 if the dtype is neither floating nor complex."""
    return np.asarray(a, dtype if np.issubdtype(dtype, np.inexact) else np.float64)


def asscalar(a: Any) -> Any:
    """Returns the only element of an array as a number of Python."""
    return a.item()


def in1d(ar1: Any, ar2: Any, assume_unique: bool = False, invert: bool = False) -> np.ndarray:
    """Returns numpy.isin of the flattened array."""
    return np.isin(np.ravel(ar1), ar2, assume_unique=assume_unique, invert=invert)


def msort(a: Any) -> np.ndarray:
    """Returns a copy that is sorted along the first axis."""
    return np.sort(a, axis=0)


def itemset(self: Any, *arguments: Any) -> None:
    """Sets one element: itemset(value), itemset(position, value) or itemset(row, column, value)."""
    *index, value = arguments
    position = index[0] if index and isinstance(index[0], tuple) else tuple(index)
    if len(position) == 1:
        self.flat[position[0]] = value
    elif len(position) == self.ndim:
        self[position] = value
    elif not position and self.size == 1:
        self.flat[0] = value
    else:
        raise ValueError("incorrect number of indices for array")


def newbyteorder(self: Any, new_order: str = "S") -> np.ndarray:
    """Returns a view of the same bytes whose dtype has another byte order."""
    return self.view(self.dtype.newbyteorder(new_order))


def ptp(self: Any, axis: Any = None, out: Any = None, keepdims: bool = False) -> Any:
    """Returns the difference of the largest and the smallest element."""
    highest = self.max(axis=axis, keepdims=keepdims)
    return np.subtract(highest, self.min(axis=axis, keepdims=keepdims), out=out)


def tostring(self: Any, order: Any = "C") -> bytes:
    """Returns tobytes()."""
    return self.tobytes(order=order)


def rows_of_any_length(original: Callable[..., Any]) -> Callable[..., Any]:
    """Rows of different lengths make an array of objects."""

    @functools.wraps(original)
    def make(a: Any, dtype: Any = None, *arguments: Any, **keywords: Any) -> Any:
        try:
            return original(a, dtype, *arguments, **keywords)
        except ValueError as error:
            if dtype is not None or "inhomogeneous shape" not in str(error):
                raise
        return original(a, object, *arguments, **keywords)

    return make


def array(original: Callable[..., Any]) -> Callable[..., Any]:
    """Rows of different lengths make an array of objects, and copy=False copies if that is necessary."""
    make = rows_of_any_length(original)
    copy_if_necessary = None if np.lib.NumpyVersion(np.__version__) >= "2.0.0" else False

    @functools.wraps(original)
    def array(object: Any, dtype: Any = None, **keywords: Any) -> Any:
        if keywords.get("copy") in (False,):
            keywords["copy"] = copy_if_necessary
        return make(object, dtype, **keywords)

    return array


def stack_of_iterator(original: Callable[..., Any]) -> Callable[..., Any]:
    """The arrays may come from a generator, map or another iterable."""

    @functools.wraps(original)
    def stack(arrays: Any, *arguments: Any, **keywords: Any) -> Any:
        return original(arrays if hasattr(arrays, "__getitem__") else [*arrays], *arguments, **keywords)

    return stack


def fromstring(original: Callable[..., Any]) -> Callable[..., Any]:
    """Without sep, the bytes of the string are the array's elements."""

    @functools.wraps(original)
    def fromstring(string: Any, dtype: Any = float, count: int = -1, sep: str = "") -> Any:
        if sep:
            return original(string, dtype, count, sep=sep)
        data = string.encode() if isinstance(string, str) else string
        return np.frombuffer(data, dtype, count).copy()

    return fromstring


def histogram(original: Callable[..., Any]) -> Callable[..., Any]:
    """Takes normed, which divides the counts by the integral over all bins."""

    @functools.wraps(original)
    def histogram(
        a: Any, bins: Any = 10, range: Any = None, normed: Any = None, weights: Any = None, density: Any = None
    ) -> Any:
        counts, edges = original(a, bins, range, weights=weights, density=density)
        if normed and density is None:
            counts = counts / (counts * np.diff(edges)).sum()
        return counts, edges

    return histogram


def sum_of_generator(original: Callable[..., Any]) -> Callable[..., Any]:
    """Adds up the elements of a generator too."""

    @functools.wraps(original)
    def sum(a: Any, *arguments: Any, **keywords: Any) -> Any:
        if isinstance(a, types.GeneratorType):
            return builtins.sum(a)
        return original(a, *arguments, **keywords)

    return sum


def reshape(original: Callable[..., Any]) -> Callable[..., Any]:
    """Takes newshape, the old name of shape."""

    @functools.wraps(original)
    def reshape(a: Any, shape: Any = None, order: Any = "C", *, newshape: Any = None, **options: Any) -> Any:
        return original(a, newshape if shape is None else shape, order, **options)

    return reshape


def flat_inverse(original: Callable[..., Any]) -> Callable[..., Any]:
    """The inverse has one axis."""

    @functools.wraps(original)
    def unique(ar: Any, return_index: bool = False, return_inverse: bool = False, *others: Any, **options: Any) -> Any:
        found = original(ar, return_index, return_inverse, *others, **options)
        if not return_inverse:
            return found
        place = 2 if return_index else 1
        return (*found[:place], found[place].reshape(-1), *found[place + 1 :])

    return unique


def number_of_one_element(original: Callable[..., Any]) -> Callable[..., Any]:
    """An array of one element can be turned into a number, whatever its number of dimensions."""
    as_array = np.asarray

    @functools.wraps(original)
    def convert(self: np.ndarray) -> Any:
        return original(as_array(self).reshape(()) if self.ndim and self.size == 1 else self)

    return convert


def truth_of_nothing(original: Callable[..., Any]) -> Callable[..., Any]:
    """An empty array is false."""

    @functools.wraps(original)
    def __bool__(self: np.ndarray) -> bool:
        return bool(self.size) and original(self)

    return __bool__


def restore_printing() -> None:
    """Makes NumPy print numbers in lists without their types, and hides its warnings of old modules."""
    warnings.filterwarnings("ignore", r"numpy\.core", DeprecationWarning)
    if np.lib.NumpyVersion(np.__version__) >= "2.0.0":
        np.set_printoptions(legacy="1.25")  # type: ignore[arg-type]
