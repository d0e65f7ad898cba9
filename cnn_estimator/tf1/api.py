"""Makes this process a TensorFlow 1 process: `tf` is the TF 1 API of the installed TensorFlow, in graph mode."""

import functools
import gc
import importlib
import logging
import os
import sys
from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING, Any

from cnn_estimator.tf1 import aliases, loading

# True if each session certainly gets the threads of its own configuration. A TensorFlow that was imported before this
# module may have created its first device already.
OWN_THREADS = "tensorflow" not in sys.modules or loading.THREADPOOL_VARIABLE in os.environ
# {function: position of its argument name in TensorFlow 1. TensorFlow 2 has put another argument there}
_POSITIONS_OF_NAME = {
    "image.adjust_jpeg_quality": 2,
    "manip.scatter_nd": 3,
    "nn.top_k": 3,
    "numpy_function": 3,
    "scatter_nd": 3,
    "tensor_scatter_add": 3,
    "tensor_scatter_nd_add": 3,
    "tensor_scatter_nd_sub": 3,
    "tensor_scatter_sub": 3,
}


def _load() -> ModuleType:
    """Returns the TF 1 API, and switches off eager execution. Raises as loading.load() does."""
    tensorflow = loading.load("cnn_estimator.tf1")
    tf = tensorflow.compat.v1
    aliases.install_removed(tensorflow, tf)
    _require_named_arguments(tf.nn)
    _take_names_by_position(tf)
    _restore_initialized_value(tf)
    _warn_of_keras_3_models()
    tf.disable_v2_behavior()
    ops: Any = importlib.import_module("tensorflow.python.framework.ops")
    ops.enable_eager_execution = tf.enable_eager_execution = _at_any_time(tf.enable_eager_execution)

    tf.get_logger().__class__ = _PrintingLogger
    return tf


class _PrintingLogger(logging.Logger):
    """TensorFlow's logger. While it prints its lines itself, no handler of the root logger prints them again.

    tf.app.run and logging.basicConfig give the root logger such a handler. Handlers that write to a file get the lines.
    """

    def callHandlers(self, record: logging.LogRecord) -> None:
        if not any(_prints(handler) for handler in self.handlers):
            super().callHandlers(record)
            return
        of_root = logging.root.handlers if self.propagate else []
        for handler in [*self.handlers, *(handler for handler in of_root if not _prints(handler))]:
            if record.levelno >= handler.level:
                handler.handle(record)


def _prints(handler: logging.Handler) -> bool:
    """Returns True for a handler that writes to stderr."""
    stream = getattr(getattr(handler, "python_handler", handler), "stream", None)  # absl's handler has another inside
    return stream is not None and stream in (sys.stderr, sys.__stderr__)


def _at_any_time(enable_eager_execution: Callable[..., None]) -> Callable[..., None]:
    """Returns enable_eager_execution that also works in the main function of absl.app.run.

    TensorFlow 2 lists the GPUs before that function is called. Its record of the modes that the thread is in then
    stays empty, and Keras makes tensors for graphs, which its layers do not take with eager execution on.
    """

    @functools.wraps(enable_eager_execution)
    def enable(*arguments: Any, **keywords: Any) -> None:
        enable_eager_execution(*arguments, **keywords)
        context = importlib.import_module("tensorflow.python.eager.context")
        switches = context.context().context_switches
        if not switches.stack:
            switches.push(False, context.eager_mode, None)

    return enable


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


def _take_names_by_position(tf: ModuleType) -> None:
    """Makes functions take the argument name at the position that it had in TensorFlow 1."""
    for path, position in _POSITIONS_OF_NAME.items():
        folder, _, name = path.rpartition(".")
        module = getattr(tf, folder) if folder else tf
        setattr(module, name, _with_name_at(position, getattr(module, name)))


def _with_name_at(position: int, function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def call(*arguments: Any, **keywords: Any) -> Any:
        if len(arguments) == position + 1:
            return function(*arguments[:position], name=arguments[position], **keywords)
        return function(*arguments, **keywords)

    return call


def _restore_initialized_value(tf: ModuleType) -> None:
    """Gives variables that are resources their method initialized_value, which other variables still have."""
    resources: Any = importlib.import_module("tensorflow.python.ops.resource_variable_ops")

    def initialized_value(variable: Any) -> Any:
        with tf.init_scope():
            return tf.cond(tf.is_variable_initialized(variable), variable.read_value, lambda: variable.initial_value)

    resources.BaseResourceVariable.initialized_value = initialized_value


if TYPE_CHECKING:
    import tensorflow.compat.v1 as tf  # type: ignore[import-untyped]  # it has no stubs: everything is Any
else:
    tf = _load()
