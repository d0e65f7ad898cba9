"""The verb train."""

import logging
import shlex
import time

from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from cnn_estimator import datasets, hooks, inputs, model, recipes
from cnn_estimator.model_dir import (
    check_same_model,
    check_variables,
    latest_checkpoint,
    read_settings,
    write_settings,
)
from cnn_estimator.tf1 import start_runtime, tf

log = logging.getLogger(__package__)


def train(
    settings,
    model_dir,
    *,
    steps=None,
    max_steps=None,
    log_every=50,
    log_tensors=None,
    save_every=500,
    keep_checkpoints=5,
):
    """Trains in a model_dir, on from its newest checkpoint.

    Args:
      settings: recipes.Settings.
      model_dir: the folder for checkpoints and event files; made where it is missing.
      steps: how many steps to train, counted from the newest checkpoint.
      max_steps: the global step to train to, instead of steps; with neither, the recipe's total.
      log_every: steps between two log lines, and between two points of TensorBoard's curves.
      log_tensors: {label: tensor name} to log beside loss and accuracy.
      save_every: steps between two checkpoints; one more is written at the end.
      keep_checkpoints: how many of the newest checkpoints stay.

    Raises:
      UserError: the model_dir holds another model or cannot be written, or the data is missing or bad.
    """
    checkpoint, first_step = latest_checkpoint(model_dir)
    if checkpoint:
        kept = read_settings(model_dir)
        if kept:
            check_same_model(model_dir, kept, settings)
        else:
            check_variables(checkpoint, settings, tf.estimator.ModeKeys.TRAIN)
    if max_steps is None:
        max_steps = recipes.find(settings.recipe).steps if steps is None else first_step + steps
    if first_step >= max_steps:
        log.info("nothing to train: %s is at step %d of %d. --steps=N trains on", model_dir, first_step, max_steps)
        return

    log.info("%s", _summary(settings))
    data = datasets.load(settings.dataset, "train", settings.data_dir)
    log.info("%s: %d training images from %s", settings.dataset, len(data.labels), data.source)
    log.info("model_dir %s: from step %d to step %d", model_dir, first_step, max_steps)
    write_settings(model_dir, settings)
    start_runtime()
    estimator = tf.estimator.Estimator(
        model.model_fn,
        params=settings,
        config=tf.estimator.RunConfig(
            model_dir=model_dir,
            tf_random_seed=settings.seed,
            save_summary_steps=log_every,
            save_checkpoints_steps=save_every,
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
    )
    # The bar shows on a terminal alone, and log lines are printed above it.
    with tqdm(total=max_steps, initial=first_step, unit="step", disable=None) as bar, logging_redirect_tqdm():
        progress = hooks.Progress(bar)
        watchers = [
            hooks.LogTensors(every=log_every, named=log_tensors or {}),
            tf.train.StepCounterHook(every_n_steps=log_every, output_dir=model_dir),
            progress,
        ]
        started = time.monotonic()
        estimator.train(input_fn, hooks=watchers, max_steps=max_steps)
        seconds = time.monotonic() - started
    log.info(
        "trained to step %d: loss %.4f, %d steps in %.0f s",
        first_step + progress.steps,
        progress.loss,
        progress.steps,
        seconds,
    )
    log.info("evaluate it: %s", shlex.join(["python", "run_eval.py", f"--model_dir={model_dir}"]))


def _summary(settings):
    recipe = recipes.find(settings.recipe)
    overrides = [
        f"{field}={getattr(settings, field)}"
        for field in ("optimizer", "learning_rate", "batch_size")
        if getattr(settings, field) != getattr(recipe, field)
    ]
    return (
        f"recipe {recipe.name}{' with ' + ', '.join(overrides) if overrides else ''}: network {settings.network}, "
        f"{settings.optimizer} at {settings.learning_rate}, batches of {settings.batch_size}, seed {settings.seed}"
    )
