"""Attention mechanisms: each step of a decoder weighs the outputs of an encoder.

Shapes: B is the batch size, S the length of the memory. The memory is the encoder's outputs.
"""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf  # type: ignore[import-untyped]
from tensorflow.python.ops.rnn_cell_impl import _zero_state_tensors  # type: ignore[import-untyped]


def _prepare_memory(
    memory: Any, memory_sequence_length: Any = None, memory_mask: Any = None, check_inner_dims_defined: bool = True
) -> Any:
    """Returns tensors [B, S, …], which may be nested, with zeros behind the end of each sequence.

    Args:
      memory_sequence_length: [B], the lengths. None: the sequences fill the memory.
      memory_mask: [B, S], False or 0 behind the end. An alternative to the lengths.
    """
    memory = tf.nest.map_structure(tf.convert_to_tensor, memory)
    if memory_sequence_length is not None and memory_mask is not None:
        raise ValueError("give one of memory_sequence_length and memory_mask")
    tensors = tf.nest.flatten(memory)
    if check_inner_dims_defined and not all(tensor.shape[2:].is_fully_defined() for tensor in tensors):
        raise ValueError(f"the memory needs known dimensions after the first two, got {tensors}")
    if memory_sequence_length is not None:
        memory_mask = tf.sequence_mask(memory_sequence_length, tf.shape(tensors[0])[1])
    if memory_mask is None:
        return memory

    def masked(tensor: Any) -> Any:
        ones = tf.ones([tf.rank(tensor) - 2], tf.int32)
        return tensor * tf.reshape(tf.cast(memory_mask, tensor.dtype), tf.concat([tf.shape(memory_mask), ones], 0))

    return tf.nest.map_structure(masked, memory)


def _maybe_mask_score(
    score: Any, memory_sequence_length: Any = None, memory_mask: Any = None, score_mask_value: Any = None
) -> Any:
    """Returns scores [B, S] with score_mask_value behind the end of each sequence. See _prepare_memory."""
    if memory_sequence_length is not None and memory_mask is not None:
        raise ValueError("give one of memory_sequence_length and memory_mask")
    if memory_sequence_length is not None:
        message = "all values of memory_sequence_length must be positive"
        with tf.control_dependencies([tf.debugging.assert_positive(memory_sequence_length, message=message)]):
            memory_mask = tf.sequence_mask(memory_sequence_length, tf.shape(score)[1])
    if memory_mask is None:
        return score
    return tf.where(memory_mask, score, score_mask_value * tf.ones_like(score))


class AttentionMechanism:
    """The base of attention mechanisms. Its state must have the size state_size."""

    @property
    def alignments_size(self) -> Any:
        """S."""
        raise NotImplementedError

    @property
    def state_size(self) -> Any:
        raise NotImplementedError


class _BaseAttentionMechanism(AttentionMechanism):
    """A mechanism with a layer for the query, which is the output of the decoder's cell, and one for the memory.

    A derived class defines __call__(query, state), which returns (weights of the memory [B, S], next state).
    """

    def __init__(
        self,
        query_layer: Any,
        memory: Any,
        probability_fn: Callable,
        memory_sequence_length: Any = None,
        memory_layer: Any = None,
        check_inner_dims_defined: bool = True,
        score_mask_value: Any = None,
        custom_key_value_fn: Callable | None = None,
        name: str | None = None,
    ) -> None:
        """Makes a mechanism.

        Args:
          memory: [B, S, features].
          probability_fn: makes weights of (scores, state).
          memory_sequence_length: [B], the lengths of the memory without padding.
          score_mask_value: the score of padding. None: -inf.
          custom_key_value_fn: replaces (keys, values).
        """
        self._query_layer = query_layer
        self._memory_layer = memory_layer
        with tf.name_scope(name, "BaseAttentionMechanismInit", tf.nest.flatten(memory)):
            self._values = _prepare_memory(memory, memory_sequence_length, None, check_inner_dims_defined)
            self._keys = memory_layer(self._values) if memory_layer else self._values
            if custom_key_value_fn is not None:
                self._keys, self._values = custom_key_value_fn(self._keys, self._values)
            batch, length = (self._keys.shape[axis] or tf.shape(self._keys)[axis] for axis in (0, 1))
        self._batch_size = batch
        self._alignments_size = length
        self.dtype = memory_layer.dtype if memory_layer else self._keys.dtype
        if score_mask_value is None:
            score_mask_value = tf.as_dtype(self.dtype).as_numpy_dtype(-np.inf)

        def probabilities(score: Any, state: Any) -> Any:
            masked = _maybe_mask_score(score, memory_sequence_length, score_mask_value=score_mask_value)
            return probability_fn(masked, state)

        self._probability_fn = probabilities

    @property
    def query_layer(self) -> Any:
        return self._query_layer

    @property
    def memory_layer(self) -> Any:
        return self._memory_layer

    @property
    def values(self) -> Any:
        return self._values

    @property
    def keys(self) -> Any:
        return self._keys

    @property
    def batch_size(self) -> Any:
        return self._batch_size

    @property
    def alignments_size(self) -> Any:
        """S."""
        return self._alignments_size

    @property
    def state_size(self) -> Any:
        return self._alignments_size

    def initial_alignments(self, batch_size: Any, dtype: Any) -> Any:
        """Returns zeros [B, S]."""
        return _zero_state_tensors(self._alignments_size, batch_size, dtype)

    def initial_state(self, batch_size: Any, dtype: Any) -> Any:
        """Returns the state at the start."""
        return self.initial_alignments(batch_size, dtype)


def _luong_score(query: Any, keys: Any, scale: Any) -> Any:
    """Returns the products of query [B, units] and keys [B, S, units], times scale unless it is None."""
    if query.shape[-1] != keys.shape[-1]:
        raise ValueError(f"the query has {query.shape[-1]} features, and the attention num_units={keys.shape[-1]}")
    scores = tf.linalg.matvec(keys, query)
    return scores if scale is None else scale * scores


def _bahdanau_score(
    processed_query: Any, keys: Any, attention_v: Any, attention_g: Any = None, attention_b: Any = None
) -> Any:
    """Returns the sums over tanh(query [B, units] + keys [B, S, units]), weighted by attention_v [units].

    With attention_g and attention_b, the weights are normalized to attention_g, and tanh has the bias attention_b.
    """
    summed = keys + processed_query[:, tf.newaxis]
    if attention_g is not None and attention_b is not None:
        attention_v = attention_g * attention_v * tf.rsqrt(tf.reduce_sum(tf.square(attention_v)))
        summed += attention_b
    return tf.reduce_sum(attention_v * tf.tanh(summed), 2)


def _dense(num_units: int, name: str, dtype: Any) -> Any:
    return tf.layers.Dense(num_units, use_bias=False, name=name, dtype=dtype or tf.float32)


def _without_state(probability_fn: Callable | None) -> Callable:
    return lambda score, state: (probability_fn or tf.nn.softmax)(score)


def _bahdanau_scores(mechanism: Any, query: Any) -> Any:
    """Returns the scores [B, S] of BahdanauAttention and BahdanauMonotonicAttention, with their variables."""
    processed = mechanism.query_layer(query) if mechanism.query_layer else query
    units = mechanism._num_units
    vector = tf.get_variable("attention_v", [units], query.dtype)
    if not mechanism._normalize:
        return _bahdanau_score(processed, mechanism.keys, vector)
    size = tf.constant_initializer(units**-0.5)
    gain = tf.get_variable("attention_g", [], query.dtype, size)
    bias = tf.get_variable("attention_b", [units], query.dtype, tf.zeros_initializer())
    return _bahdanau_score(processed, mechanism.keys, vector, gain, bias)


def _luong_scores(mechanism: Any, query: Any) -> Any:
    """Returns the scores [B, S] of LuongAttention and LuongMonotonicAttention, with their variables."""
    scale = tf.get_variable("attention_g", [], query.dtype, tf.ones_initializer()) if mechanism._scale else None
    return _luong_score(query, mechanism.keys, scale)


class BahdanauAttention(_BaseAttentionMechanism):
    """Scores by a learned function of the sum of query and memory."""

    def __init__(
        self,
        num_units: int,
        memory: Any,
        memory_sequence_length: Any = None,
        normalize: bool = False,
        probability_fn: Callable | None = None,
        score_mask_value: Any = None,
        dtype: Any = None,
        custom_key_value_fn: Callable | None = None,
        name: str = "BahdanauAttention",
    ) -> None:
        """probability_fn: makes weights of scores. None: softmax."""
        super().__init__(
            _dense(num_units, "query_layer", dtype),
            memory,
            _without_state(probability_fn),
            memory_sequence_length,
            _dense(num_units, "memory_layer", dtype),
            score_mask_value=score_mask_value,
            custom_key_value_fn=custom_key_value_fn,
            name=name,
        )
        self._num_units = num_units
        self._normalize = normalize
        self._name = name

    def __call__(self, query: Any, state: Any) -> tuple[Any, Any]:
        """Returns (weights of the memory's positions [B, S], next state)."""
        with tf.variable_scope(None, "bahdanau_attention", [query]):
            scores = _bahdanau_scores(self, query)
        alignments = self._probability_fn(scores, state)
        return alignments, alignments


class LuongAttention(_BaseAttentionMechanism):
    """Scores by the product of query and memory. The query must have num_units features."""

    def __init__(
        self,
        num_units: int,
        memory: Any,
        memory_sequence_length: Any = None,
        scale: bool = False,
        probability_fn: Callable | None = None,
        score_mask_value: Any = None,
        dtype: Any = None,
        custom_key_value_fn: Callable | None = None,
        name: str = "LuongAttention",
    ) -> None:
        """probability_fn: makes weights of scores. None: softmax."""
        super().__init__(
            None,
            memory,
            _without_state(probability_fn),
            memory_sequence_length,
            _dense(num_units, "memory_layer", dtype),
            score_mask_value=score_mask_value,
            custom_key_value_fn=custom_key_value_fn,
            name=name,
        )
        self._num_units = num_units
        self._scale = scale
        self._name = name

    def __call__(self, query: Any, state: Any) -> tuple[Any, Any]:
        """Returns (weights of the memory's positions [B, S], next state)."""
        with tf.variable_scope(None, "luong_attention", [query]):
            scores = _luong_scores(self, query)
        alignments = self._probability_fn(scores, state)
        return alignments, alignments


def safe_cumprod(x: Any, *args: Any, **kwargs: Any) -> Any:
    """Returns the cumulative product of numbers in [0, 1], with a gradient that stays finite at 0.

    args, kwargs: as for tf.cumsum.
    """
    x = tf.convert_to_tensor(x)
    tiny = np.finfo(x.dtype.as_numpy_dtype).tiny
    return tf.exp(tf.cumsum(tf.log(tf.clip_by_value(x, tiny, 1)), *args, **kwargs))


def monotonic_attention(p_choose_i: Any, previous_attention: Any, mode: str) -> Any:
    """Returns weights [B, S] of the memory for a reader that moves forward only.

    Args:
      p_choose_i: [B, S], how likely the reader stays at a position that it reaches.
      previous_attention: [B, S], the weights of the step before.
      mode: "recursive" and "parallel" compute the expected weights, exactly and faster. "hard" is for p_choose_i that
        are 0 or 1.
    """
    p_choose_i = tf.convert_to_tensor(p_choose_i)
    previous_attention = tf.convert_to_tensor(previous_attention)
    if mode == "recursive":
        passing = tf.concat([tf.ones_like(p_choose_i[:, :1]), 1 - p_choose_i[:, :-1]], 1)
        arriving = tf.scan(
            lambda before, row: row[0] * before + row[1],
            [tf.transpose(passing), tf.transpose(previous_attention)],
            tf.zeros_like(p_choose_i[:, 0]),
        )
        return p_choose_i * tf.transpose(arriving)
    if mode == "parallel":
        passed = safe_cumprod(1 - p_choose_i, axis=1, exclusive=True)
        started = tf.cumsum(previous_attention / tf.clip_by_value(passed, 1e-10, 1.0), axis=1)
        return p_choose_i * passed * started
    if mode == "hard":
        chosen = p_choose_i * tf.cumsum(previous_attention, axis=1)
        return chosen * tf.cumprod(1 - chosen, axis=1, exclusive=True)
    raise ValueError("mode must be 'recursive', 'parallel' or 'hard'")


def _monotonic_probability_fn(
    score: Any, previous_alignments: Any, sigmoid_noise: float, mode: str, seed: int | None = None
) -> Any:
    """Returns the monotonic attention for scores [B, S]. sigmoid_noise: standard deviation of noise on the scores."""
    if sigmoid_noise > 0:
        score += sigmoid_noise * tf.random_normal(tf.shape(score), dtype=score.dtype, seed=seed)
    chosen = tf.cast(score > 0, score.dtype) if mode == "hard" else tf.sigmoid(score)
    return monotonic_attention(chosen, previous_alignments, mode)


class _BaseMonotonicAttentionMechanism(_BaseAttentionMechanism):
    """A mechanism that moves forward in the memory only. It starts at the first position."""

    def initial_alignments(self, batch_size: Any, dtype: Any) -> Any:
        """Returns [B, S], 1 at the first position and 0 elsewhere."""
        return tf.one_hot(tf.zeros([batch_size], tf.int32), self._alignments_size, dtype=dtype)


class BahdanauMonotonicAttention(_BaseMonotonicAttentionMechanism):
    """Monotonic attention with the scores of BahdanauAttention plus a learned bias."""

    def __init__(
        self,
        num_units: int,
        memory: Any,
        memory_sequence_length: Any = None,
        normalize: bool = False,
        score_mask_value: Any = None,
        sigmoid_noise: float = 0.0,
        sigmoid_noise_seed: int | None = None,
        score_bias_init: float = 0.0,
        mode: str = "parallel",
        dtype: Any = None,
        name: str = "BahdanauMonotonicAttention",
    ) -> None:
        """sigmoid_noise: standard deviation of noise on the scores; mode: see monotonic_attention."""
        super().__init__(
            _dense(num_units, "query_layer", dtype),
            memory,
            functools.partial(
                _monotonic_probability_fn, sigmoid_noise=sigmoid_noise, mode=mode, seed=sigmoid_noise_seed
            ),
            memory_sequence_length,
            _dense(num_units, "memory_layer", dtype),
            score_mask_value=score_mask_value,
            name=name,
        )
        self._num_units = num_units
        self._normalize = normalize
        self._name = name
        self._score_bias_init = score_bias_init

    def __call__(self, query: Any, state: Any) -> tuple[Any, Any]:
        """Returns (weights of the memory's positions [B, S], next state)."""
        with tf.variable_scope(None, "bahdanau_monotonic_attention", [query]):
            scores = _bahdanau_scores(self, query)
            scores += tf.get_variable("attention_score_bias", None, scores.dtype, self._score_bias_init)
        alignments = self._probability_fn(scores, state)
        return alignments, alignments


class LuongMonotonicAttention(_BaseMonotonicAttentionMechanism):
    """Monotonic attention with the scores of LuongAttention plus a learned bias."""

    def __init__(
        self,
        num_units: int,
        memory: Any,
        memory_sequence_length: Any = None,
        scale: bool = False,
        score_mask_value: Any = None,
        sigmoid_noise: float = 0.0,
        sigmoid_noise_seed: int | None = None,
        score_bias_init: float = 0.0,
        mode: str = "parallel",
        dtype: Any = None,
        name: str = "LuongMonotonicAttention",
    ) -> None:
        """sigmoid_noise: standard deviation of noise on the scores; mode: see monotonic_attention."""
        super().__init__(
            None,
            memory,
            functools.partial(
                _monotonic_probability_fn, sigmoid_noise=sigmoid_noise, mode=mode, seed=sigmoid_noise_seed
            ),
            memory_sequence_length,
            _dense(num_units, "memory_layer", dtype),
            score_mask_value=score_mask_value,
            name=name,
        )
        self._num_units = num_units
        self._scale = scale
        self._name = name
        self._score_bias_init = score_bias_init

    def __call__(self, query: Any, state: Any) -> tuple[Any, Any]:
        """Returns (weights of the memory's positions [B, S], next state)."""
        with tf.variable_scope(None, "luong_monotonic_attention", [query]):
            scores = _luong_scores(self, query)
            scores += tf.get_variable("attention_score_bias", None, query.dtype, self._score_bias_init)
        alignments = self._probability_fn(scores, state)
        return alignments, alignments
