"""tf.contrib.distributions: the distributions of tf.distributions."""

import tensorflow.compat.v1 as tf  # type: ignore[import-untyped]

from cnn_estimator.tf1.unavailable import module_getattr

__getattr__ = module_getattr(
    "tf.contrib.distributions", (tf.distributions,), "use the package tensorflow-probability, which has it"
)
