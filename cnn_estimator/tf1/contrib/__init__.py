"""tf.contrib, as far as published programs use it. Each part is loaded when it is first touched.

A name is what TensorFlow 2 has under another name, or tf-slim's, or written here, or an error that says what to use.
"""

import importlib
import importlib.util
from types import ModuleType

from cnn_estimator.tf1.unavailable import module_getattr

_NOBODY = "no library keeps it; TensorFlow 1.15 on Python 3.7 is the last with it"


def __getattr__(name: str) -> ModuleType:
    if name.startswith("__"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return part(name)


def part(name: str) -> ModuleType:
    """Returns a part of tf.contrib; one that nobody keeps can be imported from, and its names raise at their use."""
    if importlib.util.find_spec(f"{__name__}.{name}"):
        return importlib.import_module(f"{__name__}.{name}")
    module = ModuleType(f"tf.contrib.{name}")
    vars(module)["__getattr__"] = module_getattr(module.__name__, (), _NOBODY)
    return module
