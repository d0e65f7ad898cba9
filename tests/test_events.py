import contextlib
import os
import struct
import time

import pytest
from formats import record, records
from helpers import started, wait_for

from cnn_estimator import evaluation, training
from cnn_estimator.errors import UserError
from cnn_estimator.run_dir import events
from cnn_estimator.run_dir.events import masked_crc32c
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
        for curve in events.curves(str(model_dir))
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
        events.curves(str(tmp_path / name))


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


@pytest.fixture
def event_file(tmp_path):
    """An event file with a loss at steps 1 to 4."""
    write(tmp_path, {"loss": [(step, float(step)) for step in range(1, 5)]})
    (path,) = tmp_path.iterdir()
    return path


def steps(path):
    return [step for step, _ in curves(path.parent)["loss", "training"]]


@pytest.mark.unit
def test_checksums_are_those_of_the_format(event_file):
    assert masked_crc32c(b"123456789") == (((0xE3069283 >> 15) | (0xE3069283 << 17)) + 0xA282EAD8) % 2**32
    content = event_file.read_bytes()
    assert b"".join(map(record, records(content))) == content


@pytest.mark.unit
def test_a_damaged_event_is_named_and_left_out(event_file, caplog):
    content = bytearray(event_file.read_bytes())
    place = len(b"".join(map(record, records(content)[:2])))  # the event of step 2, behind the version's and step 1's
    content[place + 20] ^= 1
    event_file.write_bytes(content)
    assert steps(event_file) == [1, 3, 4]
    assert caplog.messages == [f"{event_file}: damaged at byte {place}, an event is left out"]


@pytest.mark.unit
@pytest.mark.parametrize("length", [2**31, 2**40, 2**64 - 1])
def test_after_a_length_that_no_event_has_the_rest_is_left_out(event_file, caplog, length):
    content = event_file.read_bytes()
    events = records(content)
    place = len(b"".join(map(record, events[:3])))
    claimed = struct.pack("<Q", length)
    event_file.write_bytes(
        content[:place] + claimed + struct.pack("<I", masked_crc32c(claimed)) + content[place + 12 :]
    )
    assert steps(event_file) == [1, 2]
    assert caplog.messages == [f"{event_file}: damaged at byte {place}, the rest of it is left out"]


@pytest.mark.unit
def test_an_event_that_cannot_be_parsed_is_left_out(event_file, caplog):
    events = records(event_file.read_bytes())
    event_file.write_bytes(b"".join(map(record, [events[0], b"\xff", *events[1:]])))
    assert steps(event_file) == [1, 2, 3, 4]
    assert caplog.messages == [f"{event_file}: damaged at byte {len(record(events[0]))}, an event is left out"]


@pytest.mark.unit
def test_every_flipped_bit_is_named(event_file, caplog):
    content = event_file.read_bytes()
    for bit in range(8 * len(content)):
        flipped = bytearray(content)
        flipped[bit // 8] ^= 1 << bit % 8
        event_file.write_bytes(flipped)
        with contextlib.suppress(UserError):  # nothing is left
            assert len(steps(event_file)) <= 4
        (message,) = caplog.messages
        assert message.startswith(f"{event_file}: damaged at byte ")
        caplog.clear()


@pytest.mark.unit
def test_a_file_that_is_being_written_is_no_damage(event_file, caplog):
    content = event_file.read_bytes()
    last = record(records(content)[-1])
    for cut in range(1, len(last) + 1):
        event_file.write_bytes(content[:-cut])
        assert steps(event_file) == [1, 2, 3]
    assert caplog.messages == []


@pytest.mark.unit
def test_only_regular_files_are_read(event_file, caplog):
    os.mkfifo(event_file.with_name("events.out.tfevents.0"))
    assert steps(event_file) == [1, 2, 3, 4]
    assert caplog.messages == [f"{event_file.parent}/events.out.tfevents.0 cannot be read: not a regular file"]


@pytest.mark.unit
def test_what_is_logged_from_a_step_on_again_replaces_what_was(tmp_path):
    """As a resumed run does: TensorFlow marks its start."""
    write(tmp_path, {"loss": [(1, 1.0), (2, 2.0), (3, 3.0)]})
    with tf.summary.FileWriter(str(tmp_path), filename_suffix=".later") as writer:
        writer.add_session_log(tf.SessionLog(status=tf.SessionLog.START), 2)
        writer.add_summary(tf.Summary(value=[tf.Summary.Value(tag="loss", simple_value=4.0)]), 2)
    assert curves(tmp_path) == {("loss", "training"): [(1, 1.0), (2, 4.0)]}
