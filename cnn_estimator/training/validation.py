"""Evaluation during training: TensorBoard's curves, the best checkpoint, and when to stop early."""

import dataclasses
import logging
import os
from collections.abc import Callable, Mapping

import numpy as np

from cnn_estimator import model
from cnn_estimator.data.datasets import SIDE, Split, scale
from cnn_estimator.errors import UserError
from cnn_estimator.run_dir import events
from cnn_estimator.run_dir.evaluations import EvaluationRecord, ValidationLog
from cnn_estimator.run_dir.events import VALIDATION_FOLDER
from cnn_estimator.run_dir.run import EVALUATION_FOLDER, RunDir
from cnn_estimator.settings import Settings, check_optional
from cnn_estimator.tf1 import tf

log = logging.getLogger("cnn_estimator")

_BATCH_SIZE = 500  # of images; changes no result


@dataclasses.dataclass(frozen=True)
class Plan:
    """When to evaluate during training, on what, and what follows from it.

    Attributes:
      every: steps between two evaluations, None for none; the last step is evaluated too.
      on_test: whether to evaluate on the test set, for the curves alone.
      keep_best: whether to keep the checkpoint with the highest validation accuracy.
      patience: after how many evaluations in a row that brought nothing better to stop, None for never.
    """

    every: int | None = None
    on_test: bool = False
    keep_best: bool = False
    patience: int | None = None

    def __post_init__(self) -> None:
        check_optional("eval_every", self.every)
        check_optional("early_stopping", self.patience)
        if self.every is None and (self.on_test or self.keep_best or self.patience):
            name = "eval_on_test" if self.on_test else "keep_best" if self.keep_best else "early_stopping"
            raise UserError(f"{name} needs evaluations during training", "say with {eval_every} how often")

    def check_held_out(self, images: int) -> None:
        """Raises UserError unless what is planned can be done with that many images held out."""
        if self.every is None or images:
            return
        if self.keep_best or self.patience:
            raise UserError(
                f"{'keep_best' if self.keep_best else 'early_stopping'} chooses by images that are neither trained on "
                "nor tested with, and none are held out",
                "hold some out with {validation}, 5000 for example",
            )
        if not self.on_test:
            raise UserError(
                f"eval_every {self.every}: no images are held out to evaluate on",
                "hold some out with {validation}, 5000 for example, or name {eval_on_test}",
            )


class Evaluator:
    """The network's graph and session for evaluations, beside those of training.

    Estimator's own ways, InMemoryEvaluatorHook and train_and_evaluate, evaluate in a graph with the metrics' variables
    and an input pipeline; this one has neither, and is built once.
    """

    def __init__(self, settings: Settings, session_config: tf.ConfigProto) -> None:
        with tf.Graph().as_default() as graph:
            tf.train.create_global_step()
            self._images = tf.placeholder(tf.float32, [None, SIDE, SIDE])
            self._labels = tf.placeholder(tf.int32, [None])
            spec = model.model_fn({"x": self._images}, self._labels, tf.estimator.ModeKeys.EVAL, settings)
            hits = tf.equal(tf.cast(self._labels, tf.int64), spec.predictions["classes"])
            self._found = tf.reduce_sum(tf.cast(hits, tf.int32)), spec.loss
            trainable = {variable.op.name for variable in tf.trainable_variables()}
            self._weights = {
                name: (tf.placeholder(variable.dtype.base_dtype, variable.shape), variable)
                for name, variable in model.evaluated_variables(settings).items()
                if variable.op.name in trainable
            }
            self._assign = tf.group(*(tf.assign(variable, value) for value, variable in self._weights.values()))
            self._session = tf.Session(graph=graph, config=session_config)

    @property
    def variables(self) -> list[str]:
        """The names, in a checkpoint, of the variables that `evaluate` takes."""
        return [*self._weights]

    def evaluate(self, step: int, weights: Mapping[str, np.ndarray], data: Split) -> EvaluationRecord:
        """Returns the EvaluationRecord of a step for all images of a split.

        Args:
          weights: {name of a variable in a checkpoint: value}.
        """
        run = self._session.run
        run(self._assign, {value: weights[name] for name, (value, _) in self._weights.items()})
        hits, losses = 0, 0.0
        for start in range(0, len(data.labels), _BATCH_SIZE):
            labels = data.labels[start : start + _BATCH_SIZE]
            images = scale(data.pixels[start : start + _BATCH_SIZE])
            found, loss = run(self._found, {self._images: images, self._labels: labels})
            hits += int(found)
            losses += float(loss) * len(labels)
        return EvaluationRecord(step, hits / len(data.labels), losses / len(data.labels))

    def close(self) -> None:
        self._session.close()


class Curves:
    """Writes evaluations into the event files of a folder of the model_dir, for TensorBoard and the verb curves."""

    def __init__(self, model_dir: str, folder: str, *, first_step: int) -> None:
        path = os.path.join(model_dir, folder)
        events.renew(path)
        self._writer = tf.summary.FileWriterCache.get(path)
        # Points that a killed run wrote after its last checkpoint are left out from here on.
        self._writer.add_session_log(tf.SessionLog(status=tf.SessionLog.START), first_step + 1)

    def add(self, record: EvaluationRecord) -> None:
        values = [
            tf.Summary.Value(tag="accuracy", simple_value=record.accuracy),
            tf.Summary.Value(tag="loss", simple_value=record.loss),
        ]
        self._writer.add_summary(tf.Summary(value=values), record.step)
        self._writer.flush()


class Evaluations:
    """What evaluations lead to: points of the curves, the records, the best checkpoint, and an early stop.

    Args:
      run: the model_dir.
      plan: what follows from an evaluation.
      evaluator: the graph to evaluate in.
      held_out, test: the images to evaluate on; None for none.

    Attributes:
      plan, evaluator: those.
    """

    def __init__(self, run: RunDir, plan: Plan, evaluator: Evaluator, held_out: Split | None, test: Split | None):
        self._run, self.plan, self.evaluator = run, plan, evaluator
        self._held_out, self._test = held_out, test
        self._log = ValidationLog(run.path, last_step=0)

    def read(self, first_step: int) -> None:
        """Takes up the records up to a step, and forgets those after it."""
        self._log = ValidationLog(self._run.path, last_step=first_step if self._held_out else 0)

    def begin(self, first_step: int) -> None:
        """Begins the curves anew after a step; the records and the best checkpoint in the model_dir are those of it."""
        if self._held_out:
            self._curves = Curves(self._run.path, VALIDATION_FOLDER, first_step=first_step)
            self._log.rewrite()
        if self.plan.keep_best:
            self._log.take_up_best()
        if self._test:
            self._test_curves = Curves(self._run.path, EVALUATION_FOLDER, first_step=first_step)

    def add(self, step: int, weights: Mapping[str, np.ndarray], write_best: Callable[[str], object]) -> None:
        """Evaluates the weights of a step.

        Args:
          weights: {name of a variable: value}.
          write_best: called with the path to write the step's checkpoint to, if it is the best.
        """
        if self._test:
            record = self.evaluator.evaluate(step, weights, self._test)
            self._test_curves.add(record)
            log.info("test set: %s", record)
        if self._held_out:
            record = self.evaluator.evaluate(step, weights, self._held_out)
            self._curves.add(record)
            log.info("validation: %s", record)
            self._log.add(record, write_best if self.plan.keep_best else None)

    @property
    def best(self) -> EvaluationRecord | None:
        """The first record with the highest accuracy."""
        return self._log.best

    @property
    def out_of_patience(self) -> bool:
        """Whether training is to stop early."""
        return self._log.out_of_patience(self.plan.patience)


class Evaluate(tf.train.SessionRunHook):
    """Evaluates at intervals and after the last step, before the hook behind it saves that step.

    Args:
      run: the locked model_dir.
      evaluations: what they lead to; its plan has `every`.
      first_step, last_step: the global steps to begin after and to train to.
    """

    def __init__(self, run: RunDir, evaluations: Evaluations, *, first_step: int, last_step: int) -> None:
        if evaluations.plan.every is None:
            raise ValueError("plan.every None: there is nothing to do for this hook")
        self._run, self._evaluations, self._every = run, evaluations, evaluations.plan.every
        evaluations.read(first_step)
        self._step, self._last_step = first_step, last_step
        self.stopped_early = False

    @property
    def best(self) -> EvaluationRecord | None:
        return self._evaluations.best

    def close(self) -> None:
        """Closes the evaluator's session."""
        self._evaluations.evaluator.close()

    def begin(self) -> None:
        variables = {variable.op.name: variable for variable in tf.global_variables()}
        self._variables = {name: variables[name] for name in self._evaluations.evaluator.variables}
        # Of its own: that of training deletes older checkpoints.
        self._saver = tf.train.Saver(max_to_keep=0) if self._evaluations.plan.keep_best else None

    def after_create_session(self, session: tf.Session, coord: tf.train.Coordinator) -> None:
        self._evaluations.begin(self._step)

    def after_run(self, run_context: tf.train.SessionRunContext, run_values: tf.train.SessionRunValues) -> None:
        self._step += 1
        if self._step % self._every and self._step != self._last_step:
            return
        session = run_context.session

        def write_best(path: str) -> None:
            assert self._saver
            self._saver.save(session, path, write_meta_graph=False, write_state=False)

        weights = session.run(self._variables)
        self._run.check_locked()
        self._evaluations.add(self._step, weights, write_best)
        if self._evaluations.out_of_patience:
            self.stopped_early = True
            run_context.request_stop()
