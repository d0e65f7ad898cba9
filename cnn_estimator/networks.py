"""The tutorials' graphs, one function each: images -> logits.

Each function takes `images`, float32 [B, 28, 28] in 0..1, `dropout`, which some of the networks use, and `classes`, the
number of classes, which is 10 in the tutorials. It returns logits, float32 [B, classes]. The shape beside a layer is
the shape of its output. The layers have no names, so that their variables get the names that the tutorials' own
checkpoints have: conv2d/kernel, conv2d_1/bias, dense/kernel and so on. A layer that does something else while training
takes `training=dropout.training`.
"""

from cnn_estimator.dropout import Dropout
from cnn_estimator.tf1 import tf


def two_conv(images: tf.Tensor, dropout: Dropout, classes: int) -> tf.Tensor:
    """TensorFlow's own MNIST tutorial (tensorflow/examples/tutorials/layers/cnn_mnist.py)."""
    x = tf.reshape(images, [-1, 28, 28, 1])
    x = tf.layers.conv2d(x, 32, 5, padding="same", activation=tf.nn.relu)  # [B, 28, 28, 32]
    x = tf.layers.max_pooling2d(x, 2, 2)  # [B, 14, 14, 32]
    x = tf.layers.conv2d(x, 64, 5, padding="same", activation=tf.nn.relu)  # [B, 14, 14, 64]
    x = tf.layers.max_pooling2d(x, 2, 2)  # [B, 7, 7, 64]
    x = tf.layers.flatten(x)  # [B, 3136]
    x = tf.layers.dense(x, 1024, activation=tf.nn.relu)
    x = dropout(x, 0.4)
    return tf.layers.dense(x, classes)


def three_conv(images: tf.Tensor, dropout: Dropout, classes: int) -> tf.Tensor:
    """two_conv with a third convolution."""
    x = tf.reshape(images, [-1, 28, 28, 1])
    x = tf.layers.conv2d(x, 32, 5, padding="same", activation=tf.nn.relu)  # [B, 28, 28, 32]
    x = tf.layers.max_pooling2d(x, 2, 2)  # [B, 14, 14, 32]
    x = tf.layers.conv2d(x, 64, 5, padding="same", activation=tf.nn.relu)  # [B, 14, 14, 64]
    x = tf.layers.max_pooling2d(x, 2, 2)  # [B, 7, 7, 64]
    x = tf.layers.conv2d(x, 128, 5, padding="same", activation=tf.nn.relu)  # [B, 7, 7, 128]
    x = tf.layers.max_pooling2d(x, 2, 2)  # [B, 3, 3, 128]
    x = tf.layers.flatten(x)  # [B, 1152]
    x = tf.layers.dense(x, 1024, activation=tf.nn.relu)
    x = dropout(x, 0.4)
    return tf.layers.dense(x, classes)


def three_conv_dropout(images: tf.Tensor, dropout: Dropout, classes: int) -> tf.Tensor:
    """three_conv with dropout after the second and the third pooling too."""
    x = tf.reshape(images, [-1, 28, 28, 1])
    x = tf.layers.conv2d(x, 32, 5, padding="same", activation=tf.nn.relu)  # [B, 28, 28, 32]
    x = tf.layers.max_pooling2d(x, 2, 2)  # [B, 14, 14, 32]
    x = tf.layers.conv2d(x, 64, 5, padding="same", activation=tf.nn.relu)  # [B, 14, 14, 64]
    x = tf.layers.max_pooling2d(x, 2, 2)  # [B, 7, 7, 64]
    x = dropout(x, 0.25)
    x = tf.layers.conv2d(x, 128, 5, padding="same", activation=tf.nn.relu)  # [B, 7, 7, 128]
    x = tf.layers.max_pooling2d(x, 2, 2)  # [B, 3, 3, 128]
    x = dropout(x, 0.25)
    x = tf.layers.flatten(x)  # [B, 1152]
    x = tf.layers.dense(x, 1024, activation=tf.nn.relu)
    x = dropout(x, 0.4)
    return tf.layers.dense(x, classes)


def dense_128(images: tf.Tensor, dropout: Dropout, classes: int) -> tf.Tensor:
    """The basic classification tutorial: one hidden layer."""
    x = tf.reshape(images, [-1, 28 * 28])
    x = tf.layers.dense(x, 128, activation=tf.nn.relu)
    return tf.layers.dense(x, classes)


def conv_32_64(images: tf.Tensor, dropout: Dropout, classes: int) -> tf.Tensor:
    """Two 3x3 convolutions with padding."""
    x = tf.reshape(images, [-1, 28, 28, 1])
    x = tf.layers.conv2d(x, 32, 3, padding="same", activation=tf.nn.relu)  # [B, 28, 28, 32]
    x = tf.layers.max_pooling2d(x, 2, 2)  # [B, 14, 14, 32]
    x = tf.layers.conv2d(x, 64, 3, padding="same", activation=tf.nn.relu)  # [B, 14, 14, 64]
    x = tf.layers.max_pooling2d(x, 2, 2)  # [B, 7, 7, 64]
    x = tf.layers.flatten(x)  # [B, 3136]
    x = tf.layers.dense(x, 128, activation=tf.nn.relu)
    return tf.layers.dense(x, classes)


def conv_64_64(images: tf.Tensor, dropout: Dropout, classes: int) -> tf.Tensor:
    """Two 3x3 convolutions without padding."""
    x = tf.reshape(images, [-1, 28, 28, 1])
    x = tf.layers.conv2d(x, 64, 3, activation=tf.nn.relu)  # [B, 26, 26, 64]
    x = tf.layers.max_pooling2d(x, 2, 2)  # [B, 13, 13, 64]
    x = tf.layers.conv2d(x, 64, 3, activation=tf.nn.relu)  # [B, 11, 11, 64]
    x = tf.layers.max_pooling2d(x, 2, 2)  # [B, 5, 5, 64]
    x = tf.layers.flatten(x)  # [B, 1600]
    x = tf.layers.dense(x, 128, activation=tf.nn.relu)
    return tf.layers.dense(x, classes)


def conv_64_64_linear(images: tf.Tensor, dropout: Dropout, classes: int) -> tf.Tensor:
    """conv_64_64 with a hidden layer of 64 units and no activation, as its tutorial has it."""
    x = tf.reshape(images, [-1, 28, 28, 1])
    x = tf.layers.conv2d(x, 64, 3, activation=tf.nn.relu)  # [B, 26, 26, 64]
    x = tf.layers.max_pooling2d(x, 2, 2)  # [B, 13, 13, 64]
    x = tf.layers.conv2d(x, 64, 3, activation=tf.nn.relu)  # [B, 11, 11, 64]
    x = tf.layers.max_pooling2d(x, 2, 2)  # [B, 5, 5, 64]
    x = tf.layers.flatten(x)  # [B, 1600]
    x = tf.layers.dense(x, 64)
    return tf.layers.dense(x, classes)


NETWORKS = {
    network.__name__: network
    for network in (
        two_conv,
        three_conv,
        three_conv_dropout,
        dense_128,
        conv_32_64,
        conv_64_64,
        conv_64_64_linear,
    )
}
