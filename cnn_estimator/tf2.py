"""The bridge for TensorFlow 2 code: `from cnn_estimator.tf2 import tf` is the TF 2 API with tf.estimator and Keras 2.

Eager execution stays on. From TensorFlow 2.16 on, the import brings back what TensorFlow 2.15 had: tf.estimator,
tf.compat.v1.estimator and Keras 2 as tf.keras. Like cnn_estimator.tf1 it silences deprecation warnings, and limits the
log of TensorFlow's C++ side to errors. A process can import one of the two bridges.
"""

from typing import TYPE_CHECKING

from cnn_estimator.tf1 import loading

__all__ = ["tf"]

if TYPE_CHECKING:
    import tensorflow as tf  # type: ignore[import-untyped]  # it has no stubs: everything is Any
else:
    tf = loading.load(__name__)
