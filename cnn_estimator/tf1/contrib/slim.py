"""tf.contrib.slim: tf-slim, and the additions of tf.contrib.layers."""

import importlib

from cnn_estimator.tf1.contrib import layers
from cnn_estimator.tf1.contrib._tf_slim import tf_slim
from cnn_estimator.tf1.unavailable import module_getattr

nets = importlib.import_module("tf_slim.nets")
for _network in ("alexnet", "inception", "overfeat", "resnet_utils", "resnet_v1", "resnet_v2", "vgg"):
    importlib.import_module(f"tf_slim.nets.{_network}")

__getattr__ = module_getattr(
    "tf.contrib.slim", (tf_slim, layers), "use tf_slim of the package tf-slim, or tf.layers", names=""
)
