"""tf.contrib.rnn: the cells of tf.nn.rnn_cell, and LSTMs that are one kernel."""

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow.compat.v1 as tf  # type: ignore[import-untyped]
from tensorflow.python.ops import rnn_grad  # type: ignore[import-untyped]  # noqa: F401 - registers BlockLSTM's
from tensorflow.python.ops.rnn import (  # type: ignore[import-untyped]
    _best_effort_input_batch_size as best_effort_input_batch_size,
)
from tensorflow.python.ops.rnn import _transpose_batch_time as transpose_batch_time  # type: ignore[import-untyped]

from cnn_estimator.tf1.unavailable import module_getattr

_USE_INSTEAD = {
    "GRUBlockCell": "use tf.nn.rnn_cell.GRUCell",
    "GRUBlockCellV2": "use tf.nn.rnn_cell.GRUCell",
}

_DIAGONALS = {"wci": "w_i_diag", "wcf": "w_f_diag", "wco": "w_o_diag"}

LayerRNNCell = tf.nn.rnn_cell.BasicLSTMCell.__base__
static_bidirectional_rnn = tf.nn.static_bidirectional_rnn
static_rnn = tf.nn.static_rnn
static_state_saving_rnn = tf.nn.static_state_saving_rnn

__all__ = [
    "InputProjectionWrapper",
    "LSTMBlockCell",
    "LSTMBlockFusedCell",
    "LayerNormBasicLSTMCell",
    "LayerRNNCell",
    "OutputProjectionWrapper",
    "TimeReversedFusedRNN",
    "best_effort_input_batch_size",
    "stack_bidirectional_dynamic_rnn",
    "stack_bidirectional_rnn",
    "static_bidirectional_rnn",
    "static_rnn",
    "static_state_saving_rnn",
    "transpose_batch_time",
]


def _block_weights(add: Callable[..., Any], inputs: int, units: int, use_peephole: bool) -> dict[str, Any]:
    """Returns {argument of the kernel: variable} of an LSTM, with gates in the order i, c, f, o.

    add: add_weight of the layer.
    """
    weights = {
        "w": add("kernel", [inputs + units, 4 * units]),
        "b": add("bias", [4 * units], initializer=tf.zeros_initializer()),
    }
    if use_peephole:
        weights |= {argument: add(name, [units]) for argument, name in _DIAGONALS.items()}
    return weights


def _block_options(forget_bias: float, cell_clip: float | None, use_peephole: bool) -> dict[str, Any]:
    """Returns the arguments of the kernel for the arguments of a cell."""
    return {
        "forget_bias": forget_bias,
        "cell_clip": -1 if cell_clip is None else cell_clip,
        "use_peephole": use_peephole,
    }


def _block_lstm(cell: Any, x: Any, state: tuple[Any, Any], steps: Any) -> Any:
    """Runs the kernel over `steps` steps of the inputs [T, B, features]. Returns its outputs, such as cs and h."""
    weights = dict.fromkeys(_DIAGONALS, tf.zeros([cell.num_units], x.dtype)) | cell.block_weights
    return tf.raw_ops.BlockLSTM(
        seq_len_max=tf.cast(steps, tf.int64), x=x, cs_prev=state[0], h_prev=state[1], **weights, **cell.block_options
    )


class LSTMBlockCell(LayerRNNCell):  # type: ignore[misc, valid-type]  # it has no stubs
    """An LSTM cell that is one kernel. Its state is an LSTMStateTuple."""

    def __init__(
        self,
        num_units: int,
        forget_bias: float = 1.0,
        cell_clip: float | None = None,
        use_peephole: bool = False,
        dtype: Any = None,
        reuse: bool | None = None,
        name: str = "lstm_cell",
    ) -> None:
        super().__init__(_reuse=reuse, dtype=dtype, name=name)
        self.num_units = num_units
        self.block_options = _block_options(forget_bias, cell_clip, use_peephole)

    @property
    def state_size(self) -> Any:
        return tf.nn.rnn_cell.LSTMStateTuple(self.num_units, self.num_units)

    @property
    def output_size(self) -> int:
        return self.num_units

    def build(self, inputs_shape: Any) -> None:
        features = int(inputs_shape[1])
        self.block_weights = _block_weights(
            self.add_weight, features, self.num_units, self.block_options["use_peephole"]
        )
        self.built = True

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        # Runs the kernel for sequences over one step. The kernel for a single step has no gradient in TensorFlow 2.
        step = _block_lstm(self, inputs[tf.newaxis], state, 1)
        return step.h[0], tf.nn.rnn_cell.LSTMStateTuple(step.cs[0], step.h[0])


class LSTMBlockFusedCell(tf.layers.Layer):
    """An LSTM over a whole sequence that is one kernel."""

    def __init__(
        self,
        num_units: int,
        forget_bias: float = 1.0,
        cell_clip: float | None = None,
        use_peephole: bool = False,
        reuse: bool | None = None,
        dtype: Any = None,
        name: str = "lstm_fused_cell",
    ) -> None:
        super().__init__(_reuse=reuse, dtype=dtype, name=name)
        self.num_units = num_units
        self.block_options = _block_options(forget_bias, cell_clip, use_peephole)

    def build(self, input_shape: Any) -> None:
        features = int(input_shape[2])
        self.block_weights = _block_weights(
            self.add_weight, features, self.num_units, self.block_options["use_peephole"]
        )
        self.built = True

    def call(
        self,
        inputs: Any,
        initial_state: tuple[Any, Any] | None = None,
        dtype: Any = None,
        sequence_length: Any = None,
    ) -> tuple[Any, Any]:
        """Returns (outputs [T, B, num_units], the last LSTMStateTuple) for inputs [T, B, features].

        Args:
          initial_state: (c, h), each [B, num_units]. None: zeros.
          dtype: the type of the zeros. None: the type of the inputs.
          sequence_length: [B]. Outputs after the end are 0, and the state is the state at the end.
        """
        steps = tf.shape(inputs)[0]
        batch = tf.shape(inputs)[1]
        if initial_state is None:
            initial_state = (tf.zeros([batch, self.num_units], dtype or inputs.dtype),) * 2
        longest = steps if sequence_length is None else tf.reduce_max(sequence_length)
        result = _block_lstm(self, inputs, initial_state, longest)
        outputs = result.h
        if sequence_length is None:
            return outputs, tf.nn.rnn_cell.LSTMStateTuple(result.cs[-1], outputs[-1])
        mask = tf.transpose(tf.sequence_mask(sequence_length, steps))[:, :, tf.newaxis]
        outputs = tf.where_v2(mask, outputs, tf.zeros_like(outputs))
        places = tf.stack([tf.cast(sequence_length, tf.int32), tf.range(batch)], 1)
        state = [
            tf.gather_nd(tf.concat([first[tf.newaxis], later], 0), places)
            for first, later in zip(initial_state, (result.cs, outputs), strict=True)
        ]
        return outputs, tf.nn.rnn_cell.LSTMStateTuple(*state)


class TimeReversedFusedRNN:
    """Runs a fused RNN backwards over the sequences."""

    def __init__(self, cell: Any) -> None:
        self._cell = cell

    def __call__(
        self,
        inputs: Any,
        initial_state: Any = None,
        dtype: Any = None,
        sequence_length: Any = None,
        scope: Any = None,
    ) -> tuple[Any, Any]:
        """Returns the result of the fused RNN, with the outputs in the order of the inputs."""

        def reverse(values: Any) -> Any:
            if sequence_length is None:
                return tf.reverse(values, [0])
            return tf.reverse_sequence(values, sequence_length, seq_axis=0, batch_axis=1)

        outputs, state = self._cell(
            reverse(inputs), initial_state=initial_state, dtype=dtype, sequence_length=sequence_length, scope=scope
        )
        return reverse(outputs), state


class LayerNormBasicLSTMCell(tf.nn.rnn_cell.RNNCell):
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
        super().__init__(_reuse=reuse)
        self._units = num_units
        self._forget_bias = forget_bias
        self._activation = activation
        self._layer_norm = layer_norm
        self._gain = norm_gain
        self._shift = norm_shift
        self._keep = dropout_keep_prob
        self._seed = dropout_prob_seed

    @property
    def state_size(self) -> Any:
        return tf.nn.rnn_cell.LSTMStateTuple(self._units, self._units)

    @property
    def output_size(self) -> int:
        return self._units

    def _normalized(self, values: Any, name: str) -> Any:
        if not self._layer_norm:
            return values
        with tf.variable_scope(name):
            gain = tf.get_variable("gamma", [self._units], values.dtype, tf.constant_initializer(self._gain))
            shift = tf.get_variable("beta", [self._units], values.dtype, tf.constant_initializer(self._shift))
        mean, variance = tf.nn.moments(values, [1], keepdims=True)
        return tf.nn.batch_normalization(values, mean, variance, shift, gain, 1e-12)

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        cell, output = state
        joined = tf.concat([inputs, output], 1)
        kernel = tf.get_variable("kernel", [int(joined.shape[1]), 4 * self._units], inputs.dtype)
        gates = tf.matmul(joined, kernel)
        if not self._layer_norm:
            gates += tf.get_variable("bias", [4 * self._units], inputs.dtype, tf.zeros_initializer())
        names = ("input", "transform", "forget", "output")
        i, j, f, o = (self._normalized(gate, name) for gate, name in zip(tf.split(gates, 4, 1), names, strict=True))
        entering = self._activation(j)
        if tf.is_tensor(self._keep) or self._keep < 1:
            entering = tf.nn.dropout(entering, self._keep, seed=self._seed)
        cell = cell * tf.sigmoid(f + self._forget_bias) + tf.sigmoid(i) * entering
        cell = self._normalized(cell, "state")
        output = self._activation(cell) * tf.sigmoid(o)
        return output, tf.nn.rnn_cell.LSTMStateTuple(cell, output)


def _layers(forward: Sequence, backward: Sequence, initial: Sequence) -> list[tuple]:
    """Returns (forward cell, backward cell, forward state, backward state) for each layer.

    Raises:
      ValueError: the lists are empty or have different lengths.
    """
    states = [[None] * len(forward) if state is None else list(state) for state in initial]
    if not forward or {len(forward)} != {len(backward), len(states[0]), len(states[1])}:
        raise ValueError("cells_fw, cells_bw and the initial states must be lists of the same length, at least 1")
    return list(zip(forward, backward, *states, strict=True))


def _stack(
    run_layer: Callable,
    cells_fw: Sequence,
    cells_bw: Sequence,
    inputs: Any,
    initial_states: Sequence,
    scope: Any,
) -> tuple[Any, tuple, tuple]:
    """Returns (outputs, forward states, backward states) of layers. Each layer reads the outputs of the previous one.

    Args:
      run_layer: called with (forward cell, backward cell, inputs, forward state, backward state, scope); returns
        (outputs, forward state, backward state).
    """
    states = []
    outputs = inputs
    with tf.variable_scope(scope or "stack_bidirectional_rnn"):
        for number, (*cells, forward, backward) in enumerate(_layers(cells_fw, cells_bw, initial_states)):
            with tf.variable_scope(f"cell_{number}") as cell_scope:
                outputs, *state = run_layer(*cells, outputs, forward, backward, cell_scope)
            states.append(state)
    forward_states, backward_states = zip(*states, strict=True)
    return outputs, forward_states, backward_states


def stack_bidirectional_rnn(
    cells_fw: Sequence,
    cells_bw: Sequence,
    inputs: Sequence,
    initial_states_fw: Sequence | None = None,
    initial_states_bw: Sequence | None = None,
    dtype: Any = None,
    sequence_length: Any = None,
    scope: Any = None,
) -> tuple[list, tuple, tuple]:
    """Returns (outputs per step, forward states, backward states) of layers of static_bidirectional_rnn.

    Each layer reads the concatenated outputs of the previous one.
    """

    def run_layer(forward: Any, backward: Any, inputs: Any, state_fw: Any, state_bw: Any, scope: Any) -> tuple:
        return tf.nn.static_bidirectional_rnn(
            forward, backward, inputs, state_fw, state_bw, dtype, sequence_length, scope
        )

    return _stack(run_layer, cells_fw, cells_bw, list(inputs), (initial_states_fw, initial_states_bw), scope)


def stack_bidirectional_dynamic_rnn(
    cells_fw: Sequence,
    cells_bw: Sequence,
    inputs: Any,
    initial_states_fw: Sequence | None = None,
    initial_states_bw: Sequence | None = None,
    dtype: Any = None,
    sequence_length: Any = None,
    parallel_iterations: int | None = None,
    time_major: bool = False,
    scope: Any = None,
    swap_memory: bool = False,
) -> tuple[Any, tuple, tuple]:
    """Returns (outputs, forward states, backward states) of layers of bidirectional_dynamic_rnn.

    Each layer reads the concatenated outputs of the previous one.
    """
    options = {
        "dtype": dtype,
        "sequence_length": sequence_length,
        "parallel_iterations": parallel_iterations,
        "time_major": time_major,
        "swap_memory": swap_memory,
    }

    def run_layer(forward: Any, backward: Any, inputs: Any, state_fw: Any, state_bw: Any, scope: Any) -> tuple:
        pair, states = tf.nn.bidirectional_dynamic_rnn(
            forward, backward, inputs, initial_state_fw=state_fw, initial_state_bw=state_bw, **options
        )
        return (tf.concat(pair, 2), *states)

    return _stack(run_layer, cells_fw, cells_bw, inputs, (initial_states_fw, initial_states_bw), scope)


def _linear(
    args: Any, output_size: int, bias: bool, bias_initializer: Any = None, kernel_initializer: Any = None
) -> Any:
    """Returns the concatenated tensors [B, features] times the variable kernel, plus the variable bias.

    Programs import it from tf.contrib.rnn.python.ops.core_rnn_cell.
    """
    inputs = tf.concat(args, 1) if isinstance(args, list | tuple) else args
    kernel = tf.get_variable("kernel", [int(inputs.shape[1]), output_size], inputs.dtype, kernel_initializer)
    outputs = tf.matmul(inputs, kernel)
    if not bias:
        return outputs
    return outputs + tf.get_variable("bias", [output_size], inputs.dtype, bias_initializer or tf.zeros_initializer())


class OutputProjectionWrapper(tf.nn.rnn_cell.RNNCell):
    """A cell with a linear layer on its outputs."""

    def __init__(self, cell: Any, output_size: int, activation: Any = None, reuse: bool | None = None) -> None:
        super().__init__(_reuse=reuse)
        self._cell = cell
        self._size = output_size
        self._activation = activation or tf.identity

    @property
    def state_size(self) -> Any:
        return self._cell.state_size

    @property
    def output_size(self) -> int:
        return self._size

    def zero_state(self, batch_size: Any, dtype: Any) -> Any:
        return self._cell.zero_state(batch_size, dtype)

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        outputs, state = self._cell(inputs, state)
        return self._activation(_linear(outputs, self._size, True)), state


class InputProjectionWrapper(tf.nn.rnn_cell.RNNCell):
    """A cell with a linear layer on its inputs."""

    def __init__(
        self,
        cell: Any,
        num_proj: int,
        activation: Any = None,
        input_size: None = None,
        reuse: bool | None = None,
    ) -> None:
        """input_size: not used."""
        super().__init__(_reuse=reuse)
        self._cell = cell
        self._size = num_proj
        self._activation = activation or tf.identity

    @property
    def state_size(self) -> Any:
        return self._cell.state_size

    @property
    def output_size(self) -> Any:
        return self._cell.output_size

    def zero_state(self, batch_size: Any, dtype: Any) -> Any:
        return self._cell.zero_state(batch_size, dtype)

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        return self._cell(self._activation(_linear(inputs, self._size, True)), state)


__getattr__ = module_getattr(
    "tf.contrib.rnn",
    (tf.nn.rnn_cell,),
    "use a cell of tf.nn.rnn_cell",
    _USE_INSTEAD,
    "AttentionCellWrapper BidirectionalGridLSTMCell CompiledWrapper Conv1DLSTMCell Conv2DLSTMCell Conv3DLSTMCell "
    "ConvLSTMCell CoupledInputForgetGateLSTMCell EmbeddingWrapper FusedRNNCell FusedRNNCellAdaptor GLSTMCell "
    "GridLSTMCell HighwayWrapper IndRNNCell IndyGRUCell IndyLSTMCell IntersectionRNNCell "
    "LSTMBlockWrapper NASCell PhasedLSTMCell SRUCell TimeFreqLSTMCell UGRNNCell",
)
