"""--strategy=multi_worker: real processes that train in step."""

import contextlib
import json
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from helpers import REPOSITORY, free_addresses, steps_in, users_environment, variables

from cnn_estimator import training
from cnn_estimator.tf1 import tf

pytestmark = pytest.mark.process

# A small network on all data in IDX form, whose steps are slow enough to be interrupted.
FLAGS = ("--recipe=fashion_dense", "--seed=1", "--threads=1", "--log_every=1", "--cluster_timeout=120")


class Cluster:
    """Processes that train in step, the first one as the chief."""

    def __init__(self, folder, data_dir, model_dirs, flags, stack):
        addresses = free_addresses(len(model_dirs))
        cluster = {"chief": addresses[:1], "worker": addresses[1:]}
        self._stderr, self.processes = [], []
        for position, model_dir in enumerate(model_dirs):
            task = {"type": "worker", "index": position - 1} if position else {"type": "chief", "index": 0}
            self._stderr.append(folder / f"stderr {addresses[position]}")
            command = ("run_train.py", f"--model_dir={model_dir}", f"--data_dir={data_dir}", "--strategy=multi_worker")
            process = subprocess.Popen(
                [sys.executable, *command, *flags],
                cwd=REPOSITORY,
                env=users_environment({"TF_CONFIG": json.dumps({"cluster": cluster, "task": task})}),
                stdout=subprocess.PIPE,
                stderr=stack.enter_context(self._stderr[-1].open("w")),
                start_new_session=True,
            )
            stack.callback(process.wait)
            stack.callback(process.kill)
            self.processes.append(process)

    def stderr(self, position):
        return self._stderr[position].read_text()

    def wait_for(self, text):
        """Until the chief has logged a text."""
        while text not in self.stderr(0):
            assert [process.poll() for process in self.processes] == [None] * len(self.processes), self.report()
            time.sleep(0.005)

    def statuses(self, timeout=240):
        """Those of the tasks, when all have ended."""
        deadline = time.monotonic() + timeout
        return [process.wait(max(0, deadline - time.monotonic())) for process in self.processes]

    def report(self):
        return "\n".join(self.stderr(position)[-3000:] for position in range(len(self.processes)))

    def errors(self, position):
        assert "Traceback" not in self.stderr(position)
        return [line for line in self.stderr(position).splitlines() if line.startswith("error: ")]


@pytest.fixture
def start(tmp_path, data_dir):
    """Starts a cluster: start(model_dir of each task, *flags)."""
    with contextlib.ExitStack() as stack:
        yield lambda model_dirs, *flags: Cluster(tmp_path, data_dir, model_dirs, (*FLAGS, *flags), stack)


def finish(cluster):
    assert cluster.statuses() == [0] * len(cluster.processes), cluster.report()
    return cluster


def assert_close(model_dir, other, step, tolerance):
    readers = [tf.train.load_checkpoint(str(folder / f"model.ckpt-{step}")) for folder in (model_dir, other)]
    for name in readers[0].get_variable_to_shape_map():
        values, others = (reader.get_tensor(name) for reader in readers)
        np.testing.assert_allclose(values, others, rtol=0, atol=tolerance * max(1, np.abs(values).max()), err_msg=name)


def test_three_workers_train_the_curve_of_one_process_and_only_the_chief_writes(tmp_path, data_dir, start):
    # 31 images go to three workers as 10, 10 and 11; the ninth batch has the other 21. It has dropout.
    options = {"batch_size": 31, "max_steps": 12, "save_every": 5}
    options |= {"schedule": "cosine", "augment": "shifts", "average_decay": 0.5}
    flags = ("--recipe=fashion_cnn", *(f"--{name}={value}" for name, value in options.items()))
    folders = [tmp_path / name for name in ("chief", "worker 0", "worker 1")]
    cluster = finish(start(folders, *flags))
    alone = training.train(tmp_path / "alone", "fashion_cnn", seed=1, threads=1, data_dir=data_dir, **options)
    for step in (0, 5, 10, 12):
        assert_close(folders[0], tmp_path / "alone", step, 1e-4 if step else 0)
    losses = [line.split("loss = ")[1].split(",")[0] for line in cluster.stderr(0).splitlines() if "loss = " in line]
    assert len(losses) == 12
    np.testing.assert_allclose(float(losses[-1]), alone.loss, rtol=1e-3)
    assert not folders[1].exists()
    assert not folders[2].exists()
    assert {path.name for path in folders[0].iterdir()} == {
        path.name if "events" not in path.name else next(folders[0].glob("events*")).name
        for path in (tmp_path / "alone").iterdir()
    }
    last = json.loads((folders[0] / "history.jsonl").read_text())
    assert (last["strategy"], last["replicas"]) == ("multi_worker", 3)
    for position in (1, 2):
        assert "trained to step 12" in cluster.stderr(position)


def test_a_run_that_is_stopped_and_loses_a_task_ends_in_the_same_bits(tmp_path, start):
    model_dir, whole = tmp_path / "run", tmp_path / "whole"
    flags = ("--max_steps=400", "--save_every=100")
    cluster = start([model_dir] * 2, *flags)
    cluster.wait_for("step = 50")
    cluster.processes[1].send_signal(signal.SIGTERM)
    assert cluster.statuses() == [143, 143], cluster.report()
    stopped = max(steps_in(model_dir))
    assert 50 < stopped < 400
    for position in (0, 1):
        assert f"stopped by SIGTERM: step {stopped} is saved as {model_dir}/model.ckpt-{stopped}" in cluster.stderr(
            position
        )
    assert "another task of the cluster was asked to stop" in cluster.stderr(0)
    assert "another task of the cluster was asked to stop" not in cluster.stderr(1)

    cluster = start([model_dir] * 2, *flags)
    cluster.wait_for(f"Saving checkpoints for {stopped + 100} into")
    cluster.processes[1].kill()
    assert cluster.statuses() == [138, -9], cluster.report()
    (error,) = cluster.errors(0)
    assert error.startswith("error: worker 0 at localhost:")
    assert error.endswith("start all tasks again: they go on from the last checkpoint")

    finish(start([model_dir] * 2, *flags))
    finish(start([whole] * 2, *flags))
    assert variables(model_dir) == variables(whole)


def test_a_task_that_does_nothing_more_is_waited_for_no_longer_than_the_flag_says(tmp_path, start):
    cluster = start([tmp_path / "run"] * 2, "--max_steps=1000000", "--cluster_timeout=15")
    cluster.wait_for("step = 20")
    cluster.processes[0].send_signal(signal.SIGSTOP)
    started = time.monotonic()
    assert cluster.processes[1].wait(60) == 138
    assert 10 < time.monotonic() - started < 40
    (error,) = cluster.errors(1)
    assert error == (
        "error: a task of the cluster ended, or did not do its part within 15 s: start all tasks again: they go on "
        "from the last checkpoint"
    )


def test_early_stopping_ends_all_tasks_at_the_step_that_was_evaluated(tmp_path, start):
    rate = "--learning_rate=1e-30"  # nothing gets better
    cluster = finish(
        start([tmp_path] * 2, rate, "--validation=50", "--eval_every=3", "--early_stopping=1", "--max_steps=50")
    )
    assert steps_in(tmp_path) == [0, 6]
    for position in (0, 1):
        assert "trained to step 6:" in cluster.stderr(position)
    finish(start([tmp_path] * 2, rate, "--max_steps=6"))  # which is nothing to train
