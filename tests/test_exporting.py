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
from helpers import error_of, run, started, write_idx_folder
from test_networks import DROPOUT_RATES, LAYERS, PARAMETERS

from cnn_estimator import exporting, recipes, stopping, training
from cnn_estimator.errors import Stopped, UserError
from cnn_estimator.networks import NETWORKS
from cnn_estimator.prediction import Predictor
from cnn_estimator.settings import EXPORT_FORMATS
from cnn_estimator.tf1 import tf

pytestmark = pytest.mark.integration

CLASS_NAMES = ["Bär", *(f"bar {number}" for number in range(1, 10))]
RECIPES = {recipe.network: recipe for recipe in reversed(recipes.RECIPES.values())}  # the first of each network

# What a user writes who has an export and not this package: each sets classes, probabilities and class_names.
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
rates = [layer.rate for layer in model.layers if isinstance(layer, keras.layers.Dropout)]
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
LOAD_ALL = """
import json, sys, zipfile
import numpy as np
images = np.load(sys.argv[2])
for path, code in json.loads(sys.argv[1]):
    rates = []
    exec(code)
    np.savez(f"{path}.npz", classes=classes, probabilities=probabilities, class_names=class_names, rates=rates)
"""


def trained(folder, network):
    """A model_dir with a network that has learnt a little, and knows the names of its classes."""
    data_dir = folder / "data"
    data_dir.mkdir()
    write_idx_folder(data_dir)
    (data_dir / "class_names.txt").write_text("\n".join(CLASS_NAMES), encoding="utf-8")
    options = {"optimizer": "adam", "seed": 1, "batch_size": 20, "data_dir": str(data_dir)}
    training.train(str(folder / "run"), RECIPES[network].name, steps=10, **options)
    return str(folder / "run")


@pytest.fixture(scope="module")
def model_dir(tmp_path_factory):
    """One with a network that has every kind of layer."""
    return trained(tmp_path_factory.mktemp("trained"), "three_conv_dropout")


def path_of(folder, format):
    return str(folder / f"model{exporting.FORMATS[format].suffix}")


def check_loaded(folder, exports):
    """Holds that a fresh process, in which no one has switched TensorFlow to graph mode, gets from each of the exports
    (path, format, model_dir) what the checkpoint in its model_dir predicts."""
    images = np.random.default_rng(1).random((7, 28, 28), np.float32)
    np.save(folder / "images.npy", images)
    work = json.dumps([(path, LOAD[format]) for path, format, _ in exports])
    done = run("-c", LOAD_ALL, work, str(folder / "images.npy"))
    assert done.returncode == 0, done.stderr
    for path, format, model_dir in exports:
        found = np.load(f"{path}.npz")
        with Predictor(model_dir) as predictor:
            expected = predictor.predict(images)
            network = predictor.settings.network
        assert np.ptp(expected.probabilities) > 0.1
        assert found["classes"].dtype == np.int64
        assert found["probabilities"].dtype == np.float32
        np.testing.assert_array_equal(found["classes"], expected.classes)
        np.testing.assert_allclose(found["probabilities"], expected.probabilities, rtol=0, atol=1e-5)
        assert found["class_names"].tolist() == CLASS_NAMES
        if format == "keras":
            assert found["rates"].tolist() == DROPOUT_RATES.get(network, [])


@contextlib.contextmanager
def users_keras_settings(folder):
    """What a user may have in the home directory and the environment, for other work."""
    choices = {"backend": "jax", "image_data_format": "channels_first", "floatx": "float16"}
    (folder / "keras.json").write_text(json.dumps(choices))
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("KERAS_HOME", str(folder))
        monkeypatch.setenv("KERAS_BACKEND", "jax")
        yield


def after_prediction(monkeypatch, act):
    """Has act(predictor) happen between the checkpoint's own predictions and what is written."""
    real = Predictor.predict

    def predict(predictor, images):
        predictions = real(predictor, images)
        act(predictor)
        return predictions

    monkeypatch.setattr(Predictor, "predict", predict)


def shift(amount):
    """What adds to the last layer's bias, for the class 0."""

    def act(predictor):
        bias = predictor.session.graph.get_collection(tf.GraphKeys.TRAINABLE_VARIABLES)[-1]
        bias.load(predictor.session.run(bias) + amount * np.eye(10)[0], predictor.session)

    return act


def test_the_formats_are_those_of_the_flag():
    assert tuple(exporting.FORMATS) == EXPORT_FORMATS


@pytest.mark.parametrize("format", sorted(exporting.FORMATS))
def test_an_export_says_elsewhere_what_its_checkpoint_says(tmp_path, tmp_path_factory, model_dir, format, capfd):
    before = sorted(os.listdir(model_dir))
    output = path_of(tmp_path, format)
    with users_keras_settings(tmp_path_factory.mktemp("settings")):
        result = exporting.export(model_dir, format=format, output=output)
    assert capfd.readouterr() == ("", "")
    fields = dataclasses.asdict(result)
    assert fields.pop("largest_difference") < 1e-5
    assert fields == {
        "format": format,
        "output": output,
        "images": 130,
        "global_step": 10,
        "checkpoint": os.path.join(model_dir, "model.ckpt-10"),
    }
    assert os.listdir(tmp_path) == [os.path.basename(output)]
    assert sorted(os.listdir(model_dir)) == before
    check_loaded(tmp_path, [(output, format, model_dir)])


def test_a_network_without_convolutions(tmp_path):
    model_dir = trained(tmp_path, "dense_128")
    exports = [(path_of(tmp_path, format), format, model_dir) for format in exporting.FORMATS]
    for output, format, _ in exports:
        exporting.export(model_dir, format=format, output=output)
    check_loaded(tmp_path, exports)


def test_the_keras_networks_are_the_networks(tmp_path):
    """The same layers, and from the same weights the same probabilities."""
    generator = np.random.default_rng(1)
    images = generator.random((7, 28, 28), np.float32)
    np.save(tmp_path / "images.npy", images)
    expected = {}
    for name, network in NETWORKS.items():
        with tf.Graph().as_default(), tf.Session() as session:
            tf.set_random_seed(1)
            probabilities = tf.nn.softmax(network(tf.constant(images), training=False, seed=0))
            session.run(tf.global_variables_initializer())
            weights = {variable.op.name: variable for variable in tf.trainable_variables()}
            for variable in weights.values():
                if variable.op.name.endswith("bias"):  # zero, otherwise
                    variable.load(generator.normal(0, 0.3, variable.shape), session)
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
    write(network, f"{network}.npz", f"{network}.keras")
    predict(f"{network}.keras", "images.npy", f"{network}.npy")
    model = keras.models.load_model(f"{network}.keras")
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(images, np.arange(len(images)), verbose=0)
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


def test_what_travels_along(tmp_path, model_dir):
    exporting.export(model_dir, format="saved_model", output=str(tmp_path / "saved"))
    assert json.loads((tmp_path / "saved" / "assets.extra" / "model.json").read_text()) == {
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
        "global_step": 10,
    }


def test_the_checkpoint_that_is_named(tmp_path, model_dir):
    """TensorFlow Serving's convention: a folder for the model, and in it one for each version."""
    output = tmp_path / "models" / "fashion" / "1"
    flags = (f"--model_dir={model_dir}", "--checkpoint=0", f"--output={output}/")
    done = run("-m", "cnn_estimator", "export", *flags)
    assert done.returncode == 0, done.stderr
    assert ".cnn_estimator-" not in done.stderr  # the temporary folder's name
    result = json.loads(done.stdout)
    assert result["global_step"] == 0
    assert result["output"] == str(output)
    assert os.listdir(output.parent) == ["1"]


def test_other_test_images(tmp_path, model_dir):
    (tmp_path / "data").mkdir()
    write_idx_folder(tmp_path / "data", test=1100)
    output = str(tmp_path / "saved")
    result = exporting.export(model_dir, format="saved_model", output=output, data_dir=str(tmp_path / "data"))
    assert result.images == 1000


@pytest.mark.parametrize("format", sorted(exporting.FORMATS))
def test_an_export_that_says_something_else_is_refused(tmp_path, model_dir, format, monkeypatch):
    after_prediction(monkeypatch, shift(0.01))
    output = path_of(tmp_path / "new", format)
    with pytest.raises(UserError, match=r"^output \S+: its probabilities differ from the checkpoint's by 0\.00\d+"):
        exporting.export(model_dir, format=format, output=output)
    assert os.listdir(tmp_path) == []


def test_a_difference_that_may_be_is_reported(tmp_path, model_dir, monkeypatch):
    after_prediction(monkeypatch, shift(1e-4))
    result = exporting.export(model_dir, format="saved_model", output=str(tmp_path / "saved"))
    assert 1e-5 < result.largest_difference < 2.6e-5  # p (1 - p) times what was added


def test_nan_is_a_difference(tmp_path, model_dir, monkeypatch):
    after_prediction(monkeypatch, shift(np.nan))
    with pytest.raises(UserError, match="differ from the checkpoint's by nan"):
        exporting.export(model_dir, format="saved_model", output=str(tmp_path / "saved"))
    assert os.listdir(tmp_path) == []


def test_classes_that_contradict_the_probabilities_are_refused(tmp_path, model_dir, monkeypatch):
    def name_the_least(predictor):
        with predictor.session.graph.as_default():
            predictor.outputs = predictor.outputs | {"classes": tf.argmin(predictor.outputs["probabilities"], axis=1)}

    after_prediction(monkeypatch, name_the_least)
    with pytest.raises(UserError, match="differ from the checkpoint's by inf"):
        exporting.export(model_dir, format="saved_model", output=str(tmp_path / "saved"))
    assert os.listdir(tmp_path) == []


def test_names_that_the_system_or_tensorflow_cannot_read_are_errors(tmp_path):
    for name in ("a" * 256, ("a" * 200 + "/") * 25 + "b"):
        with pytest.raises(UserError, match=r"cannot be written: File name too long: fix that, or choose another$"):
            exporting.export(str(tmp_path), format="saved_model", output=f"{tmp_path}/{name}")
    for name in ("a\\b", "a*", "a?/b", "[a]"):
        with pytest.raises(UserError, match=r"TensorFlow takes \*, \?, \[ and \\ in a path for a pattern: choose"):
            exporting.export(str(tmp_path), format="saved_model", output=f"{tmp_path}/{name}")
    (tmp_path / "[a]").mkdir()
    with pytest.raises(UserError, match="in a path for a pattern"):
        exporting.export(str(tmp_path), format="tflite", output=f"{tmp_path}/[a]/b.tflite")


def test_long_names_and_those_of_a_single_file_are_no_obstacle(tmp_path, trained):
    for format, name in (("saved_model", "a" * 255), ("keras", f"{'a' * 245}[\\*].keras")):
        path = f"{tmp_path}/{name}"
        assert exporting.export(str(trained), format=format, output=path).output == path


def test_what_is_there_is_not_overwritten(tmp_path):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for name in ("file", "folder", "link"):
        with pytest.raises(UserError, match=rf"^output {tmp_path}/{name} exists already: move it away"):
            exporting.export("unread", format="saved_model", output=str(tmp_path / name))
    assert (tmp_path / "file").read_text() == "mine"


def at_check(monkeypatch, moment, act):
    """Has act() happen at one of the moments when a stop request is looked for."""
    left = moment
    real = stopping.check

    def check():
        nonlocal left
        left -= 1
        if left == 0:
            act()
        real()

    monkeypatch.setattr(stopping, "_requested", None)
    monkeypatch.setattr(stopping, "check", check)


CHECKS = 5  # in an export of 130 images: each of two batches, after them, before the comparison and the renaming


@pytest.mark.parametrize("moment", range(1, CHECKS + 1))
def test_a_stop_request_leaves_nothing(tmp_path, model_dir, monkeypatch, moment):
    at_check(monkeypatch, moment, lambda: stopping.request(signal.SIGTERM))
    with pytest.raises(Stopped, match=r"^stopped by SIGTERM$"):
        exporting.export(model_dir, format="saved_model", output=str(tmp_path / "a" / "b"))
    assert os.listdir(tmp_path) == []


def test_what_appears_meanwhile_is_not_overwritten(tmp_path, model_dir, monkeypatch):
    """The system would rename one folder to the name of another that is empty, and a file to that of any other."""
    output = tmp_path / "saved"
    at_check(monkeypatch, CHECKS, output.mkdir)
    with pytest.raises(UserError, match="exists already"):
        exporting.export(model_dir, format="saved_model", output=str(output))
    assert os.listdir(output) == []
    assert os.listdir(tmp_path) == ["saved"]


def test_an_unknown_format_is_refused_with_the_nearest(tmp_path):
    with pytest.raises(UserError, match=r"^format 'onxx': no such name, did you mean onnx\?"):
        exporting.export("unread", format="onxx", output=str(tmp_path / "model"))


def test_ctrl_c_while_a_converter_runs(tmp_path, tmp_path_factory, model_dir, monkeypatch):
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


@pytest.mark.parametrize("format", ["tflite", "keras", "onnx"])
def test_a_file_without_its_suffix(tmp_path, format):
    suffix = f".{format}"
    with pytest.raises(UserError) as raised:
        exporting.export("unread", format=format, output=str(tmp_path / "model"))
    assert str(raised.value) == (
        f"output {tmp_path}/model: files of format {format} end in {suffix}: name it {tmp_path}/model{suffix}"
    )


def test_an_unwritable_place(tmp_path, model_dir):
    (tmp_path / "file").touch()
    output = tmp_path / "file" / "model"
    done = run("-m", "cnn_estimator", "export", f"--model_dir={model_dir}", f"--output={output}")
    assert error_of(done) == f"output {output} cannot be written: Not a directory: fix that, or choose another"


@pytest.mark.parametrize("format", exporting.FORMATS)
def test_a_file_that_may_not_grow(tmp_path, model_dir, format, monkeypatch):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    after_prediction(monkeypatch, lambda predictor: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard)))
    output = path_of(tmp_path, format)
    with contextlib.ExitStack() as stack:
        stack.callback(resource.setrlimit, resource.RLIMIT_FSIZE, (soft, hard))
        with pytest.raises(UserError, match=r"^output .* cannot be written: .*File too large.* or choose another$"):
            exporting.export(model_dir, format=format, output=output)
    assert os.listdir(tmp_path) == []


def test_a_missing_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    monkeypatch.setitem(sys.modules, "tf2onnx", None)
    with pytest.raises(UserError) as raised:
        exporting.export("unread", format="onnx", output="model.onnx")
    assert str(raised.value) == "format onnx needs onnxruntime and tf2onnx: pip install 'cnn-estimator[onnx]'"


def test_a_converter_that_fails(tmp_path, model_dir, monkeypatch):
    (tmp_path / "keras.py").write_text("raise ImportError('no Keras here\\n\\nwith its arguments')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UserError) as raised:
        exporting.export(model_dir, format="keras", output=str(tmp_path / "model.keras"))
    assert str(raised.value) == (
        f"output {tmp_path}/model.keras cannot be written: python -m cnn_estimator.keras_networks failed with status "
        "1: ImportError: no Keras here: fix that, or choose another"
    )
    assert os.listdir(tmp_path) == ["keras.py"]
