"""The verb eval."""

import dataclasses
import gc
import logging
import os
from typing import TYPE_CHECKING, Any

import numpy as np

from cnn_estimator import hooks, inputs, metrics, model, model_session
from cnn_estimator.data import datasets
from cnn_estimator.distributed import tf_config
from cnn_estimator.files import refuse_foreign, write_probe, writing
from cnn_estimator.hardware import resolve_precision, set_precision
from cnn_estimator.model import Predictions
from cnn_estimator.run_dir import checkpoints, events
from cnn_estimator.run_dir.run import EVALUATION_FOLDER, RunDir
from cnn_estimator.settings import Settings, check, check_optional_path, check_path
from cnn_estimator.tf1 import tf

if TYPE_CHECKING:
    from matplotlib.figure import Figure

log = logging.getLogger("cnn_estimator")

PLOTS_FOLDER = "plots"
_PLOTTED_IMAGES = 20
_BATCH_SIZE = 500  # the fastest, for most networks


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """The result of an evaluation.

    Attributes:
      metrics: {"accuracy": of the classes, "loss": mean cross entropy of an image, "global_step", "images": how many
        were evaluated, "checkpoint": path}.
      confusion: int64 [10, 10], how many images of the row's class were predicted as the column's.
      class_names: ten str.
    """

    metrics: dict[str, Any]
    confusion: np.ndarray
    class_names: tuple[str, ...]

    def _repr_html_(self) -> str:  # how it shows in a notebook
        found = self.metrics
        what = f"on {found['images']} test images at step {found['global_step']}"
        heading = f"accuracy <b>{found['accuracy']:.4f}</b>, loss {found['loss']:.4f}, {what}"
        return f"<p>{heading}</p>\n{metrics.html(self.confusion, self.class_names)}"


def evaluate(
    model_dir: str | os.PathLike[str],
    *,
    checkpoint: str | os.PathLike[str] | int | None = None,
    recipe: str | None = None,
    batch_size: int = _BATCH_SIZE,
    precision: str = "float32",
    data_dir: str | os.PathLike[str] | None = None,
    plot: bool = False,
) -> Evaluation:
    """Evaluates a checkpoint on the test set, every image once and in order.

    Writes the metrics to model_dir/eval, for TensorBoard and in metrics.json, if that can be written.

    Args:
      model_dir: a folder that was trained in, or is being trained in.
      checkpoint: a global step, a path, whose folder then is the model_dir, or "best" for the one that training kept;
        None takes the newest intact one.
      recipe: the name of the recipe that the model_dir holds, where it has no settings file.
      batch_size: images per batch, which changes no result but for rounding.
      precision: "float32", "bfloat16", or "auto" for bfloat16 where the processor is faster in it.
      data_dir: see datasets.load; None takes the settings'.
      plot: whether to plot the results too: PNG files in model_dir/plots, and TensorBoard's images.

    Raises:
      UserError: there is no intact checkpoint, it is of another model, the data is missing or bad, or the plots
        cannot be written.
      Stopped: a stop signal ended the work.
    """
    tf_config.log_ignored()
    model_dir = check_path("model_dir", model_dir)
    data_dir = check_optional_path("data_dir", data_dir)
    batch_size = check("batch_size", batch_size)
    session_config = tf.ConfigProto()
    rewrite_options = session_config.graph_options.rewrite_options
    rewrite_options.meta_optimizer_iterations = rewrite_options.ONE
    set_precision(resolve_precision(check("precision", precision)), session_config)
    with checkpoints.snapshot(model_dir, checkpoint) as snapshot:
        run = RunDir(snapshot.model_dir)
        settings = run.load_settings(recipe, data_dir)
        # The graph of PREDICT has the same variables, and is built sooner.
        model_session.check_fits(snapshot.copy, settings, tf.estimator.ModeKeys.PREDICT)
        data = datasets.load(settings.dataset, "test", data_dir or settings.data_dir)
        log.info("%s: %d test images from %s", settings.dataset, len(data.labels), data.source)
        if data.class_names != settings.class_names:
            log.warning("class_names of the data are %s, those of the run %s", data.class_names, settings.class_names)
        if plot:
            with writing(f"folder {os.path.join(run.path, PLOTS_FOLDER)}"):
                refuse_foreign(run.path)
                os.makedirs(os.path.join(run.path, PLOTS_FOLDER), exist_ok=True)
        writable = _can_be_written(os.path.join(run.path, EVALUATION_FOLDER))
        # Estimator writes the metrics into its model_dir.
        folder = run.path if writable else os.path.dirname(snapshot.copy.path)
        found, predictions = _run_estimator(folder, snapshot.copy, settings, data, batch_size, session_config)
    gc.collect()  # a graph and its session are reference cycles, and hold memory until they are found
    evaluation = Evaluation(
        {
            "accuracy": _six_digits(found["accuracy"]),
            "loss": _six_digits(found["average_loss"]),
            "global_step": int(found["global_step"]),
            "images": len(data.labels),
            "checkpoint": snapshot.original.path,
        },
        metrics.confusion_matrix(data.labels, predictions.classes),
        settings.class_names,
    )
    if writable:
        run.add_metrics(_record(evaluation, data.source))
    if plot:
        contents = _plot(evaluation, data, predictions, os.path.join(run.path, PLOTS_FOLDER))
        if writable:
            _add_to_tensorboard(contents, os.path.join(run.path, EVALUATION_FOLDER), evaluation.metrics["global_step"])
    return evaluation


def _run_estimator(
    folder: str,
    checkpoint: checkpoints.Checkpoint,
    settings: Settings,
    data: datasets.Split,
    batch_size: int,
    session_config: tf.ConfigProto,
) -> tuple[dict[str, Any], Predictions]:
    """Returns Estimator's metrics of a checkpoint, and the predictions for all images, from one pass over them."""
    events.renew(os.path.join(folder, EVALUATION_FOLDER))
    with tf_config.hidden():
        config = tf.estimator.RunConfig(session_config=session_config)
        estimator = tf.estimator.Estimator(model.model_fn, folder, config, params=settings)
    input_fn = inputs.numpy_input_fn(
        {"x": data.pixels},
        data.labels,
        batch_size=batch_size,
        num_epochs=1,
        shuffle=False,
        transform=datasets.scale,
    )
    collected = hooks.CollectPredictions()
    found = estimator.evaluate(input_fn, checkpoint_path=checkpoint.path, hooks=[hooks.StopEvaluation(), collected])
    return found, collected.predictions()


def _record(evaluation: Evaluation, source: str) -> dict[str, Any]:
    """Returns what is kept of an evaluation: its metrics, its data, and the scores of each class."""
    scores = dict(zip(evaluation.class_names, metrics.class_scores(evaluation.confusion), strict=True))
    classes = {name: dataclasses.asdict(score) for name, score in scores.items()}
    return evaluation.metrics | {"data": source, "classes": classes}


def _plot(evaluation: Evaluation, data: datasets.Split, predictions: Predictions, folder: str) -> dict[str, bytes]:
    """Writes the plots into a folder; returns {name: content of the PNG file}."""
    from cnn_estimator import plots

    found = evaluation.metrics
    what = f"step {found['global_step']}, accuracy {found['accuracy']:.4f} on {found['images']} test images"

    def plot_images(rows: np.ndarray, title: str) -> "Figure":
        return plots.predictions(
            datasets.scale(data.pixels[rows]),
            predictions.probabilities[rows],
            evaluation.class_names,
            [f"test image {row}" for row in rows],
            data.labels[rows],
            f"{title}: {what}",
        )

    mistakes = metrics.most_confident_mistakes(data.labels, predictions, _PLOTTED_IMAGES)
    figures = {
        "confusion_matrix": plots.confusion_matrix(
            evaluation.confusion, evaluation.class_names, f"True and predicted classes: {what}"
        ),
        "test_images": plot_images(np.arange(min(_PLOTTED_IMAGES, len(data.labels))), "The first test images"),
    }
    paths = {name: os.path.join(folder, f"{name}.png") for name in (*figures, "mistakes")}
    if len(mistakes):
        figures["mistakes"] = plot_images(mistakes, "The most confident mistakes")
    elif os.path.exists(paths["mistakes"]):  # an earlier step's
        os.remove(paths["mistakes"])
    contents = {name: plots.save(figure, paths[name]) for name, figure in figures.items()}
    log.info("plots: %s", ", ".join(paths[name] for name in contents))
    return contents


def _add_to_tensorboard(contents: dict[str, bytes], folder: str, step: int) -> None:
    images = [
        tf.Summary.Value(tag=name, image=tf.Summary.Image(encoded_image_string=content))
        for name, content in contents.items()
    ]
    # Estimator's own writer in that folder, which it keeps open.
    writer = tf.summary.FileWriterCache.get(folder)
    writer.add_summary(tf.Summary(value=images), step)
    writer.flush()


def _can_be_written(folder: str) -> bool:
    """Returns whether evaluations can be written into a folder; logs why not, where TensorFlow would be silent."""
    try:
        refuse_foreign(os.path.dirname(folder))
        os.makedirs(folder, exist_ok=True)
        refuse_foreign(folder)
        write_probe(folder)  # more than an evaluation writes for TensorBoard
    except OSError as error:
        log.warning(
            "%s cannot be written: %s. TensorBoard will not show this evaluation, and it is not kept there",
            folder,
            error.strerror,
        )
        return False
    return True


def _six_digits(number: float) -> float:
    return float(f"{number:.6g}")  # the precision of a float32
