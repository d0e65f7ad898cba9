"""What the Keras programs share: a callback with the clock."""

import keras
from timing import Clock


class ClockCallback(keras.callbacks.Callback):
    def __init__(self, clock):
        super().__init__()
        self._clock = clock

    def on_train_batch_end(self, batch, logs=None):
        self._clock.step()


def train(model, dataset, warm_up=20, steps=100):
    """Trains on batches of a dataset that repeats."""
    model.fit(dataset.take(warm_up + steps), callbacks=[ClockCallback(Clock(warm_up, steps))], verbose=0)
