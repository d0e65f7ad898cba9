"""Steps a second, fed by our input_fn and by the Estimator library's queue: python benchmarks/input_fn.py

Rounds of both in turn, each in a new session of fashion_cnn; the ratio is of the medians.
"""

import statistics
import sys
import tempfile
import time

from cnn_estimator import datasets, inputs, model, recipes
from cnn_estimator.tf1 import tf

ROUNDS, WARM_UP, STEPS = 5, 20, 150


class Timer(tf.train.SessionRunHook):
    """Times STEPS steps after WARM_UP steps."""

    def begin(self):
        self._times = []

    def after_run(self, run_context, run_values):
        self._times.append(time.monotonic())

    @property
    def rate(self):
        return STEPS / (self._times[-1] - self._times[WARM_UP - 1])


def steps_per_second(input_fn, settings):
    with tempfile.TemporaryDirectory() as model_dir:
        estimator = tf.estimator.Estimator(model.model_fn, model_dir, params=settings)
        timer = Timer()
        estimator.train(input_fn, hooks=[timer], steps=WARM_UP + STEPS)
    return timer.rate


def main():
    tf.logging.set_verbosity(tf.logging.ERROR)
    settings = recipes.settings(recipes.find("fashion_cnn"), seed=1)
    data = datasets.load(settings.dataset, "train")
    arguments = {"batch_size": settings.batch_size, "num_epochs": None, "shuffle": True}
    input_fns = {
        "inputs.numpy_input_fn": inputs.numpy_input_fn({"x": data.images}, data.labels, **arguments),
        "the library's queue": tf.estimator.inputs.numpy_input_fn({"x": data.images}, data.labels, **arguments),
    }
    rates = {name: [] for name in input_fns}
    for round_number in range(ROUNDS):
        for name, input_fn in input_fns.items():
            rates[name].append(steps_per_second(input_fn, settings))
        print(f"round {round_number + 1} of {ROUNDS}", file=sys.stderr)
    medians = {name: statistics.median(values) for name, values in rates.items()}
    for name, median in medians.items():
        print(f"{name}: {median:.1f} steps/s")
    ours, theirs = medians.values()
    print(f"ratio: {ours / theirs:.2f}")


if __name__ == "__main__":
    main()
