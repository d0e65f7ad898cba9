"""Training on several devices of one machine; without GPUs they are parts of its CPU."""

import dataclasses
import json
import logging
import re

import numpy as np
import pytest
from helpers import steps_in, stop_training_after, variable_values, variables

from cnn_estimator import training
from cnn_estimator.distributed.choose import choose_placement
from cnn_estimator.errors import Stopped, UserError
from cnn_estimator.run_dir import events
from cnn_estimator.settings import Hyperparameters, TrainOptions
from cnn_estimator.tf1 import tf

# TensorFlow itself uses this option. The bridge hides the warning, and pytest shows it again.
pytestmark = pytest.mark.filterwarnings("ignore:To make it possible to preserve tf.data options:UserWarning")

TWO = {"strategy": "mirrored", "devices": 2}
# Each with another value than the default, so that one which a strategy ignores is seen.
HYPERPARAMETERS = {
    "optimizer": "sgd",
    "learning_rate": 0.1,
    "adam_beta2": 0.9,
    "batch_size": 25,
    "schedule": "cosine",
    "warmup_steps": 2,
    "augment": "shifts",
    "average_decay": 0.5,
}


@pytest.mark.unit
def test_the_comparison_with_one_device_has_every_hyperparameter():
    defaults = {field.name: field.default for field in dataclasses.fields(Hyperparameters)}
    assert HYPERPARAMETERS.keys() == defaults.keys()
    assert all(HYPERPARAMETERS[name] != default for name, default in defaults.items())


@pytest.mark.unit
def test_devices_need_a_strategy():
    with pytest.raises(UserError, match=r"^devices 2: without a strategy there is one device: name the strategy mir"):
        choose_placement(TrainOptions(devices=2))


@pytest.mark.unit
def test_there_must_be_as_many_gpus_as_devices(monkeypatch):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [f"{kind}:0", f"{kind}:1"])
    with pytest.raises(UserError, match=r"^devices 3: this machine has 2 GPUs: ask for no more devices$"):
        choose_placement(TrainOptions(strategy="mirrored", devices=3))


@pytest.mark.unit
@pytest.mark.parametrize(("devices", "replicas"), [(None, 1), (1, 1), (3, 3)])
def test_without_gpus_the_devices_are_parts_of_the_cpu(monkeypatch, tmp_path, devices, replicas):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [])
    placement = choose_placement(TrainOptions(strategy="mirrored", devices=devices))
    config = placement.run_config(model_dir=str(tmp_path), session_config=tf.ConfigProto())
    assert dict(config.session_config.device_count) == {"CPU": replicas}
    assert placement.facts == {"strategy": "mirrored", "replicas": replicas}


def curves(folder):
    """Returns {tag: values} of the training in a folder."""
    tf.summary.FileWriterCache.get(str(folder)).flush()
    return {curve.tag: curve.values for curve in events.curves(str(folder))}


@pytest.mark.integration
@pytest.mark.parametrize(("devices", "batch_size"), [(2, 25), (3, 299)])
def test_several_devices_train_the_curve_of_one(tmp_path, data_dir, devices, batch_size):
    """The network has dropout, the shares differ in size, and of 300 images a batch of 1 is left after one of 299.

    With SGD: Adam amplifies small differences.
    """
    options = HYPERPARAMETERS | {"batch_size": batch_size, "seed": 1, "threads": 2}
    for name, placed in (("one", {}), ("several", {"strategy": "mirrored", "devices": devices})):
        training.train(tmp_path / name, "fashion_cnn", steps=6, log_every=1, data_dir=data_dir, **options, **placed)
    one, several = (curves(tmp_path / name) for name in ("one", "several"))
    assert len(one["loss"]) == 6
    assert np.ptp(one["loss"]) > 0.02
    for tag in ("loss", "accuracy"):
        np.testing.assert_allclose(several[tag], one[tag], rtol=1e-5, err_msg=tag)
    for step in (0, 6):
        expected, found = (variable_values(tmp_path / name / f"model.ckpt-{step}") for name in ("one", "several"))
        assert found.keys() == expected.keys()
        for name in expected:
            np.testing.assert_allclose(found[name], expected[name], rtol=0, atol=1e-5 if step else 0, err_msg=name)


@pytest.mark.integration
def test_one_device_under_the_strategy_ends_in_the_same_bits(tmp_path, data_dir):
    options = {"steps": 3, "batch_size": 20, "seed": 1, "threads": 2, "data_dir": data_dir}
    training.train(tmp_path / "one", "fashion_cnn", **options)
    training.train(tmp_path / "mirrored", "fashion_cnn", strategy="mirrored", devices=1, **options)
    assert variables(tmp_path / "mirrored") == variables(tmp_path / "one")


@pytest.mark.newest
@pytest.mark.integration
def test_a_run_that_is_stopped_and_resumed_ends_in_the_same_bits(tmp_path, data_dir, monkeypatch):
    options = {"max_steps": 3, "batch_size": 33, "seed": 1, "threads": 2, "data_dir": data_dir, **TWO}
    training.train(tmp_path / "whole", "fashion_cnn", **options)
    with monkeypatch.context() as patches:
        stop_training_after(patches, 1)
        with pytest.raises(Stopped):
            training.train(tmp_path / "resumed", "fashion_cnn", **options)
    assert steps_in(tmp_path / "resumed") == [0, 1]
    training.train(tmp_path / "resumed", "fashion_cnn", **options)
    assert variables(tmp_path / "resumed") == variables(tmp_path / "whole")


@pytest.mark.newest
@pytest.mark.integration
def test_a_run_continues_with_other_devices_and_its_history_says_so(tmp_path, data_dir):
    for placed in ({}, TWO, {}):
        training.train(tmp_path, "fashion_dense", steps=2, seed=1, data_dir=data_dir, **placed)
    assert steps_in(tmp_path) == [0, 2, 4, 6]
    history = [json.loads(line) for line in (tmp_path / "history.jsonl").read_text().splitlines()]
    facts = [(line["first_step"], line["strategy"], line["replicas"]) for line in history]
    assert facts == [(0, None, 1), (2, "mirrored", 2), (4, None, 1)]


@pytest.mark.newest
@pytest.mark.integration
def test_a_run_that_diverges_saves_only_finite_weights(tmp_path, data_dir):
    options = {"optimizer": "sgd", "learning_rate": 1e30, "seed": 1, "data_dir": data_dir, **TWO}
    with pytest.raises(UserError, match=r"(loss is (nan|inf)|weights are no longer finite) at step \d+ with learning_"):
        training.train(tmp_path, "fashion_dense", steps=20, save_every=1, **options)
    for step in steps_in(tmp_path):
        assert all(np.isfinite(value).all() for value in variable_values(tmp_path / f"model.ckpt-{step}").values())


@pytest.mark.newest
@pytest.mark.integration
def test_each_line_is_logged_and_each_point_written_once_without_a_warning(tmp_path, data_dir, caplog):
    with caplog.at_level(logging.INFO):
        training.train(tmp_path, "fashion_dense", steps=5, log_every=2, seed=1, data_dir=data_dir, **TWO)
    assert "strategy mirrored: /cpu:0, /cpu:1" in caplog.text
    assert re.findall(r"accuracy = [\d.]+, loss = [\d.]+, step = (\d+)", caplog.text) == ["1", "3", "5"]
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
    points = {curve.tag: curve.steps for curve in events.curves(str(tmp_path))}
    assert points == {"accuracy": [1, 3, 5], "loss": [1, 3, 5]}
