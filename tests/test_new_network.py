"""A network that a contributor adds, with batch normalization: it works wherever the tutorials' networks do."""

import pathlib

import numpy as np
import pytest
from helpers import variable_values, write_pictures

import cnn_estimator
from cnn_estimator import evaluation, exporting, networks, prediction, training
from cnn_estimator.errors import UserError
from cnn_estimator.settings import EXPORT_FORMATS
from cnn_estimator.tf1 import tf

# What a contributor adds to keras_networks.py, here in place of a tutorial's network.
KERAS_NETWORK = """
def dense_128():
    return [
        *_convolution(4, 3, "same"),
        layers.BatchNormalization(momentum=0.9),
        *_hidden(16),
        layers.BatchNormalization(momentum=0.9),
    ]


NETWORKS["dense_128"] = dense_128

"""


def normalized(images, dropout, classes):
    x = tf.reshape(images, [-1, 28, 28, 1])
    x = tf.layers.conv2d(x, 4, 3, padding="same", activation=tf.nn.relu)
    x = tf.layers.max_pooling2d(x, 2, 2)
    x = tf.layers.batch_normalization(x, momentum=0.9, training=dropout.training)
    x = tf.layers.flatten(x)
    x = tf.layers.dense(x, 16, activation=tf.nn.relu)
    x = tf.layers.batch_normalization(x, momentum=0.9, training=dropout.training)
    return tf.layers.dense(x, classes)


@pytest.fixture
def new_network(monkeypatch):
    monkeypatch.setitem(networks.NETWORKS, "dense_128", normalized)


@pytest.fixture
def new_keras_network(tmp_path_factory, monkeypatch):
    """Puts a keras_networks.py with the network where the program that writes a .keras file finds it first."""
    folder = tmp_path_factory.mktemp("changed") / "cnn_estimator"
    folder.mkdir()
    (folder / "__init__.py").touch()
    content = (pathlib.Path(cnn_estimator.__file__).parent / "keras_networks.py").read_text()
    before, build, after = content.partition("def build(")
    (folder / "keras_networks.py").write_text(before + KERAS_NETWORK + build + after)
    monkeypatch.syspath_prepend(folder.parent)


OPTIONS = {
    "recipe": "fashion_dense",
    "steps": 60,
    "learning_rate": 0.01,
    "seed": 1,
    "validation": 100,
    "eval_every": 30,
    "keep_best": True,
}


@pytest.mark.integration
@pytest.mark.usefixtures("new_network")
def test_it_trains_evaluates_and_predicts(tmp_path, data_dir):
    model_dir = tmp_path / "run"
    result = training.train(model_dir, data_dir=data_dir, **OPTIONS, average_decay=0.9)
    saved = variable_values(model_dir)
    assert not np.allclose(saved["batch_normalization/moving_mean"], 0)
    assert not np.allclose(saved["batch_normalization_1/moving_variance"], 1)
    assert result.best.accuracy > 0.8
    metrics = evaluation.evaluate(model_dir, data_dir=data_dir).metrics
    assert metrics["accuracy"] > 0.8
    test_set = cnn_estimator.load("fashion_mnist", "test", data_dir)
    with prediction.Predictor(model_dir) as predictor:
        classes = predictor.predict(test_set.images).classes
    assert np.mean(classes == test_set.labels) == pytest.approx(metrics["accuracy"], abs=1e-6)


@pytest.mark.newest
@pytest.mark.process
@pytest.mark.usefixtures("new_network", "new_keras_network")
def test_it_is_exported_with_twelve_classes(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    pictures = write_pictures(tmp_path / "mine", [f"class {number:02}" for number in range(12)])
    model_dir = tmp_path / "run"
    training.train(model_dir, "fashion_dense", steps=10, learning_rate=0.01, seed=1, data_dir=pictures)
    for format in EXPORT_FORMATS:
        output = tmp_path / f"model{exporting.FORMATS[format].suffix}"
        export = exporting.export(model_dir, format=format, output=output)
        assert export.images == 24
        assert export.largest_difference < 1e-5


@pytest.mark.integration
@pytest.mark.usefixtures("new_network")
def test_it_is_not_trained_on_parts_of_a_batch(tmp_path, data_dir):
    with pytest.raises(UserError, match=r"^network dense_128 has batch normalization, which would differ between"):
        training.train(tmp_path, data_dir=data_dir, **OPTIONS, strategy="mirrored", devices=2)


@pytest.mark.newest
@pytest.mark.process
@pytest.mark.usefixtures("new_network")
def test_a_network_that_keras_does_not_have_is_one_line(tmp_path, data_dir):
    model_dir = tmp_path / "run"
    training.train(model_dir, data_dir=data_dir, **OPTIONS | {"steps": 1})
    with pytest.raises(UserError, match=r"^python -m cnn_estimator\.keras_networks failed .*: choose"):
        exporting.export(model_dir, format="keras", output=tmp_path / "model.keras", data_dir=data_dir)
