"""convolutions.py as its author would write it with Keras today."""

import data
import keras
import keras_programs
import tensorflow as tf
from keras import layers

model = keras.Sequential(
    [
        keras.Input((28, 28, 1)),
        *(layers.Conv2D(32, 5, padding="same", activation="relu"), layers.MaxPooling2D(2, 2)),
        *(layers.Conv2D(64, 5, padding="same", activation="relu"), layers.MaxPooling2D(2, 2)),
        *(layers.Conv2D(128, 5, padding="same", activation="relu"), layers.MaxPooling2D(2, 2)),
        layers.Flatten(),
        layers.Dense(1024, activation="relu"),
        layers.Dropout(0.4),
        layers.Dense(10),
    ]
)
model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
dataset = tf.data.Dataset.from_tensor_slices(data.images())
keras_programs.train(model, dataset.shuffle(6400).repeat().batch(data.BATCH).prefetch(2))
