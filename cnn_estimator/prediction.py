"""Predicts the classes of images: a Predictor for arrays, and predict() for files and the test set."""

import dataclasses
import logging
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from tabulate import tabulate

from cnn_estimator import model_session, stopping
from cnn_estimator.data import datasets, pictures
from cnn_estimator.data.datasets import SIDE
from cnn_estimator.data.pictures import Preprocessed
from cnn_estimator.distributed import tf_config
from cnn_estimator.errors import UserError
from cnn_estimator.hardware import resolve_precision
from cnn_estimator.model import Predictions
from cnn_estimator.run_dir import checkpoints
from cnn_estimator.run_dir.run import RunDir
from cnn_estimator.settings import Settings, check, check_optional_path, check_path
from cnn_estimator.tf1 import tf

log = logging.getLogger("cnn_estimator")

_BATCH_SIZE = 100
_RUNNERS_UP = 2
_MAX_PLOTTED = 40


class Predictor:
    """A trained model that is loaded once and predicts many times. A context manager: leaving it closes the session.

        with Predictor("/tmp/fashion") as predictor:
            predictor.class_names[predictor.predict(images).classes[0]]

    Args:
      model_dir: a folder that was trained in, or is being trained in.
      checkpoint: a global step; the path of a checkpoint, whose folder then is the model_dir; or "best" for the best
        one that training kept. None takes the newest intact one.
      recipe: the name of the recipe in the model_dir. A model_dir without a settings file needs it.
      precision: "float32", "bfloat16", or "auto" for bfloat16 where the processor is faster in it.
      data_dir: the data that has the class names, see datasets.load. Only a model_dir without class names needs it.

    Attributes:
      settings: the Settings of the run.
      class_names: tuple of str, the names of the classes.
      checkpoint: the checkpoints.Checkpoint that was loaded.
      model_dir: the folder of the run that the checkpoint belongs to.
      session: the tf.Session.
      inputs: {"x": float32 [N, 28, 28] in 0..1}, a tensor of the session's graph.
      outputs: {"classes": int64 [N], "probabilities": float32 [N, number of classes]}, tensors of the session's graph.

    Raises:
      UserError: there is no intact checkpoint, or the checkpoint is of another model.
    """

    def __init__(
        self,
        model_dir: str | os.PathLike[str],
        *,
        checkpoint: str | os.PathLike[str] | int | None = None,
        recipe: str | None = None,
        precision: str = "float32",
        data_dir: str | os.PathLike[str] | None = None,
    ) -> None:
        tf_config.log_ignored()
        model_dir = check_path("model_dir", model_dir)
        data_dir = check_optional_path("data_dir", data_dir)
        session_config = model_session.make_session_config(resolve_precision(check("precision", precision)))
        mode = tf.estimator.ModeKeys.PREDICT
        with checkpoints.snapshot(model_dir, checkpoint) as snapshot:
            self.checkpoint = snapshot.original
            self.model_dir = snapshot.model_dir
            self.settings = RunDir(self.model_dir).load_settings(recipe, data_dir)
            model_session.check_fits(snapshot.copy, self.settings, mode)
            self._model = model_session.ModelSession(self.settings, mode, session_config)
            self._model.restore(snapshot.copy.path)
        self.class_names = self.settings.class_names
        self.session = self._model.session
        self.inputs = self._model.inputs
        self.outputs = self._model.outputs

    def __enter__(self) -> "Predictor":
        return self

    def __exit__(self, *exception: object) -> None:
        self._model.close()

    def predict(self, images: np.ndarray) -> Predictions:
        """Returns the Predictions for images.

        Args:
          images: float32 [N, 28, 28] in 0..1, bright objects on black.

        Raises:
          ValueError: the images have another shape or other values.
          UserError: a probability is NaN.
          Stopped: a stop signal came between two batches.
        """
        images = np.asarray(images, np.float32)
        if images.ndim != 3 or images.shape[1:] != (SIDE, SIDE):
            raise ValueError(f"images of shape {images.shape}: they must be [N, {SIDE}, {SIDE}]")
        if images.size and not (images.min() >= 0 and images.max() <= 1):
            advice = ", divide by 255" if images.max() > 1 else ""
            raise ValueError(f"pixels from {images.min()} to {images.max()}: they must lie in 0..1{advice}")
        predictions = self._model.predict(images, _BATCH_SIZE)
        if not np.isfinite(predictions.probabilities).all():
            raise UserError(
                f"{self.checkpoint.path} predicts probabilities that are NaN",
                "its training diverged; name another {checkpoint}",
            )
        return predictions


@dataclasses.dataclass(frozen=True)
class Prediction:
    """The prediction for one image.

    Attributes:
      name: the path of the file, or `test image N`.
      image: float32 [28, 28], the network's input.
      inverted: whether bright and dark were exchanged.
      true_class: its number, from 0, or None for a file.
      probabilities: float32 [number of classes].
      class_names: tuple of str.
      plain_background: whether the border of the file's image has one grey; see pictures.Preprocessed.
    """

    name: str
    image: np.ndarray = dataclasses.field(repr=False)
    inverted: bool
    true_class: int | None
    probabilities: np.ndarray
    class_names: tuple[str, ...]
    plain_background: bool = True

    @property
    def class_name(self) -> str:
        """The name of the most probable class."""
        return self.ranked()[0][0]

    def ranked(self) -> list[tuple[str, float]]:
        """Returns [(class name, probability)], the most probable first."""
        order = np.argsort(-self.probabilities, kind="stable")
        return [(self.class_names[number], float(self.probabilities[number])) for number in order]

    def record(self) -> dict[str, Any]:
        """Returns the prediction as a JSON object."""
        ranked = self.ranked()
        return {
            "image": self.name,
            "class": ranked[0][0],
            "probability": ranked[0][1],
            "inverted": self.inverted,
            **({} if self.true_class is None else {"true_class": self.class_names[self.true_class]}),
            "probabilities": dict(ranked),
        }

    def _repr_png_(self) -> bytes:
        """Returns the picture that a notebook shows."""
        return plot([self])


@dataclasses.dataclass(frozen=True)
class Result:
    """What predict() returns.

    Attributes:
      predictions: list of Prediction, for files first.
      problems: one str for each file that cannot be read. It names the file and the problem.
    """

    predictions: list[Prediction]
    problems: list[str]

    def _ipython_display_(self) -> None:
        """Shows the problems and the predictions: the first 40 as pictures in a notebook, all as a table elsewhere."""
        from IPython.display import display

        if self.predictions:
            display({"image/png": plot(self.predictions), "text/plain": table(self.predictions)}, raw=True)
        if self.problems:
            display({"text/plain": "\n".join(self.problems)}, raw=True)


def predict(
    model_dir: str | os.PathLike[str],
    paths: Sequence[str | os.PathLike[str]] | str | os.PathLike[str] = (),
    test_indices: Sequence[int] = (),
    *,
    checkpoint: str | os.PathLike[str] | int | None = None,
    recipe: str | None = None,
    precision: str = "float32",
    data_dir: str | os.PathLike[str] | None = None,
    invert: str = "auto",
) -> Result:
    """Predicts the classes of image files and of test images.

    Args:
      model_dir, checkpoint, recipe, precision: see Predictor.
      paths: the path of an image file, or several.
      test_indices: numbers of test images, counted from 0.
      data_dir: the data that has the test set, see datasets.load. None takes the data_dir of the settings.
      invert: whether to exchange bright and dark in files: "yes", "no" or "auto", see pictures.read. The settings of
        the run say whether the object is cut out.

    Raises:
      UserError: there is no such model, or no such test image, or the test set is missing or bad.
      Stopped: a stop signal ended the work.
    """
    data_dir = check_optional_path("data_dir", data_dir)
    paths, test_indices = check_images(paths, test_indices, invert)
    with Predictor(
        model_dir, checkpoint=checkpoint, recipe=recipe, precision=precision, data_dir=data_dir
    ) as predictor:
        settings = predictor.settings
        inputs, problems = read_images(paths, test_indices, settings, data_dir=data_dir, invert=invert)
        probabilities = predictor.predict(stack(inputs)).probabilities
    predictions = [
        each.predicted(image_probabilities, settings.class_names)
        for each, image_probabilities in zip(inputs, probabilities, strict=True)
    ]
    return Result(predictions, problems)


@dataclasses.dataclass(frozen=True)
class Input:
    """An image to predict: the name, the image and the true class of a Prediction."""

    name: str
    picture: Preprocessed
    true_class: int | None

    def predicted(self, probabilities: np.ndarray, class_names: tuple[str, ...]) -> Prediction:
        """Returns the Prediction of this image."""
        return Prediction(
            self.name,
            self.picture.image,
            self.picture.inverted,
            self.true_class,
            probabilities,
            class_names,
            self.picture.plain_background,
        )


def check_images(
    paths: Sequence[str | os.PathLike[str]] | str | os.PathLike[str], test_indices: Sequence[int], invert: str
) -> tuple[Sequence[str | os.PathLike[str]], list[int]]:
    """Returns (paths, test_indices) of predict() as sequences; raises UserError for a wrong index or invert."""
    check("invert", invert)
    indices = [check("test_indices", index) for index in test_indices]
    return [paths] if isinstance(paths, str | os.PathLike) else paths, indices


def read_images(
    paths: Sequence[str | os.PathLike[str]],
    test_indices: Sequence[int],
    settings: Settings,
    *,
    data_dir: str | None,
    invert: str,
) -> tuple[list[Input], list[str]]:
    """Returns (an Input for each image, files first; a str for each file that cannot be read). See predict()."""
    inputs: list[Input] = []
    problems = []
    for path in [os.fspath(path) for path in paths]:
        stopping.check()
        try:
            picture = pictures.read(
                path, dataset=datasets.DATASETS[settings.dataset], invert=invert, crop=settings.crop
            )
        except UserError as error:
            problems.append(f"{pictures.printable(path)}: {error}")
        else:
            inputs.append(Input(path, picture, None))
    return inputs + _test_images(test_indices, settings, data_dir), problems


def stack(inputs: Sequence[Input]) -> np.ndarray:
    """Returns the images of some inputs, float32 [N, 28, 28]."""
    return np.array([each.picture.image for each in inputs], np.float32).reshape(-1, SIDE, SIDE)


def _test_images(indices: Sequence[int], settings: Settings, data_dir: str | None) -> list[Input]:
    """Returns the inputs of test images."""
    if not indices:
        return []
    data = datasets.load_for(settings, "test", data_dir)
    datasets.warn_of_other_class_names(data, settings)
    for index in indices:
        if index >= len(data.labels):
            raise UserError(f"there is no test image {index}: the test set has images 0 to {len(data.labels) - 1}")
    return [
        Input(
            f"test image {index}",
            Preprocessed(datasets.scale(data.pixels[index]), inverted=False, plain_background=True),
            int(data.labels[index]),
        )
        for index in indices
    ]


def table(predictions: Sequence[Prediction]) -> str:
    """Returns the predictions as text, one line each, and leaves out empty columns."""
    rows = []
    for prediction in predictions:
        (best, probability), *others = prediction.ranked()
        row = {
            "image": pictures.printable(prediction.name),
            "class": best,
            "probability": f"{probability:.1%}",
            "runners-up": ", ".join(f"{name} {probability:.1%}" for name, probability in others[:_RUNNERS_UP]),
            "true class": "" if prediction.true_class is None else prediction.class_names[prediction.true_class],
            "": "inverted" if prediction.inverted else "",
        }
        rows.append(row)
    filled = [name for name in rows[0] if any(row[name] for row in rows)]
    return tabulate([[row[name] for name in filled] for row in rows], filled, "plain", disable_numparse=True)


def plot(predictions: Sequence[Prediction], path: str | None = None) -> bytes:
    """Draws the first 40 images, each beside a bar chart of its probabilities.

    Returns:
      The content of a PNG file, which is written to the path, if there is one.
    """
    from cnn_estimator import plots

    plotted = predictions[:_MAX_PLOTTED]
    figure = plots.predictions(
        np.array([prediction.image for prediction in plotted]),
        np.array([prediction.probabilities for prediction in plotted]),
        plotted[0].class_names,
        [pictures.printable(os.path.basename(prediction.name)) for prediction in plotted],
        [prediction.true_class for prediction in plotted],
        "The network's input and its prediction",
    )
    if path is None:
        return plots.png(figure)
    if len(plotted) < len(predictions):
        log.warning("%s shows the first %d of %d images", path, len(plotted), len(predictions))
    return plots.save(figure, path)
