"""tf.contrib.linalg: tf.linalg."""

import tensorflow.compat.v1 as tf  # type: ignore[import-untyped]

from cnn_estimator.tf1.unavailable import module_getattr

LinearOperatorTriL = tf.linalg.LinearOperatorLowerTriangular

__getattr__ = module_getattr("tf.contrib.linalg", (tf.linalg,), "use tf.linalg", names="")
