"""SIGKILL at random moments: a resumed run ends bit for bit as a run that was never killed."""

import os
import random
import re
import signal
import subprocess
import sys
import time

import pytest
from helpers import REPOSITORY, called_train, run, started, train, variables, wait_for

from cnn_estimator.run_dir import checkpoints
from cnn_estimator.run_dir.run import RunDir

pytestmark = pytest.mark.process

# Dropout, Adam's slots, and more than three epochs of 30 batches.
FLAGS = ("--recipe=fashion_cnn", "--batch_size=10", "--save_every=4", "--max_steps=96")


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory, data_dir):
    """The variables of an undisturbed run."""
    model_dir = tmp_path_factory.mktemp("unbroken")
    called_train(model_dir, data_dir, *FLAGS, "--seed=11")
    return variables(model_dir)


@pytest.mark.newest
def test_the_bits_depend_on_the_threads_and_not_on_the_cpus(tmp_path, data_dir):
    """A run on two CPUs, a run on one, and a run that moves from two to one."""
    cpus = sorted(os.sched_getaffinity(0))[:2]
    if len(cpus) < 2:
        pytest.skip("there is one CPU")

    common = ("--recipe=fashion_cnn", "--batch_size=100", "--seed=1")

    def train_on(count, name, *flags):
        flags = (*common, *flags)
        done = train(tmp_path / name, data_dir, *flags, preexec_fn=lambda: os.sched_setaffinity(0, set(cpus[:count])))
        assert done.returncode == 0, done.stderr
        return variables(tmp_path / name)

    both = train_on(2, "both", "--max_steps=2")
    assert train_on(1, "one", "--max_steps=2", "--threads=2") == both
    called_train(tmp_path / "moved", data_dir, *common, "--max_steps=1", "--threads=2")
    assert train_on(1, "moved", "--max_steps=2") == both
    called_train(tmp_path / "one thread", data_dir, *common, "--max_steps=2", "--threads=1")
    assert variables(tmp_path / "one thread") != both


@pytest.mark.newest
def test_a_run_without_a_seed_can_be_repeated_with_the_seed_that_was_drawn(tmp_path, data_dir):
    flags = ("--recipe=fashion_cnn", "--batch_size=10")
    for steps in (3, 2):  # the second call continues the run, without a seed too
        done = called_train(tmp_path / "drawn", data_dir, *flags, f"--steps={steps}")
    seed = re.search(r", seed (\d+)", done.stderr)[1]
    called_train(tmp_path / "named", data_dir, *flags, "--steps=5", f"--seed={seed}")
    assert variables(tmp_path / "drawn") == variables(tmp_path / "named")
    called_train(tmp_path / "drawn again", data_dir, *flags, "--steps=5")
    assert variables(tmp_path / "drawn again") != variables(tmp_path / "named")


def test_a_run_that_is_killed_many_times_has_the_bits_of_an_unbroken_run(tmp_path, data_dir, unbroken):
    """Of four kills one comes during start-up, one in training, two in a save."""
    generator = random.Random(7)
    model_dir = tmp_path / "killed"
    flags = (f"--model_dir={model_dir}", f"--data_dir={data_dir}", *FLAGS, "--seed=11", "--log_every=1")
    reached = [0]
    for saves_every in (4, 1, None, 4):
        with started("run_train.py", *flags) as (process, stderr):
            if saves_every is None:
                time.sleep(generator.uniform(0, 4))
            else:
                step = reached[-1] + generator.randint(5, 9)
                wait_for(f"step = {step - step % saves_every}", process, stderr)
                time.sleep(generator.uniform(0, 0.1))
            process.send_signal(signal.SIGKILL)
            assert process.wait() == -signal.SIGKILL, stderr.read_text()
        newest = checkpoints.newest_intact(str(model_dir))
        reached.append(newest.step if newest else 0)
    assert reached == sorted(reached)  # no kill cost a checkpoint
    called_train(model_dir, data_dir, *FLAGS)
    assert variables(model_dir) == unbroken
    assert any("Adam" in name for name in unbroken)


FORKING = """
import os, sys, time
from cnn_estimator.run_dir.run import RunDir
with RunDir(sys.argv[1]).locked():
    child = os.fork()
    if not child:
        time.sleep(600)
print(child, flush=True)
"""


def test_a_forked_child_does_not_keep_the_lock(tmp_path):
    done = subprocess.Popen([sys.executable, "-c", FORKING, str(tmp_path)], cwd=REPOSITORY, stdout=subprocess.PIPE)
    with done:
        child = int(done.stdout.readline())
        try:
            with RunDir(str(tmp_path)).locked():
                os.kill(child, 0)
        finally:
            os.kill(child, signal.SIGKILL)


FORKED = """
import os, sys
import numpy as np
import cnn_estimator
from cnn_estimator.errors import UserError
predictor = cnn_estimator.Predictor(sys.argv[1])
def use_the_parents():
    predictor.predict(np.zeros((1, 28, 28)))
def make_another():
    cnn_estimator.Predictor(sys.argv[1])
if os.fork() == 0:
    for use in (use_the_parents, make_another):
        try:
            use()
        except UserError as error:
            print(error, flush=True)
    os._exit(0)
os.wait()
"""


def test_a_process_that_is_forked_after_a_session_gets_an_error(trained):
    done = run("-c", FORKED, str(trained))
    assert done.stdout == 2 * (
        "this process was forked from one that has run a TensorFlow session, and TensorFlow hangs here: start it with "
        'multiprocessing.get_context("spawn")\n'
    ), done.stderr
