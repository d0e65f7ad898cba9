"""The TensorFlow 1 Estimator tutorials on convolutional networks, alive on TensorFlow 2.15 to 2.21.

`from cnn_estimator.tf1 import tf` is the TF 1 API with tf.estimator, for your own code. This module has the tutorials:

    import cnn_estimator

    training = cnn_estimator.train(recipe="fashion_cnn", max_steps=200, model_dir="/tmp/fashion")
    evaluation = cnn_estimator.evaluate("/tmp/fashion")

Importing it loads no TensorFlow: the first use of a name does.
"""

import importlib

# Not typing's, nor anything else that takes a moment to import: Ctrl-C would print a traceback meanwhile, as __main__
# is imported after this module.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from cnn_estimator.data.datasets import load
    from cnn_estimator.evaluation import evaluate
    from cnn_estimator.exporting import export
    from cnn_estimator.prediction import Predictor
    from cnn_estimator.training import train

__version__ = "0.1.0"
__all__ = ["Predictor", "__version__", "evaluate", "export", "load", "train"]

_MODULES = {
    "load": "data.datasets",
    "train": "training",
    "evaluate": "evaluation",
    "Predictor": "prediction",
    "export": "exporting",
}


if not TYPE_CHECKING:  # a type checker would take any name for one of this module

    def __getattr__(name: str) -> object:
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
