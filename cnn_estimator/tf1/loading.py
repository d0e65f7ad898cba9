"""Loads the installed TensorFlow with tf.estimator and Keras 2, for cnn_estimator.tf1 and cnn_estimator.tf2.

On TensorFlow 2.15 the whole API is TensorFlow's own. From 2.16 on, tf.estimator is the tensorflow-estimator library,
which estimator.py makes run, and Keras 2 and tf.layers come from tf-keras.
"""

import functools
import importlib
import importlib.metadata
import os
import warnings
from types import ModuleType
from typing import Any

from cnn_estimator.errors import UserError
from cnn_estimator.tf1 import aliases
from cnn_estimator.tf1.unavailable import Unavailable

# TensorFlow reads it when it creates its first device. With it each session has its own number of threads.
THREADPOOL_VARIABLE = "TF_OVERRIDE_GLOBAL_THREADPOOL"

_INSTALL_TENSORFLOW = "pip install 'tensorflow>=2.15,<2.22'"

# Advice for estimators that are no longer in 2.15, the last release of the Estimator library. TensorFlow 2.15 and later
# still list the operations of boosted trees, but have no kernels for them.
_TREES_ADVICE = "TensorFlow has removed what computes it, use the package tensorflow-decision-forests"
_RNN_ADVICE = "the Estimator library has removed it, write a model_fn with tf.nn.dynamic_rnn"

_bridge: str | None = None  # the module for which this process has loaded TensorFlow


class InstallationError(UserError, ImportError):
    """TensorFlow, or a package that it needs, is missing or has an unsupported version."""


def load(bridge: str) -> ModuleType:
    """Returns the module tensorflow, with tf.estimator and Keras 2 under every name that TensorFlow 2.15 has for them.

    Args:
      bridge: the module that loads it, cnn_estimator.tf1 or cnn_estimator.tf2. A process can have one of them, because
        eager execution is off for the first and on for the second.

    Raises:
      UserError: this process has loaded the other bridge.
      InstallationError: TensorFlow, or a package beside it, is missing or does not fit.
    """
    global _bridge
    if _bridge not in (None, bridge):
        raise UserError(f"this process has imported {_bridge}", f"use {bridge} in another process")
    tensorflow = import_tensorflow()
    version = tensorflow.__version__
    if not (2, 15) <= _minor(version) <= (2, 21):
        raise InstallationError(f"TensorFlow {version} is not supported, 2.15 to 2.21 are", _INSTALL_TENSORFLOW)
    _require("tensorflow-estimator", "2.15", version)
    _bridge = bridge

    _silence_deprecation_warnings()
    aliases.install_compat(tensorflow)
    aliases.replace_dataset_loaders()
    v1 = tensorflow.compat.v1
    if _minor(version) >= (2, 16):
        _require("tf-keras", "{}.{}".format(*_minor(version)), version)
        from cnn_estimator.tf1 import estimator

        aliases.pin_keras()
        estimator.load_estimator()
        aliases.install(aliases.ESTIMATOR_ALIASES | {"tensorflow.keras": "tf_keras.api._v2.keras"})
        v1.compat.v1 = v1  # TensorFlow has a second copy of the module there
    aliases.tell_keras_version()
    aliases.restore_internal_names(v1)
    _accept_keras_optimizers(tensorflow)
    for api in (tensorflow, v1):
        _explain_removed_estimators(importlib.import_module(api.estimator.__name__))
    return tensorflow


def import_tensorflow() -> ModuleType:
    """Returns the module tensorflow. Raises InstallationError if it is not installed."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault(THREADPOOL_VARIABLE, "1")
    if aliases.keras_package() == "tf_keras":
        os.environ["TF_USE_LEGACY_KERAS"] = "1"  # TensorFlow's import reads it
    try:
        import tensorflow
    except ModuleNotFoundError as error:
        if error.name != "tensorflow":
            raise
        raise InstallationError("TensorFlow is not installed", _INSTALL_TENSORFLOW) from None
    return tensorflow


def _minor(version: str) -> tuple[int, ...]:
    """Returns the (major, minor) numbers of a version."""
    return tuple(int(number) for number in version.split(".")[:2])


def _require(package: str, required: str, tensorflow_version: str) -> None:
    """Raises InstallationError unless the package is installed in the minor version `required`."""
    install = f"pip install '{package}=={required}.*'"
    try:
        installed = importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        raise InstallationError(f"TensorFlow {tensorflow_version} needs {package}", install) from None
    if _minor(installed) != _minor(required):
        raise InstallationError(f"TensorFlow {tensorflow_version} does not work with {package} {installed}", install)


def _explain_removed_estimators(estimator: ModuleType) -> None:
    """Puts errors with advice in the place of the estimators that the library has removed."""
    for name in ("BoostedTreesClassifier", "BoostedTreesEstimator", "BoostedTreesRegressor"):
        setattr(estimator, name, Unavailable(f"tf.estimator.{name}", _TREES_ADVICE))
    for name in ("RNNClassifier", "RNNEstimator"):
        setattr(estimator.experimental, name, Unavailable(f"tf.estimator.experimental.{name}", _RNN_ADVICE))


def _accept_keras_optimizers(tensorflow: ModuleType) -> None:
    """Makes canned estimators take tf.keras.optimizers.Adam(…), as they did up to TensorFlow 2.10.

    The Estimator library converts such an optimizer to the kind that it needs, but refuses to inside the graph of a
    model_fn. Weight decay and averages, which that kind lacks, are still an error.
    """
    from tensorflow.python.eager import context

    optimizers = importlib.import_module("tensorflow_estimator.python.estimator.canned.optimizers")
    get_instance = optimizers.get_optimizer_instance_v2

    @functools.wraps(get_instance)
    def get_converted_instance(opt: Any, learning_rate: float | None = None) -> Any:
        new_kind = isinstance(opt, tensorflow.keras.optimizers.experimental.Optimizer)
        is_eager = context.default_execution_mode == context.EAGER_MODE  # False after disable_eager_execution
        if new_kind and is_eager and not opt.weight_decay and not opt.use_ema:
            with context.eager_mode():
                opt = get_instance(opt)
        return get_instance(opt, learning_rate)

    vars(optimizers)["get_optimizer_instance_v2"] = get_converted_instance


def _silence_deprecation_warnings() -> None:
    from tensorflow.python.util import deprecation, module_wrapper

    deprecation._PRINT_DEPRECATION_WARNINGS = False
    module_wrapper._PER_MODULE_WARNING_LIMIT = 0  # deprecated names in tf.estimator's modules
    names = r"(tf\.layers|tf\.nn\.rnn_cell|tf\.keras\.backend|[Ll]ayer|[Mm]odel)\.\w+"
    warnings.filterwarnings("ignore", f"`{names}` (is deprecated|will be removed)", UserWarning)
    warnings.filterwarnings("ignore", "You are saving your model as an HDF5 file", UserWarning)
    # TensorFlow itself triggers the next two: a strategy that reads a dataset, and TensorFlow 2.20.
    warnings.filterwarnings("ignore", "To make it possible to preserve tf.data options", UserWarning)
    warnings.filterwarnings("ignore", "float_format is deprecated", UserWarning)
