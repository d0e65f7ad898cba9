"""The verb train."""

import dataclasses
import logging
import os
import secrets
import time
from collections.abc import Mapping
from typing import Any

from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from cnn_estimator import datasets, environment, hooks, inputs, model, recipes, stopping
from cnn_estimator.errors import Stopped
from cnn_estimator.recipes import Settings
from cnn_estimator.run_dir import RunDir, checkpoints, compatibility, event_writers
from cnn_estimator.tf1 import OWN_THREADS, tf

log = logging.getLogger("cnn_estimator")


@dataclasses.dataclass(frozen=True)
class Training:
    """What a call of train did.

    Attributes:
      model_dir: the folder that was trained in.
      settings: what was trained, and how.
      step: the global step that was reached.
      max_steps: the global step to train to.
      steps: how many steps this call trained; 0 where max_steps was reached already.
      loss: the last batch's; None without a step.
      seconds: how long the steps took, the building of the graph included.
    """

    model_dir: str
    settings: Settings
    step: int
    max_steps: int
    steps: int = 0
    loss: float | None = None
    seconds: float = 0.0

    @property
    def checkpoint(self) -> str:
        """The path of the checkpoint at `step`."""
        return os.path.join(self.model_dir, f"{checkpoints.BASENAME}-{self.step}")


@dataclasses.dataclass(frozen=True)
class _Intervals:
    """Steps between two log lines and two checkpoints, how many checkpoints to keep, and what to log."""

    log_every: int
    log_tensors: Mapping[str, str]
    save_every: int
    keep_checkpoints: int

    def __post_init__(self) -> None:
        recipes.check({name: getattr(self, name) for name in ("log_every", "save_every", "keep_checkpoints")})


def train(
    model_dir: str | os.PathLike[str],
    recipe: str = recipes.DEFAULT,
    *,
    steps: int | None = None,
    max_steps: int | None = None,
    fresh: bool = False,
    log_every: int = 50,
    log_tensors: Mapping[str, str] | None = None,
    save_every: int = 500,
    keep_checkpoints: int = 5,
    seed: int | None = None,
    threads: int | None = None,
    data_dir: str | os.PathLike[str] | None = None,
    **overrides: Any,
) -> Training:
    """Trains a recipe in a model_dir, on from its newest intact checkpoint.

    The same settings end in the same variables on the same machine, bit for bit, also when the run is stopped or
    killed and resumed on the way, and however many of its CPUs the process may use.

    Args:
      model_dir: the folder for checkpoints and event files; made where it is missing.
      recipe: a key of recipes.RECIPES.
      steps: how many steps to train, counted from the newest checkpoint.
      max_steps: the global step to train to, instead of steps; with neither, the recipe's total.
      fresh: whether to start over: a run in the model_dir is archived as model_dir.1, .2, …
      log_every: steps between two log lines, and between two points of TensorBoard's curves.
      log_tensors: {label: tensor name} to log beside loss and accuracy.
      save_every: steps between two checkpoints; one more is written at the end.
      keep_checkpoints: how many to keep: an older one is deleted when a new one is written.
      seed: of weights, shuffle and dropout; None takes that of the run in the model_dir, or draws one for a new run.
      threads: how many share an operation, on which the bits depend; None takes that of the run in the model_dir, or
        for a new run the number of CPUs that this process may use.
      data_dir: see datasets.load; None takes that of the run in the model_dir.
      overrides: hyperparameters instead of the recipe's: optimizer, learning_rate, batch_size; None keeps its own.

    Raises:
      UserError: the model_dir holds another run or no intact checkpoint, cannot be written, or is being trained in; the
        data is missing or bad; the loss or a weight is not finite; an argument has a value that nothing can be trained
        with; TF_CONFIG makes this process a part of a cluster.
      Stopped: a stop signal ended the work. Its result is the Training so far, saved in its checkpoint, or None where
        nothing was trained.
    """
    if steps is not None and max_steps is not None:
        raise ValueError(f"steps {steps} and max_steps {max_steps} exclude each other: give one")
    if unknown := overrides.keys() - {*recipes.HYPERPARAMETERS}:
        raise TypeError(
            f"train() got an unexpected argument {min(unknown)!r}, {recipes.suggestion(min(unknown), recipes.HELP)}"
        )
    environment.check_single_machine()
    model_dir = recipes.local_path("model_dir", model_dir)
    data_dir = recipes.local_path_or_none("data_dir", data_dir)
    recipes.check(recipes.given(steps=steps, max_steps=max_steps))
    intervals = _Intervals(log_every, log_tensors or {}, save_every, keep_checkpoints)
    run = RunDir(model_dir)
    with run.locked():
        checkpoint = None if fresh else checkpoints.newest_intact(model_dir)
        saved = run.read_settings(data_dir) if checkpoint else None
        settings = _resolve_settings(run, saved, recipe, seed, threads, data_dir, overrides)
        if checkpoint:
            compatibility.check_fits(checkpoint, settings, tf.estimator.ModeKeys.TRAIN)
        first_step = checkpoint.step if checkpoint else 0
        if max_steps is None:
            max_steps = recipes.find(recipe).steps if steps is None else first_step + steps
        result = Training(model_dir, settings, first_step, max_steps)
        if first_step >= max_steps:
            return result
        log.info("%s", settings)
        data = datasets.load(settings.dataset, "train", settings.data_dir)
        log.info("%s: %d training images from %s", settings.dataset, len(data.labels), data.source)
        _log_changes(saved or settings, settings)
        log.info("model_dir %s: from step %d to step %d", model_dir, first_step, max_steps)
        stopping.check()
        if fresh and checkpoints.has_checkpoints(model_dir):
            run.archive()
        run.check_locked()
        with checkpoints.saving(f"model_dir {model_dir}"):
            checkpoints.remove_unfinished(model_dir)
            if checkpoint:
                checkpoints.rebuild_state(model_dir, checkpoint)
            result = _fit(run, result, data, intervals, restored=checkpoint is not None)
    log.info(
        "trained to step %d: loss %.4f, %d steps in %.0f s", result.step, result.loss, result.steps, result.seconds
    )
    if received := stopping.requested():
        raise Stopped(received, result)
    return result


def _resolve_settings(
    run: RunDir,
    saved: Settings | None,
    recipe: str,
    seed: int | None,
    threads: int | None,
    data_dir: str | None,
    overrides: Mapping[str, Any],
) -> Settings:
    """Returns the Settings to go on with from the saved ones, or to start with where there are none.

    Raises UserError where the saved ones are another run's.
    """
    if saved:
        seed = saved.seed if seed is None else seed
        threads = saved.threads if threads is None else threads
        data_dir = saved.data_dir if data_dir is None else data_dir
    elif seed is None:
        seed = secrets.randbelow(recipes.MAX_SEED + 1)
    class_names = datasets.class_names(recipes.find(recipe).dataset, data_dir)
    settings = recipes.settings(
        recipe, seed=seed, threads=threads, data_dir=data_dir, class_names=class_names, **overrides
    )
    if saved:
        run.check_same_run(saved, settings)
    return settings


def _log_changes(saved: Settings, settings: Settings) -> None:
    for field, value in dataclasses.asdict(settings).items():
        if value != getattr(saved, field):
            log.warning("%s is %s from now on, and was %s", field, value, getattr(saved, field))


def _fit(run: RunDir, planned: Training, data: datasets.Split, intervals: _Intervals, *, restored: bool) -> Training:
    """Trains what is planned with an Estimator; `restored` says whether it goes on from a checkpoint."""
    settings, first_step = planned.settings, planned.step
    event_writers.renew(run.path)
    estimator = tf.estimator.Estimator(
        model.model_fn,
        params=settings,
        config=tf.estimator.RunConfig(
            model_dir=run.path,
            tf_random_seed=settings.seed,
            session_config=_session_config(settings.threads),
            save_summary_steps=intervals.log_every,
            keep_checkpoint_max=intervals.keep_checkpoints,
            log_step_count_steps=None,  # Estimator's own loss line, which LogTensors replaces
        ),
    )
    input_fn = inputs.numpy_input_fn(
        {"x": data.images},
        data.labels,
        batch_size=settings.batch_size,
        num_epochs=None,
        shuffle=True,
        seed=settings.seed,
        first_batch=first_step,
    )
    # The bar shows only on a terminal, and log lines are printed above it.
    with tqdm(total=planned.max_steps, initial=first_step, unit="step", disable=None) as bar, logging_redirect_tqdm():
        progress = hooks.Progress(bar)
        started = time.monotonic()
        estimator.train(
            input_fn,
            hooks=_hooks(run, planned, progress, intervals, restored=restored),
            max_steps=planned.max_steps,
        )
    return dataclasses.replace(
        planned,
        step=first_step + progress.steps,
        steps=progress.steps,
        loss=progress.loss,
        seconds=time.monotonic() - started,
    )


def _session_config(threads: int) -> tf.ConfigProto:
    """Returns Estimator's own session configuration, with a number of threads for each operation.

    Logs a warning where TensorFlow may not follow it.
    """
    if not OWN_THREADS and threads != recipes.available_threads():
        log.warning(
            "threads %d may not be used, because TensorFlow was loaded before cnn_estimator: the bits may differ",
            threads,
        )
    config = tf.ConfigProto(allow_soft_placement=True, intra_op_parallelism_threads=threads)
    rewrite_options = config.graph_options.rewrite_options
    rewrite_options.meta_optimizer_iterations = rewrite_options.ONE
    return config


def _hooks(
    run: RunDir, planned: Training, progress: hooks.Progress, intervals: _Intervals, *, restored: bool
) -> list[tf.train.SessionRunHook]:
    settings, first_step = planned.settings, planned.step

    def record() -> None:
        run.check_locked()
        run.write_settings(settings)
        run.add_to_history(
            settings, {"first_step": first_step, "max_steps": planned.max_steps, "tensorflow": tf.__version__}
        )

    return [
        hooks.LogTensors(every=intervals.log_every, named=intervals.log_tensors),
        hooks.CountSteps(every_n_steps=intervals.log_every, output_dir=run.path),
        progress,
        hooks.NonFiniteLossGuard(first_step=first_step, learning_rate=settings.learning_rate),
        hooks.StopTraining(),
        hooks.OnGraphBuilt(record),
        hooks.SaveCheckpoints(
            run,
            every=intervals.save_every,
            first_step=first_step,
            restored=restored,
            learning_rate=settings.learning_rate,
        ),
    ]
