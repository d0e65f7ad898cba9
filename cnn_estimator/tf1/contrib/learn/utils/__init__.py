"""tf.contrib.learn.utils."""

from cnn_estimator.tf1.contrib.learn.utils import saved_model_export_utils

__all__ = ["saved_model_export_utils"]
