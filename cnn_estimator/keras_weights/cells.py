"""The recurrent cells of TensorFlow 1 as the three weights of a recurrent Keras layer.

A cell of TensorFlow 1 has one matrix for its inputs and its state, and Keras has two. Their gates have other orders.
"""

import dataclasses
from collections.abc import Callable, Mapping

import numpy as np

Shape = tuple[int, ...]
Convert = Callable[..., np.ndarray]

# The names inside the scope of a cell, as the releases of TensorFlow 1 had them.
_KERNEL_AND_BIAS = (("kernel", "bias"), ("weights", "biases"))
_GRU_NAMES = (
    ("gates/kernel", "candidate/kernel", "gates/bias", "candidate/bias"),
    ("gates/weights", "candidate/weights", "gates/biases", "candidate/biases"),
    ("w_ru", "w_c", "b_ru", "b_c"),
)
_RESET_AFTER_NAMES = (
    *("gates/kernel", "candidate/input_projection/kernel", "candidate/hidden_projection/kernel"),
    *("gates/bias", "candidate/input_projection/bias", "candidate/hidden_projection/bias"),
)


@dataclasses.dataclass(frozen=True)
class Weight:
    """A weight of a recurrent Keras layer.

    Attributes:
      role: its name in Keras.
      sources: the names inside the scope of the cell that it is made of.
      convert: makes it of their arrays.
    """

    role: str
    shape: Shape
    sources: tuple[str, ...]
    convert: Convert


def lstm(shapes: Mapping[str, Shape], forget_bias: float) -> list[Weight]:
    """Returns the weights of an LSTM cell; none if it has more variables than Keras's cell, such as peepholes.

    Args:
      shapes: {name inside the scope: shape}.
      forget_bias: what the cell adds to its forget gate when it runs.
    """

    def reorder(array: np.ndarray) -> np.ndarray:
        in_gate, new_input, forget, output = np.split(array, 4, axis=-1)
        return np.concatenate([in_gate, forget, new_input, output], axis=-1)

    def reorder_bias(array: np.ndarray) -> np.ndarray:
        in_gate, forget, new_input, output = np.split(reorder(array), 4)
        return np.concatenate([in_gate, forget + np.float32(forget_bias), new_input, output])

    return _one_matrix(shapes, 4, reorder, reorder_bias)


def simple(shapes: Mapping[str, Shape]) -> list[Weight]:
    """Returns the weights of a BasicRNNCell."""
    return _one_matrix(shapes, 1, np.array, np.array)


def _one_matrix(shapes: Mapping[str, Shape], gates: int, convert: Convert, convert_bias: Convert) -> list[Weight]:
    names = next((names for names in _KERNEL_AND_BIAS if {*names} == {*shapes}), None)
    if names is None or len(shapes[names[0]]) != 2:
        return []
    kernel, bias = names
    rows, columns = shapes[kernel]
    units = columns // gates
    inputs = rows - units
    return [
        Weight("kernel", (inputs, columns), (kernel,), lambda array: convert(array[:inputs])),
        Weight("recurrent_kernel", (units, columns), (kernel,), lambda array: convert(array[inputs:])),
        Weight("bias", (columns,), (bias,), convert_bias),
    ]


def gru(shapes: Mapping[str, Shape]) -> list[Weight]:
    """Returns the weights of a GRU cell: of a CudnnCompatibleGRUCell with reset_after=True, of others without it."""
    if {*shapes} == {*_RESET_AFTER_NAMES}:
        return _gru_reset_after(shapes)
    names = next((names for names in _GRU_NAMES if {*names} == {*shapes}), None)
    if names is None:
        return []
    units = shapes[names[1]][1]
    inputs = shapes[names[1]][0] - units
    return [
        Weight("kernel", (inputs, 3 * units), names[:2], lambda gates, new: _gates(gates[:inputs], new[:inputs])),
        Weight(
            "recurrent_kernel", (units, 3 * units), names[:2], lambda gates, new: _gates(gates[inputs:], new[inputs:])
        ),
        Weight("bias", (3 * units,), names[2:], _gates),
    ]


def _gru_reset_after(shapes: Mapping[str, Shape]) -> list[Weight]:
    gates, new_input, new_state, *biases = _RESET_AFTER_NAMES
    inputs, units = shapes[new_input]

    def bias(gates: np.ndarray, new_input: np.ndarray, new_state: np.ndarray) -> np.ndarray:
        return np.stack([_gates(gates, new_input), _gates(np.zeros_like(gates), new_state)])

    return [
        Weight("kernel", (inputs, 3 * units), (gates, new_input), lambda gates, new: _gates(gates[:inputs], new)),
        Weight(
            "recurrent_kernel", (units, 3 * units), (gates, new_state), lambda gates, new: _gates(gates[inputs:], new)
        ),
        Weight("bias", (2, 3 * units), tuple(biases), bias),
    ]


def _gates(reset_and_update: np.ndarray, new: np.ndarray) -> np.ndarray:
    """Returns the gates of a GRU in Keras's order: update, reset, new state."""
    reset, update = np.split(reset_and_update, 2, axis=-1)
    return np.concatenate([update, reset, new], axis=-1)
