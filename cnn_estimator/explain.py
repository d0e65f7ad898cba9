"""Shows what a network sees: where in an image a decision comes from, the first layer's filters, the activations."""

import dataclasses
import logging
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from tabulate import tabulate

from cnn_estimator import layers, stopping
from cnn_estimator.data import pictures
from cnn_estimator.data.datasets import SIDE
from cnn_estimator.errors import UserError
from cnn_estimator.evaluation import PLOTS_FOLDER
from cnn_estimator.files import refuse_foreign, writing
from cnn_estimator.prediction import Prediction, Predictor, check_images, read_images, stack
from cnn_estimator.settings import check, check_optional_path, suggestion
from cnn_estimator.tf1 import tf

log = logging.getLogger("cnn_estimator")

GRAD_CAM = "grad_cam"
OCCLUSION = "occlusion"

_BATCH_SIZE = 100
_PATCH_SIDE = 5  # of the black square that occlusion moves over an image
_MAX_PLOTTED = 10
_PLOT_FILE = "explain.png"
# The ninths of an image, row by row.
_PARTS = ("top left", "top", "top right", "left", "centre", "right", "bottom left", "bottom", "bottom right")


@dataclasses.dataclass(frozen=True)
class Explanation:
    """Why the network predicts a class for one image.

    Attributes:
      class_index: the predicted class.
      class_name: the name of the predicted class.
      explained_class: the name of the class that the heat map is for.
      probabilities: float32 [classes].
      heat_map: float32 [28, 28] in 0..1, how much each place speaks for the explained class. The largest value is 1;
        all values are 0 if no place speaks for the class.
      activations: {name of a layer: float32 [H, W, C] of a convolution, or [units] of a dense layer}, in order.
    """

    class_index: int
    class_name: str
    explained_class: str
    probabilities: np.ndarray
    heat_map: np.ndarray = dataclasses.field(repr=False)
    activations: dict[str, np.ndarray] = dataclasses.field(repr=False)


class Explainer:
    """A trained model that is loaded once and explains many predictions. A context manager, like Predictor.

    The heat maps come from occlusion (Zeiler and Fergus 2014): a black square is moved over the image, and a place
    counts as much as the logit of a class falls when the square covers it. Or they are Grad-CAM (Selvaraju et al. 2017)
    on the last convolution, after its activation function, which is faster and says less.

        with Explainer("/tmp/fashion") as explainer:
            heat_map = explainer.explain(images)[0].heat_map

    Args:
      model_dir, checkpoint, recipe, precision, data_dir: see prediction.Predictor.
      method: OCCLUSION or GRAD_CAM.
      class_name: the class that all heat maps are for; None explains each image's predicted class.

    Attributes:
      settings, class_names, checkpoint, model_dir: see prediction.Predictor.
      layer: the name of the layer that Grad-CAM looks at, None for occlusion.

    Raises:
      UserError: there is no intact checkpoint, the checkpoint is of another model, the network has no convolution for
        Grad-CAM, or the run has no such class.
    """

    def __init__(
        self,
        model_dir: str | os.PathLike[str],
        *,
        checkpoint: str | os.PathLike[str] | int | None = None,
        recipe: str | None = None,
        precision: str = "float32",
        data_dir: str | os.PathLike[str] | None = None,
        method: str = OCCLUSION,
        class_name: str | None = None,
    ) -> None:
        self.method: str = check("method", method)
        self._predictor = Predictor(
            model_dir, checkpoint=checkpoint, recipe=recipe, precision=precision, data_dir=data_dir
        )
        self.settings = self._predictor.settings
        self.class_names = self._predictor.class_names
        self.checkpoint = self._predictor.checkpoint
        self.model_dir = self._predictor.model_dir
        graph = self._predictor.session.graph
        self._logits = layers.logits(graph)
        self._layers = layers.find(graph)
        self._fetched: dict[str, Any] = {"activations": {layer.name: layer.output for layer in self._layers}}
        self.layer = None
        try:
            self._explained = None if class_name is None else self._index(class_name)
            if method == GRAD_CAM:
                self.layer = self._fetch_gradient(graph)
        except UserError:
            self._predictor.__exit__()
            raise

    def _index(self, class_name: str) -> int:
        if class_name not in self.class_names:
            advice = suggestion(class_name, self.class_names)
            raise UserError(f"class_name {class_name!r}: {self.model_dir} has no such class, {advice}")
        return self.class_names.index(class_name)

    def _fetch_gradient(self, graph: tf.Graph) -> str:
        """Lets explain() fetch the gradient of the explained logit; returns the name of the layer behind it."""
        convolutions = [layer for layer in self._layers if layer.is_convolution]
        if not convolutions:
            raise UserError(
                f"method {GRAD_CAM}: network {self.settings.network} has no convolution",
                f"choose {{method}} {OCCLUSION}",
            )
        with graph.as_default():
            classes = self._predictor.outputs["classes"] if self._explained is None else self._explained
            explained = tf.one_hot(classes, self._logits.shape[1])
            (self._fetched["gradient"],) = tf.gradients(self._logits * explained, convolutions[-1].output)
        return convolutions[-1].name

    def __enter__(self) -> "Explainer":
        return self

    def __exit__(self, *exception: object) -> None:
        self._predictor.__exit__(*exception)

    @property
    def filters(self) -> np.ndarray:
        """The first layer's kernel, float32 [height, width, 1, filters]; of a dense layer [784, units]."""
        filters: np.ndarray = self._predictor.session.run(self._layers[0].kernel)
        return filters

    def explain(self, images: np.ndarray) -> list[Explanation]:
        """Returns an Explanation for each image.

        Args:
          images: float32 [N, 28, 28] in 0..1, bright objects on black.

        Raises:
          ValueError: the images have another shape or other values.
          UserError: a probability is NaN.
          Stopped: a stop signal came between two batches.
        """
        images = np.asarray(images, np.float32)
        predictions = self._predictor.predict(images)
        explained = predictions.classes if self._explained is None else np.full(len(images), self._explained)
        explanations = []
        for start in range(0, len(images), _BATCH_SIZE):
            stopping.check()
            batch = slice(start, start + _BATCH_SIZE)
            fetched = self._run(self._fetched, images[batch])
            activations = fetched["activations"]
            if self.layer:
                heat_maps = enlarge(grad_cam(activations[self.layer], fetched["gradient"]))
            else:
                heat_maps = self._occlusion(images[batch], explained[batch])
            for row, heat_map in enumerate(scale_to_one(heat_maps)):
                class_index = int(predictions.classes[start + row])
                explanations.append(
                    Explanation(
                        class_index,
                        self.class_names[class_index],
                        self.class_names[explained[start + row]],
                        predictions.probabilities[start + row],
                        heat_map,
                        {name: values[row].copy() for name, values in activations.items()},
                    )
                )
        return explanations

    def _run(self, fetches: Any, images: np.ndarray) -> Any:
        return self._predictor.session.run(fetches, {self._predictor.inputs["x"]: images})

    def _occlusion(self, images: np.ndarray, classes: np.ndarray) -> np.ndarray:
        """Returns float32 [N, 28, 28]: how far the logit of the class falls with a black square around a pixel."""
        logits = self._run(self._logits, images)
        heat_maps = []
        for image, class_index, image_logits in zip(images, classes, logits, strict=True):
            stopping.check()
            covered_logits = self._run(self._logits, cover(image))[:, class_index]
            heat_maps.append((image_logits[class_index] - covered_logits).reshape(SIDE, SIDE))
        return np.maximum(heat_maps, 0)


@dataclasses.dataclass(frozen=True)
class ExplainedImage:
    """One image of explain_images(): what the network predicts, and why."""

    prediction: Prediction
    explanation: Explanation

    def record(self) -> dict[str, Any]:
        """Returns the prediction and its heat map as a JSON object."""
        part, share = heaviest_part(self.explanation.heat_map)
        return {
            **self.prediction.record(),
            "explained_class": self.explanation.explained_class,
            "heaviest_part": part,
            "heaviest_part_share": share,
            "heat_map": [[round(float(value), 4) for value in row] for row in self.explanation.heat_map],
        }


@dataclasses.dataclass(frozen=True)
class Result:
    """What explain_images() returns.

    Attributes:
      images: list of ExplainedImage, for files first.
      problems: one str for each file that cannot be read. It names the file and the problem.
      filters: see Explainer.filters.
      method: GRAD_CAM or OCCLUSION.
      model_dir: the folder of the run.
    """

    images: list[ExplainedImage]
    problems: list[str]
    filters: np.ndarray
    method: str
    model_dir: str

    def _ipython_display_(self) -> None:
        """Shows the problems and the images: the first 10 as pictures in a notebook, all as a table elsewhere."""
        from IPython.display import display

        if self.images:
            display({"image/png": plot(self), "text/plain": table(self)}, raw=True)
        if self.problems:
            display({"text/plain": "\n".join(self.problems)}, raw=True)


def explain_images(
    model_dir: str | os.PathLike[str],
    paths: Sequence[str | os.PathLike[str]] | str | os.PathLike[str] = (),
    test_indices: Sequence[int] = (),
    *,
    checkpoint: str | os.PathLike[str] | int | None = None,
    recipe: str | None = None,
    precision: str = "float32",
    data_dir: str | os.PathLike[str] | None = None,
    invert: str = "auto",
    method: str = OCCLUSION,
    class_name: str | None = None,
) -> Result:
    """Explains the predictions for image files and for test images.

    Arguments and errors: see prediction.predict(), and Explainer for the method and the class. Only the first 10
    explanations have activations.
    """
    data_dir = check_optional_path("data_dir", data_dir)
    paths, test_indices = check_images(paths, test_indices, invert)
    with Explainer(
        model_dir,
        checkpoint=checkpoint,
        recipe=recipe,
        precision=precision,
        data_dir=data_dir,
        method=method,
        class_name=class_name,
    ) as explainer:
        inputs, problems = read_images(paths, test_indices, explainer.settings, data_dir=data_dir, invert=invert)
        images = [
            ExplainedImage(each.predicted(explanation.probabilities, explainer.class_names), explanation)
            for each, explanation in zip(inputs, explainer.explain(stack(inputs)), strict=True)
        ]
        for image in images[_MAX_PLOTTED:]:
            image.explanation.activations.clear()  # they are not drawn, and take 180 kB for an image of fashion_cnn
        return Result(images, problems, explainer.filters, explainer.method, explainer.model_dir)


def table(result: Result) -> str:
    """Returns the explained images as text, one line each, and leaves out empty columns."""
    rows = []
    for image in result.images:
        explanation = image.explanation
        true_class = image.prediction.true_class
        part, share = heaviest_part(explanation.heat_map)
        is_predicted = explanation.explained_class == explanation.class_name
        rows.append(
            {
                "image": pictures.printable(image.prediction.name),
                "class": explanation.class_name,
                "probability": f"{explanation.probabilities[explanation.class_index]:.1%}",
                "explained": "" if is_predicted else explanation.explained_class,
                "heat map": f"{part} {share:.0%}" if part else "empty",
                "true class": "" if true_class is None else image.prediction.class_names[true_class],
                "": "inverted" if image.prediction.inverted else "",
            }
        )
    filled = [name for name in rows[0] if any(row[name] for row in rows)]
    return tabulate([[row[name] for name in filled] for row in rows], filled, "plain", disable_numparse=True)


def heaviest_part(heat_map: np.ndarray) -> tuple[str | None, float]:
    """Returns the ninth of the image with the most weight of a heat map, and its share of the weight in 0..1.

    An even map has a share of 0.13 in the centre. Returns (None, 0.0) for a map of zeros.
    """
    total = heat_map.sum(dtype=np.float64)
    if not total:
        return None, 0.0
    edges = (0, 9, 19)
    parts = np.add.reduceat(np.add.reduceat(heat_map, edges, axis=0), edges, axis=1).ravel()
    heaviest = int(parts.argmax())
    return _PARTS[heaviest], float(parts[heaviest] / total)


def plot(result: Result, path: str | None = None) -> bytes:
    """Draws the first layer's filters, and the first 10 images with their heat maps and activations.

    Returns:
      The content of a PNG file, which is written to the path, if there is one.

    Raises:
      UserError: the file cannot be written.
    """
    from cnn_estimator import plots

    plotted = result.images[:_MAX_PLOTTED]
    where = "Grad-CAM on the last convolution" if result.method == GRAD_CAM else "occlusion"
    figure = plots.explanations(
        filter_images(result.filters),
        [image.prediction.image for image in plotted],
        [image.explanation.heat_map for image in plotted],
        [image.explanation.activations for image in plotted],
        [image.explanation.probabilities for image in plotted],
        [image.explanation.explained_class for image in plotted],
        plotted[0].prediction.class_names,
        [pictures.printable(os.path.basename(image.prediction.name)) for image in plotted],
        [image.prediction.true_class for image in plotted],
        f"Where the decisions come from: heat maps by {where}",
    )
    if path is None:
        return plots.png(figure)
    if len(plotted) < len(result.images):
        log.warning("%s shows the first %d of %d images", path, len(plotted), len(result.images))
    return plots.save(figure, path)


def default_plot_path(model_dir: str) -> str:
    """Returns the path of the plot in a model_dir; raises UserError if it is another user's, as evaluate() does."""
    folder = os.path.join(model_dir, PLOTS_FOLDER)
    with writing(f"folder {folder}"):
        refuse_foreign(model_dir)
    return os.path.join(folder, _PLOT_FILE)


def filter_images(filters: np.ndarray) -> np.ndarray:
    """Returns a first layer's kernel as images [filters, height, width]."""
    if filters.ndim == 2:  # a dense layer has a weight for each pixel
        return filters.T.reshape(-1, SIDE, SIDE)
    return np.moveaxis(filters.mean(axis=2), -1, 0)


def grad_cam(activations: np.ndarray, gradients: np.ndarray) -> np.ndarray:
    """Returns the maps of Grad-CAM, float32 [N, H, W], not negative.

    Each channel weighs as much as its mean gradient; the map is the weighted sum of the channels where it is positive.

    Args:
      activations: float32 [N, H, W, C], the output of a convolution.
      gradients: float32 [N, H, W, C], of the logit of each image's class with respect to the activations.
    """
    weights = gradients.mean(axis=(1, 2))
    return np.maximum(np.einsum("nhwc,nc->nhw", activations, weights), 0)


def enlarge(maps: np.ndarray) -> np.ndarray:
    """Returns maps [N, H, W] as float32 [N, 28, 28], interpolated linearly between the centres of their cells."""
    down = _interpolation(maps.shape[1])
    across = _interpolation(maps.shape[2])
    return np.einsum("yh,nhw,xw->nyx", down, maps, across).astype(np.float32)


def _interpolation(cells: int) -> np.ndarray:
    """Returns float64 [28, cells]: the weights of the cells of a row at each of 28 pixels. Each pixel's sum is 1."""
    places = (np.arange(SIDE) + 0.5) * cells / SIDE - 0.5
    return np.array([np.interp(places, np.arange(cells), cell) for cell in np.eye(cells)]).T


def scale_to_one(maps: np.ndarray) -> np.ndarray:
    """Returns maps [N, H, W] as float32, each divided by its largest value; a map of zeros stays one."""
    largest = np.max(maps, axis=(1, 2), keepdims=True)
    return np.divide(maps, largest, out=np.zeros_like(maps, np.float32), where=largest > 0)


def cover(image: np.ndarray) -> np.ndarray:
    """Returns float32 [28 * 28, 28, 28]: the image with a black square around each of its pixels in turn."""
    reach = _PATCH_SIDE // 2
    near = np.abs(np.subtract.outer(np.arange(SIDE), np.arange(SIDE))) <= reach
    squares = near[:, None, :, None] & near[None, :, None, :]
    return np.where(squares.reshape(-1, SIDE, SIDE), np.float32(0), image)
