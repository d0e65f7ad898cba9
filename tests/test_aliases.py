"""The names under which programs and other libraries find parts of TensorFlow after the import of the bridge."""

import importlib
import importlib.metadata
import operator
import sys
import threading

import numpy as np
import pytest
from helpers import load_public

from cnn_estimator.tf1 import aliases, tf

IMPORTS = {
    "import tensorflow as t": "t.compat.v1.estimator.EstimatorSpec",
    "from tensorflow.compat.v1 import estimator": "estimator.EstimatorSpec",
    "import tensorflow.estimator": "tensorflow.estimator.EstimatorSpec",
    "import tensorflow.compat.v2 as t": "t.estimator.EstimatorSpec",
    "from tensorflow.python.estimator import model_fn": "model_fn.EstimatorSpec",
}


needs_tf_keras = pytest.mark.skipif(aliases.keras_package() == "keras", reason="TensorFlow 2.15 has one Keras")


@pytest.mark.unit
@needs_tf_keras
@pytest.mark.parametrize(
    ("mode", "submodule", "name"),
    [(None, None, "layers"), (None, "losses", "MeanSquaredError"), ("v1", "__internal__.legacy.layers", "Dense")],
)
def test_keras_is_tf_keras_without_the_environment_variable(monkeypatch, mode, submodule, name):
    from tensorflow.python.util.lazy_loader import KerasLazyLoader

    monkeypatch.delenv("TF_USE_LEGACY_KERAS")
    loader = KerasLazyLoader({}, mode=mode, submodule=submodule)
    public = importlib.import_module(f"tf_keras.api._{mode or 'v2'}.keras{'.' + submodule if submodule else ''}")
    assert getattr(loader, name) is getattr(public, name)


@pytest.mark.unit
@pytest.mark.parametrize("version", ["v1", "v2"])
def test_keras_has_the_version_of_the_package_behind_it(version):
    package = aliases.keras_package()
    # tensorflow-probability, which other tests import, replaces tensorflow.compat.v2.keras.
    api = importlib.import_module(f"{package}.api._{version}.keras")
    assert api.__version__ == importlib.metadata.version(package)


@pytest.mark.unit
@needs_tf_keras
def test_two_threads_may_use_keras_for_the_first_time_at_once(monkeypatch):
    from tensorflow.python.util.lazy_loader import KerasLazyLoader, LazyLoader

    loader = KerasLazyLoader({}, mode="v1")
    results = []
    init = LazyLoader.__init__

    def init_after_another_thread(self, *args):
        monkeypatch.setattr(LazyLoader, "__init__", init)
        thread = threading.Thread(target=lambda: results.append(loader.layers))
        thread.start()
        thread.join()
        init(self, *args)

    monkeypatch.setattr(LazyLoader, "__init__", init_after_another_thread)
    assert [loader.layers] == results


@pytest.mark.unit
@pytest.mark.parametrize("line", IMPORTS)
def test_every_import_finds_the_estimator(line):
    names = {}
    exec(line, names)
    assert eval(IMPORTS[line], names).__name__ == "EstimatorSpec"
    if "python" not in line:  # TensorFlow 2.15 has a second copy there
        assert eval(IMPORTS[line], names) is tf.estimator.EstimatorSpec


@pytest.mark.unit
def test_every_name_leads_to_the_same_module():
    v1 = importlib.import_module("tensorflow.compat.v1")
    assert v1 is tf is importlib.import_module("tensorflow").compat.v1
    names = {}
    exec("from tensorflow.keras.layers import Dense; import tensorflow.keras as keras", names)
    assert names["Dense"] is tf.keras.layers.Dense is names["keras"].layers.Dense
    model = tf.keras.Sequential([names["Dense"](3, input_shape=(4,))])
    assert model.output_shape == (None, 3)


@pytest.mark.unit
def test_contrib_and_the_tutorials_can_be_imported():
    names = {}
    exec(
        "import tensorflow as t; import tensorflow.contrib.layers as layers; from tensorflow.contrib import learn\n"
        "from tensorflow.examples.tutorials.mnist import input_data\n"
        "import tensorflow.examples.tutorials.mnist.input_data as same",
        names,
    )
    assert names["layers"] is tf.contrib.layers is names["t"].contrib.layers
    assert names["learn"].datasets.load_dataset
    assert names["input_data"].read_data_sets is names["same"].read_data_sets


CONTRIB = "tensorflow.contrib"
# {name inside tf.contrib: the same name in tf.contrib, or in tf. "": only that it can be called}
NAMES_IN_FILES = {
    "data.python.ops.batching.map_and_batch": "contrib.data.map_and_batch",
    "distribute.python.mirrored_strategy.MirroredStrategy": "",
    "estimator.python.estimator.early_stopping.stop_if_lower_hook": "",
    "framework.python.framework.checkpoint_utils.load_variable": "train.load_variable",
    "framework.python.ops.add_arg_scope": "contrib.framework.add_arg_scope",
    "framework.python.ops.audio_ops.decode_wav": "",
    "framework.python.ops.variables.model_variable": "contrib.framework.model_variable",
    "layers.python.layers.initializers.xavier_initializer": "contrib.layers.xavier_initializer",
    "layers.python.layers.layers.conv2d": "contrib.layers.conv2d",
    "layers.python.layers.utils.collect_named_outputs": "",
    "layers.python.layers.feature_column.real_valued_column": "contrib.layers.real_valued_column",
    "learn.python.learn.datasets.base.load_csv_with_header": "",
    "learn.python.learn.datasets.mnist.read_data_sets": "",
    "learn.python.learn.estimators.run_config.RunConfig": "contrib.learn.RunConfig",
    "learn.python.learn.learn_runner.run": "contrib.learn.learn_runner.run",
    "learn.python.learn.utils.saved_model_export_utils.make_export_strategy": "contrib.learn.make_export_strategy",
    "lookup.lookup_ops.HashTable": "contrib.lookup.HashTable",
    "metrics.python.ops.metric_ops.streaming_mean": "contrib.metrics.streaming_mean",
    "opt.python.training.lazy_adam_optimizer.LazyAdamOptimizer": "contrib.opt.LazyAdamOptimizer",
    "predictor.predictor_factories.from_saved_model": "contrib.predictor.from_saved_model",
    "rnn.python.ops.core_rnn_cell.GRUCell": "nn.rnn_cell.GRUCell",
    "rnn.python.ops.lstm_ops.LSTMBlockFusedCell": "contrib.rnn.LSTMBlockFusedCell",
    "slim.nets.resnet_v1.resnet_v1_50": "contrib.slim.nets.resnet_v1.resnet_v1_50",
    "slim.python.slim.nets.vgg.vgg_16": "contrib.slim.nets.vgg.vgg_16",
    "slim.python.slim.learning.create_train_op": "contrib.slim.learning.create_train_op",
    "tensorboard.plugins.projector.visualize_embeddings": "contrib.tensorboard.plugins.projector.visualize_embeddings",
    "tpu.python.tpu.tpu_config.TPUConfig": "contrib.tpu.TPUConfig",
    "tpu.python.tpu.tpu_estimator.TPUEstimator": "contrib.tpu.TPUEstimator",
    "tpu.python.tpu.tpu_optimizer.CrossShardOptimizer": "contrib.tpu.CrossShardOptimizer",
    "training.python.training.evaluation.checkpoints_iterator": "",
    "training.python.training.hparam.HParams": "contrib.training.HParams",
}


@pytest.mark.unit
@pytest.mark.parametrize("path", NAMES_IN_FILES)
def test_programs_may_import_from_the_files_of_contrib(path):
    file, _, name = f"{CONTRIB}.{path}".rpartition(".")
    folder, _, module = file.rpartition(".")
    values = []
    for line in (
        f"from {file} import {name}",
        f"from {folder} import {module}; {name} = {module}.{name}",
        f"import {file} as m; {name} = m.{name}",
    ):
        names = {}
        exec(line, names)
        values.append(names[name])
    assert values[0] is values[1] is values[2]
    assert callable(values[0])
    same = NAMES_IN_FILES[path]
    assert not same or values[0] is operator.attrgetter(same)(tf)


@pytest.mark.unit
def test_import_star_works_for_the_files_of_contrib():
    names = {}
    exec(f"from {CONTRIB}.layers.python.layers.initializers import *", names)
    assert names["xavier_initializer"] is tf.contrib.layers.xavier_initializer
    exec(f"import {CONTRIB}.slim.nets as nets; import {CONTRIB}.slim as slim", names)
    assert names["nets"].inception.inception_v3 is names["slim"].nets.inception.inception_v3


@pytest.mark.unit
def test_a_function_that_no_longer_exists_raises_an_error_when_it_is_used():
    names = {}
    exec(
        f"from {CONTRIB}.rnn.python.ops import core_rnn\n"
        f"from {CONTRIB}.tensor_forest.python.ops.data_ops import parse\n"
        f"from {CONTRIB}.solvers import lanczos\n"
        f"import {CONTRIB}.boosted_trees as trees",
        names,
    )
    for use, name in (
        (lambda: names["core_rnn"].run(1), "rnn.python.ops.core_rnn.run"),
        (names["parse"], "tensor_forest.parse"),
        (lambda: names["lanczos"](3), "solvers.lanczos"),
        (lambda: names["trees"].Trees(), "boosted_trees.Trees"),
        (lambda: tf.contrib.tensor_forest.python.tensor_forest.Forest(), r"tensor_forest\.\w+"),
    ):
        with pytest.raises(NotImplementedError, match=rf"^tf\.contrib\.{name} is not available on TensorFlow 2: "):
            use()
    with pytest.raises(NotImplementedError, match=r"use the names of tf\.contrib\.rnn"):
        exec("class Derived(core_rnn.Cell): pass", names)
    assert not hasattr(names["core_rnn"], "__wrapped__")


@pytest.mark.unit
def test_a_part_that_tf_1_lacked_does_not_exist():
    assert not hasattr(tf.contrib, "never_heard")
    for line in (
        f"import {CONTRIB}.never_heard",
        f"from {CONTRIB} import never_heard",
        f"import {CONTRIB}.never_heard.python.ops",
    ):
        with pytest.raises(ImportError, match="never_heard"):
            exec(line, {})


@pytest.mark.integration
@pytest.mark.parametrize(("dataset", "label"), [("mnist", 5), ("fashion_mnist", 9)])
def test_the_datasets_of_keras_are_those_of_this_package(dataset, label):
    public = load_public(dataset, "test")
    load_data = getattr(tf.keras.datasets, dataset).load_data
    assert importlib.import_module(f"{aliases.keras_package()}.datasets.{dataset}").load_data is load_data
    (images, labels), (test_images, test_labels) = load_data()
    assert (images.shape, labels.shape, labels[0]) == ((60000, 28, 28), (60000,), label)
    assert images.dtype == labels.dtype == test_images.dtype == test_labels.dtype == "uint8"
    np.testing.assert_array_equal(test_images, np.rint(public.images * 255))
    np.testing.assert_array_equal(test_labels, public.labels)


P = "tensorflow.python"


@pytest.mark.unit
@pytest.mark.parametrize(
    ("line", "public"),
    [
        (f"from {P} import pywrap_tensorflow as m; name = m.NewCheckpointReader", "train.NewCheckpointReader"),
        *(
            (f"from {P}.framework.{file} import {function} as name", f"graph_util.{function}")
            for file in ("graph_util", "graph_util_impl")
            for function in ("convert_variables_to_constants", "extract_sub_graph")
        ),
        (
            f"from {P}.feature_column import feature_column_lib as m; name = m.DenseFeatures",
            "keras.layers.DenseFeatures",
        ),
        (f"from {P}.framework.ops import Tensor as name", "Tensor"),
        (
            f"from {P}.framework.ops import register_tensor_conversion_function as name",
            "register_tensor_conversion_function",
        ),
        (f"from {P}.ops.control_flow_ops import while_loop as name", "while_loop"),
        (f"from {P}.ops.functional_ops import map_fn as name", "map_fn"),
        (f"from {P}.layers import normalization as m; name = m.BatchNormalization", "layers.BatchNormalization"),
        (f"from {P}.layers.normalization import batch_normalization as name", "layers.batch_normalization"),
    ],
)
def test_internal_modules_of_tensorflow_have_the_names_of_tf_1(line, public):
    names = {}
    exec(line, names)
    assert names["name"] is operator.attrgetter(public)(tf)


@pytest.mark.unit
def test_the_package_tensorflow_python_has_its_files_of_tf_1():
    names = {}
    exec(f"from {P} import array_ops, dtypes, file_io, flags, math_ops, nest, rnn_cell, state_ops, tf_logging", names)
    assert names["math_ops"] is importlib.import_module(f"{P}.ops.math_ops")
    assert names["nest"] is importlib.import_module(f"{P}.util.nest")
    assert names["flags"] is importlib.import_module(f"{P}.platform.flags")
    ops = importlib.import_module(P).ops
    assert ops.convert_to_tensor is importlib.import_module(f"{P}.framework.ops").convert_to_tensor
    assert not hasattr(ops, "never_heard")
    assert not hasattr(ops, "dtypes")  # a module that framework.ops only imports


@pytest.mark.unit
@pytest.mark.parametrize(
    ("line", "place"),
    [
        ("training.tracking import graph_view as m; name = m.ObjectGraphView", "checkpoint.graph_view.ObjectGraphView"),
        ("training.tracking.base import Trackable as name", "trackable.base.Trackable"),
        ("training.tracking.tracking import AutoTrackable as name", "trackable.autotrackable.AutoTrackable"),
        ("training.tracking.tracking import ResourceTracker as name", "trackable.resource.ResourceTracker"),
        ("training.tracking import util as m; name = m.TrackableSaver", "checkpoint.checkpoint.TrackableSaver"),
        ("training.checkpointable.base import CheckpointableBase as name", "trackable.base.Trackable"),
        ("training.checkpointable.tracking import Checkpointable as name", "trackable.autotrackable.AutoTrackable"),
        (
            "training.checkpointable.data_structures import NoDependency as name",
            "trackable.data_structures.NoDependency",
        ),
        (
            "distribute import distribution_strategy_context as m; name = m.get_strategy",
            "distribute.distribute_lib.get_strategy",
        ),
        ("training import distribute as m; name = m.Strategy", "distribute.distribute_lib.Strategy"),
        ("ops import spectral_ops as m; name = m.rfft", "ops.signal.fft_ops.rfft"),
        ("ops.spectral_ops import dct as name", "ops.signal.dct_ops.dct"),
        ("ops.resource_variable_ops import _from_proto_fn as name", "ops.ref_variable._from_proto_fn"),
        ("ops.variables import RefVariable as name", "ops.ref_variable.RefVariable"),
        ("ops.variables import VariableV1 as name", "ops.variable_v1.VariableV1"),
        ("ops.variable_scope import default_variable_creator as name", "ops.ref_variable.default_variable_creator"),
        ("ops.nn import dynamic_rnn as name", "ops.rnn.dynamic_rnn"),
        ("ops.random_ops import random_crop as name", "ops.random_crop_ops.random_crop"),
        ("data.ops.dataset_ops import Options as name", "data.ops.options.Options"),
        (
            "data.experimental.ops.threading_options import ThreadingOptions as name",
            "data.ops.options.ThreadingOptions",
        ),
        ("eager.function import defun as name", "eager.def_function.function"),
        (
            "framework.ops import convert_to_tensor_or_indexed_slices as name",
            "framework.indexed_slices.convert_to_tensor_or_indexed_slices",
        ),
        ("saved_model.utils_impl import get_variables_path as name", "saved_model.path_helpers.get_variables_path"),
        ("saved_model.loader_impl import _parse_saved_model as name", "saved_model.loader_impl.parse_saved_model"),
        ("tpu.tpu import outside_compilation as name", "tpu.tpu_replication.outside_compilation"),
    ],
)
def test_internal_modules_that_moved_are_found_where_tf_1_had_them(line, place):
    names = {}
    exec(f"from {P}.{line}", names)
    module, _, name = place.rpartition(".")
    assert names["name"] is getattr(importlib.import_module(f"{P}.{module}"), name)


@pytest.mark.unit
@pytest.mark.parametrize(
    ("line", "place"),
    [
        (f"from {P}.util.tf_export import estimator_export as name", "estimator_export.estimator_export"),
        (f"from {P}.tpu.tpu_config import TPUConfig as name", "tpu.tpu_config.TPUConfig"),
        (f"from {P}.tpu import tpu_estimator as m; name = m.TPUEstimator", "tpu.tpu_estimator.TPUEstimator"),
    ],
)
def test_internal_names_that_moved_to_the_estimator_library(line, place):
    names = {}
    exec(line, names)
    module, _, name = place.rpartition(".")
    assert names["name"] is getattr(importlib.import_module(f"tensorflow_estimator.python.estimator.{module}"), name)


@pytest.mark.integration
def test_an_events_writer_of_the_internal_module_writes_events(tmp_path):
    from tensorflow.python.pywrap_tensorflow import EventsWriter

    writer = EventsWriter(str(tmp_path / "events").encode())
    writer.WriteEvent(tf.Event(step=3))
    writer.Flush()
    (path,) = tmp_path.iterdir()
    assert [event.step for event in tf.train.summary_iterator(str(path))] == [0, 3]


@pytest.mark.unit
def test_copies_of_the_api_inside_the_api_have_the_estimator():
    tensorflow = importlib.import_module("tensorflow")
    names = {}
    exec("from tensorflow.compat.v2.compat.v1 import estimator", names)
    assert names["estimator"].Estimator is tf.estimator.Estimator is tensorflow.compat.v2.compat.v1.estimator.Estimator
    newer = tensorflow.compat.v1.compat.v2.estimator.Estimator
    assert newer is tensorflow.compat.v2.estimator.Estimator is tensorflow.compat.v2.compat.v2.estimator.Estimator


@pytest.mark.unit
@pytest.mark.parametrize(
    ("line", "advice"),
    [
        ("from tensorflow.tools.graph_transforms import TransformGraph as name", r"use tf\.graph_util"),
        (f"from {P}.profiler import profile_context as m; name = m.ProfileContext", r"use tf\.profiler\.Profiler"),
    ],
)
def test_internal_modules_that_are_gone_raise_an_error_when_they_are_used(line, advice):
    names = {}
    exec(line, names)
    with pytest.raises(NotImplementedError, match=advice):
        names["name"]()


@pytest.mark.unit
def test_arg_scope_is_a_function_and_a_file():
    for line in (
        f"from {CONTRIB}.framework.python.ops import arg_scope",
        f"from {CONTRIB}.framework.python.ops.arg_scope import arg_scope",
        f"from {CONTRIB}.framework.python.ops import arg_scope, add_arg_scope, variables",
        f"import {CONTRIB}.framework.python.ops.arg_scope as arg_scope",
        f"from {CONTRIB}.framework.python.ops.arg_scope import *",
    ):
        names = {}
        exec(line, names)
        assert names["arg_scope"] is tf.contrib.framework.arg_scope


@pytest.mark.unit
@pytest.mark.parametrize(
    ("part", "present"),
    [
        ("layers", "fully_connected real_valued_column embed_sequence l2_regularizer"),
        ("slim", "conv2d arg_scope losses learning nets"),
        ("learn", "Estimator RunConfig datasets learn_runner"),
        ("framework", "arg_scope get_or_create_global_step py_func"),
        ("estimator", "stop_if_higher_hook multi_class_head"),
        ("rnn", "LSTMCell LSTMBlockCell"),
        ("keras", "layers Model"),
        ("tensorboard", "plugins"),
        ("rnn.python.ops.core_rnn_cell", "LSTMCell"),
    ],
)
def test_import_star_gives_the_names_of_a_part_and_nothing_that_it_only_imports(part, present):
    names = {}
    exec(f"from {CONTRIB}.{part} import *", names)
    assert set(present.split()) <= set(names)
    assert not {"Any", "Callable", "Mapping", "module_getattr", "np", "sys", "tf"} & set(names)
    listed = dir(importlib.import_module(f"{CONTRIB}.{part}")) if "." not in part else names
    assert set(present.split()) <= set(listed)


@pytest.mark.unit
def test_an_alias_leads_to_the_module_itself(monkeypatch):
    monkeypatch.setattr("sys.meta_path", [aliases.AliasFinder({"other": "json"}), *sys.meta_path])
    monkeypatch.setattr("sys.modules", dict(sys.modules))
    import json.decoder

    assert importlib.import_module("other") is json
    assert importlib.import_module("other.decoder") is json.decoder
    assert json.__spec__.name == "json"
    assert json.decoder.__spec__.name == "json.decoder"
    with pytest.raises(ModuleNotFoundError, match=r"json\.absent"):
        importlib.import_module("other.absent")


@pytest.mark.integration
def test_parts_that_the_internal_copy_of_keras_lacks_come_from_keras():
    from tensorflow.python.keras.datasets import mnist
    from tensorflow.python.keras.preprocessing import sequence
    from tensorflow.python.keras.preprocessing.text import Tokenizer

    assert Tokenizer is tf.keras.preprocessing.text.Tokenizer
    assert sequence.pad_sequences([[1, 2]], 3).tolist() == [[0, 1, 2]]
    assert mnist.load_data is tf.keras.datasets.mnist.load_data


@pytest.mark.unit
def test_all_operations_are_registered():
    from tensorflow.python.framework import op_def_registry

    operations = op_def_registry.get_registered_ops()
    assert [argument.name for argument in operations["MatMul"].input_arg] == ["a", "b"]
    assert operations["Conv2D"].name == "Conv2D"
    assert "Absent" not in operations


@pytest.mark.integration
def test_a_class_can_be_registered_as_a_tensor():
    from tensorflow.python.framework import ops

    class Two:
        name = property(lambda self: "two")
        dtype = property(lambda self: tf.float32)

    class WithoutType:
        name = property(lambda self: "two")

    tf.register_tensor_conversion_function(Two, lambda value, dtype=None, name=None, as_ref=False: tf.constant(2.0))
    assert not tf.is_tensor(Two())
    ops.register_dense_tensor_like_type(Two)
    assert tf.is_tensor(Two())
    with pytest.raises(TypeError, match="Type WithoutType does not define a `dtype` property"):
        ops.register_dense_tensor_like_type(WithoutType)
    with tf.Session() as session:
        assert session.run(tf.stack([Two(), 1.0])).tolist() == [2.0, 1.0]
