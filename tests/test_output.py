"""What happens where stdout or stderr is full, closed, or has lost its reader; exit statuses."""

import os
import subprocess
import sys
import time

import pytest
from helpers import REPOSITORY, run, users_environment

pytestmark = pytest.mark.process


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


@pytest.mark.parametrize(
    ("state", "status", "line"),
    [("full", 1, "error: stdout cannot be written: No space left on device\n"), ("closed", 1, ""), ("unread", 141, "")],
)
def test_a_text_that_stdout_cannot_take(state, status, line):
    """The text of --help, which exits with 1, and a result that is longer than the buffer."""
    done = run_with(("run_train.py", "--help"), stdout=state)
    assert (done.returncode, done.stderr) == (status, line)
    code = (
        "from cnn_estimator.cli import process\n"
        "with process.exit_statuses('nothing was done'):\n"
        "    for _ in range(200_000):\n"
        "        print('a line of results')\n"
    )
    done = run_with(("-c", code), stdout=state)
    assert (done.returncode, done.stderr) == (0 if state == "closed" else status, line)


@pytest.mark.newest
@pytest.mark.parametrize("state", ["full", "closed", "unread"])
def test_messages_that_stderr_cannot_take_cost_neither_result_nor_status(trained, state):
    done = run_with(("run_eval.py", f"--model_dir={trained}"), stderr=state)
    assert done.returncode == 0
    assert done.stdout.startswith('{"accuracy": ')
    assert done.stdout.count("\n") == 1
    assert run_with(("run_eval.py", "--batch_size=0"), stderr=state).returncode == 1


def test_closed_descriptors_are_open_before_any_file_is():
    code = (
        "import os, sys\n"
        "from cnn_estimator.cli import process\n"
        "with process.output():\n"
        "    os._exit(open('setup.py').fileno())\n"
    )
    closed = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, preexec_fn=lambda: os.closerange(0, 3))
    assert closed.returncode > 2


def test_characters_that_stdout_lacks_are_escaped():
    code = "from cnn_estimator.cli import process\nwith process.output():\n    print('a\\udcff.png')"
    done = run("-c", code)
    assert (done.stdout, done.stderr) == ("a\\udcff.png\n", "")


def test_a_lost_task_ends_the_process_at_once_with_its_own_status():
    """Also where a thread, as of a TensorFlow session that waits for the task, would keep Python from ending."""
    code = (
        "import threading, time\n"
        "from cnn_estimator.cli import process\n"
        "from cnn_estimator.errors import TaskLost\n"
        "with process.exit_statuses('nothing was done'):\n"
        "    threading.Thread(target=time.sleep, args=(600,)).start()\n"
        "    print('a result')\n"
        "    raise TaskLost('worker 1 was lost', 'wait longer with {cluster_timeout}')\n"
    )
    started = time.monotonic()
    done = run("-c", code)
    assert (done.returncode, done.stdout) == (138, "a result\n")
    assert done.stderr == "error: worker 1 was lost: wait longer with --cluster_timeout\n"
    assert time.monotonic() - started < 300
