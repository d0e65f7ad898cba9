"""tf.contrib.predictor: functions that predict with a SavedModel or an Estimator, in one session for all calls."""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from cnn_estimator.tf1.unavailable import Unavailable, module_getattr

from_contrib_estimator = Unavailable("tf.contrib.predictor.from_contrib_estimator", "use from_estimator")


class Predictor:
    """A graph, its session, and the tensors that a call feeds and fetches: {key: tensor}."""

    def __init__(self, graph: tf.Graph, session: Any, feed_names: dict[str, str], fetch_names: dict[str, str]) -> None:
        self.graph = graph
        self.session = session
        self.feed_tensors = {key: graph.get_tensor_by_name(name) for key, name in feed_names.items()}
        self.fetch_tensors = {key: graph.get_tensor_by_name(name) for key, name in fetch_names.items()}

    def __call__(self, input_dict: dict[str, Any]) -> dict[str, np.ndarray]:
        """Returns {key: prediction} for {key: input}. None is not fed. Raises ValueError for unknown keys."""
        unknown = set(input_dict) - set(self.feed_tensors)
        if unknown:
            raise ValueError(f"unknown inputs {sorted(unknown)}: the model has {sorted(self.feed_tensors)}")
        feeds = {self.feed_tensors[key]: value for key, value in input_dict.items() if value is not None}
        return self.session.run(self.fetch_tensors, feeds)

    def __repr__(self) -> str:
        return f"{type(self).__name__} with feed tensors {self.feed_tensors} and fetch_tensors {self.fetch_tensors}"


def from_saved_model(
    export_dir: str,
    signature_def_key: str | None = None,
    signature_def: Any = None,
    input_names: dict[str, str] | None = None,
    output_names: dict[str, str] | None = None,
    tags: str | None = None,
    graph: tf.Graph | None = None,
    config: Any = None,
) -> Predictor:
    """Returns the Predictor of a signature of a SavedModel, or of named tensors. tags: separated by commas."""
    if (input_names is None) != (output_names is None):
        raise ValueError("input_names and output_names belong together: give both or none")
    if sum(argument is not None for argument in (signature_def_key, signature_def, input_names)) > 1:
        raise ValueError("give only one of signature_def_key, signature_def, and input_names with output_names")
    graph = graph or tf.Graph()
    with graph.as_default():
        session = tf.Session(config=config)
        loaded = tf.saved_model.load(session, (tags or tf.saved_model.SERVING).split(","), export_dir)
    if input_names is None or output_names is None:
        key = signature_def_key or tf.saved_model.DEFAULT_SERVING_SIGNATURE_DEF_KEY
        if signature_def is None and key not in loaded.signature_def:
            raise ValueError(f"no signature {key!r}: the model has {sorted(loaded.signature_def)}")
        return _of_signature(graph, session, signature_def or loaded.signature_def[key])
    return Predictor(graph, session, input_names, output_names)


def from_estimator(
    estimator: Any,
    serving_input_receiver_fn: Callable[[], Any],
    output_key: str | None = None,
    graph: tf.Graph | None = None,
    config: Any = None,
) -> Predictor:
    """Returns the Predictor of an Estimator with its latest checkpoint. output_key: a key of export_outputs."""
    graph = graph or tf.Graph()
    with graph.as_default():
        receiver = serving_input_receiver_fn()
        spec = estimator.model_fn(receiver.features, None, "infer", estimator.config)
        key = output_key or tf.saved_model.DEFAULT_SERVING_SIGNATURE_DEF_KEY
        if key not in spec.export_outputs:
            raise KeyError(f"no output {key!r}: the model has {sorted(spec.export_outputs)}")
        signature = spec.export_outputs[key].as_signature_def(receiver.receiver_tensors)
        creator = tf.train.ChiefSessionCreator(config=config, checkpoint_dir=estimator.model_dir)
        session = tf.train.MonitoredSession(creator)
    return _of_signature(graph, session, signature)


def _of_signature(graph: tf.Graph, session: Any, signature: Any) -> Predictor:
    feeds, fetches = ({key: info.name for key, info in part.items()} for part in (signature.inputs, signature.outputs))
    return Predictor(graph, session, feeds, fetches)


__getattr__ = module_getattr("tf.contrib.predictor", (), "use from_saved_model or from_estimator", names="")
