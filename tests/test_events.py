import contextlib
import time

import pytest
from helpers import started, wait_for

from cnn_estimator import evaluation, training
from cnn_estimator.errors import UserError
from cnn_estimator.run_dir import events
from cnn_estimator.tf1 import tf


def write(folder, scalars, *, start=None, suffix=None):
    """Writes {tag: [(step, value)]} with TensorFlow's own writer, after a session log that starts at a step."""
    with tf.summary.FileWriter(str(folder), filename_suffix=suffix) as writer:
        if start is not None:
            writer.add_session_log(tf.SessionLog(status=tf.SessionLog.START), start)
        for tag, points in scalars.items():
            for step, value in points:
                writer.add_summary(tf.Summary(value=[tf.Summary.Value(tag=tag, simple_value=value)]), step)


def curves(model_dir):
    """Returns {(tag, part): [(step, value)]}."""
    return {
        (curve.tag, curve.part): list(zip(curve.steps, curve.values, strict=True))
        for curve in events.curves(str(model_dir))
    }


@pytest.mark.unit
def test_every_point_of_training_and_evaluation_is_read(tmp_path):
    """Also more than the ten thousand that TensorBoard's accumulator keeps."""
    points = [(step, 0.5) for step in range(1, 12_001)]
    write(tmp_path, {"loss": points, "learning_rate": [(1, 0.25)]})
    write(tmp_path / "validation", {"accuracy": [(2000, 0.5)]})
    write(tmp_path / "eval", {"loss": [(3000, 0.25)], "accuracy": [(3000, 0.75)], "average_loss": [(3000, 0.5)]})
    assert curves(tmp_path) == {
        ("loss", "training"): points,
        ("accuracy", "validation"): [(2000, 0.5)],
        ("loss", "evaluation"): [(3000, 0.25)],
        ("accuracy", "evaluation"): [(3000, 0.75)],
    }


@pytest.mark.unit
def test_what_estimators_evaluator_writes_is_validation_too(tmp_path):
    """Its average_loss is the mean of the images, its loss the mean of the batches."""
    write(tmp_path / "validation", {"loss": [(10, 3.0)], "accuracy": [(10, 0.5)]})
    write(
        tmp_path / "eval_validation",
        {"loss": [(20, 9.0)], "average_loss": [(20, 2.0)], "accuracy": [(20, 0.75)]},
    )
    assert curves(tmp_path) == {
        ("loss", "validation"): [(10, 3.0), (20, 2.0)],
        ("accuracy", "validation"): [(10, 0.5), (20, 0.75)],
    }


@pytest.mark.unit
@pytest.mark.parametrize("name", ["empty", "missing"])
def test_a_folder_without_event_files_is_an_error(tmp_path, name):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=f"^model_dir {tmp_path}/{name} holds no event files with loss or accuracy: "):
        events.curves(str(tmp_path / name))


@pytest.mark.unit
def test_points_are_sorted_and_the_last_value_of_a_step_counts(tmp_path):
    write(tmp_path / "eval", {"loss": [(30, 1.0), (10, 2.0), (20, 3.0), (10, 4.0)]})
    assert curves(tmp_path) == {("loss", "evaluation"): [(10, 4.0), (20, 3.0), (30, 1.0)]}


@pytest.mark.unit
def test_a_resumed_run_replaces_the_points_from_its_first_step_on(tmp_path):
    write(tmp_path, {"loss": [(1, 1.0), (2, 2.0), (3, 3.0)]})
    write(tmp_path, {"loss": [(2, 4.0)]}, start=2, suffix=".later")
    assert curves(tmp_path) == {("loss", "training"): [(1, 1.0), (2, 4.0)]}


@pytest.fixture
def event_file(tmp_path):
    """An event file with a loss at steps 1 to 4."""
    write(tmp_path, {"loss": [(step, float(step)) for step in range(1, 5)]})
    (path,) = tmp_path.iterdir()
    return path


def steps(path):
    return [step for step, _ in curves(path.parent)["loss", "training"]]


def record_ends(path):
    """Returns the position after each record of an event file."""
    ends = []
    for content in tf.python_io.tf_record_iterator(str(path)):
        ends.append(sum(ends[-1:]) + 8 + 4 + len(content) + 4)  # length, checksum, content, checksum
    return ends


@pytest.mark.unit
def test_a_damaged_record_is_named_and_the_rest_of_the_file_left_out(event_file, caplog):
    place = record_ends(event_file)[1]
    content = bytearray(event_file.read_bytes())
    for position in (place, place + 20):  # in the length, and in the event
        damaged = content.copy()
        damaged[position] ^= 1
        event_file.write_bytes(damaged)
        assert steps(event_file) == [1]
        (message,) = caplog.messages
        assert message.startswith(f"{event_file} is damaged: corrupted record at ")
        assert message.endswith("Left out the rest of the file")
        caplog.clear()


@pytest.mark.unit
def test_an_incomplete_last_record_is_no_damage(event_file, caplog):
    content = event_file.read_bytes()
    last_length = len(content) - record_ends(event_file)[-2]
    for missing in range(1, last_length + 1):
        event_file.write_bytes(content[:-missing])
        assert steps(event_file) == [1, 2, 3]
    assert caplog.messages == []


@pytest.mark.integration
def test_a_resumed_run_is_one_curve(tmp_path, data_dir):
    for max_steps in (3, 5):
        training.train(str(tmp_path), "fashion_dense", max_steps=max_steps, log_every=1, seed=1, data_dir=data_dir)
    accuracy = evaluation.evaluate(str(tmp_path)).metrics["accuracy"]
    result = curves(tmp_path)
    assert [step for step, _ in result["loss", "training"]] == [1, 2, 3, 4, 5]
    assert result["accuracy", "evaluation"] == [(5, pytest.approx(accuracy))]


@pytest.mark.newest
@pytest.mark.process
def test_what_a_killed_run_lost_is_not_in_the_curve(tmp_path, data_dir):
    """The run is killed after step 30 with no checkpoint after step 0, and resumed up to step 10."""
    flags = ("--recipe=fashion_dense", "--log_every=1", "--save_every=100000", "--seed=1", f"--data_dir={data_dir}")
    with started("run_train.py", f"--model_dir={tmp_path}", *flags, "--max_steps=100000") as (process, stderr):
        wait_for("step = 30", process, stderr)
        wait_until_written(tmp_path)
    training.train(str(tmp_path), "fashion_dense", max_steps=10, log_every=1, seed=1, data_dir=data_dir)
    assert [step for step, _ in curves(tmp_path)["loss", "training"]] == list(range(1, 11))


def wait_until_written(folder):
    """Waits for points after step 15: TensorFlow writes events every two minutes, or when its queue of ten is full."""
    written = 0
    while written < 15:
        time.sleep(0.1)
        with contextlib.suppress(UserError):  # nothing is written yet
            written = max(curves(folder)["loss", "training"])[0]
