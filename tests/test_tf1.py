"""The bridge to TensorFlow: the releases that it accepts, and the TF 1 programs that run behind it."""

import importlib.metadata
import json
import logging
import operator
import re
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from helpers import run

from cnn_estimator import tf1
from cnn_estimator.tf1 import api, loading, tf

BRIDGED = not importlib.metadata.version("tensorflow").startswith("2.15.")

ESTIMATOR_NAMES = """
    BaselineClassifier BestExporter DNNClassifier DNNLinearCombinedRegressor FinalExporter LatestExporter
    LinearClassifier MultiHead VocabInfo WarmStartSettings add_metrics classifier_parse_example_spec
    experimental.InMemoryEvaluatorHook experimental.make_early_stopping_hook experimental.stop_if_no_decrease_hook
    export.PredictOutput export.ServingInputReceiver inputs.numpy_input_fn inputs.pandas_input_fn train_and_evaluate
"""

# A TF 1 program with one changed line, its import of TensorFlow.
PROGRAM = """
from cnn_estimator.tf1 import tf
import numpy as np

tf.logging.set_verbosity(tf.logging.INFO)


def model_fn(features, labels, mode):
    dense = tf.layers.dense(inputs=features["x"], units=16, activation=tf.nn.relu)
    dropout = tf.layers.dropout(inputs=dense, rate=0.4, training=mode == tf.estimator.ModeKeys.TRAIN)
    assert dropout.shape[1].value == 16  # TF 1's Dimension, which TF 2 replaced by int
    logits = tf.layers.dense(inputs=dropout, units=10)
    predictions = {"classes": tf.argmax(input=logits, axis=1), "probabilities": tf.nn.softmax(logits, name="softmax")}
    if mode == tf.estimator.ModeKeys.PREDICT:
        return tf.estimator.EstimatorSpec(mode=mode, predictions=predictions)
    loss = tf.losses.sparse_softmax_cross_entropy(labels=labels, logits=logits)
    train_op = tf.train.GradientDescentOptimizer(0.001).minimize(loss, global_step=tf.train.get_global_step())
    metrics = {"accuracy": tf.metrics.accuracy(labels=labels, predictions=predictions["classes"])}
    return tf.estimator.EstimatorSpec(mode=mode, loss=loss, train_op=train_op, eval_metric_ops=metrics)


def main(unused_argv):
    data, labels = np.random.rand(200, 784).astype(np.float32), np.arange(200) % 10
    classifier = tf.estimator.Estimator(model_fn=model_fn, model_dir="MODEL_DIR")
    logging_hook = tf.train.LoggingTensorHook(tensors={"probabilities": "softmax"}, every_n_iter=50)
    input_fn = tf.estimator.inputs.numpy_input_fn(
        x={"x": data}, y=labels, batch_size=100, num_epochs=None, shuffle=True
    )
    classifier.train(input_fn=input_fn, steps=3, hooks=[logging_hook])
    input_fn = tf.estimator.inputs.numpy_input_fn(x={"x": data}, y=labels, num_epochs=1, shuffle=False)
    print(sorted(classifier.evaluate(input_fn=input_fn)), len(list(classifier.predict(input_fn=input_fn))))


if __name__ == "__main__":
    tf.app.run()
"""

KERAS_3_WARNING = (
    "the Keras 3 models in this process stop working, because cnn_estimator has switched off eager execution"
)

# TensorFlow's C++ side prints these at import. `import cnn_estimator.tf1` does not redirect stderr.
NATIVE_NOTE = r"WARNING: All log messages before absl|[IWE]\d{4} .*\.cc:|\d{4}-\d\d-\d\d \S+ [IWE] |To enable the foll"


@pytest.mark.process
def test_a_program_with_a_changed_import_runs_and_prints_each_line_once(tmp_path):
    script = tmp_path / "program.py"
    script.write_text(PROGRAM.replace("MODEL_DIR", str(tmp_path / "model")))
    done = run(str(script), environment={"PYTHONPATH": "."})
    assert done.returncode == 0, done.stderr
    assert done.stdout == "['accuracy', 'global_step', 'loss'] 200\n"
    lines = [line for line in done.stderr.splitlines() if not re.match(NATIVE_NOTE, line)]
    assert sum("Saving checkpoints for 3 into" in line for line in lines) == 1
    assert "deprecated" not in done.stderr
    # TensorFlow reads the global step while the step increases it, so on a busy machine it may warn that it stays.
    warnings = [line for line in lines if line.startswith("WARNING:tensorflow") and "global step" not in line]
    assert warnings == []
    assert lines[0] == "INFO:tensorflow:Using default config."


@pytest.mark.process
@pytest.mark.parametrize(
    "before",
    [
        "import keras",
        "assert tensorflow.constant(1) + 1 == 2\ntensorflow.keras.layers.Dense(1)\nimport tensorflow.compat.v1",
    ],
)
def test_tensorflow_may_be_imported_and_used_before_the_bridge(before):
    done = run(
        "-c",
        f"import tensorflow\n{before}\n"
        "from cnn_estimator.tf1 import tf\n"
        "import tensorflow.compat.v1\n"
        "from tensorflow.keras.layers import Dense\n"
        "assert tf is tensorflow.compat.v1\n"
        "assert Dense is tf.keras.layers.Dense\n"
        "assert not tf.executing_eagerly()\n"
        "print(tf.layers.dense(tf.zeros([2, 3]), 4).shape, tf.estimator.Estimator.__module__)",
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "(2, 4) tensorflow_estimator.python.estimator.estimator\n"
    if before == "import keras":
        assert KERAS_3_WARNING not in done.stderr


@pytest.mark.unit
def test_tf_estimator_is_the_complete_library():
    import tensorflow_estimator

    assert importlib.metadata.version("tensorflow-estimator") == "2.15.0"
    assert tf.estimator.Estimator.__module__.startswith(tensorflow_estimator.__name__)
    for name in ESTIMATOR_NAMES.split():
        assert callable(operator.attrgetter(name)(tf.estimator)), name


@pytest.mark.unit
@pytest.mark.parametrize(
    ("name", "advice"),
    [("BoostedTreesClassifier", "tensorflow-decision-forests"), ("experimental.RNNEstimator", r"tf\.nn\.dynamic_rnn")],
)
def test_an_estimator_that_the_library_has_removed_raises_an_error_with_advice(name, advice):
    removed = operator.attrgetter(name)(tf.estimator)
    with pytest.raises(
        NotImplementedError, match=rf"^tf\.estimator\.{name} is not available .* has removed .*, .*{advice}$"
    ):
        removed([], n_batches_per_layer=1)


def dataset():
    features = np.arange(40, dtype=np.float32).reshape(20, 2)
    labels = (features[:, 0] > 20).astype(np.int32)
    return tf.data.Dataset.from_tensor_slices(({"x": features}, labels)).repeat(50).batch(10)


@pytest.mark.integration
def test_a_canned_estimator_trains_with_early_stopping_and_exports(tmp_path):
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
def test_a_mirrored_strategy_trains_on_local_devices(tmp_path):
    strategy = tf.distribute.MirroredStrategy(["/cpu:0"])
    config = tf.estimator.RunConfig(str(tmp_path), train_distribute=strategy, eval_distribute=strategy)
    estimator = tf.estimator.Estimator(linear_model_fn, config=config)
    estimator.train(dataset, max_steps=3)
    assert estimator.evaluate(dataset, steps=2)["global_step"] == 3


@pytest.mark.integration
def test_an_estimator_starts_from_the_weights_of_another_one(tmp_path):
    first = tf.estimator.Estimator(linear_model_fn, str(tmp_path / "first"))
    first.train(dataset, max_steps=3)
    second = tf.estimator.Estimator(linear_model_fn, str(tmp_path / "second"), warm_start_from=str(tmp_path / "first"))
    second.train(dataset, max_steps=1)
    started = tf.train.load_variable(str(tmp_path / "second" / "model.ckpt-0"), "dense/kernel")
    np.testing.assert_array_equal(started, first.get_variable_value("dense/kernel"))


@pytest.mark.unit
def test_tf_config_configures_a_cluster_without_a_strategy(monkeypatch):
    cluster = {"chief": ["host:1"], "worker": ["host:2"], "ps": ["host:3"]}
    monkeypatch.setenv("TF_CONFIG", json.dumps({"cluster": cluster, "task": {"type": "worker", "index": 0}}))
    config = tf.estimator.RunConfig()
    assert (config.task_type, config.num_worker_replicas, config.num_ps_replicas) == ("worker", 2, 1)
    assert list(config.session_config.device_filters) == ["/job:ps", "/job:worker/task:0"]


@pytest.mark.unit
@pytest.mark.parametrize("kind", ["train_distribute", "eval_distribute"])
def test_a_distribute_config_may_hold_the_strategy(kind):
    from tensorflow.python.distribute.distribute_config import DistributeConfig

    strategy = tf.distribute.MirroredStrategy(["/cpu:0"])
    experimental = DistributeConfig(**{kind: strategy})
    assert getattr(tf.estimator.RunConfig(experimental_distribute=experimental), kind) is strategy
    with pytest.raises(ValueError, match=rf"experimental_distribute\.{kind}"):
        tf.estimator.RunConfig(experimental_distribute=experimental, **{kind: strategy})


@pytest.mark.unit
@pytest.mark.skipif(not BRIDGED, reason="TensorFlow 2.15 has all of it")
def test_tpus_raise_errors():
    from tensorflow.python.tpu import session_support, tpu_embedding

    with pytest.raises(NotImplementedError, match=r"TPUEstimator\(use_tpu=True\) is not available"):
        tf.estimator.tpu.TPUEstimator(linear_model_fn, config=tf.estimator.tpu.RunConfig(), train_batch_size=8)
    with pytest.raises(NotImplementedError, match=r"tpu_embedding\.FeatureConfig is not available"):
        tpu_embedding.FeatureConfig("table")
    with pytest.raises(NotImplementedError, match=r"session_support\.start_worker_watchdog is not available"):
        session_support.start_worker_watchdog(None)


@pytest.mark.integration
def test_a_tpu_estimator_trains_without_a_tpu(tmp_path):
    def model_fn(features, labels, mode, params):
        spec = linear_model_fn(features, labels, mode)
        return tf.estimator.tpu.TPUEstimatorSpec(mode, loss=spec.loss, train_op=spec.train_op)

    config = tf.estimator.tpu.RunConfig(model_dir=str(tmp_path))
    estimator = tf.estimator.tpu.TPUEstimator(model_fn, config=config, use_tpu=False, train_batch_size=10)
    estimator.train(lambda params: dataset(), max_steps=3)
    assert estimator.get_variable_value("global_step") == 3


@pytest.mark.process
def test_the_import_starts_no_process_keeps_stderr_and_respects_the_log_level(tmp_path):
    (tmp_path / "tensorflow.py").write_text(
        "import os\n"
        "os.write(2, b'I0000 00:00:1.5  7 port.cc:153] oneDNN custom operations are on.\\n')\n"
        "print(os.environ['TF_CPP_MIN_LOG_LEVEL'])\n"
        "__version__ = '2.22.0'\n"
    )
    code = "import subprocess; subprocess.Popen = None; import cnn_estimator.tf1.api"
    for environment, level in ({}, "3"), ({"TF_CPP_MIN_LOG_LEVEL": "1"}, "1"):
        done = run("-c", code, environment={"PYTHONPATH": str(tmp_path), **environment})
        assert (done.returncode, done.stdout) == (1, f"{level}\n")
        first, *_, last = done.stderr.splitlines()
        assert first == "I0000 00:00:1.5  7 port.cc:153] oneDNN custom operations are on."
        assert last == (
            "cnn_estimator.tf1.loading.InstallationError: TensorFlow 2.22.0 is not supported, 2.15 to 2.21 are: "
            "pip install 'tensorflow>=2.15,<2.22'"
        )


def import_error():
    """Returns the message with which the bridge refuses the installed packages."""
    with pytest.raises(tf1.InstallationError) as caught:
        loading.load("cnn_estimator.tf1")
    assert isinstance(caught.value, ImportError)
    return str(caught.value)


@pytest.mark.unit
@pytest.mark.parametrize("version", ["2.14.1", "2.22.0", "3.0.0-rc1", None])
def test_an_unsupported_or_missing_tensorflow_is_refused(monkeypatch, version):
    tensorflow = SimpleNamespace(__version__=version) if version else None
    problem = f"TensorFlow {version} is not supported, 2.15 to 2.21 are" if version else "TensorFlow is not installed"
    monkeypatch.setitem(sys.modules, "tensorflow", tensorflow)
    assert import_error() == f"{problem}: pip install 'tensorflow>=2.15,<2.22'"


@pytest.mark.unit
def test_a_log_file_of_the_root_logger_has_the_lines_that_tensorflow_prints(tmp_path, monkeypatch, capsys):
    path = tmp_path / "log.txt"
    printing = logging.StreamHandler(sys.stderr)
    handlers = [logging.StreamHandler(sys.stderr), logging.FileHandler(path)]
    monkeypatch.setattr(logging.root, "handlers", handlers)
    assert isinstance(tf.get_logger(), api._PrintingLogger)
    logger = api._PrintingLogger("tensorflow")
    logger.parent = logging.root
    logger.addHandler(printing)
    logger.warning("both")
    logger.propagate = False
    logger.warning("printed")
    logger.propagate = True
    logger.removeHandler(printing)
    logger.warning("by the root")
    handlers[1].close()
    assert capsys.readouterr().err.splitlines() == ["both", "printed", "by the root"]
    assert path.read_text().splitlines() == ["both", "by the root"]


@pytest.mark.unit
def test_an_import_error_inside_tensorflow_is_reported_as_it_is(tmp_path, monkeypatch):
    (tmp_path / "tensorflow.py").write_text("import _pywrap_nothing")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "tensorflow")
    with pytest.raises(ModuleNotFoundError, match="'_pywrap_nothing'") as caught:
        loading.load("cnn_estimator.tf1")
    assert not isinstance(caught.value, tf1.InstallationError)


TENSORFLOW = importlib.metadata.version("tensorflow")
TF_KERAS = TENSORFLOW.rpartition(".")[0] if BRIDGED else None  # TensorFlow 2.15 does not use tf-keras


@pytest.mark.unit
@pytest.mark.parametrize(
    ("package", "required"), [("tensorflow-estimator", "2.15"), *([("tf-keras", TF_KERAS)] if BRIDGED else [])]
)
@pytest.mark.parametrize("installed", ["2.14.1", None])
def test_an_unsupported_or_missing_package_is_refused(monkeypatch, package, required, installed):
    real_version = importlib.metadata.version

    def version(name):
        if name != package:
            return real_version(name)
        if installed is None:
            raise importlib.metadata.PackageNotFoundError(name)
        return installed

    monkeypatch.setattr(importlib.metadata, "version", version)
    problem = f"does not work with {package} {installed}" if installed else f"needs {package}"
    assert import_error() == f"TensorFlow {TENSORFLOW} {problem}: pip install '{package}=={required}.*'"


@pytest.mark.integration
@pytest.mark.parametrize(
    "call",
    [
        lambda: tf.nn.top_k([1.0, 2.0], 1, True, "given").values,
        lambda: tf.scatter_nd([[1]], [1.0], [3], "given"),
        lambda: tf.manip.scatter_nd([[1]], [1.0], [3], "given"),
        lambda: tf.tensor_scatter_add([1.0, 2.0], [[1]], [1.0], "given"),
        lambda: tf.tensor_scatter_nd_add([1.0, 2.0], [[1]], [1.0], "given"),
        lambda: tf.tensor_scatter_sub([1.0, 2.0], [[1]], [1.0], "given"),
        lambda: tf.tensor_scatter_nd_sub([1.0, 2.0], [[1]], [1.0], "given"),
        lambda: tf.numpy_function(lambda x: x, [1.0], tf.float32, "given"),
        lambda: tf.image.adjust_jpeg_quality(tf.ones([4, 4, 3]), 50, "given"),
    ],
)
def test_a_name_has_its_position_of_1_15(call):
    with tf.Graph().as_default():
        assert call().op.name.split("/")[0] == "given"


@pytest.mark.integration
def test_a_resource_has_an_initialized_value():
    with tf.Graph().as_default(), tf.Session() as session:
        first = tf.Variable([1.0, 2.0], use_resource=True)
        second = tf.Variable(first.initialized_value() * 3)
        session.run(second.initializer)
        assert session.run(second).tolist() == [3, 6]
        session.run(first.initializer)
        session.run(first.assign([5.0, 6.0]))
        assert session.run(first.initialized_value()).tolist() == [5, 6]


@pytest.mark.integration
@pytest.mark.parametrize("name", ["softmax", "sparse_softmax", "sigmoid"])
def test_losses_refuse_arguments_without_names_as_in_1_15(name):
    loss = getattr(tf.nn, f"{name}_cross_entropy_with_logits")
    logits = tf.constant([[1.0, 2.0]])
    labels = tf.constant([1] if name == "sparse_softmax" else [[0.0, 1.0]])
    with pytest.raises(ValueError, match=rf"^tf\.nn\.{name}_cross_entropy_with_logits: name the arguments"):
        loss(logits, labels)
    with tf.Session() as session:
        values = session.run([loss(labels=labels, logits=logits), loss(None, labels, logits)])
    np.testing.assert_array_equal(*values)


@pytest.mark.process
@pytest.mark.skipif(not BRIDGED, reason="TensorFlow 2.15 comes with Keras 2")
def test_keras_3_models_that_stop_working_get_one_warning():
    done = run("-c", "import keras\nlayer = keras.layers.Dense(1)\nfrom cnn_estimator.tf1 import tf\n")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count(KERAS_3_WARNING) == 1
