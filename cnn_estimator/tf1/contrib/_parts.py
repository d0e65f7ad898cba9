"""The parts of tf.contrib that define nothing: a table of where their names are now."""

import dataclasses
import pkgutil
from collections.abc import Mapping
from types import ModuleType

from cnn_estimator.tf1.unavailable import module_getattr

_SLIM = "cnn_estimator.tf1.contrib._tf_slim.tf_slim"
_TPU = "tensorflow_estimator.python.estimator.tpu"  # not every module that is tf.compat.v1 has the attribute estimator
_PYTHON = "tensorflow.python"


@dataclasses.dataclass(frozen=True)
class Part:
    """Where the names of a part are now. A path is a full name, in which tf stands for tf.compat.v1.

    Attributes:
      advice: for names that have no successor.
      sources: paths of modules; the part has all their names.
      names: {name: path} of other names.
      errors: names that can be imported, and raise an error when they are used, separated by spaces.
      advice_for: {such a name: other advice}.
    """

    advice: str
    sources: tuple[str, ...] = ()
    names: Mapping[str, str] = dataclasses.field(default_factory=dict)
    errors: str = ""
    advice_for: Mapping[str, str] = dataclasses.field(default_factory=dict)


_OPTIMIZERS = "AdadeltaOptimizer AdagradOptimizer AdamOptimizer GradientDescentOptimizer MomentumOptimizer"
PARTS = {
    "autograph": Part(
        "use tf.autograph",
        sources=("tf.autograph", "tf.autograph.experimental"),
        errors="AutoGraphError ConversionOptions StackTraceMapper convert converted_call operators set_element_type "
        "stack utils",
    ),
    "checkpoint": Part(
        "use tf.train.Checkpoint",
        names={
            "CheckpointManager": "tf.train.CheckpointManager",
            "Checkpointable": f"{_PYTHON}.trackable.autotrackable.AutoTrackable",
            "CheckpointableBase": f"{_PYTHON}.trackable.base.Trackable",
            "CheckpointableObjectGraph": "tensorflow.core.protobuf.trackable_object_graph_pb2.TrackableObjectGraph",
            "List": f"{_PYTHON}.trackable.data_structures.List",
            "Mapping": f"{_PYTHON}.trackable.data_structures.Mapping",
            "NoDependency": f"{_PYTHON}.trackable.data_structures.NoDependency",
            "PythonStateWrapper": f"{_PYTHON}.trackable.python_state.PythonState",
            "capture_dependencies": f"{_PYTHON}.checkpoint.checkpoint.capture_dependencies",
            "object_metadata": f"{_PYTHON}.checkpoint.checkpoint.object_metadata",
        },
        errors="NumpyState UniqueNameTracker dot_graph_from_checkpoint list_objects split_dependency",
    ),
    "cluster_resolver": Part(
        "use tf.distribute.cluster_resolver",
        sources=("tf.distribute.cluster_resolver",),
        names={"UnionClusterResolver": "tf.distribute.cluster_resolver.UnionResolver"},
    ),
    "feature_column": Part(
        "use tf.feature_column",
        sources=("tf.feature_column",),
        advice_for={"sequence_input_layer": "use tf.keras.experimental.SequenceFeatures"},
    ),
    "keras": Part("use tf.keras", sources=("tf.keras",), errors="wrappers"),
    "linalg": Part(
        "use tf.linalg",
        sources=("tf.linalg",),
        names={"LinearOperatorTriL": "tf.linalg.LinearOperatorLowerTriangular"},
    ),
    "lite": Part("use tf.lite", sources=("tf.lite",)),
    "losses": Part("use tf.losses", sources=(f"{_SLIM}.losses",)),
    "metrics": Part(
        "use tf.metrics",
        sources=(f"{_SLIM}.metrics", "tf.sets"),
        names={"confusion_matrix": "tf.math.confusion_matrix"},
    ),
    "optimizer_v2": Part(  # its optimizers differed from tf.train's for distribution strategies alone
        "use tf.train",
        names={name: f"tf.train.{name}" for name in _OPTIMIZERS.split()} | {"OptimizerV2": "tf.train.Optimizer"},
        advice_for={"RMSPropOptimizer": "use tf.train.RMSPropOptimizer, whose first steps are smaller"},
    ),
    "saved_model": Part(
        "use tf.saved_model",
        advice_for={
            "load_keras_model": "use tf.keras.models.load_model",
            "save_keras_model": "use tf.keras.models.save_model",
        },
    ),
    "signal": Part("use tf.signal", sources=("tf.signal",)),
    "staging": Part("use tf.data", names={"StagingArea": f"{_PYTHON}.ops.data_flow_ops.StagingArea"}),
    "stateless": Part(
        "use tf.random",
        names={
            "stateless_multinomial": "tf.random.stateless_multinomial",
            "stateless_random_normal": "tf.random.stateless_normal",
            "stateless_random_uniform": "tf.random.stateless_uniform",
            "stateless_truncated_normal": "tf.random.stateless_truncated_normal",
        },
    ),
    "tpu": Part(
        "TPUs are not supported, use TPUEstimator(use_tpu=False)",
        sources=("tf.tpu", "tf.tpu.experimental"),
        names={
            "AsyncCheckpointSaverHook": "tf.train.CheckpointSaverHook",
            "InputPipelineConfig": f"{_TPU}.tpu_config.InputPipelineConfig",
            "RunConfig": f"{_TPU}.tpu_config.RunConfig",
            "TPUConfig": f"{_TPU}.tpu_config.TPUConfig",
            "TPUEstimator": f"{_TPU}.tpu_estimator.TPUEstimator",
            "TPUEstimatorSpec": f"{_TPU}.tpu_estimator.TPUEstimatorSpec",
            "device_assignment": f"{_PYTHON}.tpu.device_assignment.device_assignment",
            "export_estimator_savedmodel": f"{_TPU}.tpu_estimator.export_estimator_savedmodel",
            "repeat": f"{_PYTHON}.tpu.training_loop.repeat",
            "while_loop": f"{_PYTHON}.tpu.training_loop.while_loop",
        },
        errors="InfeedQueue infeed_dequeue infeed_dequeue_tuple infeed_enqueue infeed_enqueue_tuple outfeed_dequeue "
        "outfeed_dequeue_tuple outfeed_enqueue outfeed_enqueue_tuple profiler",
        advice_for={
            "TPUDistributionStrategy": "use tf.distribute.TPUStrategy",
            "keras_to_tpu_model": "use tf.distribute.TPUStrategy",
        },
    ),
    "util": Part(
        "use tf.compat.v1",
        names={
            "constant_value": "tf.get_static_value",
            "make_ndarray": "tf.make_ndarray",
            "make_tensor_proto": "tf.make_tensor_proto",
        },
        errors="ops_used_by_graph_def stripped_op_list_for_graph",
        advice_for={"loader": "use tf.load_op_library"},
    ),
}


def make(name: str) -> ModuleType:
    """Returns the module of a part in PARTS."""
    part = PARTS[name]
    module = ModuleType(f"{__package__}.{name}")
    vars(module).update({key: _resolve(path) for key, path in part.names.items()})
    sources = tuple(_resolve(path) for path in part.sources)
    vars(module)["__getattr__"] = module_getattr(
        f"tf.contrib.{name}", sources, part.advice, part.advice_for, part.errors
    )
    return module


def _resolve(path: str) -> object:
    """Returns what a path leads to."""
    return pkgutil.resolve_name(f"tensorflow.compat.v1:{path[3:]}" if path.startswith("tf.") else path)
