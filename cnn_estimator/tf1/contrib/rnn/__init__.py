"""tf.contrib.rnn: the cells of tf.nn.rnn_cell and more of them, and networks that are one kernel."""

import tensorflow.compat.v1 as tf  # type: ignore[import-untyped]
from tensorflow.python.ops.rnn import (  # type: ignore[import-untyped]
    _best_effort_input_batch_size as best_effort_input_batch_size,
)
from tensorflow.python.ops.rnn import _transpose_batch_time as transpose_batch_time  # type: ignore[import-untyped]

from cnn_estimator.tf1.contrib.rnn.ops._cell_wrappers import AttentionCellWrapper, CompiledWrapper, HighwayWrapper
from cnn_estimator.tf1.contrib.rnn.ops._conv_lstm import Conv1DLSTMCell, Conv2DLSTMCell, Conv3DLSTMCell, ConvLSTMCell
from cnn_estimator.tf1.contrib.rnn.ops._independent_cells import IndRNNCell, IndyGRUCell, IndyLSTMCell, SRUCell
from cnn_estimator.tf1.contrib.rnn.ops.core_rnn_cell import (
    EmbeddingWrapper,
    InputProjectionWrapper,
    OutputProjectionWrapper,
    _Linear,  # noqa: F401 - programs import it, and the next name, from several files of tf.contrib.rnn
    _linear,  # noqa: F401
)
from cnn_estimator.tf1.contrib.rnn.ops.fused_rnn_cell import FusedRNNCell, FusedRNNCellAdaptor, TimeReversedFusedRNN
from cnn_estimator.tf1.contrib.rnn.ops.gru_ops import GRUBlockCell, GRUBlockCellV2
from cnn_estimator.tf1.contrib.rnn.ops.lstm_ops import LSTMBlockCell, LSTMBlockFusedCell
from cnn_estimator.tf1.contrib.rnn.ops.rnn import stack_bidirectional_dynamic_rnn, stack_bidirectional_rnn
from cnn_estimator.tf1.contrib.rnn.ops.rnn_cell import (
    CoupledInputForgetGateLSTMCell,
    GLSTMCell,
    IntersectionRNNCell,
    LayerNormBasicLSTMCell,
    NASCell,
    PhasedLSTMCell,
    UGRNNCell,
)
from cnn_estimator.tf1.unavailable import module_getattr

BasicLSTMCell = tf.nn.rnn_cell.BasicLSTMCell
BasicRNNCell = tf.nn.rnn_cell.BasicRNNCell
DeviceWrapper = tf.nn.rnn_cell.DeviceWrapper
DropoutWrapper = tf.nn.rnn_cell.DropoutWrapper
GRUCell = tf.nn.rnn_cell.GRUCell
LSTMCell = tf.nn.rnn_cell.LSTMCell
LSTMStateTuple = tf.nn.rnn_cell.LSTMStateTuple
LayerRNNCell = tf.nn.rnn_cell.BasicLSTMCell.__base__
MultiRNNCell = tf.nn.rnn_cell.MultiRNNCell
RNNCell = tf.nn.rnn_cell.RNNCell
ResidualWrapper = tf.nn.rnn_cell.ResidualWrapper
static_bidirectional_rnn = tf.nn.static_bidirectional_rnn
static_rnn = tf.nn.static_rnn
static_state_saving_rnn = tf.nn.static_state_saving_rnn

__all__ = [
    "AttentionCellWrapper",
    "BasicLSTMCell",
    "BasicRNNCell",
    "BidirectionalGridLSTMCell",
    "CompiledWrapper",
    "Conv1DLSTMCell",
    "Conv2DLSTMCell",
    "Conv3DLSTMCell",
    "ConvLSTMCell",
    "CoupledInputForgetGateLSTMCell",
    "DeviceWrapper",
    "DropoutWrapper",
    "EmbeddingWrapper",
    "FusedRNNCell",
    "FusedRNNCellAdaptor",
    "GLSTMCell",
    "GRUBlockCell",
    "GRUBlockCellV2",
    "GRUCell",
    "GridLSTMCell",
    "HighwayWrapper",
    "IndRNNCell",
    "IndyGRUCell",
    "IndyLSTMCell",
    "InputProjectionWrapper",
    "IntersectionRNNCell",
    "LSTMBlockCell",
    "LSTMBlockFusedCell",
    "LSTMBlockWrapper",
    "LSTMCell",
    "LSTMStateTuple",
    "LayerNormBasicLSTMCell",
    "LayerRNNCell",
    "MultiRNNCell",
    "NASCell",
    "OutputProjectionWrapper",
    "PhasedLSTMCell",
    "RNNCell",
    "ResidualWrapper",
    "SRUCell",
    "TimeFreqLSTMCell",
    "TimeReversedFusedRNN",
    "UGRNNCell",
    "best_effort_input_batch_size",
    "stack_bidirectional_dynamic_rnn",
    "stack_bidirectional_rnn",
    "static_bidirectional_rnn",
    "static_rnn",
    "static_state_saving_rnn",
    "transpose_batch_time",
]

__getattr__ = module_getattr(
    "tf.contrib.rnn",
    (),
    "use a cell of tf.nn.rnn_cell",
    names="BidirectionalGridLSTMCell GridLSTMCell LSTMBlockWrapper TimeFreqLSTMCell",
)
