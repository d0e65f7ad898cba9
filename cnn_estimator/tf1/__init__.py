"""The bridge to TensorFlow: `from cnn_estimator.tf1 import tf` is the TF 1 API with tf.estimator.

On TensorFlow 2.15 the whole API is TensorFlow's own. From 2.16 on, tf.estimator is the tensorflow-estimator library,
which estimator.py makes run, and tf.layers comes from tf-keras.

The import changes the whole process. It switches off eager execution and the rest of TensorFlow 2's behaviour. It
silences the deprecation warnings that TF 1 code cannot avoid. It limits the log of TensorFlow's C++ side to errors,
unless TF_CPP_MIN_LOG_LEVEL is set. It lets each session's configuration set that session's number of threads, which
TensorFlow would otherwise take from the first session.
"""

import functools
import gc
import importlib.metadata
import logging
import os
import sys
import warnings
from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING, Any

from cnn_estimator.errors import UserError
from cnn_estimator.tf1 import aliases
from cnn_estimator.tf1.unavailable import Unavailable

__all__ = ["OWN_THREADS", "InstallationError", "tf"]

_THREADPOOL_VARIABLE = "TF_OVERRIDE_GLOBAL_THREADPOOL"
# True if each session certainly gets the threads of its own configuration. TensorFlow reads the variable when it
# creates its first device. A TensorFlow that was imported before this module may have done so already.
OWN_THREADS = "tensorflow" not in sys.modules or _THREADPOOL_VARIABLE in os.environ

_INSTALL_TENSORFLOW = "pip install 'tensorflow>=2.15,<2.22'"

# Advice for estimators that are no longer in 2.15, the last release of the Estimator library.
_TREES_ADVICE = "the Estimator library has removed it, use the package tensorflow-decision-forests"
_RNN_ADVICE = "the Estimator library has removed it, write a model_fn with tf.nn.dynamic_rnn"


class InstallationError(UserError, ImportError):
    """TensorFlow, or a package that it needs, is missing or has an unsupported version."""


def _import_tensorflow() -> ModuleType:
    """Returns the module tensorflow. Raises InstallationError if it is not installed."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault(_THREADPOOL_VARIABLE, "1")
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


def _load() -> ModuleType:
    """Returns the TF 1 API of the installed TensorFlow. Raises InstallationError if a version does not fit."""
    tensorflow = _import_tensorflow()
    version = tensorflow.__version__
    if not (2, 15) <= _minor(version) <= (2, 21):
        raise InstallationError(f"TensorFlow {version} is not supported, 2.15 to 2.21 are", _INSTALL_TENSORFLOW)
    _require("tensorflow-estimator", "2.15", version)

    _silence_deprecation_warnings()
    aliases.install_compat(tensorflow)
    aliases.replace_dataset_loaders()

    tf = tensorflow.compat.v1
    if _minor(version) >= (2, 16):
        _require("tf-keras", "{}.{}".format(*_minor(version)), version)
        from cnn_estimator.tf1 import estimator

        aliases.pin_keras()
        estimator.load_estimator()
        aliases.install(aliases.ESTIMATOR_ALIASES | {"tensorflow.keras": "tf_keras.api._v2.keras"})
        tf.compat.v1 = tf  # TensorFlow has a second copy of the module there
    aliases.install_removed(tensorflow, tf)
    aliases.restore_internal_names(tf)
    _require_named_arguments(tf.nn)
    _explain_removed_estimators(importlib.import_module(tf.estimator.__name__))
    _warn_of_keras_3_models()
    tf.disable_v2_behavior()

    logger = tf.get_logger()
    if logger.handlers:  # TensorFlow prints its log lines itself. The handler of tf.app.run would repeat them.
        logger.propagate = False
    return tf


def _explain_removed_estimators(estimator: ModuleType) -> None:
    """Puts errors with advice in the place of the estimators that the library has removed."""
    for name in ("BoostedTreesClassifier", "BoostedTreesEstimator", "BoostedTreesRegressor"):
        setattr(estimator, name, Unavailable(f"tf.estimator.{name}", _TREES_ADVICE))
    for name in ("RNNClassifier", "RNNEstimator"):
        setattr(estimator.experimental, name, Unavailable(f"tf.estimator.experimental.{name}", _RNN_ADVICE))


def _warn_of_keras_3_models() -> None:
    """Logs a warning if this process has made layers with Keras 3, which cannot work without eager execution."""
    keras = sys.modules.get("keras")
    layer = getattr(keras, "Layer", None)
    if layer is None or aliases.keras_package() == "keras" or OWN_THREADS:
        return
    # The class of an object, and not its __class__, which a proxy looks up elsewhere.
    if any(issubclass(type(value), layer) for value in gc.get_objects()):
        logging.getLogger("cnn_estimator").warning(
            "the Keras 3 models in this process stop working, because cnn_estimator has switched off eager execution: "
            "use them in another process"
        )


def _require_named_arguments(nn: ModuleType) -> None:
    """Makes losses refuse unnamed logits and labels, as in TensorFlow 1: which of them comes first has changed."""
    for name in (
        "sigmoid_cross_entropy_with_logits",
        "softmax_cross_entropy_with_logits",
        "sparse_softmax_cross_entropy_with_logits",
    ):
        setattr(nn, name, _named(getattr(nn, name)))


def _named(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def named(_sentinel: Any = None, *arguments: Any, **keywords: Any) -> Any:
        if _sentinel is not None:
            raise ValueError(f"tf.nn.{function.__name__}: name the arguments, labels=… and logits=…")
        return function(*arguments, **keywords)

    return named


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


if TYPE_CHECKING:
    import tensorflow.compat.v1 as tf  # type: ignore[import-untyped]  # it has no stubs: everything is Any
else:
    tf = _load()
