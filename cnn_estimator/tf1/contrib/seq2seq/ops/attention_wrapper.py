"""Attention of a decoder's cell to the outputs of an encoder."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf  # type: ignore[import-untyped]
from tensorflow.python.ops.rnn_cell_impl import (  # type: ignore[import-untyped]
    _zero_state_tensors,
    assert_like_rnncell,
)

from cnn_estimator.tf1.contrib.seq2seq.ops._attention import (
    AttentionMechanism,
    BahdanauAttention,
    BahdanauMonotonicAttention,
    LuongAttention,
    LuongMonotonicAttention,
    _bahdanau_score,
    _BaseAttentionMechanism,
    _BaseMonotonicAttentionMechanism,
    _luong_score,
    _maybe_mask_score,
    _monotonic_probability_fn,
    _prepare_memory,
    monotonic_attention,
    safe_cumprod,
)

# Programs import all of these from this file.
__all__ = [
    "AttentionMechanism",
    "AttentionWrapper",
    "AttentionWrapperState",
    "BahdanauAttention",
    "BahdanauMonotonicAttention",
    "LuongAttention",
    "LuongMonotonicAttention",
    "_BaseAttentionMechanism",
    "_BaseMonotonicAttentionMechanism",
    "_bahdanau_score",
    "_compute_attention",
    "_luong_score",
    "_maybe_mask_score",
    "_monotonic_probability_fn",
    "_prepare_memory",
    "_zero_state_tensors",
    "hardmax",
    "monotonic_attention",
    "safe_cumprod",
]
_TILE = "With BeamSearchDecoder, apply tile_batch(…, beam_width) to the memory, to its lengths and to the state."


class AttentionWrapperState(NamedTuple):
    """The state of an AttentionWrapper. With several mechanisms, fields are tuples."""

    cell_state: Any
    attention: Any
    time: Any
    alignments: Any
    alignment_history: Any
    attention_state: Any

    def clone(self, **fields: Any) -> "AttentionWrapperState":
        """Returns the state with some fields replaced. Raises ValueError if a tensor has another shape."""

        def checked(old: Any, new: Any) -> Any:
            return tf.ensure_shape(new, old.shape) if tf.is_tensor(old) and tf.is_tensor(new) else new

        return tf.nest.map_structure(checked, self, self._replace(**fields))


def hardmax(logits: Any, name: str | None = None) -> Any:
    """Returns 1 at the largest value of the last axis, and 0 elsewhere."""
    logits = tf.convert_to_tensor(logits)
    depth = tf.shape(logits)[-1] if logits.shape[-1] is None else logits.shape[-1]
    return tf.one_hot(tf.argmax(logits, -1), depth, dtype=logits.dtype)


def _compute_attention(
    attention_mechanism: Any, cell_output: Any, attention_state: Any, attention_layer: Any
) -> tuple[Any, Any, Any]:
    """Returns (attention [B, features], weights of the memory [B, S], next state of the mechanism)."""
    alignments, next_state = attention_mechanism(cell_output, attention_state)
    context = tf.matmul(alignments[:, tf.newaxis], attention_mechanism.values)[:, 0]
    if attention_layer is not None:
        context = attention_layer(tf.concat([cell_output, context], 1))
    return context, alignments, next_state


def _listed(values: Any) -> tuple:
    return tuple(values) if isinstance(values, list | tuple) else (values,)


class AttentionWrapper(tf.nn.rnn_cell.RNNCell):
    """A cell with one or several attention mechanisms."""

    def __init__(
        self,
        cell: Any,
        attention_mechanism: Any,
        attention_layer_size: Any = None,
        alignment_history: bool = False,
        cell_input_fn: Callable | None = None,
        output_attention: bool = True,
        initial_cell_state: Any = None,
        name: str | None = None,
        attention_layer: Any = None,
        attention_fn: Callable | None = None,
        dtype: Any = None,
    ) -> None:
        """Makes a cell.

        Args:
          attention_layer_size: the size of a layer that makes the attention from the cell's output and the context, for
            each mechanism. None: the attention is the context.
          alignment_history: if True, the state has a TensorArray of the weights of all steps.
          cell_input_fn: makes the cell's input of (inputs, attention). None: concatenate them.
          output_attention: if True, output the attention, else the cell's output.
          attention_layer: layers in place of attention_layer_size.
          attention_fn: computes what _compute_attention computes.
        """
        super().__init__(name=name, dtype=dtype)
        assert_like_rnncell("cell", cell)
        self._is_multi = isinstance(attention_mechanism, list | tuple)
        self._attention_mechanisms = _listed(attention_mechanism)
        if not all(isinstance(mechanism, AttentionMechanism) for mechanism in self._attention_mechanisms):
            raise TypeError(f"attention_mechanism must be an AttentionMechanism or a list: {attention_mechanism!r}")
        self._cell = cell
        self._cell_input_fn = cell_input_fn or (lambda inputs, attention: tf.concat([inputs, attention], -1))
        self._output_attention = output_attention
        self._alignment_history = alignment_history
        self._attention_fn = attention_fn or _compute_attention
        self._attention_layers = self._make_layers(attention_layer_size, attention_layer)
        self._attention_layer_size = sum(self._sizes())
        self._initial_cell_state = initial_cell_state
        if initial_cell_state is not None:
            last = tf.nest.flatten(initial_cell_state)[-1]
            with tf.control_dependencies(self._batch_size_checks(_batch_size(last), "initial_cell_state")):
                self._initial_cell_state = tf.nest.map_structure(tf.identity, initial_cell_state)

    def _make_layers(self, attention_layer_size: Any, attention_layer: Any) -> tuple | None:
        """Returns the attention layer of each mechanism, or None without attention layers."""
        if attention_layer_size is not None and attention_layer is not None:
            raise ValueError("give one of attention_layer_size and attention_layer")
        if attention_layer_size is None and attention_layer is None:
            return None
        values = _listed(attention_layer if attention_layer_size is None else attention_layer_size)
        if len(values) != len(self._attention_mechanisms):
            raise ValueError(f"{len(values)} attention layers do not fit {len(self._attention_mechanisms)} mechanisms")
        if attention_layer is not None:
            return values
        return tuple(
            tf.layers.Dense(size, use_bias=False, name="attention_layer", dtype=getattr(mechanism, "dtype", None))
            for size, mechanism in zip(values, self._attention_mechanisms, strict=True)
        )

    def _sizes(self) -> list[int]:
        """Returns the size of each mechanism's attention."""
        contexts = [int(mechanism.values.shape[-1]) for mechanism in self._attention_mechanisms]
        if self._attention_layers is None:
            return contexts
        shapes = [tf.TensorShape([None, self._cell.output_size + context]) for context in contexts]
        pairs = zip(self._attention_layers, shapes, strict=True)
        return [int(layer.compute_output_shape(shape)[-1]) for layer, shape in pairs]

    def _batch_size_checks(self, batch_size: Any, what: str) -> list:
        """Returns operations that fail if batch_size is not the batch size of the memory."""
        message = f"the batch size of {what} and the batch size of the attention's memory differ. {_TILE}"
        return [
            tf.debugging.assert_equal(batch_size, mechanism.batch_size, message=message)
            for mechanism in self._attention_mechanisms
        ]

    def _item_or_tuple(self, values: Sequence) -> Any:
        return tuple(values) if self._is_multi else values[0]

    @property
    def output_size(self) -> Any:
        return self._attention_layer_size if self._output_attention else self._cell.output_size

    @property
    def state_size(self) -> AttentionWrapperState:
        sizes = [mechanism.alignments_size for mechanism in self._attention_mechanisms]
        return AttentionWrapperState(
            cell_state=self._cell.state_size,
            attention=self._attention_layer_size,
            time=tf.TensorShape([]),
            alignments=self._item_or_tuple(sizes),
            alignment_history=self._item_or_tuple([size if self._alignment_history else () for size in sizes]),
            attention_state=self._item_or_tuple([mechanism.state_size for mechanism in self._attention_mechanisms]),
        )

    def zero_state(self, batch_size: Any, dtype: Any) -> AttentionWrapperState:
        """Returns the state at the start."""
        cell_state = self._initial_cell_state
        if cell_state is None:
            cell_state = self._cell.get_initial_state(batch_size=batch_size, dtype=dtype)
        with tf.control_dependencies(self._batch_size_checks(batch_size, "zero_state")):
            cell_state = tf.nest.map_structure(tf.identity, cell_state)
        alignments = [mechanism.initial_alignments(batch_size, dtype) for mechanism in self._attention_mechanisms]
        history = [
            tf.TensorArray(dtype, 0, dynamic_size=True, element_shape=first.shape) if self._alignment_history else ()
            for first in alignments
        ]
        states = [mechanism.initial_state(batch_size, dtype) for mechanism in self._attention_mechanisms]
        return AttentionWrapperState(
            cell_state=cell_state,
            attention=_zero_state_tensors(self._attention_layer_size, batch_size, dtype),
            time=tf.zeros([], tf.int32),
            alignments=self._item_or_tuple(alignments),
            alignment_history=self._item_or_tuple(history),
            attention_state=self._item_or_tuple(states),
        )

    def call(self, inputs: Any, state: AttentionWrapperState) -> tuple[Any, AttentionWrapperState]:
        if not isinstance(state, AttentionWrapperState):
            raise TypeError(f"the state must be an AttentionWrapperState, got {type(state)}")
        output, cell_state = self._cell(self._cell_input_fn(inputs, state.attention), state.cell_state)
        with tf.control_dependencies(self._batch_size_checks(_batch_size(output), "the query")):
            output = tf.identity(output)
        old_states = state.attention_state if self._is_multi else (state.attention_state,)
        layers = self._attention_layers or [None] * len(self._attention_mechanisms)
        attentions = []
        alignments = []
        states = []
        for mechanism, layer, old in zip(self._attention_mechanisms, layers, old_states, strict=True):
            attention, weights, new = self._attention_fn(mechanism, output, old, layer)
            attentions.append(attention)
            alignments.append(weights)
            states.append(new)
        history = state.alignment_history if self._is_multi else (state.alignment_history,)
        if self._alignment_history:
            history = [array.write(state.time, row) for array, row in zip(history, alignments, strict=True)]
        attention = tf.concat(attentions, 1)
        next_state = AttentionWrapperState(
            cell_state=cell_state,
            attention=attention,
            time=state.time + 1,
            alignments=self._item_or_tuple(alignments),
            alignment_history=self._item_or_tuple(history),
            attention_state=self._item_or_tuple(states),
        )
        return attention if self._output_attention else output, next_state


def _batch_size(tensor: Any) -> Any:
    return tensor.shape[0] or tf.shape(tensor)[0]
