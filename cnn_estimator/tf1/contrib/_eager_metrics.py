"""tf.contrib.eager.metrics: metrics that keep their counts in variables, with eager execution and in graphs."""

import re
from typing import Any

import tensorflow.compat.v1 as tf  # type: ignore[import-untyped]
from tensorflow.python.trackable import base

__all__ = ["Accuracy", "BinaryAccuracy", "CategoricalAccuracy", "Mean", "Metric", "SparseAccuracy"]


class Metric(base.Trackable):
    """A metric that collects its counts in calls: a subclass has build(), call() and result().

    In a graph, the call returns the update. The initializers of its variables are in init_variables().
    """

    def __init__(self, name: str | None = None, use_global_variables: bool = False) -> None:
        name = name or type(self).__name__
        scope_name = re.sub("[^A-Za-z0-9.]", "_", name)
        with tf.variable_scope(scope_name, use_resource=True, reuse=False) as scope:
            self._scope = scope
        self._name = name + scope.name[scope.name.rfind(scope_name) + len(scope_name) :]
        self._built = False
        self._initial_values: list[tuple[Any, Any]] = []
        key = tf.GraphKeys.GLOBAL_VARIABLES if use_global_variables else tf.GraphKeys.LOCAL_VARIABLES
        self._collections = [key, tf.GraphKeys.METRIC_VARIABLES]
        if not tf.executing_eagerly():
            self.call = tf.function(self.call)  # type: ignore[method-assign]  # runs all of its updates, in their order

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        if not self._built:
            with tf.variable_scope(self._scope):
                self.build(*arguments, **keywords)
            self._built = True
        return self.call(*arguments, **keywords)

    @property
    def name(self) -> str:
        return self._name

    @property
    def variables(self) -> list[Any]:
        return [variable for variable, _ in self._initial_values]

    def init_variables(self) -> Any:
        """Returns the initializer of the variables; with eager execution, resets them."""
        if not tf.executing_eagerly():
            return tf.group([variable.initializer for variable in self.variables])
        for variable, value in self._initial_values:
            variable.assign(value)
        return None

    def build(self, *arguments: Any, **keywords: Any) -> None:
        """Makes the variables, by add_variable."""
        raise NotImplementedError("Metrics must define a build() member function")

    def call(self, *arguments: Any, **keywords: Any) -> Any:
        """Adds to the variables."""
        raise NotImplementedError("Metrics must define a call() member function")

    def result(self) -> Any:
        """Returns the value of the metric so far."""
        raise NotImplementedError("Metrics must define a result() member function")

    def value(self) -> Any:
        """Returns the result, or with eager execution the function that computes it."""
        return self.result if tf.executing_eagerly() else self.result()

    def add_variable(self, name: str, shape: Any = None, dtype: Any = None, initializer: Any = None) -> Any:
        """Returns a new variable, for build() alone."""
        if self._built:
            raise RuntimeError("Can't call add_variable() except in build().")
        variable = self._add_variable_with_custom_getter(
            name=name,
            shape=shape,
            dtype=dtype,
            initializer=initializer,
            trainable=False,
            collections=None if tf.executing_eagerly() else self._collections,
            use_resource=True,
            getter=tf.get_variable,
            overwrite=True,
        )
        self._initial_values.append((variable, variable.value() if tf.executing_eagerly() else None))
        return variable


class Mean(Metric):
    """The mean of all values, or their weighted mean."""

    def __init__(self, name: str | None = None, dtype: Any = tf.float64, use_global_variables: bool = False) -> None:
        super().__init__(name, use_global_variables)
        self.dtype = dtype

    def build(self, *arguments: Any, **keywords: Any) -> None:
        self.numer = self.add_variable("numer", (), self.dtype, tf.zeros_initializer)
        self.denom = self.add_variable("denom", (), self.dtype, tf.zeros_initializer)

    def call(self, values: Any, weights: Any = None) -> Any:
        if weights is None:
            self.denom.assign_add(tf.cast(tf.size(values), self.dtype))
            values = tf.reduce_sum(values)
            self.numer.assign_add(tf.cast(values, self.dtype))
            return values
        weights = tf.cast(weights, self.dtype)
        self.denom.assign_add(tf.reduce_sum(weights))
        values = tf.cast(values, self.dtype) * weights
        self.numer.assign_add(tf.reduce_sum(values))
        return values, weights

    def result(self, write_summary: Any = True) -> Any:
        """Returns the mean so far, and writes a summary of it where there is a writer."""
        mean = self.numer / self.denom
        if write_summary is True and tf.executing_eagerly():
            tf.compat.v2.summary.scalar(self.name, mean, tf.train.get_or_create_global_step())
        return mean


class _Matches(Mean):
    """The mean of whether predictions match labels."""

    def __init__(self, name: str | None = None, dtype: Any = tf.float64) -> None:
        super().__init__(name, dtype)

    def call(self, labels: Any, predictions: Any, weights: Any = None) -> Any:  # type: ignore[override]
        super().call(tf.cast(self._matches(labels, predictions), self.dtype), weights)
        return (labels, predictions) if weights is None else (labels, predictions, weights)

    def _matches(self, labels: Any, predictions: Any) -> Any:
        raise NotImplementedError


def _check_shapes(labels: Any, predictions: Any) -> None:
    message = "Shapes of labels and predictions are unequal"
    tf.debugging.assert_equal(tf.shape(labels), tf.shape(predictions), message=message)


class Accuracy(_Matches):
    """The fraction of predictions that are equal to their labels."""

    def _matches(self, labels: Any, predictions: Any) -> Any:
        _check_shapes(labels, predictions)
        return tf.equal(labels, predictions)


class CategoricalAccuracy(_Matches):
    """The fraction of predictions whose largest value is where their one-hot label has it."""

    def _matches(self, labels: Any, predictions: Any) -> Any:
        _check_shapes(labels, predictions)
        return tf.equal(tf.argmax(labels, axis=-1), tf.argmax(predictions, axis=-1))


class BinaryAccuracy(_Matches):
    """The fraction of predictions above the threshold where the label is 1, and below it where the label is 0."""

    def __init__(self, threshold: float, name: str | None = None, dtype: Any = tf.float64) -> None:
        super().__init__(name, dtype)
        self.threshold = threshold

    def _matches(self, labels: Any, predictions: Any) -> Any:
        _check_shapes(labels, predictions)
        return tf.equal(tf.cast(labels, tf.bool), tf.convert_to_tensor(predictions) > self.threshold)


class SparseAccuracy(_Matches):
    """The fraction of predictions whose largest value is at the number that is their label."""

    def _matches(self, labels: Any, predictions: Any) -> Any:
        message = "First axis of labels and predictions is unequal"
        tf.debugging.assert_equal(tf.shape(labels), tf.shape(predictions)[0], message=message)
        return tf.equal(tf.cast(labels, tf.int64), tf.argmax(predictions, axis=-1))
