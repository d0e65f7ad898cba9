"""SIGTERM, SIGINT and SIGHUP to real processes: run_train.py and run_eval.py."""

import os
import random
import re
import signal
import time

import pytest
from helpers import called, called_train, started, steps_in, variables, wait_for, write_idx_folder

from cnn_estimator.errors import UserError
from cnn_estimator.run_dir import checkpoints, events

pytestmark = pytest.mark.process

STATUS = {signal.SIGTERM: 143, signal.SIGINT: 130, signal.SIGHUP: 129}


def training(model_dir, data_dir, *flags):
    """Starts fashion_dense, for more steps than it will do; see started()."""
    flags = (f"--model_dir={model_dir}", f"--data_dir={data_dir}", "--recipe=fashion_dense", "--seed=1", *flags)
    return started("run_train.py", *flags, "--log_every=1000000", "--max_steps=1000000")


def wait_until_it_listens(process):
    """Waits until the process has a handler for SIGTERM; before that, Python is starting."""
    while True:
        with open(f"/proc/{process.pid}/status") as status:
            caught = int(re.search(r"SigCgt:\s*(\w+)", status.read())[1], 16)
        if caught >> (signal.SIGTERM - 1) & 1:
            return
        assert process.poll() is None
        time.sleep(0.01)


def test_training_stops_after_the_current_step_and_saves_it(tmp_path, data_dir):
    model_dir = tmp_path / "run"
    with training(model_dir, data_dir, "--save_every=100000") as (process, stderr):
        wait_for("step = 1", process, stderr)
        time.sleep(0.5)
        process.terminate()
        stdout, _ = process.communicate(timeout=60)
        said = stderr.read_text()
    assert (process.returncode, stdout) == (143, "")
    (line,) = [line for line in said.splitlines() if "stopped by" in line]
    stopped = re.fullmatch(
        rf"stopped by SIGTERM: step (\d+) is saved as {model_dir}/model\.ckpt-\1\. Continue: (.+)", line
    )
    step = int(stopped[1])
    assert step > 1
    assert steps_in(model_dir) == [0, step]
    flags = f"--log_every=1000000 --save_every=100000 --seed=1 --data_dir={data_dir} --max_steps=1000000"
    assert stopped[2] == f"python run_train.py --model_dir={model_dir} --recipe=fashion_dense {flags}"
    assert f"trained to step {step}: " in said
    assert "Traceback" not in said
    # A run that is stopped and continued has the bits of a run that is not stopped.
    called_train(model_dir, data_dir, "--recipe=fashion_dense", "--steps=5")
    whole = ("--recipe=fashion_dense", "--seed=1", f"--steps={step + 5}")
    called_train(tmp_path / "whole", data_dir, *whole)
    assert variables(model_dir) == variables(tmp_path / "whole")


@pytest.mark.newest
def test_ctrl_c_at_start_up_leaves_no_trace(tmp_path, data_dir):
    """A terminal sends the signal to the whole process group."""
    with training(tmp_path / "run", data_dir) as (process, stderr):
        wait_until_it_listens(process)
        time.sleep(0.5)  # TensorFlow is being loaded, beside the process that filters its notes
        os.killpg(process.pid, signal.SIGINT)
        stdout, _ = process.communicate(timeout=60)
        said = stderr.read_text()
    assert (process.returncode, stdout) == (130, "")
    assert said == "stopped by SIGINT: nothing was trained\n"
    assert not (tmp_path / "run").exists()


@pytest.mark.newest
def test_a_signal_that_the_parent_ignores_is_ignored(tmp_path, data_dir):
    """As a shell does it for SIGINT in a job in the background."""
    ignoring = (
        "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_IGN); "
        "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
    )
    flags = (f"--model_dir={tmp_path}", f"--data_dir={data_dir}", "--recipe=fashion_dense", "--max_steps=1000000")
    with started("-c", ignoring, "run_train.py", *flags) as (process, stderr):
        wait_for("step = 1", process, stderr)
        process.send_signal(signal.SIGINT)
        time.sleep(0.5)
        process.terminate()
        assert process.wait(timeout=60) == 143
        assert "stopped by SIGTERM: step " in stderr.read_text()


@pytest.mark.serial
def test_a_second_signal_ends_the_process_at_once(tmp_path, data_dir):
    """TensorFlow is being loaded, which takes seconds; the first signal alone takes effect after that."""
    with training(tmp_path / "run", data_dir) as (process, stderr):
        wait_until_it_listens(process)
        process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=1.5) in STATUS.values()
        assert stderr.read_text() == ""


@pytest.mark.serial
def test_the_same_signal_twice_in_a_moment_counts_once(tmp_path, data_dir):
    """`timeout` signals its child and then the child's group."""
    with training(tmp_path / "run", data_dir) as (process, stderr):
        wait_for("step = 1", process, stderr)
        for _ in range(2):
            process.send_signal(signal.SIGTERM)
            time.sleep(0.001)
        assert process.wait(timeout=60) == 143
        assert "stopped by SIGTERM: step " in stderr.read_text()


@pytest.mark.newest
def test_signals_during_saves_damage_no_checkpoint(tmp_path, data_dir):
    """With a checkpoint at every step the process saves nearly all the time."""
    generator = random.Random(1)
    for number in (signal.SIGTERM, signal.SIGHUP):
        with training(tmp_path, data_dir, "--save_every=1") as (process, stderr):
            wait_for("step = ", process, stderr)
            time.sleep(generator.uniform(0, 0.2))
            process.send_signal(number)
            assert process.wait(timeout=60) == STATUS[number]
            said = stderr.read_text()
        (step,) = re.findall(rf"stopped by {number.name}: step (\d+) is saved", said)
        assert checkpoints.newest_intact(str(tmp_path)).step == int(step)
        assert "skipped" not in said


@pytest.mark.newest
def test_a_stopped_evaluation_has_no_result(tmp_path, data_dir):
    write_idx_folder(tmp_path, train=20, test=50_000)
    model_dir = tmp_path / "run"
    called_train(model_dir, data_dir, "--recipe=fashion_dense", "--steps=1")
    flags = (f"--model_dir={model_dir}", f"--data_dir={tmp_path}", "--batch_size=1")
    with started("run_eval.py", *flags) as (process, stderr):
        wait_for("Done running local_init_op", process, stderr)
        time.sleep(0.2)
        process.terminate()
        stdout, _ = process.communicate(timeout=60)
        said = stderr.read_text()
    assert (process.returncode, stdout) == (143, "")
    assert said.splitlines()[-1] == "stopped by SIGTERM: nothing was evaluated"
    assert {path.name.split(".out.")[0] for path in (model_dir / "eval").iterdir()} == {"events"}  # and no metrics.json
    with pytest.raises(UserError, match="holds no event files with loss or accuracy"):
        events.curves(model_dir / "eval")
    called("eval", f"--model_dir={model_dir}")
