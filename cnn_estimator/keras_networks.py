"""The tutorials' networks as Keras layers, for the export of a .keras file.

The layers of networks.py are repeated on purpose, so that each file reads as one whole. Keras names the layers like the
variables of networks.py: conv2d, conv2d_1, dense and so on. The last layer includes the softmax, which networks.py
leaves to model_fn.

Keras needs eager execution, which tf1/ switches off in its process. Therefore exporting.py runs this file as a program.
"""

import sys

import keras
import numpy as np
from keras import layers


def two_conv() -> list[layers.Layer]:
    return [
        layers.Reshape((28, 28, 1)),
        layers.Conv2D(32, 5, padding="same", activation="relu"),  # [B, 28, 28, 32]
        layers.MaxPooling2D(2, 2),  # [B, 14, 14, 32]
        layers.Conv2D(64, 5, padding="same", activation="relu"),  # [B, 14, 14, 64]
        layers.MaxPooling2D(2, 2),  # [B, 7, 7, 64]
        layers.Flatten(),  # [B, 3136]
        layers.Dense(1024, activation="relu"),
        layers.Dropout(0.4),
        layers.Dense(10, activation="softmax"),
    ]


def three_conv() -> list[layers.Layer]:
    return [
        layers.Reshape((28, 28, 1)),
        layers.Conv2D(32, 5, padding="same", activation="relu"),  # [B, 28, 28, 32]
        layers.MaxPooling2D(2, 2),  # [B, 14, 14, 32]
        layers.Conv2D(64, 5, padding="same", activation="relu"),  # [B, 14, 14, 64]
        layers.MaxPooling2D(2, 2),  # [B, 7, 7, 64]
        layers.Conv2D(128, 5, padding="same", activation="relu"),  # [B, 7, 7, 128]
        layers.MaxPooling2D(2, 2),  # [B, 3, 3, 128]
        layers.Flatten(),  # [B, 1152]
        layers.Dense(1024, activation="relu"),
        layers.Dropout(0.4),
        layers.Dense(10, activation="softmax"),
    ]


def three_conv_dropout() -> list[layers.Layer]:
    return [
        layers.Reshape((28, 28, 1)),
        layers.Conv2D(32, 5, padding="same", activation="relu"),  # [B, 28, 28, 32]
        layers.MaxPooling2D(2, 2),  # [B, 14, 14, 32]
        layers.Conv2D(64, 5, padding="same", activation="relu"),  # [B, 14, 14, 64]
        layers.MaxPooling2D(2, 2),  # [B, 7, 7, 64]
        layers.Dropout(0.25),
        layers.Conv2D(128, 5, padding="same", activation="relu"),  # [B, 7, 7, 128]
        layers.MaxPooling2D(2, 2),  # [B, 3, 3, 128]
        layers.Dropout(0.25),
        layers.Flatten(),  # [B, 1152]
        layers.Dense(1024, activation="relu"),
        layers.Dropout(0.4),
        layers.Dense(10, activation="softmax"),
    ]


def dense_128() -> list[layers.Layer]:
    return [
        layers.Flatten(),  # [B, 784]
        layers.Dense(128, activation="relu"),
        layers.Dense(10, activation="softmax"),
    ]


def conv_32_64() -> list[layers.Layer]:
    return [
        layers.Reshape((28, 28, 1)),
        layers.Conv2D(32, 3, padding="same", activation="relu"),  # [B, 28, 28, 32]
        layers.MaxPooling2D(2, 2),  # [B, 14, 14, 32]
        layers.Conv2D(64, 3, padding="same", activation="relu"),  # [B, 14, 14, 64]
        layers.MaxPooling2D(2, 2),  # [B, 7, 7, 64]
        layers.Flatten(),  # [B, 3136]
        layers.Dense(128, activation="relu"),
        layers.Dense(10, activation="softmax"),
    ]


def conv_64_64() -> list[layers.Layer]:
    return [
        layers.Reshape((28, 28, 1)),
        layers.Conv2D(64, 3, activation="relu"),  # [B, 26, 26, 64]
        layers.MaxPooling2D(2, 2),  # [B, 13, 13, 64]
        layers.Conv2D(64, 3, activation="relu"),  # [B, 11, 11, 64]
        layers.MaxPooling2D(2, 2),  # [B, 5, 5, 64]
        layers.Flatten(),  # [B, 1600]
        layers.Dense(128, activation="relu"),
        layers.Dense(10, activation="softmax"),
    ]


def conv_64_64_linear() -> list[layers.Layer]:
    return [
        layers.Reshape((28, 28, 1)),
        layers.Conv2D(64, 3, activation="relu"),  # [B, 26, 26, 64]
        layers.MaxPooling2D(2, 2),  # [B, 13, 13, 64]
        layers.Conv2D(64, 3, activation="relu"),  # [B, 11, 11, 64]
        layers.MaxPooling2D(2, 2),  # [B, 5, 5, 64]
        layers.Flatten(),  # [B, 1600]
        layers.Dense(64),
        layers.Dense(10, activation="softmax"),
    ]


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


def build(network: str) -> keras.Sequential:
    """Returns a network with new weights, from `x`, float32 [B, 28, 28] in 0..1, to probabilities, float32 [B, 10]."""
    return keras.Sequential([keras.Input((28, 28), name="x"), *NETWORKS[network]()])


def write(network: str, weights: str, path: str) -> None:
    """Writes a .keras file of a network with the weights of an .npz file, {"conv2d/kernel": array, …}."""
    model = build(network)
    with np.load(weights) as arrays:
        for layer in model.layers:
            if layer.weights:
                layer.set_weights([arrays[f"{layer.name}/{part}"] for part in ("kernel", "bias")])
    model.save(path)


def predict(path: str, images: str, probabilities: str) -> None:
    """Writes an .npy file with the probabilities that a .keras file predicts for the images in another .npy file."""
    np.save(probabilities, keras.models.load_model(path).predict(np.load(images), verbose=0))


if __name__ == "__main__":
    {"write": write, "predict": predict}[sys.argv[1]](*sys.argv[2:])
