"""tf.contrib.metrics: the metrics of tf-slim, and functions of tf.sets and tf.math."""

import tensorflow.compat.v1 as tf

from cnn_estimator.tf1.contrib._tf_slim import tf_slim
from cnn_estimator.tf1.unavailable import module_getattr

confusion_matrix = tf.math.confusion_matrix

__getattr__ = module_getattr("tf.contrib.metrics", (tf_slim.metrics, tf.sets), "use tf.metrics", names="")
