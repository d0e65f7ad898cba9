"""What becomes of results and messages where stdout or stderr is full, closed, or has lost its reader."""

import os
import subprocess
import sys

import pytest
from helpers import REPOSITORY, users_environment

pytestmark = pytest.mark.process

HELP = ("run_train.py", "--help")
OVERVIEW = ("-m", "cnn_estimator")


def run_with(arguments, **redirections):
    """Runs a command whose stdout or stderr is "full", "closed" or "unread"; the other one is captured."""
    descriptors = {"stdout": 1, "stderr": 2}
    options = dict.fromkeys(descriptors, subprocess.PIPE)
    closed = [descriptors[name] for name, state in redirections.items() if state == "closed"]
    reader, writer = os.pipe()
    os.close(reader)
    with open("/dev/full", "w") as full:
        options |= {name: {"full": full, "unread": writer, "closed": None}[to] for name, to in redirections.items()}
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=REPOSITORY,
            env=users_environment(),
            text=True,
            timeout=600,
            preexec_fn=lambda: [os.close(number) for number in closed],
            **options,
        )
    os.close(writer)
    return done


@pytest.mark.parametrize("arguments", [HELP, OVERVIEW, ("run_eval.py", "--helpxml")], ids=" ".join)
def test_a_text_that_stdout_cannot_take(arguments):
    done = run_with(arguments, stdout="full")
    assert (done.returncode, done.stderr) == (1, "error: stdout cannot be written: No space left on device\n")
    done = run_with(arguments, stdout="unread")
    assert (done.returncode, done.stderr) == (141, "")
    done = run_with(arguments, stdout="closed")
    assert (done.returncode, done.stderr) == (1, "error: stdout cannot be written: Bad file descriptor\n")


def test_results_that_stdout_cannot_take(trained):
    arguments = ("run_eval.py", f"--model_dir={trained}")
    done = run_with(arguments, stdout="full")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "error: stdout cannot be written: No space left on device"
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("state", ["full", "closed", "unread"])
def test_messages_that_stderr_cannot_take_cost_no_result(trained, state):
    done = run_with(("run_eval.py", f"--model_dir={trained}"), stderr=state)
    assert done.returncode == 0
    assert done.stdout.startswith('{"accuracy": ')
    assert done.stdout.count("\n") == 1


def test_an_error_that_stderr_cannot_take_keeps_its_status():
    for state in ("full", "closed", "unread"):
        assert run_with(("run_eval.py", "--batch_size=0"), stderr=state).returncode == 1
