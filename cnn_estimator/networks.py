"""The tutorials' graphs, one function each: images -> logits.

Each takes `images`, float32 [B, 28, 28] in 0..1; `training`, which switches dropout on; `seed`, an int that determines
the dropout masks; and `first_row`, where the images begin in the batch that several devices share; and returns logits,
float32 [B, 10]. The shape beside a layer is that of its output. The layers have no names of their own, so that their
variables get the names in the tutorials' own checkpoints: conv2d/kernel, conv2d_1/bias, dense/kernel, …
"""

import math
import zlib

from cnn_estimator.tf1 import tf

_PHILOX = 1  # TensorFlow's number for it
_PHILOX_VALUES = 4  # float32 values for each count


class Dropout(tf.layers.Dropout):
    """tf.layers.Dropout with masks that follow from the seed, the layer's name, the global step and the row alone.

    The stateful op behind tf.layers.dropout starts its sequence of masks over in every session, so a resumed run would
    draw other masks than one that was never stopped.

    Args:
      rate: the fraction to drop.
      seed: determines the masks.
      first_row: where the inputs begin in the batch that several devices share: an int64 scalar, or 0 for a whole
        batch. Each device draws the part of one device's masks that is for its own rows. A row must then have a
        multiple of 4 values.
    """

    def __init__(self, rate: float, seed: int, first_row: tf.Tensor | int = 0) -> None:
        super().__init__(rate, seed=seed)
        self._first_row = first_row

    @tf.autograph.experimental.do_not_convert  # converting takes 0.1 s, and `training` is no tensor
    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        if not training:
            return tf.identity(inputs)
        layer = (self.seed << 32) + zlib.crc32(self._name_on_one_device().encode())
        step = tf.cast(tf.train.get_or_create_global_step(), tf.int64)
        seed = tf.stack([layer, step])
        if isinstance(self._first_row, int) and self._first_row == 0:
            return tf.nn.experimental.stateless_dropout(inputs, self.rate, seed=seed)
        kept = _uniform(inputs, seed, self._first_row) >= self.rate
        return tf.where_v2(kept, inputs * (1 / (1 - self.rate)), 0.0)

    def _name_on_one_device(self) -> str:
        """Returns dropout_1 for the first layer, and so on: `name` counts through all devices' layers."""
        number = self.scope_name.rpartition("dropout")[2]  # "", "_1", "_2", …
        return f"dropout_{int(number.removeprefix('_') or 0) + 1}"


def _uniform(inputs: tf.Tensor, seed: tf.Tensor, first_row: tf.Tensor | int) -> tf.Tensor:
    """Returns the random numbers that stateless_dropout draws for these rows where they are part of a larger batch."""
    values = math.prod(inputs.shape[1:])  # of a row
    if values % _PHILOX_VALUES:
        raise ValueError(f"rows of {values} values: to begin within a batch they need a multiple of {_PHILOX_VALUES}")
    key, counter = tf.raw_ops.StatelessRandomGetKeyCounter(seed=seed)
    # Philox, which TensorFlow takes on CPUs and GPUs, draws 4 values for each count. The first of the counter's two
    # words is 0 before a batch.
    count = tf.cast(first_row, tf.int64) * (values // _PHILOX_VALUES)
    counter += tf.cast(tf.stack([count, 0]), tf.uint64)
    return tf.raw_ops.StatelessRandomUniformV2(
        shape=tf.shape(inputs), key=key, counter=counter, alg=_PHILOX, dtype=inputs.dtype
    )


def two_conv(images: tf.Tensor, training: bool, seed: int, first_row: tf.Tensor | int = 0) -> tf.Tensor:
    """TensorFlow's own MNIST tutorial (tensorflow/examples/tutorials/layers/cnn_mnist.py)."""
    x = tf.reshape(images, [-1, 28, 28, 1])
    x = tf.layers.conv2d(x, 32, 5, padding="same", activation=tf.nn.relu)  # [B, 28, 28, 32]
    x = tf.layers.max_pooling2d(x, 2, 2)  # [B, 14, 14, 32]
    x = tf.layers.conv2d(x, 64, 5, padding="same", activation=tf.nn.relu)  # [B, 14, 14, 64]
    x = tf.layers.max_pooling2d(x, 2, 2)  # [B, 7, 7, 64]
    x = tf.layers.flatten(x)  # [B, 3136]
    x = tf.layers.dense(x, 1024, activation=tf.nn.relu)
    x = Dropout(0.4, seed, first_row)(x, training=training)
    return tf.layers.dense(x, 10)


def three_conv(images: tf.Tensor, training: bool, seed: int, first_row: tf.Tensor | int = 0) -> tf.Tensor:
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
    x = Dropout(0.4, seed, first_row)(x, training=training)
    return tf.layers.dense(x, 10)


def three_conv_dropout(images: tf.Tensor, training: bool, seed: int, first_row: tf.Tensor | int = 0) -> tf.Tensor:
    """three_conv with dropout after the second and the third pooling too."""
    x = tf.reshape(images, [-1, 28, 28, 1])
    x = tf.layers.conv2d(x, 32, 5, padding="same", activation=tf.nn.relu)  # [B, 28, 28, 32]
    x = tf.layers.max_pooling2d(x, 2, 2)  # [B, 14, 14, 32]
    x = tf.layers.conv2d(x, 64, 5, padding="same", activation=tf.nn.relu)  # [B, 14, 14, 64]
    x = tf.layers.max_pooling2d(x, 2, 2)  # [B, 7, 7, 64]
    x = Dropout(0.25, seed, first_row)(x, training=training)
    x = tf.layers.conv2d(x, 128, 5, padding="same", activation=tf.nn.relu)  # [B, 7, 7, 128]
    x = tf.layers.max_pooling2d(x, 2, 2)  # [B, 3, 3, 128]
    x = Dropout(0.25, seed, first_row)(x, training=training)
    x = tf.layers.flatten(x)  # [B, 1152]
    x = tf.layers.dense(x, 1024, activation=tf.nn.relu)
    x = Dropout(0.4, seed, first_row)(x, training=training)
    return tf.layers.dense(x, 10)


def dense_128(images: tf.Tensor, training: bool, seed: int, first_row: tf.Tensor | int = 0) -> tf.Tensor:
    """The basic classification tutorial: one hidden layer."""
    x = tf.reshape(images, [-1, 28 * 28])
    x = tf.layers.dense(x, 128, activation=tf.nn.relu)
    return tf.layers.dense(x, 10)


def conv_32_64(images: tf.Tensor, training: bool, seed: int, first_row: tf.Tensor | int = 0) -> tf.Tensor:
    """Two 3x3 convolutions with padding."""
    x = tf.reshape(images, [-1, 28, 28, 1])
    x = tf.layers.conv2d(x, 32, 3, padding="same", activation=tf.nn.relu)  # [B, 28, 28, 32]
    x = tf.layers.max_pooling2d(x, 2, 2)  # [B, 14, 14, 32]
    x = tf.layers.conv2d(x, 64, 3, padding="same", activation=tf.nn.relu)  # [B, 14, 14, 64]
    x = tf.layers.max_pooling2d(x, 2, 2)  # [B, 7, 7, 64]
    x = tf.layers.flatten(x)  # [B, 3136]
    x = tf.layers.dense(x, 128, activation=tf.nn.relu)
    return tf.layers.dense(x, 10)


def conv_64_64(images: tf.Tensor, training: bool, seed: int, first_row: tf.Tensor | int = 0) -> tf.Tensor:
    """Two 3x3 convolutions without padding."""
    x = tf.reshape(images, [-1, 28, 28, 1])
    x = tf.layers.conv2d(x, 64, 3, activation=tf.nn.relu)  # [B, 26, 26, 64]
    x = tf.layers.max_pooling2d(x, 2, 2)  # [B, 13, 13, 64]
    x = tf.layers.conv2d(x, 64, 3, activation=tf.nn.relu)  # [B, 11, 11, 64]
    x = tf.layers.max_pooling2d(x, 2, 2)  # [B, 5, 5, 64]
    x = tf.layers.flatten(x)  # [B, 1600]
    x = tf.layers.dense(x, 128, activation=tf.nn.relu)
    return tf.layers.dense(x, 10)


def conv_64_64_linear(images: tf.Tensor, training: bool, seed: int, first_row: tf.Tensor | int = 0) -> tf.Tensor:
    """conv_64_64 with a hidden layer of 64 units and no activation, as its tutorial has it."""
    x = tf.reshape(images, [-1, 28, 28, 1])
    x = tf.layers.conv2d(x, 64, 3, activation=tf.nn.relu)  # [B, 26, 26, 64]
    x = tf.layers.max_pooling2d(x, 2, 2)  # [B, 13, 13, 64]
    x = tf.layers.conv2d(x, 64, 3, activation=tf.nn.relu)  # [B, 11, 11, 64]
    x = tf.layers.max_pooling2d(x, 2, 2)  # [B, 5, 5, 64]
    x = tf.layers.flatten(x)  # [B, 1600]
    x = tf.layers.dense(x, 64)
    return tf.layers.dense(x, 10)


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
