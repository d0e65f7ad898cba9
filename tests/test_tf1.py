"""The door to TensorFlow: which TensorFlow it accepts, and that TF 1 programs run behind it."""

import importlib
import importlib.metadata
import json
import operator
import re
import sys
import types

import numpy as np
import pytest
from helpers import run

from cnn_estimator import tf1
from cnn_estimator.tf1 import tf

BRIDGED = not importlib.metadata.version("tensorflow").startswith("2.15.")

ESTIMATOR_NAMES = [
    "BaselineClassifier",
    "BestExporter",
    "DNNClassifier",
    "DNNLinearCombinedRegressor",
    "FinalExporter",
    "LatestExporter",
    "LinearClassifier",
    "MultiHead",
    "VocabInfo",
    "WarmStartSettings",
    "add_metrics",
    "classifier_parse_example_spec",
    "experimental.InMemoryEvaluatorHook",
    "experimental.make_early_stopping_hook",
    "experimental.stop_if_no_decrease_hook",
    "export.PredictOutput",
    "export.ServingInputReceiver",
    "inputs.numpy_input_fn",
    "inputs.pandas_input_fn",
    "train_and_evaluate",
]

# The parts of a TF 1 tutorial's script, with its first line changed and no other.
TUTORIAL = """
from cnn_estimator.tf1 import tf
import numpy as np

tf.logging.set_verbosity(tf.logging.INFO)


def cnn_model_fn(features, labels, mode):
    input_layer = tf.reshape(features["x"], [-1, 28, 28, 1])
    conv1 = tf.layers.conv2d(inputs=input_layer, filters=4, kernel_size=[5, 5], padding="same", activation=tf.nn.relu)
    pool1 = tf.layers.max_pooling2d(inputs=conv1, pool_size=[2, 2], strides=2)
    dense = tf.layers.dense(inputs=tf.reshape(pool1, [-1, 14 * 14 * 4]), units=16, activation=tf.nn.relu)
    dropout = tf.layers.dropout(inputs=dense, rate=0.4, training=mode == tf.estimator.ModeKeys.TRAIN)
    assert dropout.shape[1].value == 16  # TF 1's Dimension, which TF 2 replaced by int
    logits = tf.layers.dense(inputs=dropout, units=10)
    predictions = {
        "classes": tf.argmax(input=logits, axis=1),
        "probabilities": tf.nn.softmax(logits, name="softmax_tensor"),
    }
    if mode == tf.estimator.ModeKeys.PREDICT:
        return tf.estimator.EstimatorSpec(mode=mode, predictions=predictions)
    loss = tf.losses.sparse_softmax_cross_entropy(labels=labels, logits=logits)
    if mode == tf.estimator.ModeKeys.TRAIN:
        optimizer = tf.train.GradientDescentOptimizer(learning_rate=0.001)
        train_op = optimizer.minimize(loss=loss, global_step=tf.train.get_global_step())
        return tf.estimator.EstimatorSpec(mode=mode, loss=loss, train_op=train_op)
    eval_metric_ops = {"accuracy": tf.metrics.accuracy(labels=labels, predictions=predictions["classes"])}
    return tf.estimator.EstimatorSpec(mode=mode, loss=loss, eval_metric_ops=eval_metric_ops)


def main(unused_argv):
    train_data = np.random.rand(200, 784).astype(np.float32)
    train_labels = np.asarray(np.arange(200) % 10, dtype=np.int32)
    mnist_classifier = tf.estimator.Estimator(model_fn=cnn_model_fn, model_dir="MODEL_DIR")
    logging_hook = tf.train.LoggingTensorHook(tensors={"probabilities": "softmax_tensor"}, every_n_iter=50)
    train_input_fn = tf.estimator.inputs.numpy_input_fn(
        x={"x": train_data}, y=train_labels, batch_size=100, num_epochs=None, shuffle=True
    )
    mnist_classifier.train(input_fn=train_input_fn, steps=3, hooks=[logging_hook])
    eval_input_fn = tf.estimator.inputs.numpy_input_fn(
        x={"x": train_data}, y=train_labels, num_epochs=1, shuffle=False
    )
    print(sorted(mnist_classifier.evaluate(input_fn=eval_input_fn)))
    print(len(list(mnist_classifier.predict(input_fn=eval_input_fn))))


if __name__ == "__main__":
    tf.app.run()
"""


# TensorFlow's C++ side prints these at import: `import cnn_estimator.tf1` does not touch file descriptor 2.
NATIVE_NOTE = r"WARNING: All log messages before absl|[IWE]\d{4} .*\.cc:|\d{4}-\d\d-\d\d \S+ [IWE] |To enable the foll"


@pytest.mark.process
def test_an_unchanged_tutorial_script_runs_and_prints_each_line_once(tmp_path):
    script = tmp_path / "tutorial.py"
    script.write_text(TUTORIAL.replace("MODEL_DIR", str(tmp_path / "model")))
    done = run(str(script), environment={"PYTHONPATH": "."})
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["['accuracy', 'global_step', 'loss']", "200"]
    lines = [line for line in done.stderr.splitlines() if not re.match(NATIVE_NOTE, line)]
    assert sum("Saving checkpoints for 3 into" in line for line in lines) == 1
    assert "deprecated" not in done.stderr
    assert "WARNING:tensorflow" not in done.stderr
    assert lines[0] == "INFO:tensorflow:Using default config."


@pytest.mark.process
@pytest.mark.parametrize(
    "before",
    ["", "assert tensorflow.constant(1) + 1 == 2", "tensorflow.keras.layers.Dense(1)\nimport tensorflow.compat.v1"],
)
def test_it_does_not_matter_what_the_caller_did_before(before):
    done = run(
        "-c",
        f"import tensorflow\n{before}\n"
        "from cnn_estimator.tf1 import tf\n"
        "import tensorflow.compat.v1\n"
        "assert tf is tensorflow.compat.v1\n"
        "assert not tf.executing_eagerly()\n"
        "print(tf.layers.dense(tf.zeros([2, 3]), 4).shape, tf.estimator.Estimator.__module__)",
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "(2, 4) tensorflow_estimator.python.estimator.estimator\n"


@pytest.mark.unit
def test_the_estimator_is_the_complete_library():
    import tensorflow_estimator

    assert importlib.metadata.version("tensorflow-estimator") == "2.15.0"
    assert tf.estimator.Estimator.__module__.startswith(tensorflow_estimator.__name__)
    for name in ESTIMATOR_NAMES:
        assert callable(operator.attrgetter(name)(tf.estimator)), name


@pytest.mark.unit
@pytest.mark.parametrize(
    ("name", "instead"),
    [
        ("BoostedTreesClassifier", "tensorflow-decision-forests"),
        ("BoostedTreesEstimator", "tensorflow-decision-forests"),
        ("BoostedTreesRegressor", "tensorflow-decision-forests"),
        ("experimental.RNNClassifier", r"tf\.nn\.dynamic_rnn"),
        ("experimental.RNNEstimator", r"tf\.nn\.dynamic_rnn"),
    ],
)
def test_an_estimator_that_the_library_has_removed_is_an_error_at_its_use(name, instead):
    removed = operator.attrgetter(name)(tf.estimator)
    with pytest.raises(
        NotImplementedError, match=rf"^tf\.estimator\.{name} is not available .* removed it, .*{instead}$"
    ):
        removed([], n_batches_per_layer=1)


def dataset():
    features = np.arange(40, dtype=np.float32).reshape(20, 2)
    labels = (features[:, 0] > 20).astype(np.int32)
    return tf.data.Dataset.from_tensor_slices(({"x": features}, labels)).repeat(50).batch(10)


@pytest.mark.unit
def test_tensorflow_knows_the_names_that_the_estimator_is_exported_under():
    from tensorflow.python.util import tf_export

    assert tf_export.get_v1_names(tf.estimator.Estimator) == ["estimator.Estimator"]
    assert tf_export.get_v2_names(importlib.import_module("tensorflow").estimator.Estimator) == ["estimator.Estimator"]
    assert tf_export.get_v1_names(tf.train.Saver) == ["train.Saver"]
    assert tf_export.get_v1_names(object()) == []
    module = types.ModuleType("example")
    module.__dict__["_estimator_api_constants_v1"] = [("estimator.EXAMPLE", "EXAMPLE")]
    assert tf_export.get_v1_constants(module) == [("estimator.EXAMPLE", "EXAMPLE")]


@pytest.mark.integration
def test_canned_estimator_with_early_stopping_evaluation_and_export(tmp_path):
    column = tf.feature_column.numeric_column("x", shape=[2])
    config = tf.estimator.RunConfig(str(tmp_path), save_checkpoints_steps=10)
    estimator = tf.estimator.DNNClassifier([4], [column], config=config, optimizer="Adagrad")
    stop = tf.estimator.experimental.stop_if_higher_hook(estimator, "accuracy", 0.0, run_every_secs=0)
    serving = tf.estimator.export.build_raw_serving_input_receiver_fn({"x": tf.placeholder(tf.float32, [None, 2])})
    metrics, exported = tf.estimator.train_and_evaluate(
        estimator,
        tf.estimator.TrainSpec(dataset, max_steps=60, hooks=[stop]),
        tf.estimator.EvalSpec(dataset, throttle_secs=0, exporters=tf.estimator.LatestExporter("latest", serving)),
    )
    assert 0 < metrics["global_step"] < 60
    assert metrics["accuracy"] >= 0
    with tf.Graph().as_default(), tf.Session() as session:
        loaded = tf.saved_model.load(session, ["serve"], exported[0].decode())
    assert "predict" in loaded.signature_def


def linear_model_fn(features, labels, mode):
    logits = tf.layers.dense(features["x"], 2)
    loss = tf.losses.sparse_softmax_cross_entropy(labels, logits)
    train_op = tf.train.GradientDescentOptimizer(1e-3).minimize(loss, tf.train.get_global_step())
    return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=train_op)


@pytest.mark.integration
def test_a_distribution_strategy_over_local_devices_trains(tmp_path):
    strategy = tf.distribute.MirroredStrategy(["/cpu:0"])
    config = tf.estimator.RunConfig(str(tmp_path), train_distribute=strategy, eval_distribute=strategy)
    estimator = tf.estimator.Estimator(linear_model_fn, config=config)
    estimator.train(dataset, max_steps=3)
    assert estimator.evaluate(dataset, steps=2)["global_step"] == 3


@pytest.mark.integration
def test_warm_start(tmp_path):
    first = tf.estimator.Estimator(linear_model_fn, str(tmp_path / "first"))
    first.train(dataset, max_steps=3)
    second = tf.estimator.Estimator(linear_model_fn, str(tmp_path / "second"), warm_start_from=str(tmp_path / "first"))
    second.train(dataset, max_steps=1)
    started = tf.train.load_variable(str(tmp_path / "second" / "model.ckpt-0"), "dense/kernel")
    np.testing.assert_array_equal(started, first.get_variable_value("dense/kernel"))


@pytest.mark.unit
def test_a_cluster_without_a_strategy_is_configured_from_the_environment(monkeypatch):
    cluster = {"chief": ["host:1"], "worker": ["host:2"], "ps": ["host:3"]}
    monkeypatch.setenv("TF_CONFIG", json.dumps({"cluster": cluster, "task": {"type": "worker", "index": 0}}))
    config = tf.estimator.RunConfig()
    assert (config.task_type, config.num_worker_replicas, config.num_ps_replicas) == ("worker", 2, 1)
    assert list(config.session_config.device_filters) == ["/job:ps", "/job:worker/task:0"]


@pytest.mark.unit
@pytest.mark.parametrize("kind", ["train_distribute", "eval_distribute"])
def test_a_strategy_may_come_in_a_distribute_config(kind):
    from tensorflow.python.distribute.distribute_config import DistributeConfig

    strategy = tf.distribute.MirroredStrategy(["/cpu:0"])
    experimental = DistributeConfig(**{kind: strategy})
    assert getattr(tf.estimator.RunConfig(experimental_distribute=experimental), kind) is strategy
    with pytest.raises(ValueError, match=rf"experimental_distribute\.{kind}"):
        tf.estimator.RunConfig(experimental_distribute=experimental, **{kind: strategy})


@pytest.mark.unit
@pytest.mark.skipif(not BRIDGED, reason="TensorFlow 2.15 has all of it")
class TestWhatTensorFlowRemoved:
    def test_a_tpu_is_refused_when_an_estimator_is_made_for_it(self):
        with pytest.raises(NotImplementedError, match=r"TPUEstimator\(use_tpu=True\) is not available"):
            tf.estimator.tpu.TPUEstimator(linear_model_fn, config=tf.estimator.tpu.RunConfig(), train_batch_size=8)

    def test_a_removed_tpu_module_raises_when_it_is_called(self):
        from tensorflow.python.tpu import session_support, tpu_embedding

        with pytest.raises(NotImplementedError, match=r"tpu_embedding\.FeatureConfig is not available"):
            tpu_embedding.FeatureConfig("table")
        with pytest.raises(NotImplementedError, match=r"session_support\.start_worker_watchdog is not available"):
            session_support.start_worker_watchdog(None)


@pytest.mark.integration
def test_a_tpu_estimator_without_a_tpu_is_an_estimator(tmp_path):
    def model_fn(features, labels, mode, params):
        spec = linear_model_fn(features, labels, mode)
        return tf.estimator.tpu.TPUEstimatorSpec(mode, loss=spec.loss, train_op=spec.train_op)

    config = tf.estimator.tpu.RunConfig(model_dir=str(tmp_path))
    estimator = tf.estimator.tpu.TPUEstimator(model_fn, config=config, use_tpu=False, train_batch_size=10)
    estimator.train(lambda params: dataset(), max_steps=3)
    assert estimator.get_variable_value("global_step") == 3


@pytest.mark.process
def test_the_import_changes_nothing_but_tensorflow(tmp_path):
    """No process is started, stderr is not redirected, and only the log level's default is set."""
    (tmp_path / "tensorflow.py").write_text(
        "import os\n"
        "os.write(2, b'I0000 00:00:1.5  7 port.cc:153] oneDNN custom operations are on.\\n')\n"
        "print(os.environ['TF_CPP_MIN_LOG_LEVEL'])\n"
        "__version__ = '2.22.0'\n"
    )
    code = "import subprocess; subprocess.Popen = None; import cnn_estimator.tf1"
    for environment, level in ({}, "3"), ({"TF_CPP_MIN_LOG_LEVEL": "1"}, "1"):
        done = run("-c", code, environment={"PYTHONPATH": str(tmp_path), **environment})
        assert (done.returncode, done.stdout) == (1, f"{level}\n")
        first, *_, last = done.stderr.splitlines()
        assert first == "I0000 00:00:1.5  7 port.cc:153] oneDNN custom operations are on."
        assert last == (
            "cnn_estimator.tf1.InstallationError: TensorFlow 2.22.0 is not supported, 2.15 to 2.21 are: "
            "pip install 'tensorflow>=2.15,<2.22'"
        )


@pytest.fixture
def record(tmp_path, monkeypatch):
    """A function that records an installed package of any version in a folder that comes first on the path."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def add(name, version):
        information = tmp_path / f"{name.replace('-', '_')}-{version}.dist-info"
        information.mkdir()
        (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        importlib.invalidate_caches()

    return add


def refusal():
    """Returns the message with which the door refuses the packages that are installed."""
    with pytest.raises(tf1.InstallationError) as caught:
        tf1._load()
    assert isinstance(caught.value, ImportError)
    return str(caught.value)


@pytest.mark.unit
@pytest.mark.parametrize("version", ["1.15.5", "2.14.1", "2.22.0", "3.0.0-rc1"])
def test_a_tensorflow_out_of_range_is_refused(monkeypatch, version):
    tensorflow = types.ModuleType("tensorflow")
    tensorflow.__version__ = version
    monkeypatch.setitem(sys.modules, "tensorflow", tensorflow)
    assert refusal() == (
        f"TensorFlow {version} is not supported, 2.15 to 2.21 are: pip install 'tensorflow>=2.15,<2.22'"
    )


@pytest.mark.unit
@pytest.mark.parametrize("module", [None, types.ModuleType("tensorflow")], ids=["missing", "empty folder"])
def test_a_missing_tensorflow_is_reported(monkeypatch, module):
    monkeypatch.setitem(sys.modules, "tensorflow", module)
    assert refusal() == "TensorFlow is not installed: pip install 'tensorflow>=2.15,<2.22'"


@pytest.mark.unit
def test_a_module_that_tensorflow_lacks_is_not_a_missing_tensorflow(tmp_path, monkeypatch):
    (tmp_path / "tensorflow.py").write_text("import _pywrap_nothing")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "tensorflow")
    with pytest.raises(ModuleNotFoundError, match="'_pywrap_nothing'") as caught:
        tf1._load()
    assert not isinstance(caught.value, tf1.InstallationError)


@pytest.mark.unit
def test_another_tensorflow_estimator_is_refused(record):
    record("tensorflow-estimator", "2.14.0")
    message = refusal()
    assert message.endswith(
        "does not work with tensorflow-estimator 2.14.0: pip install 'tensorflow-estimator==2.15.*'"
    )


@pytest.mark.unit
@pytest.mark.skipif(not BRIDGED, reason="TensorFlow 2.15 does not use tf-keras")
def test_another_tf_keras_is_refused(record):
    minor = ".".join(importlib.metadata.version("tensorflow").split(".")[:2])
    record("tf-keras", "2.14.1")
    assert refusal().endswith(f"does not work with tf-keras 2.14.1: pip install 'tf-keras=={minor}.*'")


@pytest.mark.unit
@pytest.mark.skipif(not BRIDGED, reason="TensorFlow 2.15 does not use tf-keras")
def test_a_missing_tf_keras_is_reported(monkeypatch):
    version = importlib.metadata.version

    def without_tf_keras(name):
        if name == "tf-keras":
            raise importlib.metadata.PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr(importlib.metadata, "version", without_tf_keras)
    assert "needs tf-keras: pip install 'tf-keras==2." in refusal()
