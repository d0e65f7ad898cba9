"""tf.Tensor and tf.Dimension as in TensorFlow 1, for a process that runs nothing but a TF 1 program."""

from types import ModuleType
from typing import Any

import numpy as np
from tensorflow.python.client import pywrap_tf_session
from tensorflow.python.framework import dtypes, ops, tensor, tensor_shape, tensor_util
from tensorflow.python.types import internal

_init_dimension = tensor_shape.Dimension.__init__


class _TensorType(type):
    """The type of Tensor. As in TensorFlow 1, all tensors are instances of Tensor, also in eager execution."""

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, tensor.Tensor)

    def __subclasscheck__(cls, subclass: type) -> bool:
        return issubclass(subclass, tensor.Tensor)


class Tensor(ops.SymbolicTensor, metaclass=_TensorType):
    """The class of a graph's tensors, so that type(x) is tf.Tensor."""

    def __new__(cls, op: Any, value_index: int, dtype: Any, unique_id: int | None = None) -> "Tensor":
        number = ops.uid() if unique_id is None else unique_id
        return pywrap_tf_session.PyTensor.__new__(cls, op, value_index, dtypes.as_dtype(dtype), number)


Tensor.__module__ = ops.__name__  # as in TensorFlow 1, for programs that print the class


def restore(*apis: ModuleType) -> None:
    """Puts Tensor into the APIs, and makes TensorFlow create the tensors of graphs with it."""
    ops.Operation.__new__ = _new_operation
    ops.Tensor = Tensor
    ops.is_dense_tensor_like = _is_dense_tensor_like
    tensor_shape.Dimension.__init__ = _init_from_number_or_text
    tensor_shape.scalar = lambda: tensor_shape.TensorShape([])
    tensor_shape.vector = lambda length: tensor_shape.TensorShape([length])
    tensor_shape.matrix = lambda rows, cols: tensor_shape.TensorShape([rows, cols])
    for api in apis:
        vars(api)["Tensor"] = Tensor


def _new_operation(cls: type, c_op: Any, tensor_class: type) -> Any:
    """tensor_class: the class of the operation's outputs."""
    outputs = Tensor if tensor_class is ops.SymbolicTensor else tensor_class
    return pywrap_tf_session.PyOperation.__new__(cls, c_op, outputs)


def _is_dense_tensor_like(value: object) -> bool:
    """Returns True for tensors, variables and objects of registered classes, but not for sparse tensors."""
    return isinstance(value, tuple(each for each in tensor_util.tf_type_classes if each is not internal.NativeObject))


def _init_from_number_or_text(dimension: Any, value: Any) -> None:
    """Accepts the sizes that TensorFlow 1 accepted: 28.0 and "28" are 28."""
    if isinstance(value, float | np.floating | str | bytes):
        size = int(value)
        if not isinstance(value, str | bytes) and size != value:
            raise ValueError(f"Ambiguous dimension: {value}")
        value = size
    _init_dimension(dimension, value)
