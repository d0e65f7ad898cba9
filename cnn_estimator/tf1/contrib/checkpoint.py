"""tf.contrib.checkpoint: object-based checkpoints, whose classes TensorFlow still has in internal modules."""

import tensorflow.compat.v1 as tf  # type: ignore[import-untyped]
from tensorflow.core.protobuf import trackable_object_graph_pb2  # type: ignore[import-untyped]
from tensorflow.python.checkpoint import checkpoint as _checkpoint  # type: ignore[import-untyped]
from tensorflow.python.trackable import autotrackable, base, data_structures, python_state  # type: ignore[import-untyped]

from cnn_estimator.tf1.unavailable import module_getattr

CheckpointManager = tf.train.CheckpointManager
Checkpointable = autotrackable.AutoTrackable
CheckpointableBase = base.Trackable
CheckpointableObjectGraph = trackable_object_graph_pb2.TrackableObjectGraph
List = data_structures.List
Mapping = data_structures.Mapping
NoDependency = data_structures.NoDependency
PythonStateWrapper = python_state.PythonState
capture_dependencies = _checkpoint.capture_dependencies
object_metadata = _checkpoint.object_metadata

__getattr__ = module_getattr(
    "tf.contrib.checkpoint",
    (),
    "use tf.train.Checkpoint",
    names="NumpyState UniqueNameTracker dot_graph_from_checkpoint list_objects split_dependency",
)
