"""tf.contrib.framework: variables and arg_scope of tf-slim, and aliases of TensorFlow 2."""

from collections.abc import Callable
from typing import Any

import tensorflow.compat.v1 as tf
from tensorflow.python.framework import ops, tensor_spec, tensor_util
from tensorflow.python.framework import smart_cond as _smart_cond
from tensorflow.python.ops import confusion_matrix, data_flow_ops, init_ops
from tensorflow.python.training import checkpoint_ops
from tensorflow.python.util import deprecation, nest

from cnn_estimator.tf1.contrib._tf_slim import tf_slim
from cnn_estimator.tf1.unavailable import module_getattr

nest.is_sequence = nest.is_nested  # its name in TF 1

BoundedTensorSpec = tensor_spec.BoundedTensorSpec
RecordInput = data_flow_ops.RecordInput
load_and_remap_matrix_initializer = checkpoint_ops._load_and_remap_matrix_initializer
load_embedding_initializer = checkpoint_ops._load_embedding_initializer
prepend_name_scope = ops.prepend_name_scope
strip_name_scope = ops.strip_name_scope
# A list of names, because the modules also have names that tf.contrib.framework never had.
argsort = tf.argsort
assert_same_float_dtype = tf.debugging.assert_same_float_dtype
assert_scalar = tf.assert_scalar
convert_to_tensor_or_sparse_tensor = tf.convert_to_tensor_or_sparse_tensor
is_tensor = tf.is_tensor
sort = tf.sort
TensorSpec = tf.TensorSpec
init_from_checkpoint = tf.train.init_from_checkpoint
list_variables = tf.train.list_variables
load_checkpoint = tf.train.load_checkpoint
load_variable = tf.train.load_variable
deprecated = deprecation.deprecated
deprecated_args = deprecation.deprecated_args
deprecated_arg_values = deprecation.deprecated_arg_values
convolutional_delta_orthogonal = init_ops.convolutional_delta_orthogonal
convolutional_orthogonal_1d = init_ops.convolutional_orthogonal_1d
convolutional_orthogonal_2d = init_ops.convolutional_orthogonal_2d
convolutional_orthogonal_3d = init_ops.convolutional_orthogonal_3d


def assert_scalar_int(tensor: Any, name: str | None = None) -> tf.Tensor:
    """Returns the argument as a tensor. Raises ValueError if it is not a scalar of an integer type."""
    with tf.name_scope(name, "assert_scalar_int", [tensor]) as scope:
        tensor = tf.convert_to_tensor(tensor)
        if not tensor.dtype.is_integer:
            raise ValueError(f"{tensor.name} has the type {tensor.dtype}: an integer type is needed")
        return tf.assert_scalar(tensor, name=scope)


def py_func(
    func: Callable[..., Any],
    args: Any = (),
    kwargs: dict[str, Any] | None = None,
    output_types: Any = None,
    output_shapes: Any = None,
    stateful: bool = True,
    name: str | None = None,
) -> Any:
    """Returns what a Python function returns, as tensors.

    Args:
      func: it is called with the values of args and kwargs.
      args: arguments of func, in any structure of tensors.
      kwargs: named arguments of func.
      output_types: the types of the tensors, in the structure that func returns; or a function of args and kwargs that
        returns them.
      output_shapes: the shapes, in the same structure, or a function that returns them. None: unknown.
      stateful: False if the results depend on the arguments alone.
      name: name of the operation.

    Raises:
      TypeError: args or kwargs have the wrong type.
    """
    kwargs = {} if kwargs is None else kwargs
    if not isinstance(args, list | tuple) or not isinstance(kwargs, dict):
        raise TypeError(f"args and kwargs are a list and a dictionary, and not {args} and {kwargs}")
    types = output_types(*args, **kwargs) if callable(output_types) else output_types
    shapes = output_shapes(*args, **kwargs) if callable(output_shapes) else output_shapes

    def call(*values: Any) -> list[Any]:
        packed, named = nest.pack_sequence_as((args, kwargs), values)
        result = func(*packed, **named)
        nest.assert_shallow_structure(types, result)
        return nest.flatten(result)

    tensors = tf.py_func(call, nest.flatten((args, kwargs)), nest.flatten(types), stateful=stateful, name=name)
    if shapes is not None:
        as_shapes = nest.map_structure_up_to(types, tf.TensorShape, shapes)
        for tensor, shape in zip(tensors, nest.flatten_up_to(types, as_shapes), strict=True):
            tensor.set_shape(shape)
    return nest.pack_sequence_as(types, tensors)


def reduce_sum_n(tensors: list[Any], name: str | None = None) -> tf.Tensor:
    """Returns the sum of all elements of all tensors, a scalar."""
    if not tensors:
        raise ValueError("no tensors")
    with tf.name_scope(name, "reduce_sum_n", tensors) as scope:
        sums = [tf.reduce_sum(tensor) for tensor in tensors]
        return sums[0] if len(sums) == 1 else tf.add_n(sums, name=scope)


def with_shape(expected_shape: Any, tensor: Any) -> tf.Tensor:
    """Returns the tensor, whose shape is checked now (ValueError) or at run time (InvalidArgumentError).

    expected_shape: a list, a TensorShape or an integer tensor.
    """
    tensor = tf.convert_to_tensor(tensor)
    if not tf.is_tensor(expected_shape):
        return tf.ensure_shape(tensor, expected_shape)
    known = tensor_util.constant_value_as_shape(expected_shape)
    if not known.is_fully_defined():
        same = tf.reduce_all(tf.equal(tf.shape(tensor), tf.cast(expected_shape, tf.int32)))
        with tf.control_dependencies([tf.Assert(same, [tf.shape(tensor), expected_shape])]):
            tensor = tf.identity(tensor)
    return tf.ensure_shape(tensor, known)


def with_same_shape(expected_tensor: Any, tensor: Any) -> tf.Tensor:
    """Returns the tensor, and checks at run time that it has the same shape as expected_tensor."""
    expected = tf.convert_to_tensor(expected_tensor)
    known = expected.shape
    return with_shape(known if known.is_fully_defined() else tf.shape(expected), tensor)


def remove_squeezable_dimensions(predictions: Any, labels: Any, name: str | None = None) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns (predictions, labels), one of them without its last dimension if their ranks differ by 1."""
    labels, predictions = confusion_matrix.remove_squeezable_dimensions(labels, predictions, name=name)
    return predictions, labels


def get_placeholders(graph: tf.Graph) -> list[tf.Tensor]:
    """Returns the outputs of all placeholders of a graph."""
    return [operation.outputs[0] for operation in graph.get_operations() if operation.type == "Placeholder"]


def get_name_scope() -> str:
    """Returns the current name scope, or "" if there is none."""
    return tf.get_default_graph().get_name_scope()


__getattr__ = module_getattr(
    "tf.contrib.framework",
    (tf_slim, _smart_cond),
    "use tf.train, tf.Variable or tf_slim of the package tf-slim",
    names="fuse_op get_graph_from_inputs load_linear_multiclass_bias_initializer load_variable_slot_initializer "
    "zero_initializer",
)
