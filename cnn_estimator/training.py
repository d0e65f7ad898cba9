"""The verb train."""

import contextlib
import dataclasses
import functools
import logging
import os
import secrets
import time

from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from cnn_estimator import checkpoints, checks, datasets, hooks, inputs, model, recipes
from cnn_estimator.command import spelled
from cnn_estimator.model_dir import add_to_history, check_same_run, locked, read_settings, set_aside, write_settings
from cnn_estimator.signals import StopSignals
from cnn_estimator.tf1 import start_runtime, tf

log = logging.getLogger(__package__)


def train(
    settings,
    model_dir,
    *,
    steps=None,
    max_steps=None,
    fresh=False,
    log_every=50,
    log_tensors=None,
    save_every=500,
    keep_checkpoints=5,
    stop=None,
):
    """Trains in a model_dir, on from its newest intact checkpoint.

    The same settings end in the same variables on the same machine, bit for bit, also when the run is stopped or
    killed and begun again on the way.

    Args:
      settings: recipes.Settings. Where their seed or data_dir is None, those of the run in the model_dir are taken;
        a new run's seed is drawn.
      model_dir: the folder for checkpoints and event files; made where it is missing.
      steps: how many steps to train, counted from the newest checkpoint.
      max_steps: the global step to train to, instead of steps; with neither, the recipe's total.
      fresh: whether to begin anew: a run in the model_dir is set aside as model_dir.1, .2, …
      log_every: steps between two log lines, and between two points of TensorBoard's curves.
      log_tensors: {label: tensor name} to log beside loss and accuracy.
      save_every: steps between two checkpoints; one more is written at the end.
      keep_checkpoints: how many to keep: an older one goes when a new one comes.
      stop: the signals.StopSignals of a process that listens for them.

    Raises:
      UserError: the model_dir holds another run or no intact checkpoint, cannot be written, or is being trained in; the
        data is missing or bad; the loss or a weight is not finite.
      Stopped: a signal ended the work, with a checkpoint at the step that the message names.
    """
    if steps is not None and max_steps is not None:
        raise ValueError(f"steps {steps} and max_steps {max_steps} exclude each other: give one")
    stop = stop or StopSignals()
    stop.check("nothing was trained")
    saving = functools.partial(checkpoints.saving, f"model_dir {model_dir}")
    with contextlib.ExitStack() as stack:
        with saving():
            stack.enter_context(locked(model_dir))
            checkpoints.remove_unfinished(model_dir)
        checkpoint = None if fresh else checkpoints.newest_intact(model_dir)
        settings = _go_on(settings, model_dir, checkpoint)
        first_step = checkpoint.step if checkpoint else 0
        if max_steps is None:
            max_steps = recipes.find(settings.recipe).steps if steps is None else first_step + steps
        if first_step >= max_steps:
            log.info("nothing to train: %s is at step %d of %d. --steps=N trains on", model_dir, first_step, max_steps)
            return

        log.info("%s", _summary(settings))
        data = datasets.load(settings.dataset, "train", settings.data_dir)
        log.info("%s: %d training images from %s", settings.dataset, len(data.labels), data.source)
        if settings.class_names not in (None, data.class_names):
            log.warning("class_names were %s, and are %s from here on", settings.class_names, data.class_names)
        settings = dataclasses.replace(settings, class_names=data.class_names)
        log.info("model_dir %s: from step %d to step %d", model_dir, first_step, max_steps)
        start_runtime()
        stop.check("nothing was trained")
        if fresh and checkpoints.holds_run(model_dir):
            with saving():
                stack.close()
                aside = set_aside(model_dir)
                stack.enter_context(locked(model_dir))
            log.info("the run that was in model_dir %s is set aside: it is %s now", model_dir, aside)

        def record():
            write_settings(model_dir, settings)
            add_to_history(model_dir, settings, first_step=first_step, max_steps=max_steps, tensorflow=tf.__version__)

        estimator = tf.estimator.Estimator(
            model.model_fn,
            params=settings,
            config=tf.estimator.RunConfig(
                model_dir=model_dir,
                tf_random_seed=settings.seed,
                save_summary_steps=log_every,
                keep_checkpoint_max=keep_checkpoints,
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
        # The bar shows on a terminal alone, and log lines are printed above it.
        with tqdm(total=max_steps, initial=first_step, unit="step", disable=None) as bar, logging_redirect_tqdm():
            progress = hooks.Progress(bar)
            watchers = [
                hooks.LogTensors(every=log_every, named=log_tensors or {}),
                tf.train.StepCounterHook(every_n_steps=log_every, output_dir=model_dir),
                progress,
                hooks.RefuseBadLoss(first_step=first_step, learning_rate=settings.learning_rate),
                hooks.EndTraining(stop),
                hooks.OnceBuilt(record),
                hooks.SaveCheckpoints(
                    model_dir,
                    every=save_every,
                    restored_step=first_step if checkpoint else None,
                    learning_rate=settings.learning_rate,
                ),
            ]
            started = time.monotonic()
            with saving():
                if checkpoint:
                    checkpoints.rebuild_state(model_dir, checkpoint)
                estimator.train(input_fn, hooks=watchers, max_steps=max_steps)
            seconds = time.monotonic() - started
    reached = first_step + progress.steps
    log.info("trained to step %d: loss %.4f, %d steps in %.0f s", reached, progress.loss, progress.steps, seconds)
    options = {"log_every": log_every, "save_every": save_every, "keep_checkpoints": keep_checkpoints}
    if log_tensors:
        options["log_tensors"] = ",".join(f"{label}={name}" for label, name in log_tensors.items())
    go_on = spelled(
        "train",
        model_dir=model_dir,
        recipe=settings.recipe,
        **recipes.overrides(settings),
        **{name: value for name, value in options.items() if value != train.__kwdefaults__[name]},
        max_steps=max_steps,
    )
    saved = f"step {reached} is saved as {os.path.join(model_dir, checkpoints.BASENAME)}-{reached}"
    stop.check(f"{saved}. Go on: {go_on}" if reached < max_steps else f"{saved}, the last")
    log.info("evaluate it: %s", spelled("eval", model_dir=model_dir))


def _go_on(settings, model_dir, checkpoint):
    """Returns the settings, complete, to go on with from a Checkpoint, or to begin with where it is None.

    Raises UserError where that checkpoint is another run's; what may change and does gets a log line.
    """
    kept = read_settings(model_dir) if checkpoint else None
    if kept:
        check_same_run(model_dir, kept, settings)
    settings = dataclasses.replace(
        settings,
        seed=_first(settings.seed, kept and kept.seed, secrets.randbelow(checks.LARGEST_SEED + 1)),
        data_dir=_first(settings.data_dir, kept and kept.data_dir),
        class_names=kept and kept.class_names,
    )
    if kept:
        for field, value in dataclasses.asdict(settings).items():
            if value != getattr(kept, field):
                log.warning("%s is %s from here on, and was %s", field, value, getattr(kept, field))
    if checkpoint:
        checkpoints.check_fits(checkpoint, settings, tf.estimator.ModeKeys.TRAIN)
    return settings


def _first(*values):
    return next((value for value in values if value is not None), None)


def _summary(settings):
    overrides = ", ".join(f"{field}={value}" for field, value in recipes.overrides(settings).items())
    return (
        f"recipe {settings.recipe}{overrides and ' with ' + overrides}: network {settings.network}, "
        f"{settings.optimizer} at {settings.learning_rate}, batches of {settings.batch_size}, seed {settings.seed}"
    )
