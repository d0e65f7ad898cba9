"""tf.contrib.autograph: tf.autograph."""

import tensorflow.compat.v1 as tf  # type: ignore[import-untyped]

from cnn_estimator.tf1.unavailable import module_getattr

__getattr__ = module_getattr(
    "tf.contrib.autograph",
    (tf.autograph, tf.autograph.experimental),
    "use tf.autograph",
    names="AutoGraphError ConversionOptions StackTraceMapper convert converted_call operators "
    " set_element_type stack utils",
)
