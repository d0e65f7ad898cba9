"""The canned estimators of tf.contrib.learn, built on the canned estimators of tf.estimator."""

import math
from collections.abc import Callable, Iterable
from typing import Any

import tensorflow.compat.v1 as tf  # type: ignore[import-untyped]

# The library itself: tf.estimator has other names on other releases of TensorFlow.
from tensorflow_estimator._api.v1 import estimator  # type: ignore[import-untyped]
from tf_slim.layers import optimizers

from cnn_estimator.tf1.contrib.estimator import clip_gradients_by_norm
from cnn_estimator.tf1.contrib.learn.estimators import Estimator, collected

_DNN_RATE = 0.05
_LINEAR_RATE = 0.2
_MEAN = tf.losses.Reduction.SUM_OVER_BATCH_SIZE


def _linear_rate(columns: list) -> float:
    return min(_LINEAR_RATE, 1 / math.sqrt(len(columns) or 1))


class _Canned(Estimator):
    """A canned estimator of tf.estimator that also accepts unnamed features. Its loss is the mean over the batch."""

    _CORE: Callable

    def __init__(self, core_arguments: dict, options: dict) -> None:
        """core_arguments: arguments of the class in tf.estimator; options: arguments of all classes in this file."""
        self._engineer = options.pop("feature_engineering_fn", None)
        weights = options.pop("weight_column_name", None)
        if options.pop("enable_centered_bias", False):
            raise NotImplementedError("enable_centered_bias is not available on TensorFlow 2: use a bias column")
        names = ("model_dir", "config", "label_keys", "n_classes", "label_dimension")
        unknown = options.keys() - set(names)
        if unknown:
            raise NotImplementedError(f"{', '.join(sorted(unknown))}: not available on TensorFlow 2")
        if "label_keys" in options:
            options["label_vocabulary"] = options.pop("label_keys")
        self._core = self._CORE(weight_column=weights, loss_reduction=_MEAN, **core_arguments, **options)

    def _prepared(self, input_fn: Callable) -> Callable:
        def prepare(features: Any, labels: Any = None) -> Any:
            features = features if isinstance(features, dict) else {"": features}
            if self._engineer:
                features, labels = self._engineer(features, labels)
            return features if labels is None else (features, labels)

        def prepared() -> Any:
            data = input_fn()
            if isinstance(data, tf.data.Dataset):
                return data.map(prepare)
            return prepare(*data) if isinstance(data, tuple) else prepare(data)

        return prepared


class _Classifier(_Canned):
    def _old(self, predictions: dict) -> dict:
        classes = predictions["class_ids"]
        names = ("logits", "probabilities", "logistic")
        old = {name: predictions[name] for name in names if name in predictions}
        return old | {"classes": classes[..., 0]}

    def predict(
        self, x: Any = None, input_fn: Any = None, batch_size: Any = None, outputs: Any = None, as_iterable: bool = True
    ) -> Any:
        """Returns predict_classes(), or the predictions named in outputs."""
        if outputs:
            return super().predict(x, input_fn, batch_size, outputs, as_iterable)
        return self.predict_classes(x, input_fn, batch_size, as_iterable)

    def predict_classes(
        self, x: Any = None, input_fn: Any = None, batch_size: Any = None, as_iterable: bool = True
    ) -> Any:
        """Returns the class of each example."""
        return collected((row["classes"] for row in self._rows(x, input_fn, batch_size)), as_iterable)

    def predict_proba(
        self, x: Any = None, input_fn: Any = None, batch_size: Any = None, as_iterable: bool = True
    ) -> Any:
        """Returns the class probabilities of each example."""
        return collected((row["probabilities"] for row in self._rows(x, input_fn, batch_size)), as_iterable)


class _Regressor(_Canned):
    def _old(self, predictions: dict) -> dict:
        scores = predictions["predictions"]
        return {"scores": scores[..., 0] if scores.shape[-1] == 1 else scores}

    def predict(
        self, x: Any = None, input_fn: Any = None, batch_size: Any = None, outputs: Any = None, as_iterable: bool = True
    ) -> Any:
        """Returns predict_scores(), or the predictions named in outputs."""
        if outputs:
            return super().predict(x, input_fn, batch_size, outputs, as_iterable)
        return self.predict_scores(x, input_fn, batch_size, as_iterable)

    def predict_scores(
        self, x: Any = None, input_fn: Any = None, batch_size: Any = None, as_iterable: bool = True
    ) -> Any:
        """Returns the predicted value of each example."""
        return collected((row["scores"] for row in self._rows(x, input_fn, batch_size)), as_iterable)


def _optimizer(optimizer: Any, rate: float, clip_norm: float | None) -> Callable[[], Any]:
    """Returns a function that returns the optimizer, with gradients clipped to clip_norm.

    Args:
      optimizer: an optimizer, a function that returns one, or the name of one, which gets the learning rate `rate`.
    """

    def make() -> Any:
        made = optimizer
        if isinstance(optimizer, str):
            made = optimizers.OPTIMIZER_CLS_NAMES[optimizer](learning_rate=rate)
        elif callable(optimizer):
            made = optimizer()
        return made if clip_norm is None else clip_gradients_by_norm(made, clip_norm)

    return make


class _CountingOptimizer(tf.train.Optimizer):
    """An optimizer that counts its updates in the global step."""

    def __init__(self, optimizer: Any) -> None:
        super().__init__(use_locking=False, name="Counting")
        self._optimizer = optimizer

    def compute_gradients(self, *args: Any, **kwargs: Any) -> Any:
        return self._optimizer.compute_gradients(*args, **kwargs)

    def apply_gradients(self, *args: Any, **kwargs: Any) -> Any:
        update = self._optimizer.apply_gradients(*args, **kwargs)
        with tf.control_dependencies([update]):
            return tf.assign_add(tf.train.get_global_step(), 1).op


class _Linear(_Canned):
    def __init__(
        self,
        feature_columns: Iterable,
        model_dir: str | None = None,
        *,
        optimizer: Any = None,
        gradient_clip_norm: float | None = None,
        **options: Any,
    ) -> None:
        columns = list(feature_columns)
        rate = _LINEAR_RATE if optimizer else _linear_rate(columns)
        optimizer = _optimizer(optimizer or "Ftrl", rate, gradient_clip_norm)
        super().__init__({"feature_columns": columns, "optimizer": optimizer}, {"model_dir": model_dir, **options})


class _DNN(_Canned):
    def __init__(
        self,
        hidden_units: list[int],
        feature_columns: Iterable,
        model_dir: str | None = None,
        *,
        optimizer: Any = None,
        activation_fn: Any = tf.nn.relu,
        dropout: float | None = None,
        gradient_clip_norm: float | None = None,
        **options: Any,
    ) -> None:
        own = {
            "hidden_units": hidden_units,
            "feature_columns": list(feature_columns),
            "optimizer": _optimizer(optimizer or "Adagrad", _DNN_RATE, gradient_clip_norm),
            "activation_fn": activation_fn,
            "dropout": dropout,
        }
        super().__init__(own, {"model_dir": model_dir, **options})


class _Combined(_Canned):
    def __init__(
        self,
        model_dir: str | None = None,
        *,
        linear_feature_columns: Iterable = (),
        linear_optimizer: Any = None,
        dnn_feature_columns: Iterable = (),
        dnn_optimizer: Any = None,
        dnn_hidden_units: Any = None,
        dnn_activation_fn: Any = tf.nn.relu,
        dnn_dropout: float | None = None,
        gradient_clip_norm: float | None = None,
        fix_global_step_increment_bug: bool = False,
        **options: Any,
    ) -> None:
        """fix_global_step_increment_bug: whether an update of both parts counts as one step. TF 1 counted two."""
        columns = list(linear_feature_columns or ())
        dnn_columns = list(dnn_feature_columns or ())
        counts_twice = bool(columns and dnn_columns) and not fix_global_step_increment_bug

        def make_dnn_optimizer() -> Any:
            made = _optimizer(dnn_optimizer or "Adagrad", _DNN_RATE, gradient_clip_norm)()
            return _CountingOptimizer(made) if counts_twice else made

        own = {
            "linear_feature_columns": columns,
            "linear_optimizer": _optimizer(linear_optimizer or "Ftrl", _linear_rate(columns), gradient_clip_norm),
            "dnn_feature_columns": dnn_columns,
            "dnn_optimizer": make_dnn_optimizer,
            "dnn_hidden_units": dnn_hidden_units,
            "dnn_activation_fn": dnn_activation_fn,
            "dnn_dropout": dnn_dropout,
        }
        super().__init__(own, {"model_dir": model_dir, **options})


class LinearClassifier(_Linear, _Classifier):
    """tf.estimator.LinearClassifier."""

    _CORE = estimator.LinearClassifier


class LinearRegressor(_Linear, _Regressor):
    """tf.estimator.LinearRegressor."""

    _CORE = estimator.LinearRegressor


class DNNClassifier(_DNN, _Classifier):
    """tf.estimator.DNNClassifier."""

    _CORE = estimator.DNNClassifier


class DNNRegressor(_DNN, _Regressor):
    """tf.estimator.DNNRegressor."""

    _CORE = estimator.DNNRegressor


class DNNLinearCombinedClassifier(_Combined, _Classifier):
    """tf.estimator.DNNLinearCombinedClassifier."""

    _CORE = estimator.DNNLinearCombinedClassifier


class DNNLinearCombinedRegressor(_Combined, _Regressor):
    """tf.estimator.DNNLinearCombinedRegressor."""

    _CORE = estimator.DNNLinearCombinedRegressor
