"""tf.contrib.learn.Estimator and SKCompat, built on tf.estimator."""

import inspect
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import tensorflow.compat.v1 as tf  # type: ignore[import-untyped]

# The library itself: tf.estimator has other names on other releases of TensorFlow.
from tensorflow_estimator._api.v1 import estimator  # type: ignore[import-untyped]

from cnn_estimator.tf1.contrib.learn import arrays
from cnn_estimator.tf1.contrib.learn.metric_spec import MetricSpec
from cnn_estimator.tf1.contrib.learn.monitors import replace_monitors_with_hooks

_SERVING = tf.saved_model.DEFAULT_SERVING_SIGNATURE_DEF_KEY
_SINGLE = "predictions"  # the key of predictions that are a single tensor


class ModelFnOps(NamedTuple):
    """The result of a model_fn, with the fields of tf.estimator.EstimatorSpec."""

    mode: str
    predictions: Any = None
    loss: Any = None
    train_op: Any = None
    eval_metric_ops: Any = None
    output_alternatives: Any = None
    training_chief_hooks: Any = None
    training_hooks: Any = None
    scaffold: Any = None


class NotFittedError(ValueError, AttributeError):
    """The estimator has no checkpoint."""


class _ModelFn:
    """Turns a model_fn of tf.contrib.learn into a model_fn of tf.estimator."""

    def __init__(self, model_fn: Callable, feature_engineering_fn: Callable | None, model_dir: str | None) -> None:
        self._model_fn = model_fn
        self._engineer = feature_engineering_fn
        self._model_dir = model_dir
        self._labels: Any = None  # types and shapes of the labels, known after training

    def __call__(self, features: Any, labels: Any, mode: str, params: Any, config: Any) -> Any:
        if labels is not None:
            self._labels = tf.nest.map_structure(lambda label: tf.TensorSpec(label.shape, label.dtype), labels)
        elif self._labels is not None:  # many programs compute the loss for predictions too
            labels = tf.nest.map_structure(lambda label: tf.placeholder(label.dtype, label.shape), self._labels)
        if self._engineer:
            features, labels = self._engineer(features, labels)
        optional = {"mode": mode, "params": params, "config": config, "model_dir": self._model_dir}
        names = inspect.signature(self._model_fn).parameters
        ops = self._model_fn(features, labels, **{name: optional[name] for name in optional if name in names})
        if not isinstance(ops, tuple):
            raise ValueError(f"model_fn must return ModelFnOps or (predictions, loss, train_op), not {ops!r}")
        return _spec(ops if hasattr(ops, "_fields") else ModelFnOps(mode, *ops), mode)


def _spec(ops: Any, mode: str) -> Any:
    """Returns the EstimatorSpec of ModelFnOps."""
    if isinstance(ops, estimator.EstimatorSpec):
        return ops
    predictions = ops.predictions if isinstance(ops.predictions, dict) else {_SINGLE: ops.predictions}
    if mode == estimator.ModeKeys.PREDICT:
        alternatives = dict(ops.output_alternatives or {}).values()
        outputs = next((tensors for _, tensors in alternatives), predictions)
        export = {_SERVING: estimator.export.PredictOutput(outputs)}
        return estimator.EstimatorSpec(mode, predictions, export_outputs=export, scaffold=ops.scaffold)
    return estimator.EstimatorSpec(
        mode,
        None if ops.predictions is None else predictions,
        ops.loss,
        ops.train_op,
        ops.eval_metric_ops,
        training_chief_hooks=ops.training_chief_hooks,
        training_hooks=ops.training_hooks,
        scaffold=ops.scaffold,
    )


class _OnePass(tf.train.SessionRunHook):
    """Ends predictions after one batch if the features are constants, which have no end, as in TensorFlow 1."""

    def begin(self) -> None:
        graph = tf.get_default_graph()
        queues = graph.get_collection(tf.GraphKeys.QUEUE_RUNNERS)
        self._constant = not queues and not any("Iterator" in operation.type for operation in graph.get_operations())

    def after_run(self, run_context: Any, run_values: Any) -> None:
        if self._constant:
            run_context.request_stop()


class Estimator:
    """An Estimator with fit, evaluate and predict. It forwards other attributes to tf.estimator.Estimator."""

    def __init__(
        self,
        model_fn: Callable,
        model_dir: str | None = None,
        config: Any = None,
        params: Any = None,
        feature_engineering_fn: Callable | None = None,
    ) -> None:
        """Args as in tf.estimator.Estimator, except for model_fn.

        model_fn: takes (features, labels) and any of mode, params, config and model_dir. Returns ModelFnOps or
          (predictions, loss, train_op).
        """
        self._core = estimator.Estimator(
            _ModelFn(model_fn, feature_engineering_fn, model_dir), model_dir, config, params
        )

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._core, name)

    def _prepared(self, input_fn: Callable) -> Callable:
        """Returns the input_fn that tf.estimator calls."""
        return input_fn

    def _old(self, predictions: dict) -> dict:
        """Returns predictions under their names in tf.contrib.learn."""
        return predictions

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        input_fn: Callable | None = None,
        steps: int | None = None,
        batch_size: int | None = None,
        monitors: Any = None,
        max_steps: int | None = None,
    ) -> "Estimator":
        """Trains on arrays or on an input_fn. On arrays, training does not end unless steps or max_steps is given.

        monitors: monitors and hooks.
        """
        hooks = replace_monitors_with_hooks(monitors, self)
        self.train(input_fn or arrays.input_fn(x, y, batch_size, train=True), hooks, steps, max_steps)
        return self

    def partial_fit(self, x: Any = None, y: Any = None, input_fn: Any = None, steps: int = 1, **options: Any) -> Any:
        """Is fit with one step."""
        return self.fit(x, y, input_fn, steps, **options)

    def train(self, input_fn: Callable, hooks: Any = None, *args: Any, **kwargs: Any) -> "Estimator":
        """Calls tf.estimator.Estimator.train."""
        self._core.train(self._prepared(input_fn), list(hooks or []), *args, **kwargs)
        return self

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        input_fn: Callable | None = None,
        feed_fn: None = None,
        batch_size: int | None = None,
        steps: int | None = None,
        metrics: dict | None = None,
        name: str | None = None,
        checkpoint_path: str | None = None,
        hooks: Any = None,
        log_progress: bool = True,
    ) -> dict:
        """Returns the metrics of one pass over the data, or of `steps` batches.

        Args:
          metrics: {name, or (name, key of a prediction): MetricSpec or function of predictions and labels}.
          log_progress: not used.

        Raises:
          NotFittedError: there is no checkpoint.
        """
        if feed_fn is not None:
            raise NotImplementedError("evaluate(feed_fn=…) is not available on TensorFlow 2: use input_fn")
        self._check_fitted(checkpoint_path)
        data = self._prepared(input_fn or arrays.input_fn(x, y, batch_size, train=False))
        core = self._core
        if metrics:
            specs = dict(MetricSpec.named(name, metric) for name, metric in metrics.items())

            def metric_fn(features: Any, labels: Any, predictions: Any) -> dict:
                old = self._old(predictions)
                return {name: spec.create_metric_ops(features, labels, old) for name, spec in specs.items()}

            core = estimator.add_metrics(core, metric_fn)
        return core.evaluate(data, steps, hooks, checkpoint_path, name)

    def predict(
        self,
        x: Any = None,
        input_fn: Callable | None = None,
        batch_size: int | None = None,
        outputs: Any = None,
        as_iterable: bool = True,
    ) -> Any:
        """Returns an iterable of the predictions of each example, or arrays of all with as_iterable=False.

        outputs: names of predictions. If given, predictions are dicts.
        """
        return collected(self._rows(x, input_fn, batch_size, outputs), as_iterable)

    def _rows(self, x: Any, input_fn: Callable | None, batch_size: int | None, outputs: Any = None) -> Iterator:
        self._check_fitted(None)
        data = self._prepared(input_fn or arrays.input_fn(x, None, batch_size, train=False))
        for row in map(self._old, self._core.predict(data, hooks=[_OnePass()])):
            if outputs is not None:
                row = {name: row[name] for name in outputs}
            yield row[_SINGLE] if row.keys() == {_SINGLE} else row

    def _check_fitted(self, checkpoint_path: str | None) -> None:
        if not checkpoint_path and not self._core.latest_checkpoint():
            raise NotFittedError(f"there is no checkpoint in {self._core.model_dir}: call fit first")

    def export_savedmodel(self, export_dir_base: str, serving_input_fn: Callable, **options: Any) -> bytes:
        """Returns the path of a new SavedModel. serving_input_fn returns InputFnOps or a ServingInputReceiver."""

        def receive() -> Any:
            inputs = serving_input_fn()
            if isinstance(inputs, estimator.export.ServingInputReceiver):
                return inputs
            features, _, default_inputs = inputs
            kind = "ServingInputReceiver" if isinstance(features, dict) else "TensorServingInputReceiver"
            return getattr(estimator.export, kind)(features, default_inputs)

        return self._core.export_saved_model(export_dir_base, receive, **options)


def collected(rows: Iterator, as_iterable: bool) -> Any:
    """Returns the rows themselves, or with as_iterable=False an array of all rows, or {name: array}."""
    if as_iterable:
        return rows
    every = list(rows)
    if every and isinstance(every[0], dict):
        return {name: np.array([row[name] for row in every]) for name in every[0]}
    return np.array(every)


class SKCompat:
    """Gives an estimator the methods of scikit-learn, for arrays."""

    def __init__(self, estimator: Estimator) -> None:
        self._estimator = estimator

    def fit(self, x: Any, y: Any, batch_size: int = 128, steps: int | None = None, **options: Any) -> "SKCompat":
        """Calls Estimator.fit."""
        self._estimator.fit(x, y, steps=steps, batch_size=batch_size, **options)
        return self

    def score(self, x: Any, y: Any, batch_size: int = 128, steps: int | None = None, **options: Any) -> dict:
        """Calls Estimator.evaluate."""
        return self._estimator.evaluate(x, y, batch_size=batch_size, steps=steps, **options)

    def predict(self, x: Any, batch_size: int = 128, outputs: Any = None) -> Any:
        """Returns an array, or {name: array}."""
        return collected(self._estimator._rows(x, None, batch_size, outputs), as_iterable=False)
