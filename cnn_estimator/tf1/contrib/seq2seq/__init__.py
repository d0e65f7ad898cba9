"""tf.contrib.seq2seq: attention, decoders and the loss of sequences. Beam search is an error."""

from collections.abc import Callable
from typing import Any

import tensorflow.compat.v1 as tf  # type: ignore[import-untyped]

from cnn_estimator.tf1.contrib.seq2seq.attention_wrapper import (
    AttentionMechanism,
    AttentionWrapper,
    AttentionWrapperState,
    BahdanauAttention,
    LuongAttention,
)
from cnn_estimator.tf1.contrib.seq2seq.decoder import (
    BasicDecoder,
    BasicDecoderOutput,
    CustomHelper,
    Decoder,
    GreedyEmbeddingHelper,
    Helper,
    SampleEmbeddingHelper,
    TrainingHelper,
    dynamic_decode,
)
from cnn_estimator.tf1.unavailable import module_getattr

__all__ = [
    "AttentionMechanism",
    "AttentionWrapper",
    "AttentionWrapperState",
    "BahdanauAttention",
    "BasicDecoder",
    "BasicDecoderOutput",
    "CustomHelper",
    "Decoder",
    "GreedyEmbeddingHelper",
    "Helper",
    "LuongAttention",
    "SampleEmbeddingHelper",
    "TrainingHelper",
    "dynamic_decode",
    "hardmax",
    "sequence_loss",
    "tile_batch",
]
_TINY = 1e-12


def sequence_loss(
    logits: Any,
    targets: Any,
    weights: Any,
    average_across_timesteps: bool = True,
    average_across_batch: bool = True,
    softmax_loss_function: Callable | None = None,
    name: str | None = None,
) -> Any:
    """Returns the weighted cross-entropy of logits [B, T, classes] and targets [B, T].

    Args:
      weights: [B, T]. Averages are divided by the sum of the weights.
      softmax_loss_function: takes labels [B * T] and logits [B * T, classes].
    """
    with tf.name_scope(name, "sequence_loss", [logits, targets, weights]):
        classes = tf.shape(logits)[2]
        loss = (softmax_loss_function or tf.nn.sparse_softmax_cross_entropy_with_logits)(
            labels=tf.reshape(targets, [-1]), logits=tf.reshape(logits, [-1, classes])
        )
        weights = tf.convert_to_tensor(weights)
        loss = tf.reshape(loss, tf.shape(weights)) * weights
        averaged = [axis for axis, does in ((0, average_across_batch), (1, average_across_timesteps)) if does]
        if not averaged:
            return loss
        return tf.reduce_sum(loss, averaged) / (tf.reduce_sum(weights, averaged) + _TINY)


def tile_batch(t: Any, multiplier: int, name: str | None = None) -> Any:
    """Returns tensors [B * multiplier, …] with each example repeated `multiplier` times. Tensors may be nested."""
    return tf.nest.map_structure(
        lambda tensor: tensor if tensor.shape.ndims == 0 else tf.repeat(tensor, multiplier, axis=0), t
    )


def hardmax(logits: Any, name: str | None = None) -> Any:
    """Returns 1 at the largest value of the last axis, and 0 elsewhere."""
    logits = tf.convert_to_tensor(logits)
    return tf.one_hot(tf.argmax(logits, -1), tf.shape(logits)[-1], dtype=logits.dtype)


__getattr__ = module_getattr(
    "tf.contrib.seq2seq",
    (),
    "use BasicDecoder",
    names="BahdanauMonotonicAttention BeamSearchDecoder BeamSearchDecoderOutput BeamSearchDecoderState "
    "FinalBeamSearchDecoderOutput InferenceHelper LuongMonotonicAttention ScheduledEmbeddingTrainingHelper "
    "ScheduledOutputTrainingHelper gather_tree monotonic_attention safe_cumprod",
)
