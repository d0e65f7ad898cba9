"""LSTMs that are one kernel."""

from collections.abc import Callable
from typing import Any

import tensorflow.compat.v1 as tf  # type: ignore[import-untyped]
from tensorflow.python.ops import rnn_grad  # type: ignore[import-untyped]  # noqa: F401 - registers BlockLSTM's

LayerRNNCell = tf.nn.rnn_cell.BasicLSTMCell.__base__
_DIAGONALS = {"wci": "w_i_diag", "wcf": "w_f_diag", "wco": "w_o_diag"}


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
