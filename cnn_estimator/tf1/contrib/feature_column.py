"""tf.contrib.feature_column: the sequence columns of tf.feature_column."""

import tensorflow.compat.v1 as tf  # type: ignore[import-untyped]

from cnn_estimator.tf1.unavailable import module_getattr

__getattr__ = module_getattr(
    "tf.contrib.feature_column",
    (tf.feature_column,),
    "use tf.feature_column",
    {"sequence_input_layer": "use tf.keras.experimental.SequenceFeatures"},
    names="",
)
