"""tf.contrib.cluster_resolver: tf.distribute.cluster_resolver."""

import tensorflow.compat.v1 as tf

from cnn_estimator.tf1.unavailable import module_getattr

UnionClusterResolver = tf.distribute.cluster_resolver.UnionResolver

__getattr__ = module_getattr(
    "tf.contrib.cluster_resolver",
    (tf.distribute.cluster_resolver,),
    "use tf.distribute.cluster_resolver",
    names="",
)
