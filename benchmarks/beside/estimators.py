"""What the Estimator programs share: a hook with the clock."""

import tensorflow as tf
from timing import Clock


class ClockHook(tf.train.SessionRunHook):
    """Ends the training after the last step of the clock."""

    def __init__(self, clock):
        self._clock = clock

    def after_run(self, run_context, run_values):
        if self._clock.step():
            run_context.request_stop()


def train(estimator, input_fn, warm_up=20, steps=100):
    tf.logging.set_verbosity(tf.logging.ERROR)
    estimator.train(input_fn, hooks=[ClockHook(Clock(warm_up, steps))])
