import contextlib
import dataclasses
import json
import os
import resource
import signal
import sys
import time

import numpy as np
import pytest
from helpers import run, run_one_after_another, started, write_idx_folder
from test_networks import DROPOUT_RATES, LAYERS, PARAMETERS

from cnn_estimator import exporting, stopping, training
from cnn_estimator.dropout import Dropout
from cnn_estimator.errors import Stopped, UserError
from cnn_estimator.networks import NETWORKS
from cnn_estimator.prediction import Predictor
from cnn_estimator.settings import EXPORT_FORMATS
from cnn_estimator.tf1 import tf

CLASS_NAMES = ["Bär", *(f"bar {number}" for number in range(1, 10))]
# Programs that load an export without this package. They set classes, probabilities and class_names.
LOAD = {
    "saved_model": """
import tensorflow as tf
outputs = tf.saved_model.load(path).signatures["serving_default"](x=tf.constant(images))
classes, probabilities = outputs["classes"].numpy(), outputs["probabilities"].numpy()
with open(path + "/assets.extra/model.json") as file:
    class_names = json.load(file)["class_names"]
""",
    "tflite": """
import tensorflow as tf
interpreter = tf.lite.Interpreter(path)
outputs = interpreter.get_signature_runner("serving_default")(x=images)
classes, probabilities = outputs["classes"], outputs["probabilities"]
interpreter.resize_tensor_input(interpreter.get_input_details()[0]["index"], [3, 28, 28])
interpreter.allocate_tensors()
with zipfile.ZipFile(path) as file:
    class_names = file.read("labels.txt").decode().splitlines()
    assert json.loads(file.read("model.json"))["class_names"] == class_names
""",
    "keras": """
import keras
model = keras.models.load_model(path)
probabilities = model.predict(images, verbose=0)
classes = probabilities.argmax(axis=1)
model.compile("adam", "sparse_categorical_crossentropy")
model.fit(images, classes, verbose=0)
with zipfile.ZipFile(path) as file:
    class_names = json.loads(file.read("model.json"))["class_names"]
""",
    "onnx": """
import onnx, onnxruntime
onnx.checker.check_model(path, full_check=True)
session = onnxruntime.InferenceSession(path)
assert [(value.name, value.shape) for value in session.get_inputs()] == [("x", ["N", 28, 28])]
classes, probabilities = session.run(["classes", "probabilities"], {"x": images})
class_names = json.loads(session.get_modelmeta().custom_metadata_map["model.json"])["class_names"]
""",
}
BEFORE = "import json, zipfile\nimport numpy as np\npath = {!r}\nimages = np.load({!r})\n"
AFTER = "np.savez({!r}, classes=classes, probabilities=probabilities, class_names=class_names)\n"


@pytest.fixture(scope="module")
def model_dir(tmp_path_factory):
    """A model_dir with class names of its own, and a network with every kind of layer."""
    data_dir = tmp_path_factory.mktemp("data")
    write_idx_folder(data_dir)
    (data_dir / "class_names.txt").write_text("\n".join(CLASS_NAMES), encoding="utf-8")
    folder = tmp_path_factory.mktemp("trained") / "run"
    training.train(folder, "fashion_cnn", steps=10, seed=1, batch_size=20, data_dir=data_dir)
    return str(folder)


def path_of(folder, format):
    return str(folder / f"model{exporting.FORMATS[format].suffix}")


def after_prediction(monkeypatch, act):
    """Calls act(predictor) between the checkpoint's own predictions and what is written."""
    real = Predictor.predict

    def predict(predictor, images):
        predictions = real(predictor, images)
        act(predictor)
        return predictions

    monkeypatch.setattr(Predictor, "predict", predict)


def shift(amount):
    """Returns a function that adds an amount to the last layer's bias for the class 0."""

    def act(predictor):
        bias = predictor.session.graph.get_collection(tf.GraphKeys.TRAINABLE_VARIABLES)[-1]
        bias.load(predictor.session.run(bias) + amount * np.eye(10)[0], predictor.session)

    return act


def contradict(predictor):
    """Exports the least probable class as the predicted one."""
    with predictor.session.graph.as_default():
        predictor.outputs = predictor.outputs | {"classes": tf.argmin(predictor.outputs["probabilities"], axis=1)}


@pytest.mark.unit
def test_the_formats_are_those_of_the_flag():
    assert tuple(exporting.FORMATS) == EXPORT_FORMATS


@pytest.mark.integration
def test_an_export_predicts_in_another_program_what_its_checkpoint_predicts(
    tmp_path, tmp_path_factory, model_dir, capfd, monkeypatch
):
    """Also if the user has chosen other settings of Keras for other work."""
    settings = tmp_path_factory.mktemp("settings")
    choices = {"backend": "jax", "image_data_format": "channels_first", "floatx": "float16"}
    (settings / "keras.json").write_text(json.dumps(choices))
    images = np.random.default_rng(1).random((7, 28, 28), np.float32)
    np.save(settings / "images.npy", images)
    before = sorted(os.listdir(model_dir))
    checkpoint = os.path.join(model_dir, "model.ckpt-10")
    programs = []
    for format in EXPORT_FORMATS:
        folder = tmp_path / format
        folder.mkdir()
        output = path_of(folder, format)
        with monkeypatch.context() as patched:
            patched.setenv("KERAS_HOME", str(settings))
            patched.setenv("KERAS_BACKEND", "jax")
            result = exporting.export(model_dir, format=format, output=output)
        assert capfd.readouterr() == ("", "")
        assert os.listdir(folder) == [os.path.basename(output)]
        assert sorted(os.listdir(model_dir)) == before
        fields = dataclasses.asdict(result)
        assert fields.pop("largest_difference") < 1e-5
        expected = {"format": format, "output": output, "images": 130, "global_step": 10, "checkpoint": checkpoint}
        assert fields == expected
        programs.append(settings / f"load_{format}.py")  # other names than those of the packages
        code = BEFORE.format(output, f"{settings}/images.npy") + LOAD[format] + AFTER.format(f"{settings}/{format}.npz")
        programs[-1].write_text(code)

    run_one_after_another(*programs)
    with Predictor(model_dir) as predictor:
        predicted = predictor.predict(images)
    assert np.ptp(predicted.probabilities) > 0.1
    for format in EXPORT_FORMATS:
        loaded = np.load(settings / f"{format}.npz")
        assert (loaded["classes"].dtype, loaded["probabilities"].dtype) == (np.int64, np.float32), format
        np.testing.assert_array_equal(loaded["classes"], predicted.classes, format)
        np.testing.assert_allclose(loaded["probabilities"], predicted.probabilities, rtol=0, atol=1e-5, err_msg=format)
        assert loaded["class_names"].tolist() == CLASS_NAMES, format


@pytest.mark.integration
def test_the_keras_networks_are_the_networks(tmp_path):
    """They have the same layers, and with the same weights the same probabilities."""
    generator = np.random.default_rng(1)
    images = generator.random((7, 28, 28), np.float32)
    np.save(tmp_path / "images.npy", images)
    expected = {}
    for name, network in NETWORKS.items():
        with tf.Graph().as_default(), tf.Session() as session:
            tf.set_random_seed(1)
            probabilities = tf.nn.softmax(network(tf.constant(images), Dropout(0, training=False), classes=10))
            session.run(tf.global_variables_initializer())
            weights = {variable.op.name: variable for variable in tf.global_variables()}
            for variable in weights.values():
                if variable.op.name.endswith("bias"):  # a new bias is zero
                    variable.load(generator.normal(0, 0.3, variable.shape), session)
                elif variable.shape.ndims == 1:  # of batch normalization, whose variances are positive
                    variable.load(generator.uniform(0.1, 1, variable.shape), session)
            np.savez(tmp_path / f"{name}.npz", **session.run(weights))
            expected[name] = session.run(probabilities)
    code = """
import json, os, sys
import keras
import numpy as np
from cnn_estimator.keras_networks import NETWORKS, predict, write
os.chdir(sys.argv[1])
images = np.load("images.npy")
def facts(network):
    keras.backend.clear_session()
    write(network, 10, f"{network}.npz", f"{network}.keras")
    predict(f"{network}.keras", "images.npy", f"{network}.npy")
    model = keras.models.load_model(f"{network}.keras")
    return {
        "parameters": model.count_params(),
        "layers": [layer.name for layer in model.layers if layer.weights],
        "rates": [layer.rate for layer in model.layers if isinstance(layer, keras.layers.Dropout)],
    }
print(json.dumps({network: facts(network) for network in NETWORKS}))
"""
    done = run("-c", code, str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        network: {
            "parameters": PARAMETERS[network],
            "layers": LAYERS[network],
            "rates": DROPOUT_RATES.get(network, []),
        }
        for network in NETWORKS
    }
    for name, probabilities in expected.items():
        assert np.ptp(probabilities) > 0.1
        np.testing.assert_allclose(np.load(tmp_path / f"{name}.npy"), probabilities, rtol=0, atol=1e-6)


@pytest.mark.newest
@pytest.mark.integration
def test_the_command_exports_a_checkpoint_with_its_description(tmp_path, model_dir):
    """In TensorFlow Serving's folders: one for the model, and in it one for each version."""
    output = tmp_path / "models" / "fashion" / "1"
    write_idx_folder(tmp_path, test=1100)
    flags = (f"--model_dir={model_dir}", "--checkpoint=0", f"--output={output}/", f"--data_dir={tmp_path}")
    done = run("-m", "cnn_estimator", "export", *flags)
    assert done.returncode == 0, done.stderr
    assert ".cnn_estimator-" not in done.stderr  # the name of the temporary folder
    result = json.loads(done.stdout)
    assert (result["global_step"], result["output"], result["images"]) == (0, str(output), 1000)
    assert os.listdir(output.parent) == ["1"]
    assert json.loads((output / "assets.extra" / "model.json").read_text()) == {
        "class_names": CLASS_NAMES,
        "input": {
            "name": "x",
            "dtype": "float32",
            "shape": [None, 28, 28],
            "range": [0, 1],
            "pixels": "grey value / 255, a bright object on black",
        },
        "recipe": "fashion_cnn",
        "dataset": "fashion_mnist",
        "network": "three_conv_dropout",
        "global_step": 0,
    }


@pytest.mark.integration
@pytest.mark.parametrize(
    ("change", "difference"), [(shift(0.01), r"0\.00\d+"), (shift(np.nan), "nan"), (contradict, "inf")]
)
def test_an_export_with_other_predictions_is_refused(tmp_path, model_dir, monkeypatch, change, difference):
    after_prediction(monkeypatch, change)
    with pytest.raises(UserError, match=rf"its probabilities differ from the checkpoint's by {difference}, "):
        exporting.export(model_dir, format="saved_model", output=tmp_path / "new" / "saved")
    assert os.listdir(tmp_path) == []


@pytest.mark.newest
@pytest.mark.integration
def test_a_stopped_export_leaves_nothing(tmp_path, model_dir, monkeypatch):
    monkeypatch.setattr(stopping, "_requested", None)
    after_prediction(monkeypatch, lambda predictor: stopping.request(signal.SIGTERM))
    with pytest.raises(Stopped, match=r"^stopped by SIGTERM$"):
        exporting.export(model_dir, format="saved_model", output=tmp_path / "a" / "b")
    assert os.listdir(tmp_path) == []


@pytest.mark.newest
@pytest.mark.process
def test_ctrl_c_stops_a_converter(tmp_path, tmp_path_factory, model_dir, monkeypatch):
    startup = tmp_path_factory.mktemp("startup")
    (startup / "sitecustomize.py").write_text(
        "import pathlib, sys\n"
        "if 'cnn_estimator.keras_networks' in sys.orig_argv:\n"
        "    pathlib.Path(__file__).with_name('runs').touch()\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(startup))
    flags = (f"--model_dir={model_dir}", "--format=keras", f"--output={tmp_path / 'model.keras'}")
    with started("-m", "cnn_estimator", "export", *flags) as (process, stderr):
        while not (startup / "runs").exists():
            assert process.poll() is None, stderr.read_text()
            time.sleep(0.005)
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(timeout=60) == 130
        assert stderr.read_text().splitlines()[-1] == "stopped by SIGINT: nothing was exported"
    assert os.listdir(tmp_path) == []


@pytest.mark.unit
@pytest.mark.parametrize(
    ("format", "output", "problem"),
    [
        ("onxx", "model", "format 'onxx': no such name, did you mean onnx?"),
        ("tflite", "model", "output {0}/model: files of format tflite end in .tflite: name it {0}/model.tflite"),
        ("saved_model", "file", "output {0}/file exists already: move it away, or choose another output"),
        ("saved_model", "link", "output {0}/link exists already: move it away, or choose another output"),
        (
            "saved_model",
            "a?/b",
            "output '{0}/a?/b': TensorFlow reads *, ?, [ and \\ as patterns: choose another output",
        ),
    ],
)
def test_an_output_that_cannot_be_made_is_refused_before_any_work(tmp_path, format, output, problem):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(UserError) as raised:
        exporting.export("unread", format=format, output=tmp_path / output)
    assert str(raised.value) == problem.format(tmp_path)
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.newest
@pytest.mark.integration
@pytest.mark.parametrize("format", EXPORT_FORMATS)
def test_a_full_disk_is_an_error(tmp_path, model_dir, format, monkeypatch):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    after_prediction(monkeypatch, lambda predictor: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard)))
    with contextlib.ExitStack() as stack:
        stack.callback(resource.setrlimit, resource.RLIMIT_FSIZE, (soft, hard))
        with pytest.raises(UserError, match=r"^output .* cannot be written: .*File too large.* or choose another$"):
            exporting.export(model_dir, format=format, output=path_of(tmp_path, format))
    assert os.listdir(tmp_path) == []


@pytest.mark.unit
def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    monkeypatch.setitem(sys.modules, "tf2onnx", None)
    with pytest.raises(UserError) as raised:
        exporting.export("unread", format="onnx", output="model.onnx")
    assert str(raised.value) == "format onnx needs onnxruntime and tf2onnx: pip install 'cnn-estimator[onnx]'"


@pytest.mark.newest
@pytest.mark.integration
def test_the_error_of_a_converter_is_one_line(tmp_path, model_dir, monkeypatch):
    (tmp_path / "keras.py").write_text("raise ImportError('no Keras here\\n\\nwith its arguments')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UserError) as raised:
        exporting.export(model_dir, format="keras", output=tmp_path / "model.keras")
    assert str(raised.value) == (
        "python -m cnn_estimator.keras_networks failed with status 1: ImportError: no Keras here: choose another format"
    )
    assert {*os.listdir(tmp_path)} - {"__pycache__"} == {"keras.py"}
