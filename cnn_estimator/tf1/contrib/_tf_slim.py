"""The library tf-slim, which maintains the layers, metrics and variables of tf.contrib."""

import importlib

try:
    tf_slim = importlib.import_module("tf_slim")
except ModuleNotFoundError:
    raise ImportError("tf-slim is not installed, tf.contrib needs it: pip install 'tf-slim==1.1.0'") from None
