"""The attention of tf.contrib.seq2seq: each step of a decoder weighs the outputs of an encoder.

Shapes: B is the batch size, S the length of the memory. The memory is the encoder's outputs.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf  # type: ignore[import-untyped]


class AttentionMechanism:
    """Scores the memory for a query, which is the output of the decoder's cell."""

    _SCOPE: str

    def __init__(
        self,
        num_units: int,
        memory: Any,
        memory_sequence_length: Any,
        probability_fn: Callable | None,
        score_mask_value: float | None,
        dtype: Any,
    ) -> None:
        """memory: [B, S, features]; memory_sequence_length: [B], the length of the memory without padding."""
        self._units = num_units
        self._probability = probability_fn or tf.nn.softmax
        self._masked = -float("inf") if score_mask_value is None else score_mask_value
        memory = tf.convert_to_tensor(memory, dtype)
        self._mask = None
        if memory_sequence_length is not None:
            self._mask = tf.sequence_mask(memory_sequence_length, tf.shape(memory)[1])
            memory *= tf.cast(self._mask, memory.dtype)[:, :, tf.newaxis]
        self.values = memory
        self.memory_layer = tf.layers.Dense(num_units, use_bias=False, name="memory_layer", dtype=memory.dtype)
        self.keys = self.memory_layer(memory)
        self.batch_size = tf.shape(memory)[0]

    @property
    def alignments_size(self) -> Any:
        """S."""
        return tf.shape(self.values)[1]

    state_size = alignments_size

    def initial_alignments(self, batch_size: Any, dtype: Any) -> Any:
        """Returns zeros [B, S]."""
        zeros = tf.zeros([batch_size, self.alignments_size], dtype)
        zeros.set_shape([None, self.values.shape[1]])
        return zeros

    initial_state = initial_alignments

    def _scores(self, query: Any) -> Any:
        raise NotImplementedError

    def __call__(self, query: Any, state: Any) -> tuple[Any, Any]:
        """Returns (weights of the memory's positions [B, S], next state)."""
        with tf.variable_scope(None, self._SCOPE, [query]):
            scores = self._scores(query)
        if self._mask is not None:
            scores = tf.where(self._mask, scores, tf.fill(tf.shape(scores), tf.cast(self._masked, scores.dtype)))
        alignments = self._probability(scores)
        return alignments, alignments


class BahdanauAttention(AttentionMechanism):
    """Scores by a learned function of the sum of query and memory."""

    _SCOPE = "bahdanau_attention"

    def __init__(
        self,
        num_units: int,
        memory: Any,
        memory_sequence_length: Any = None,
        normalize: bool = False,
        probability_fn: Callable | None = None,
        score_mask_value: float | None = None,
        dtype: Any = None,
        name: str = "BahdanauAttention",
    ) -> None:
        super().__init__(num_units, memory, memory_sequence_length, probability_fn, score_mask_value, dtype)
        self.query_layer = tf.layers.Dense(num_units, use_bias=False, name="query_layer", dtype=self.values.dtype)
        self._normalize = normalize

    def _scores(self, query: Any) -> Any:
        summed = self.keys + self.query_layer(query)[:, tf.newaxis]
        vector = tf.get_variable("attention_v", [self._units], summed.dtype)
        if self._normalize:
            size = tf.constant_initializer(self._units**-0.5)
            gain = tf.get_variable("attention_g", [], summed.dtype, size)
            summed += tf.get_variable("attention_b", [self._units], summed.dtype, tf.zeros_initializer())
            vector = gain * vector * tf.rsqrt(tf.reduce_sum(tf.square(vector)))
        return tf.reduce_sum(vector * tf.tanh(summed), 2)


class LuongAttention(AttentionMechanism):
    """Scores by the product of query and memory. The query must have num_units features."""

    _SCOPE = "luong_attention"

    def __init__(
        self,
        num_units: int,
        memory: Any,
        memory_sequence_length: Any = None,
        scale: bool = False,
        probability_fn: Callable | None = None,
        score_mask_value: float | None = None,
        dtype: Any = None,
        name: str = "LuongAttention",
    ) -> None:
        super().__init__(num_units, memory, memory_sequence_length, probability_fn, score_mask_value, dtype)
        self._scale = scale

    def _scores(self, query: Any) -> Any:
        if query.shape[-1] != self._units:
            raise ValueError(f"the query has {query.shape[-1]} features, and the attention num_units={self._units}")
        scores = tf.linalg.matvec(self.keys, query)
        if self._scale:
            scores *= tf.get_variable("attention_g", [], scores.dtype, tf.ones_initializer())
        return scores


class AttentionWrapperState(NamedTuple):
    """The state of an AttentionWrapper. With several mechanisms, fields are tuples."""

    cell_state: Any
    attention: Any
    time: Any
    alignments: Any
    alignment_history: Any
    attention_state: Any

    def clone(self, **fields: Any) -> "AttentionWrapperState":
        """Returns the state with some fields replaced."""
        return self._replace(**fields)


class AttentionWrapper(tf.nn.rnn_cell.RNNCell):
    """A cell that also reads the attention of the previous step."""

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
    ) -> None:
        """attention_mechanism, attention_layer_size and attention_layer may be lists.

        Args:
          attention_layer_size: units of a layer on the cell's output and the context. None: attention is the context.
          cell_input_fn: makes the cell's input of (inputs, attention). None: concatenate them.
          output_attention: if True, output the attention, else the cell's output.
        """
        super().__init__(name=name)
        self._several = isinstance(attention_mechanism, list | tuple)
        self._mechanisms = _listed(attention_mechanism)
        if attention_layer_size is not None and attention_layer is not None:
            raise ValueError("give one of attention_layer_size and attention_layer")
        layers = [None] * len(self._mechanisms) if attention_layer is None else _listed(attention_layer)
        if attention_layer_size is not None:
            layers = [
                tf.layers.Dense(size, use_bias=False, name="attention_layer") for size in _listed(attention_layer_size)
            ]
        if len(layers) != len(self._mechanisms):
            raise ValueError(f"{len(layers)} attention layers do not fit {len(self._mechanisms)} mechanisms")
        self._cell = cell
        self._attention_layers = layers
        self._history = alignment_history
        self._join = cell_input_fn or (lambda inputs, attention: tf.concat([inputs, attention], -1))
        self._output_attention = output_attention
        self._first_state = initial_cell_state

    def _item(self, values: Sequence) -> Any:
        return tuple(values) if self._several else values[0]

    @property
    def _attention_size(self) -> int:
        sizes = []
        for mechanism, layer in zip(self._mechanisms, self._attention_layers, strict=True):
            features = int(mechanism.values.shape[-1])
            shape = tf.TensorShape([None, self._cell.output_size + features])
            sizes.append(features if layer is None else int(layer.compute_output_shape(shape)[-1]))
        return sum(sizes)

    @property
    def output_size(self) -> Any:
        return self._attention_size if self._output_attention else self._cell.output_size

    @property
    def state_size(self) -> AttentionWrapperState:
        sizes = self._item([mechanism.alignments_size for mechanism in self._mechanisms])
        history = self._item([sizes if self._history else () for _ in self._mechanisms])
        return AttentionWrapperState(
            self._cell.state_size, self._attention_size, tf.TensorShape([]), sizes, history, sizes
        )

    def zero_state(self, batch_size: Any, dtype: Any) -> AttentionWrapperState:
        """Returns the state at the start."""
        cell_state = self._first_state
        if cell_state is None:
            cell_state = self._cell.zero_state(batch_size, dtype)
        zeros = [mechanism.initial_alignments(batch_size, dtype) for mechanism in self._mechanisms]
        history = [tf.TensorArray(dtype, 0, dynamic_size=True) if self._history else () for _ in zeros]
        return AttentionWrapperState(
            tf.nest.map_structure(tf.identity, cell_state),
            tf.zeros([batch_size, self._attention_size], dtype),
            tf.zeros([], tf.int32),
            self._item(zeros),
            self._item(history),
            self._item([mechanism.initial_state(batch_size, dtype) for mechanism in self._mechanisms]),
        )

    def call(self, inputs: Any, state: AttentionWrapperState) -> tuple[Any, AttentionWrapperState]:
        output, cell_state = self._cell(self._join(inputs, state.attention), state.cell_state)
        attentions = []
        alignments = []
        states = []
        before = state.attention_state if self._several else (state.attention_state,)
        for mechanism, layer, old in zip(self._mechanisms, self._attention_layers, before, strict=True):
            alignment, new = mechanism(output, old)
            context = tf.matmul(alignment[:, tf.newaxis], mechanism.values)[:, 0]
            attentions.append(context if layer is None else layer(tf.concat([output, context], 1)))
            alignments.append(alignment)
            states.append(new)
        history = state.alignment_history if self._several else (state.alignment_history,)
        if self._history:
            history = [array.write(state.time, row) for array, row in zip(history, alignments, strict=True)]
        attention = tf.concat(attentions, 1)
        next_state = AttentionWrapperState(
            cell_state, attention, state.time + 1, self._item(alignments), self._item(history), self._item(states)
        )
        return attention if self._output_attention else output, next_state


def _listed(values: Any) -> list:
    return list(values) if isinstance(values, list | tuple) else [values]
