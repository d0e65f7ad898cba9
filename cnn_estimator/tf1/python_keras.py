"""tensorflow.python.keras for programs under `run`: up to TensorFlow 2.5 it was the Keras behind tf.keras.

Today it is a copy of Keras, whose layers cannot be mixed with the layers of tf.keras.
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
# Parts whose TensorFlow 1 classes are only in the package's API. Elsewhere the package has TensorFlow 2's classes.
_API_PARTS = (
    *("applications", "callbacks", "initializers", "layers", "metrics", "optimizers", "preprocessing"),
    *("preprocessing.image", "preprocessing.sequence", "preprocessing.text"),
)
_OLD_FILES = """
    advanced_activations convolutional convolutional_recurrent core embeddings local merge noise normalization pooling
    recurrent wrappers
"""
# Modules that moved: {old name inside tensorflow.python.keras: new name inside the package}. {api}: its public API.
_MOVED_MODULES = {
    "optimizer_v2": "src.optimizers.legacy",
    **{f"layers.{name}": "{api}.layers" for name in _OLD_FILES.split()},
}


class _KerasFinder(importlib.abc.MetaPathFinder):
    """Finds modules of the package behind tf.keras under tensorflow.python.keras.

    Modules that the package lacks come from TensorFlow's copy of Keras.
    """

    def __init__(self, package: str, api: int, copies: dict[str, ModuleType]) -> None:
        """api: 1 or 2, of TensorFlow; copies: {name: module} of the loaded modules of TensorFlow's copy."""
        self._package = package
        self._api = f"api._v{api}.keras"
        self._copies = copies

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if not f"{fullname}.".startswith(f"{_NAME}."):
            return None
        inside = fullname[len(_NAME) + 1 :]
        sources = self._sources(inside)
        if sources:
            if inside in ("", "_impl", "_impl.keras") or len(sources) > 1:
                return importlib.machinery.ModuleSpec(fullname, _MergingLoader(sources), is_package=True)
            return importlib.machinery.ModuleSpec(fullname, aliases.AliasLoader(importlib.import_module(sources[0])))
        if fullname in self._copies:
            return importlib.machinery.ModuleSpec(fullname, aliases.AliasLoader(self._copies[fullname]))
        return None

    def _sources(self, inside: str) -> list[str]:
        """Returns the package's modules for a name inside tensorflow.python.keras. The last one has precedence."""
        inside = re.sub(r"^_impl(\.keras)?(\.|$)", "", inside)  # names of TensorFlow 1.8 and earlier
        candidates = [f"src.{inside}".rstrip(".")]
        if inside in _API_PARTS:
            candidates.append(f"{self._api}.{inside}")
        for old, new in _MOVED_MODULES.items():
            if f"{inside}.".startswith(f"{old}."):
                candidates.append(new.format(api=self._api) + inside[len(old) :])
        names = [f"{self._package}.{name}" for name in candidates]
        existing = [name for name in names if _exists(name)]
        return existing if inside in _API_PARTS else existing[-1:]


def _exists(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:  # its parent does not exist
        return False


class _MergingLoader(importlib.abc.Loader):
    """Fills a module with the functions and classes of other modules. The finder finds its submodules."""

    def __init__(self, sources: list[str]) -> None:
        self._sources = sources

    def exec_module(self, module: ModuleType) -> None:
        def import_submodule(name: str) -> ModuleType:
            try:
                if not name.startswith("__"):  # Python's own look-ups, such as __wrapped__
                    return importlib.import_module(f"{module.__name__}.{name}")
            except ModuleNotFoundError:
                pass
            raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")

        vars(module)["__getattr__"] = import_submodule
        for source in self._sources:
            for key, value in vars(importlib.import_module(source)).items():
                if not key.startswith("__") and not isinstance(value, ModuleType):
                    vars(module)[key] = value


def install(package: str, api: int) -> None:
    """Makes the modules of a package importable under tensorflow.python.keras.

    Args:
      package: keras or tf_keras.
      api: 1 or 2, the API of TensorFlow that the program gets.
    """
    names = [name for name in sys.modules if f"{name}.".startswith(f"{_NAME}.")]
    copies = {name: sys.modules.pop(name) for name in names}
    vars(sys.modules["tensorflow.python"]).pop("keras", None)
    sys.meta_path.insert(0, _KerasFinder(package, api, copies))
