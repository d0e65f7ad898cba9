"""tf.contrib.learn.utils.input_fn_utils: input_fns for serving, built on tf.estimator."""

import collections
from collections.abc import Callable
from typing import Any

# The library itself: tf.estimator has other names on other releases of TensorFlow.
from tensorflow_estimator._api.v1 import estimator  # type: ignore[import-untyped]

InputFnOps = collections.namedtuple("InputFnOps", ["features", "labels", "default_inputs"])


def build_parsing_serving_input_fn(feature_spec: dict, default_batch_size: int | None = None) -> Callable:
    """Returns a function that returns InputFnOps for serialized tf.Examples."""
    return _without_labels(estimator.export.build_parsing_serving_input_receiver_fn(feature_spec, default_batch_size))


def build_default_serving_input_fn(features: dict[str, Any], default_batch_size: int | None = None) -> Callable:
    """Returns a function that returns InputFnOps for fed features, with the types and shapes of `features`."""
    return _without_labels(estimator.export.build_raw_serving_input_receiver_fn(features, default_batch_size))


def _without_labels(receive: Callable) -> Callable:
    """Returns a function that returns InputFnOps for a serving_input_receiver_fn of tf.estimator."""

    def input_fn() -> InputFnOps:
        receiver = receive()
        return InputFnOps(receiver.features, None, receiver.receiver_tensors)

    return input_fn
