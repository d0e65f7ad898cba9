"""What other libraries find after the import of the door, under the names that TensorFlow 2.15 has."""

import importlib
import operator
import threading

import pytest
from helpers import load_public, run

from cnn_estimator.tf1 import aliases, tf

SPELLINGS = {
    "import tensorflow": "tensorflow.estimator.EstimatorSpec",
    "import tensorflow as t": "t.compat.v1.estimator.EstimatorSpec",
    "from tensorflow import estimator": "estimator.EstimatorSpec",
    "from tensorflow.compat.v1 import estimator": "estimator.EstimatorSpec",
    "import tensorflow.estimator": "tensorflow.estimator.EstimatorSpec",
    "import tensorflow.compat.v1 as t": "t.estimator.EstimatorSpec",
    "import tensorflow.compat.v2 as t": "t.estimator.EstimatorSpec",
    "from cnn_estimator.tf1 import tf": "tf.compat.v1.estimator.EstimatorSpec",
    "from tensorflow.python.estimator import model_fn": "model_fn.EstimatorSpec",
}


@pytest.mark.unit
@pytest.mark.skipif(aliases.keras_package() == "keras", reason="TensorFlow 2.15 has one Keras")
@pytest.mark.parametrize(
    ("mode", "submodule", "name"),
    [(None, None, "layers"), (None, "losses", "MeanSquaredError"), ("v1", "__internal__.legacy.layers", "Dense")],
)
def test_keras_is_tf_keras_whatever_became_of_the_environment(monkeypatch, mode, submodule, name):
    from tensorflow.python.util.lazy_loader import KerasLazyLoader

    monkeypatch.delenv("TF_USE_LEGACY_KERAS")
    loader = KerasLazyLoader({}, mode=mode, submodule=submodule)
    public = importlib.import_module(f"tf_keras.api._{mode or 'v2'}.keras{'.' + submodule if submodule else ''}")
    assert getattr(loader, name) is getattr(public, name)


@pytest.mark.unit
@pytest.mark.skipif(aliases.keras_package() == "keras", reason="TensorFlow 2.15 has one Keras")
def test_a_thread_may_use_keras_while_another_finds_it(monkeypatch):
    from tensorflow.python.util.lazy_loader import KerasLazyLoader, LazyLoader

    loader, found, init = KerasLazyLoader({}, mode="v1"), [], LazyLoader.__init__

    def init_after_another_thread(self, *args):
        monkeypatch.setattr(LazyLoader, "__init__", init)
        thread = threading.Thread(target=lambda: found.append(loader.layers))
        thread.start()
        thread.join()
        init(self, *args)

    monkeypatch.setattr(LazyLoader, "__init__", init_after_another_thread)
    assert [loader.layers] == found


@pytest.mark.unit
@pytest.mark.parametrize("line", SPELLINGS)
def test_other_libraries_find_the_estimator(line):
    names = {}
    exec(line, names)
    assert eval(SPELLINGS[line], names).__name__ == "EstimatorSpec"
    if "python" not in line:  # on TensorFlow 2.15 that is one more copy
        assert eval(SPELLINGS[line], names) is tf.estimator.EstimatorSpec


@pytest.mark.unit
def test_each_name_leads_to_one_module():
    v1 = importlib.import_module("tensorflow.compat.v1")
    assert v1 is tf is importlib.import_module("tensorflow").compat.v1
    names = {}
    exec("from tensorflow.keras.layers import Dense; import tensorflow.keras as keras", names)
    assert names["Dense"] is tf.keras.layers.Dense is names["keras"].layers.Dense
    model = tf.keras.Sequential([names["Dense"](3, input_shape=(4,))])
    assert model.output_shape == (None, 3)


@pytest.mark.unit
def test_what_every_release_lacks_is_found_too():
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


_C = "tensorflow.contrib"


@pytest.mark.unit
@pytest.mark.parametrize(
    ("line", "same"),
    [
        (f"from {_C}.data.python.ops.batching import map_and_batch", "tf.contrib.data.map_and_batch"),
        (f"from {_C}.distribute.python.mirrored_strategy import MirroredStrategy", None),
        (f"from {_C}.estimator.python.estimator.early_stopping import stop_if_lower_hook", None),
        (f"from {_C}.framework.python.framework.checkpoint_utils import load_variable", "tf.train.load_variable"),
        (f"from {_C}.framework.python.ops import add_arg_scope", "tf.contrib.framework.add_arg_scope"),
        (f"from {_C}.framework.python.ops.audio_ops import decode_wav", None),
        (f"from {_C}.framework.python.ops.variables import model_variable", "tf.contrib.framework.model_variable"),
        (
            f"from {_C}.layers.python.layers.initializers import xavier_initializer",
            "tf.contrib.layers.xavier_initializer",
        ),
        (f"from {_C}.layers.python.layers.layers import conv2d", "tf.contrib.layers.conv2d"),
        (f"from {_C}.layers.python.layers.utils import collect_named_outputs", None),
        (
            f"from {_C}.layers.python.layers.feature_column import real_valued_column",
            "tf.contrib.layers.real_valued_column",
        ),
        (f"from {_C}.learn.python.learn.datasets.base import load_csv_with_header", None),
        (f"from {_C}.learn.python.learn.datasets.mnist import read_data_sets", None),
        (f"from {_C}.learn.python.learn.estimators.run_config import RunConfig", "tf.contrib.learn.RunConfig"),
        (f"from {_C}.learn.python.learn.learn_runner import run", "tf.contrib.learn.learn_runner.run"),
        (
            f"from {_C}.learn.python.learn.utils.saved_model_export_utils import make_export_strategy",
            "tf.contrib.learn.make_export_strategy",
        ),
        (f"from {_C}.lookup.lookup_ops import HashTable", "tf.contrib.lookup.HashTable"),
        (f"from {_C}.metrics.python.ops.metric_ops import streaming_mean", "tf.contrib.metrics.streaming_mean"),
        (
            f"from {_C}.opt.python.training.lazy_adam_optimizer import LazyAdamOptimizer",
            "tf.contrib.opt.LazyAdamOptimizer",
        ),
        (f"from {_C}.predictor.predictor_factories import from_saved_model", "tf.contrib.predictor.from_saved_model"),
        (f"from {_C}.rnn.python.ops.core_rnn_cell import GRUCell", "tf.nn.rnn_cell.GRUCell"),
        (f"from {_C}.rnn.python.ops.lstm_ops import LSTMBlockFusedCell", "tf.contrib.rnn.LSTMBlockFusedCell"),
        (f"from {_C}.slim.nets.resnet_v1 import resnet_v1_50", "tf.contrib.slim.nets.resnet_v1.resnet_v1_50"),
        (f"from {_C}.slim.python.slim.nets.vgg import vgg_16", "tf.contrib.slim.nets.vgg.vgg_16"),
        (f"from {_C}.slim.python.slim.learning import create_train_op", "tf.contrib.slim.learning.create_train_op"),
        (
            f"from {_C}.tensorboard.plugins.projector import visualize_embeddings",
            "tf.contrib.tensorboard.plugins.projector.visualize_embeddings",
        ),
        (f"from {_C}.tpu.python.tpu.tpu_config import TPUConfig", "tf.contrib.tpu.TPUConfig"),
        (f"from {_C}.tpu.python.tpu.tpu_estimator import TPUEstimator", "tf.contrib.tpu.TPUEstimator"),
        (f"from {_C}.tpu.python.tpu.tpu_optimizer import CrossShardOptimizer", "tf.contrib.tpu.CrossShardOptimizer"),
        (f"from {_C}.training.python.training.evaluation import checkpoints_iterator", None),
        (f"from {_C}.training.python.training.hparam import HParams", "tf.contrib.training.HParams"),
    ],
)
def test_programs_may_reach_into_the_files_of_contrib(line, same):
    """In three spellings."""
    file, name = line.removeprefix("from ").split(" import ")
    folder, module = file.rsplit(".", 1)
    lines = (line, f"from {folder} import {module}; {name} = {module}.{name}", f"import {file} as m; {name} = m.{name}")
    found = []
    for each in lines:
        names = {}
        exec(each, names)
        found.append(names[name])
    assert found[0] is found[1] is found[2]
    assert callable(found[0])
    assert same is None or found[0] is eval(same)


@pytest.mark.unit
def test_the_files_of_contrib_have_their_names_for_import_star():
    names = {}
    exec(f"from {_C}.layers.python.layers.initializers import *", names)
    assert names["xavier_initializer"] is tf.contrib.layers.xavier_initializer
    exec(f"import {_C}.slim.nets as nets; import {_C}.slim as slim", names)
    assert names["nets"].inception.inception_v3 is names["slim"].nets.inception.inception_v3


@pytest.mark.unit
def test_a_function_that_is_gone_is_an_error_at_its_use():
    names = {}
    exec(f"from {_C}.rnn.python.ops import core_rnn; from {_C}.tensor_forest.python.ops.data_ops import parse", names)
    for use, gone in (
        (lambda: names["core_rnn"].run(1), "rnn.python.ops.core_rnn.run"),
        (names["parse"], "tensor_forest.parse"),
    ):
        with pytest.raises(NotImplementedError, match=rf"^tf\.contrib\.{gone} is not available on TensorFlow 2: "):
            use()
    with pytest.raises(NotImplementedError, match=r"use what tf\.contrib\.rnn has"):
        exec("class Derived(core_rnn.Cell): pass", names)
    assert not hasattr(names["core_rnn"], "__wrapped__")


@pytest.mark.unit
def test_a_part_that_tf_1_lacked_is_not_there():
    assert not hasattr(tf.contrib, "never_heard")
    for line in (f"import {_C}.never_heard", f"from {_C} import never_heard", f"import {_C}.never_heard.python.ops"):
        with pytest.raises(ImportError, match="never_heard"):
            exec(line, {})


@pytest.mark.unit
def test_a_part_of_contrib_that_nobody_keeps_is_an_error_at_its_use():
    names = {}
    exec("from tensorflow.contrib.solvers import lanczos; import tensorflow.contrib.boosted_trees as trees", names)
    with pytest.raises(NotImplementedError, match=r"^tf\.contrib\.solvers\.lanczos is not available on TensorFlow 2"):
        names["lanczos"](3)
    with pytest.raises(NotImplementedError, match=r"^tf\.contrib\.boosted_trees\.Trees is not available"):
        names["trees"].Trees()
    with pytest.raises(NotImplementedError, match=r"^tf\.contrib\.tensor_forest\.\w+ is not available"):
        tf.contrib.tensor_forest.python.tensor_forest.Forest()


@pytest.mark.integration
@pytest.mark.parametrize(("dataset", "label"), [("mnist", 5), ("fashion_mnist", 9)])
def test_keras_datasets_are_those_of_this_package(dataset, label):
    load_public(dataset, "train")
    (images, labels), (test_images, test_labels) = getattr(tf.keras.datasets, dataset).load_data()
    assert (images.shape, test_images.shape) == ((60000, 28, 28), (10000, 28, 28))
    assert images.dtype == labels.dtype == test_labels.dtype == "uint8"
    assert (labels[0], len(test_labels)) == (label, 10000)


P = "tensorflow.python"


@pytest.mark.unit
@pytest.mark.parametrize(
    ("line", "public"),
    [
        (f"from {P} import pywrap_tensorflow as m; name = m.NewCheckpointReader", "train.NewCheckpointReader"),
        *(
            (f"from {P}.framework.{file} import {function} as name", f"graph_util.{function}")
            for file in ("graph_util", "graph_util_impl")
            for function in (
                *("convert_variables_to_constants", "extract_sub_graph", "must_run_on_cpu"),
                *("remove_training_nodes", "tensor_shape_from_node_def_name"),
            )
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
def test_modules_inside_of_tensorflow_have_the_names_of_tf_1(line, public):
    names = {}
    exec(line, names)
    assert names["name"] is operator.attrgetter(public)(tf)


@pytest.mark.unit
def test_an_alias_is_the_module_itself(monkeypatch):
    monkeypatch.setattr(
        "sys.meta_path", [aliases.AliasFinder({"other": "json"}), *importlib.import_module("sys").meta_path]
    )
    monkeypatch.setattr("sys.modules", dict(importlib.import_module("sys").modules))
    import json.decoder

    assert importlib.import_module("other") is json
    assert importlib.import_module("other.decoder") is json.decoder
    assert json.__spec__.name == "json"
    assert json.decoder.__spec__.name == "json.decoder"
    with pytest.raises(ModuleNotFoundError, match=r"json\.absent"):
        importlib.import_module("other.absent")


BEFORE = """
import tensorflow
import tensorflow.compat.v1 as v1
from cnn_estimator.tf1 import tf
from tensorflow.keras.layers import Dense
print(v1 is tf, v1.estimator is tf.estimator, Dense is tf.keras.layers.Dense)
"""


@pytest.mark.process
def test_tensorflow_may_be_imported_before():
    assert run("-c", BEFORE).stdout == "True True True\n"


@pytest.mark.process
def test_the_package_alone_changes_nothing():
    code = """
import sys
path = [*sys.meta_path]
import cnn_estimator
print(sys.meta_path == path, "tensorflow" in sys.modules)
"""
    assert run("-c", code).stdout == "True False\n"


@pytest.mark.integration
def test_parts_that_the_internal_copy_of_keras_lacks_are_keras_own():
    from tensorflow.python.keras.datasets import mnist
    from tensorflow.python.keras.preprocessing import sequence
    from tensorflow.python.keras.preprocessing.text import Tokenizer

    assert Tokenizer is tf.keras.preprocessing.text.Tokenizer
    assert sequence.pad_sequences([[1, 2]], 3).tolist() == [[0, 1, 2]]
    assert mnist.load_data is tf.keras.datasets.mnist.load_data


@pytest.mark.integration
@pytest.mark.parametrize("dataset", ["mnist", "fashion_mnist"])
def test_the_keras_package_has_the_same_datasets(dataset):
    package = importlib.import_module(f"{aliases.keras_package()}.datasets.{dataset}")
    assert package.load_data is getattr(tf.keras.datasets, dataset).load_data
