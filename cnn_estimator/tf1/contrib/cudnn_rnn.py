"""tf.contrib.cudnn_rnn: the cells that read the checkpoints of cuDNN's layers. The layers themselves are errors."""

from typing import Any

import tensorflow.compat.v1 as tf  # type: ignore[import-untyped]

from cnn_estimator.tf1.contrib.rnn import LSTMBlockCell
from cnn_estimator.tf1.unavailable import module_getattr

_GRU = "use tf.nn.dynamic_rnn with tf.contrib.cudnn_rnn.CudnnCompatibleGRUCell"
_LSTM = "use tf.nn.dynamic_rnn with tf.contrib.cudnn_rnn.CudnnCompatibleLSTMCell"
_BASIC = "use tf.nn.dynamic_rnn with tf.nn.rnn_cell.BasicRNNCell"

CUDNN_RNN_UNIDIRECTION = "unidirectional"
CUDNN_RNN_BIDIRECTION = "bidirectional"
CUDNN_LSTM = "lstm"
CUDNN_GRU = "gru"
CUDNN_RNN_RELU = "rnn_relu"
CUDNN_RNN_TANH = "rnn_tanh"
CUDNN_LSTM_PARAMS_PER_LAYER = 8
CUDNN_GRU_PARAMS_PER_LAYER = 6
CUDNN_RNN_TANH_PARAMS_PER_LAYER = 2
CUDNN_RNN_RELU_PARAMS_PER_LAYER = 2
CUDNN_INPUT_LINEAR_MODE = "linear_input"
CUDNN_INPUT_SKIP_MODE = "skip_input"
CUDNN_INPUT_AUTO_MODE = "auto_select"


class CudnnCompatibleLSTMCell(LSTMBlockCell):
    """An LSTM cell that computes what cuDNN's LSTM computes, from the variables that CudnnLSTM saves."""

    def __init__(self, num_units: int, reuse: bool | None = None) -> None:
        super().__init__(num_units, forget_bias=0, reuse=reuse, name="cudnn_compatible_lstm_cell")


class CudnnCompatibleGRUCell(tf.nn.rnn_cell.GRUCell):
    """A GRU cell that computes what cuDNN's GRU computes, from the variables that CudnnGRU saves.

    It resets the state after the state's linear layer, and tf.nn.rnn_cell.GRUCell before it.
    """

    def __init__(self, num_units: int, reuse: bool | None = None, kernel_initializer: Any = None) -> None:
        super().__init__(num_units, reuse=reuse, kernel_initializer=kernel_initializer)
        self._units = num_units
        self._initializer = kernel_initializer

    def _add_kernel(self, name: str, features: int, units: int) -> Any:
        return self.add_weight(f"{name}/kernel", [features, units], initializer=self._initializer)

    def _add_bias(self, name: str, units: int, first: float = 0.0) -> Any:
        return self.add_weight(f"{name}/bias", [units], initializer=tf.constant_initializer(first))

    def build(self, inputs_shape: Any) -> None:
        features = int(inputs_shape[1])
        units = self._units
        gate_kernel = self._add_kernel("gates", features + units, 2 * units)
        self._gate_weights = gate_kernel, self._add_bias("gates", 2 * units, 1.0)
        kernel = self._add_kernel("candidate/input_projection", features, units)
        hidden_kernel = self._add_kernel("candidate/hidden_projection", units, units)
        self._input_weights = kernel, self._add_bias("candidate/input_projection", units)
        self._hidden_weights = hidden_kernel, self._add_bias("candidate/hidden_projection", units)
        self.built = True

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        gates = tf.sigmoid(tf.nn.xw_plus_b(tf.concat([inputs, state], 1), *self._gate_weights))
        reset, update = tf.split(gates, 2, 1)
        hidden = reset * tf.nn.xw_plus_b(state, *self._hidden_weights)
        candidate = tf.tanh(tf.nn.xw_plus_b(inputs, *self._input_weights) + hidden)
        output = (1 - update) * candidate + update * state
        return output, output


__getattr__ = module_getattr(
    "tf.contrib.cudnn_rnn",
    (),
    _LSTM,
    {
        "CudnnGRU": _GRU,
        "CudnnGRUSaveable": _GRU,
        "CudnnParamsFormatConverterGRU": _GRU,
        "CudnnParamsFormatConverterRelu": _BASIC,
        "CudnnParamsFormatConverterTanh": _BASIC,
        "CudnnRNNRelu": _BASIC,
        "CudnnRNNReluSaveable": _BASIC,
        "CudnnRNNTanh": _BASIC,
        "CudnnRNNTanhSaveable": _BASIC,
    },
    "CudnnLSTM CudnnLSTMSaveable CudnnParamsFormatConverterLSTM",
)
