"""tf.contrib.lite: tf.lite."""

import tensorflow.compat.v1 as tf  # type: ignore[import-untyped]

from cnn_estimator.tf1.unavailable import module_getattr

__getattr__ = module_getattr("tf.contrib.lite", (tf.lite,), "use tf.lite", names="")
