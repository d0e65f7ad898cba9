"""tf.contrib.learn.MetricSpec."""

import inspect
from collections.abc import Callable
from typing import Any

_SAME = {"prediction": "predictions", "label": "labels", "target": "labels", "targets": "labels", "weight": "weights"}


class MetricSpec:
    """A metric function, and the keys of the predictions, labels and features that it gets."""

    def __init__(
        self,
        metric_fn: Callable,
        prediction_key: str | None = None,
        label_key: str | None = None,
        weight_key: str | None = None,
    ) -> None:
        """metric_fn: has arguments named predictions, labels and weights, or takes (predictions, labels)."""
        self.metric_fn = metric_fn
        self.prediction_key = prediction_key
        self.label_key = label_key
        self.weight_key = weight_key

    @classmethod
    def named(cls, name: Any, metric: Any) -> tuple[str, "MetricSpec"]:
        """Returns (name, MetricSpec) for an item of evaluate's metrics."""
        name, key = name if isinstance(name, tuple) else (name, None)
        return name, metric if isinstance(metric, MetricSpec) else cls(metric, prediction_key=key)

    def create_metric_ops(self, inputs: Any, labels: Any, predictions: Any) -> Any:
        """Returns the (value, update) of the metric function."""
        values = {
            "predictions": _choose(predictions, self.prediction_key, "prediction_key"),
            "labels": _choose(labels, self.label_key, "label_key"),
        }
        names = {_SAME.get(name, name): name for name in inspect.signature(self.metric_fn).parameters}
        weights = {} if self.weight_key is None else {names.get("weights", "weights"): inputs[self.weight_key]}
        if not values.keys() <= names.keys():
            return self.metric_fn(*values.values(), **weights)
        return self.metric_fn(**{names[name]: value for name, value in values.items()}, **weights)


def _choose(values: Any, key: str | None, argument: str) -> Any:
    """Returns the value that a key names."""
    if not isinstance(values, dict):
        return values
    if key is None and len(values) == 1:
        return next(iter(values.values()))
    if key not in values:
        raise ValueError(f"MetricSpec({argument}={key!r}): there are {sorted(values)}")
    return values[key]
