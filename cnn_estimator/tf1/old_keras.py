"""What the classes of Keras could do in TensorFlow 1.15, for a process that runs nothing but a TF 1 program."""

import contextlib
import functools
import importlib
import inspect
import re
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from cnn_estimator.tf1 import aliases, keras_images, keras_numbers
from cnn_estimator.tf1.unavailable import Unavailable

_DATA_FORMATS = {"th": "channels_first", "tf": "channels_last"}
HDF5Matrix = Unavailable("tf.keras.utils.HDF5Matrix", "read the file with the package h5py")
multi_gpu_model = Unavailable("tf.keras.utils.multi_gpu_model", "use tf.distribute.MirroredStrategy")


def image_dim_ordering() -> str:
    """Returns "tf" or "th", the old names of the data formats channels_last and channels_first."""
    data_format = _backend().image_data_format()
    return next(old for old, new in _DATA_FORMATS.items() if new == data_format)


def set_image_dim_ordering(dim_ordering: str) -> None:
    """Sets the data format by its old name, "tf" or "th"."""
    _backend().set_image_data_format(_DATA_FORMATS[dim_ordering])


def backend_functions() -> dict[str, Callable[..., Any]]:
    """Returns {name: function} of what the backend had in old releases of the package keras."""
    tensorflow = importlib.import_module("tensorflow")
    utils = importlib.import_module(f"{aliases.keras_package()}.src.utils.conv_utils")
    kept = ("conv3d_transpose", "identity", "is_placeholder", "logsumexp", "separable_conv1d")
    return {
        **{name: getattr(_backend(), name) for name in kept},
        "control_dependencies": tensorflow.control_dependencies,
        "eager": _unchanged,
        "image_dim_ordering": image_dim_ordering,
        "is_tensor": tensorflow.is_tensor,
        "is_variable": lambda x: isinstance(x, tensorflow.Variable),
        "normalize_data_format": utils.normalize_data_format,
        "set_image_dim_ordering": set_image_dim_ordering,
        "size": lambda x, name=None: tensorflow.size(x, name=name),
        "slice": lambda x, start, size: tensorflow.slice(x, start, size),
        "symbolic": _unchanged,
    }


def _unchanged(function: Callable[..., Any]) -> Callable[..., Any]:
    """Returns the function: the decorators of Keras for eager execution do nothing in TensorFlow 1."""
    return function


def _backend() -> ModuleType:
    return importlib.import_module(f"{aliases.keras_package()}.src.backend")


def restore(package: str) -> None:
    """Gives the classes of a package, keras or tf_keras, what they could do in TensorFlow 1.15."""
    keras_images.restore(package)
    keras_numbers.restore(package)
    source = f"{package}.src"
    sequential = importlib.import_module(f"{source}.engine.sequential").Sequential
    sequential.predict_classes = _predict_classes
    sequential.predict_proba = _predict_proba
    _check_less(sequential, importlib.import_module(f"{source}.engine.functional").Functional)
    for name in ("base_layer", "base_layer_v1"):
        layer = importlib.import_module(f"{source}.engine.{name}").Layer
        layer.add_update = _without_inputs(layer.add_update)
    importlib.import_module(f"{source}.utils.generic_utils").to_snake_case = _to_snake_case  # type: ignore[attr-defined]
    for name in ("base_rnn", "stacked_rnn_cells"):
        module = importlib.import_module(f"{source}.layers.rnn.{name}")
        module.backend = _without_name_scopes(module.backend)  # type: ignore[attr-defined]
    _reshape_without_sizes(importlib.import_module(f"{source}.layers.reshaping.reshape"))
    for name in ("engine.training_v1", "losses", "metrics.base_metric"):
        module = importlib.import_module(f"{source}.{name}")
        module.losses_utils = _with_old_masks(module.losses_utils)  # type: ignore[attr-defined]
    _ignore_masks(importlib.import_module(f"{source}.layers.normalization.batch_normalization").BatchNormalizationBase)


def _check_less(sequential: Any, functional: Any) -> None:
    """Makes a model that is called check no more of its inputs than in TensorFlow 1.15.

    A Sequential asked its first layer, and a model with inputs and outputs asked nothing.
    """

    def first_layer_spec(model: Any) -> Any:
        return model.layers[0].input_spec if model.layers else None

    sequential.input_spec = sequential.input_spec.getter(first_layer_spec)
    functional.input_spec = functional.input_spec.getter(lambda model: None)


def _predict_proba(model: Any, x: Any, batch_size: int = 32, verbose: int = 0) -> np.ndarray:
    """Returns Model.predict: the probabilities of a model for classification."""
    return model.predict(x, batch_size, verbose)


def _predict_classes(model: Any, x: Any, batch_size: int = 32, verbose: int = 0) -> np.ndarray:
    """Returns the most probable classes, or with one output 1 where its probability is above 0.5."""
    probabilities = model.predict(x, batch_size, verbose)
    return probabilities.argmax(-1) if probabilities.shape[-1] > 1 else (probabilities > 0.5).astype("int32")


def _without_inputs(add_update: Callable[..., None]) -> Callable[..., None]:
    """Returns Layer.add_update with the argument inputs, which TensorFlow 1.15 did not use either."""

    @functools.wraps(add_update)
    def add(layer: Any, updates: Any, inputs: object = None) -> None:
        add_update(layer, updates)

    return add


def _to_snake_case(name: str) -> str:
    """Returns the default name of a layer. For ConvLSTM2D it is conv_lst_m2d, as in TensorFlow 1.15."""
    words = re.sub("(.)([A-Z][a-z0-9]+)", r"\1_\2", name)
    snake = re.sub("([a-z])([A-Z])", r"\1_\2", words).lower()
    return f"private{snake}" if snake.startswith("_") else snake


def _without_name_scopes(backend: ModuleType) -> ModuleType:
    """Returns a copy of Keras's backend without name scopes.

    With it the variables of recurrent layers have their names of TensorFlow 1.15, such as lstm/kernel in place of
    lstm/lstm_cell/kernel, so that checkpoints fit.
    """
    copy = ModuleType(backend.__name__)
    vars(copy).update(vars(backend))
    vars(copy)["name_scope"] = lambda name: contextlib.nullcontext()
    return copy


def _reshape_without_sizes(module: ModuleType) -> None:
    """Makes the layer Reshape compare the numbers of elements only when it runs, as in TensorFlow 1.15.

    A program may build a model whose declared input does not fit, and call it with inputs that do.
    """

    def call(layer: Any, inputs: Any) -> Any:
        return module.tf.reshape(inputs, (module.tf.shape(inputs)[0], *layer.target_shape))

    module.Reshape.call = call


def _with_old_masks(losses_utils: ModuleType) -> ModuleType:
    """Returns a copy of Keras's losses_utils in which masks do what they did in TensorFlow 1.15.

    The loss of a model counts masked elements as 0 in its mean, in place of the mean of the others. Losses and metrics
    that a program calls itself ignore the mask of their argument.
    """

    def apply_valid_mask(losses: Any, sample_weight: Any, mask: Any, reduction: str) -> Any:
        return losses_utils.apply_mask(losses, sample_weight, mask)

    copy = ModuleType(losses_utils.__name__)
    vars(copy).update(vars(losses_utils))
    vars(copy)["apply_valid_mask"] = apply_valid_mask
    vars(copy)["get_mask"] = lambda tensor: None
    return copy


def _ignore_masks(batch_normalization: Any) -> None:
    """Makes batch normalization ignore masks, as in TensorFlow 1.15, whose method _moments had no mask."""

    def wrap_moments(subclass: Any) -> None:
        moments = vars(subclass).get("_moments")
        if moments and "mask" not in inspect.signature(moments).parameters:
            subclass._moments = _without_mask(moments)

    batch_normalization._moments = _without_mask(batch_normalization._moments)
    batch_normalization.__init_subclass__ = classmethod(wrap_moments)


def _without_mask(moments: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(moments)
    def moments_of_all(layer: Any, inputs: Any, reduction_axes: Any, keep_dims: Any, mask: object = None) -> Any:
        return moments(layer, inputs, reduction_axes, keep_dims)

    return moments_of_all
