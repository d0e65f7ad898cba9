"""Evaluates while training: writes TensorBoard's curves, keeps the best checkpoint, and stops early."""

import logging
import math
import os

from cnn_estimator import hooks
from cnn_estimator.data.datasets import Split, TrainingData
from cnn_estimator.model_session import ModelSession, make_session_config
from cnn_estimator.run_dir import events
from cnn_estimator.run_dir.evaluations import EvaluationRecord, ValidationLog
from cnn_estimator.run_dir.events import VALIDATION_FOLDER
from cnn_estimator.run_dir.run import EVALUATION_FOLDER, RunDir
from cnn_estimator.settings import Start, TrainOptions
from cnn_estimator.tf1 import tf

log = logging.getLogger("cnn_estimator")


class EvaluateHook(tf.train.SessionRunHook):
    """Evaluates at intervals and after the last step, in a ModelSession beside the session that trains.

    It comes before SaveCheckpoints in the list of hooks, so that a step is evaluated before it is saved.

    Args:
      run_dir: the locked model_dir.
      options: when to evaluate, and what to keep; eval_every must not be None.
      start: where training begins and ends.
      data: the images to evaluate on.

    Attributes:
      stopped_early: whether early_stopping ended the run.
    """

    def __init__(self, run_dir: RunDir, options: TrainOptions, start: Start, data: TrainingData) -> None:
        settings = start.settings
        if options.eval_every is None:
            raise ValueError("EvaluateHook needs eval_every")
        self._every = options.eval_every
        self._run_dir = run_dir
        self._options = options
        self._data = data
        self._step = start.first_step
        self._max_steps = start.max_steps
        self._model = ModelSession(
            settings,
            tf.estimator.ModeKeys.EVAL,
            make_session_config(settings.precision, settings.threads),
        )
        self._validation_log = ValidationLog(run_dir.path, last_step=start.first_step)
        self._keep_best = options.keep_best or self._validation_log.keeps_best
        self._learning_rate = settings.learning_rate
        self._curves: dict[str, Curves] = {}
        self.stopped_early = False

    def close(self) -> None:
        """Closes the session that evaluates, and the curves."""
        self._model.close()
        for curves in self._curves.values():
            curves.close()

    def begin(self) -> None:
        variables = {variable.op.name: variable for variable in tf.global_variables()}
        self._variables = {name: variables[name] for name in self._model.variables}
        if self._keep_best:
            self._saver = tf.train.Saver(max_to_keep=0)  # 0: it never deletes a checkpoint
            self._all_finite = hooks.all_finite()

    def after_create_session(self, session: tf.Session, coord: tf.train.Coordinator) -> None:
        for folder, images in ((VALIDATION_FOLDER, self._data.held_out), (EVALUATION_FOLDER, self._data.test)):
            if images:
                self._curves[folder] = Curves(os.path.join(self._run_dir.path, folder))

    def after_run(self, run_context: tf.train.SessionRunContext, run_values: tf.train.SessionRunValues) -> None:
        self._step += 1
        if self._step % self._every and self._step != self._max_steps:
            return
        session = run_context.session
        weights = session.run(self._variables)
        self._run_dir.check_locked()
        self._model.assign(weights)
        if self._data.test:
            record = self._evaluate(self._data.test)
            self._curves[EVALUATION_FOLDER].add(record)
            log.info("evaluated the test set: %s", record)
        if self._data.held_out:
            record = self._evaluate(self._data.held_out)
            self._curves[VALIDATION_FOLDER].add(record)
            log.info("evaluated the held-out images: %s", record)
            self._validation_log.add(record, (lambda path: self._save(session, path)) if self._keep_best else None)
        if self._validation_log.out_of_patience(self._options.early_stopping):
            self.stopped_early = True
            run_context.request_stop()

    def _evaluate(self, images: Split) -> EvaluationRecord:
        accuracy, loss = self._model.score(images)
        if not math.isfinite(loss):
            raise hooks.diverged(f"evaluation loss is {loss}", self._step, self._learning_rate)
        return EvaluationRecord(self._step, accuracy, loss)

    def _save(self, session: tf.Session, path: str) -> None:
        if not session.run(self._all_finite):
            raise hooks.diverged("weights are no longer finite", self._step, self._learning_rate)
        self._saver.save(session, path, write_meta_graph=False, write_state=False)


class Curves:
    """Writes evaluations into an event file in a folder of the model_dir, for TensorBoard and the verb curves."""

    def __init__(self, folder: str) -> None:
        self._writer = events.new_writer(folder)

    def add(self, record: EvaluationRecord) -> None:
        values = [
            tf.Summary.Value(tag="accuracy", simple_value=record.accuracy),
            tf.Summary.Value(tag="loss", simple_value=record.loss),
        ]
        self._writer.add_summary(tf.Summary(value=values), record.step)
        self._writer.flush()

    def close(self) -> None:
        """Closes the file."""
        events.close(self._writer)
