"""tf.contrib.optimizer_v2: optimizers of tf.train. The version 2 differed only for distribution strategies."""

import tensorflow.compat.v1 as tf

from cnn_estimator.tf1.unavailable import module_getattr

AdadeltaOptimizer = tf.train.AdadeltaOptimizer
AdagradOptimizer = tf.train.AdagradOptimizer
AdamOptimizer = tf.train.AdamOptimizer
GradientDescentOptimizer = tf.train.GradientDescentOptimizer
MomentumOptimizer = tf.train.MomentumOptimizer
OptimizerV2 = tf.train.Optimizer
RMSPropOptimizer = tf.train.RMSPropOptimizer

__getattr__ = module_getattr("tf.contrib.optimizer_v2", (), "use tf.train", names="")
