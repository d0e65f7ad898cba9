"""Moving averages of the weights: what they are, and that everything but training uses them."""

import logging

import numpy as np
import pytest
from helpers import variables

from cnn_estimator import evaluation, model, prediction, training
from cnn_estimator.data import datasets
from cnn_estimator.errors import UserError
from cnn_estimator.run_dir.evaluations import ValidationLog
from cnn_estimator.settings import make_settings
from cnn_estimator.tf1 import tf

# TensorFlow's own use, which the bridge silences and pytest shows again.
pytestmark = pytest.mark.filterwarnings("ignore:To make it possible to preserve tf.data options:UserWarning")

AVERAGE = "ExponentialMovingAverage"
WEIGHTS = ("dense/kernel", "dense/bias", "dense_1/kernel", "dense_1/bias")
OPTIONS = {"recipe": "fashion_dense", "seed": 1, "learning_rate": 0.01, "average_decay": 0.3}


def values(checkpoint):
    reader = tf.train.load_checkpoint(str(checkpoint))
    return {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}


def probabilities(weights, images):
    """What fashion_dense with four arrays predicts."""
    kernel, bias, kernel_1, bias_1 = weights
    hidden = np.maximum(images.reshape(-1, 28 * 28) @ kernel + bias, 0)
    logits = hidden @ kernel_1 + bias_1
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


@pytest.fixture(scope="module")
def averaged(tmp_path_factory, data_dir):
    """A model_dir whose averages are far from its weights, evaluated while training."""
    folder = tmp_path_factory.mktemp("averaged") / "run"
    options = OPTIONS | {"learning_rate": 0.002, "average_decay": 0.99}
    training.train(
        folder, max_steps=12, eval_every=4, keep_best=True, validation=100, save_every=4, data_dir=data_dir, **options
    )
    return folder


@pytest.mark.unit
@pytest.mark.parametrize("mode", ["train", "eval", "infer"])  # tf.estimator.ModeKeys
def test_a_checkpoint_must_have_the_averages_and_the_weights(mode):
    settings = make_settings("fashion_dense", seed=0, class_names=tuple("0123456789"), average_decay=0.9)
    expected = model.variables(settings, mode)
    averages = {name for name in expected if name.endswith(AVERAGE)}
    assert averages == {f"{name}/{AVERAGE}" for name in WEIGHTS}
    assert {*WEIGHTS, "global_step"} <= expected.keys()
    assert expected[f"dense/kernel/{AVERAGE}"] == ("float32", [784, 128])


@pytest.mark.integration
@pytest.mark.parametrize("strategy", [{}, {"strategy": "mirrored", "devices": 2}], ids=["one", "two"])
def test_each_step_moves_the_averages_towards_the_weights_that_it_left(tmp_path, data_dir, strategy):
    training.train(tmp_path, max_steps=5, save_every=1, keep_checkpoints=9, data_dir=data_dir, **OPTIONS, **strategy)
    saved = [values(tmp_path / f"model.ckpt-{step}") for step in range(6)]
    for name in WEIGHTS:
        average = saved[0][f"{name}/{AVERAGE}"]
        np.testing.assert_array_equal(average, saved[0][name])
        for step in range(1, 6):
            decay = min(0.3, (1 + step) / (10 + step))  # 2/11 in the first step
            average = decay * average + (1 - decay) * saved[step][name]
            np.testing.assert_allclose(saved[step][f"{name}/{AVERAGE}"], average, rtol=1e-5, atol=1e-8, err_msg=name)


@pytest.mark.newest
@pytest.mark.integration
def test_the_averages_change_nothing_in_training(tmp_path, data_dir):
    with_averages = training.train(tmp_path / "with", max_steps=5, data_dir=data_dir, **OPTIONS)
    without = training.train(tmp_path / "without", max_steps=5, data_dir=data_dir, **OPTIONS | {"average_decay": 0})
    found, expected = variables(with_averages.checkpoint), variables(without.checkpoint)
    assert {name: value for name, value in found.items() if not name.endswith(AVERAGE)} == expected


@pytest.mark.integration
def test_evaluation_and_prediction_use_the_averages(averaged, data_dir, caplog):
    saved = values(averaged / "model.ckpt-12")
    test = datasets.load("fashion_mnist", "test", data_dir)
    expected = probabilities([saved[f"{name}/{AVERAGE}"] for name in WEIGHTS], test.images)
    assert np.abs(expected - probabilities([saved[name] for name in WEIGHTS], test.images)).max() > 0.01
    with prediction.Predictor(averaged) as predictor:
        np.testing.assert_allclose(predictor.predict(test.images).probabilities, expected, rtol=0, atol=1e-5)
    with caplog.at_level(logging.WARNING):
        found = evaluation.evaluate(averaged, data_dir=data_dir).metrics
    assert found["loss"] == pytest.approx(-np.log(expected[range(130), test.labels]).mean(), rel=1e-4)
    assert found["global_step"] == 12
    assert "variables that" not in caplog.text


@pytest.mark.integration
def test_evaluations_while_training_use_the_averages(averaged, data_dir):
    held_out = datasets.hold_out(datasets.load("fashion_mnist", "train", data_dir), 100, 1)[1]
    log = ValidationLog(str(averaged), last_step=12)
    records = log.records
    assert [record.step for record in records] == [4, 8, 12]
    for record in records:
        saved = values(averaged / f"model.ckpt-{record.step}")
        expected = probabilities([saved[f"{name}/{AVERAGE}"] for name in WEIGHTS], held_out.images)
        assert record.loss == pytest.approx(-np.log(expected[range(100), held_out.labels]).mean(), rel=1e-4)
    with prediction.Predictor(averaged, checkpoint="best") as predictor:
        classes = predictor.predict(held_out.images).classes
    assert np.mean(classes == held_out.labels) == pytest.approx(log.best.accuracy)


@pytest.mark.newest
@pytest.mark.integration
@pytest.mark.parametrize(("first", "then"), [(0.0, 0.9), (0.9, 0.0)])
def test_a_run_has_averages_from_its_begin_or_never(tmp_path, data_dir, first, then):
    options = OPTIONS | {"data_dir": data_dir}
    training.train(tmp_path, steps=1, **options | {"average_decay": first})
    with pytest.raises(UserError, match="holds another run") as caught:
        training.train(tmp_path, steps=1, **options | {"average_decay": then})
    assert caught.value.differences[1:] == [("average_decay", first, then)]
    again = training.train(tmp_path, steps=1, **options | {"average_decay": first and 0.8})
    assert again.step == 2
    (tmp_path / "settings.json").unlink()
    with pytest.raises(UserError, match="name the recipe, optimizer and average_decay that it holds"):
        training.train(tmp_path, steps=1, **options | {"average_decay": then})
