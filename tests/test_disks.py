"""Full disks, limited files and folders that cannot be written, under the real commands."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess

import pytest
from helpers import (
    called,
    called_train,
    error_of,
    evaluate,
    no_file_beyond,
    started,
    steps_in,
    train,
    unprivileged,
    variables,
    wait_for,
)

from cnn_estimator.errors import UserError
from cnn_estimator.run_dir import checkpoints
from cnn_estimator.run_dir.run import RunDir
from cnn_estimator.tf1 import tf

pytestmark = [pytest.mark.newest, pytest.mark.process]

DENSE = ("--recipe=fashion_dense", "--seed=1", "--save_every=10", "--log_every=1000")


@pytest.fixture
def small_disk(tmp_path):
    """A folder on a disk of 6 MiB: room for three or four checkpoints of fashion_dense."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "none", folder], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"a small disk needs a root who may mount one: {mounted.stderr.strip()}")
    yield folder
    tf.summary.FileWriterCache.clear()  # the open event files of runs in this process
    subprocess.run(["umount", folder], check=True)


@contextlib.contextmanager
def no_room(folder):
    """Fills the disk to its last byte."""
    filler = folder / "filler"
    with open(filler, "wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))
    yield
    filler.unlink()


@pytest.fixture
def unbroken(tmp_path, data_dir):
    """The variables of 60 steps of an undisturbed run."""
    called_train(tmp_path / "unbroken", data_dir, *DENSE, "--max_steps=60")
    return variables(tmp_path / "unbroken")


def test_a_disk_that_fills_up_is_one_error_line_and_costs_no_checkpoint(small_disk, data_dir, unbroken):
    model_dir = small_disk / "run"
    message = error_of(train(model_dir, data_dir, *DENSE, "--max_steps=60", "--keep_checkpoints=100"))
    assert message.startswith(f"model_dir {model_dir} cannot be written: No space left on device: ")
    steps = steps_in(model_dir)
    assert steps[:3] == [0, 10, 20]
    for step in steps:
        checkpoints.verify(str(model_dir / f"model.ckpt-{step}"))
    # With room again the same command goes on, to the same end.
    subprocess.run(["mount", "-o", "remount,size=30m", small_disk], check=True)
    done = called_train(model_dir, data_dir, *DENSE, "--max_steps=60", "--keep_checkpoints=100")
    assert f"from step {steps[-1]} to step 60" in done.stderr
    assert variables(model_dir) == unbroken


def test_a_full_disk_from_the_beginning(small_disk, data_dir):
    with no_room(small_disk):
        message = error_of(train(small_disk / "run", data_dir, *DENSE, "--max_steps=60"))
        assert message.startswith(f"model_dir {small_disk / 'run'} cannot be written: No space left on device: ")
        assert not (small_disk / "run").exists()
    called_train(small_disk / "run", data_dir, *DENSE, "--max_steps=2")


def test_a_full_disk_keeps_the_checkpoint_that_training_goes_on_from(small_disk, data_dir, unbroken):
    model_dir = small_disk / "run"
    called_train(model_dir, data_dir, *DENSE, "--max_steps=30", "--keep_checkpoints=1")
    before = variables(model_dir)
    settings = (model_dir / "settings.json").read_text()
    with no_room(small_disk):
        for flags in (("--max_steps=60",), ("--max_steps=60", "--learning_rate=0.5")):
            message = error_of(train(model_dir, data_dir, *DENSE, *flags))
            assert message.startswith(f"model_dir {model_dir} cannot be written: No space left on device: ")
        assert variables(model_dir) == before
        assert json.loads((model_dir / "settings.json").read_text()) == json.loads(settings)
        result = evaluate(model_dir)
        assert json.loads(result.stdout)["global_step"] == 30
        assert "No space left on device. TensorBoard will not show this evaluation" in result.stderr
    called_train(model_dir, data_dir, *DENSE, "--max_steps=60", "--keep_checkpoints=1")
    assert variables(model_dir) == unbroken


@pytest.mark.parametrize("size", [1, 100_000])
def test_a_file_that_may_not_grow_is_one_error_line(tmp_path, data_dir, size):
    """TensorFlow calls it OutOfRangeError, and Estimator takes that for the end of the data."""
    model_dir = tmp_path / "run"
    called_train(model_dir, data_dir, *DENSE, "--max_steps=10")
    before = variables(model_dir)
    done = train(model_dir, data_dir, *DENSE, "--max_steps=60", preexec_fn=no_file_beyond(size))
    assert re.match(rf"(model_dir|folder) {model_dir} cannot be written: File too large: ", error_of(done))
    assert variables(model_dir) == before
    called_train(model_dir, data_dir, *DENSE, "--max_steps=20")


def test_a_read_only_model_dir_can_be_evaluated_and_not_trained_in(tmp_path, data_dir, monkeypatch):
    model_dir = tmp_path / "run"
    called_train(model_dir, data_dir, *DENSE, "--max_steps=10")
    expected = json.loads(called("eval", f"--model_dir={model_dir}").stdout)
    shutil.rmtree(model_dir / "eval")
    before = sorted(os.listdir(model_dir))
    model_dir.chmod(0o555)
    (model_dir / "train.lock").chmod(0o444)
    unprivileged(monkeypatch)
    done = evaluate(model_dir)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == expected
    assert f"{model_dir}/eval cannot be written: Permission denied. TensorBoard will not show" in done.stderr
    message = error_of(train(model_dir, data_dir, *DENSE, "--max_steps=20"))
    assert message.startswith(f"model_dir {model_dir} cannot be written: Permission denied: ")
    model_dir.chmod(0o755)
    assert sorted(os.listdir(model_dir)) == before


def test_a_model_dir_that_may_not_be_listed_is_an_error(tmp_path, data_dir, monkeypatch):
    model_dir = tmp_path / "run"
    called_train(model_dir, data_dir, *DENSE, "--max_steps=1")
    model_dir.chmod(0o311)
    unprivileged(monkeypatch)
    for done in (train(model_dir, data_dir, *DENSE, "--max_steps=2"), evaluate(model_dir)):
        assert error_of(done) == f"model_dir {model_dir} cannot be read: Permission denied"
    model_dir.chmod(0o755)


def remove_files(folder):
    for path in folder.iterdir():
        path.unlink()


def move(folder):
    folder.rename(f"{folder}.old")


@pytest.mark.parametrize(
    ("take", "second"),
    [(move, False), (move, True), (remove_files, True)],
    ids=["moved", "moved, second trainer", "emptied, second trainer"],
)
def test_a_trainer_whose_model_dir_was_taken_away_writes_nothing_there(tmp_path, data_dir, take, second):
    model_dir = tmp_path / "run"
    flags = (f"--model_dir={model_dir}", f"--data_dir={data_dir}", "--recipe=fashion_dense", "--log_every=1")
    with started("run_train.py", *flags, "--seed=1", "--save_every=300", "--max_steps=1000000") as (process, stderr):
        wait_for("step = 10", process, stderr)
        process.send_signal(signal.SIGSTOP)
        take(model_dir)
        if second:
            done = called_train(model_dir, data_dir, "--recipe=fashion_dense", "--seed=2", "--max_steps=3")
            assert "from step 0 to step 3" in done.stderr
            expected = variables(model_dir)
        process.send_signal(signal.SIGCONT)
        assert process.wait(timeout=120) == 1
        output = stderr.read_text()
    problem = f"error: model_dir {model_dir} was moved, removed or emptied while this run trained there: "
    assert output.splitlines()[-1].startswith(problem)
    assert "Traceback" not in output
    if second:
        assert steps_in(model_dir) == [0, 3]
        assert variables(model_dir) == expected
    else:
        assert not model_dir.exists() or steps_in(model_dir) == []


def test_a_mounted_disk_cannot_be_archived(small_disk):
    run_dir = RunDir(str(small_disk))
    with (
        run_dir.locked(),
        pytest.raises(UserError, match=rf"^model_dir {small_disk} cannot be renamed to {small_disk}\.1: "),
    ):
        run_dir.archive()


def test_a_temporary_folder_without_room_is_one_error_line(tmp_path, data_dir):
    called_train(tmp_path, data_dir, *DENSE, "--max_steps=10")
    message = error_of(evaluate(tmp_path, preexec_fn=no_file_beyond(100_000)))
    problem = "the temporary folder (TMPDIR) cannot be written: File too large: fix that, or choose another"
    assert message == problem
