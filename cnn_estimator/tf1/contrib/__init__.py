"""tf.contrib, as far as published programs use it. Each part is loaded when it is first touched.

A name is what TensorFlow 2 has under another name, or tf-slim's, or written here, or an error that says what to use.
"""

import importlib
import importlib.util

from cnn_estimator.tf1.unavailable import Unavailable


def __getattr__(name: str) -> object:
    if name.startswith("__"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if importlib.util.find_spec(f"{__name__}.{name}"):
        return importlib.import_module(f"{__name__}.{name}")
    return Unavailable(f"tf.contrib.{name}", "no library keeps it; TensorFlow 1.15 on Python 3.7 is the last with it")
