"""tf-slim, which keeps the layers, metrics and variables of tf.contrib, with what it misses on newer releases."""

import importlib
import importlib.util

import tensorflow.compat.v1 as tf
from tensorflow.python.framework import ops
from tensorflow.python.layers import normalization
from tensorflow.python.ops import variable_scope
from tensorflow.python.util import lazy_loader

# optimize_loss looks for them here, where TF 1 had them.
for _name in ("Tensor", "IndexedSlices"):
    if not hasattr(ops, _name):
        setattr(ops, _name, getattr(tf, _name))

# local_variable and global_variable call it by this name.
if not hasattr(variable_scope, "variable"):
    variable_scope.variable = tf.Variable

# batch_norm takes its layer from here, where TensorFlow looks for a module that Keras has under src by now.
_keras = "tf_keras" if importlib.util.find_spec("tf_keras") else "keras"  # the second on TensorFlow 2.15 alone
normalization.normalization = lazy_loader.LazyLoader(
    "normalization", vars(normalization), f"{_keras}.src.legacy_tf_layers.normalization"
)

try:
    tf_slim = importlib.import_module("tf_slim")
except ModuleNotFoundError:
    raise ImportError("tf-slim is not installed, tf.contrib needs it: pip install 'tf-slim==1.1.0'") from None
