"""LSTM cells and other gated cells."""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf  # type: ignore[import-untyped]

from cnn_estimator.tf1.contrib.rnn.ops.core_rnn_cell import _linear

LayerRNNCell = tf.nn.rnn_cell.BasicLSTMCell.__base__
LSTMStateTuple = tf.nn.rnn_cell.LSTMStateTuple


class _Cell(tf.nn.rnn_cell.RNNCell):
    """The base: a cell whose state and output are [B, num_units]."""

    def __init__(self, num_units: int, reuse: bool | None = None) -> None:
        super().__init__(_reuse=reuse)
        self._units = num_units

    @property
    def state_size(self) -> Any:
        return self._units

    @property
    def output_size(self) -> int:
        return self._units


class _LSTMCell(_Cell):
    """The base of LSTM cells, whose output may be a linear function of the cell state."""

    def __init__(self, num_units: int, reuse: bool | None = None, num_proj: int | None = None) -> None:
        """num_proj: the number of outputs. None: num_units."""
        super().__init__(num_units, reuse)
        self._num_proj = num_proj

    @property
    def state_size(self) -> Any:
        return LSTMStateTuple(self._units, self.output_size)

    @property
    def output_size(self) -> int:
        return self._num_proj or self._units


def _normalized(values: Any, name: str, gain: float, shift: float) -> Any:
    """Returns values [B, units] with layer normalization, whose variables are in the scope `name`."""
    units = values.shape[-1]
    with tf.variable_scope(name):
        gamma = tf.get_variable("gamma", [units], values.dtype, tf.constant_initializer(gain))
        beta = tf.get_variable("beta", [units], values.dtype, tf.constant_initializer(shift))
    mean, variance = tf.nn.moments(values, [1], keepdims=True)
    return tf.nn.batch_normalization(values, mean, variance, beta, gamma, 1e-12)


class LayerNormBasicLSTMCell(_LSTMCell):
    """An LSTM cell with layer normalization of its gates and state, and dropout of the input to the state."""

    def __init__(
        self,
        num_units: int,
        forget_bias: float = 1.0,
        input_size: None = None,
        activation: Any = tf.tanh,
        layer_norm: bool = True,
        norm_gain: float = 1.0,
        norm_shift: float = 0.0,
        dropout_keep_prob: Any = 1.0,
        dropout_prob_seed: int | None = None,
        reuse: bool | None = None,
    ) -> None:
        """input_size: not used."""
        super().__init__(num_units, reuse)
        self._forget_bias = forget_bias
        self._activation = activation
        self._layer_norm = layer_norm
        self._norm = norm_gain, norm_shift
        self._keep = dropout_keep_prob
        self._seed = dropout_prob_seed

    def _maybe_normalized(self, values: Any, name: str) -> Any:
        return _normalized(values, name, *self._norm) if self._layer_norm else values

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        cell, output = state
        joined = tf.concat([inputs, output], 1)
        kernel = tf.get_variable("kernel", [int(joined.shape[1]), 4 * self._units], inputs.dtype)
        gates = tf.matmul(joined, kernel)
        if not self._layer_norm:
            gates += tf.get_variable("bias", [4 * self._units], inputs.dtype)
        names = ("input", "transform", "forget", "output")
        parts = zip(tf.split(gates, 4, 1), names, strict=True)
        i, j, f, o = (self._maybe_normalized(gate, name) for gate, name in parts)
        entering = self._activation(j)
        if tf.is_tensor(self._keep) or self._keep < 1:
            entering = tf.nn.dropout(entering, self._keep, seed=self._seed)
        cell = cell * tf.sigmoid(f + self._forget_bias) + tf.sigmoid(i) * entering
        cell = self._maybe_normalized(cell, "state")
        output = self._activation(cell) * tf.sigmoid(o)
        return output, LSTMStateTuple(cell, output)


def _sharded(name: str, shape: list[int], dtype: Any, shards: int) -> Any:
    """Returns a variable that is stored as several variables name_0, name_1, …, which divide its rows."""
    if shards > shape[0]:
        raise ValueError(f"{shape[0]} rows of the variable {name} do not divide into {shards} shards")
    rows = [len(part) for part in np.array_split(range(shape[0]), shards)]
    parts = [tf.get_variable(f"{name}_{number}", [row, *shape[1:]], dtype) for number, row in enumerate(rows)]
    return tf.concat(parts, 0)


class CoupledInputForgetGateLSTMCell(_LSTMCell):
    """An LSTM cell whose input gate is 1 minus the forget gate."""

    def __init__(
        self,
        num_units: int,
        use_peepholes: bool = False,
        initializer: None = None,
        num_proj: int | None = None,
        proj_clip: float | None = None,
        num_unit_shards: int = 1,
        num_proj_shards: int = 1,
        forget_bias: float = 1.0,
        state_is_tuple: bool = True,
        activation: Callable = tf.tanh,
        reuse: bool | None = None,
        layer_norm: bool = False,
        norm_gain: float = 1.0,
        norm_shift: float = 0.0,
    ) -> None:
        """Makes a cell.

        Args:
          initializer: not used.
          num_unit_shards, num_proj_shards: how many variables hold a matrix.
          state_is_tuple: if False, the state is one tensor.
        """
        super().__init__(num_units, reuse, num_proj)
        self._peepholes = use_peepholes
        self._proj_clip = proj_clip
        self._shards = num_unit_shards, num_proj_shards
        self._forget_bias = forget_bias
        self._state_is_tuple = state_is_tuple
        self._activation = activation
        self._layer_norm = layer_norm
        self._norm = norm_gain, norm_shift

    @property
    def state_size(self) -> Any:
        return super().state_size if self._state_is_tuple else self._units + self.output_size

    def _maybe_normalized(self, values: Any, name: str) -> Any:
        return _normalized(values, name, *self._norm) if self._layer_norm else values

    def _peephole(self, name: str, dtype: Any) -> Any:
        return tf.get_variable(name, [self._units], dtype) if self._peepholes else 0.0

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        cell, output = state if self._state_is_tuple else tf.split(state, [self._units, self.output_size], 1)
        joined = tf.concat([inputs, output], 1)
        kernel = _sharded("W", [int(joined.shape[1]), 3 * self._units], inputs.dtype, self._shards[0])
        bias = tf.get_variable("B", [3 * self._units], inputs.dtype, tf.zeros_initializer())
        gates = tf.matmul(joined, kernel)
        if not self._layer_norm:
            gates = tf.nn.bias_add(gates, bias)
        parts = zip(tf.split(gates, 3, 1), ("transform", "forget", "output"), strict=True)
        j, f, o = (self._maybe_normalized(gate, name) for gate, name in parts)
        forget_peephole = self._peephole("W_F_diag", inputs.dtype)
        output_peephole = self._peephole("W_O_diag", inputs.dtype)
        forget = tf.sigmoid(f + self._forget_bias + forget_peephole * cell)
        cell = forget * cell + (1 - forget) * self._activation(j)
        cell = self._maybe_normalized(cell, "state")
        output = tf.sigmoid(o + output_peephole * cell) * self._activation(cell)
        if self._num_proj is not None:
            output = tf.matmul(output, _sharded("W_P", [self._units, self._num_proj], inputs.dtype, self._shards[1]))
            if self._proj_clip is not None:
                output = tf.clip_by_value(output, -self._proj_clip, self._proj_clip)
        return output, LSTMStateTuple(cell, output) if self._state_is_tuple else tf.concat([cell, output], 1)


class GLSTMCell(_LSTMCell):
    """An LSTM cell whose inputs and units are divided into groups."""

    def __init__(
        self,
        num_units: int,
        initializer: Any = None,
        num_proj: int | None = None,
        number_of_groups: int = 1,
        forget_bias: float = 1.0,
        activation: Callable = tf.tanh,
        reuse: bool | None = None,
    ) -> None:
        """Makes a cell. number_of_groups must divide num_units, num_proj and the number of inputs."""
        super().__init__(num_units, reuse, num_proj)
        if num_units % number_of_groups or self.output_size % number_of_groups:
            raise ValueError(f"{number_of_groups} groups do not divide the sizes {num_units} and {self.output_size}")
        self._initializer = initializer
        self._groups = number_of_groups
        self._forget_bias = forget_bias
        self._activation = activation

    def _gates(self, inputs: Any, output: Any) -> list:
        """Returns the four gates."""
        if int(inputs.shape[1]) % self._groups:
            raise ValueError(f"{self._groups} groups do not divide the {inputs.shape[1]} inputs")
        pairs = zip(tf.split(inputs, self._groups, 1), tf.split(output, self._groups, 1), strict=True)
        parts = []
        for number, pair in enumerate(pairs):
            with tf.variable_scope(f"group{number}"):
                parts.append(tf.split(_linear(list(pair), 4 * self._units // self._groups, False), 4, 1))
        biases = [
            tf.get_variable(f"bias_{gate}", [self._units], inputs.dtype, tf.zeros_initializer()) for gate in "ijfo"
        ]
        return [tf.concat(gates, 1) + bias for *gates, bias in zip(*parts, biases, strict=True)]

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        cell, output = state
        with tf.variable_scope(tf.get_variable_scope(), initializer=self._initializer):
            i, j, f, o = self._gates(inputs, output)
        cell = tf.sigmoid(f + self._forget_bias) * cell + tf.sigmoid(i) * tf.tanh(j)
        output = tf.sigmoid(o) * self._activation(cell)
        if self._num_proj is not None:
            with tf.variable_scope("projection"):
                output = _linear(output, self._num_proj, False)
        return output, LSTMStateTuple(cell, output)


class NASCell(LayerRNNCell):  # type: ignore[misc, valid-type]  # it has no stubs
    """The cell that neural architecture search found."""

    def __init__(
        self,
        num_units: int,
        num_proj: int | None = None,
        use_bias: bool = False,
        reuse: bool | None = None,
        **options: Any,
    ) -> None:
        """num_proj: the number of outputs. None: num_units."""
        super().__init__(_reuse=reuse, **options)
        self._units = num_units
        self._num_proj = num_proj
        self._use_bias = use_bias

    @property
    def state_size(self) -> Any:
        return LSTMStateTuple(self._units, self.output_size)

    @property
    def output_size(self) -> int:
        return self._units if self._num_proj is None else self._num_proj

    def build(self, inputs_shape: Any) -> None:
        gates = 8 * self._units
        self.recurrent_kernel = self.add_weight("recurrent_kernel", [self.output_size, gates])
        self.kernel = self.add_weight("kernel", [int(inputs_shape[1]), gates])
        if self._use_bias:
            self.bias = self.add_weight("bias", [gates], initializer=tf.zeros_initializer())
        if self._num_proj is not None:
            self.projection_weights = self.add_weight("projection_weights", [self._units, self._num_proj])
        self.built = True

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        cell, output = state
        recurrent = tf.matmul(output, self.recurrent_kernel)
        if self._use_bias:
            recurrent = tf.nn.bias_add(recurrent, self.bias)
        x = tf.split(tf.matmul(inputs, self.kernel), 8, 1)
        h = tf.split(recurrent, 8, 1)
        first = tf.tanh(tf.sigmoid(x[0] + h[0]) * tf.nn.relu(x[1] + h[1]))
        second = tf.tanh(tf.sigmoid(x[2] + h[2]) + tf.nn.relu(x[3] * h[3]))
        third = tf.tanh(tf.tanh(x[4] + h[4]) * tf.sigmoid(x[5] + h[5]))
        fourth = tf.sigmoid(tf.tanh(x[6] + h[6]) + tf.sigmoid(x[7] + h[7]))
        cell = tf.tanh(first + cell) * second
        output = tf.tanh(cell * tf.tanh(third + fourth))
        if self._num_proj is not None:
            output = tf.matmul(output, self.projection_weights)
        return output, LSTMStateTuple(cell, output)


class UGRNNCell(_Cell):
    """A cell with one gate, which mixes the old state and a new one."""

    def __init__(
        self,
        num_units: int,
        initializer: Any = None,
        forget_bias: float = 1.0,
        activation: Callable = tf.tanh,
        reuse: bool | None = None,
    ) -> None:
        super().__init__(num_units, reuse)
        self._initializer = initializer
        self._forget_bias = forget_bias
        self._activation = activation

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        with tf.variable_scope(tf.get_variable_scope(), initializer=self._initializer):
            gate, candidate = tf.split(_linear([inputs, state], 2 * self._units, True), 2, 1)
        gate = tf.sigmoid(gate + self._forget_bias)
        state = gate * state + (1 - gate) * self._activation(candidate)
        return state, state


class IntersectionRNNCell(_Cell):
    """A cell with a gate for its state and a gate for its input, which must have num_units features."""

    def __init__(
        self,
        num_units: int,
        num_in_proj: int | None = None,
        initializer: Any = None,
        forget_bias: float = 1.0,
        y_activation: Callable = tf.nn.relu,
        reuse: bool | None = None,
    ) -> None:
        """num_in_proj: if it is set, inputs of another size pass through a linear layer first."""
        super().__init__(num_units, reuse)
        self._initializer = initializer
        self._forget_bias = forget_bias
        self._num_in_proj = num_in_proj
        self._activation = y_activation

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        with tf.variable_scope(tf.get_variable_scope(), initializer=self._initializer):
            if int(inputs.shape[1]) != self._units:
                if not self._num_in_proj:
                    raise ValueError(
                        f"the input has {inputs.shape[1]} features and the cell {self._units} units: set num_in_proj"
                    )
                with tf.variable_scope("in_projection"):
                    inputs = _linear(inputs, self._units, True)
            gates = _linear([inputs, state], 4 * self._units, True)
        keep_state, new_state, keep_input, new_output = tf.split(gates, 4, 1)
        keep_state = tf.sigmoid(keep_state + self._forget_bias)
        keep_input = tf.sigmoid(keep_input + self._forget_bias)
        state = keep_state * state + (1 - keep_state) * tf.tanh(new_state)
        output = keep_input * inputs + (1 - keep_input) * self._activation(new_output)
        return output, state


class PhasedLSTMCell(_LSTMCell):
    """An LSTM cell that is open for a part of each period of time. Its inputs are (time [B, 1], x [B, features])."""

    def __init__(
        self,
        num_units: int,
        use_peepholes: bool = False,
        leak: float = 0.001,
        ratio_on: float = 0.1,
        trainable_ratio_on: bool = True,
        period_init_min: float = 1.0,
        period_init_max: float = 1000.0,
        reuse: bool | None = None,
    ) -> None:
        """Makes a cell.

        Args:
          leak: how far a closed cell is open.
          ratio_on: the share of the period for which the cell is open, which is a variable.
          period_init_min, period_init_max: limits of the first periods.
        """
        super().__init__(num_units, reuse)
        self._peepholes = use_peepholes
        self._leak = leak
        self._ratio_on = ratio_on
        self._trainable_ratio_on = trainable_ratio_on
        self._period_logs = np.log(period_init_min), np.log(period_init_max)

    def _gate(self, name: str, inputs: list, units: int, activation: Callable) -> Any:
        with tf.variable_scope(name):
            return activation(_linear(inputs, units, True))

    def _openness(self, time: Any) -> Any:
        """Returns how far each unit is open at a time, [B, num_units]."""

        def random_period(shape: Any, dtype: Any = tf.float32, partition_info: Any = None) -> Any:
            return tf.exp(tf.random_uniform(shape, *self._period_logs, dtype))

        period = tf.get_variable("period", [self._units], initializer=random_period)
        phase_initializer = tf.random_uniform_initializer(0.0, period.initial_value)
        phase = tf.get_variable("phase", [self._units], initializer=phase_initializer)
        ratio_initializer = tf.constant_initializer(self._ratio_on)
        ratio_on = tf.get_variable(
            "ratio_on", [self._units], initializer=ratio_initializer, trainable=self._trainable_ratio_on
        )
        shifted = time - tf.cast(phase, time.dtype)
        period = tf.cast(period, time.dtype)
        # The gradient by the time and the phase is 1, and the gradient by the period comes from the division alone.
        position = tf.stop_gradient(tf.mod(shifted, period) - shifted) + shifted
        ratio = tf.cast(position / period, tf.float32)
        rising = 2 * ratio / ratio_on
        opened = tf.where(ratio < ratio_on, 2 - rising, self._leak * ratio)
        return tf.where(ratio < 0.5 * ratio_on, rising, opened)

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        cell, output = state
        time, x = inputs
        joined = [x, output]
        gates = self._gate("mask_gates", joined + [cell] * self._peepholes, 2 * self._units, tf.sigmoid)
        enter, keep = tf.split(gates, 2, 1)
        new_cell = cell * keep + enter * self._gate("new_input", joined, self._units, tf.tanh)
        output_gate = self._gate("output_gate", joined + [new_cell] * self._peepholes, self._units, tf.sigmoid)
        new_output = tf.tanh(new_cell) * output_gate
        openness = self._openness(time)
        cell = openness * new_cell + (1 - openness) * cell
        output = openness * new_output + (1 - openness) * output
        return output, LSTMStateTuple(cell, output)
