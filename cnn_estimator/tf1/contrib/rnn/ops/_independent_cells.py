"""Cells whose units read only their own state, or none of it."""

from typing import Any

import tensorflow.compat.v1 as tf  # type: ignore[import-untyped]

_UNIFORM = tf.random_uniform_initializer(-1, 1)


class _Cell(tf.nn.rnn_cell.BasicLSTMCell.__base__):  # type: ignore[misc]  # it has no stubs
    """The base: a cell whose state and output are [B, num_units]."""

    def __init__(
        self,
        num_units: int,
        activation: Any = None,
        reuse: bool | None = None,
        kernel_initializer: Any = None,
        bias_initializer: Any = None,
        name: str | None = None,
        dtype: Any = None,
        **options: Any,
    ) -> None:
        super().__init__(_reuse=reuse, name=name, dtype=dtype, **options)
        self._units = num_units
        self._activation = activation or tf.tanh
        self._kernel_initializer = kernel_initializer
        self._bias_initializer = bias_initializer

    @property
    def state_size(self) -> Any:
        return self._units

    @property
    def output_size(self) -> int:
        return self._units

    def _add(self, prefix: str, kernel: str, features: int, units: int, bias: float = 0) -> tuple[Any, Any, Any]:
        """Returns the variables (kernel for the input, kernel for the state, bias)."""
        initializer = self._bias_initializer or tf.constant_initializer(bias)
        return (
            self.add_weight(prefix + kernel, [features, units], initializer=self._kernel_initializer),
            self.add_weight(f"{prefix}kernel_u", [1, units], initializer=_UNIFORM),
            self.add_weight(f"{prefix}bias", [units], initializer=initializer),
        )


class SRUCell(_Cell):
    """A simple recurrent unit: its gates read only the input."""

    def __init__(
        self, num_units: int, activation: Any = None, reuse: bool | None = None, name: str | None = None, **options: Any
    ) -> None:
        super().__init__(num_units, activation, reuse, name=name, **options)

    def build(self, inputs_shape: Any) -> None:
        self._kernel = self.add_weight("kernel", [int(inputs_shape[1]), 4 * self._units])
        self._bias = self.add_weight("bias", [2 * self._units], initializer=tf.zeros_initializer())
        self.built = True

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        candidate, forget, reset, highway = tf.split(tf.matmul(inputs, self._kernel), 4, 1)
        gates = tf.sigmoid(tf.nn.bias_add(tf.concat([forget, reset], 1), self._bias))
        forget, reset = tf.split(gates, 2, 1)
        state = forget * state + (1 - forget) * candidate
        return reset * self._activation(state) + (1 - reset) * highway, state


class IndRNNCell(_Cell):
    """A basic cell whose units read only their own state."""

    def __init__(
        self,
        num_units: int,
        activation: Any = None,
        reuse: bool | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(num_units, activation, reuse, name=name, dtype=dtype)

    def build(self, inputs_shape: Any) -> None:
        self._weights = self._add("", "kernel_w", int(inputs_shape[1]), self._units)
        self.built = True

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        kernel, own, bias = self._weights
        output = self._activation(tf.matmul(inputs, kernel) + state * own + bias)
        return output, output


class IndyGRUCell(_Cell):
    """A GRU cell whose units read only their own state."""

    def build(self, inputs_shape: Any) -> None:
        features = int(inputs_shape[1])
        self._gates = self._add("gates/", "kernel_w", features, 2 * self._units, 1)
        self._candidate = self._add("candidate/", "kernel", features, self._units)
        self.built = True

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        kernel, own, bias = self._gates
        gates = tf.sigmoid(tf.matmul(inputs, kernel) + tf.tile(state, [1, 2]) * own + bias)
        reset, update = tf.split(gates, 2, 1)
        kernel, own, bias = self._candidate
        candidate = self._activation(tf.matmul(inputs, kernel) + reset * state * own + bias)
        output = update * state + (1 - update) * candidate
        return output, output


class IndyLSTMCell(_Cell):
    """An LSTM cell whose units read only their own state."""

    def __init__(
        self,
        num_units: int,
        forget_bias: float = 1.0,
        activation: Any = None,
        reuse: bool | None = None,
        kernel_initializer: Any = None,
        bias_initializer: Any = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(num_units, activation, reuse, kernel_initializer, bias_initializer, name, dtype)
        self._forget_bias = forget_bias

    @property
    def state_size(self) -> Any:
        return tf.nn.rnn_cell.LSTMStateTuple(self._units, self._units)

    def build(self, inputs_shape: Any) -> None:
        self._weights = self._add("", "kernel_w", int(inputs_shape[1]), 4 * self._units)
        self.built = True

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        cell, output = state
        kernel, own, bias = self._weights
        i, j, f, o = tf.split(tf.matmul(inputs, kernel) + tf.tile(output, [1, 4]) * own + bias, 4, 1)
        cell = cell * tf.sigmoid(f + self._forget_bias) + tf.sigmoid(i) * self._activation(j)
        output = self._activation(cell) * tf.sigmoid(o)
        return output, tf.nn.rnn_cell.LSTMStateTuple(cell, output)
