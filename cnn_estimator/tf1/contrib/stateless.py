"""tf.contrib.stateless: the stateless random numbers of tf.random."""

import tensorflow.compat.v1 as tf  # type: ignore[import-untyped]

from cnn_estimator.tf1.unavailable import module_getattr

stateless_multinomial = tf.random.stateless_multinomial
stateless_random_normal = tf.random.stateless_normal
stateless_random_uniform = tf.random.stateless_uniform
stateless_truncated_normal = tf.random.stateless_truncated_normal

__getattr__ = module_getattr("tf.contrib.stateless", (), "use tf.random", names="")
