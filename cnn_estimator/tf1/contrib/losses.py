"""tf.contrib.losses: the losses of tf-slim."""

from cnn_estimator.tf1.contrib._tf_slim import tf_slim
from cnn_estimator.tf1.unavailable import module_getattr

__getattr__ = module_getattr("tf.contrib.losses", (tf_slim.losses,), "use tf.losses", names="")
