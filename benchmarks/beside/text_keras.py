"""text.py as its author would write it with Keras today."""

import data
import keras
import keras_programs
import tensorflow as tf
from keras import layers

model = keras.Sequential(
    [
        keras.Input((data.LENGTH,), dtype="int32"),
        layers.Embedding(data.VOCABULARY, 64),
        layers.LSTM(64),
        layers.Dense(2),
    ]
)
model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
dataset = tf.data.Dataset.from_tensor_slices(data.texts())
keras_programs.train(model, dataset.shuffle(6400).repeat().batch(data.BATCH).prefetch(2))
