"""tf.contrib.legacy_seq2seq: decoders over lists of tensors, one tensor for each step, and their losses.

The tensors in the lists are float32 [batch, size], or int32 [batch] for symbols. A cell is one of tf.nn.rnn_cell. A
loop function takes the output and the number of a step, and returns the input of the next step. Decoders return
(list of outputs, last state).
"""

import copy
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow.compat.v1 as tf  # type: ignore[import-untyped]

from cnn_estimator.tf1.unavailable import module_getattr

_Loop = Callable[[Any, int], Any]
_Decoded = tuple[list[Any], Any]


def sequence_loss_by_example(
    logits: Sequence[Any],
    targets: Sequence[Any],
    weights: Sequence[Any],
    average_across_timesteps: bool = True,
    softmax_loss_function: Callable[..., Any] | None = None,
    name: str | None = None,
) -> Any:
    """Returns [batch]: the weighted cross-entropy of each example, summed over the steps or averaged.

    softmax_loss_function(labels=targets, logits=logits) returns the losses [batch] of a step.
    """
    if not len(logits) == len(targets) == len(weights):
        raise ValueError(f"{len(logits)} logits, {len(targets)} targets and {len(weights)} weights: one for each step")
    loss = softmax_loss_function or _cross_entropy
    with tf.name_scope(name, "sequence_loss_by_example", [*logits, *targets, *weights]):
        steps = zip(logits, targets, weights, strict=True)
        total = tf.add_n([loss(labels=target, logits=logit) * weight for logit, target, weight in steps])
        return total / (tf.add_n(list(weights)) + 1e-12) if average_across_timesteps else total


def _cross_entropy(labels: Any, logits: Any) -> Any:
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=tf.reshape(labels, [-1]), logits=logits)


def sequence_loss(
    logits: Sequence[Any],
    targets: Sequence[Any],
    weights: Sequence[Any],
    average_across_timesteps: bool = True,
    average_across_batch: bool = True,
    softmax_loss_function: Callable[..., Any] | None = None,
    name: str | None = None,
) -> Any:
    """Returns the scalar sum or mean of sequence_loss_by_example over the batch."""
    with tf.name_scope(name, "sequence_loss", [*logits, *targets, *weights]):
        losses = sequence_loss_by_example(logits, targets, weights, average_across_timesteps, softmax_loss_function)
        cost = tf.reduce_sum(losses)
        return cost / tf.cast(tf.shape(targets[0])[0], cost.dtype) if average_across_batch else cost


def _linear(inputs: Sequence[Any], size: int) -> Any:
    """Returns [batch, size]: the concatenated inputs times the variable `kernel`, plus the variable `bias`."""
    joined = tf.concat(inputs, 1)
    kernel = tf.get_variable("kernel", [joined.shape[1], size], joined.dtype)
    bias = tf.get_variable("bias", [size], joined.dtype, initializer=tf.zeros_initializer())
    return tf.nn.bias_add(tf.matmul(joined, kernel), bias)


def _projected(cell: Any, size: int | None, scope: str) -> Callable[[Any, Any], tuple[Any, Any]]:
    """Returns a function that calls a cell and projects its outputs to a size, unless that is None."""
    if size is None:
        return cell  # type: ignore[no-any-return]

    def call(inputs: Any, state: Any) -> tuple[Any, Any]:
        with tf.variable_scope(scope):
            output, state = cell(inputs, state)
            return _linear([output], size), state

    return call


def _loop(embedding: Any, output_projection: Any, update: bool) -> _Loop:
    """Returns a loop function that returns the embedding of the likeliest symbol of the previous step."""

    def feed(previous: Any, _: int) -> Any:
        if output_projection is not None:
            previous = tf.nn.xw_plus_b(previous, output_projection[0], output_projection[1])
        vectors = tf.nn.embedding_lookup(embedding, tf.argmax(previous, 1))
        return vectors if update else tf.stop_gradient(vectors)

    return feed


def _decode(
    decoder_inputs: Sequence[Any], state: Any, step: Callable[[Any, Any], tuple[Any, Any]], loop_function: _Loop | None
) -> _Decoded:
    outputs: list[Any] = []
    for number, inputs in enumerate(decoder_inputs):
        if number:
            tf.get_variable_scope().reuse_variables()
        if loop_function is not None and outputs:
            with tf.variable_scope("loop_function", reuse=True):
                inputs = loop_function(outputs[-1], number)
        output, state = step(inputs, state)
        outputs.append(output)
    return outputs, state


def rnn_decoder(
    decoder_inputs: Sequence[Any], initial_state: Any, cell: Any, loop_function: _Loop | None = None, scope: Any = None
) -> _Decoded:
    """Runs a cell over the inputs. A loop function, if given, makes all inputs after the first one."""
    with tf.variable_scope(scope or "rnn_decoder"):
        return _decode(decoder_inputs, initial_state, cell, loop_function)


def basic_rnn_seq2seq(
    encoder_inputs: Sequence[Any], decoder_inputs: Sequence[Any], cell: Any, dtype: Any = tf.float32, scope: Any = None
) -> _Decoded:
    """Encodes with a copy of the cell, and decodes with the cell."""
    with tf.variable_scope(scope or "basic_rnn_seq2seq"):
        _, state = tf.nn.static_rnn(copy.deepcopy(cell), encoder_inputs, dtype=dtype)
        return rnn_decoder(decoder_inputs, state, cell)


def tied_rnn_seq2seq(
    encoder_inputs: Sequence[Any],
    decoder_inputs: Sequence[Any],
    cell: Any,
    loop_function: _Loop | None = None,
    dtype: Any = tf.float32,
    scope: Any = None,
) -> _Decoded:
    """Encodes and decodes with the same cell."""
    with tf.variable_scope("combined_tied_rnn_seq2seq"):
        scope = scope or "tied_rnn_seq2seq"
        _, state = tf.nn.static_rnn(cell, encoder_inputs, dtype=dtype, scope=scope)
        tf.get_variable_scope().reuse_variables()
        return rnn_decoder(decoder_inputs, state, cell, loop_function, scope)


def embedding_rnn_decoder(
    decoder_inputs: Sequence[Any],
    initial_state: Any,
    cell: Any,
    num_symbols: int,
    embedding_size: int,
    output_projection: Any = None,
    feed_previous: bool = False,
    update_embedding_for_previous: bool = True,
    scope: Any = None,
) -> _Decoded:
    """Runs a cell over embeddings of symbols. With feed_previous, each step's likeliest symbol is the next input."""
    with tf.variable_scope(scope or "embedding_rnn_decoder"):
        embedding = tf.get_variable("embedding", [num_symbols, embedding_size])
        loop = _loop(embedding, output_projection, update_embedding_for_previous) if feed_previous else None
        vectors = [tf.nn.embedding_lookup(embedding, symbols) for symbols in decoder_inputs]
        return rnn_decoder(vectors, initial_state, cell, loop)


def _encode(cell: Any, encoder_inputs: Sequence[Any], symbols: int, size: int, dtype: Any) -> tuple[list[Any], Any]:
    """Runs a copy of the cell over embeddings of symbols. Returns (outputs, last state)."""
    with tf.variable_scope("rnn/embedding_wrapper"):
        limit = 3**0.5  # a uniform distribution within it has variance 1
        initializer = tf.get_variable_scope().initializer or tf.random_uniform_initializer(-limit, limit)
        embedding = tf.get_variable("embedding", [symbols, size], dtype, initializer=initializer)
    vectors = [tf.nn.embedding_lookup(embedding, tf.reshape(inputs, [-1])) for inputs in encoder_inputs]
    outputs, state = tf.nn.static_rnn(copy.deepcopy(cell), vectors, dtype=dtype, scope="rnn/embedding_wrapper")
    return outputs, state


def _decode_once_or_by(feed_previous: Any, decode: Callable[[bool], _Decoded]) -> _Decoded:
    """Decodes with feed_previous, a bool or a bool tensor."""
    if isinstance(feed_previous, bool):
        return decode(feed_previous)
    scope = tf.get_variable_scope()

    def branch(feed: bool, reuse: bool | None) -> Any:
        with tf.variable_scope(scope, reuse=reuse):
            return decode(feed)

    outputs, state = tf.cond(feed_previous, lambda: branch(True, None), lambda: branch(False, True))
    return outputs, state


def embedding_rnn_seq2seq(
    encoder_inputs: Sequence[Any],
    decoder_inputs: Sequence[Any],
    cell: Any,
    num_encoder_symbols: int,
    num_decoder_symbols: int,
    embedding_size: int,
    output_projection: Any = None,
    feed_previous: Any = False,
    dtype: Any = None,
    scope: Any = None,
) -> _Decoded:
    """Encodes and decodes symbols. The outputs are logits, unless output_projection=(weights, biases) is given.

    feed_previous: a bool, or a bool tensor. With a tensor the embeddings of fed symbols get no gradients, as in TF 1.
    """
    with tf.variable_scope(scope or "embedding_rnn_seq2seq", dtype=dtype) as inner:
        _, state = _encode(cell, encoder_inputs, num_encoder_symbols, embedding_size, dtype or inner.dtype)
        size = num_decoder_symbols if output_projection is None else None
        call = _projected(cell, size, "output_projection_wrapper")

        def decode(feed: bool) -> _Decoded:
            return embedding_rnn_decoder(
                decoder_inputs,
                state,
                call,
                num_decoder_symbols,
                embedding_size,
                output_projection,
                feed_previous=feed,
                update_embedding_for_previous=isinstance(feed_previous, bool),
            )

        return _decode_once_or_by(feed_previous, decode)


class _Attention:
    """Attention of a decoder's state over the encoder's outputs [batch, length, size], with one or more heads."""

    def __init__(self, states: Any, heads: int) -> None:
        length = states.shape[1]
        self._size = states.shape[2]
        self._length = tf.shape(states)[1] if length is None or length.value is None else length.value
        self._states = states
        self._heads = heads
        flat = tf.expand_dims(states, 2)
        self._features = []
        self._vectors = []
        for head in range(heads):
            kernel = tf.get_variable(f"AttnW_{head}", [1, 1, self._size, self._size], states.dtype)
            self._features.append(tf.squeeze(tf.nn.conv2d(flat, kernel, [1, 1, 1, 1], "SAME"), 2))
            self._vectors.append(tf.get_variable(f"AttnV_{head}", [self._size], states.dtype))

    def zeros(self) -> list[Any]:
        """Returns the contexts before the first step, [batch, size] for each head."""
        shape = tf.stack([tf.shape(self._states)[0], self._size])
        contexts = [tf.zeros(shape, self._states.dtype) for _ in range(self._heads)]
        for context in contexts:
            context.set_shape([None, self._size])
        return contexts

    def __call__(self, state: Any) -> list[Any]:
        """Returns the contexts for a decoder's state, which may be nested."""
        contexts = []
        for head, (features, vector) in enumerate(zip(self._features, self._vectors, strict=True)):
            with tf.variable_scope(f"Attention_{head}"):
                query = tf.expand_dims(_linear(tf.nest.flatten(state), self._size), 1)
                weights = tf.nn.softmax(tf.reduce_sum(vector * tf.tanh(features + query), 2))
                contexts.append(tf.reduce_sum(tf.expand_dims(weights, 2) * self._states, 1))
        return contexts


def attention_decoder(
    decoder_inputs: Sequence[Any],
    initial_state: Any,
    attention_states: Any,
    cell: Any,
    output_size: int | None = None,
    num_heads: int = 1,
    loop_function: _Loop | None = None,
    dtype: Any = None,
    scope: Any = None,
    initial_state_attention: bool = False,
) -> _Decoded:
    """Runs a cell over the inputs, with attention over attention_states [batch, length, size]; length may be unknown.

    initial_state_attention: if True, the first step has attention too.
    """
    with tf.variable_scope(scope or "attention_decoder", dtype=dtype):
        attention = _Attention(attention_states, num_heads)
        contexts = attention(initial_state) if initial_state_attention else attention.zeros()
        first = True

        def step(inputs: Any, state: Any) -> tuple[Any, Any]:
            nonlocal contexts, first
            output, state = cell(_linear([inputs, *contexts], inputs.shape[1]), state)
            with tf.variable_scope(tf.get_variable_scope(), reuse=True if first and initial_state_attention else None):
                contexts = attention(state)
            first = False
            with tf.variable_scope("AttnOutputProjection"):
                return _linear([output, *contexts], output_size or cell.output_size), state

        return _decode(decoder_inputs, initial_state, step, loop_function)


def embedding_attention_decoder(
    decoder_inputs: Sequence[Any],
    initial_state: Any,
    attention_states: Any,
    cell: Any,
    num_symbols: int,
    embedding_size: int,
    num_heads: int = 1,
    output_size: int | None = None,
    output_projection: Any = None,
    feed_previous: bool = False,
    update_embedding_for_previous: bool = True,
    dtype: Any = None,
    scope: Any = None,
    initial_state_attention: bool = False,
) -> _Decoded:
    """Is embedding_rnn_decoder with attention over attention_states."""
    with tf.variable_scope(scope or "embedding_attention_decoder", dtype=dtype):
        embedding = tf.get_variable("embedding", [num_symbols, embedding_size])
        loop = _loop(embedding, output_projection, update_embedding_for_previous) if feed_previous else None
        return attention_decoder(
            [tf.nn.embedding_lookup(embedding, symbols) for symbols in decoder_inputs],
            initial_state,
            attention_states,
            cell,
            output_size,
            num_heads,
            loop,
            initial_state_attention=initial_state_attention,
        )


def embedding_attention_seq2seq(
    encoder_inputs: Sequence[Any],
    decoder_inputs: Sequence[Any],
    cell: Any,
    num_encoder_symbols: int,
    num_decoder_symbols: int,
    embedding_size: int,
    num_heads: int = 1,
    output_projection: Any = None,
    feed_previous: Any = False,
    dtype: Any = None,
    scope: Any = None,
    initial_state_attention: bool = False,
) -> _Decoded:
    """Is embedding_rnn_seq2seq with attention over the encoder's outputs."""
    with tf.variable_scope(scope or "embedding_attention_seq2seq", dtype=dtype) as inner:
        outputs, state = _encode(cell, encoder_inputs, num_encoder_symbols, embedding_size, dtype or inner.dtype)
        size = num_decoder_symbols if output_projection is None else None
        projected = cell if size is None else _ProjectedCell(cell, size)

        def decode(feed: bool) -> _Decoded:
            return embedding_attention_decoder(
                decoder_inputs,
                state,
                tf.stack(outputs, 1),
                projected,
                num_decoder_symbols,
                embedding_size,
                num_heads,
                size,
                output_projection,
                feed,
                update_embedding_for_previous=isinstance(feed_previous, bool),
                initial_state_attention=initial_state_attention,
            )

        return _decode_once_or_by(feed_previous, decode)


class _ProjectedCell:
    """A cell whose outputs are projected to a size."""

    def __init__(self, cell: Any, size: int) -> None:
        self.output_size = size
        self._call = _projected(cell, size, "output_projection_wrapper")

    def __call__(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        return self._call(inputs, state)


def model_with_buckets(
    encoder_inputs: Sequence[Any],
    decoder_inputs: Sequence[Any],
    targets: Sequence[Any],
    weights: Sequence[Any],
    buckets: Sequence[tuple[int, int]],
    seq2seq: Callable[[Sequence[Any], Sequence[Any]], _Decoded],
    softmax_loss_function: Callable[..., Any] | None = None,
    per_example_loss: bool = False,
    name: str | None = None,
) -> tuple[list[Any], list[Any]]:
    """Returns (outputs, losses) of a model, one item for each bucket.

    Args:
      buckets: [(encoder's length, decoder's length)].
      seq2seq: called with (encoder inputs, decoder inputs). All buckets share its variables.
    """
    sources, outputs_needed = (max(lengths) for lengths in zip(*buckets, strict=True))
    if len(encoder_inputs) < sources or min(len(targets), len(weights)) < outputs_needed:
        raise ValueError(f"the buckets need {sources} encoder inputs and {outputs_needed} targets and weights")
    loss = sequence_loss_by_example if per_example_loss else sequence_loss
    outputs = []
    losses = []
    with tf.name_scope(name, "model_with_buckets", [*encoder_inputs, *decoder_inputs, *targets, *weights]):
        for number, (source, length) in enumerate(buckets):
            with tf.variable_scope(tf.get_variable_scope(), reuse=True if number else None):
                outputs.append(seq2seq(encoder_inputs[:source], decoder_inputs[:length])[0])
            steps = outputs[-1], targets[:length], weights[:length]
            losses.append(loss(*steps, softmax_loss_function=softmax_loss_function))
    return outputs, losses


__getattr__ = module_getattr(
    "tf.contrib.legacy_seq2seq",
    (),
    "use embedding_rnn_seq2seq, or tf.nn.dynamic_rnn",
    names="embedding_tied_rnn_seq2seq one2many_rnn_seq2seq",
)
