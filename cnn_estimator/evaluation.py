"""The verb eval."""

import logging

from cnn_estimator import datasets, inputs, model, recipes
from cnn_estimator.errors import UserError
from cnn_estimator.model_dir import SETTINGS_FILE, check_variables, latest_checkpoint, read_settings
from cnn_estimator.tf1 import start_runtime, tf

log = logging.getLogger(__package__)


def evaluate(model_dir, *, recipe=None, batch_size=None, data_dir=None):
    """Evaluates the newest checkpoint on the test set, every image once and in order.

    Writes the metrics for TensorBoard to model_dir/eval.

    Args:
      model_dir: a folder that was trained in.
      recipe: the recipes.Recipe that the model_dir holds, where it has no settings file.
      batch_size: images a batch, which changes no result; None takes the settings'.
      data_dir: see datasets.load; None takes the settings'.

    Returns:
      {"accuracy": share of images classified right, "loss": mean cross entropy of an image, "global_step", "images":
      how many were evaluated, "checkpoint": path}.

    Raises:
      UserError: there is no checkpoint, it is of another model, or the data is missing or bad.
    """
    checkpoint, _ = latest_checkpoint(model_dir)
    if checkpoint is None:
        raise UserError(f"model_dir {model_dir} holds no checkpoint: train there first, or name another --model_dir")
    settings = read_settings(model_dir)
    if settings is None:
        if recipe is None:
            raise UserError(f"model_dir {model_dir} has no {SETTINGS_FILE}: say with --recipe=NAME what it holds")
        settings = recipes.settings(recipe)
        check_variables(checkpoint, settings, tf.estimator.ModeKeys.EVAL)
    elif recipe and (recipe.network, recipe.dataset) != (settings.network, settings.dataset):
        raise UserError(
            f"model_dir {model_dir} holds recipe {settings.recipe}, not {recipe.name}: leave --recipe away, "
            "or name another --model_dir"
        )

    data = datasets.load(settings.dataset, "test", data_dir or settings.data_dir)
    log.info("%s: %d test images from %s", settings.dataset, len(data.labels), data.source)
    start_runtime()
    estimator = tf.estimator.Estimator(model.model_fn, model_dir=model_dir, params=settings)
    input_fn = inputs.numpy_input_fn(
        {"x": data.images},
        data.labels,
        batch_size=batch_size or settings.batch_size,
        num_epochs=1,
        shuffle=False,
    )
    metrics = estimator.evaluate(input_fn, checkpoint_path=checkpoint)
    return {
        "accuracy": _six_digits(metrics["accuracy"]),
        "loss": _six_digits(metrics["average_loss"]),
        "global_step": int(metrics["global_step"]),
        "images": len(data.labels),
        "checkpoint": checkpoint,
    }


def _six_digits(number):
    return float(f"{number:.6g}")  # what a float32 holds
