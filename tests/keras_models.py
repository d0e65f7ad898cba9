"""Keras models with the layers of the TensorFlow 1 graphs in test_keras_weights.py, as their users would write them.

As a program it loads checkpoints into models and writes what the models answer, in a plain Keras process:

    python tests/keras_models.py FOLDER

FOLDER/MODEL/ has checkpoint and inputs.npz. The program writes answers.npy and report.txt beside them.
"""

import pathlib
import sys

import keras
import numpy as np
from bert_sizes import HEADS, HIDDEN, LAYERS, LENGTH, VOCABULARY
from keras import layers


def batch_norm():
    return keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Conv2D(4, 3, use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.SeparableConv2D(6, 3),
            layers.BatchNormalization(),
            layers.Conv2DTranspose(5, 3),
            layers.Flatten(),
            layers.Dense(3, name="logits"),
        ]
    )


def text_lstm():
    return keras.Sequential(
        [keras.Input((7,), dtype="int32"), layers.Embedding(11, 5), layers.LSTM(4), layers.Dense(2, name="logits")]
    )


keras_2_lstm = text_lstm


def stacked_lstm():
    return keras.Sequential(
        [keras.Input((6, 4)), layers.LSTM(4, return_sequences=True), layers.LSTM(4), layers.Dense(3)]
    )


def bidirectional():
    return keras.Sequential([keras.Input((6, 3)), layers.Bidirectional(layers.LSTM(4))])


def gru():
    return keras.Sequential([keras.Input((6, 3)), layers.GRU(4, reset_after=False), layers.Dense(2)])


def cudnn_gru():
    return keras.Sequential([keras.Input((6, 3)), layers.GRU(4), layers.Dense(2)])


def simple_rnn():
    return keras.Sequential([keras.Input((6, 3)), layers.SimpleRNN(4)])


def raw_variables():
    return keras.Sequential(
        [
            keras.Input((5,)),
            layers.Dense(4, activation="relu", name="first"),
            layers.Dense(4, activation="relu", name="second"),
            layers.Dense(4, activation="relu", name="third"),
            layers.Dense(2, name="last"),
        ]
    )


def wide_and_deep():
    """The deep part has an embedding of the job beside the age, and the wide part a weight for each job."""
    age = keras.Input((1,), name="age")
    job = keras.Input((1,), dtype="int32", name="job")
    embedded = layers.Flatten()(layers.Embedding(5, 3, name="job_embedding")(job))
    deep = layers.Concatenate()([age, embedded])
    deep = layers.Dense(8, activation="relu", name="hiddenlayer_0")(deep)
    deep = layers.Dense(6, activation="relu", name="hiddenlayer_1")(deep)
    deep = layers.Dense(1, name="deep_logits")(deep)
    wide = layers.Flatten()(layers.Embedding(5, 1, name="wide_job")(job))
    wide = layers.Dense(1, name="wide_age")(layers.Concatenate()([age])) + wide
    return keras.Model([age, job], deep + wide)


class Embeddings(layers.Layer):
    """Adds the embeddings of the positions, and of the first type of token."""

    def build(self, shape):
        self.position_embeddings = self.add_weight(name="position_embeddings", shape=(LENGTH, HIDDEN))
        self.token_type_embeddings = self.add_weight(name="token_type_embeddings", shape=(2, HIDDEN))

    def call(self, words):
        return words + self.position_embeddings + self.token_type_embeddings[0]


def bert():
    ids = keras.Input((LENGTH,), dtype="int32", name="input_ids")
    words = layers.Embedding(VOCABULARY, HIDDEN, name="word_embeddings")(ids)
    state = layers.LayerNormalization(epsilon=1e-12, name="norm")(Embeddings(name="embeddings")(words))
    for number in range(LAYERS):
        attention = layers.MultiHeadAttention(HEADS, HIDDEN // HEADS, name=f"attention_{number}")
        norm = layers.LayerNormalization(epsilon=1e-12, name=f"attention_norm_{number}")
        state = norm(state + attention(state, state))
        inner = layers.Dense(4 * HIDDEN, gelu, name=f"intermediate_{number}")(state)
        outer = layers.Dense(HIDDEN, name=f"output_{number}")(inner)
        state = layers.LayerNormalization(epsilon=1e-12, name=f"output_norm_{number}")(state + outer)
    return keras.Model(ids, layers.Dense(HIDDEN, activation="tanh", name="pooler")(state[:, 0]))


def gelu(inputs):
    return keras.activations.gelu(inputs, approximate=True)


def bert_names():
    """The scopes of google-research/bert for the layers of bert()."""
    names = {"norm": "bert/embeddings/LayerNorm"}
    for number in range(LAYERS):
        layer = f"bert/encoder/layer_{number}"
        names |= {
            f"attention_{number}": f"{layer}/attention/self",
            f"attention_{number}/attention_output": f"{layer}/attention/output/dense",
            f"attention_norm_{number}": f"{layer}/attention/output/LayerNorm",
            f"intermediate_{number}": f"{layer}/intermediate/dense",
            f"output_{number}": f"{layer}/output/dense",
            f"output_norm_{number}": f"{layer}/output/LayerNorm",
        }
    return names


NAMES = {
    "bert": bert_names(),
    "raw_variables": {
        f"{layer}/{weight}": f"{variable}{number}"
        for number, layer in enumerate(("first", "second", "third", "last"), 1)
        for weight, variable in (("kernel", "W"), ("bias", "b"))
    },
}


def main(folder):
    from cnn_estimator import keras_networks, keras_weights

    for path in sorted(folder.iterdir()):
        model = globals()[path.name]() if path.name in globals() else keras_networks.build(path.name, 10)
        report = keras_weights.load(model, path, NAMES.get(path.name))
        with np.load(path / "inputs.npz") as inputs:
            answers = model.predict([*inputs.values()] if len(inputs) > 1 else inputs["x"], verbose=0)
        np.save(path / "answers.npy", answers)
        (path / "report.txt").write_text(str(report))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
