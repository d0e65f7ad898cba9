"""Tables of the names that TensorFlow 1 had inside tensorflow.python, where programs import from too.

All paths are inside tensorflow.python, unless they begin with the name of another library.
"""

import importlib
import operator
import sys
from types import ModuleType

from cnn_estimator.tf1.unavailable import module_getattr

_PYTHON = "tensorflow.python"
_LIBRARIES = ("tensorboard.", "tensorflow_estimator.")
_EVENTS = "tensorboard.backend.event_processing"
_TPU = "tensorflow_estimator.python.estimator.tpu"
_TRACKABLE = {
    "base": "trackable.base",
    "data_structures": "trackable.data_structures",
    "graph_view": "checkpoint.graph_view",
    "layer_utils": "trackable.layer_utils",
    "object_identity": "util.object_identity",
    "python_state": "trackable.python_state",
    "tracking": "trackable.autotrackable",
    "util": "checkpoint.checkpoint",
}
# Packages that are gone. Their modules are in the next table.
PACKAGES = tuple(f"{_PYTHON}.training.{folder}" for folder in ("checkpointable", "tracking"))
# {old module: module that has its names now}
_MODULES = {
    "data.experimental.ops.distribute_options": "data.ops.options",
    "data.experimental.ops.optimization_options": "data.ops.options",
    "data.experimental.ops.threading_options": "data.ops.options",
    "distribute.all_reduce": "distribute.v1.all_reduce",
    "distribute.distribution_strategy_context": "distribute.distribute_lib",
    "feature_column.dense_features": "keras.feature_column.dense_features",
    "feature_column.dense_features_v2": "keras.feature_column.dense_features_v2",
    "ops.gen_user_ops": "user_ops.ops.gen_user_ops",
    "ops.rnn_cell_wrapper_impl": "keras.layers.legacy_rnn.rnn_cell_wrapper_impl",
    "ops.spectral_ops": "ops.signal.fft_ops",
    "summary.event_accumulator": f"{_EVENTS}.event_accumulator",
    "summary.event_multiplexer": f"{_EVENTS}.event_multiplexer",
    "tpu.error_handling": f"{_TPU}.error_handling",
    "tpu.tpu_config": f"{_TPU}.tpu_config",
    "tpu.tpu_context": f"{_TPU}.tpu_context",
    "tpu.tpu_estimator": f"{_TPU}.tpu_estimator",
    "tpu.util": f"{_TPU}.util",
    "training.distribute": "distribute.distribute_lib",
    "training.distribution_strategy_context": "distribute.distribute_lib",
    "training.gen_training_ops": "ops.gen_training_ops",
    "training.saving.functional_saver": "checkpoint.functional_saver",
    "training.training_ops": "ops.gen_training_ops",
    "util.compat_internal": "util.compat",
    **{f"training.checkpointable.{old}": new for old, new in _TRACKABLE.items()},
    **{f"training.tracking.{old}": new for old, new in _TRACKABLE.items()},
}
# {old module: {module that has the names now: names}}. OLD=NEW is a name that has changed.
_NAMES = {
    "checkpoint.checkpoint": {"trackable.autotrackable": "Checkpointable=AutoTrackable"},
    "data.ops.dataset_ops": {"data.ops.options": "AutotuneAlgorithm Options"},
    "eager.backprop": {"eager.polymorphic_function.polymorphic_function": "function"},
    "eager.function": {
        "eager.def_function": "defun=function",
        "eager.polymorphic_function.concrete_function": "ConcreteFunction",
    },
    "eager.tape": {"eager.record": "could_possibly_record record_operation stop_recording"},
    "feature_column.feature_column_lib": {"feature_column.feature_column_v2_types": "FeatureColumn"},
    "feature_column.feature_column_v2": {"feature_column.feature_column_v2_types": "FeatureColumn"},
    "framework.ops": {
        "framework.indexed_slices": "IndexedSlicesValue convert_n_to_tensor_or_indexed_slices "
        "convert_to_tensor_or_indexed_slices internal_convert_n_to_tensor_or_indexed_slices "
        "internal_convert_to_tensor_or_indexed_slices",
        "framework.stack": "default_session",
        "framework.tensor_conversion": "convert_to_tensor_v2",
        "types.internal": "_TensorLike=NativeObject",
    },
    "framework.tensor_util": {"ops.shape_util": "maybe_set_static_shape shape_tensor"},
    "ops.control_flow_ops": {
        "ops.cond": "cond_for_tf_v2",
        "ops.control_flow_case": "case_v2",
        "ops.control_flow_switch_case": "switch_case",
        "ops.while_loop": "while_loop_v2",
    },
    "ops.custom_gradient": {"ops.handle_data_util": "copy_handle_data"},
    "ops.gradients_util": {"eager.backprop_util": "IsTrainable"},
    "ops.math_ops": {"ops.bincount_ops": "bincount_v1"},
    "ops.nn": {"ops.rnn": "bidirectional_dynamic_rnn dynamic_rnn raw_rnn static_rnn static_bidirectional_rnn"},
    "ops.nn_impl": {"ops.nn_impl_distribute": "compute_average_loss scale_regularization_loss"},
    "ops.random_ops": {"ops.random_crop_ops": "random_crop"},
    "ops.resource_variable_ops": {"ops.ref_variable": "_from_proto_fn _to_proto_fn"},
    "ops.signal.fft_ops": {"ops.signal.dct_ops": "dct idct"},
    "ops.variable_scope": {
        "ops.ref_variable": "default_variable_creator",
        "ops.resource_variable_ops": "default_variable_creator_v2",
        "ops.resource_variables_toggle": "disable_resource_variables enable_resource_variables "
        "resource_variables_enabled",
    },
    "ops.variables": {
        "ops.ref_variable": "RefVariable default_variable_creator",
        "ops.state_ops": "is_variable_initialized",
        "ops.variable_v1": "VariableV1",
    },
    "pywrap_tensorflow": {"client._pywrap_events_writer": "EventsWriter"},
    "saved_model.loader_impl": {"saved_model.loader_impl": "_parse_saved_model=parse_saved_model"},
    "saved_model.utils_impl": {
        "saved_model.path_helpers": "get_assets_dir get_or_create_assets_dir get_or_create_variables_dir "
        "get_variables_dir get_variables_path"
    },
    "tpu.tpu": {"tpu.tpu_replication": "TPUReplicateContext outside_compilation"},
    "trackable.autotrackable": {
        "trackable.asset": "TrackableAsset=Asset",
        "trackable.autotrackable": "Checkpointable=AutoTrackable",
        "trackable.resource": "CapturableResource ResourceTracker TrackableResource resource_tracker_scope",
    },
    "trackable.base": {
        "trackable.base": "Checkpointable=Trackable CheckpointableBase=Trackable "
        "CheckpointableReference=TrackableReference"
    },
    "util.tf_export": {"tensorflow_estimator.python.estimator.estimator_export": "estimator_export"},
}
# {old module: {name in it: public name in tf}}
_CONSTANTS = {"convert_variables_to_constants": "graph_util.convert_variables_to_constants"}
_PUBLIC = {
    "autograph": {"to_graph": "autograph.to_graph"},
    "feature_column.feature_column_lib": {
        "DenseFeatures": "keras.layers.DenseFeatures",
        "SequenceFeatures": "keras.experimental.SequenceFeatures",
    },
    "feature_column.sequence_feature_column": {"SequenceFeatures": "keras.experimental.SequenceFeatures"},
    "framework.graph_util": _CONSTANTS,
    "framework.graph_util_impl": _CONSTANTS,
    "framework.ops": {
        "IndexedSlices": "IndexedSlices",
        "Tensor": "Tensor",
        "register_tensor_conversion_function": "register_tensor_conversion_function",
    },
    "ops.array_ops": {"stack": "stack", "unstack": "unstack"},
    "ops.control_flow_ops": {"Assert": "Assert", "case": "case", "cond": "cond", "while_loop": "while_loop"},
    "ops.functional_ops": {"map_fn": "map_fn"},
    "ops.nn": {"rnn_cell": "nn.rnn_cell"},
    "ops.variable_scope": {"variable": "Variable"},
    "pywrap_tensorflow": {"NewCheckpointReader": "train.NewCheckpointReader"},
    "util.nest": {"is_sequence": "nest.is_nested"},
}
# {folder: its files that the package tensorflow.python had as attributes}
_FILES = {
    "eager": "context",
    "framework": "common_shapes constant_op dtypes errors graph_util random_seed sparse_tensor tensor_shape "
    "tensor_spec tensor_util",
    "lib.io": "file_io python_io",
    "ops": "array_ops check_ops clip_ops control_flow_ops control_flow_util gen_array_ops gen_control_flow_ops "
    "gen_data_flow_ops gen_io_ops gen_linalg_ops gen_math_ops gen_nn_ops gen_parsing_ops gen_random_ops gen_sparse_ops "
    "gen_state_ops gen_string_ops linalg_ops_impl list_ops map_fn math_ops metrics nn nn_ops random_ops "
    "resource_variable_ops rnn rnn_cell sets sparse_ops state_ops tensor_array_ops",
    "platform": "app flags gfile resource_loader sysconfig test tf_logging",
    "util": "deprecation dispatch function_utils nest object_identity tf_inspect tf_should_use",
}
# {module that no release of TensorFlow 2 has: advice}
_GONE = {
    "tensorflow.lite.experimental.examples.lstm.rnn": "use tf.lite with tf.keras.layers.LSTM",
    "tensorflow.lite.experimental.examples.lstm.rnn_cell": "use tf.lite with tf.keras.layers.LSTM",
    "tensorflow.python.eager.execution_callbacks": "use tf.debugging.enable_check_numerics",
    "tensorflow.python.ops.tensor_forest_ops": "use the package tensorflow-decision-forests",
    "tensorflow.python.profiler.profile_context": "use tf.profiler.Profiler",
    "tensorflow.tools.graph_transforms": "use tf.graph_util, or tf.lite.TFLiteConverter",
}


def _full(path: str) -> str:
    """Returns the full name of a module in the tables."""
    return path if path.startswith(_LIBRARIES) else f"{_PYTHON}.{path}"


def module_aliases() -> dict[str, str]:
    """Returns {name of a module that moved: name of the module that has its names now}."""
    return {_full(old): _full(new) for old, new in _MODULES.items()}


def install_gone() -> None:
    """Makes modules that are gone importable. Their names raise an error with advice when they are used."""
    for name, advice in _GONE.items():
        module = ModuleType(name)
        vars(module)["__getattr__"] = module_getattr(name, (), advice)
        sys.modules[name] = module


def _graph_name(name: str) -> object:
    """Returns what framework.ops has under a name: in TensorFlow 1 `from tensorflow.python import ops` led there."""
    value = getattr(importlib.import_module(f"{_PYTHON}.framework.ops"), name)
    if isinstance(value, ModuleType):
        raise AttributeError(f"module '{_PYTHON}.ops' has no attribute {name!r}")
    return value


def restore_names(tf: ModuleType) -> None:
    """Gives the internal modules their names of TensorFlow 1. Names that still exist stay as they are."""
    for path, sources in _NAMES.items():
        module = importlib.import_module(_full(path))
        for source, names in sources.items():
            for pair in names.split():
                old, _, new = pair.partition("=")
                if not hasattr(module, old):
                    setattr(module, old, getattr(importlib.import_module(_full(source)), new or old))
    package = importlib.import_module(_PYTHON)
    for folder, files in _FILES.items():
        for file in files.split():
            vars(package).setdefault(file, importlib.import_module(f"{_PYTHON}.{folder}.{file}"))
    vars(package.ops)["__getattr__"] = _graph_name
    for path, public in _PUBLIC.items():
        module = importlib.import_module(_full(path))
        for old, new in public.items():
            if not hasattr(module, old):
                setattr(module, old, operator.attrgetter(new)(tf))
