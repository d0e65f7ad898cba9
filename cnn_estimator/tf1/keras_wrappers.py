"""tf.keras.wrappers.scikit_learn: Keras models with the methods of scikit-learn, as in TensorFlow 1.15."""

import copy
import importlib
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from cnn_estimator.tf1 import aliases

_keras = importlib.import_module(f"{aliases.keras_package()}.api._v1.keras")


class BaseWrapper:
    """A model that fit builds. sk_params are arguments of build_fn and of the methods fit, predict and evaluate."""

    def __init__(self, build_fn: Callable[..., Any] | None = None, **sk_params: Any) -> None:
        """build_fn: returns a compiled model. None: the method __call__ of a subclass.

        Raises:
          ValueError: sk_params has a name that neither build_fn nor the methods have.
        """
        self.build_fn = build_fn
        self.sk_params = sk_params
        self.check_params(sk_params)

    def _build_fn(self) -> Callable[..., Any]:
        return self.build_fn or self.__call__  # type: ignore[operator]  # a subclass has it

    def check_params(self, params: dict[str, Any]) -> None:
        """Raises ValueError for a name that is no argument of build_fn or of the methods."""
        model = _keras.Sequential
        functions = (self._build_fn(), model.fit, model.predict, model.predict_classes, model.evaluate)
        for name in params:
            if name != "nb_epoch" and not any(name in inspect.signature(function).parameters for function in functions):
                raise ValueError(f"{name} is not a legal parameter")

    def get_params(self, **params: Any) -> dict[str, Any]:
        """Returns sk_params and build_fn. params: not used."""
        return copy.deepcopy(self.sk_params) | {"build_fn": self.build_fn}

    def set_params(self, **params: Any) -> "BaseWrapper":
        """Changes sk_params."""
        self.check_params(params)
        self.sk_params.update(params)
        return self

    def filter_sk_params(self, fn: Callable[..., Any], override: dict[str, Any] | None = None) -> dict[str, Any]:
        """Returns the sk_params that are arguments of a function, updated with override."""
        names = inspect.signature(fn).parameters
        return {name: value for name, value in self.sk_params.items() if name in names} | (override or {})

    def fit(self, x: Any, y: Any, **kwargs: Any) -> Any:
        """Builds a model, trains it and returns its History. kwargs: arguments of Sequential.fit."""
        build = self._build_fn()
        self.model = build(**self.filter_sk_params(build))
        loss = self.model.loss
        if getattr(loss, "__name__", loss) == "categorical_crossentropy" and y.ndim != 2:
            y = _keras.utils.to_categorical(y)
        return self.model.fit(x, y, **copy.deepcopy(self.filter_sk_params(_keras.Sequential.fit)) | kwargs)


class KerasClassifier(BaseWrapper):
    """A classifier. Its attribute classes_ has the labels that it has seen."""

    def fit(self, x: Any, y: Any, **kwargs: Any) -> Any:
        """Builds and trains a model. y: labels [examples], or one column for each class."""
        y = np.array(y)
        if y.ndim == 2 and y.shape[1] > 1:
            self.classes_ = np.arange(y.shape[1])
        elif y.ndim in (1, 2):
            self.classes_ = np.unique(y)
            y = np.searchsorted(self.classes_, y)
        else:
            raise ValueError(f"Invalid shape for y: {y.shape}")
        self.n_classes_ = len(self.classes_)
        return super().fit(x, y, **kwargs)

    def predict(self, x: Any, **kwargs: Any) -> np.ndarray:
        """Returns the label of each example."""
        arguments = self.filter_sk_params(_keras.Sequential.predict_classes, kwargs)
        return self.classes_[self.model.predict_classes(x, **arguments)]

    def predict_proba(self, x: Any, **kwargs: Any) -> np.ndarray:
        """Returns the probability of each class, [examples, classes]."""
        probabilities = self.model.predict_proba(x, **self.filter_sk_params(_keras.Sequential.predict_proba, kwargs))
        return np.hstack([1 - probabilities, probabilities]) if probabilities.shape[1] == 1 else probabilities

    def score(self, x: Any, y: Any, **kwargs: Any) -> float:
        """Returns the accuracy. Raises ValueError if the model was not compiled with metrics=["accuracy"]."""
        y = np.searchsorted(self.classes_, y)
        loss = self.model.loss
        if getattr(loss, "__name__", loss) == "categorical_crossentropy" and y.ndim != 2:
            y = _keras.utils.to_categorical(y)
        outputs = self.model.evaluate(x, y, **self.filter_sk_params(_keras.Sequential.evaluate, kwargs))
        values = dict(zip(self.model.metrics_names, outputs if isinstance(outputs, list) else [outputs], strict=False))
        for name in ("accuracy", "acc"):
            if name in values:
                return values[name]
        raise ValueError("compile the model with metrics=['accuracy'] to compute its score")


class KerasRegressor(BaseWrapper):
    """A regressor."""

    def predict(self, x: Any, **kwargs: Any) -> np.ndarray:
        """Returns the predictions, without axes of length 1."""
        return np.squeeze(self.model.predict(x, **self.filter_sk_params(_keras.Sequential.predict, kwargs)))

    def score(self, x: Any, y: Any, **kwargs: Any) -> float:
        """Returns the negative loss."""
        loss = self.model.evaluate(x, y, **self.filter_sk_params(_keras.Sequential.evaluate, kwargs))
        return -(loss[0] if isinstance(loss, list) else loss)
