"""tf.contrib.crf: linear-chain conditional random fields.

Shapes: B is the batch size, T the padded length, K the number of tags. Scores are float32 [B, T, K], tags are int32 or
int64 [B, T], lengths are [B]. Transitions [K, K] lead from the row's tag to the column's tag.
"""

from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf  # type: ignore[import-untyped]

from cnn_estimator.tf1.unavailable import module_getattr


def _mask(lengths: Any, scores: Any) -> Any:
    """Returns bool [B, T]: True where a position is inside its sequence."""
    return tf.sequence_mask(lengths, tf.shape(scores)[1])


def crf_unary_score(tag_indices: Any, sequence_lengths: Any, inputs: Any) -> Any:
    """Returns [B]: the sum of the scores of the tags, without transitions."""
    picked = tf.gather(inputs, tag_indices, batch_dims=2)
    return tf.reduce_sum(picked * tf.cast(_mask(sequence_lengths, tag_indices), picked.dtype), 1)


def crf_binary_score(tag_indices: Any, sequence_lengths: Any, transition_params: Any) -> Any:
    """Returns [B]: the sum of the transitions between neighbouring tags."""
    transition_params = tf.convert_to_tensor(transition_params)
    picked = tf.gather_nd(transition_params, tf.stack([tag_indices[:, :-1], tag_indices[:, 1:]], 2))
    return tf.reduce_sum(picked * tf.cast(_mask(sequence_lengths, tag_indices)[:, 1:], picked.dtype), 1)


def crf_sequence_score(inputs: Any, tag_indices: Any, sequence_lengths: Any, transition_params: Any) -> Any:
    """Returns [B]: the unnormalized scores of the tag sequences, 0 for an empty sequence."""
    unary = crf_unary_score(tag_indices, sequence_lengths, inputs)
    return unary + crf_binary_score(tag_indices, sequence_lengths, transition_params)


def crf_multitag_sequence_score(inputs: Any, tag_bitmap: Any, sequence_lengths: Any, transition_params: Any) -> Any:
    """Returns [B]: crf_log_norm over the tag sequences that tag_bitmap, bool [B, T, K], allows."""
    allowed = tf.where(tag_bitmap, inputs, tf.fill(tf.shape(inputs), tf.cast(-np.inf, inputs.dtype)))
    return crf_log_norm(allowed, sequence_lengths, transition_params)


def _scan_forward(scores: Any, lengths: Any, combine: Any) -> Any:
    """Returns [T, B, K]: the first scores, then combine(previous result) + scores. Past a sequence's end it repeats."""
    mask = _mask(lengths, scores)
    grows = tf.transpose(tf.concat([tf.zeros_like(mask[:, :1]), mask[:, 1:]], 1))

    def step(before: Any, now: Any) -> Any:
        score, does = now
        return tf.where(does, combine(before) + score, before)

    by_time = tf.transpose(scores, [1, 0, 2])
    return tf.scan(step, (by_time, grows), initializer=by_time[0])


def crf_log_norm(inputs: Any, sequence_lengths: Any, transition_params: Any) -> Any:
    """Returns [B]: the log of the summed exponentiated scores of all tag sequences, 0 for an empty sequence."""
    inputs = tf.convert_to_tensor(inputs)
    transition_params = tf.convert_to_tensor(transition_params)
    alphas = _scan_forward(
        inputs, sequence_lengths, lambda before: tf.reduce_logsumexp(before[:, :, tf.newaxis] + transition_params, 1)
    )
    norm = tf.reduce_logsumexp(alphas[-1], 1)
    return tf.where(sequence_lengths > 0, norm, tf.zeros_like(norm))


def crf_log_likelihood(
    inputs: Any, tag_indices: Any, sequence_lengths: Any, transition_params: Any = None
) -> tuple[Any, Any]:
    """Returns (log-likelihoods of the tag sequences [B], transitions).

    Without transition_params, the transitions are the variable "transitions".
    """
    inputs = tf.convert_to_tensor(inputs)
    if transition_params is None:
        tags = inputs.shape[2]
        transition_params = tf.get_variable("transitions", [tags, tags])
    score = crf_sequence_score(inputs, tag_indices, sequence_lengths, transition_params)
    return score - crf_log_norm(inputs, sequence_lengths, transition_params), transition_params


def crf_decode(potentials: Any, transition_params: Any, sequence_length: Any) -> tuple[Any, Any]:
    """Returns (the best tag sequences, int32 [B, T] padded with 0, their scores [B])."""
    potentials = tf.convert_to_tensor(potentials)
    transition_params = tf.convert_to_tensor(transition_params)
    best = _scan_forward(
        potentials, sequence_length, lambda before: tf.reduce_max(before[:, :, tf.newaxis] + transition_params, 1)
    )
    last = tf.argmax(best[-1], 1, output_type=tf.int32)
    # The best tag of a position depends on the next tag, if the next position is inside the sequence.
    mask = _mask(sequence_length, potentials)
    goes_on = tf.transpose(tf.concat([mask[:, 1:], tf.zeros_like(mask[:, :1])], 1))

    def step(after: Any, now: Any) -> Any:
        before, does = now
        paths = before + tf.gather(tf.transpose(transition_params), after)
        return tf.where(does, tf.argmax(paths, 1, output_type=tf.int32), after)

    tags = tf.transpose(tf.scan(step, (best, goes_on), initializer=last, reverse=True))
    shown = tf.concat([tf.ones_like(mask[:, :1]), mask[:, 1:]], 1)
    return tf.where(shown, tags, tf.zeros_like(tags)), tf.reduce_max(best[-1], 1)


def viterbi_decode(score: np.ndarray, transition_params: np.ndarray) -> tuple[list, Any]:
    """Returns (the best tag sequence, its score) for the NumPy scores [T, K] of one sequence."""
    best = score[0]
    choices = []
    for now in score[1:]:
        paths = best[:, np.newaxis] + transition_params
        choices.append(paths.argmax(0).astype(np.int32))
        best = now + paths.max(0)
    tags = [best.argmax()]
    for choice in reversed(choices):
        tags.append(choice[tags[-1]])
    return tags[::-1], best.max()


__getattr__ = module_getattr(
    "tf.contrib.crf",
    (),
    "use crf_log_norm and crf_decode",
    names="CrfDecodeBackwardRnnCell CrfDecodeForwardRnnCell CrfForwardRnnCell",
)
