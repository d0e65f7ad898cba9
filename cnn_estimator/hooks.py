"""What watches a session: log lines, progress bar, checkpoints, stop signals, numbers that are none."""

import math
import os

import numpy as np

from cnn_estimator.checkpoints import saving
from cnn_estimator.errors import UserError
from cnn_estimator.model import BATCH_ACCURACY, BATCH_LOSS, CLASSES, PROBABILITIES, Predictions
from cnn_estimator.tf1 import tf


class LogTensors(tf.train.LoggingTensorHook):
    """LoggingTensorHook for loss, accuracy, the step and the tensors that the user named.

    Args:
      every: steps between two lines.
      named: {label: tensor name}. A name that is no tensor's raises UserError when training begins.
    """

    def __init__(self, *, every, named):
        super().__init__(
            {"loss": BATCH_LOSS, "accuracy": BATCH_ACCURACY, "step": tf.GraphKeys.GLOBAL_STEP, **named},
            every_n_iter=every,
        )

    def begin(self):
        try:
            super().begin()
        except (KeyError, ValueError) as error:
            raise UserError(f"log_tensors: {error.args[0]} Try probabilities=softmax_tensor") from error


class Progress(tf.train.SessionRunHook):
    """Moves a tqdm bar, and keeps the last loss and the steps that were run.

    Attributes:
      loss: the last batch's, a float; None before the first step.
      steps: how many steps this session ran.
    """

    def __init__(self, bar):
        self._bar = bar
        self.loss = None
        self.steps = 0

    def before_run(self, run_context):
        return tf.train.SessionRunArgs(f"{BATCH_LOSS}:0")

    def after_run(self, run_context, run_values):
        self.loss = float(run_values.results)
        self.steps += 1
        self._bar.update()


class OnceBuilt(tf.train.SessionRunHook):
    """Calls a function when the graph is complete: after the begin() of the hooks before it, before any session."""

    def __init__(self, function):
        self._function = function

    def begin(self):
        self._function()


class RefuseBadLoss(tf.train.SessionRunHook):
    """Raises UserError at the step whose loss is NaN or infinite, before another hook saves what became of it."""

    def __init__(self, *, first_step, learning_rate):
        self._step = first_step
        self._learning_rate = learning_rate

    def before_run(self, run_context):
        return tf.train.SessionRunArgs(f"{BATCH_LOSS}:0")

    def after_run(self, run_context, run_values):
        self._step += 1
        if not math.isfinite(run_values.results):
            raise _diverged(f"loss is {run_values.results}", self._step, self._learning_rate)


class SaveCheckpoints(tf.train.CheckpointSaverHook):
    """Saves every so many steps and at the end: finite weights alone, and never over the checkpoint that was restored.

    Args:
      every: steps between two checkpoints.
      restored_step: the global step of the checkpoint that training goes on from; None without one.
      learning_rate: for the error where weights are NaN or infinite.
    """

    def __init__(self, model_dir, *, every, restored_step, learning_rate):
        super().__init__(model_dir, save_steps=every)
        self._restored_step = restored_step
        self._learning_rate = learning_rate

    def begin(self):
        super().begin()
        floats = [variable for variable in tf.global_variables() if variable.dtype.is_floating]
        self._all_finite = tf.reduce_all([tf.reduce_all(tf.is_finite(variable)) for variable in floats])

    def _save(self, session, step):
        # TensorFlow empties a checkpoint's index before it writes it again: on a full disk that would be its end.
        if step == self._restored_step:
            return False
        if not session.run(self._all_finite):
            raise _diverged("weights are no longer finite", step, self._learning_rate)
        with saving(f"model_dir {self._checkpoint_dir}"):
            os.stat(self._checkpoint_dir)  # if it was removed TensorFlow raises ValueError
            return super()._save(session, step)


def _diverged(what, step, learning_rate):
    return UserError(
        f"{what} at step {step} with learning_rate {learning_rate}: go on from the last checkpoint, or begin anew with "
        "--fresh, with a smaller --learning_rate"
    )


class EndTraining(tf.train.SessionRunHook):
    """Ends training after the step in which a stop signal was received."""

    def __init__(self, stop):
        self._stop = stop

    def after_run(self, run_context, run_values):
        if self._stop.received:
            run_context.request_stop()


class EndEvaluation(tf.train.SessionRunHook):
    """Raises Stopped at the next batch when a stop signal was received: half an evaluation is none."""

    def __init__(self, stop):
        self._stop = stop

    def after_run(self, run_context, run_values):
        self._stop.check("nothing was evaluated")


class KeepPredictions(tf.train.SessionRunHook):
    """Keeps what an evaluation's batches were taken for, so that the images need not be gone through again."""

    def __init__(self):
        self._batches = []

    def before_run(self, run_context):
        return tf.train.SessionRunArgs([f"{CLASSES}:0", f"{PROBABILITIES}:0"])

    def after_run(self, run_context, run_values):
        self._batches.append(run_values.results)

    def predictions(self):
        """Returns the Predictions for all images, in order."""
        return Predictions(*map(np.concatenate, zip(*self._batches, strict=True)))
