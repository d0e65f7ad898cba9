"""tensorflow.python.keras for TF 1 programs: the Keras behind tf.keras, in which it was in TensorFlow 1.

TensorFlow 2 has a copy of its own under that name, which the models and layers of tf.keras do not work with.
"""

import importlib.abc
import importlib.machinery
import importlib.util
import re
import sys
from collections.abc import Sequence
from types import ModuleType

from cnn_estimator.tf1 import aliases

_NAME = "tensorflow.python.keras"
# The parts that have the classes of TensorFlow 1 in the API, and those of TensorFlow 2 elsewhere in the package.
_API = (
    *("applications", "callbacks", "initializers", "layers", "metrics", "optimizers", "preprocessing"),
    *("preprocessing.image", "preprocessing.sequence", "preprocessing.text"),
)
_OLD_FILES = """
    advanced_activations convolutional convolutional_recurrent core embeddings local merge noise normalization pooling
    recurrent wrappers
"""
# Where TensorFlow 1 had what is elsewhere now, {inside of tensorflow.python.keras: inside of the package}.
_MOVED = {
    "optimizer_v2": "src.optimizers.legacy",
    **{f"layers.{name}": "api._v1.keras.layers" for name in _OLD_FILES.split()},
}


class _Finder(importlib.abc.MetaPathFinder):
    """Finds the modules of tf.keras's package under the names of TensorFlow's copy; what it lacks is the copy's."""

    def __init__(self, package: str, copies: dict[str, ModuleType]) -> None:
        """copies: {name: module} of those that were loaded."""
        self._package, self._copies = package, copies

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if not f"{fullname}.".startswith(f"{_NAME}."):
            return None
        inside = fullname[len(_NAME) + 1 :]
        names = self._names(inside)
        if names:
            if inside in ("", "_impl", "_impl.keras") or len(names) > 1:
                return importlib.machinery.ModuleSpec(fullname, _Merged(names), is_package=True)
            return importlib.machinery.ModuleSpec(fullname, aliases.Loaded(names[0]))
        if fullname in self._copies:
            return importlib.machinery.ModuleSpec(fullname, _Copy(self._copies[fullname]))
        return None

    def _names(self, inside: str) -> list[str]:
        """Returns the modules that a name inside of tensorflow.python.keras stands for; a later one goes first."""
        inside = re.sub(r"^_impl(\.keras)?(\.|$)", "", inside)  # until TensorFlow 1.8
        candidates = [f"src.{inside}".rstrip(".")]
        if inside in _API:
            candidates.append(f"api._v1.keras.{inside}")
        for old, new in _MOVED.items():
            if f"{inside}.".startswith(f"{old}."):
                candidates.append(new + inside[len(old) :])
        names = [f"{self._package}.{name}" for name in candidates]
        found = [name for name in names if _exists(name)]
        return found if inside in _API else found[-1:]


def _exists(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:  # of a module that it would be in
        return False


class _Merged(importlib.abc.Loader):
    """Fills a module with the names of others, but not with the modules inside of them, which are found by name."""

    def __init__(self, names: list[str]) -> None:
        self._names = names

    def exec_module(self, module: ModuleType) -> None:
        def inner_module(name: str) -> ModuleType:
            try:
                if not name.startswith("__"):  # inspection
                    return importlib.import_module(f"{module.__name__}.{name}")
            except ModuleNotFoundError:
                pass
            raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")

        vars(module)["__getattr__"] = inner_module
        for name in self._names:
            for key, value in vars(importlib.import_module(name)).items():
                if not key.startswith("__") and not isinstance(value, ModuleType):
                    vars(module)[key] = value


class _Copy(importlib.abc.Loader):
    """Gives a module that was loaded before."""

    def __init__(self, module: ModuleType) -> None:
        self._module, self._spec = module, module.__spec__

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        return self._module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self._spec


def serve(package: str) -> None:
    """Has the modules inside of a package, keras or tf_keras, found under tensorflow.python.keras from now on."""
    names = [name for name in sys.modules if f"{name}.".startswith(f"{_NAME}.")]
    copies = {name: sys.modules.pop(name) for name in names}
    vars(sys.modules["tensorflow.python"]).pop("keras", None)
    sys.meta_path.insert(0, _Finder(package, copies))
