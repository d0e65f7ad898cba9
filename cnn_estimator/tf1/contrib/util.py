"""tf.contrib.util: conversions between TensorProto messages and arrays."""

import tensorflow.compat.v1 as tf  # type: ignore[import-untyped]

from cnn_estimator.tf1.unavailable import module_getattr

constant_value = tf.get_static_value
make_ndarray = tf.make_ndarray
make_tensor_proto = tf.make_tensor_proto

__getattr__ = module_getattr(
    "tf.contrib.util",
    (),
    "use tf.compat.v1",
    {"loader": "use tf.load_op_library"},
    "ops_used_by_graph_def stripped_op_list_for_graph",
)
