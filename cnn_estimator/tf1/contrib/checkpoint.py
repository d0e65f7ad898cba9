"""tf.contrib.checkpoint: the manager of object-based checkpoints."""

import tensorflow.compat.v1 as tf  # type: ignore[import-untyped]

from cnn_estimator.tf1.unavailable import module_getattr

CheckpointManager = tf.train.CheckpointManager

__getattr__ = module_getattr(
    "tf.contrib.checkpoint",
    (),
    "use tf.train.Checkpoint",
    names="Checkpointable CheckpointableBase CheckpointableObjectGraph List Mapping NoDependency NumpyState "
    "PythonStateWrapper UniqueNameTracker capture_dependencies dot_graph_from_checkpoint list_objects object_metadata "
    "split_dependency",
)
