"""Fills a Keras model with the variables of a TensorFlow 1 checkpoint, in a plain Keras process.

    model = keras.Sequential([...])  # the layers that the checkpoint's model_fn had
    print(cnn_estimator.keras_weights.load(model, "/tmp/old_model_dir"))
    model.save("model.keras")

This package switches no bridge on.
"""

import dataclasses
import os
from collections.abc import Mapping
from typing import Any

from cnn_estimator.errors import UserError
from cnn_estimator.keras_weights import calls, pairing, variables
from cnn_estimator.keras_weights.cells import Shape

_CELL_KINDS = {4: "lstm", 3: "gru", 1: "simple"}


@dataclasses.dataclass(frozen=True)
class Pair:
    """A weight of the model and where its values came from.

    Attributes:
      weight: its path, without the name of the model.
      variable: the name in the checkpoint; several names if Keras has one weight for several variables.
      shape: the weight's.
      rule: what decided: names, scope, layer (the same scope as another weight of the layer), shape (no other one has
        it) or order (of the calls, for layers that have the same shapes).
      note: what was added to the variable, such as the forget_bias of an LSTM cell.
    """

    weight: str
    variable: str
    shape: Shape
    rule: str
    note: str = ""


@dataclasses.dataclass(frozen=True)
class Report:
    """What load() did. str() is a table.

    Attributes:
      pairs: one for each weight of the model, in the model's order.
      left: the variables of the checkpoint that no weight took, with the averages of tf.train.ExponentialMovingAverage,
        but without slots of optimizers and counters of steps.
    """

    pairs: tuple[Pair, ...]
    left: tuple[str, ...]

    def __str__(self) -> str:
        from tabulate import tabulate

        rows = [
            (pair.weight, pair.variable, pair.shape, ", ".join(filter(None, (pair.rule, pair.note))))
            for pair in self.pairs
        ]
        table = tabulate(rows, ("weight", "variable", "shape", "paired by"), "plain", disable_numparse=True)
        return f"{table}\nleft in the checkpoint: {', '.join(self.left) or 'nothing'}"


def load(
    model: Any,
    checkpoint: str | os.PathLike[str],
    names: Mapping[str, str] | None = None,
    *,
    forget_bias: float = 1.0,
) -> Report:
    """Gives each weight of a Keras model the value of its variable in a TensorFlow 1 checkpoint.

    The names of layers, their order and the shapes tell which variable is which. Gates of LSTM and GRU cells are
    brought into Keras's order. All weights are set, or none. What is not certain is an error, until names says it.

    Args:
      model: a keras.Model that has its weights: build it, or call it once.
      checkpoint: a checkpoint such as "/tmp/old_model_dir/model.ckpt-1500", or a model_dir, for its newest checkpoint.
      names: {path of a layer or weight of the model: scope or variable of the checkpoint}, where the names differ too
        much. Paths of layers include all that is below them. A path does not begin with the model's name.
      forget_bias: what the checkpoint's LSTM cells add to their forget gates when they run; 1 is the default of
        TensorFlow 1's cells. It becomes a part of Keras's bias.

    Raises:
      UserError: a weight has no variable or may be several, or the checkpoint cannot be used. The table names each
        weight and its candidates.
    """
    names = names or {}
    weights = _weights_of(model, names)
    reader = _open(os.fspath(checkpoint))
    shapes = {name: tuple(shape) for name, shape in reader.get_variable_to_shape_map().items()}
    if any("/.ATTRIBUTES/" in name for name in shapes):
        raise UserError(f"{checkpoint} is no checkpoint of TensorFlow 1", "load it with tf.train.Checkpoint or Keras")
    for name in names.values():
        if not any(f"{known}/".startswith(f"{name}/") for known in shapes):
            raise UserError(f"names has {name!r}, and {checkpoint} has no such scope or variable")
    known = variables.without_slots(shapes)
    requested = {name for name in names.values() if name in shapes}  # also moving averages
    in_keras = variables.in_keras_layout(
        {name: shapes[name] for name in sorted({*known, *requested})}, _cells_of(weights, shapes), forget_bias
    )
    matches = pairing.pair(weights, sorted(in_keras, key=lambda variable: variable.name))
    variable_of = {match.weight.path: match for match in matches}
    if len(matches) < len(weights):
        raise _ambiguous(weights, variable_of, in_keras)
    arrays = []
    for weight in weights:
        variable = variable_of[weight.path].variable
        values = [reader.get_tensor(name) for name in variable.sources]
        arrays.append((variable.convert(*values) if variable.convert else values[0]).reshape(weight.shape))
    for target, array in zip(model.weights, arrays, strict=True):
        target.assign(array)
    pairs = (variable_of[weight.path] for weight in weights)
    taken = {source for match in matches for source in match.variable.sources}
    return Report(
        tuple(Pair(m.weight.path, m.variable.name, m.weight.shape, m.rule, m.variable.note) for m in pairs),
        tuple(name for name in sorted({*known, *variables.moving_averages(shapes)}) if name not in taken),
    )


def _weights_of(model: Any, names: Mapping[str, str]) -> list[pairing.Weight]:
    """Returns the weights of a model. Raises UserError if it has none, or if names has a path that no weight has."""
    # Keras 2 has no paths, and calls a weight dense/kernel:0.
    paths = [getattr(weight, "path", weight.name).partition(":")[0] for weight in model.weights]
    paths = [path.removeprefix(f"{model.name}/") for path in paths]
    unbuilt = [layer.name for layer in getattr(model, "layers", []) if not layer.built]
    if not paths or unbuilt:
        missing = f"layer {unbuilt[0]} has" if paths else "the model has"
        raise UserError(f"{missing} no weights yet", "call the model once, or build it with the shape of its input")
    for name in names:
        if not any(f"{path}/".startswith(f"{name}/") for path in paths):
            raise UserError(
                f"names has {name!r}, and the model has no such layer or weight", f"it has {', '.join(paths)}"
            )
    shapes = [tuple(weight.shape) for weight in model.weights]
    automatic = calls.automatic_names(model)
    rows = zip(paths, shapes, calls.orders(model, paths), strict=True)
    return [pairing.weight_of(*row, names, automatic) for row in rows]


def _cells_of(weights: list[pairing.Weight], shapes: Mapping[str, Shape]) -> dict[str, str]:
    """Returns the kinds of the recurrent layers whose scope, or whose kernel, the user named."""
    return {
        weight.below.rpartition("/")[0] if weight.below in shapes else weight.below: _CELL_KINDS[
            weight.shape[1] // weight.shape[0]
        ]
        for weight in weights
        if weight.below and weight.role == "recurrent_kernel" and len(weight.shape) == 2
    }


def _open(path: str) -> Any:
    """Returns TensorFlow's reader of a checkpoint, or of the newest one in a folder."""
    import tensorflow

    checkpoint = tensorflow.train.latest_checkpoint(path) if os.path.isdir(path) else path
    if not checkpoint or not tensorflow.io.gfile.exists(f"{checkpoint}.index"):
        raise UserError(f"{path} has no checkpoint", "name a model_dir, or a checkpoint such as model.ckpt-1500")
    return tensorflow.train.load_checkpoint(checkpoint)


def _ambiguous(
    weights: list[pairing.Weight], variable_of: Mapping[str, pairing.Match], in_keras: list[variables.Variable]
) -> UserError:
    taken = [match.variable for match in variable_of.values()]
    left = [variable for variable in in_keras if variable not in taken]
    rows = []
    for weight in weights:
        if weight.path in variable_of:
            found = variable_of[weight.path].variable.name
        else:
            possible = sorted({variable.name for variable in pairing.candidates(weight, left)})
            found = f"? one of {', '.join(possible)}" if possible else "? none has this shape"
        rows.append((weight.path, weight.shape, found))
    left_names = ", ".join(sorted({variable.name for variable in left})) or "nothing"
    missing = [weight.path for weight in weights if weight.path not in variable_of]
    return UserError(
        f"{len(missing)} of {len(weights)} weights have no certain variable, the first is {missing[0]}",
        "give {names}: layers or weights of the model, with their scopes or variables in the checkpoint",
        [("weight", "shape", "variable"), *rows, ("", "", f"left: {left_names}")],
    )
