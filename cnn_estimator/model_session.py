"""A model that runs outside of Estimator: its graph, its session and its weights."""

import logging
import os
from collections.abc import Collection, Mapping

import numpy as np

from cnn_estimator import model, stopping
from cnn_estimator.data.datasets import SIDE, Split, scale
from cnn_estimator.errors import UserError
from cnn_estimator.hardware import set_precision
from cnn_estimator.run_dir.checkpoints import Checkpoint
from cnn_estimator.settings import EVALUATION_BATCH_SIZE, Settings
from cnn_estimator.tf1 import tf

log = logging.getLogger("cnn_estimator")

_AVERAGE = "ExponentialMovingAverage"
_processes_with_sessions: set[int] = set()  # ids of this process and of its parents that made a session


def make_session_config(precision: str, threads: int | None = None) -> tf.ConfigProto:
    """Returns the session configuration of training, evaluation and prediction.

    Args:
      precision: "float32" or "bfloat16".
      threads: how many threads share an operation; None takes TensorFlow's default, one for each CPU.

    Raises:
      UserError: this process was forked after a session.
    """
    _processes_with_sessions.add(os.getpid())
    _check_not_forked()
    config = tf.ConfigProto(allow_soft_placement=True, intra_op_parallelism_threads=threads or 0)
    set_precision(precision, config)
    # TensorFlow optimizes a graph twice by default. The second pass changes nothing in these graphs (the weights after
    # training have the same bits), and delays the first step by 10 to 40 ms.
    rewrite_options = config.graph_options.rewrite_options
    rewrite_options.meta_optimizer_iterations = rewrite_options.ONE
    return config


def _check_not_forked() -> None:
    """Raises UserError in a process that was forked after a session, where a session would wait for ever."""
    if _processes_with_sessions - {os.getpid()}:
        raise UserError(
            "this process was forked from one that has run a TensorFlow session, and TensorFlow hangs here",
            'start it with multiprocessing.get_context("spawn")',
        )


class ModelSession:
    """The graph of model_fn for one mode, its session, and weights that restore() or assign() set.

    Estimator.predict builds a graph at every call, and Estimator.evaluate adds metrics' variables and an input
    pipeline. A ModelSession has neither, and is built once. A context manager: leaving it closes the session.

    Args:
      settings: the settings of the run.
      mode: tf.estimator.ModeKeys.PREDICT for predict(), or EVAL for score() too.
      session_config: None takes the configuration of float32.

    Attributes:
      session: the tf.Session.
      inputs: {"x": float32 [N, 28, 28] in 0..1}, a tensor of the graph.
      outputs: {"classes": int64 [N], "probabilities": float32 [N, number of classes]}, tensors of the graph.
      variables: the names, in a checkpoint, of the variables that restore() and assign() set. A run with averages has
        the names of the averages here.
    """

    def __init__(self, settings: Settings, mode: str, session_config: tf.ConfigProto | None = None) -> None:
        with tf.Graph().as_default() as graph:
            # TensorFlow 2 loads an export of resource variables without a warning.
            tf.get_variable_scope().set_use_resource(True)
            images = tf.placeholder(tf.float32, [None, SIDE, SIDE], name="x")
            labels = None if mode == tf.estimator.ModeKeys.PREDICT else tf.placeholder(tf.int32, [None])
            spec = model.model_fn({"x": images}, labels, mode, settings)
            variables = model.evaluated_variables(settings)
            variables.pop(tf.GraphKeys.GLOBAL_STEP, None)
            values = {name: tf.placeholder(variables[name].dtype, variables[name].shape) for name in variables}
            self._values = values
            self._assign = tf.group(*(tf.assign(variables[name], values[name]) for name in variables))
            self._labels = labels
            self._classes = settings.classes
            self._score = None
            if labels is not None:
                hits = tf.equal(tf.cast(labels, tf.int64), spec.predictions["classes"])
                self._score = (tf.reduce_sum(tf.cast(hits, tf.int32)), spec.loss)
            self.inputs = {"x": images}
            self.outputs = spec.predictions
            self.variables = list(variables)
            self.session = tf.Session(graph=graph, config=session_config or make_session_config("float32"))

    def __enter__(self) -> "ModelSession":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the session."""
        self.session.close()

    def restore(self, checkpoint_path: str) -> None:
        """Sets the variables to the values of a checkpoint."""
        reader = tf.train.load_checkpoint(checkpoint_path)
        self.assign({name: reader.get_tensor(name) for name in self.variables})

    def assign(self, weights: Mapping[str, np.ndarray]) -> None:
        """Sets the variables to {name in a checkpoint: value}."""
        self.session.run(self._assign, {value: weights[name] for name, value in self._values.items()})

    def predict(self, images: np.ndarray, batch_size: int) -> model.Predictions:
        """Returns the predictions for float32 images [N, 28, 28] in 0..1.

        Raises:
          Stopped: a stop signal came between two batches.
          UserError: this process was forked after the session was made.
        """
        _check_not_forked()
        batches = []
        for start in range(0, len(images), batch_size):
            stopping.check()
            batches.append(self.session.run(self.outputs, {self.inputs["x"]: images[start : start + batch_size]}))
        stopping.check()
        return model.Predictions(
            np.concatenate([np.zeros(0, np.int64), *(batch["classes"] for batch in batches)]),
            np.concatenate([np.zeros((0, self._classes), np.float32), *(batch["probabilities"] for batch in batches)]),
        )

    def score(self, data: Split) -> tuple[float, float]:
        """Returns the accuracy on a split and the mean cross entropy of an image. Needs mode EVAL."""
        hits = 0
        losses = 0.0
        for start in range(0, len(data.labels), EVALUATION_BATCH_SIZE):
            labels = data.labels[start : start + EVALUATION_BATCH_SIZE]
            images = scale(data.pixels[start : start + EVALUATION_BATCH_SIZE])
            batch_hits, loss = self.session.run(self._score, {self.inputs["x"]: images, self._labels: labels})
            hits += int(batch_hits)
            losses += float(loss) * len(labels)
        return hits / len(data.labels), losses / len(data.labels)


def check_fits(checkpoint: Checkpoint, settings: Settings, mode: str) -> None:
    """Raises UserError, with a table, unless a checkpoint has the variables of the model for a mode.

    For training, variables that the model does not have are refused, because training would lose them. For evaluation
    and prediction they are logged, except the optimizer's.
    """
    reader = tf.train.load_checkpoint(checkpoint.path)
    dtypes = reader.get_variable_to_dtype_map()
    shapes = reader.get_variable_to_shape_map()
    saved = {name: (dtypes[name].name, shapes[name]) for name in sorted(shapes)}
    expected = model.variables(settings, mode)
    training = mode == tf.estimator.ModeKeys.TRAIN
    rows = []
    for name in {**expected, **saved}:
        if name not in saved:
            rows.append((name, "missing", "", _kind(expected[name])))
        elif name not in expected:
            if training or not _belongs_to_optimizer(name, saved):
                rows.append((name, "extra", _kind(saved[name]), ""))
        elif saved[name] != expected[name]:
            rows.append((name, "reshaped", _kind(saved[name]), _kind(expected[name])))
    extra = [row[0] for row in rows if row[1] == "extra"]
    if extra and not training:
        log.warning("variables that network %s does not have: %s", settings.network, ", ".join(extra))
    if len(rows) > len(extra) or (training and extra):
        options = "{recipe}, {optimizer} and {average_decay}" if training else "{recipe}"
        raise UserError(
            f"{checkpoint.name} does not fit network {settings.network} with optimizer {settings.optimizer}",
            f"name the {options} that it holds, or choose another {{model_dir}}",
            [("variable", "", "saved", "requested"), *rows],
        )


def _kind(variable: tuple[str, list[int]]) -> str:
    dtype, shape = variable
    return f"{dtype} {shape}"


def _belongs_to_optimizer(name: str, names: Collection[str]) -> bool:
    """Returns True for Adam's powers, and for a slot beside another variable, for example dense/kernel/Momentum."""
    variable, _, slot = name.rpartition("/")
    return name in ("beta1_power", "beta2_power") or (variable in names and slot != _AVERAGE)
