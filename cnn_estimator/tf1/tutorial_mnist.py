"""tensorflow.examples.tutorials.mnist.mnist: the network of the first tutorial, which other programs import."""

import math
from typing import Any

import tensorflow.compat.v1 as tf  # type: ignore[import-untyped]

__all__ = ["IMAGE_PIXELS", "IMAGE_SIZE", "NUM_CLASSES", "evaluation", "inference", "loss", "training"]

NUM_CLASSES = 10
IMAGE_SIZE = 28
IMAGE_PIXELS = IMAGE_SIZE * IMAGE_SIZE


def _layer(inputs: Any, size: int, units: int) -> Any:
    """Returns inputs [N, size] times the variable `weights`, plus the variable `biases`."""
    stddev = 1 / math.sqrt(size)
    weights = tf.Variable(tf.truncated_normal([size, units], stddev=stddev), name="weights")
    return tf.matmul(inputs, weights) + tf.Variable(tf.zeros([units]), name="biases")


def inference(images: Any, hidden1_units: int, hidden2_units: int) -> Any:
    """Returns the logits [N, 10] of two hidden layers for images [N, 784]."""
    with tf.name_scope("hidden1"):
        hidden1 = tf.nn.relu(_layer(images, IMAGE_PIXELS, hidden1_units))
    with tf.name_scope("hidden2"):
        hidden2 = tf.nn.relu(_layer(hidden1, hidden1_units, hidden2_units))
    with tf.name_scope("softmax_linear"):
        return _layer(hidden2, hidden2_units, NUM_CLASSES)


def loss(logits: Any, labels: Any) -> Any:
    """Returns the mean cross entropy for integer labels [N]."""
    return tf.losses.sparse_softmax_cross_entropy(labels=labels, logits=logits)


def training(loss: Any, learning_rate: float) -> Any:
    """Returns the operation of one training step, which also increments global_step. Adds a summary of the loss."""
    tf.summary.scalar("loss", loss)
    global_step = tf.Variable(0, name="global_step", trainable=False)
    return tf.train.GradientDescentOptimizer(learning_rate).minimize(loss, global_step=global_step)


def evaluation(logits: Any, labels: Any) -> Any:
    """Returns the number of correct predictions, an int32 scalar."""
    return tf.reduce_sum(tf.cast(tf.nn.in_top_k(logits, labels, 1), tf.int32))
