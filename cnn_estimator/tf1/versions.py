"""The version of TensorFlow that a program under `run` reads.

Programs choose between TensorFlow 1 and 2 by tf.__version__. A TensorFlow 1 program gets the API of 1.15, so it must
read 1.15.5. A package that needs TensorFlow 2 must read the true version, or it refuses to work.
"""

import functools
import importlib.metadata
import sys
from collections.abc import Mapping
from types import FrameType, ModuleType

from packaging.specifiers import SpecifierSet

TF1_VERSION = "1.15.5"
_NAMES = ("VERSION", "__version__")
# The last Python for which TensorFlow 1.15 was released.
_TF1_PYTHON = "3.7"
_TENSORFLOW_PACKAGES = ("keras", "tensorboard", "tensorflow", "tensorflow_estimator", "tf_keras")


def tell(version: str, tensorflow: ModuleType, *parts: ModuleType) -> None:
    """Makes TensorFlow tell a version as __version__ and VERSION to the program and to packages of TensorFlow 1's time.

    Args:
      tensorflow: the module tensorflow, which tells the true version to packages that need TensorFlow 2.
      parts: other modules with the version, such as tf.compat.v1. They tell it to everybody.
    """
    names = [name for name in _NAMES if hasattr(tensorflow, name)]
    properties = {name: _property(version, getattr(tensorflow, name)) for name in names}
    tensorflow.__class__ = type(ModuleType.__name__, (ModuleType,), properties)
    for part in parts:
        for name in _NAMES:
            if hasattr(part, name):
                setattr(part, name, version)


def _property(told: str, true: str) -> property:
    def version(module: ModuleType) -> str:
        return true if _needs_the_true_version(sys._getframe(1)) else told

    return property(version)


def _needs_the_true_version(caller: FrameType) -> bool:
    """Returns True for TensorFlow's code, and for installed packages that do not support TensorFlow 1.15's Python."""
    package = str(caller.f_globals.get("__name__", "")).partition(".")[0]
    if package == "__main__":
        return False  # the program, for which no distribution has to be searched
    return package in _TENSORFLOW_PACKAGES or not _supports_tf1_python(package, caller.f_code.co_filename)


@functools.cache
def _supports_tf1_python(package: str, path: str) -> bool:
    """Returns False for a file of a distribution that needs a newer Python than TensorFlow 1.15 had."""
    for name in _distributions_of_packages(tuple(sys.path)).get(package, []):
        distribution = importlib.metadata.distribution(name)
        required = SpecifierSet(distribution.metadata.get("Requires-Python") or "")
        if path.startswith(str(distribution.locate_file(package))) and not required.contains(_TF1_PYTHON):
            return False
    return True


@functools.lru_cache(maxsize=1)
def _distributions_of_packages(search_path: tuple[str, ...]) -> Mapping[str, list[str]]:
    """Returns {package: names of its distributions} for what is installed on sys.path, which search_path names."""
    return importlib.metadata.packages_distributions()  # reads the list of files of each distribution: about a second
