"""Steps a second, fed by our input_fn and by the Estimator library's queue: python benchmarks/input_fn.py

Rounds of both in turn, each in a new session of fashion_cnn; the ratio is of the medians.
"""

import functools

from rates import compare, steps_per_second

from cnn_estimator import inputs
from cnn_estimator.data import datasets
from cnn_estimator.settings import make_settings
from cnn_estimator.tf1 import tf


def main():
    settings = make_settings("fashion_cnn", seed=1, class_names=datasets.class_names("fashion_mnist"))
    data = datasets.load(settings.dataset, "train")
    arguments = {"batch_size": settings.batch_size, "num_epochs": None, "shuffle": True}
    ours = inputs.numpy_input_fn({"x": data.images}, data.labels, **arguments)
    theirs = tf.estimator.inputs.numpy_input_fn({"x": data.images}, data.labels, **arguments)
    compare(
        {
            "inputs.numpy_input_fn": functools.partial(steps_per_second, ours, settings),
            "the library's queue": functools.partial(steps_per_second, theirs, settings),
        }
    )


if __name__ == "__main__":
    main()
