"""What other libraries find after the import of the door, under the names that TensorFlow 2.15 has."""

import importlib

import pytest
from helpers import load_public, run

from cnn_estimator.tf1 import spellings, tf

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


@pytest.mark.unit
@pytest.mark.parametrize(
    "line",
    [
        "from tensorflow.contrib.learn.python.learn.datasets.mnist import read_data_sets",
        "from tensorflow.contrib.learn.python.learn import learn_runner",
        "from tensorflow.contrib.learn.python.learn.utils import saved_model_export_utils",
        "from tensorflow.contrib.layers.python.layers import initializers",
        "from tensorflow.contrib.framework.python.ops import arg_scope",
    ],
)
def test_programs_may_reach_into_the_files_of_contrib(line):
    names = {}
    exec(line, names)
    assert names[line.rpartition(" ")[2]]


@pytest.mark.unit
def test_a_part_of_contrib_that_nobody_keeps_is_an_error_at_its_use():
    names = {}
    exec("from tensorflow.contrib.factorization import KMeans; import tensorflow.contrib.boosted_trees as trees", names)
    with pytest.raises(
        NotImplementedError, match=r"^tf\.contrib\.factorization\.KMeans is not available on TensorFlow 2"
    ):
        names["KMeans"](3)
    with pytest.raises(NotImplementedError, match=r"^tf\.contrib\.boosted_trees\.Trees is not available"):
        names["trees"].Trees()
    with pytest.raises(NotImplementedError, match=r"^tf\.contrib\.tensor_forest\.python is not available"):
        tf.contrib.tensor_forest.python.tensor_forest  # noqa: B018


@pytest.mark.integration
@pytest.mark.parametrize(("dataset", "label"), [("mnist", 5), ("fashion_mnist", 9)])
def test_keras_datasets_are_those_of_this_package(dataset, label):
    load_public(dataset, "train")
    (images, labels), (test_images, test_labels) = getattr(tf.keras.datasets, dataset).load_data()
    assert (images.shape, test_images.shape) == ((60000, 28, 28), (10000, 28, 28))
    assert images.dtype == labels.dtype == test_labels.dtype == "uint8"
    assert (labels[0], len(test_labels)) == (label, 10000)


@pytest.mark.unit
def test_an_alias_is_the_module_itself(monkeypatch):
    monkeypatch.setattr(
        "sys.meta_path", [spellings.Aliases({"other": "json"}), *importlib.import_module("sys").meta_path]
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
