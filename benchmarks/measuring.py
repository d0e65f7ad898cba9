"""What the programs of run.py share: the task, its sizes, and how time and memory are taken. Imports no TensorFlow.

The task: to train three_conv_dropout on Fashion-MNIST, float32 in 0..1, in batches of 100 with Adam and a learning
rate of 0.001, as the recipe fashion_cnn does. A program measures one way to do that, in a process of its own.
"""

import argparse
import dataclasses
import json
import math
import os
import pathlib
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from cnn_estimator.data import datasets

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent
RECIPE, NETWORK, DATASET = "fashion_cnn", "three_conv_dropout", "fashion_mnist"
BATCH, LEARNING_RATE, SEED = 100, 0.001, 1

# Of each layer with weights: positions of its output, inputs of one of its values, outputs at a position.
LAYERS = (
    (28 * 28, 5 * 5 * 1, 32),
    (14 * 14, 5 * 5 * 32, 64),
    (7 * 7, 5 * 5 * 64, 128),
    (1, 3 * 3 * 128, 1024),
    (1, 1024, 10),
)


@dataclasses.dataclass(frozen=True)
class Size:
    """How many steps are measured, after how many; matrices of which size are multiplied, how often.

    The first step of all is one of neither.
    """

    warm_up: int
    steps: int
    matrix: int
    products: int


# With 500 steps there is one checkpoint among them, and ten log lines, as in all of a run at the defaults.
FULL, QUICK = Size(100, 500, 4096, 5), Size(2, 2, 256, 2)


def step_flops() -> int:
    """Returns the floating point operations of the matrix products and convolutions of a training step.

    Each layer has three of the same size: forwards, and backwards for its weights and for its inputs, which the first
    layer does not need.
    """
    products = [math.prod(layer) for layer in LAYERS]
    return 2 * BATCH * (3 * sum(products) - products[0])


@dataclasses.dataclass(frozen=True)
class Task:
    """What a program is asked for.

    Attributes:
      precision: "float32" or "bfloat16".
      size: how much.
      model: the path to save the trained model at, or to load it from.
    """

    precision: str
    size: Size
    model: str | None


def load(split: str) -> tuple[np.ndarray, np.ndarray]:
    """Returns the images, float32 [N, 28, 28] in 0..1, and the labels of Fashion-MNIST's "train" or "test"."""
    data = datasets.load(DATASET, split)
    return data.images, data.labels


def main(**functions: Callable[[Task], dict[str, Any]]) -> None:
    """Calls the function that the command line names, and prints what it returns as one line of JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("function", choices=functions)
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default="float32")
    parser.add_argument("--quick", action="store_true", help="measure very little, to see whether it works")
    parser.add_argument("--model", help="the path to save the trained model at, or to load it from")
    given = parser.parse_args()
    task = Task(given.precision, QUICK if given.quick else FULL, given.model)
    print(json.dumps(functions[given.function](task)))


def steps_per_second(step: Callable[[int], object], size: Size) -> float:
    """Calls step(0), step(1), …; returns the rate after the warm-up."""
    for number in range(size.warm_up):
        step(number)
    started = time.perf_counter()
    for number in range(size.warm_up, size.warm_up + size.steps):
        step(number)
    return size.steps / (time.perf_counter() - started)


def batch_of(number: int, images: int) -> slice:
    """Returns where the batch of a step is among that many shuffled images."""
    start = number % (images // BATCH) * BATCH
    return slice(start, start + BATCH)


def peak_mb() -> float:
    """Returns the most memory that this process has had resident, in MB."""
    return _mb(resource.getrusage(resource.RUSAGE_SELF))


def _mb(usage: resource.struct_rusage) -> float:
    unit = 1 if sys.platform == "darwin" else 1024
    return usage.ru_maxrss * unit / 1e6


@dataclasses.dataclass(frozen=True)
class Finished:
    """A process that has succeeded.

    Attributes:
      stdout: what it printed.
      lines: of its stderr, (seconds after its start, the line).
      seconds: from its start to its end.
      peak_mb: the most memory that it has had resident.
    """

    stdout: str
    lines: list[tuple[float, str]]
    seconds: float
    peak_mb: float

    def step_times(self) -> list[float]:
        """Returns when each of the log lines of training came, which have the number of the step.

        Not the number is taken but the order: a hook may read it while it is being increased.
        """
        return [seconds for seconds, line in self.lines if re.search(r"\bstep = \d", line)]

    def steps_per_second(self, size: Size, log_every: int) -> float:
        """Returns the rate between two log lines, of which the first step has one too."""
        times = self.step_times()
        first, last = size.warm_up // log_every, (size.warm_up + size.steps) // log_every
        return size.steps / (times[last] - times[first])


def run(command: Sequence[str], cwd: str | None = None) -> Finished:
    """Runs a program in the environment of a user, without TensorFlow's variables.

    Raises:
      RuntimeError: it failed; the text is what it printed.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("TF_", "KERAS_"))}
    started = time.perf_counter()
    with (
        tempfile.TemporaryFile("w+") as stdout,
        subprocess.Popen(
            [sys.executable, *command], cwd=cwd, env=environment, stdout=stdout, stderr=subprocess.PIPE, text=True
        ) as process,
    ):
        assert process.stderr
        lines = [(time.perf_counter() - started, line) for line in process.stderr]
        _, status, usage = os.wait4(process.pid, 0)  # of this one process alone
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - started
        stdout.seek(0)
        printed = stdout.read()
    if process.returncode:
        text = "".join(line for _, line in lines)
        raise RuntimeError(f"{' '.join(command)}: exit status {process.returncode}: {text}")
    return Finished(printed, lines, seconds, _mb(usage))
