"""tf.contrib.staging: StagingArea, which TensorFlow still has in an internal module."""

from tensorflow.python.ops import data_flow_ops  # type: ignore[import-untyped]

from cnn_estimator.tf1.unavailable import module_getattr

StagingArea = data_flow_ops.StagingArea

__getattr__ = module_getattr("tf.contrib.staging", (), "use tf.data", names="")
