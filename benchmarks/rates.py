"""What the benchmarks share: training steps a second, and variants compared in rounds."""

import statistics
import sys
import tempfile
import time

from cnn_estimator import model
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
    """Trains in a new session; returns the rate after the warm-up."""
    with tempfile.TemporaryDirectory() as model_dir:
        estimator = tf.estimator.Estimator(model.model_fn, model_dir, params=settings)
        timer = Timer()
        estimator.train(input_fn, hooks=[timer], steps=WARM_UP + STEPS)
    return timer.rate


def compare(variants):
    """Runs {name: function that returns a rate}, two of them, in turn; prints the medians and the first's ratio."""
    tf.logging.set_verbosity(tf.logging.ERROR)
    rates = {name: [] for name in variants}
    for round_number in range(ROUNDS):
        for name, measure in variants.items():
            rates[name].append(measure())
        print(f"round {round_number + 1} of {ROUNDS}", file=sys.stderr)
    medians = {name: statistics.median(values) for name, values in rates.items()}
    for name, median in medians.items():
        print(f"{name}: {median:.1f} steps/s")
    first, second = medians.values()
    print(f"ratio: {first / second:.3f}")
