"""Runs decoders. B is the batch size, T the number of steps. Programs may derive their own decoders."""

from typing import Any

import tensorflow.compat.v1 as tf  # type: ignore[import-untyped]
from tensorflow.python.ops.rnn import _transpose_batch_time  # type: ignore[import-untyped]
from tensorflow.python.ops.rnn_cell_impl import _zero_state_tensors  # type: ignore[import-untyped]


class Decoder:
    """The base of decoders for dynamic_decode."""

    @property
    def batch_size(self) -> Any:
        raise NotImplementedError

    @property
    def output_size(self) -> Any:
        """The sizes of the outputs of one step, without the batch."""
        raise NotImplementedError

    @property
    def output_dtype(self) -> Any:
        raise NotImplementedError

    def initialize(self, name: str | None = None) -> tuple:
        """Returns (finished bool [B], inputs, state) before the first step."""
        raise NotImplementedError

    def step(self, time: Any, inputs: Any, state: Any, name: str | None = None) -> tuple:
        """Returns (outputs, state, next inputs, finished)."""
        raise NotImplementedError

    def finalize(self, outputs: Any, final_state: Any, sequence_lengths: Any) -> tuple[Any, Any]:
        """Returns the (outputs [T, B, …], state) that dynamic_decode returns."""
        return outputs, final_state

    @property
    def tracks_own_finished(self) -> bool:
        """True if a sequence that is finished may be unfinished at a later step."""
        return False


def rnn_output_size(cell: Any, output_layer: Any) -> Any:
    """Returns the sizes of the outputs of a cell, or of a layer on them, without the batch."""
    if output_layer is None:
        return cell.output_size
    shapes = tf.nest.map_structure(lambda size: tf.TensorShape([None]).concatenate(size), cell.output_size)
    return tf.nest.map_structure(lambda shape: shape[1:], output_layer.compute_output_shape(shapes))


def _create_array(size: Any, dtype: Any, batch_size: Any) -> Any:
    """Returns a TensorArray for outputs [B, *size]."""
    shape = None
    if isinstance(size, tf.TensorShape) and size.ndims != 0:
        shape = tf.TensorShape([tf.get_static_value(tf.convert_to_tensor(batch_size))]).concatenate(size)
    return tf.TensorArray(dtype, 0, dynamic_size=True, element_shape=shape)


def _where_unfinished(finished: Any, new: Any, old: Any) -> Any:
    """Returns the new state of unfinished sequences and the old state of finished ones."""
    if isinstance(old, tf.TensorArray):
        return new
    new.set_shape(old.shape)
    return new if new.shape.ndims == 0 else tf.where(finished, old, new)


def dynamic_decode(
    decoder: Any,
    output_time_major: bool = False,
    impute_finished: bool = False,
    maximum_iterations: Any = None,
    parallel_iterations: int = 32,
    swap_memory: bool = False,
    scope: Any = None,
) -> tuple[Any, Any, Any]:
    """Runs a decoder until all sequences are finished, or for maximum_iterations steps.

    impute_finished: if True, outputs after a sequence's end are 0, and its state is the state at its end.

    Returns:
      (outputs [B, T, …], or [T, B, …] if output_time_major, last state, lengths of the sequences int32 [B])
    """
    if not isinstance(decoder, Decoder):
        raise TypeError(f"the decoder must be a Decoder, got {type(decoder)}")
    with tf.variable_scope(scope, "decoder"):
        finished, inputs, state = decoder.initialize()
        limit = None if maximum_iterations is None else tf.convert_to_tensor(maximum_iterations, tf.int32)
        if limit is not None:
            finished = tf.logical_or(finished, limit <= 0)
        sizes = decoder.output_size
        dtypes = decoder.output_dtype
        zeros = tf.nest.map_structure(
            lambda size, dtype: _zero_state_tensors(size, decoder.batch_size, dtype), sizes, dtypes
        )
        arrays = tf.nest.map_structure(
            lambda size, dtype: _create_array(size, dtype, decoder.batch_size), sizes, dtypes
        )

        def step(time: Any, arrays: Any, state: Any, inputs: Any, finished: Any, lengths: Any) -> tuple:
            outputs, new_state, next_inputs, ended = decoder.step(time, inputs, state)
            if not decoder.tracks_own_finished:
                ended = tf.logical_or(ended, finished)
            lengths = tf.where(finished, lengths, tf.fill(tf.shape(lengths), time + 1))
            tf.nest.assert_same_structure(state, new_state)
            tf.nest.assert_same_structure(arrays, outputs)
            tf.nest.assert_same_structure(inputs, next_inputs)
            if impute_finished:
                outputs = tf.nest.map_structure(lambda output, zero: tf.where(finished, zero, output), outputs, zeros)
                new_state = tf.nest.map_structure(
                    lambda new, old: _where_unfinished(finished, new, old), new_state, state
                )
            arrays = tf.nest.map_structure(lambda array, output: array.write(time, output), arrays, outputs)
            return time + 1, arrays, new_state, next_inputs, ended, lengths

        _, arrays, state, _, _, lengths = tf.while_loop(
            lambda *values: tf.logical_not(tf.reduce_all(values[4])),
            step,
            (tf.constant(0), arrays, state, inputs, finished, tf.zeros_like(finished, tf.int32)),
            parallel_iterations=parallel_iterations,
            maximum_iterations=limit,
            swap_memory=swap_memory,
        )
        outputs = tf.nest.map_structure(lambda array: array.stack(), arrays)
        outputs, state = decoder.finalize(outputs, state, lengths)
        if not output_time_major:
            outputs = tf.nest.map_structure(_transpose_batch_time, outputs)
        return outputs, state, lengths
