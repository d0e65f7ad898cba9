"""The helpers that choose a decoder's inputs. B is the batch size. Programs may derive their own helpers."""

from collections.abc import Callable
from typing import Any

import tensorflow.compat.v1 as tf  # type: ignore[import-untyped]
from tensorflow.python.ops.rnn import _transpose_batch_time  # type: ignore[import-untyped]


def bernoulli_sample(
    probs: Any = None, logits: Any = None, dtype: Any = tf.int32, sample_shape: Any = (), seed: int | None = None
) -> Any:
    """Returns samples [*sample_shape, …] that are 1 with the probabilities probs, or sigmoid(logits)."""
    probs = tf.sigmoid(logits) if probs is None else tf.convert_to_tensor(probs)
    sample_shape = tf.reshape(tf.convert_to_tensor(sample_shape, tf.int32), [-1])
    # The shape decides which random numbers the operation draws.
    drawn = tf.random_uniform(
        tf.concat([[tf.reduce_prod(sample_shape)], tf.shape(probs)], 0), seed=seed, dtype=probs.dtype
    )
    return tf.cast(tf.reshape(drawn < probs, tf.concat([sample_shape, tf.shape(probs)], 0)), dtype)


def categorical_sample(logits: Any, dtype: Any = tf.int32, sample_shape: Any = (), seed: int | None = None) -> Any:
    """Returns ids [*sample_shape, …] for logits […, classes]."""
    logits = tf.convert_to_tensor(logits)
    sample_shape = tf.reshape(tf.convert_to_tensor(sample_shape, tf.int32), [-1])
    batch = tf.shape(logits)[:-1]
    rows = tf.reshape(logits, [-1, tf.shape(logits)[-1]])
    drawn = tf.random.categorical(
        rows, tf.reduce_prod(sample_shape), seed=seed, dtype=tf.int64 if logits.dtype.size > 4 else tf.int32
    )
    return tf.cast(tf.reshape(tf.transpose(drawn), tf.concat([sample_shape, batch], 0)), dtype)


def _embedder(embedding: Any) -> Callable:
    return embedding if callable(embedding) else lambda ids: tf.nn.embedding_lookup(embedding, ids)


def _unstack(values: Any) -> Any:
    """Returns a TensorArray of the rows of values [T, …]."""
    return tf.TensorArray(values.dtype, tf.shape(values)[0], element_shape=values.shape[1:]).unstack(values)


class Helper:
    """Chooses the input of a decoder at each step."""

    _batch_size: Any
    _sample_ids_shape: Any = tf.TensorShape([])
    _sample_ids_dtype: Any = tf.int32

    @property
    def batch_size(self) -> Any:
        return self._batch_size

    @property
    def sample_ids_shape(self) -> Any:
        """The shape of the ids without the batch."""
        return self._sample_ids_shape

    @property
    def sample_ids_dtype(self) -> Any:
        return self._sample_ids_dtype

    def initialize(self, name: str | None = None) -> tuple[Any, Any]:
        """Returns (finished bool [B] before the first step, first inputs)."""
        raise NotImplementedError

    def sample(self, time: Any, outputs: Any, state: Any = None, name: str | None = None) -> Any:
        """Returns the ids of a step's outputs. By default, the ids of the largest outputs."""
        return tf.argmax(outputs, -1, output_type=tf.int32)

    def next_inputs(self, time: Any, outputs: Any, state: Any, sample_ids: Any, name: str | None = None) -> tuple:
        """Returns (finished bool [B], next inputs, state)."""
        raise NotImplementedError


class TrainingHelper(Helper):
    """Reads given inputs [B, T, …], which may be nested."""

    def __init__(self, inputs: Any, sequence_length: Any, time_major: bool = False, name: str | None = None) -> None:
        inputs = tf.nest.map_structure(tf.convert_to_tensor, inputs)
        self._inputs = inputs
        if not time_major:
            inputs = tf.nest.map_structure(_transpose_batch_time, inputs)
        self._input_tas = tf.nest.map_structure(_unstack, inputs)
        self._zero_inputs = tf.nest.map_structure(lambda values: tf.zeros_like(values[0]), inputs)
        self._sequence_length = tf.convert_to_tensor(sequence_length)
        if self._sequence_length.shape.ndims != 1:
            raise ValueError(f"sequence_length must be a vector, got the shape {self._sequence_length.shape}")
        self._batch_size = tf.size(self._sequence_length)

    @property
    def inputs(self) -> Any:
        return self._inputs

    @property
    def sequence_length(self) -> Any:
        return self._sequence_length

    def _at(self, time: Any) -> tuple[Any, Any]:
        """Returns (finished, the inputs of the step `time`). Inputs are zeros if all sequences are finished."""
        finished = tf.cast(time, self._sequence_length.dtype) >= self._sequence_length

        def read() -> Any:
            return tf.nest.map_structure(lambda array: array.read(time), self._input_tas)

        return finished, tf.cond(tf.reduce_all(finished), lambda: self._zero_inputs, read)

    def initialize(self, name: str | None = None) -> tuple[Any, Any]:
        return self._at(0)

    def next_inputs(
        self, time: Any, outputs: Any, state: Any, sample_ids: Any = None, name: str | None = None
    ) -> tuple:
        return (*self._at(time + 1), state)


def _probability(sampling_probability: Any) -> Any:
    probability = tf.convert_to_tensor(sampling_probability)
    if probability.shape.ndims not in (0, 1):
        raise ValueError(f"sampling_probability must be a scalar or a vector, got the shape {probability.shape}")
    return probability


def _mixed(sampled: Any, inputs: Any, make_inputs: Callable) -> Any:
    """Returns make_inputs(places of the sampled rows [n, 1]) in the sampled rows, and the inputs in the others."""
    places = tf.where(sampled)
    others = tf.where(tf.logical_not(sampled))
    shape = tf.shape(inputs, out_type=tf.int64)
    return tf.scatter_nd(places, make_inputs(places), shape) + tf.scatter_nd(
        others, tf.gather_nd(inputs, others), shape
    )


class ScheduledEmbeddingTrainingHelper(TrainingHelper):
    """Reads given inputs, or embeddings of sampled ids with the probability sampling_probability.

    The sample id of a row that is not sampled is -1.
    """

    def __init__(
        self,
        inputs: Any,
        sequence_length: Any,
        embedding: Any,
        sampling_probability: Any,
        time_major: bool = False,
        seed: int | None = None,
        scheduling_seed: int | None = None,
        name: str | None = None,
    ) -> None:
        """embedding: a table, or a function of ids; scheduling_seed: the seed of the choice which rows are sampled."""
        super().__init__(inputs, sequence_length, time_major, name)
        self._embedding_fn = _embedder(embedding)
        self._sampling_probability = _probability(sampling_probability)
        self._seed = seed
        self._scheduling_seed = scheduling_seed

    def sample(self, time: Any, outputs: Any, state: Any = None, name: str | None = None) -> Any:
        with tf.control_dependencies([outputs]):  # steps draw their random numbers one after the other
            sampled = bernoulli_sample(
                self._sampling_probability,
                dtype=tf.bool,
                sample_shape=self.batch_size,
                seed=self._scheduling_seed,
            )
        return tf.where(sampled, categorical_sample(outputs, seed=self._seed), tf.fill([self.batch_size], -1))

    def next_inputs(
        self, time: Any, outputs: Any, state: Any, sample_ids: Any = None, name: str | None = None
    ) -> tuple:
        finished, inputs, state = super().next_inputs(time, outputs, state, sample_ids)

        def mix() -> Any:
            return _mixed(sample_ids > -1, inputs, lambda places: self._embedding_fn(tf.gather_nd(sample_ids, places)))

        return finished, tf.cond(tf.reduce_all(finished), lambda: inputs, mix), state


class ScheduledOutputTrainingHelper(TrainingHelper):
    """Reads given inputs, or the outputs of the step before with the probability sampling_probability.

    The sample ids are 1 for the rows that read outputs.
    """

    def __init__(
        self,
        inputs: Any,
        sequence_length: Any,
        sampling_probability: Any,
        time_major: bool = False,
        seed: int | None = None,
        next_inputs_fn: Callable | None = None,
        auxiliary_inputs: Any = None,
        name: str | None = None,
    ) -> None:
        """Makes a helper.

        Args:
          next_inputs_fn: makes inputs of outputs. None: the outputs are the inputs.
          auxiliary_inputs: [B, T, …], concatenated to the inputs and to the outputs.
        """
        self._sampling_probability = _probability(sampling_probability)
        self._seed = seed
        self._next_inputs_fn = next_inputs_fn
        self._auxiliary_input_tas = None
        if auxiliary_inputs is not None:
            auxiliary_inputs = tf.convert_to_tensor(auxiliary_inputs)
            inputs = tf.concat([inputs, auxiliary_inputs], -1)
            self._auxiliary_input_tas = _unstack(
                auxiliary_inputs if time_major else _transpose_batch_time(auxiliary_inputs)
            )
        super().__init__(inputs, sequence_length, time_major, name)

    def sample(self, time: Any, outputs: Any, state: Any = None, name: str | None = None) -> Any:
        with tf.control_dependencies([outputs]):  # steps draw their random numbers one after the other
            return bernoulli_sample(self._sampling_probability, sample_shape=self.batch_size, seed=self._seed)

    def _with_auxiliary_inputs(self, time: Any, outputs: Any, places: Any = None) -> Any:
        if self._auxiliary_input_tas is None:
            return outputs
        auxiliary = self._auxiliary_input_tas.read(time + 1)
        return tf.concat([outputs, auxiliary if places is None else tf.gather_nd(auxiliary, places)], -1)

    def next_inputs(
        self, time: Any, outputs: Any, state: Any, sample_ids: Any = None, name: str | None = None
    ) -> tuple:
        finished, inputs, state = super().next_inputs(time, outputs, state, sample_ids)
        sampled = tf.cast(sample_ids, tf.bool)

        make_inputs = self._next_inputs_fn

        def mix() -> Any:
            if make_inputs is None:
                return tf.where(sampled, self._with_auxiliary_inputs(time, outputs), inputs)

            def sampled_inputs(places: Any) -> Any:
                return self._with_auxiliary_inputs(time, make_inputs(tf.gather_nd(outputs, places)), places)

            return _mixed(sampled, inputs, sampled_inputs)

        unchanged = tf.reduce_all(finished) | ~tf.reduce_any(sampled)
        return finished, tf.cond(unchanged, lambda: inputs, mix), state


class GreedyEmbeddingHelper(Helper):
    """Reads the embedding of the likeliest id of the previous step, until the end token."""

    def __init__(self, embedding: Any, start_tokens: Any, end_token: Any) -> None:
        """embedding: a table, or a function of ids; start_tokens: int32 [B]."""
        self._embedding_fn = _embedder(embedding)
        self._start_tokens = tf.convert_to_tensor(start_tokens, tf.int32)
        self._end_token = tf.convert_to_tensor(end_token, tf.int32)
        if self._start_tokens.shape.ndims != 1 or self._end_token.shape.ndims != 0:
            raise ValueError("start_tokens must be a vector, and end_token a scalar")
        self._batch_size = tf.size(self._start_tokens)
        self._start_inputs = self._embedding_fn(self._start_tokens)

    def initialize(self, name: str | None = None) -> tuple[Any, Any]:
        return tf.zeros([self._batch_size], tf.bool), self._start_inputs

    def next_inputs(self, time: Any, outputs: Any, state: Any, sample_ids: Any, name: str | None = None) -> tuple:
        finished = tf.equal(sample_ids, self._end_token)
        ended = tf.reduce_all(finished)
        return finished, tf.cond(ended, lambda: self._start_inputs, lambda: self._embedding_fn(sample_ids)), state


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
        self._softmax_temperature = softmax_temperature
        self._seed = seed

    def sample(self, time: Any, outputs: Any, state: Any = None, name: str | None = None) -> Any:
        logits = outputs if self._softmax_temperature is None else outputs / self._softmax_temperature
        return categorical_sample(logits, seed=self._seed)


class InferenceHelper(Helper):
    """A helper whose next inputs are its samples, or are made of them."""

    def __init__(
        self,
        sample_fn: Callable,
        sample_shape: Any,
        sample_dtype: Any,
        start_inputs: Any,
        end_fn: Callable,
        next_inputs_fn: Callable | None = None,
    ) -> None:
        """Makes a helper.

        Args:
          sample_fn: makes samples [B, *sample_shape] of outputs.
          end_fn: makes bool [B] of samples, True for finished sequences.
          next_inputs_fn: makes inputs of samples. None: the samples are the inputs.
        """
        self._sample_fn = sample_fn
        self._end_fn = end_fn
        self._next_inputs_fn = next_inputs_fn
        self._sample_ids_shape = tf.TensorShape(sample_shape)
        self._sample_ids_dtype = sample_dtype
        self._start_inputs = tf.convert_to_tensor(start_inputs)
        self._batch_size = tf.shape(self._start_inputs)[0]

    def initialize(self, name: str | None = None) -> tuple[Any, Any]:
        return tf.zeros([self._batch_size], tf.bool), self._start_inputs

    def sample(self, time: Any, outputs: Any, state: Any = None, name: str | None = None) -> Any:
        return self._sample_fn(outputs)

    def next_inputs(self, time: Any, outputs: Any, state: Any, sample_ids: Any, name: str | None = None) -> tuple:
        inputs = sample_ids if self._next_inputs_fn is None else self._next_inputs_fn(sample_ids)
        return self._end_fn(sample_ids), inputs, state


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
        self._initialize_fn = initialize_fn
        self._sample_fn = sample_fn
        self._next_inputs_fn = next_inputs_fn
        self._sample_ids_shape = tf.TensorShape(sample_ids_shape or [])
        self._sample_ids_dtype = sample_ids_dtype or tf.int32

    def initialize(self, name: str | None = None) -> tuple[Any, Any]:
        finished, inputs = self._initialize_fn()
        self._batch_size = tf.size(finished)
        return finished, inputs

    def sample(self, time: Any, outputs: Any, state: Any = None, name: str | None = None) -> Any:
        return self._sample_fn(time=time, outputs=outputs, state=state)

    def next_inputs(self, time: Any, outputs: Any, state: Any, sample_ids: Any, name: str | None = None) -> tuple:
        return self._next_inputs_fn(time=time, outputs=outputs, state=state, sample_ids=sample_ids)
