"""The variables of a TensorFlow 1 checkpoint, in the layout that the weights of Keras layers have."""

import dataclasses
import re
from collections.abc import Collection, Mapping

from cnn_estimator.keras_weights import cells
from cnn_estimator.keras_weights.cells import Convert, Shape

# What a variable can be in a Keras layer, by the last part of its name.
_ROLES = {
    **dict.fromkeys(("weights", "weight", "w"), ("kernel", "embeddings")),
    **dict.fromkeys(("bias", "biases", "bias_weights", "b"), ("bias",)),
    "embeddings": ("embeddings",),
    "embedding_weights": ("embeddings", "kernel"),  # an embedding is a dense layer of a one-hot vector
    **dict.fromkeys(("depthwise_kernel", "depthwise_weights"), ("depthwise_kernel", "kernel")),
    **dict.fromkeys(("pointwise_kernel", "pointwise_weights"), ("pointwise_kernel",)),
    **{name: (name,) for name in ("kernel", "recurrent_kernel", "beta", "gamma", "moving_mean", "moving_variance")},
}
_COUNTER = re.compile(r"(.*/)?(global_step|beta[12]_power(_\d+)?)")
_INSIDE_GRU = re.compile(r"/(gates|candidate)(/\w+_projection)?$")
_CELLS = {
    "lstm": re.compile(r"(basic_|cudnn_compatible_)?lstm(_block|_fused)?_cell(_\d+)?"),
    "gru": re.compile(r"(cudnn_compatible_)?gru(_block)?_cell(_v2)?(_\d+)?"),
    "simple": re.compile(r"(basic_)?rnn_cell(_\d+)?"),
}


@dataclasses.dataclass(frozen=True)
class Variable:
    """A variable of the checkpoint, or the part of a recurrent cell that is one weight in Keras.

    Attributes:
      name: as in the checkpoint; several names with commas if Keras has one weight for several variables.
      scope: the name of its layer; the whole name if the last part of the name tells no role.
      roles: the names that the weight can have in a Keras layer. None: any name.
      shape: as in Keras.
      sources: the names of the variables in the checkpoint.
      convert: makes the weight of the arrays of the sources; None for a variable that Keras has as it is.
      note: what the conversion adds.
    """

    name: str
    scope: str
    roles: tuple[str, ...] | None
    shape: Shape
    sources: tuple[str, ...]
    convert: Convert | None = None
    note: str = ""


def without_slots(names: Collection[str]) -> list[str]:
    """Returns the names of the model's variables, without slots of optimizers, moving averages and counters of steps.

    A slot has the name of its variable inside its own name, as dense/kernel/Adam and training/Adam/dense/kernel/m.
    """
    return sorted(name for name in names if not _is_slot(name, names) and not _COUNTER.fullmatch(name))


def moving_averages(names: Collection[str]) -> list[str]:
    """Returns the averages that tf.train.ExponentialMovingAverage kept."""
    return sorted(name for name in names if name.endswith("/ExponentialMovingAverage"))


def _is_slot(name: str, names: Collection[str]) -> bool:
    parts = name.split("/")
    prefixes = ["/".join(parts[:end]) for end in range(1, len(parts))]
    inner = ["/".join(parts[start:end]) for end in range(len(parts)) for start in range(1, end - 1)]
    return any(part in names for part in prefixes + inner)


def in_keras_layout(shapes: Mapping[str, Shape], kinds: Mapping[str, str], forget_bias: float) -> list[Variable]:
    """Returns the variables, with the cells of tf.nn.rnn_cell and tf.contrib.rnn as Keras's recurrent layers have them.

    Args:
      shapes: {name: shape} of the model's variables.
      kinds: {scope: lstm, gru or simple} of cells whose scope does not tell what they are.
      forget_bias: what LSTM cells add to their forget gates when they run.
    """
    variables = []
    in_cells: set[str] = set()
    for scope in sorted({_INSIDE_GRU.sub("", name.rpartition("/")[0]) for name in shapes}):
        kind = kinds.get(scope) or _kind(scope)
        added = 0.0 if "cudnn_compatible" in scope else forget_bias
        for weight in _weights(kind, scope, shapes, added):
            sources = tuple(f"{scope}/{source}" for source in weight.sources)
            in_cells.update(sources)
            name = ", ".join(sources)
            note = f"forget_bias {added} added" if kind == "lstm" and weight.role == "bias" else ""
            variables.append(Variable(name, scope, (weight.role,), weight.shape, sources, weight.convert, note))
    return variables + [_plain(name, shapes[name]) for name in shapes if name not in in_cells]


def _kind(scope: str) -> str | None:
    cell = scope.rpartition("/")[2]
    return next((kind for kind, pattern in _CELLS.items() if pattern.fullmatch(cell)), None)


def _weights(kind: str | None, scope: str, shapes: Mapping[str, Shape], forget_bias: float) -> list[cells.Weight]:
    if kind is None:
        return []
    inside = {name.removeprefix(f"{scope}/"): shape for name, shape in shapes.items() if name.startswith(f"{scope}/")}
    if kind == "lstm":
        return cells.lstm(inside, forget_bias)
    return cells.gru(inside) if kind == "gru" else cells.simple(inside)


def _plain(name: str, shape: Shape) -> Variable:
    scope, _, last = name.rpartition("/")
    if last in _ROLES:
        return Variable(name, scope, _ROLES[last], shape, (name,))
    roles = _ROLES.get(re.sub(r"_?\d+$", "", last).lower())
    if roles is None and "embedding" in last:
        roles = ("embeddings",)
    return Variable(name, name, roles, shape, (name,))
