"""tf-slim, which keeps the layers, metrics and variables of tf.contrib, with what it misses on newer releases."""

import importlib

import tensorflow.compat.v1 as tf
from tensorflow.python.framework import ops
from tensorflow.python.ops import array_ops, control_flow_ops, variable_scope

# What tf-slim takes from TensorFlow's own modules where TF 1 had it: {module: {name there: name in tf}}.
_MOVED = {
    array_ops: {"stack": "stack", "unstack": "unstack"},
    control_flow_ops: {"Assert": "Assert", "case": "case", "cond": "cond", "while_loop": "while_loop"},
    ops: {"IndexedSlices": "IndexedSlices", "Tensor": "Tensor"},
    variable_scope: {"variable": "Variable"},
}
for _module, _names in _MOVED.items():
    for _there, _name in _names.items():
        if not hasattr(_module, _there):
            setattr(_module, _there, getattr(tf, _name))

try:
    tf_slim = importlib.import_module("tf_slim")
except ModuleNotFoundError:
    raise ImportError("tf-slim is not installed, tf.contrib needs it: pip install 'tf-slim==1.1.0'") from None
