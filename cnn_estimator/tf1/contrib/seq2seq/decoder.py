"""The decoders of tf.contrib.seq2seq, and the helpers that choose a decoder's inputs.

Shapes: B is the batch size, T the number of steps. Programs may derive their own helpers and decoders.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf  # type: ignore[import-untyped]


class Helper:
    """Chooses the input of a decoder at each step."""

    sample_ids_shape: Any = tf.TensorShape([])
    sample_ids_dtype: Any = tf.int32
    batch_size: Any

    def initialize(self, name: str | None = None) -> tuple[Any, Any]:
        """Returns (finished bool [B] before the first step, first inputs)."""
        raise NotImplementedError

    def sample(self, time: Any, outputs: Any, state: Any, name: str | None = None) -> Any:
        """Returns the ids of a step's outputs. By default, the ids of the largest outputs."""
        return tf.argmax(outputs, -1, output_type=tf.int32)

    def next_inputs(self, time: Any, outputs: Any, state: Any, sample_ids: Any, name: str | None = None) -> tuple:
        """Returns (finished bool [B], next inputs, state)."""
        raise NotImplementedError


class TrainingHelper(Helper):
    """Reads given inputs [B, T, …], which may be nested."""

    def __init__(self, inputs: Any, sequence_length: Any, time_major: bool = False, name: str | None = None) -> None:
        self.sequence_length = tf.cast(sequence_length, tf.int32)
        self.batch_size = tf.size(self.sequence_length)
        inputs = tf.nest.map_structure(tf.convert_to_tensor, inputs)
        self._inputs = inputs if time_major else tf.nest.map_structure(_swap, inputs)

    def initialize(self, name: str | None = None) -> tuple[Any, Any]:
        return self._at(0)

    def next_inputs(self, time: Any, outputs: Any, state: Any, sample_ids: Any, name: str | None = None) -> tuple:
        return (*self._at(time + 1), state)

    def _at(self, time: Any) -> tuple[Any, Any]:
        def read(values: Any) -> Any:
            last = tf.maximum(tf.shape(values)[0] - 1, 0)
            row = tf.gather(values, tf.minimum(time, last))
            return tf.cond(tf.reduce_all(finished), lambda: tf.zeros_like(row), lambda: row)

        finished = time >= self.sequence_length
        return finished, tf.nest.map_structure(read, self._inputs)


class GreedyEmbeddingHelper(Helper):
    """Reads the embedding of the likeliest id of the previous step, until the end token."""

    def __init__(self, embedding: Any, start_tokens: Any, end_token: Any) -> None:
        """embedding: a table, or a function of ids; start_tokens: int32 [B]."""
        self._embed = embedding if callable(embedding) else lambda ids: tf.nn.embedding_lookup(embedding, ids)
        self._start = tf.convert_to_tensor(start_tokens, tf.int32)
        self._end = end_token
        self.batch_size = tf.size(self._start)

    def initialize(self, name: str | None = None) -> tuple[Any, Any]:
        return tf.zeros([self.batch_size], tf.bool), self._embed(self._start)

    def next_inputs(self, time: Any, outputs: Any, state: Any, sample_ids: Any, name: str | None = None) -> tuple:
        finished = tf.equal(sample_ids, self._end)
        ended = tf.reduce_all(finished)
        first = self._embed(self._start)
        return finished, tf.cond(ended, lambda: first, lambda: self._embed(sample_ids)), state


class SampleEmbeddingHelper(GreedyEmbeddingHelper):
    """Samples ids from the decoder's probabilities."""

    def __init__(
        self,
        embedding: Any,
        start_tokens: Any,
        end_token: Any,
        softmax_temperature: Any = None,
        seed: int | None = None,
    ) -> None:
        super().__init__(embedding, start_tokens, end_token)
        self._temperature = softmax_temperature
        self._seed = seed

    def sample(self, time: Any, outputs: Any, state: Any, name: str | None = None) -> Any:
        logits = outputs if self._temperature is None else outputs / self._temperature
        return tf.random.categorical(logits, 1, seed=self._seed, dtype=tf.int32)[:, 0]


class CustomHelper(Helper):
    """A helper of three functions."""

    def __init__(
        self,
        initialize_fn: Callable,
        sample_fn: Callable,
        next_inputs_fn: Callable,
        sample_ids_shape: Any = None,
        sample_ids_dtype: Any = None,
    ) -> None:
        self._initialize = initialize_fn
        self._sample = sample_fn
        self._next = next_inputs_fn
        self.sample_ids_shape = tf.TensorShape(sample_ids_shape or [])
        self.sample_ids_dtype = sample_ids_dtype or tf.int32

    def initialize(self, name: str | None = None) -> tuple[Any, Any]:
        finished, inputs = self._initialize()
        self.batch_size = tf.size(finished)
        return finished, inputs

    def sample(self, time: Any, outputs: Any, state: Any, name: str | None = None) -> Any:
        return self._sample(time=time, outputs=outputs, state=state)

    def next_inputs(self, time: Any, outputs: Any, state: Any, sample_ids: Any, name: str | None = None) -> tuple:
        return self._next(time=time, outputs=outputs, state=state, sample_ids=sample_ids)


class Decoder:
    """The base of decoders for dynamic_decode: batch_size, output_size, output_dtype, initialize and step."""

    tracks_own_finished = False

    def finalize(self, outputs: Any, final_state: Any, sequence_lengths: Any) -> tuple[Any, Any]:
        """Returns the (outputs [T, B, …], state) that dynamic_decode returns."""
        return outputs, final_state


class BasicDecoderOutput(NamedTuple):
    """The outputs of a step, and their ids."""

    rnn_output: Any
    sample_id: Any


class BasicDecoder(Decoder):
    """Runs a cell, and a layer on its outputs, on inputs that a helper chooses."""

    def __init__(self, cell: Any, helper: Any, initial_state: Any, output_layer: Any = None) -> None:
        self._cell = cell
        self._helper = helper
        self._state = initial_state
        self._layer = output_layer

    @property
    def batch_size(self) -> Any:
        return self._helper.batch_size

    @property
    def output_size(self) -> BasicDecoderOutput:
        size = self._cell.output_size
        if self._layer is not None:
            size = self._layer.compute_output_shape(tf.TensorShape([None, size]))[-1]
        return BasicDecoderOutput(size, self._helper.sample_ids_shape)

    @property
    def output_dtype(self) -> BasicDecoderOutput:
        return BasicDecoderOutput(tf.nest.flatten(self._state)[0].dtype, self._helper.sample_ids_dtype)

    def initialize(self, name: str | None = None) -> tuple:
        """Returns (finished, inputs, state) before the first step."""
        return (*self._helper.initialize(), self._state)

    def step(self, time: Any, inputs: Any, state: Any, name: str | None = None) -> tuple:
        """Returns (outputs, state, next inputs, finished)."""
        outputs, state = self._cell(inputs, state)
        if self._layer is not None:
            outputs = self._layer(outputs)
        ids = self._helper.sample(time=time, outputs=outputs, state=state)
        finished, inputs, state = self._helper.next_inputs(time=time, outputs=outputs, state=state, sample_ids=ids)
        return BasicDecoderOutput(outputs, ids), state, inputs, finished


def _swap(values: Any) -> Any:
    """Swaps the first two axes."""
    return tf.transpose(values, [1, 0, *range(2, values.shape.ndims)])


def _where_unfinished(finished: Any, new: Any, old: Any) -> Any:
    """Returns the new values of unfinished sequences and the old values of finished ones."""
    if isinstance(new, tf.TensorArray) or new.shape.ndims == 0:
        return new
    merged = tf.where(finished, old, new)
    merged.set_shape(new.shape)
    return merged


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
    with tf.variable_scope(scope, "decoder"):
        finished, inputs, state = decoder.initialize()
        limit = None if maximum_iterations is None else tf.cast(maximum_iterations, tf.int32)
        if limit is not None:
            finished = tf.logical_or(finished, limit <= 0)
        arrays = tf.nest.map_structure(lambda dtype: tf.TensorArray(dtype, 0, dynamic_size=True), decoder.output_dtype)

        def step(time: Any, arrays: Any, state: Any, inputs: Any, finished: Any, lengths: Any) -> tuple:
            outputs, new_state, inputs, ended = decoder.step(time, inputs, state)
            if not decoder.tracks_own_finished:
                ended = tf.logical_or(ended, finished)
            lengths = tf.where(finished, lengths, tf.fill(tf.shape(lengths), time + 1))
            if impute_finished:
                outputs = tf.nest.map_structure(
                    lambda new: _where_unfinished(finished, new, tf.zeros_like(new)), outputs
                )
                new_state = tf.nest.map_structure(
                    lambda new, old: _where_unfinished(finished, new, old), new_state, state
                )
            if limit is not None:
                ended = tf.logical_or(ended, time + 1 >= limit)
            arrays = tf.nest.map_structure(lambda array, output: array.write(time, output), arrays, outputs)
            return time + 1, arrays, new_state, inputs, ended, lengths

        _, arrays, state, _, _, lengths = tf.while_loop(
            lambda *values: tf.logical_not(tf.reduce_all(values[4])),
            step,
            (tf.constant(0), arrays, state, inputs, finished, tf.zeros_like(finished, tf.int32)),
            parallel_iterations=parallel_iterations,
            swap_memory=swap_memory,
        )
        outputs = tf.nest.map_structure(lambda array: array.stack(), arrays)
        outputs, state = decoder.finalize(outputs, state, lengths)
        return outputs if output_time_major else tf.nest.map_structure(_swap, outputs), state, lengths
