"""Training on several devices, which on a machine without GPUs are parts of its CPU."""

import json
import logging
import re

import numpy as np
import pytest
from helpers import load_public, steps_in, stop_training_after, train, variables

from cnn_estimator import training
from cnn_estimator.distributed import mirrored
from cnn_estimator.errors import Stopped, UserError
from cnn_estimator.run_dir import events
from cnn_estimator.tf1 import tf

# TensorFlow's own use, which the door silences and pytest shows again.
pytestmark = pytest.mark.filterwarnings("ignore:To make it possible to preserve tf.data options:UserWarning")

TWO = {"strategy": "mirrored", "devices": 2}


def curves(folder):
    """{tag: values} of the training in a folder."""
    tf.summary.FileWriterCache.get(str(folder)).flush()
    return {curve.tag: curve.values for curve in events.curves(str(folder))}


def values(checkpoint):
    """{name: array} of all variables in a checkpoint."""
    reader = tf.train.load_checkpoint(str(checkpoint))
    return {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}


def history(folder, *fields):
    lines = (folder / "history.jsonl").read_text().splitlines()
    return [tuple(json.loads(line)[field] for field in fields) for line in lines]


@pytest.mark.unit
def test_devices_need_a_strategy():
    with pytest.raises(UserError, match=r"^devices 2: without a strategy there is one device: name the strategy$"):
        mirrored.create(None, 2)


@pytest.mark.unit
def test_names_and_numbers_are_refused_as_the_command_refuses_them():
    with pytest.raises(UserError, match=r"^strategy 'mirrord': no such name, did you mean mirrored"):
        mirrored.create("mirrord", None)
    with pytest.raises(UserError, match=r"^devices 0: not an integer from 1 to 64$"):
        mirrored.create("mirrored", 0)


@pytest.mark.unit
def test_without_gpus_the_devices_are_parts_of_the_cpu(monkeypatch):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [])
    assert mirrored.create(None, None) == mirrored.Distribution(None, None)
    for devices, replicas in ((None, 1), (1, 1), (3, 3)):
        distribution = mirrored.create("mirrored", devices)
        assert (distribution.name, distribution.replicas) == ("mirrored", replicas)
        config = tf.ConfigProto()
        distribution.add_logical_devices(config)
        assert dict(config.device_count) == {"CPU": replicas}


@pytest.mark.unit
def test_more_gpus_than_there_are_is_an_error(monkeypatch):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [f"{kind}:0", f"{kind}:1"])
    with pytest.raises(UserError, match=r"^devices 3: this machine has 2 GPUs: ask for no more devices$"):
        mirrored.create("mirrored", 3)


@pytest.mark.integration
def test_two_devices_train_the_curve_of_one(tmp_path):
    """Dropout, an odd batch, and a rate at which the losses move; SGD, as Adam makes more of small differences."""
    load_public("fashion_mnist", "train")
    options = {"optimizer": "sgd", "learning_rate": 0.1, "batch_size": 25, "seed": 1, "threads": 2, "log_every": 1}
    for folder, chosen in (("one", {}), ("two", TWO)):
        training.train(tmp_path / folder, "fashion_cnn", steps=8, **options, **chosen)
    one, two = (curves(tmp_path / folder) for folder in ("one", "two"))
    assert len(one["loss"]) == len(two["loss"]) == 8
    np.testing.assert_allclose(two["loss"], one["loss"], rtol=1e-5)
    np.testing.assert_allclose(two["accuracy"], one["accuracy"], rtol=1e-6)
    assert np.ptp(one["loss"]) > 0.02
    for step in (0, 8):
        expected, found = (values(tmp_path / folder / f"model.ckpt-{step}") for folder in ("one", "two"))
        assert found.keys() == expected.keys()
        for name in expected:
            np.testing.assert_allclose(found[name], expected[name], atol=1e-5 if step else 0, err_msg=name)


@pytest.mark.integration
def test_a_short_last_batch_counts_as_on_one_device(tmp_path, data_dir):
    """Epochs of 299 rows and one, which leaves two of three devices without a row of their own."""
    options = {"optimizer": "momentum", "learning_rate": 0.01, "batch_size": 299, "threads": 2, "log_every": 1}
    for folder, chosen in (("one", {}), ("three", TWO | {"devices": 3})):
        training.train(tmp_path / folder, "fashion_cnn", steps=4, seed=1, data_dir=data_dir, **options, **chosen)
    one, three = (curves(tmp_path / folder) for folder in ("one", "three"))
    for tag in ("loss", "accuracy"):
        np.testing.assert_allclose(three[tag], one[tag], rtol=1e-4, err_msg=tag)
    expected, found = (values(tmp_path / folder) for folder in ("one", "three"))
    for name in expected:
        np.testing.assert_allclose(found[name], expected[name], atol=1e-5, err_msg=name)


@pytest.mark.integration
def test_one_device_under_a_strategy_ends_in_the_same_bits(tmp_path, data_dir):
    options = {"steps": 3, "batch_size": 20, "seed": 1, "threads": 2, "data_dir": data_dir}
    one = training.train(tmp_path / "one", "fashion_cnn", **options)
    mirrored = training.train(tmp_path / "mirrored", "fashion_cnn", strategy="mirrored", devices=1, **options)
    assert variables(mirrored.checkpoint) == variables(one.checkpoint)


@pytest.mark.integration
def test_a_strategy_repeats_its_bits_also_when_resumed(tmp_path, data_dir):
    options = {"batch_size": 33, "seed": 1, "threads": 2, "data_dir": data_dir} | TWO
    whole = training.train(tmp_path / "whole", "fashion_cnn", max_steps=3, **options)
    for step in (1, 3):
        resumed = training.train(tmp_path / "resumed", "fashion_cnn", max_steps=step, **options)
    assert variables(resumed.checkpoint) == variables(whole.checkpoint)
    assert resumed.loss == whole.loss


@pytest.mark.integration
def test_a_run_goes_on_with_other_devices_and_its_history_says_so(tmp_path, data_dir):
    for chosen in ({}, TWO, {"strategy": "mirrored", "devices": 3}, {}):
        training.train(tmp_path, "fashion_dense", steps=2, seed=1, data_dir=data_dir, **chosen)
    assert steps_in(tmp_path) == [0, 2, 4, 6, 8]
    facts = history(tmp_path, "first_step", "strategy", "replicas")
    assert facts == [(0, None, 1), (2, "mirrored", 2), (4, "mirrored", 3), (6, None, 1)]
    (tmp_path / "settings.json").write_bytes(b"")  # its last line is read then
    assert training.train(tmp_path, "fashion_dense", steps=1, data_dir=data_dir).step == 9


@pytest.mark.integration
@pytest.mark.parametrize("save_every", [1, 500])
def test_a_run_that_diverges_saves_only_finite_weights(tmp_path, data_dir, save_every):
    options = {"optimizer": "sgd", "learning_rate": 1e30, "seed": 1, "data_dir": data_dir} | TWO
    with pytest.raises(UserError, match=r"(loss is (nan|inf)|weights are no longer finite) at step \d+ with learning_"):
        training.train(tmp_path, "fashion_dense", steps=20, save_every=save_every, **options)
    for step in steps_in(tmp_path):
        assert all(np.isfinite(array).all() for array in values(tmp_path / f"model.ckpt-{step}").values())


@pytest.mark.integration
def test_a_stop_request_ends_training_after_the_step(tmp_path, data_dir, monkeypatch):
    stop_training_after(monkeypatch, 3)
    with pytest.raises(Stopped) as caught:
        training.train(tmp_path, "fashion_dense", max_steps=100, seed=1, data_dir=data_dir, **TWO)
    assert caught.value.result.step == 3
    assert steps_in(tmp_path) == [0, 3]


@pytest.mark.integration
def test_log_lines_have_numbers_and_each_point_is_written_once(tmp_path, data_dir, caplog):
    with caplog.at_level(logging.INFO):
        training.train(tmp_path, "fashion_dense", steps=5, log_every=2, seed=1, data_dir=data_dir, **TWO)
    assert "strategy mirrored: /cpu:0, /cpu:1" in caplog.text
    assert re.findall(r"accuracy = [\d.]+, loss = [\d.]+, step = (\d+)", caplog.text) == ["1", "3", "5"]
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
    tf.summary.FileWriterCache.get(str(tmp_path)).flush()
    (path,) = tmp_path.glob("events.out.tfevents.*")
    points = [
        (event.step, value.tag)
        for event in tf.train.summary_iterator(str(path))
        for value in event.summary.value
        if value.tag != "global_step/sec" and not value.tag.startswith("_hparams_")
    ]
    assert sorted(points) == sorted((step, tag) for step in (1, 3, 5) for tag in ("accuracy", "learning_rate", "loss"))


@pytest.mark.process
def test_the_command_prints_no_warning(tmp_path, data_dir):
    flags = ("--strategy=mirrored", "--devices=2", "--recipe=fashion_dense", "--steps=3", "--seed=1")
    done = train(tmp_path, data_dir, *flags)
    assert done.returncode == 0, done.stderr
    assert "trained to step 3" in done.stderr
    assert not re.search("warn", done.stderr, re.IGNORECASE)
