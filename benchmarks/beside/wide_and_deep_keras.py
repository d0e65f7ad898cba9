"""wide_and_deep.py as its author would write it with Keras today: preprocessing in the input pipeline."""

import data
import keras
import keras_programs
import tensorflow as tf
from keras import layers

ages = layers.Discretization([25, 35, 45, 55])
jobs = layers.StringLookup(vocabulary=["clerk", "cook", "driver", "nurse"])
towns = layers.Hashing(100)
crossed = layers.HashedCrossing(50)


def preprocess(table, label):
    age = ages(table["age"])
    numbers = tf.stack([table["age"], table["hours"]], -1)
    pairs = crossed((tf.as_string(age), table["job"]))
    return {
        "numbers": numbers,
        "age": age,
        "job": jobs(table["job"]),
        "town": towns(table["town"]),
        "pair": pairs,
    }, label


numbers = keras.Input((2,), name="numbers")
age, job, town, pair = (keras.Input((), dtype="int64", name=name) for name in ("age", "job", "town", "pair"))
wide = [layers.Embedding(size, 1)(index) for index, size in ((age, 5), (job, 5), (town, 100), (pair, 50))]
one_hot_job = layers.CategoryEncoding(5, "one_hot")(job)
deep = layers.Concatenate()([numbers, one_hot_job, layers.Embedding(100, 8)(town)])
deep = layers.Dense(32, activation="relu")(layers.Dense(64, activation="relu")(deep))
logits = layers.Dense(1)(deep) + layers.Add()(wide)
model = keras.Model({"numbers": numbers, "age": age, "job": job, "town": town, "pair": pair}, logits)
model.compile("adagrad", keras.losses.BinaryCrossentropy(from_logits=True))
dataset = tf.data.Dataset.from_tensor_slices(data.people()).shuffle(20000).repeat().batch(data.BATCH)
keras_programs.train(model, dataset.map(preprocess).prefetch(2), warm_up=200, steps=3000)
