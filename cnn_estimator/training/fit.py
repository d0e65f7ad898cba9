"""Runs Estimator.train once: makes its input_fn and its hooks, and returns a Training."""

import contextlib
import dataclasses
import logging
import time
from typing import Any

from cnn_estimator import hooks, inputs
from cnn_estimator.data import augmentation, datasets
from cnn_estimator.data.datasets import TrainingData
from cnn_estimator.distributed.placement import Placement
from cnn_estimator.hardware import available_threads
from cnn_estimator.model_session import make_session_config
from cnn_estimator.progress import progress_bar
from cnn_estimator.run_dir import checkpoints, events, settings_file
from cnn_estimator.run_dir.evaluations import EvaluationRecord, ValidationLog
from cnn_estimator.run_dir.run import RunDir
from cnn_estimator.settings import HYPERPARAMETERS, Settings, Start, TrainOptions
from cnn_estimator.tf1 import OWN_THREADS, tf
from cnn_estimator.training.validation import EvaluateHook

log = logging.getLogger("cnn_estimator")

# The settings that TensorBoard's HParams tab compares.
COMPARED_SETTINGS = ("recipe", *HYPERPARAMETERS, "precision", "seed")


@dataclasses.dataclass(frozen=True)
class Training:
    """The result of train().

    Attributes:
      model_dir: the folder of the run.
      settings: what was trained, and how.
      step: the global step that was reached.
      max_steps: the global step to train to.
      steps: how many steps this call trained; 0 if the run was already at max_steps.
      loss: the loss of the last batch; None if no step ran.
      seconds: how long the steps took, with the making of the graph and the evaluations.
      best: the evaluation with the highest validation accuracy up to `step`, also of earlier calls; None without any.
      best_checkpoint: the path of the checkpoint of `best`, which keep_best keeps; None where it was not kept.
      stopped_early: whether early_stopping ended the run.
    """

    model_dir: str
    settings: Settings
    step: int
    max_steps: int
    steps: int = 0
    loss: float | None = None
    seconds: float = 0.0
    best: EvaluationRecord | None = None
    best_checkpoint: str | None = None
    stopped_early: bool = False

    @classmethod
    def of(cls, run_dir: RunDir, start: Start) -> "Training":
        """Returns the Training of a call that has nothing to train."""
        return cls(
            run_dir.path,
            start.settings,
            start.first_step,
            start.max_steps,
            **_best(run_dir, start.settings, start.first_step),
            stopped_early=start.stopped_early,
        )

    @property
    def checkpoint(self) -> str:
        """The path of the checkpoint at `step`."""
        return checkpoints.path_in(self.model_dir, self.step)


def fit(run_dir: RunDir, options: TrainOptions, start: Start, data: TrainingData, placement: Placement) -> Training:
    """Trains from start.first_step to start.max_steps with an Estimator."""
    settings = start.settings
    estimator = tf.estimator.Estimator(
        placement.model_fn, params=settings, config=_run_config(run_dir, options, settings, placement)
    )
    input_fn = inputs.numpy_input_fn(
        {"x": data.training.pixels},
        data.training.labels,
        batch_size=settings.batch_size,
        num_epochs=None,
        shuffle=True,
        seed=settings.seed,
        first_batch=start.first_step,
        augment=augmentation.create(settings.augment),
        transform=datasets.scale,
    )
    evaluate = EvaluateHook(run_dir, options, start, data) if options.eval_every and placement.evaluates else None
    began = time.monotonic()
    with (
        progress_bar(total=start.max_steps, initial=start.first_step, hidden=not placement.writes) as bar,
        checkpoints.saving(f"model_dir {run_dir.path}"),
        events.open_writer(run_dir.path) if placement.writes else contextlib.nullcontext(),
    ):
        progress = hooks.Progress(bar, learning_rate=settings.learning_rate)
        # In this order: SaveCheckpoints saves what the hooks before it have checked, and after a last evaluation. The
        # placement's hooks decide when to stop, and come last.
        all_hooks = [
            hooks.LogTensors(every=options.log_every, tensors=options.log_tensors, bar=bar),
            progress,
            *(_writing_hooks(run_dir, options, start, data, placement, evaluate) if placement.writes else []),
            *placement.hooks(start),
        ]
        try:
            placement.train(estimator, placement.input_fn(input_fn), all_hooks, start.max_steps)
        finally:
            if evaluate:
                evaluate.close()
    step = checkpoints.last_saved_step(run_dir.path)
    return Training(
        run_dir.path,
        settings,
        step,
        start.max_steps,
        steps=progress.steps,
        loss=progress.loss,
        seconds=time.monotonic() - began,
        **_best(run_dir, settings, step),
        stopped_early=placement.stopped_early or (evaluate is not None and evaluate.stopped_early),
    )


def _best(run_dir: RunDir, settings: Settings, step: int) -> dict[str, Any]:
    """Returns the fields `best` and `best_checkpoint` of a Training up to a step; {} where no images are held out."""
    if not settings.validation:
        return {}
    validation_log = ValidationLog(run_dir.path, last_step=step)
    return {"best": validation_log.best, "best_checkpoint": validation_log.best_checkpoint}


def _run_config(
    run_dir: RunDir, options: TrainOptions, settings: Settings, placement: Placement
) -> tf.estimator.RunConfig:
    if not OWN_THREADS and settings.threads != available_threads():
        log.warning(
            "threads %d may have no effect, because TensorFlow was loaded before cnn_estimator: the bits may differ",
            settings.threads,
        )
    return placement.run_config(
        model_dir=run_dir.path,
        tf_random_seed=settings.seed,
        session_config=make_session_config(settings.precision, settings.threads),
        save_summary_steps=options.log_every if placement.writes else None,
        save_checkpoints_secs=None,  # the hook SaveCheckpoints saves instead
        keep_checkpoint_max=options.keep_checkpoints,
        log_step_count_steps=None,  # no loss line of Estimator's: LogTensors logs the loss
    )


def _writing_hooks(
    run_dir: RunDir,
    options: TrainOptions,
    start: Start,
    data: TrainingData,
    placement: Placement,
    evaluate: EvaluateHook | None,
) -> list[tf.train.SessionRunHook]:
    """Returns the hooks that write into the model_dir."""
    settings = start.settings
    save_every = options.save_every
    if options.eval_every and not placement.evaluates:  # another process evaluates the checkpoints
        save_every = min(save_every, options.eval_every)

    def write_run_files() -> None:
        run_dir.check_locked()
        settings_file.write(run_dir.path, settings, training_images=data.fingerprint)
        facts = {
            "first_step": start.first_step,
            "max_steps": start.max_steps,
            "tensorflow": tf.__version__,
            **placement.facts,
        }
        settings_file.add_to_history(run_dir.path, settings, facts)
        compared = {name: getattr(settings, name) for name in COMPARED_SETTINGS}
        events.write_hparams(run_dir.path, compared, start.first_step)

    histograms = hooks.WriteHistograms(run_dir.path, every=options.log_every, learning_rate=settings.learning_rate)
    return [
        hooks.CountSteps(every_n_steps=options.log_every, output_dir=run_dir.path),
        hooks.OnGraphBuilt(write_run_files),
        *([histograms] if options.histograms else []),
        *([evaluate] if evaluate else []),
        hooks.SaveCheckpoints(
            run_dir,
            every=save_every,
            minutes=options.save_minutes,
            restored_step=start.first_step if start.checkpoint else None,
            learning_rate=settings.learning_rate,
        ),
    ]
