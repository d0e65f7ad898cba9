"""LSTM cells whose states are images."""

from collections.abc import Sequence
from typing import Any

import tensorflow.compat.v1 as tf  # type: ignore[import-untyped]


class ConvLSTMCell(tf.nn.rnn_cell.RNNCell):
    """An LSTM cell whose gates are convolutions of the input and the output."""

    def __init__(
        self,
        conv_ndims: int,
        input_shape: Sequence[int],
        output_channels: int,
        kernel_shape: Sequence[int],
        use_bias: bool = True,
        skip_connection: bool = False,
        forget_bias: float = 1.0,
        initializers: None = None,
        name: str = "conv_lstm_cell",
    ) -> None:
        """Makes a cell for inputs [B, *input_shape].

        Args:
          conv_ndims: the number of spatial dimensions, 1 to 3.
          skip_connection: if True, the output ends with the channels of the input.
          initializers: not used.
        """
        super().__init__(name=name)
        if conv_ndims != len(input_shape) - 1:
            raise ValueError(f"input_shape {input_shape} must have {conv_ndims} dimensions and the channels")
        self._ndims = conv_ndims
        self._sizes = list(input_shape[:-1])
        self._channels = output_channels
        self._output_channels = output_channels + (input_shape[-1] if skip_connection else 0)
        self._kernel_shape = list(kernel_shape)
        self._bias = use_bias
        self._skip = skip_connection
        self._forget_bias = forget_bias

    @property
    def output_size(self) -> Any:
        return tf.TensorShape([*self._sizes, self._output_channels])

    @property
    def state_size(self) -> Any:
        size = tf.TensorShape([*self._sizes, self._channels])
        return tf.nn.rnn_cell.LSTMStateTuple(size, size)

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        cell, output = state
        joined = tf.concat([inputs, output], -1)
        shape = [*self._kernel_shape, int(joined.shape[-1]), 4 * self._channels]
        kernel = tf.get_variable("kernel", shape, inputs.dtype)
        gates = tf.nn.convolution(joined, kernel, "SAME")
        if self._bias:
            gates += tf.get_variable("biases", [4 * self._channels], inputs.dtype, tf.zeros_initializer())
        i, j, f, o = tf.split(gates, 4, self._ndims + 1)
        cell = tf.sigmoid(f + self._forget_bias) * cell + tf.sigmoid(i) * tf.tanh(j)
        output = tf.tanh(cell) * tf.sigmoid(o)
        if self._skip:
            output = tf.concat([output, inputs], -1)
        return output, tf.nn.rnn_cell.LSTMStateTuple(cell, output)


class Conv1DLSTMCell(ConvLSTMCell):
    """A ConvLSTMCell for [B, width, channels]."""

    def __init__(self, name: str = "conv_1d_lstm_cell", **options: Any) -> None:
        super().__init__(conv_ndims=1, name=name, **options)


class Conv2DLSTMCell(ConvLSTMCell):
    """A ConvLSTMCell for [B, height, width, channels]."""

    def __init__(self, name: str = "conv_2d_lstm_cell", **options: Any) -> None:
        super().__init__(conv_ndims=2, name=name, **options)


class Conv3DLSTMCell(ConvLSTMCell):
    """A ConvLSTMCell for [B, depth, height, width, channels]."""

    def __init__(self, name: str = "conv_3d_lstm_cell", **options: Any) -> None:
        super().__init__(conv_ndims=3, name=name, **options)
