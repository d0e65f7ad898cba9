"""The tutorials' networks as Keras layers, for the export of a .keras file.

networks.py has the same graphs. Keras names the layers like the variables of networks.py: conv2d, conv2d_1, dense and
so on. The last layer includes the softmax, which networks.py leaves to model_fn.

Keras needs eager execution, which tf1/ switches off in its process. Therefore exporting.py runs this file as a program.
"""

import sys
from collections.abc import Callable

import keras
import numpy as np
from keras import layers


def two_conv() -> list[layers.Layer]:
    return [*_convolution(32, 5, "same"), *_convolution(64, 5, "same"), *_hidden(1024), layers.Dropout(0.4)]


def three_conv() -> list[layers.Layer]:
    return [
        *_convolution(32, 5, "same"),
        *_convolution(64, 5, "same"),
        *_convolution(128, 5, "same"),
        *_hidden(1024),
        layers.Dropout(0.4),
    ]


def three_conv_dropout() -> list[layers.Layer]:
    return [
        *_convolution(32, 5, "same"),
        *_convolution(64, 5, "same"),
        layers.Dropout(0.25),
        *_convolution(128, 5, "same"),
        layers.Dropout(0.25),
        *_hidden(1024),
        layers.Dropout(0.4),
    ]


def dense_128() -> list[layers.Layer]:
    return _hidden(128)


def conv_32_64() -> list[layers.Layer]:
    return [*_convolution(32, 3, "same"), *_convolution(64, 3, "same"), *_hidden(128)]


def conv_64_64() -> list[layers.Layer]:
    return [*_convolution(64, 3, "valid"), *_convolution(64, 3, "valid"), *_hidden(128)]


def conv_64_64_linear() -> list[layers.Layer]:
    return [*_convolution(64, 3, "valid"), *_convolution(64, 3, "valid"), *_hidden(64, activation=None)]


def _convolution(filters: int, size: int, padding: str) -> list[layers.Layer]:
    """Returns a convolution with ReLU, and a pooling that halves height and width."""
    return [layers.Conv2D(filters, size, padding=padding, activation="relu"), layers.MaxPooling2D(2, 2)]


def _hidden(units: int, activation: str | None = "relu") -> list[layers.Layer]:
    return [layers.Flatten(), layers.Dense(units, activation=activation)]


NETWORKS = {
    network.__name__: network
    for network in (two_conv, three_conv, three_conv_dropout, dense_128, conv_32_64, conv_64_64, conv_64_64_linear)
}


def build(network: str, classes: int) -> keras.Sequential:
    """Returns a network with new weights, from `x`, float32 [B, 28, 28] in 0..1, to probabilities [B, classes]."""
    first = [keras.Input((28, 28), name="x"), layers.Reshape((28, 28, 1))]
    return keras.Sequential([*first, *NETWORKS[network](), layers.Dense(classes, activation="softmax")])


def write(network: str, classes: str, weights: str, path: str) -> None:
    """Writes a .keras file of a network with the weights of an .npz file, {"conv2d/kernel": array, …}."""
    model = build(network, int(classes))
    with np.load(weights) as arrays:
        for layer in model.layers:
            # Keras 2 calls a weight conv2d/kernel:0, and Keras 3 calls it kernel.
            names = [weight.name.rpartition("/")[2].partition(":")[0] for weight in layer.weights]
            layer.set_weights([arrays[f"{layer.name}/{name}"] for name in names])
    model.save(path)


def predict(path: str, images: str, probabilities: str) -> None:
    """Writes an .npy file with the probabilities that a .keras file predicts for the images in another .npy file."""
    np.save(probabilities, keras.models.load_model(path).predict(np.load(images), verbose=0))


if __name__ == "__main__":
    functions: dict[str, Callable[..., None]] = {"write": write, "predict": predict}
    functions[sys.argv[1]](*sys.argv[2:])
