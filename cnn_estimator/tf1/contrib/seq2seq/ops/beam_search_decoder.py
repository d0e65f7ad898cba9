"""The decoder that keeps the best beams of each sequence.

Shapes: B is the batch size, W the number of beams (beam_width), S the length of the attention's memory.
"""

import logging
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf  # type: ignore[import-untyped]
from tensorflow.python.ops.rnn_cell_impl import assert_like_rnncell  # type: ignore[import-untyped]

from cnn_estimator.tf1.contrib.seq2seq.ops.attention_wrapper import AttentionWrapperState
from cnn_estimator.tf1.contrib.seq2seq.ops.beam_search_ops import gather_tree
from cnn_estimator.tf1.contrib.seq2seq.ops.decoder import Decoder


class BeamSearchDecoderState(NamedTuple):
    """The state of the cell [B, W, …], and of the beams [B, W]."""

    cell_state: Any
    log_probs: Any
    finished: Any
    lengths: Any
    accumulated_attention_probs: Any


class BeamSearchDecoderOutput(NamedTuple):
    """The best beams of a step [B, W]: scores, last ids, and the beams of the step before that they continue."""

    scores: Any
    predicted_ids: Any
    parent_ids: Any


class FinalBeamSearchDecoderOutput(NamedTuple):
    """The ids of the beams [B, T, W], the best beam first, and the outputs of all steps."""

    predicted_ids: Any
    beam_search_decoder_output: Any


def tile_batch(t: Any, multiplier: int, name: str | None = None) -> Any:
    """Returns tensors [B * multiplier, …] with each example repeated `multiplier` times. Tensors may be nested."""

    def tile(values: Any) -> Any:
        values = tf.convert_to_tensor(values)
        if not values.shape.ndims:
            raise ValueError(f"tile_batch needs tensors with a batch axis, got {values}")
        tiled = tf.repeat(values, multiplier, axis=0)
        batch = values.shape[0] and values.shape[0] * multiplier
        tiled.set_shape(tf.TensorShape([batch]).concatenate(values.shape[1:]))
        return tiled

    with tf.name_scope(name, "tile_batch"):
        return tf.nest.map_structure(tile, t)


def gather_tree_from_array(t: Any, parent_ids: Any, sequence_length: Any) -> Any:
    """Returns t with the steps of each beam, which the beams have exchanged during the search.

    Args:
      t: [T, B, W, …] or [T, B * W, …].
      parent_ids: [T, B, W].
      sequence_length: [B, W].
    """
    steps, batch, width = tf.unstack(tf.shape(parent_ids))
    own = tf.zeros_like(parent_ids) + tf.range(width)
    beams = gather_tree(own, parent_ids, tf.reduce_max(sequence_length, 1), width + 1)
    inside = tf.transpose(tf.sequence_mask(sequence_length, steps), [2, 0, 1])
    beams = tf.where(inside, beams, own)
    values = tf.reshape(t, tf.concat([[steps, batch, width], [-1]], 0))
    return tf.reshape(tf.gather(values, beams, batch_dims=2), tf.shape(t))


def _gather_beams(values: Any, beams: Any) -> Any:
    """Returns values [B, W, …] of other beams [B, W]."""
    gathered = tf.gather(values, beams, batch_dims=1)
    gathered.set_shape(values.shape)
    return gathered


def _gather_state(values: Any, beams: Any) -> Any:
    """Returns a part of the cell's state for other beams. Scalars and TensorArrays stay as they are."""
    if isinstance(values, tf.TensorArray) or values.shape.ndims < 2:
        return values
    return _gather_beams(values, beams)


def attention_probs_from_attn_state(attention_state: Any) -> Any:
    """Returns the weights of the memory, or their mean if there are several mechanisms."""
    weights = attention_state.alignments
    return tf.reduce_mean(tf.stack(weights, -1), -1) if isinstance(weights, tuple) else weights


def get_attention_probs(next_cell_state: Any, coverage_penalty_weight: float) -> Any:
    """Returns the mean weights of the memory [B, W, S] over all attention layers, or None without a penalty."""
    if coverage_penalty_weight == 0.0:
        return None
    states = [next_cell_state] if isinstance(next_cell_state, AttentionWrapperState) else next_cell_state
    states = states if isinstance(states, list | tuple) else []
    weights = [attention_probs_from_attn_state(state) for state in states if isinstance(state, AttentionWrapperState)]
    if not weights:
        raise ValueError("coverage_penalty_weight needs a cell with attention")
    return weights[0] if len(weights) == 1 else tf.reduce_mean(tf.stack(weights, -1), -1)


def _length_penalty(sequence_lengths: Any, penalty_factor: Any) -> Any:
    """Returns ((5 + length) / 6) ** penalty_factor, or 1 if the factor is 0."""
    penalty_factor = tf.convert_to_tensor(penalty_factor)
    if tf.get_static_value(penalty_factor) == 0:
        return 1.0
    return (5.0 + tf.cast(sequence_lengths, tf.float32)) ** penalty_factor / 6.0**penalty_factor


def _get_scores(
    log_probs: Any,
    sequence_lengths: Any,
    length_penalty_weight: Any,
    coverage_penalty_weight: Any,
    finished: Any,
    accumulated_attention_probs: Any,
) -> Any:
    """Returns the scores [B, W, classes] of the beams with each next id.

    Args:
      log_probs, sequence_lengths: [B, W, classes].
      finished: bool [B, W]. The penalty for words of the memory that got no attention is for finished beams.
      accumulated_attention_probs: [B, W, S], or None if coverage_penalty_weight is 0.
    """
    scores = log_probs / tf.cast(_length_penalty(sequence_lengths, length_penalty_weight), log_probs.dtype)
    if accumulated_attention_probs is None:
        return scores
    # A position with no attention at all is padding.
    padding = tf.equal(accumulated_attention_probs, 0.0)
    covered = tf.where(padding, tf.ones_like(accumulated_attention_probs), accumulated_attention_probs)
    penalty = tf.reduce_sum(tf.log(tf.minimum(covered, 1.0)), 2) * tf.cast(finished, tf.float32)
    return scores + (penalty * coverage_penalty_weight)[:, :, tf.newaxis]


def _mask_probs(probs: Any, eos_token: Any, finished: Any) -> Any:
    """Returns log probabilities [B, W, classes] that let finished beams continue with the end token only."""
    row = tf.one_hot(eos_token, tf.shape(probs)[2], tf.zeros([], probs.dtype), probs.dtype.min, dtype=probs.dtype)
    return tf.where_v2(finished[:, :, tf.newaxis], row, probs)


def _beam_search_step(
    time: Any,
    logits: Any,
    next_cell_state: Any,
    beam_state: BeamSearchDecoderState,
    batch_size: Any,
    beam_width: int,
    end_token: Any,
    length_penalty_weight: Any,
    coverage_penalty_weight: Any,
) -> tuple[BeamSearchDecoderOutput, BeamSearchDecoderState]:
    """Returns the outputs and the state of the best beams. logits: [B, W, classes]; time: not used."""
    finished = beam_state.finished
    unfinished = tf.logical_not(finished)
    log_probs = _mask_probs(tf.nn.log_softmax(logits), end_token, finished)
    log_probs += beam_state.log_probs[:, :, tf.newaxis]
    classes = logits.shape[-1] or tf.shape(logits)[-1]
    # An end token does not count for the score's length.
    counts = tf.one_hot(end_token, classes, tf.zeros([], tf.int64), tf.ones([], tf.int64), dtype=tf.int64)
    added = counts * tf.cast(unfinished, tf.int64)[:, :, tf.newaxis]
    attention = get_attention_probs(next_cell_state, coverage_penalty_weight)
    if attention is not None:
        attention = attention * tf.cast(unfinished, tf.float32)[:, :, tf.newaxis]
        attention += beam_state.accumulated_attention_probs
    lengths = beam_state.lengths[:, :, tf.newaxis] + added
    scores = _get_scores(log_probs, lengths, length_penalty_weight, coverage_penalty_weight, finished, attention)
    best_scores, places = tf.nn.top_k(tf.reshape(scores, [batch_size, -1]), beam_width)
    best_shape = [tf.get_static_value(batch_size), beam_width]
    for best in (best_scores, places):
        best.set_shape(best_shape)
    ids = tf.cast(places % classes, tf.int32)
    beams = tf.cast(places // classes, tf.int32)
    best_log_probs = tf.gather(tf.reshape(log_probs, [batch_size, -1]), places, batch_dims=1)
    best_log_probs.set_shape(best_shape)
    were_finished = _gather_beams(finished, beams)
    state = BeamSearchDecoderState(
        cell_state=tf.nest.map_structure(lambda values: _gather_state(values, beams), next_cell_state),
        log_probs=best_log_probs,
        finished=tf.logical_or(were_finished, tf.equal(ids, end_token)),
        lengths=_gather_beams(beam_state.lengths, beams) + tf.cast(tf.logical_not(were_finished), tf.int64),
        accumulated_attention_probs=() if attention is None else _gather_beams(attention, beams),
    )
    return BeamSearchDecoderOutput(best_scores, ids, beams), state


class BeamSearchDecoder(Decoder):
    """Decodes beam_width sequences for each example. Memory and states of the cell must be made by tile_batch."""

    def __init__(
        self,
        cell: Any,
        embedding: Any,
        start_tokens: Any,
        end_token: Any,
        initial_state: Any,
        beam_width: int,
        output_layer: Any = None,
        length_penalty_weight: Any = 0.0,
        coverage_penalty_weight: Any = 0.0,
        reorder_tensor_arrays: bool = True,
    ) -> None:
        """Makes a decoder.

        Args:
          embedding: a table, or a function of ids.
          start_tokens: int32 [B].
          length_penalty_weight: 0 scores the sum of the log probabilities, larger values prefer longer sequences.
          coverage_penalty_weight: prefers sequences whose attention covered the memory.
          reorder_tensor_arrays: if True, the last state has the TensorArrays as tensors in the order of the beams.
        """
        assert_like_rnncell("cell", cell)
        self._cell = cell
        self._embedding_fn = embedding if callable(embedding) else lambda ids: tf.nn.embedding_lookup(embedding, ids)
        self._output_layer = output_layer
        self._beam_width = beam_width
        self._length_penalty_weight = length_penalty_weight
        self._coverage_penalty_weight = coverage_penalty_weight
        self._reorder_tensor_arrays = reorder_tensor_arrays
        start_tokens = tf.convert_to_tensor(start_tokens, tf.int32)
        self._end_token = tf.convert_to_tensor(end_token, tf.int32)
        if start_tokens.shape.ndims != 1 or self._end_token.shape.ndims != 0:
            raise ValueError("start_tokens must be a vector, and end_token a scalar")
        self._batch_size = tf.size(start_tokens)
        self._initial_cell_state = tf.nest.map_structure(
            self._maybe_split_batch_beams, initial_state, self._cell.state_size
        )
        self._start_tokens = tf.tile(start_tokens[:, tf.newaxis], [1, beam_width])
        self._start_inputs = self._embedding_fn(self._start_tokens)
        # All beams are equal at first: only one of them counts.
        self._finished = self._first_beam(False, True, tf.bool)

    def _first_beam(self, first: Any, others: Any, dtype: Any) -> Any:
        """Returns [B, W] with one value for the first beam and another for the others."""
        return tf.one_hot(tf.zeros([self._batch_size], tf.int32), self._beam_width, first, others, dtype=dtype)

    @property
    def batch_size(self) -> Any:
        return self._batch_size

    @property
    def tracks_own_finished(self) -> bool:
        return True

    @property
    def output_size(self) -> BeamSearchDecoderOutput:
        size = tf.TensorShape([self._beam_width])
        return BeamSearchDecoderOutput(size, size, size)

    @property
    def output_dtype(self) -> BeamSearchDecoderOutput:
        dtype = tf.nest.flatten(self._initial_cell_state)[0].dtype
        return BeamSearchDecoderOutput(dtype, tf.int32, tf.int32)

    def initialize(self, name: str | None = None) -> tuple:
        dtype = tf.nest.flatten(self._initial_cell_state)[0].dtype
        attention = get_attention_probs(self._initial_cell_state, self._coverage_penalty_weight)
        state = BeamSearchDecoderState(
            cell_state=self._initial_cell_state,
            log_probs=self._first_beam(tf.zeros([], dtype), tf.constant(-float("inf"), dtype), dtype),
            finished=self._finished,
            lengths=tf.zeros([self._batch_size, self._beam_width], tf.int64),
            accumulated_attention_probs=() if attention is None else attention,
        )
        return self._finished, self._start_inputs, state

    def step(self, time: Any, inputs: Any, state: BeamSearchDecoderState, name: str | None = None) -> tuple:
        with tf.name_scope(name, "BeamSearchDecoderStep"):
            inputs = tf.nest.map_structure(lambda values: self._merge_batch_beams(values, values.shape[2:]), inputs)
            sizes = self._cell.state_size
            cell_state = tf.nest.map_structure(self._maybe_merge_batch_beams, state.cell_state, sizes)
            outputs, cell_state = self._cell(inputs, cell_state)
            outputs = tf.nest.map_structure(lambda values: self._split_batch_beams(values, values.shape[1:]), outputs)
            cell_state = tf.nest.map_structure(self._maybe_split_batch_beams, cell_state, sizes)
            if self._output_layer is not None:
                outputs = self._output_layer(outputs)
            result, state = _beam_search_step(
                time=time,
                logits=outputs,
                next_cell_state=cell_state,
                beam_state=state,
                batch_size=self._batch_size,
                beam_width=self._beam_width,
                end_token=self._end_token,
                length_penalty_weight=self._length_penalty_weight,
                coverage_penalty_weight=self._coverage_penalty_weight,
            )
            next_inputs = tf.cond(
                tf.reduce_all(state.finished),
                lambda: self._start_inputs,
                lambda: self._embedding_fn(result.predicted_ids),
            )
        return result, state, next_inputs, state.finished

    def finalize(self, outputs: Any, final_state: Any, sequence_lengths: Any) -> tuple[Any, Any]:
        lengths = tf.reduce_max(final_state.lengths, 1)
        ids = gather_tree(outputs.predicted_ids, outputs.parent_ids, lengths, self._end_token)
        if self._reorder_tensor_arrays:
            cell_state = tf.nest.map_structure(
                lambda values: self._maybe_sort_array_beams(values, outputs.parent_ids, final_state.lengths),
                final_state.cell_state,
            )
            final_state = final_state._replace(cell_state=cell_state)
        return FinalBeamSearchDecoderOutput(ids, outputs), final_state

    def _static_shape(self, size: Any) -> Any:
        """Returns the static shape of a size, which may be an int, a TensorShape or a tensor."""
        return tf.TensorShape(tf.get_static_value(size) if tf.is_tensor(size) else size)

    def _merge_batch_beams(self, t: Any, s: Any = None) -> Any:
        """Returns [B * W, …] for t [B, W, …]. s: the static size of the rest."""
        merged = tf.reshape(t, tf.concat([[self._batch_size * self._beam_width], tf.shape(t)[2:]], 0))
        batch = tf.get_static_value(self._batch_size)
        merged.set_shape(tf.TensorShape([batch and batch * self._beam_width]).concatenate(self._static_shape(s)))
        return merged

    def _split_batch_beams(self, t: Any, s: Any = None) -> Any:
        """Returns [B, W, …] for t [B * W, …]. s: the static size of the rest."""
        split = tf.reshape(t, tf.concat([[self._batch_size, self._beam_width], tf.shape(t)[1:]], 0))
        batch = tf.get_static_value(self._batch_size)
        expected = tf.TensorShape([batch, self._beam_width]).concatenate(self._static_shape(s))
        if not split.shape.is_compatible_with(expected):
            raise ValueError(
                f"a state has the shape {split.shape}, and the beam search needs {expected}. The initial state must "
                "have batch_size * beam_width rows: use tile_batch"
            )
        split.set_shape(expected)
        return split

    def _maybe_split_batch_beams(self, t: Any, s: Any) -> Any:
        return t if isinstance(t, tf.TensorArray) or t.shape.ndims == 0 else self._split_batch_beams(t, s)

    def _maybe_merge_batch_beams(self, t: Any, s: Any) -> Any:
        return t if isinstance(t, tf.TensorArray) or t.shape.ndims < 2 else self._merge_batch_beams(t, s)

    def _is_sortable(self, shape: Any) -> bool:
        """Returns False for elements of a TensorArray that TensorFlow 1 does not sort.

        If the batch size is known, these are also elements [B * W, S] whose size S is known.
        """
        batch = tf.get_static_value(self._batch_size)
        if not shape.ndims or batch is None or shape[0] is None:
            return bool(shape.ndims)
        split = shape.ndims < 2 or shape[1] is None or shape[:2].as_list() == [batch, self._beam_width]
        return split and shape[0] == batch * self._beam_width

    def _maybe_sort_array_beams(self, t: Any, parent_ids: Any, sequence_length: Any) -> Any:
        """Returns the elements of a TensorArray as a tensor, in the order of the beams.

        Other states stay as they are. So does an array that TensorFlow 1 does not sort, with a warning.
        """
        if not isinstance(t, tf.TensorArray):
            return t
        if not self._is_sortable(t.element_shape):
            logging.getLogger("tensorflow").warning(
                "the beam search does not sort a TensorArray of the state, whose elements have the shape %s",
                t.element_shape,
            )
            return t
        values = t.stack()
        rows = self._batch_size * self._beam_width
        shape = tf.shape(values)
        fits = tf.equal(shape[1], rows)
        if values.shape.ndims != 2:
            fits |= tf.equal(shape[1], self._batch_size) & tf.equal(shape[2], self._beam_width)
        message = "a TensorArray of the state has not batch_size * beam_width rows: set reorder_tensor_arrays=False"
        with tf.control_dependencies([tf.Assert(fits, [message])]):
            return gather_tree_from_array(values, parent_ids, sequence_length)
