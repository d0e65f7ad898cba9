"""The learning rate over a run, and where a schedule ends when the run goes on."""

import math

import numpy as np
import pytest
from helpers import variables

from cnn_estimator import model, training
from cnn_estimator.settings import make_settings
from cnn_estimator.tf1 import tf

NAMES = tuple("0123456789")


def settings(**values):
    return make_settings("fashion_dense", **{"seed": 0, "class_names": NAMES, "learning_rate": 0.5} | values)


def rates(settings, steps):
    """The learning rates of the steps that begin at global steps."""
    with tf.Graph().as_default(), tf.Session() as session:
        step = tf.train.create_global_step()
        rate = model.learning_rate(settings)
        return [session.run(rate, {step: number}) for number in steps]


@pytest.mark.unit
def test_a_constant_rate_is_no_tensor():
    """So the graph is that of the tutorials."""
    with tf.Graph().as_default() as graph:
        assert model.learning_rate(settings()) == 0.5
        assert not graph.get_operations()


@pytest.mark.integration
@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"warmup_steps": 4}, {0: 0.1, 1: 0.2, 3: 0.4, 4: 0.5, 10**9: 0.5}),
        ({"schedule": "cosine"}, {0: 0.5, 25: 0.5 * (1 + math.sqrt(0.5)) / 2, 50: 0.25, 100: 0, 1000: 0}),
        ({"schedule": "linear", "warmup_steps": 20}, {19: 10 / 21, 20: 0.5, 40: 0.375, 99: 0.5 / 80, 100: 0, 1000: 0}),
        ({"schedule": "cosine", "warmup_steps": 20}, {0: 0.5 / 21, 19: 10 / 21, 20: 0.5, 60: 0.25, 100: 0}),
        # A run that is shorter than its warm-up ends while the rate rises.
        ({"schedule": "cosine", "schedule_steps": 4, "warmup_steps": 9}, {0: 0.05, 3: 0.2, 4: 0, 5: 0}),
    ],
)
def test_the_rate_rises_to_the_peak_and_falls_to_0_and_stays_there(values, expected):
    found = rates(settings(**{"schedule_steps": 100} | values), expected)
    np.testing.assert_allclose(found, [*expected.values()], rtol=1e-6, atol=1e-9)


@pytest.mark.integration
@pytest.mark.parametrize(("warmup_steps", "rising"), [(0, 30), (10, 10)])
def test_one_cycle_rises_for_three_tenths_or_for_the_warmup(warmup_steps, rising):
    one_cycle = rates(settings(schedule="one_cycle", schedule_steps=100, warmup_steps=warmup_steps), range(101))
    cosine = rates(settings(schedule="cosine", schedule_steps=100, warmup_steps=rising), range(101))
    np.testing.assert_array_equal(one_cycle, cosine)


OPTIONS = {"recipe": "fashion_dense", "seed": 1, "learning_rate": 0.01, "schedule": "cosine", "warmup_steps": 2}


@pytest.mark.newest
@pytest.mark.integration
def test_a_run_that_is_resumed_with_other_steps_ends_in_the_same_bits(tmp_path, data_dir):
    """Its schedule remains that of the run as it was begun, with the averages and the changed images too."""
    options = OPTIONS | {"average_decay": 0.9, "augment": "flips_and_shifts", "data_dir": data_dir}
    whole = training.train(tmp_path / "whole", max_steps=12, **options)
    training.train(tmp_path / "parts", max_steps=5, schedule_steps=12, **options)
    training.train(tmp_path / "parts", steps=4, **options)
    parts = training.train(tmp_path / "parts", max_steps=12, **options)
    assert whole.settings.schedule_steps == parts.settings.schedule_steps == 12
    assert variables(parts.checkpoint) == variables(whole.checkpoint)
    plain = training.train(tmp_path / "plain", max_steps=12, **options | {"schedule": "constant"})
    assert variables(plain.checkpoint) != variables(whole.checkpoint)


@pytest.mark.newest
@pytest.mark.integration
def test_beyond_its_end_nothing_is_learned_and_a_log_line_says_so(tmp_path, data_dir, caplog):
    options = OPTIONS | {"data_dir": data_dir, "optimizer": "sgd"}
    ended = training.train(tmp_path, steps=6, **options)
    assert "ends at step" not in caplog.text
    beyond = training.train(tmp_path, steps=3, **options)
    assert beyond.settings.schedule_steps == 6
    assert "schedule cosine ends at step 6: the learning rate is 0 from there to step 9" in caplog.text
    before, after = (variables(run.checkpoint) for run in (ended, beyond))
    assert {name for name in before if before[name] != after[name]} == {"global_step"}
    caplog.clear()
    longer = training.train(tmp_path, steps=3, schedule_steps=20, **options)
    assert "schedule_steps changed from 6 to 20" in caplog.text
    assert variables(longer.checkpoint)["dense/kernel"] != after["dense/kernel"]


@pytest.mark.newest
@pytest.mark.integration
def test_a_run_without_an_end_gets_one_when_it_goes_on_with_a_schedule(tmp_path, data_dir):
    constant = training.train(tmp_path, "fashion_dense", steps=2, data_dir=data_dir)
    assert constant.settings.schedule_steps is None
    assert training.train(tmp_path, "fashion_dense", steps=3, schedule="cosine").settings.schedule_steps == 5


@pytest.mark.integration
def test_tensorboard_shows_the_schedule(tmp_path, data_dir):
    training.train(tmp_path, steps=8, log_every=1, data_dir=data_dir, **OPTIONS)
    tf.summary.FileWriterCache.get(str(tmp_path)).flush()
    written = {}
    for path in tmp_path.glob("events*"):
        for event in tf.train.summary_iterator(str(path)):
            for value in event.summary.value:
                if value.tag == "learning_rate":
                    written[event.step] = value.simple_value
    expected = rates(settings(learning_rate=0.01, schedule="cosine", warmup_steps=2, schedule_steps=8), range(8))
    np.testing.assert_allclose([written[step] for step in sorted(written)], expected, rtol=1e-6)
