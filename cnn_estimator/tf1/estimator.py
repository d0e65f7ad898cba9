"""Restores what TensorFlow 2.16 removed and the tensorflow-estimator library still needs.

tensorflow-estimator 2.15.0, the last release, is pure Python. It runs on TensorFlow 2.16 to 2.21 once the names below
exist again. TensorFlow 2.15 still has all of them, so __init__.py imports this module on later releases only.
"""

import functools
import sys
from collections.abc import Callable
from types import ModuleType

from tensorflow.python.util import tf_export

from cnn_estimator.tf1 import estimator_training
from cnn_estimator.tf1.unavailable import Unavailable, module_getattr

_TPU_ADVICE = "TensorFlow 2.16 removed the code that it runs on, 2.15 still has it"


def load_estimator() -> None:
    """Imports the library. Its TF 1 API is the module that TensorFlow 2.15 calls tf.compat.v1.estimator."""
    _register_api_name()
    # The library's run_config.py, estimator.py and training.py import this module for distribution strategies.
    sys.modules.setdefault("tensorflow.python.distribute.estimator_training", estimator_training)
    # The library's tpu_estimator.py and _tpu_estimator_embedding.py import these, but use them only with a TPU.
    for name in ("session_support", "tpu_embedding", "tpu_embedding_gradient"):
        module = ModuleType(f"tensorflow.python.tpu.{name}")
        vars(module)["__getattr__"] = module_getattr(module.__name__, (), _TPU_ADVICE)
        sys.modules.setdefault(module.__name__, module)

    from tensorflow_estimator._api.v1 import estimator

    estimator.tpu.TPUEstimator.__init__ = _refuse_tpu(estimator.tpu.TPUEstimator.__init__)


def _register_api_name() -> None:
    """Tells TensorFlow the attributes in which the decorator estimator_export keeps the library's public names."""
    attributes = tf_export._Attributes("_estimator_api_names", "_estimator_api_constants")
    attributes_v1 = tf_export._Attributes("_estimator_api_names_v1", "_estimator_api_constants_v1")
    tf_export.ESTIMATOR_API_NAME = "estimator"
    tf_export.API_ATTRS["estimator"] = attributes
    tf_export.API_ATTRS_V1["estimator"] = attributes_v1


def _refuse_tpu(init: Callable[..., None]) -> Callable[..., None]:
    """Returns TPUEstimator's __init__ with a check that refuses use_tpu=True.

    With use_tpu=False a TPUEstimator is an Estimator on CPU or GPU, and uses none of the removed modules.
    """

    @functools.wraps(init)
    def checked_init(self, model_fn=None, model_dir=None, config=None, params=None, use_tpu=True, *args, **kwargs):
        if use_tpu:
            Unavailable("TPUEstimator(use_tpu=True)", _TPU_ADVICE)()
        init(self, model_fn, model_dir, config, params, use_tpu, *args, **kwargs)

    return checked_init
