"""GRU cells with the variables of TensorFlow 1's GRU kernel, which has no gradient in TensorFlow 2."""

from typing import Any

import tensorflow.compat.v1 as tf  # type: ignore[import-untyped]

LayerRNNCell = tf.nn.rnn_cell.BasicLSTMCell.__base__


class GRUBlockCell(LayerRNNCell):  # type: ignore[misc, valid-type]  # it has no stubs
    """A GRU cell. Its variables are w_ru, b_ru, w_c and b_c."""

    _VARIABLES: tuple[str, ...] = ("w_ru", "b_ru", "w_c", "b_c")

    def __init__(
        self,
        num_units: int | None = None,
        cell_size: int | None = None,
        reuse: bool | None = None,
        name: str = "gru_cell",
    ) -> None:
        """cell_size: the old name of num_units."""
        super().__init__(_reuse=reuse, name=name)
        if (num_units is None) == (cell_size is None):
            raise ValueError("give one of num_units and cell_size")
        self._units: Any = cell_size if num_units is None else num_units

    @property
    def state_size(self) -> Any:
        return self._units

    @property
    def output_size(self) -> Any:
        return self._units

    def build(self, input_shape: Any) -> None:
        joined = int(input_shape[1]) + self._units
        gate_kernel, gate_bias, candidate_kernel, candidate_bias = self._VARIABLES
        self._gate_kernel = self.add_weight(gate_kernel, [joined, 2 * self._units])
        self._gate_bias = self.add_weight(gate_bias, [2 * self._units], initializer=tf.ones_initializer())
        self._candidate_kernel = self.add_weight(candidate_kernel, [joined, self._units])
        self._candidate_bias = self.add_weight(candidate_bias, [self._units], initializer=tf.zeros_initializer())
        self.built = True

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        gates = tf.sigmoid(tf.matmul(tf.concat([inputs, state], 1), self._gate_kernel) + self._gate_bias)
        reset, update = tf.split(gates, 2, 1)
        joined = tf.concat([inputs, reset * state], 1)
        candidate = tf.tanh(tf.matmul(joined, self._candidate_kernel) + self._candidate_bias)
        output = update * state + (1 - update) * candidate
        return output, output


class GRUBlockCellV2(GRUBlockCell):
    """A GRU cell with the variable names of tf.nn.rnn_cell.GRUCell."""

    _VARIABLES = ("gates/kernel", "gates/bias", "candidate/kernel", "candidate/bias")
