"""Decides by the names that a program uses whether it was written for TensorFlow 1 or for TensorFlow 2."""

import dataclasses
from collections.abc import Iterable, Mapping
from types import ModuleType

from cnn_estimator.tf1.source import Source

# The reasons where the names of both APIs are used alone.
UNDECIDED = "no name tells TensorFlow 1 from TensorFlow 2"
ALL_IN_TF2 = "it uses no name that TensorFlow 2 lacks"

# Parts whose names do not tell: TensorFlow has no estimator before the bridge is loaded, and Keras's names are in both.
_UNDECIDED_PARTS = ("compat", "estimator", "keras", "python")
_TF1_NAMES = (
    *("tensorflow.contrib", "tensorflow.examples", "tensorflow.keras.backend.get_session"),
    *("tensorflow.keras.backend.set_session", "tensorflow.keras.layers.CuDNNGRU", "tensorflow.keras.layers.CuDNNLSTM"),
    *("tensorflow.estimator.experimental.KMeans", "tensorflow.estimator.inputs", "tensorflow.estimator.tpu"),
)
# Names that tf.compat.v1 has too, but that are newer than TensorFlow 1.15.
_TF2_NAMES = (
    *("tensorflow.config.list_logical_devices", "tensorflow.config.list_physical_devices"),
    *("tensorflow.config.set_visible_devices", "tensorflow.data.AUTOTUNE"),
)
# Names of both APIs, which TensorFlow 1 programs use only after enable_eager_execution.
_EAGER_NAMES = ("tensorflow.GradientTape", "tensorflow.function")
_ENABLE_EAGER = ("enable_eager_execution", "enable_v2_behavior")
_ESTIMATORS = ("tensorflow.estimator.", "tensorflow.keras.estimator.")
_COMPAT = "tensorflow.compat."
_COMPAT_V1 = f"{_COMPAT}v1."
_COMPAT_V2 = f"{_COMPAT}v2"
# TensorFlow 2 code, which has eager execution on, cannot use them without a graph or disable_eager_execution.
_GRAPH_NAMES = (f"{_COMPAT_V1}InteractiveSession", f"{_COMPAT_V1}Session", f"{_COMPAT_V1}placeholder")
_DISABLE_EAGER = (f"{_COMPAT_V1}disable_eager_execution", f"{_COMPAT_V1}disable_v2_behavior")


@dataclasses.dataclass(frozen=True)
class Choice:
    """The API that a program gets.

    Attributes:
      api: 1 or 2.
      reason: what decided, after "because".
    """

    api: int
    reason: str


def choose(sources: Mapping[str, Source], tensorflow: ModuleType) -> Choice:
    """Returns the API for a program.

    The API with the larger number of names that only this API has wins. If no name tells, these programs are
    TensorFlow 2: eager code, programs with Estimators, and programs that write tf.compat.v1 where TensorFlow 2 needs
    it. All others are TensorFlow 1.

    Args:
      sources: {path: source} of the program's files.
      tensorflow: the module tensorflow as it was imported, with TensorFlow 2's names.
    """
    names = _names(use.name for source in sources.values() for use in source.uses if not use.optional)
    tf1_names = [name for name in names if _is_tf1(name, tensorflow)]
    tf2_names = [name for name in names if _is_tf2(name, tensorflow)]
    if len(tf2_names) > len(tf1_names):
        return Choice(2, f"TensorFlow 1 lacks {_listed(tf2_names)}")
    if tf1_names:
        return Choice(1, f"TensorFlow 2 lacks {_listed(tf1_names)}")
    methods = [f"dataset.{name}()" for source in sources.values() for name in source.tf1_methods]
    if methods:
        return Choice(1, f"TensorFlow 2 lacks {methods[0]}")
    if not any(name.endswith(_ENABLE_EAGER) for name in names):
        eager = [name for name in names if name.startswith(_EAGER_NAMES)]
        if eager:
            return Choice(2, f"{_listed(eager)} needs eager execution")
        if names and any(source.reads_numpy and not _imports(source, "torch") for source in sources.values()):
            return Choice(2, "tensor.numpy() needs eager execution")
        if names and any(source.loops_over_data for source in sources.values()):
            return Choice(2, "a loop over a dataset needs eager execution")
        if _is_kept_for_tf2(names):
            return Choice(2, ALL_IN_TF2)
    return Choice(1, UNDECIDED)


def _is_kept_for_tf2(names: Iterable[str]) -> bool:
    """Returns True for names that TensorFlow 2 has, and that a TensorFlow 1 program hardly makes do with.

    A program that has all names from tensorflow.compat.v1 is a TensorFlow 1 program. One that has names from
    tensorflow.compat.v2 needs no others.
    """
    plain_names = [name for name in names if not name.startswith((_COMPAT, "tensorflow.python."))]
    compat_names = [name for name in names if name.startswith(_COMPAT_V1)]
    v2_names = [name for name in names if name.startswith(_COMPAT_V2)]
    if any(name.startswith(_ESTIMATORS) for name in plain_names):
        return True
    needs_graph = any(name.startswith(_GRAPH_NAMES) for name in compat_names)
    has_graph = "tensorflow.Graph" in plain_names or any(name in _DISABLE_EAGER for name in compat_names)
    return bool(v2_names or (plain_names and compat_names)) and (has_graph or not needs_graph)


def _names(names: Iterable[str]) -> list[str]:
    """Returns the different names inside tensorflow, in the order of their first use."""
    return [name for name in dict.fromkeys(names) if name.startswith("tensorflow.")]


def _imports(source: Source, package: str) -> bool:
    return any(name.partition(".")[0] == package for name in source.imports)


def _is_tf1(name: str, tensorflow: ModuleType) -> bool:
    return f"{name}.".startswith(tuple(f"{start}." for start in _TF1_NAMES)) or (
        _tells(name) and not _has(tensorflow, name) and _has(tensorflow.compat.v1, name)
    )


def _is_tf2(name: str, tensorflow: ModuleType) -> bool:
    return name in _TF2_NAMES or (_tells(name) and _has(tensorflow, name) and not _has(tensorflow.compat.v1, name))


def _tells(name: str) -> bool:
    return name.split(".")[1] not in _UNDECIDED_PARTS


def _has(api: ModuleType, name: str) -> bool:
    """Returns True if the API has the name, as far as its modules go."""
    value: object = api
    for part in name.split(".")[1:]:
        if not isinstance(value, ModuleType):
            return True
        if not hasattr(value, part):
            return False
        value = getattr(value, part)
    return True


def _listed(names: list[str]) -> str:
    """Returns the first names, as a program writes them, and how many more there are."""
    shown = [name.replace("tensorflow", "tf", 1) for name in names[:3]]
    more = len(names) - len(shown)
    if more:
        return f"{', '.join(shown)} and {more} more"
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)
