"""Evaluates a checkpoint on the test set."""

import contextlib
import dataclasses
import gc
import logging
import math
import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from cnn_estimator import hooks, inputs, metrics, model, model_session
from cnn_estimator.data import datasets
from cnn_estimator.distributed import tf_config
from cnn_estimator.errors import UserError
from cnn_estimator.files import refuse_foreign, try_to_write, writing
from cnn_estimator.hardware import resolve_precision
from cnn_estimator.model import Predictions
from cnn_estimator.run_dir import checkpoints, events, projector, settings_file
from cnn_estimator.run_dir.run import EVALUATION_FOLDER, RunDir
from cnn_estimator.settings import EVALUATION_BATCH_SIZE, Settings, check, check_optional_path, check_path
from cnn_estimator.tf1 import tf

log = logging.getLogger("cnn_estimator")

PLOTS_FOLDER = "plots"
_PLOTTED_IMAGES = 20
_PROJECTED_IMAGES = 2000


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """The result of an evaluation.

    Attributes:
      metrics: {"accuracy": fraction of the images, "loss": mean cross entropy of an image, "global_step": of the
        checkpoint, "images": number of test images, "checkpoint": path}.
      confusion: int64 [classes, classes], how many images of the row's class were predicted as the column's class.
      class_names: tuple of str.
    """

    metrics: dict[str, Any]
    confusion: np.ndarray
    class_names: tuple[str, ...]

    @property
    def accuracy(self) -> float:
        """The fraction of the test images that are classified correctly."""
        return self.metrics["accuracy"]

    @property
    def loss(self) -> float:
        """The mean cross entropy of a test image."""
        return self.metrics["loss"]

    @property
    def step(self) -> int:
        """The global step of the checkpoint."""
        return self.metrics["global_step"]

    def _repr_html_(self) -> str:
        """Returns what a notebook shows."""
        where = f"on {self.metrics['images']} test images at step {self.step}"
        heading = f"accuracy <b>{self.accuracy:.4f}</b>, loss {self.loss:.4f}, {where}"
        return f"<p>{heading}</p>\n{metrics.html(self.confusion, self.class_names)}"


def evaluate(
    model_dir: str | os.PathLike[str],
    *,
    checkpoint: str | os.PathLike[str] | int | None = None,
    recipe: str | None = None,
    batch_size: int = EVALUATION_BATCH_SIZE,
    precision: str = "float32",
    data_dir: str | os.PathLike[str] | None = None,
    plot: bool = False,
) -> Evaluation:
    """Evaluates a checkpoint on the test set, every image once and in order.

    Writes the metrics to model_dir/eval, for TensorBoard and in metrics.json. Logs a warning if it cannot.

    Args:
      model_dir: a folder that was trained in, or is being trained in.
      checkpoint: a global step; the path of a checkpoint, whose folder then is the model_dir; or "best" for the best
        one that training kept. None takes the newest intact one.
      recipe: the name of the recipe in the model_dir. A model_dir without a settings file needs it.
      batch_size: images per batch, which changes the loss by no more than rounding.
      precision: "float32", "bfloat16", or "auto" for bfloat16 where the processor is faster in it.
      data_dir: the data that has the test set, see datasets.load. None takes the data_dir of the settings.
      plot: whether to plot the results, as PNG files in model_dir/plots and among TensorBoard's images. TensorBoard's
        projector then shows what the last hidden layer makes of the first 2,000 test images.

    Raises:
      UserError: there is no intact checkpoint, the checkpoint is of another model, the loss is NaN or infinite, the
        data is missing or bad, or the plots cannot be written.
      Stopped: a stop signal ended the work.
    """
    tf_config.log_ignored()
    model_dir = check_path("model_dir", model_dir)
    data_dir = check_optional_path("data_dir", data_dir)
    batch_size = check("batch_size", batch_size)
    session_config = model_session.make_session_config(resolve_precision(check("precision", precision)))
    with checkpoints.snapshot(model_dir, checkpoint) as snapshot:
        run = RunDir(snapshot.model_dir)
        plots_folder = os.path.join(run.path, PLOTS_FOLDER)
        evaluation_folder = os.path.join(run.path, EVALUATION_FOLDER)
        settings = run.load_settings(recipe, data_dir)
        # The graph of PREDICT has the variables of EVAL, and is built sooner.
        model_session.check_fits(snapshot.copy, settings, tf.estimator.ModeKeys.PREDICT)
        data = datasets.load_for(settings, "test", data_dir)
        what = datasets.title(data, settings.dataset)
        log.info("evaluating %d test images of %s from %s", len(data.labels), what, data.source)
        trained_on = settings_file.read_training_images(run.path) if data.divided else None
        if trained_on and trained_on != datasets.load_for(settings, "train", data_dir).fingerprint():
            log.warning(
                "%s has other pictures than the run was trained on: some of these test images may have been trained "
                "on, and the accuracy may be too high",
                data.source,
            )
        datasets.warn_of_other_class_names(data, settings)
        if plot:
            with writing(f"folder {plots_folder}"):
                refuse_foreign(run.path)
                os.makedirs(plots_folder, exist_ok=True)
        writable = _can_be_written(evaluation_folder)
        # Estimator writes the metrics into its model_dir.
        estimator_folder = run.path if writable else os.path.dirname(snapshot.copy.path)
        hidden = hooks.CollectHidden(_PROJECTED_IMAGES) if plot and writable else None
        estimator_metrics, predictions = _run_estimator(
            estimator_folder, snapshot.copy, settings, data, batch_size, session_config, hidden
        )
    gc.collect()  # a graph and its session are reference cycles, and hold memory until they are found
    if not math.isfinite(estimator_metrics["average_loss"]):
        raise UserError(
            f"{snapshot.original.path}: the loss on the test set is {estimator_metrics['average_loss']}",
            "its training diverged; name another {checkpoint}",
        )
    evaluation = Evaluation(
        {
            "accuracy": _six_digits(estimator_metrics["accuracy"]),
            "loss": _six_digits(estimator_metrics["average_loss"]),
            "global_step": int(estimator_metrics["global_step"]),
            "images": len(data.labels),
            "checkpoint": snapshot.original.path,
        },
        metrics.confusion_matrix(data.labels, predictions.classes, settings.classes),
        settings.class_names,
    )
    if writable:
        run.add_metrics(_record(evaluation, data.source))
    if plot:
        contents = _plot(evaluation, data, predictions, plots_folder)
        if writable:
            _add_to_tensorboard(contents, evaluation_folder, evaluation.step)
        if hidden:
            _project(hidden.vectors(), data, predictions, settings.class_names, evaluation_folder)
    return evaluation


def _run_estimator(
    folder: str,
    checkpoint: checkpoints.Checkpoint,
    settings: Settings,
    data: datasets.Split,
    batch_size: int,
    session_config: tf.ConfigProto,
    hidden: hooks.CollectHidden | None,
) -> tuple[dict[str, Any], Predictions]:
    """Returns Estimator's metrics of a checkpoint, and the predictions for all images.

    Args:
      hidden: a hook that collects vectors during the evaluation; None for none.
    """
    with tf_config.hidden():
        config = tf.estimator.RunConfig(session_config=session_config)
        estimator = tf.estimator.Estimator(model.model_fn, folder, config, params=settings)
    input_fn = inputs.evaluation_input_fn(data, batch_size)
    collected = hooks.CollectPredictions()
    with events.open_writer(os.path.join(folder, EVALUATION_FOLDER)):
        estimator_metrics = estimator.evaluate(
            input_fn,
            checkpoint_path=checkpoint.path,
            hooks=[hooks.StopEvaluation(), collected, *([hidden] if hidden else [])],
        )
    return estimator_metrics, collected.predictions()


def _record(evaluation: Evaluation, source: str) -> dict[str, Any]:
    """Returns the record for metrics.json: the metrics, the source of the data, and the scores of each class."""
    scores = dict(zip(evaluation.class_names, metrics.class_scores(evaluation.confusion), strict=True))
    classes = {name: dataclasses.asdict(score) for name, score in scores.items()}
    return evaluation.metrics | {"data": source, "classes": classes}


def _plot(evaluation: Evaluation, data: datasets.Split, predictions: Predictions, folder: str) -> dict[str, bytes]:
    """Writes the plots into a folder, and returns {name: content of the PNG file}."""
    from cnn_estimator import plots

    what = f"step {evaluation.step}, accuracy {evaluation.accuracy:.4f} on {len(data.labels)} test images"
    title = f"True and predicted classes: {what}"
    figures = {"confusion_matrix": plots.confusion_matrix(evaluation.confusion, evaluation.class_names, title)}
    first = np.arange(min(_PLOTTED_IMAGES, len(data.labels)))
    mistakes = metrics.most_confident_mistakes(data.labels, predictions, _PLOTTED_IMAGES)
    plotted = {"test_images": ("The first test images", first), "mistakes": ("The most confident mistakes", mistakes)}
    for name, (title, rows) in plotted.items():
        if len(rows):
            figures[name] = plots.predictions(
                datasets.scale(data.pixels[rows]),
                predictions.probabilities[rows],
                evaluation.class_names,
                [f"test image {row}" for row in rows],
                data.labels[rows],
                f"{title}: {what}",
            )
    if not len(mistakes):
        with contextlib.suppress(FileNotFoundError):  # the plot of another evaluation
            os.remove(os.path.join(folder, "mistakes.png"))
    paths = {name: os.path.join(folder, f"{name}.png") for name in figures}
    contents = {name: plots.save(figure, paths[name]) for name, figure in figures.items()}
    log.info("plots: %s", ", ".join(paths.values()))
    return contents


def _add_to_tensorboard(contents: dict[str, bytes], folder: str, step: int) -> None:
    images = [
        tf.Summary.Value(tag=name, image=tf.Summary.Image(encoded_image_string=content))
        for name, content in contents.items()
    ]
    writer = events.new_writer(folder)
    writer.add_summary(tf.Summary(value=images), step)
    events.close(writer)


def _project(
    vectors: np.ndarray, data: datasets.Split, predictions: Predictions, class_names: Sequence[str], folder: str
) -> None:
    """Writes the vectors of the first images for TensorBoard's projector."""
    count = len(vectors)
    columns = {
        "true class": [class_names[label] for label in data.labels[:count]],
        "predicted class": [class_names[label] for label in predictions.classes[:count]],
        "test image": range(count),
    }
    projector.write(folder, "last hidden layer", vectors, columns, data.pixels[:count])


def _can_be_written(folder: str) -> bool:
    """Returns whether evaluations can be written into a folder. Logs why not, because TensorFlow would be silent."""
    try:
        refuse_foreign(os.path.dirname(folder))
        os.makedirs(folder, exist_ok=True)
        try_to_write(folder)  # on a full disk Estimator would lose the evaluation
    except OSError as error:
        log.warning("%s cannot be written: %s. TensorBoard will not show this evaluation", folder, error.strerror)
        return False
    return True


def _six_digits(number: float) -> float:
    return float(f"{number:.6g}")  # the precision of a float32
