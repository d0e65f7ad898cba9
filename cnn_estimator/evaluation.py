"""The verb eval."""

import dataclasses
import fcntl
import json
import logging
import os
import tempfile

import numpy as np

from cnn_estimator import checkpoints, datasets, figures, hooks, inputs, model, report
from cnn_estimator.disk import whole, writing
from cnn_estimator.model_dir import settings_of
from cnn_estimator.signals import StopSignals
from cnn_estimator.tf1 import start_runtime, tf

log = logging.getLogger(__package__)

METRICS_FILE = "metrics.json"
FIGURES = "figures"
_DRAWN = 20  # images in a picture
_WRITTEN_BYTES = 2**20  # more than an evaluation writes for TensorBoard


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """What an evaluation found.

    Attributes:
      metrics: {"accuracy": share of images classified right, "loss": mean cross entropy of an image, "global_step",
        "images": how many were evaluated, "checkpoint": path}.
      confusion: int64 [10, 10], how many images of the row's class were taken for the column's.
      class_names: ten str.
    """

    metrics: dict
    confusion: np.ndarray
    class_names: tuple


def evaluate(model_dir, *, checkpoint=None, recipe=None, batch_size=None, data_dir=None, draw=False, stop=None):
    """Evaluates a checkpoint on the test set, every image once and in order.

    Writes the metrics to model_dir/eval, for TensorBoard and in metrics.json, if that can be written.

    Args:
      model_dir: a folder that was trained in, or is being trained in.
      checkpoint: a global step, or a path, whose folder then is the model_dir; None takes the newest intact one.
      recipe: the recipes.Recipe that the model_dir holds, where it has no settings file.
      batch_size: images a batch, which changes no result; None takes the settings'.
      data_dir: see datasets.load; None takes the settings'.
      draw: whether to draw the results too: PNG files in model_dir/figures, and TensorBoard's images.
      stop: the signals.StopSignals of a process that listens for them.

    Returns:
      An Evaluation.

    Raises:
      UserError: there is no intact checkpoint, it is of another model, the data is missing or bad, or the
        pictures cannot be written.
      Stopped: a signal ended the work.
    """
    stop = stop or StopSignals()
    stop.check("nothing was evaluated")
    with checkpoints.copied(checkpoints.picker(model_dir, checkpoint)) as (original, copy):
        model_dir = os.path.dirname(original.path)
        settings = settings_of(model_dir, recipe, data_dir)
        checkpoints.check_fits(copy, settings, tf.estimator.ModeKeys.EVAL)
        data = datasets.load(settings.dataset, "test", data_dir or settings.data_dir)
        log.info("%s: %d test images from %s", settings.dataset, len(data.labels), data.source)
        if data.class_names != settings.class_names:
            log.warning("class_names of the data are %s, those of the run %s", data.class_names, settings.class_names)
        if draw:
            with writing(f"folder {os.path.join(model_dir, FIGURES)}"):
                os.makedirs(os.path.join(model_dir, FIGURES), exist_ok=True)
        start_runtime()
        takes_metrics = _takes_metrics(os.path.join(model_dir, "eval"))
        # Estimator writes the metrics into its model_dir.
        estimator = tf.estimator.Estimator(
            model.model_fn, model_dir if takes_metrics else os.path.dirname(copy.path), params=settings
        )
        input_fn = inputs.numpy_input_fn(
            {"x": data.images},
            data.labels,
            batch_size=batch_size or settings.batch_size,
            num_epochs=1,
            shuffle=False,
        )
        stop.check("nothing was evaluated")
        kept = hooks.KeepPredictions()
        metrics = estimator.evaluate(input_fn, checkpoint_path=copy.path, hooks=[hooks.EndEvaluation(stop), kept])
    predictions = kept.predictions()
    evaluation = Evaluation(
        {
            "accuracy": _six_digits(metrics["accuracy"]),
            "loss": _six_digits(metrics["average_loss"]),
            "global_step": int(metrics["global_step"]),
            "images": len(data.labels),
            "checkpoint": original.path,
        },
        report.confusion_matrix(data.labels, predictions.classes),
        settings.class_names,
    )
    if takes_metrics:
        _keep(evaluation, data.source, os.path.join(model_dir, "eval", METRICS_FILE))
    if draw:
        drawn = _draw(evaluation, data, predictions, os.path.join(model_dir, FIGURES))
        if takes_metrics:
            _show_in_tensorboard(drawn, os.path.join(model_dir, "eval"), evaluation.metrics["global_step"])
    return evaluation


def _keep(evaluation, source, path):
    """Adds the evaluation to a JSON list of records, or puts it in the place of the same step's; or says why not."""
    scores = dict(zip(evaluation.class_names, report.class_scores(evaluation.confusion), strict=True))
    classes = {name: dataclasses.asdict(score) for name, score in scores.items()}
    record = evaluation.metrics | {"data": source, "classes": classes}
    try:
        with open(f"{path}.lock", "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # others may evaluate other checkpoints meanwhile
            records = {kept["global_step"]: kept for kept in _records(path)} | {record["global_step"]: record}
            ordered = [records[step] for step in sorted(records)]
            with whole(path) as file:
                json.dump(ordered, file, indent=2, ensure_ascii=False)
                file.write("\n")
    except OSError as error:
        log.warning("%s cannot be written: %s. This evaluation is not kept there", path, error.strerror)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        log.warning("%s is no list of records: %r. This evaluation is not kept there: move it away", path, error)


def _records(path):
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError:
        return []


def _draw(evaluation, data, predictions, folder):
    """Writes the pictures into a folder; returns {name: content of the PNG file}."""
    metrics = evaluation.metrics
    where = f"step {metrics['global_step']}, accuracy {metrics['accuracy']:.4f} on {metrics['images']} test images"

    def answers(rows, what):
        return figures.answers(
            data.images[rows],
            predictions.probabilities[rows],
            evaluation.class_names,
            [f"test image {row}" for row in rows],
            data.labels[rows],
            f"{what}: {where}",
        )

    mistakes = report.most_confident_mistakes(data.labels, predictions, _DRAWN)
    pictures = {
        "confusion_matrix": figures.confusion_matrix(
            evaluation.confusion, evaluation.class_names, f"Which class is taken for which: {where}"
        ),
        "test_images": answers(np.arange(min(_DRAWN, len(data.labels))), "The first test images"),
    }
    paths = {name: os.path.join(folder, f"{name}.png") for name in (*pictures, "mistakes")}
    if len(mistakes):
        pictures["mistakes"] = answers(mistakes, "The most confident mistakes")
    elif os.path.exists(paths["mistakes"]):  # an earlier step's
        os.remove(paths["mistakes"])
    drawn = {name: figures.save(figure, paths[name]) for name, figure in pictures.items()}
    log.info("pictures: %s", ", ".join(paths[name] for name in drawn))
    return drawn


def _show_in_tensorboard(drawn, folder, step):
    images = [
        tf.Summary.Value(tag=name, image=tf.Summary.Image(encoded_image_string=content))
        for name, content in drawn.items()
    ]
    # Estimator's own writer there, which it keeps open.
    writer = tf.summary.FileWriterCache.get(folder)
    writer.add_summary(tf.Summary(value=images), step)
    writer.flush()


def _takes_metrics(folder):
    """Whether evaluations can be written into a folder; otherwise says so. TensorFlow would drop them in silence."""
    try:
        os.makedirs(folder, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(_WRITTEN_BYTES))
    except OSError as error:
        log.warning(
            "%s cannot be written: %s. TensorBoard will not show this evaluation, nor is it kept there",
            folder,
            error.strerror,
        )
        return False
    return True


def _six_digits(number):
    return float(f"{number:.6g}")  # what a float32 holds
