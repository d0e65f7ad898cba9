"""The one door to TensorFlow: `from cnn_estimator.tf1 import tf` is the TF 1 API with tf.estimator.

On TensorFlow 2.15 all of it is TensorFlow's own. From 2.16 on, tf.estimator is the same library behind
_estimator_bridge.py, and tf.layers comes from tf-keras. The import switches eager execution and the rest of TF 2's
behaviour off for the whole process, and silences what TF 1 code cannot help hearing on TF 2: deprecations, CUDA and
oneDNN notes. With TF_CPP_MIN_LOG_LEVEL=0 in the environment the native notes are printed.
"""

import contextlib
import importlib.metadata
import os
import subprocess
import sys
import warnings

from cnn_estimator.errors import UserError

_DROP_NOTES = r"""
import re, sys
note = re.compile(rb"WARNING: All log messages before absl|[IWE]\d{4} |\d{4}-\d\d-\d\d \S+ [IWE] |To enable the foll")
for line in sys.stdin.buffer:
    if not note.match(line):
        sys.stderr.buffer.write(line)
        sys.stderr.flush()
"""


class InstallationError(UserError, ImportError):
    """TensorFlow, or a package that belongs to it, is missing or of a version that does not fit."""


@contextlib.contextmanager
def _without_native_notes():
    # The C++ side prints them before it reads the log level, so that only the file descriptor can be filtered: by
    # another process, so that the last words of one that aborts still come out.
    if os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3") == "0":
        yield
        return
    stderr = os.dup(2)
    command = [sys.executable, "-I", "-S", "-c", _DROP_NOTES]
    # In a session of its own, out of reach of the terminal's Ctrl-C.
    with subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True) as notes_filter:
        os.dup2(notes_filter.stdin.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(stderr, 2)
            os.close(stderr)


def _import_tensorflow():
    with _without_native_notes():
        try:
            import tensorflow
        except ModuleNotFoundError as error:
            if error.name != "tensorflow":
                raise
            tensorflow = None
    if not hasattr(tensorflow, "__version__"):  # an empty folder is what an interrupted removal leaves
        raise InstallationError("TensorFlow is not installed: pip install 'tensorflow>=2.15,<2.22'")
    return tensorflow


def _minor(version):
    """The (major, minor) numbers of a version string."""
    return tuple(int(number) for number in version.split(".")[:2])


def _require(package, fitting, tensorflow_version):
    """Raises InstallationError unless a package is installed in the minor version `fitting`."""
    fix = f"pip install '{package}=={fitting}.*'"
    try:
        found = importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        raise InstallationError(f"TensorFlow {tensorflow_version} needs {package}: {fix}") from None
    if _minor(found) != _minor(fitting):
        raise InstallationError(f"TensorFlow {tensorflow_version} does not work with {package} {found}: {fix}")


def _load():
    tensorflow = _import_tensorflow()
    version = tensorflow.__version__
    if not (2, 15) <= _minor(version) <= (2, 21):
        raise InstallationError(
            f"TensorFlow {version} is not supported, 2.15 to 2.21 are: pip install 'tensorflow>=2.15,<2.22'"
        )
    _require("tensorflow-estimator", "2.15", version)

    from tensorflow.python.util import deprecation

    deprecation._PRINT_DEPRECATION_WARNINGS = False
    warnings.filterwarnings("ignore", message=r"`tf\.layers\.\w+` is deprecated", category=UserWarning)
    warnings.filterwarnings("ignore", message="float_format is deprecated", category=UserWarning)  # TF 2.20's own use

    tf = tensorflow.compat.v1
    if _minor(version) >= (2, 16):
        _require("tf-keras", "{}.{}".format(*_minor(version)), version)
        os.environ["TF_USE_LEGACY_KERAS"] = "1"  # read when tf.layers is first used, not at TensorFlow's import
        from cnn_estimator import _estimator_bridge

        tf.estimator = _estimator_bridge.load_estimator()
    tf.disable_v2_behavior()

    logger = tf.get_logger()
    if logger.handlers:  # TensorFlow prints its own lines: the handler that tf.app.run adds must not print them again
        logger.propagate = False
    return tf


tf = _load()


def start_runtime():
    """Starts TensorFlow's native side, with the default session configuration, and without the notes that go with it.

    For the commands: TensorFlow 2.18 to 2.20 print one at a process's first session, whatever the log level. Not for
    the import, because the first session also settles the threads and GPU memory of all that follow.
    """
    with _without_native_notes(), tf.Graph().as_default(), tf.Session() as session:
        session.run(tf.no_op())
