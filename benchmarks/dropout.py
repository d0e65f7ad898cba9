"""Steps a second with our dropout and with tf.layers.dropout, whose masks do not repeat: python benchmarks/dropout.py

Rounds of both in turn, each in a new session of fashion_cnn; the ratio is of the medians.
"""

from unittest import mock

from rates import compare, steps_per_second

from cnn_estimator import inputs, model
from cnn_estimator.data import datasets
from cnn_estimator.settings import make_settings
from cnn_estimator.tf1 import tf


def main():
    settings = make_settings("fashion_cnn", seed=1, class_names=datasets.class_names("fashion_mnist"))
    data = datasets.load(settings.dataset, "train")
    input_fn = inputs.numpy_input_fn(
        {"x": data.images}, data.labels, batch_size=settings.batch_size, num_epochs=None, shuffle=True, seed=1
    )

    def ours():
        return steps_per_second(input_fn, settings)

    def theirs():
        with mock.patch.object(model, "Dropout", _layers):
            return steps_per_second(input_fn, settings)

    compare({"dropout.Dropout": ours, "tf.layers.dropout": theirs})


def _layers(seed, training):
    return lambda x, rate: tf.layers.dropout(x, rate, seed=seed, training=training)


if __name__ == "__main__":
    main()
