import contextlib
import time

import pytest
from helpers import started, wait_for

from cnn_estimator import evaluation, event_files, training
from cnn_estimator.errors import UserError
from cnn_estimator.tf1 import tf


def write(folder, scalars):
    """Writes {tag: [(step, value)]} with TensorFlow's own writer."""
    with tf.summary.FileWriter(str(folder)) as writer:
        for tag, points in scalars.items():
            for step, value in points:
                writer.add_summary(tf.Summary(value=[tf.Summary.Value(tag=tag, simple_value=value)]), step)


def curves(model_dir):
    """Returns {(tag, part): [(step, value)]}."""
    return {
        (curve.tag, curve.part): list(zip(curve.steps, curve.values, strict=True))
        for curve in event_files.curves(str(model_dir))
    }


@pytest.mark.unit
def test_every_point_of_training_and_evaluation_comes(tmp_path):
    """More than the ten thousand that TensorBoard's reader keeps by itself."""
    points = [(step, 0.5) for step in range(1, 12_001)]
    write(tmp_path, {"loss": points, "learning_rate": [(1, 0.25)]})
    write(tmp_path / "eval", {"loss": [(3000, 0.25)], "accuracy": [(3000, 0.75)], "average_loss": [(3000, 0.5)]})
    assert curves(tmp_path) == {
        ("loss", "training"): points,
        ("loss", "evaluation"): [(3000, 0.25)],
        ("accuracy", "evaluation"): [(3000, 0.75)],
    }


@pytest.mark.unit
def test_a_run_that_was_never_evaluated_has_a_curve(tmp_path):
    write(tmp_path, {"accuracy": [(1, 0.5)]})
    assert curves(tmp_path) == {("accuracy", "training"): [(1, 0.5)]}


@pytest.mark.unit
@pytest.mark.parametrize("name", ["empty", "missing"])
def test_a_folder_without_event_files_is_an_error(tmp_path, name):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=f"^model_dir {tmp_path}/{name} holds no event files with loss or accuracy: "):
        event_files.curves(str(tmp_path / name))


@pytest.mark.unit
def test_evaluations_come_in_the_order_of_their_steps_the_last_one_of_each(tmp_path):
    write(tmp_path / "eval", {"loss": [(30, 1.0), (10, 2.0), (20, 3.0), (10, 4.0)]})
    assert curves(tmp_path) == {("loss", "evaluation"): [(10, 4.0), (20, 3.0), (30, 1.0)]}


@pytest.mark.process
def test_what_a_killed_run_lost_is_not_in_the_curve(tmp_path, data_dir):
    """Killed after step 30 with no checkpoint after step 0, and resumed up to step 10."""
    flags = ("--recipe=fashion_dense", "--log_every=1", "--save_every=100000", "--seed=1", f"--data_dir={data_dir}")
    with started("run_train.py", f"--model_dir={tmp_path}", *flags, "--max_steps=100000") as (process, stderr):
        wait_for("step = 30", process, stderr)
        wait_until_written(tmp_path)
    training.train(str(tmp_path), "fashion_dense", max_steps=10, log_every=1, seed=1, data_dir=data_dir)
    assert [step for step, _ in curves(tmp_path)["loss", "training"]] == list(range(1, 11))


def wait_until_written(folder):
    """TensorFlow writes events every two minutes, or when its queue of ten is full."""
    written = 0
    while written < 15:
        time.sleep(0.1)
        with contextlib.suppress(UserError):  # nothing is written yet
            written = max(curves(folder)["loss", "training"])[0]


@pytest.mark.integration
def test_a_resumed_run_is_one_curve(tmp_path, data_dir):
    for steps in (3, 5):
        training.train(str(tmp_path), "fashion_dense", max_steps=steps, log_every=1, seed=1, data_dir=data_dir)
    evaluated = evaluation.evaluate(str(tmp_path)).metrics
    found = curves(tmp_path)
    assert [step for step, _ in found["loss", "training"]] == [1, 2, 3, 4, 5]
    assert found["accuracy", "evaluation"] == [(5, pytest.approx(evaluated["accuracy"]))]
