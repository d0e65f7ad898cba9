"""What evaluating 5,000 held out images every 100 steps costs training: python benchmarks/evaluation_while_training.py

Rounds of four ways in turn, each a run of fashion_cnn: no evaluation, EvaluateHook, Estimator's
InMemoryEvaluatorHook, and train and evaluate by turns, as train_and_evaluate does. A row has the seconds of the steps
between evaluations, which show the steady rate, and those of the whole run; the ratio is of the medians.
"""

import statistics
import tempfile
import time

from cnn_estimator import inputs, model
from cnn_estimator.data import datasets
from cnn_estimator.data.datasets import TrainingData
from cnn_estimator.run_dir.run import RunDir
from cnn_estimator.settings import Start, TrainOptions, make_settings
from cnn_estimator.tf1 import tf
from cnn_estimator.training.validation import EvaluateHook

ROUNDS, STEPS, EVERY, HELD_OUT = 3, 300, 100, 5000


class StepTimes(tf.train.SessionRunHook):
    """Takes the time of each step, from the call of the session to its return."""

    def __init__(self):
        self.seconds = []

    def before_run(self, run_context):
        self._started = time.perf_counter()

    def after_run(self, run_context, run_values):
        self.seconds.append(time.perf_counter() - self._started)


def main():
    settings = make_settings("fashion_cnn", seed=1, class_names=datasets.class_names("fashion_mnist"))
    training, held_out = datasets.hold_out(datasets.load(settings.dataset, "train"), HELD_OUT, settings.seed)

    def train_input():
        return inputs.numpy_input_fn(
            {"x": training.pixels},
            training.labels,
            batch_size=settings.batch_size,
            num_epochs=None,
            shuffle=True,
            seed=1,
            transform=datasets.scale,
        )

    eval_input = inputs.evaluation_input_fn(held_out)

    def without(estimator, steps):
        estimator.train(train_input(), hooks=[steps], steps=STEPS)

    def evaluate_hook(estimator, steps):
        run_dir = RunDir(estimator.model_dir)
        start = Start(settings=settings, checkpoint=None, first_step=0, max_steps=STEPS)
        with run_dir.locked():
            data = TrainingData(training, held_out, None)
            hook = EvaluateHook(run_dir, TrainOptions(eval_every=EVERY), start, data)
            estimator.train(train_input(), hooks=[steps, hook], steps=STEPS)

    def in_memory(estimator, steps):
        hook = tf.estimator.experimental.InMemoryEvaluatorHook(estimator, eval_input, every_n_iter=EVERY)
        estimator.train(train_input(), hooks=[steps, hook], steps=STEPS)

    def by_turns(estimator, steps):
        for _ in range(STEPS // EVERY):
            estimator.train(train_input(), hooks=[steps], steps=EVERY)
            estimator.evaluate(eval_input)

    ways = {
        "no evaluation": without,
        "validation.EvaluateHook": evaluate_hook,
        "InMemoryEvaluatorHook": in_memory,
        "train and evaluate": by_turns,
    }
    found = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, way in ways.items():
            with tempfile.TemporaryDirectory() as folder:
                steps = StepTimes()
                started = time.perf_counter()
                way(tf.estimator.Estimator(model.model_fn, folder, params=settings), steps)
                found[name].append((time.perf_counter() - started, 1 / statistics.median(steps.seconds)))
    base_seconds, base_rate = (statistics.median(column) for column in zip(*found["no evaluation"], strict=True))
    for name, rows in found.items():
        seconds, rate = (statistics.median(column) for column in zip(*rows, strict=True))
        print(
            f"{name:22} {seconds:6.1f} s, {(seconds - base_seconds) / (STEPS // EVERY):+5.2f} s an evaluation; "
            f"{rate:5.2f} steps/s between evaluations, ratio {rate / base_rate:.2f}"
        )


if __name__ == "__main__":
    main()
