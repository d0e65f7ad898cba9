"""bert.py as its author would write it with Keras today."""

import data
import keras
import keras_programs
import tensorflow as tf
from data import HEADS, HIDDEN, LAYERS, LENGTH, VOCABULARY
from keras import layers


class Positions(layers.Layer):
    """Adds an embedding of the positions."""

    def build(self, shape):
        self.positions = self.add_weight(shape=(LENGTH, HIDDEN))

    def call(self, words):
        return words + self.positions


def gelu(x):
    return keras.activations.gelu(x, approximate=True)


words = keras.Input((LENGTH,), dtype="int32")
x = layers.LayerNormalization(epsilon=1e-12)(Positions()(layers.Embedding(VOCABULARY, HIDDEN)(words)))
for _ in range(LAYERS):
    x = layers.LayerNormalization(epsilon=1e-12)(x + layers.MultiHeadAttention(HEADS, HIDDEN // HEADS)(x, x))
    inner = layers.Dense(4 * HIDDEN, gelu)(x)
    x = layers.LayerNormalization(epsilon=1e-12)(x + layers.Dense(HIDDEN)(inner))
model = keras.Model(words, layers.Dense(2)(x[:, 0]))
model.compile(keras.optimizers.Adam(0.0001), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
dataset = tf.data.Dataset.from_tensor_slices(data.texts())
keras_programs.train(model, dataset.shuffle(6400).repeat().batch(data.BATCH).prefetch(2))
