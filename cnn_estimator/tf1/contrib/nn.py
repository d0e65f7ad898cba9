"""tf.contrib.nn: losses, dropout and activations that tf.nn lacks."""

from typing import Any

import tensorflow.compat.v1 as tf

from cnn_estimator.tf1.unavailable import module_getattr

_ALPHA = -1.7580993408473766  # what SELU returns for very negative numbers


def conv1d_transpose(
    input: Any = None,
    filters: Any = None,
    output_shape: Any = None,
    strides: Any = None,
    padding: str = "SAME",
    data_format: str | None = "NWC",
    dilations: Any = None,
    name: str | None = None,
    *,
    value: Any = None,
    filter: Any = None,
    stride: Any = None,
) -> tf.Tensor:
    """Is tf.nn.conv1d_transpose. value, filter and stride: earlier names of input, filters and strides."""
    return tf.nn.conv1d_transpose(
        value if input is None else input,
        filter if filters is None else filters,
        output_shape,
        stride if strides is None else strides,
        padding,
        data_format,
        dilations,
        name,
    )


def alpha_dropout(
    x: Any, keep_prob: Any, noise_shape: Any = None, seed: int | None = None, name: str | None = None
) -> tf.Tensor:
    """Returns x with random elements dropped to SELU's lowest value, and with the mean and variance of x restored.

    Raises:
      ValueError: keep_prob is a number outside (0, 1].
    """
    with tf.name_scope(name, "alpha_dropout", [x]):
        x = tf.convert_to_tensor(x, name="x")
        if isinstance(keep_prob, (int, float)) and not 0 < keep_prob <= 1:
            raise ValueError(f"keep_prob={keep_prob}: it must be above 0 and at most 1")
        keep_prob = tf.convert_to_tensor(keep_prob, x.dtype, name="keep_prob")
        keep_prob.shape.assert_has_rank(0)
        if tf.get_static_value(keep_prob) == 1:
            return x
        noise = tf.random_uniform(tf.shape(x) if noise_shape is None else noise_shape, seed=seed, dtype=x.dtype)
        kept = tf.cast(noise >= 1 - keep_prob, x.dtype)
        scale = (keep_prob + keep_prob * (1 - keep_prob) * _ALPHA**2) ** -0.5
        return scale * (x * kept + _ALPHA * (1 - kept)) - scale * _ALPHA * (1 - keep_prob)


def deprecated_flipped_softmax_cross_entropy_with_logits(
    logits: Any, labels: Any, dim: int = -1, name: str | None = None
) -> tf.Tensor:
    """Is tf.nn.softmax_cross_entropy_with_logits with the logits first."""
    return tf.nn.softmax_cross_entropy_with_logits(labels=labels, logits=logits, dim=dim, name=name)


def deprecated_flipped_sparse_softmax_cross_entropy_with_logits(
    logits: Any, labels: Any, name: str | None = None
) -> tf.Tensor:
    """Is tf.nn.sparse_softmax_cross_entropy_with_logits with the logits first."""
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits, name=name)


def deprecated_flipped_sigmoid_cross_entropy_with_logits(
    logits: Any, targets: Any, name: str | None = None
) -> tf.Tensor:
    """Is tf.nn.sigmoid_cross_entropy_with_logits with the logits first."""
    return tf.nn.sigmoid_cross_entropy_with_logits(labels=targets, logits=logits, name=name)


def nth_element(input: Any, n: Any, reverse: bool = False, name: str | None = None) -> tf.Tensor:
    """Returns the n-th smallest value of each row, counted from 0, or with reverse=True the n-th largest."""
    return tf.raw_ops.NthElement(input=input, n=n, reverse=reverse, name=name)


def scaled_softplus(x: Any, alpha: Any, clip: Any = None, name: str | None = None) -> tf.Tensor:
    """Returns alpha * log(1 + exp(x / alpha)), and at most clip."""
    with tf.name_scope(name, "scaled_softplus", [x, alpha, clip]):
        x = tf.convert_to_tensor(x, name="x")
        alpha = tf.convert_to_tensor(alpha, x.dtype, name="alpha")
        result = alpha * tf.nn.softplus(x / alpha)
        return result if clip is None else tf.minimum(tf.convert_to_tensor(clip, x.dtype, name="clip"), result)


def sampled_sparse_softmax_loss(
    weights: Any,
    biases: Any,
    labels: Any,
    inputs: Any,
    num_sampled: int,
    num_classes: int,
    sampled_values: Any = None,
    remove_accidental_hits: bool = True,
    partition_strategy: str = "mod",
    name: str = "sampled_sparse_softmax_loss",
) -> tf.Tensor:
    """Is tf.nn.sampled_softmax_loss with one label for each example."""
    return tf.nn.sampled_softmax_loss(
        weights=weights,
        biases=biases,
        labels=labels,
        inputs=inputs,
        num_sampled=num_sampled,
        num_classes=num_classes,
        sampled_values=sampled_values,
        remove_accidental_hits=remove_accidental_hits,
        partition_strategy=partition_strategy,
        name=name,
    )


def rank_sampled_softmax_loss(
    weights: Any,
    biases: Any,
    labels: Any,
    inputs: Any,
    num_sampled: int,
    num_resampled: int,
    num_classes: int,
    num_true: int,
    sampled_values: Any,
    resampling_temperature: Any,
    remove_accidental_hits: bool,
    partition_strategy: str,
    name: str | None = None,
) -> tf.Tensor:
    """Returns tf.nn.sampled_softmax_loss of the sampled classes that the inputs make most likely.

    Args:
      num_sampled: how many classes are sampled.
      num_resampled: how many of these the loss uses.
      sampled_values: the result of a candidate sampler. None: of tf.nn.learned_unigram_candidate_sampler.
      resampling_temperature: the lower, the more the choice depends on the single most likely class of an input.
    """
    with tf.name_scope(name, "rank_sampled_softmax_loss", [weights, biases, labels, inputs]) as scope:
        sampled, true_count, sampled_count = sampled_values or tf.nn.learned_unigram_candidate_sampler(
            true_classes=labels, num_true=num_true, num_sampled=num_sampled, unique=True, range_max=num_classes
        )
        sampled = tf.cast(tf.stop_gradient(sampled), tf.int64)
        rows = tf.nn.embedding_lookup(weights, sampled, partition_strategy)
        row_biases = tf.reshape(tf.nn.embedding_lookup(biases, sampled, partition_strategy), [-1])
        logits = tf.matmul(rows, inputs / resampling_temperature, transpose_b=True)
        ranks = tf.reduce_logsumexp(logits, 1) + row_biases / resampling_temperature
        _, chosen = tf.nn.top_k(ranks, num_resampled, sorted=False)
        return tf.nn.sampled_softmax_loss(
            weights=weights,
            biases=biases,
            labels=labels,
            inputs=inputs,
            num_sampled=num_resampled,
            num_classes=num_classes,
            num_true=num_true,
            sampled_values=(
                tf.gather(sampled, chosen),
                tf.stop_gradient(true_count),
                tf.gather(tf.stop_gradient(sampled_count), chosen),
            ),
            remove_accidental_hits=remove_accidental_hits,
            partition_strategy=partition_strategy,
            name=scope,
        )


__getattr__ = module_getattr("tf.contrib.nn", (), "use tf.nn", names="")
