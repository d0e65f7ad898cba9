"""Functions of Keras that compute what they computed in TensorFlow 1.15, for a process that runs nothing but TF 1 code.

Keras has changed them since then, and has kept their names.
"""

import functools
import importlib
import inspect
from collections.abc import Callable
from typing import Any

import tensorflow.compat.v1 as tf  # type: ignore[import-untyped]


def restore(package: str) -> None:
    """Gives a package, keras or tf_keras, the functions of TensorFlow 1.15."""
    source = f"{package}.src"
    api = f"{package}.api._v1.keras"
    backend = importlib.import_module(f"{source}.backend")
    functions = {
        "batch_dot": batch_dot,
        "ctc_decode": _as_long_as_the_longest(backend.ctc_decode),
        "switch": _by_rows(backend.switch),
    }
    for module in (backend, importlib.import_module(f"{api}.backend")):
        vars(module).update(functions)
    for name in (f"{source}.losses", f"{source}.metrics", f"{api}.losses"):
        vars(importlib.import_module(name)).update(
            cosine_proximity=cosine_proximity, cosine_similarity=cosine_proximity
        )
    for name in (f"{api}.losses", f"{api}.metrics"):
        vars(importlib.import_module(name)).update(cosine=cosine_proximity, cosine_proximity=cosine_proximity)
    metrics = importlib.import_module(f"{source}.metrics.confusion_metrics")
    for metric in (metrics.SensitivityAtSpecificity, metrics.SpecificityAtSensitivity):
        metric._find_max_under_constraint = _at_the_nearest_threshold
    adagrad = importlib.import_module(f"{source}.optimizers.legacy.adagrad").Adagrad
    adagrad.from_config = classmethod(_with_empty_accumulators(adagrad.from_config.__func__))
    linear = importlib.import_module(f"{source}.premade_models.linear").LinearModel
    linear.__init__ = _with_defaults(linear.__init__, kernel_initializer="glorot_uniform")


def batch_dot(x: Any, y: Any, axes: int | tuple[int, int] | list[int] | None = None) -> Any:
    """Returns the products of the matrices that the last two axes of x and y are.

    Args:
      x: tensor of rank 2 or more.
      y: the same. Axes of length 1 are added to the tensor of the smaller rank.
      axes: the axes of x and y that are summed. None: the last axis of x and the last but one of y.
    """
    rank = x.shape.ndims
    other_rank = y.shape.ndims
    axis, other_axis = (rank - 1, other_rank - 2) if axes is None else (axes, axes) if isinstance(axes, int) else axes
    for _ in range(rank - other_rank):
        y = tf.expand_dims(y, -1)
    for _ in range(other_rank - rank):
        x = tf.expand_dims(x, -1)
    if max(rank, other_rank) == 2:
        factor = x if axis == other_axis else tf.transpose(x)
        return tf.expand_dims(tf.reduce_sum(factor * y, other_axis), 1)
    product = tf.matmul(x, y, adjoint_a=axis != x.shape.ndims - 1, adjoint_b=other_axis == y.shape.ndims - 1)
    first_added = rank + other_rank - 3 if rank > other_rank else rank - 1
    if rank != other_rank:
        product = tf.squeeze(product, list(range(first_added, first_added + abs(rank - other_rank))))
    return tf.expand_dims(product, 1) if product.shape.ndims == 1 else product


def cosine_proximity(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """Returns the cosine of the angles between labels and predictions: 1 for equal directions."""
    return tf.reduce_sum(tf.nn.l2_normalize(y_true, axis=axis) * tf.nn.l2_normalize(y_pred, axis=axis), axis=axis)


def _as_long_as_the_longest(ctc_decode: Callable[..., Any]) -> Callable[..., Any]:
    """Returns ctc_decode whose sequences are as long as the longest one. It would fill them up to y_pred's steps."""

    def shorten(decoded: Any) -> Any:
        lengths = tf.reduce_sum(tf.cast(tf.not_equal(decoded, -1), tf.int32), 1)
        return decoded[:, : tf.reduce_max(lengths)]

    @functools.wraps(ctc_decode)
    def decode(*arguments: Any, **keywords: Any) -> Any:
        sequences, log_probabilities = ctc_decode(*arguments, **keywords)
        return [shorten(each) for each in sequences], log_probabilities

    return decode


def _by_rows(switch: Callable[..., Any]) -> Callable[..., Any]:
    """Returns switch whose condition chooses rows if it is a vector. Broadcasting would let it choose columns."""

    @functools.wraps(switch)
    def switch_rows(condition: Any, then_expression: Any, else_expression: Any) -> Any:
        if condition.shape.ndims != 1:
            return switch(condition, then_expression, else_expression)
        then, other = (each() if callable(each) else each for each in (then_expression, else_expression))
        return tf.where(tf.cast(condition, tf.bool), then, other)

    return switch_rows


def _at_the_nearest_threshold(metric: Any, constrained: Any, dependent: Any, predicate: object) -> Any:
    """Returns the dependent value where the constrained one is nearest to the metric's value."""
    return dependent[tf.argmin(tf.abs(constrained - metric.value))]


def _with_empty_accumulators(from_config: Callable[..., Any]) -> Callable[..., Any]:
    """Returns Adagrad.from_config with 0 as default of initial_accumulator_value, which optimizer="adagrad" gets."""

    @functools.wraps(from_config)
    def create(cls: type, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Any:
        return from_config(cls, {"initial_accumulator_value": 0.0, **config}, custom_objects)

    return create


def _with_defaults(function: Callable[..., Any], **defaults: Any) -> Callable[..., Any]:
    """Returns a function with other default values."""
    signature = inspect.signature(function)

    @functools.wraps(function)
    def call(*arguments: Any, **keywords: Any) -> Any:
        given = signature.bind(*arguments, **keywords).arguments
        return function(*arguments, **keywords, **{name: defaults[name] for name in defaults if name not in given})

    return call
