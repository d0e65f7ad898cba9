"""tf.contrib.summary: the functions for graphs, which TensorFlow still has in an internal module."""

import sys

from tensorflow.python.ops import summary_ops_v2

from cnn_estimator.tf1.unavailable import module_getattr

summary = sys.modules[__name__]  # `from tensorflow.contrib.summary import summary` has the same names
all_summary_ops = summary_ops_v2.all_v2_summary_ops

__getattr__ = module_getattr("tf.contrib.summary", (summary_ops_v2,), "use tf.summary", names="")
