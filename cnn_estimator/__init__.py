"""The TensorFlow 1 Estimator tutorials on convolutional networks, running on TensorFlow 2.15 to 2.21.

`from cnn_estimator.tf1 import tf` is the TF 1 API with tf.estimator, for your own code. This module has the tutorials:

    import cnn_estimator

    training = cnn_estimator.train("/tmp/fashion", recipe="fashion_cnn", max_steps=200)
    evaluation = cnn_estimator.evaluate("/tmp/fashion")

Importing this module loads no TensorFlow; the first use of a function does.
"""

import importlib
import sys
import types
import warnings
from typing import TYPE_CHECKING

__version__ = "0.1.0"
__all__ = [
    "Explainer",
    "Predictor",
    "__version__",
    "evaluate",
    "explain_images",
    "export",
    "find_learning_rate",
    "load",
    "predict",
    "reproduce",
    "train",
]

# No module has the name of a function: its import would replace the function.
_MODULES = {
    "load": "data.datasets",
    "train": "training",
    "evaluate": "evaluation",
    "predict": "prediction",
    "Predictor": "prediction",
    "explain_images": "explain",
    "Explainer": "explain",
    "export": "exporting",
    "reproduce": "reproduction",
    "find_learning_rate": "learning_rate_finder",
}

if TYPE_CHECKING:
    from cnn_estimator.data.datasets import load
    from cnn_estimator.evaluation import evaluate
    from cnn_estimator.explain import Explainer, explain_images
    from cnn_estimator.exporting import export
    from cnn_estimator.learning_rate_finder import find_learning_rate
    from cnn_estimator.prediction import Predictor, predict
    from cnn_estimator.reproduction import reproduce
    from cnn_estimator.training import train
else:

    def __getattr__(name: str) -> object:
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)


def _serve_old_module(old: str, new: str) -> None:
    """Makes the names of a module importable from the module's former name too, with a DeprecationWarning."""
    module = types.ModuleType(f"{__name__}.{old}")

    def get(name: str) -> object:
        if name.startswith("__"):  # the import system looks for such names
            raise AttributeError(name)
        warnings.warn(f"{__name__}.{old} is {__name__}.{new} now", DeprecationWarning, stacklevel=2)
        return getattr(importlib.import_module(f"{__name__}.{new}"), name)

    vars(module)["__getattr__"] = get
    sys.modules[module.__name__] = module


_serve_old_module("datasets", "data.datasets")
_serve_old_module("event_files", "run_dir.events")
_serve_old_module("reproduce", "reproduction")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
