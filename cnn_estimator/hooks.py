"""Session hooks: log lines, progress bar, checkpoints, stop signals, non-finite values."""

import math
from collections.abc import Callable, Mapping

import numpy as np
from tqdm import tqdm

from cnn_estimator import stopping
from cnn_estimator.errors import UserError
from cnn_estimator.model import BATCH_ACCURACY, BATCH_LOSS, CLASSES, PROBABILITIES, REACHED_STEP, Predictions
from cnn_estimator.run_dir.checkpoints import saving, sync_checkpoint
from cnn_estimator.run_dir.run import RunDir
from cnn_estimator.tf1 import tf


class LogTensors(tf.train.LoggingTensorHook):
    """LoggingTensorHook for loss, accuracy, the step and the tensors that the user named.

    Args:
      every: steps between two lines.
      named: {label: tensor name}. A name that the graph does not have raises UserError when training begins.
    """

    def __init__(self, *, every: int, named: Mapping[str, str]) -> None:
        super().__init__(
            {"loss": BATCH_LOSS, "accuracy": BATCH_ACCURACY, "step": tf.GraphKeys.GLOBAL_STEP, **named},
            every_n_iter=every,
        )

    def begin(self) -> None:
        # Under a strategy the operation of that name returns no number.
        self._step = self._tensors["step"] = tf.identity(tf.train.get_global_step())
        try:
            super().begin()
        except (KeyError, ValueError) as error:
            raise UserError(
                f"log_tensors: {str(error.args[0]).rstrip('.')}", "name a tensor of the graph, such as softmax_tensor"
            ) from error

    def after_run(self, run_context: tf.train.SessionRunContext, run_values: tf.train.SessionRunValues) -> None:
        if run_values.results:  # which has read the step while it was being increased
            run_values.results["step"] = run_context.session.run(self._step)
        super().after_run(run_context, run_values)


class CountSteps(tf.train.StepCounterHook):
    """StepCounterHook without its warning that the global step has not increased.

    It reads the step while the step is being increased: now and then twice the same.
    """

    def after_run(self, run_context: tf.train.SessionRunContext, run_values: tf.train.SessionRunValues) -> None:
        self._last_global_step = None
        super().after_run(run_context, run_values)


class Progress(tf.train.SessionRunHook):
    """Moves a tqdm bar, and keeps the last loss and the number of steps.

    Attributes:
      loss: the last batch's, a float; None before the first step.
      steps: how many steps this session ran.
    """

    def __init__(self, bar: tqdm) -> None:
        self._bar = bar
        self.loss: float | None = None
        self.steps = 0

    def before_run(self, run_context: tf.train.SessionRunContext) -> tf.train.SessionRunArgs:
        return tf.train.SessionRunArgs(f"{BATCH_LOSS}:0")

    def after_run(self, run_context: tf.train.SessionRunContext, run_values: tf.train.SessionRunValues) -> None:
        self.loss = float(run_values.results)
        self.steps += 1
        self._bar.update()


class SharedProgress(Progress):
    """Progress where other tasks add to the global step too; it ends training at the last step.

    Estimator's own hook reads the step while others add to it, and would let each task train two steps too many.

    Attributes:
      step: the global step after this task's last one.
    """

    def __init__(self, bar: tqdm, *, first_step: int, last_step: int) -> None:
        super().__init__(bar)
        self.step, self._last_step = first_step, last_step

    def before_run(self, run_context: tf.train.SessionRunContext) -> tf.train.SessionRunArgs:
        return tf.train.SessionRunArgs([f"{BATCH_LOSS}:0", f"{REACHED_STEP}:0"])

    def after_run(self, run_context: tf.train.SessionRunContext, run_values: tf.train.SessionRunValues) -> None:
        loss, step = run_values.results
        self.loss = float(loss)
        self.steps += 1
        self._bar.update(int(step) - self.step)
        self.step = int(step)
        if self.step >= self._last_step:
            run_context.request_stop()


class OnGraphBuilt(tf.train.SessionRunHook):
    """Calls a function when the graph is complete: after the begin() of the hooks before it, before any session."""

    def __init__(self, function: Callable[[], None]) -> None:
        self._function = function

    def begin(self) -> None:
        self._function()


class NonFiniteLossGuard(tf.train.SessionRunHook):
    """Raises UserError at a step with a NaN or infinite loss, before another hook saves the weights.

    Args:
      first_step: the global step to begin at.
      learning_rate: for the error.
      shared: whether other tasks add to the global step too.
    """

    def __init__(self, *, first_step: int, learning_rate: float, shared: bool = False) -> None:
        self._step, self._shared = first_step, shared
        self._learning_rate = learning_rate

    def before_run(self, run_context: tf.train.SessionRunContext) -> tf.train.SessionRunArgs:
        return tf.train.SessionRunArgs(f"{BATCH_LOSS}:0")

    def after_run(self, run_context: tf.train.SessionRunContext, run_values: tf.train.SessionRunValues) -> None:
        self._step += 1
        if not math.isfinite(run_values.results):
            if self._shared:
                self._step = int(run_context.session.run(tf.train.get_global_step()))
            raise _diverged(f"loss is {run_values.results}", self._step, self._learning_rate)


class SaveCheckpoints(tf.train.CheckpointSaverHook):
    """Saves at intervals and at the end: only finite weights, never over the checkpoint that was restored, and never
    into another folder than the one that was locked. A checkpoint is on the disk before training goes on.

    Args:
      run: the locked model_dir.
      every: steps between two checkpoints.
      first_step: the global step to begin at. UserError is raised if TensorFlow restored another one.
      restored: whether it is that of a checkpoint.
      learning_rate: for the error where weights are NaN or infinite.
      shared: whether other tasks add to the global step too, from the moment on when it is restored.
    """

    def __init__(
        self, run: RunDir, *, every: int, first_step: int, restored: bool, learning_rate: float, shared: bool = False
    ) -> None:
        super().__init__(run.path, save_steps=every)
        self._run = run
        self._first_step = first_step
        self._restored = restored
        self._shared = shared
        self._learning_rate = learning_rate

    def begin(self) -> None:
        super().begin()
        floats = [variable for variable in tf.global_variables() if variable.dtype.is_floating]
        self._all_finite = tf.reduce_all([tf.reduce_all(tf.is_finite(variable)) for variable in floats])

    def after_create_session(self, session: tf.Session, coord: tf.train.Coordinator) -> None:
        self._run.check_locked()
        step = int(session.run(self._global_step_tensor))
        if step < self._first_step or (step > self._first_step and not self._shared):
            raise UserError(
                f"model_dir {self._run.path}: another process saved step {step} there since its checkpoints were read, "
                f"and this run was to begin at step {self._first_step}",
                "stop that process, and try again",
            )
        super().after_create_session(session, coord)

    def _save(self, session: tf.Session, step: int) -> bool:
        # TensorFlow empties a checkpoint's index before it writes it again: a full disk would cost the checkpoint.
        if self._restored and step == self._first_step:
            return False
        if not session.run(self._all_finite):
            raise _diverged("weights are no longer finite", step, self._learning_rate)
        self._run.check_locked()
        with saving(f"model_dir {self._run.path}"):
            stop = super()._save(session, step)
            sync_checkpoint(self._run.path, step)
        return stop


def _diverged(problem: str, step: int, learning_rate: float) -> UserError:
    return UserError(
        f"{problem} at step {step} with learning_rate {learning_rate}",
        "go on from the last checkpoint, or start over with {fresh}, with a smaller {learning_rate}",
    )


class StopTraining(tf.train.SessionRunHook):
    """Ends training after the step in which a stop signal came."""

    def after_run(self, run_context: tf.train.SessionRunContext, run_values: tf.train.SessionRunValues) -> None:
        if stopping.requested():
            run_context.request_stop()


class StopEvaluation(tf.train.SessionRunHook):
    """Raises Stopped after the batch in which a stop signal came: half an evaluation has no result."""

    def after_run(self, run_context: tf.train.SessionRunContext, run_values: tf.train.SessionRunValues) -> None:
        stopping.check()


class CollectPredictions(tf.train.SessionRunHook):
    """Collects the predictions of an evaluation's batches, so that no second pass over the images is needed."""

    def __init__(self) -> None:
        self._batches: list[list[np.ndarray]] = []

    def before_run(self, run_context: tf.train.SessionRunContext) -> tf.train.SessionRunArgs:
        return tf.train.SessionRunArgs([f"{CLASSES}:0", f"{PROBABILITIES}:0"])

    def after_run(self, run_context: tf.train.SessionRunContext, run_values: tf.train.SessionRunValues) -> None:
        self._batches.append(run_values.results)

    def predictions(self) -> Predictions:
        """Returns the Predictions for all images, in order."""
        return Predictions(*map(np.concatenate, zip(*self._batches, strict=True)))
