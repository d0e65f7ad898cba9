"""The verb eval."""

import functools
import logging
import os
import tempfile

from cnn_estimator import checkpoints, datasets, hooks, inputs, model, recipes
from cnn_estimator.errors import UserError
from cnn_estimator.model_dir import SETTINGS_FILE, read_settings
from cnn_estimator.signals import StopSignals
from cnn_estimator.tf1 import start_runtime, tf

log = logging.getLogger(__package__)

_METRICS_BYTES = 2**16  # more than the event file of an evaluation has


def evaluate(model_dir, *, checkpoint=None, recipe=None, batch_size=None, data_dir=None, stop=None):
    """Evaluates a checkpoint on the test set, every image once and in order.

    Writes the metrics for TensorBoard to model_dir/eval, if that can be written.

    Args:
      model_dir: a folder that was trained in, or is being trained in.
      checkpoint: a global step, or a path, whose folder then is the model_dir; None takes the newest intact one.
      recipe: the recipes.Recipe that the model_dir holds, where it has no settings file.
      batch_size: images a batch, which changes no result; None takes the settings'.
      data_dir: see datasets.load; None takes the settings'.
      stop: the signals.StopSignals of a process that listens for them.

    Returns:
      {"accuracy": share of images classified right, "loss": mean cross entropy of an image, "global_step", "images":
      how many were evaluated, "checkpoint": path}.

    Raises:
      UserError: there is no intact checkpoint, it is of another model, or the data is missing or bad.
      Stopped: a signal ended the work.
    """
    stop = stop or StopSignals()
    stop.check("nothing was evaluated")
    if checkpoint is None:
        pick = functools.partial(_newest_intact, model_dir)
    else:
        model_dir, name = checkpoints.locate(model_dir, checkpoint)
        pick = functools.partial(checkpoints.find, model_dir, name)
    with checkpoints.copied(pick) as (original, copy):
        settings = _settings(model_dir, recipe)
        checkpoints.check_fits(copy, settings, tf.estimator.ModeKeys.EVAL)
        data = datasets.load(settings.dataset, "test", data_dir or settings.data_dir)
        log.info("%s: %d test images from %s", settings.dataset, len(data.labels), data.source)
        start_runtime()
        # Estimator writes the metrics into its model_dir.
        estimator = tf.estimator.Estimator(
            model.model_fn, model_dir if _takes_metrics(model_dir) else os.path.dirname(copy.path), params=settings
        )
        input_fn = inputs.numpy_input_fn(
            {"x": data.images},
            data.labels,
            batch_size=batch_size or settings.batch_size,
            num_epochs=1,
            shuffle=False,
        )
        stop.check("nothing was evaluated")
        metrics = estimator.evaluate(input_fn, checkpoint_path=copy.path, hooks=[hooks.EndEvaluation(stop)])
    return {
        "accuracy": _six_digits(metrics["accuracy"]),
        "loss": _six_digits(metrics["average_loss"]),
        "global_step": int(metrics["global_step"]),
        "images": len(data.labels),
        "checkpoint": original.path,
    }


def _newest_intact(model_dir):
    newest = checkpoints.newest_intact(model_dir)
    if newest is None:
        raise UserError(f"model_dir {model_dir} holds no checkpoint: train there first, or name another --model_dir")
    return newest


def _settings(model_dir, recipe):
    """Returns the Settings of a model_dir; of the recipe where it keeps none."""
    settings = read_settings(model_dir)
    if settings is None:
        if recipe is None:
            raise UserError(f"model_dir {model_dir} has no {SETTINGS_FILE}: say with --recipe=NAME what it holds")
        return recipes.settings(recipe)
    if recipe and (recipe.network, recipe.dataset) != (settings.network, settings.dataset):
        raise UserError(
            f"model_dir {model_dir} holds recipe {settings.recipe}, not {recipe.name}: leave --recipe away, "
            "or name another --model_dir"
        )
    return settings


def _takes_metrics(model_dir):
    """Whether there is a place for TensorBoard's files; otherwise says so. TensorFlow would drop them in silence."""
    folder = os.path.join(model_dir, "eval")
    try:
        os.makedirs(folder, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(_METRICS_BYTES))
    except OSError as error:
        log.warning("%s cannot be written: %s. TensorBoard will not show this evaluation", folder, error.strerror)
        return False
    return True


def _six_digits(number):
    return float(f"{number:.6g}")  # what a float32 holds
