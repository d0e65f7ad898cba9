"""Cells that contain another cell."""

from typing import Any

import tensorflow.compat.v1 as tf  # type: ignore[import-untyped]

from cnn_estimator.tf1.contrib.rnn.ops.core_rnn_cell import CellWrapper, _linear


class AttentionCellWrapper(tf.nn.rnn_cell.RNNCell):
    """A cell with attention to its last attn_length outputs."""

    def __init__(
        self,
        cell: Any,
        attn_length: int,
        attn_size: int | None = None,
        attn_vec_size: int | None = None,
        input_size: int | None = None,
        state_is_tuple: bool = True,
        reuse: bool | None = None,
    ) -> None:
        """Makes a cell.

        Args:
          attn_size: the number of outputs. None: the number of the cell's outputs.
          attn_vec_size: the number of features for the attention. None: attn_size.
          input_size: the number of the cell's inputs. None: the number of features of the inputs.
          state_is_tuple: if False, the state is one tensor.
        """
        super().__init__(_reuse=reuse)
        if tf.nest.is_nested(cell.state_size) and not state_is_tuple:
            raise ValueError(f"a cell with the state {cell.state_size} needs state_is_tuple=True")
        if attn_length <= 0:
            raise ValueError(f"attn_length must be positive, got {attn_length}")
        self._cell = cell
        self._length = attn_length
        self._size = attn_size or cell.output_size
        self._vector_size = attn_vec_size or self._size
        self._input_size = input_size
        self._state_is_tuple = state_is_tuple

    @property
    def state_size(self) -> Any:
        sizes = self._cell.state_size, self._size, self._size * self._length
        return sizes if self._state_is_tuple else sum(sizes)

    @property
    def output_size(self) -> int:
        return self._size

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        sizes = [self._cell.state_size, self._size, self._size * self._length]
        cell_state, attention, outputs = state if self._state_is_tuple else tf.split(state, sizes, 1)
        inputs = _linear([inputs, attention], self._input_size or int(inputs.shape[1]), True)
        output, cell_state = self._cell(inputs, cell_state)
        outputs = tf.reshape(outputs, [-1, self._length, self._size])
        attention = self._attend(tf.concat(tf.nest.flatten(cell_state), 1), outputs)
        with tf.variable_scope("attn_output_projection"):
            output = _linear([output, attention], self._size, True)
        outputs = tf.concat([outputs[:, 1:], output[:, tf.newaxis]], 1)
        new_state = cell_state, attention, tf.reshape(outputs, [-1, self._length * self._size])
        return output, new_state if self._state_is_tuple else tf.concat(new_state, 1)

    def _attend(self, query: Any, outputs: Any) -> Any:
        """Returns the mean of the outputs [B, attn_length, attn_size], weighted for the query [B, features]."""
        with tf.variable_scope("attention"):
            kernel = tf.get_variable("attn_w", [1, 1, self._size, self._vector_size])
            vector = tf.get_variable("attn_v", [self._vector_size])
            features = tf.nn.conv2d(outputs[:, :, tf.newaxis], kernel, [1, 1, 1, 1], "SAME")[:, :, 0]
            summed = features + _linear(query, self._vector_size, True)[:, tf.newaxis]
            weights = tf.nn.softmax(tf.reduce_sum(vector * tf.tanh(summed), 2))
            return tf.reduce_sum(weights[:, :, tf.newaxis] * outputs, 1)


class _UnnamedWrapper(CellWrapper):
    """The base of wrappers that are no layers themselves: they have no variable scope."""

    def __call__(self, inputs: Any, state: Any, scope: Any = None) -> tuple[Any, Any]:
        return self._cell(inputs, state, scope=scope)


class HighwayWrapper(_UnnamedWrapper):
    """A cell whose outputs are mixed with its inputs, by a learned gate."""

    def __init__(self, cell: Any, couple_carry_transform_gates: bool = True, carry_bias_init: float = 1.0) -> None:
        """couple_carry_transform_gates: if True, the gate of the outputs is 1 minus the gate of the inputs."""
        super().__init__(cell)
        self._coupled = couple_carry_transform_gates
        self._first_bias = carry_bias_init

    def __call__(self, inputs: Any, state: Any, scope: Any = None) -> tuple[Any, Any]:
        outputs, state = super().__call__(inputs, state, scope)
        return tf.nest.map_structure(self._mix, inputs, outputs), state

    def _gate(self, name: str, inputs: Any, bias: float) -> Any:
        size = int(inputs.shape[1])
        kernel = tf.get_variable(f"{name}_w", [size, size])
        return tf.sigmoid(
            tf.nn.xw_plus_b(inputs, kernel, tf.get_variable(f"{name}_b", [size], None, tf.constant_initializer(bias)))
        )

    def _mix(self, inputs: Any, outputs: Any) -> Any:
        inputs.shape.assert_is_compatible_with(outputs.shape)
        carry = self._gate("carry", inputs, self._first_bias)
        transform = 1 - carry if self._coupled else self._gate("transform", inputs, -self._first_bias)
        return inputs * carry + outputs * transform


class CompiledWrapper(_UnnamedWrapper):
    """A cell that TensorFlow 1 compiled with XLA. Here it is the cell itself, which computes the same numbers."""

    def __init__(self, cell: Any, compile_stateful: bool = False) -> None:
        """compile_stateful: not used."""
        super().__init__(cell)
