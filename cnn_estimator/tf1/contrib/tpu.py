"""tf.contrib.tpu: names of the Estimator library and tf.tpu, for TPUEstimator(use_tpu=False)."""

import tensorflow.compat.v1 as tf
from tensorflow.python.tpu import device_assignment as _device_assignment
from tensorflow.python.tpu import training_loop

# The library itself: not every module that is tf.compat.v1 has the attribute estimator.
from tensorflow_estimator.python.estimator.tpu import tpu_config, tpu_estimator

from cnn_estimator.tf1.unavailable import Unavailable, module_getattr

AsyncCheckpointSaverHook = tf.train.CheckpointSaverHook
InputPipelineConfig = tpu_config.InputPipelineConfig
RunConfig = tpu_config.RunConfig
TPUConfig = tpu_config.TPUConfig
TPUEstimator = tpu_estimator.TPUEstimator
TPUEstimatorSpec = tpu_estimator.TPUEstimatorSpec
export_estimator_savedmodel = tpu_estimator.export_estimator_savedmodel
repeat = training_loop.repeat
while_loop = training_loop.while_loop
device_assignment = _device_assignment.device_assignment
keras_to_tpu_model = Unavailable("tf.contrib.tpu.keras_to_tpu_model", "use tf.distribute.TPUStrategy")
TPUDistributionStrategy = Unavailable("tf.contrib.tpu.TPUDistributionStrategy", "use tf.distribute.TPUStrategy")

__getattr__ = module_getattr(
    "tf.contrib.tpu",
    (tf.tpu, tf.tpu.experimental),
    "TPUs are not supported, use TPUEstimator(use_tpu=False)",
    names="InfeedQueue infeed_dequeue infeed_dequeue_tuple infeed_enqueue "
    "infeed_enqueue_tuple outfeed_dequeue outfeed_dequeue_tuple outfeed_enqueue outfeed_enqueue_tuple profiler",
)
