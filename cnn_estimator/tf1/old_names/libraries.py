"""What SciPy, Pillow, pandas and other libraries have removed since TensorFlow 1.15. Imports none of them."""

import functools
import operator
import os
from collections.abc import Callable
from typing import Any

_PICTURES = "cnn_estimator.tf1.old_names.scipy_pictures"
_PICTURE_FUNCTIONS = "bytescale fromimage imread imresize imrotate imsave toimage"
_SPECIAL_FUNCTIONS = "comb factorial factorial2 factorialk logsumexp"
_WINDOWS = (
    "barthann bartlett blackman blackmanharris bohman boxcar chebwin cosine exponential flattop gaussian "
    "general_gaussian hamming hann kaiser nuttall parzen triang tukey"
)
_OF_NUMPY = (
    "abs arange argmax argmin argsort array asarray average ceil concatenate cos cumsum dot exp eye floor hstack inf "
    "interp isnan linspace log log10 max maximum mean median meshgrid min minimum nan ndarray newaxis ones pi power "
    "prod ravel reshape round sign sin sort sqrt std sum tan transpose unique var vstack where zeros"
)

# {module:old name: what it is now}. A name that starts with a dot is defined below.
NAMES = {
    **{f"scipy.misc:{name}": f"{_PICTURES}:{name}" for name in _PICTURE_FUNCTIONS.split()},
    **{f"scipy.misc:{name}": f"scipy.special.{name}" for name in _SPECIAL_FUNCTIONS.split()},
    **{f"scipy.signal:{name}": f"scipy.signal.windows.{name}" for name in _WINDOWS.split()},
    **{f"scipy:{name}": f"numpy.{name}" for name in _OF_NUMPY.split()},
    "PIL.Image:ANTIALIAS": "PIL.Image.LANCZOS",
    "PIL.Image:CUBIC": "PIL.Image.BICUBIC",
    "PIL.Image:LINEAR": "PIL.Image.BILINEAR",
    "PIL.ImageDraw:ImageDraw.textsize": ".text_size",
    "PIL.ImageFont:FreeTypeFont.getsize": ".font_size",
    "PIL.ImageFont:ImageFont.getsize": ".font_size",
    "h5py:Dataset.value": ".VALUE",
    "pandas:DataFrame.append": ".append",
    "pandas:DataFrame.as_matrix": ".as_matrix",
    "pandas:DataFrame.iteritems": "pandas.DataFrame.items",
    "pandas:Series.append": ".append",
    "pandas:Series.as_matrix": ".as_matrix",
    "pandas:Series.iteritems": "pandas.Series.items",
    "pandas:datetime": "datetime.datetime",
    "pandas:np": "numpy",
    "scipy.integrate:cumtrapz": "scipy.integrate.cumulative_trapezoid",
    "scipy.integrate:trapz": "scipy.integrate.trapezoid",
    "scipy.misc:ascent": "scipy.datasets.ascent",
    "scipy.misc:electrocardiogram": "scipy.datasets.electrocardiogram",
    "scipy.misc:face": "scipy.datasets.face",
    "scipy.misc:pade": "scipy.interpolate.pade",
    "scipy.signal:hanning": "scipy.signal.windows.hann",
    "scipy:random": "numpy.random",
    "sklearn.cross_validation:cross_val_score": "sklearn.model_selection.cross_val_score",
    "sklearn.cross_validation:train_test_split": "sklearn.model_selection.train_test_split",
    "sklearn.grid_search:GridSearchCV": "sklearn.model_selection.GridSearchCV",
    "sklearn.grid_search:ParameterGrid": "sklearn.model_selection.ParameterGrid",
}
# {module that has moved: module it is now}.
MODULES = {
    **{f"scipy.ndimage.{name}": "scipy.ndimage" for name in ("filters", "fourier", "interpolation", "measurements")},
    **{f"scipy.sparse.{name}": "scipy.sparse" for name in ("base", "bsr", "coo", "csc", "csr", "dia", "dok", "lil")},
    "scipy.misc.pilutil": _PICTURES,
    "scipy.ndimage.morphology": "scipy.ndimage",
    "scipy.sparse.linalg.eigen.arpack": "scipy.sparse.linalg",
    "scipy.sparse.linalg.eigen": "scipy.sparse.linalg",
    "sklearn.datasets.samples_generator": "sklearn.datasets",
    "sklearn.externals.joblib": "joblib",
    "sklearn.externals.six": "six",
    "sklearn.metrics.classification": "sklearn.metrics",
}
REMOVED_MODULES = ("scipy.misc", "sklearn.cross_validation", "sklearn.grid_search")
# {module:name that the library still has: function below that returns it with its old behaviour}.
CHANGED = {
    "absl.flags._argument_parser:EnumParser.__init__": ".text_of_values",
    "h5py:File.__init__": ".open_for_writing",
    "yaml:load": ".full_loader",
    "yaml:load_all": ".full_loader",
}
NOT_SERVED = {
    "pandas.DataFrame.ix": "use loc or iloc, or pandas<1",
    "pandas.Panel": "use pandas<0.25",
    "scipy.integrate.simps": "use scipy.integrate.simpson, which differs for an even number of points, or scipy<1.11",
    "scipy.interpolate.interp2d": "use scipy.interpolate.RegularGridInterpolator, or scipy<1.14",
    "scipy.misc.derivative": "use scipy<1.12",
    "scipy.misc.imfilter": "use PIL.ImageFilter, or scipy<1.2",
    "scipy.misc.imshow": "use matplotlib.pyplot.imshow, or scipy<1.2",
    "sklearn.cross_validation.KFold": "use sklearn.model_selection.KFold, whose arguments differ",
    "sklearn.cross_validation.StratifiedKFold": "use sklearn.model_selection.StratifiedKFold, whose arguments differ",
    "sklearn.datasets.fetch_mldata": "use sklearn.datasets.fetch_openml: the server of mldata is gone",
    "sklearn.datasets.load_boston": "use scikit-learn<1.2",
    "sklearn.preprocessing.Imputer": "use sklearn.impute.SimpleImputer, or scikit-learn<0.22",
    "sklearn.utils.linear_assignment_": "use scipy.optimize.linear_sum_assignment, or scikit-learn<0.23",
}


VALUE = property(operator.itemgetter(()), doc="The values of the dataset as an array.")


def font_size(self: Any, text: Any, *arguments: Any, **keywords: Any) -> tuple[int, int]:
    """Returns the width of a text in pixels, and its height from the top of the line."""
    _, _, right, bottom = self.getbbox(text, *arguments, **keywords)
    return right, bottom


def text_size(self: Any, text: Any, font: Any = None, spacing: float = 4, **keywords: Any) -> tuple[int, int]:
    """Returns the width and height that a text takes when it is drawn."""
    font = font or self.getfont()
    separator = "\n" if isinstance(text, str) else b"\n"
    lines = text.split(separator)
    sizes = [font_size(font, line, **keywords) for line in lines]
    if len(lines) == 1:
        return sizes[0]
    line_height = font_size(font, "A", **keywords)[1] + spacing
    return max(width for width, _ in sizes), int(len(lines) * line_height - spacing)


def append(
    self: Any, other: Any, ignore_index: bool = False, verify_integrity: bool = False, sort: bool = False
) -> Any:
    """Returns the rows of both."""
    import pandas

    is_frame = isinstance(self, pandas.DataFrame)
    if isinstance(other, dict):
        other = pandas.Series(other)
    if is_frame and isinstance(other, pandas.Series):
        if not ignore_index and other.name is None:
            raise TypeError("a Series can be appended if it has a name, or with ignore_index=True")
        other = other.reindex(self.columns.union(other.index, sort=False)).to_frame().T.infer_objects()
    if is_frame and isinstance(other, list) and other and not isinstance(other[0], pandas.DataFrame):
        other = pandas.DataFrame(other)
    others = other if isinstance(other, list | tuple) else [other]
    options = {"sort": sort} if is_frame else {}
    return pandas.concat([self, *others], ignore_index=ignore_index, verify_integrity=verify_integrity, **options)


def as_matrix(self: Any, columns: Any = None) -> Any:
    """Returns the values of all columns, or of some, as an array."""
    return self.values if columns is None else self[columns].values


def text_of_values(original: Callable[..., None]) -> Callable[..., None]:
    """Takes one text as the values of an enum flag. The flag's value may be any part of the text, as in absl-py 1.0."""

    @functools.wraps(original)
    def __init__(self: Any, enum_values: Any, *arguments: Any, **keywords: Any) -> None:
        text = enum_values if isinstance(enum_values, str) else ""
        original(self, [text] if text else enum_values, *arguments, **keywords)
        if text:
            self.enum_values = text

    return __init__


def open_for_writing(original: Callable[..., None]) -> Callable[..., None]:
    """Opens a file for reading and writing if no mode is named, and creates it if it does not exist."""

    @functools.wraps(original)
    def __init__(self: Any, name: Any, mode: str | None = None, *arguments: Any, **keywords: Any) -> None:
        if mode is None:
            is_path = isinstance(name, str | bytes | os.PathLike)
            mode = "a" if is_path and (os.access(name, os.W_OK) or not os.path.exists(name)) else "r"
        original(self, name, mode, *arguments, **keywords)

    return __init__


def full_loader(original: Callable[..., Any]) -> Callable[..., Any]:
    """Without a Loader, takes yaml.FullLoader, which makes no objects of arbitrary classes."""
    import yaml

    @functools.wraps(original)
    def load(stream: Any, Loader: Any = None) -> Any:
        return original(stream, Loader or yaml.FullLoader)

    return load
