"""Session hooks: log lines, progress bar, checkpoints, stop signals, non-finite values.

TensorFlow calls a hook's begin() when the graph is complete, after_create_session() once, before_run() and after_run()
around each step, and end() after the last step, unless an error ended the training.
"""

import math
import time
from collections.abc import Callable, Mapping

import numpy as np
from tqdm import tqdm

from cnn_estimator import layers, stopping
from cnn_estimator.errors import UserError
from cnn_estimator.model import BATCH_ACCURACY, BATCH_LOSS, CLASSES, PROBABILITIES, Predictions
from cnn_estimator.run_dir.checkpoints import path_in, saving, sync_checkpoint
from cnn_estimator.run_dir.run import RunDir
from cnn_estimator.tf1 import tf


class LogTensors(tf.train.LoggingTensorHook):
    """LoggingTensorHook for the loss, the accuracy, the step and the tensors that the user named.

    Args:
      every: steps between two lines.
      tensors: {label: tensor name}. A name that the graph does not have raises UserError when training begins.
      bar: shows the loss and the accuracy of the last line.
    """

    def __init__(self, *, every: int, tensors: Mapping[str, str], bar: tqdm) -> None:
        self._bar = bar
        super().__init__(
            {"loss": BATCH_LOSS, "accuracy": BATCH_ACCURACY, "step": tf.GraphKeys.GLOBAL_STEP, **tensors},
            every_n_iter=every,
        )

    def begin(self) -> None:
        # With several devices the tensor of that name returns no number.
        self._step = tf.identity(tf.train.get_global_step())
        self._tensors["step"] = self._step
        try:
            super().begin()
        except (KeyError, ValueError) as error:
            raise UserError(
                f"log_tensors: {str(error.args[0]).rstrip('.')}", "name a tensor of the graph, such as softmax_tensor"
            ) from error

    def after_run(self, run_context: tf.train.SessionRunContext, run_values: tf.train.SessionRunValues) -> None:
        if run_values.results:  # the step in it was read while the training step increased it
            run_values.results["step"] = run_context.session.run(self._step)
            shown = "loss {loss:.4f}, accuracy {accuracy:.2f}".format(**run_values.results)
            self._bar.set_postfix_str(shown, refresh=False)  # Progress moves the bar, which then shows it
        super().after_run(run_context, run_values)


class CountSteps(tf.train.StepCounterHook):
    """StepCounterHook without its warning that the global step has not increased.

    It reads the step while the training step increases it, and now and then gets the same number twice.
    """

    def after_run(self, run_context: tf.train.SessionRunContext, run_values: tf.train.SessionRunValues) -> None:
        self._last_global_step = None
        super().after_run(run_context, run_values)


class Progress(tf.train.SessionRunHook):
    """Moves a tqdm bar, and keeps the last loss and the number of steps.

    Raises UserError at a step with a NaN or infinite loss, before another hook saves the weights.

    Args:
      learning_rate: for the error.

    Attributes:
      loss: the loss of the last batch, a float; None before the first step.
      steps: how many steps this session ran.
    """

    def __init__(self, bar: tqdm, *, learning_rate: float) -> None:
        self._bar = bar
        self._learning_rate = learning_rate
        self.loss: float | None = None
        self.steps = 0

    def before_run(self, run_context: tf.train.SessionRunContext) -> tf.train.SessionRunArgs:
        return tf.train.SessionRunArgs(f"{BATCH_LOSS}:0")

    def after_run(self, run_context: tf.train.SessionRunContext, run_values: tf.train.SessionRunValues) -> None:
        self.loss = float(run_values.results)
        if not math.isfinite(self.loss):
            step = int(run_context.session.run(tf.train.get_global_step()))
            raise diverged(f"loss is {self.loss}", step, self._learning_rate)
        self.steps += 1
        self._bar.update()


class OnGraphBuilt(tf.train.SessionRunHook):
    """Calls a function when the graph is complete: after the begin() of the hooks before it, before any session."""

    def __init__(self, function: Callable[[], None]) -> None:
        self._function = function

    def begin(self) -> None:
        self._function()


class SaveCheckpoints(tf.train.CheckpointSaverHook):
    """Saves at intervals and at the end: only finite weights, never over the checkpoint that was restored, and only
    into the folder that was locked. A checkpoint is on the disk before an older one is deleted, and before training
    continues. TensorFlow's class calls _save() for each of them, at the end from end().

    Args:
      run_dir: the locked model_dir.
      every: steps between two checkpoints.
      minutes: save also when this many minutes have passed since the last checkpoint; None does not.
      restored_step: the step of the checkpoint that training continues from; None for a new run.
      learning_rate: for the error where weights are NaN or infinite.
    """

    def __init__(
        self,
        run_dir: RunDir,
        *,
        every: int,
        restored_step: int | None,
        learning_rate: float,
        minutes: float | None = None,
    ) -> None:
        super().__init__(run_dir.path, save_steps=every)
        self._seconds = math.inf if minutes is None else 60 * minutes
        self._saved = time.monotonic()
        self._run_dir = run_dir
        self._restored_step = restored_step
        self._learning_rate = learning_rate

    def begin(self) -> None:
        super().begin()
        self._all_finite = all_finite()
        saver = self._get_saver()
        delete_old = saver._MaybeDeleteOldCheckpoints

        def sync_and_delete_old(**arguments: object) -> None:
            sync_checkpoint(saver.last_checkpoints[-1])
            while saver._checkpoints_to_be_deleted:
                delete_old(**arguments)

        saver._MaybeDeleteOldCheckpoints = sync_and_delete_old

    def after_create_session(self, session: tf.Session, coord: tf.train.Coordinator) -> None:
        self._run_dir.check_locked()
        # TensorFlow deletes one checkpoint for each new one, also where an earlier call has kept more than this one.
        saver = self._get_saver()
        saved = saver._last_checkpoints
        surplus = max(0, len(saved) - saver.saver_def.max_to_keep)
        saver._checkpoints_to_be_deleted += saved[:surplus]
        saver.set_last_checkpoints_with_time(saved[surplus:])
        super().after_create_session(session, coord)

    def after_run(self, run_context: tf.train.SessionRunContext, run_values: tf.train.SessionRunValues) -> None:
        super().after_run(run_context, run_values)
        if time.monotonic() - self._saved >= self._seconds:
            step = int(run_context.session.run(tf.train.get_global_step()))
            self._timer.update_last_triggered_step(step)
            self._save(run_context.session, step)

    def _save(self, session: tf.Session, step: int) -> bool:
        self._saved = time.monotonic()
        # TensorFlow empties a checkpoint's index before it writes it again: a full disk would cost the checkpoint.
        if step == self._restored_step:
            return False
        if not session.run(self._all_finite):
            raise diverged("weights are no longer finite", step, self._learning_rate)
        self._run_dir.check_locked()
        with saving(f"model_dir {self._run_dir.path}"):
            stop = super()._save(session, step)
            sync_checkpoint(path_in(self._run_dir.path, step))  # the meta graph comes last
        return stop


def all_finite() -> tf.Tensor:
    """Returns a bool scalar: whether no variable of the current graph has a value that is NaN or infinite."""
    floats = [variable for variable in tf.global_variables() if variable.dtype.is_floating]
    return tf.reduce_all([tf.reduce_all(tf.is_finite(variable)) for variable in floats])


def diverged(problem: str, step: int, learning_rate: float) -> UserError:
    """Returns the error for a loss or a weight that is NaN or infinite."""
    return UserError(
        f"{problem} at step {step} with learning_rate {learning_rate}",
        "continue from the last checkpoint, or start over with {fresh}, with a smaller {learning_rate}",
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


class CollectHidden(tf.train.SessionRunHook):
    """Collects what the last hidden layer of the network makes of the first images of an evaluation.

    Args:
      count: how many images.
    """

    def __init__(self, count: int) -> None:
        self._missing = count
        self._batches: list[np.ndarray] = []

    def begin(self) -> None:
        hidden = layers.find(tf.get_default_graph())[-1].inputs
        self._hidden = tf.reshape(hidden, [-1, math.prod(hidden.shape[1:])])

    def before_run(self, run_context: tf.train.SessionRunContext) -> tf.train.SessionRunArgs | None:
        return tf.train.SessionRunArgs(self._hidden) if self._missing > 0 else None

    def after_run(self, run_context: tf.train.SessionRunContext, run_values: tf.train.SessionRunValues) -> None:
        if self._missing > 0:
            batch = run_values.results[: self._missing]
            self._batches.append(batch)
            self._missing -= len(batch)

    def vectors(self) -> np.ndarray:
        """Returns float32 [N, units], the images in order."""
        return np.concatenate(self._batches)


class WriteHistograms(tf.train.SessionRunHook):
    """Writes histograms of the trained variables for TensorBoard: after the first step, and at intervals.

    They are read between two steps, so that training computes what it would without them. Weights that are NaN or
    infinite have no histogram, and raise UserError as SaveCheckpoints does.

    Args:
      folder: the folder whose event files get them.
      every: steps between two histograms of a variable.
      learning_rate: for the error where weights are NaN or infinite.
    """

    def __init__(self, folder: str, *, every: int, learning_rate: float) -> None:
        self._folder = folder
        self._every = every
        self._learning_rate = learning_rate
        self._steps = 0

    def begin(self) -> None:
        self._writer = tf.summary.FileWriterCache.get(self._folder)
        self._step = tf.identity(tf.train.get_global_step())
        self._all_finite = all_finite()
        # tf.summary.histogram would add _1 to a variable's name, which an operation of the graph has.
        histograms = [
            tf.raw_ops.HistogramSummary(tag=variable.op.name, values=tf.identity(variable))
            for variable in tf.trainable_variables()
        ]
        self._histograms = tf.raw_ops.MergeSummary(inputs=histograms)

    def after_run(self, run_context: tf.train.SessionRunContext, run_values: tf.train.SessionRunValues) -> None:
        if self._steps % self._every == 0:
            step, finite = run_context.session.run([self._step, self._all_finite])
            if not finite:
                raise diverged("weights are no longer finite", int(step), self._learning_rate)
            self._writer.add_summary(run_context.session.run(self._histograms), step)
        self._steps += 1
