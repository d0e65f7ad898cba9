"""tf.contrib.learn.utils."""

from cnn_estimator.tf1.contrib.learn.utils import input_fn_utils, saved_model_export_utils

__all__ = ["input_fn_utils", "saved_model_export_utils"]
