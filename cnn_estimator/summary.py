"""The layers of a network, read from its graph: names, shapes, weights."""

import dataclasses
import math
import os
from collections.abc import Sequence

from tabulate import tabulate

from cnn_estimator import layers, model
from cnn_estimator.data import datasets
from cnn_estimator.data.datasets import SIDE
from cnn_estimator.errors import UserError
from cnn_estimator.recipes import DEFAULT
from cnn_estimator.run_dir.run import RunDir
from cnn_estimator.settings import Settings, check_optional_path, find_recipe, make_settings
from cnn_estimator.tf1 import tf


@dataclasses.dataclass(frozen=True)
class Layer:
    """One layer.

    Attributes:
      name: the name of its operations in the graph, before the first "/".
      shape: the shape of its output, with None for the batch; None for variables without an operation of their name.
      weights: {name: shape} of its variables.
    """

    name: str
    shape: tuple[int | None, ...] | None
    weights: dict[str, tuple[int, ...]]

    @property
    def parameters(self) -> int:
        """The number of its weights and biases."""
        return sum(map(math.prod, self.weights.values()))


@dataclasses.dataclass(frozen=True)
class Summary:
    """What summarize() returns.

    Attributes:
      settings: the settings whose network it is.
      layers: the layers from the images to the logits, in the order of the graph.
    """

    settings: Settings
    layers: Sequence[Layer]

    def __str__(self) -> str:
        rows = [
            [
                layer.name,
                "" if layer.shape is None else str(layer.shape),
                ", ".join(f"{name} {'x'.join(map(str, shape))}" for name, shape in layer.weights.items()),
                f"{layer.parameters:,}",
            ]
            for layer in self.layers
        ]
        head = ["layer", "output shape", "weights", "parameters"]
        table = tabulate(rows, head, "plain", disable_numparse=True, colalign=("left", "left", "left", "right"))
        parameters = sum(layer.parameters for layer in self.layers)
        title = f"network {self.settings.network} of recipe {self.settings.recipe}"
        return f"{title}: {parameters:,} parameters\n\n{table}"


def summarize(
    model_dir: str | os.PathLike[str] | None = None,
    recipe: str | None = None,
    *,
    data_dir: str | os.PathLike[str] | None = None,
) -> Summary:
    """Returns the Summary of the network that a model_dir holds, or of a recipe's network.

    Args:
      model_dir: a folder that was trained in; None takes the recipe.
      recipe: a key of recipes.RECIPES; a model_dir without a settings file needs it.
      data_dir: the data that has the class names, see datasets.load.

    Raises:
      UserError: there is no such folder or recipe, or the model_dir holds another recipe.
    """
    model_dir = check_optional_path("model_dir", model_dir)
    data_dir = check_optional_path("data_dir", data_dir)
    if model_dir is None:
        recipe = recipe or DEFAULT
        class_names = datasets.class_names(find_recipe(recipe).dataset, data_dir)
        settings = make_settings(recipe, seed=0, class_names=class_names)
    elif os.path.isdir(model_dir):
        settings = RunDir(model_dir).load_settings(recipe, data_dir)
    else:
        raise UserError(f"model_dir {model_dir} is no folder", "name another {model_dir}, or a {recipe} in its place")
    return Summary(settings, find_layers(settings))


def find_layers(settings: Settings) -> list[Layer]:
    """Returns the layers of the network of some settings."""
    with tf.Graph().as_default() as graph:
        images = tf.placeholder(tf.float32, [None, SIDE, SIDE])
        model.model_fn({"x": images}, None, tf.estimator.ModeKeys.PREDICT, settings)
        shapes: dict[str, tuple[int | None, ...] | None] = {}
        for operation in _operations_between(images, layers.logits(graph)):
            shapes[_layer(operation.name)] = tuple(operation.outputs[0].shape.as_list())  # the last one's stays
        weights: dict[str, dict[str, tuple[int, ...]]] = {name: {} for name in shapes}
        for variable in tf.global_variables():
            layer, _, name = variable.op.name.partition("/")
            weights.setdefault(layer, {})[name or layer] = tuple(variable.shape.as_list())
    return [Layer(name, shapes.get(name), of_layer) for name, of_layer in weights.items()]


def _layer(name: str) -> str:
    return name.partition("/")[0]


def _operations_between(first: tf.Tensor, last: tf.Tensor) -> list[tf.Operation]:
    """Returns the operations that need one tensor and that another tensor needs, in the order of the graph."""
    needed = layers.operations_above(last.op)
    reached = {first.op}
    between = []
    for operation in first.graph.get_operations():
        if any(tensor.op in reached for tensor in operation.inputs):
            reached.add(operation)
            if operation in needed:
                between.append(operation)
    return between
