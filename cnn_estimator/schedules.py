"""The learning rate over a run, as a function of the global step."""

import math

from cnn_estimator.settings import Settings
from cnn_estimator.tf1 import tf

_RISE = 0.3  # of a one_cycle, where the settings name no warm-up


def learning_rate(settings: Settings) -> tf.Tensor | float:
    """Returns the learning rate of the step that the current graph trains next: a float32 scalar, or a plain constant.

    It rises in a line over the warm-up, and reaches settings.learning_rate in the step after that. It stays there, or
    falls in a line or along a cosine, to 0 at the global step settings.schedule_steps, and stays 0.
    """
    warmup_steps = settings.warmup_steps
    if settings.schedule == "one_cycle" and settings.schedule_steps and not warmup_steps:
        warmup_steps = round(_RISE * settings.schedule_steps)
    if not warmup_steps and not settings.decays:
        return settings.learning_rate
    step = tf.cast(tf.train.get_or_create_global_step(), tf.float64)  # float32 counts to 16 million only
    rate = settings.learning_rate * tf.minimum((step + 1) / (warmup_steps + 1), 1)
    if settings.decays:
        assert settings.schedule_steps
        begin = min(warmup_steps, settings.schedule_steps - 1)  # a run of a few steps ends as it rises
        progress = tf.clip_by_value((step - begin) / (settings.schedule_steps - begin), 0, 1)
        rate *= 1 - progress if settings.schedule == "linear" else (1 + tf.cos(math.pi * progress)) / 2
    return tf.cast(rate, tf.float32)
