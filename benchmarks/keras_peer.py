"""Keras 3, the same layers: python benchmarks/keras_peer.py train"""

import contextlib
import sys
import time

import keras
import measuring
from measuring import BATCH, LEARNING_RATE, NETWORK, Task

from cnn_estimator import keras_networks

_EVALUATION_BATCH = 500  # in batches of 100 it takes half as long again


class StepTimes(keras.callbacks.Callback):
    """Keeps when each step ended."""

    def __init__(self) -> None:
        super().__init__()
        self.times: list[float] = []

    def on_train_batch_end(self, batch: int, logs: object = None) -> None:
        self.times.append(time.perf_counter())


def train(task: Task) -> dict[str, float]:
    """One epoch of model.fit; it prints its progress, on stderr here."""
    images, labels = measuring.load("train")
    size = task.size
    steps = size.warm_up + size.steps
    keras.utils.set_random_seed(measuring.SEED)
    network = keras_networks.build(NETWORK, classes=10)
    network.compile(keras.optimizers.Adam(LEARNING_RATE), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    times = StepTimes()
    images, labels = images[: steps * BATCH], labels[: steps * BATCH]  # all of them in the full size
    with contextlib.redirect_stdout(sys.stderr):
        network.fit(images, labels, batch_size=BATCH, callbacks=[times])
    seconds = times.times[steps - 1] - times.times[size.warm_up - 1]
    found = {"steps_per_second": size.steps / seconds, "peak_mb": measuring.peak_mb()}
    if task.model:
        network.save(task.model)
    return found


def evaluate(task: Task) -> dict[str, float]:
    started = time.perf_counter()
    images, labels = measuring.load("test")
    network = keras.models.load_model(task.model)
    with contextlib.redirect_stdout(sys.stderr):
        _, accuracy = network.evaluate(images, labels, batch_size=_EVALUATION_BATCH)
    return {"seconds": time.perf_counter() - started, "accuracy": accuracy}


if __name__ == "__main__":
    measuring.main(train=train, evaluate=evaluate)
