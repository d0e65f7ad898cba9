"""The door to TensorFlow: `from cnn_estimator.tf1 import tf` is the TF 1 API with tf.estimator.

On TensorFlow 2.15 all of it is TensorFlow's own. From 2.16 on, tf.estimator is the tensorflow-estimator library, made
to run by estimator.py, and tf.layers comes from tf-keras. The import switches eager execution and the rest of
TensorFlow 2's behaviour off for the whole process, and silences the deprecation warnings that TF 1 code cannot avoid
on TensorFlow 2. It sets the log level of TensorFlow's C++ side to errors, unless TF_CPP_MIN_LOG_LEVEL is set. It gives
each session the number of threads of its own configuration, where TensorFlow would take the first session's for all.
"""

import importlib.metadata
import os
import sys
import warnings
from types import ModuleType
from typing import TYPE_CHECKING

from cnn_estimator.errors import UserError
from cnn_estimator.tf1 import aliases
from cnn_estimator.tf1.unavailable import Unavailable

__all__ = ["OWN_THREADS", "InstallationError", "tf"]

# Whether each session surely has the threads of its own configuration: TensorFlow reads this variable when it makes its
# first device, which may have happened if it was loaded before.
_OVERRIDE = "TF_OVERRIDE_GLOBAL_THREADPOOL"
OWN_THREADS = "tensorflow" not in sys.modules or _OVERRIDE in os.environ

_INSTALL = "pip install 'tensorflow>=2.15,<2.22'"

# What to use instead of estimators that the library's last release, 2.15, has no more.
_WITHOUT_TREES = "the Estimator library has removed it, use the package tensorflow-decision-forests"
_WITHOUT_RNN = "the Estimator library has removed it, write a model_fn with tf.nn.dynamic_rnn"


class InstallationError(UserError, ImportError):
    """TensorFlow, or a package that belongs to it, is missing or has a version that does not fit."""


def _import_tensorflow() -> ModuleType:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault(_OVERRIDE, "1")
    if aliases.keras_package() == "tf_keras":
        os.environ["TF_USE_LEGACY_KERAS"] = "1"  # TensorFlow's import reads it
    missing = InstallationError("TensorFlow is not installed", _INSTALL)
    try:
        import tensorflow
    except ModuleNotFoundError as error:
        if error.name != "tensorflow":
            raise
        raise missing from None
    if not hasattr(tensorflow, "__version__"):  # an empty folder is what an interrupted removal leaves
        raise missing
    return tensorflow


def _minor(version: str) -> tuple[int, ...]:
    """Returns the (major, minor) numbers of a version."""
    return tuple(int(number) for number in version.split(".")[:2])


def _require(package: str, required: str, tensorflow_version: str) -> None:
    """Raises InstallationError unless a package is installed in the minor version `required`."""
    install = f"pip install '{package}=={required}.*'"
    try:
        installed = importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        raise InstallationError(f"TensorFlow {tensorflow_version} needs {package}", install) from None
    if _minor(installed) != _minor(required):
        raise InstallationError(f"TensorFlow {tensorflow_version} does not work with {package} {installed}", install)


def _load() -> ModuleType:
    tensorflow = _import_tensorflow()
    version = tensorflow.__version__
    if not (2, 15) <= _minor(version) <= (2, 21):
        raise InstallationError(f"TensorFlow {version} is not supported, 2.15 to 2.21 are", _INSTALL)
    _require("tensorflow-estimator", "2.15", version)

    _silence_deprecation_warnings()
    aliases.register_compat(tensorflow)
    aliases.serve_datasets()

    tf = tensorflow.compat.v1
    if _minor(version) >= (2, 16):
        _require("tf-keras", "{}.{}".format(*_minor(version)), version)
        from cnn_estimator.tf1 import estimator

        aliases.fix_keras()
        estimator.load_estimator()
        aliases.register(tensorflow, aliases.ESTIMATOR | {"tensorflow.keras": "tf_keras.api._v2.keras"})
        tf.compat.v1 = tf  # by itself it is one more copy
    aliases.register_removed(tensorflow, tf)
    aliases.restore_inner_names(tf)
    _explain_removed_estimators(importlib.import_module(tf.estimator.__name__))
    tf.disable_v2_behavior()

    logger = tf.get_logger()
    if logger.handlers:  # TensorFlow prints its own lines: the handler that tf.app.run adds must not print them again
        logger.propagate = False
    return tf


def _explain_removed_estimators(estimator: ModuleType) -> None:
    for name in ("BoostedTreesClassifier", "BoostedTreesEstimator", "BoostedTreesRegressor"):
        setattr(estimator, name, Unavailable(f"tf.estimator.{name}", _WITHOUT_TREES))
    for name in ("RNNClassifier", "RNNEstimator"):
        setattr(estimator.experimental, name, Unavailable(f"tf.estimator.experimental.{name}", _WITHOUT_RNN))


def _silence_deprecation_warnings() -> None:
    from tensorflow.python.util import deprecation, module_wrapper

    deprecation._PRINT_DEPRECATION_WARNINGS = False
    module_wrapper._PER_MODULE_WARNING_LIMIT = 0  # of names in tf.estimator's modules
    names = r"(tf\.layers|tf\.nn\.rnn_cell|tf\.keras\.backend|[Ll]ayer|[Mm]odel)\.\w+"
    warnings.filterwarnings("ignore", f"`{names}` (is deprecated|will be removed)", UserWarning)
    warnings.filterwarnings("ignore", "You are saving your model as an HDF5 file", UserWarning)
    # TensorFlow's own use where a strategy reads a dataset
    warnings.filterwarnings("ignore", "To make it possible to preserve tf.data options", UserWarning)
    warnings.filterwarnings("ignore", "float_format is deprecated", UserWarning)  # TensorFlow 2.20's own use


if TYPE_CHECKING:
    import tensorflow.compat.v1 as tf  # type: ignore[import-untyped]  # it has no stubs: everything is Any
else:
    tf = _load()
