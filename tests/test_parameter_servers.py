"""TF_CONFIG with parameter servers: real processes, each at its own pace, in the cluster of deploy/tfjob-ps.yaml."""

import contextlib
import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pytest
import tfjobs
from helpers import REPOSITORY, steps_in, users_environment, variables

from cnn_estimator import prediction, roles, training
from cnn_estimator.data import datasets
from cnn_estimator.distributed import mirrored, parameter_servers
from cnn_estimator.distributed.chief_plan import SharedPlan
from cnn_estimator.distributed.parameter_servers import Member, is_finished
from cnn_estimator.distributed.tf_config import Task
from cnn_estimator.errors import UserError
from cnn_estimator.run_dir import checkpoints, evaluations, events
from cnn_estimator.run_dir.run import RunDir
from cnn_estimator.settings import MAX_SEED, make_settings
from cnn_estimator.tf1 import tf
from cnn_estimator.training.fit import Intervals, Where
from cnn_estimator.training.resolve import Request
from cnn_estimator.training.validation import Plan

FLAGS = ("--recipe=fashion_dense", "--seed=1", "--threads=1", "--log_every=10", "--save_every=100")
CHIEF, WORKERS, SERVER, EVALUATOR = ("chief", 0), (("worker", 0), ("worker", 1)), ("ps", 0), ("evaluator", 0)


def configs():
    """{(job, index): TF_CONFIG} of the manifest's pods, on this machine."""
    with contextlib.ExitStack() as stack:

        def address(job, index):
            free = stack.enter_context(socket.socket())
            free.bind(("127.0.0.1", 0))
            return f"127.0.0.1:{free.getsockname()[1]}"

        return tfjobs.tf_configs(tfjobs.read("tfjob-ps.yaml"), address)


class Cluster:
    """Its processes. Those that are to write nothing have a model_dir of their own, where they would write it."""

    def __init__(self, folder, data_dir, flags, stack):
        self._folder, self._stack, self._configs = folder, stack, configs()
        self._flags = (f"--data_dir={data_dir}", *FLAGS, *flags)
        self.model_dir = folder / "run"
        self.processes = {}

    def own_folder(self, task):
        return self.model_dir if task in (CHIEF, EVALUATOR) else self._folder / "{} {}".format(*task)

    def start(self, *tasks):
        for task in tasks:
            process = self.processes[task] = subprocess.Popen(
                [sys.executable, "run_train.py", f"--model_dir={self.own_folder(task)}", *self._flags],
                cwd=REPOSITORY,
                env=users_environment({"TF_CONFIG": json.dumps(self._configs[task])}),
                stdout=subprocess.PIPE,
                stderr=self._stack.enter_context(self._stderr(task).open("a")),
                start_new_session=True,
            )
            self._stack.callback(process.wait)
            self._stack.callback(process.kill)

    def _stderr(self, task):
        return self._folder / "stderr of {} {}".format(*task)

    def said(self, task):
        return self._stderr(task).read_text()

    def wait_until(self, holds, timeout=120):
        deadline = time.monotonic() + timeout
        while not holds():
            assert time.monotonic() < deadline, self.report()
            time.sleep(0.05)

    def wait_for_step(self, step):
        """Until the chief has saved one as far, and TensorFlow's state file names it."""
        self.wait_until(lambda: max(checkpoints.complete_steps(str(self.model_dir)), default=-1) >= step)

    def end(self, task, number):
        """Sends a signal and returns the exit status."""
        self.processes[task].send_signal(number)
        return self.processes[task].wait(60)

    def statuses(self, timeout=120):
        """{task: exit status} when all have ended."""
        self.wait_until(lambda: all(process.poll() is not None for process in self.processes.values()), timeout)
        return {task: process.returncode for task, process in self.processes.items()}

    def report(self):
        return "\n".join(f"{task}:\n{self.said(task)[-2000:]}" for task in self.processes)


@pytest.fixture
def create(tmp_path, data_dir):
    with contextlib.ExitStack() as stack:
        yield lambda *flags: Cluster(tmp_path, data_dir, flags, stack)


@pytest.mark.process
def test_a_run_survives_the_death_of_a_worker_and_of_the_chief(create, data_dir):
    goal = 1500
    evaluated = ("--validation=50", "--eval_every=200", "--keep_best", "--keep_checkpoints=100")
    cluster = create(f"--max_steps={goal}", *evaluated, "--schedule=cosine", "--average_decay=0.9")
    model_dir = cluster.model_dir
    cluster.start(CHIEF, *WORKERS, SERVER, EVALUATOR)
    cluster.wait_for_step(100)
    assert cluster.end(WORKERS[1], signal.SIGKILL) == -9
    cluster.wait_for_step(max(steps_in(model_dir)) + 100)  # the others go on
    assert cluster.end(CHIEF, signal.SIGKILL) == -9
    killed_at = checkpoints.newest_intact(str(model_dir)).step
    joined = cluster.said(WORKERS[1]).count("step = ")
    cluster.start(CHIEF, WORKERS[1])
    cluster.wait_for_step(killed_at + 1)
    cluster.wait_until(lambda: cluster.said(WORKERS[1]).count("step = ") > joined)
    assert cluster.end(CHIEF, signal.SIGTERM) == 143
    (stopped,) = re.findall(
        r"^stopped by SIGTERM: step (\d+) is saved as .*\. Go on: python run_train.py .*$",
        cluster.said(CHIEF),
        re.MULTILINE,
    )
    stopped_at = checkpoints.newest_intact(str(model_dir))
    assert stopped_at.name == f"model.ckpt-{stopped}"
    cluster.start(CHIEF)
    assert {*cluster.statuses().values()} == {0}, cluster.report()

    history = [json.loads(line) for line in (model_dir / "history.jsonl").read_text().splitlines()]
    assert [line["first_step"] for line in history] == [0, killed_at, stopped_at.step]
    assert {(line["strategy"], line["replicas"], line["max_steps"]) for line in history} == {
        ("parameter_servers", 3, goal)
    }
    last = max(steps_in(model_dir))
    assert goal <= last < goal + 3  # each task that trains may add one
    for task in (*WORKERS, SERVER):
        assert not cluster.own_folder(task).exists()
    for task in cluster.processes:
        assert "Traceback" not in cluster.said(task)
    assert len([*model_dir.glob("events*")]) == 3  # one for each time that the chief began

    records = evaluations.read(str(model_dir), last_step=last)
    steps = [record.step for record in records]
    assert steps[-1] == last
    assert steps == sorted({*steps} & {*steps_in(model_dir)})
    assert len(steps) >= goal // 400
    curves = {(curve.part, curve.tag): curve.steps for curve in events.curves(model_dir)}
    assert curves["validation", "accuracy"] == curves["validation", "loss"] == steps
    assert max(curves["training", "loss"]) > stopped_at.step
    best = evaluations.best(records)
    assert evaluations.best_checkpoint(str(model_dir)) == f"model.ckpt-{best.step}"
    best_checkpoint = checkpoints.verify(str(model_dir / "best" / f"model.ckpt-{best.step}"))
    assert best_checkpoint.step >= best.step
    saved = variables(best_checkpoint.path)
    assert saved["dense/kernel/ExponentialMovingAverage"] != saved["dense/kernel"]
    held_out = datasets.hold_out(datasets.load("fashion_mnist", "train", data_dir), 50, 1)[1]
    with prediction.Predictor(model_dir, checkpoint="best") as predictor:
        assert np.mean(predictor.predict(held_out.images).classes == held_out.labels) == pytest.approx(best.accuracy)


@pytest.mark.process
def test_it_goes_on_after_the_loss_of_a_parameter_server_and_stops_early(create):
    rate = "--learning_rate=1e-30"  # nothing gets better
    cluster = create(rate, "--max_steps=1000000", "--validation=50", "--eval_every=300", "--early_stopping=2")
    cluster.start(CHIEF, *WORKERS, SERVER)
    cluster.wait_for_step(100)
    assert cluster.end(SERVER, signal.SIGTERM) == 143
    assert cluster.said(SERVER).endswith(
        "stopped by SIGTERM: the ps 0 of the cluster has left, started again it joins in\n"
    )
    cluster.wait_until(lambda: "was lost: training goes on from the last checkpoint" in cluster.said(CHIEF))
    saved = max(steps_in(cluster.model_dir))
    cluster.start(SERVER, EVALUATOR)
    assert {*cluster.statuses().values()} == {0}, cluster.report()
    records = evaluations.read(str(cluster.model_dir), last_step=1000000)
    assert records[0].step > saved
    assert len(records) == 3
    assert f"stopped early at step {max(steps_in(cluster.model_dir))}: step {records[0].step} is" in cluster.said(CHIEF)
    # Started again, each of them finds that there is nothing to do.
    result = training.train(cluster.model_dir, "fashion_dense", max_steps=1000000, early_stopping=2, eval_every=300)
    assert (result.steps, result.stopped_early) == (0, True)
    assert is_finished(RunDir(str(cluster.model_dir)), 1000000, 2)


@pytest.mark.process
def test_nobody_waits_longer_than_the_flag_says(create):
    cluster = create("--max_steps=1000000", "--validation=50", "--eval_every=100", "--cluster_timeout=10")
    cluster.start(CHIEF, SERVER)
    cluster.wait_for_step(100)
    cluster.start(EVALUATOR)
    cluster.wait_until(lambda: "validation: step" in cluster.said(EVALUATOR))
    cluster.end(SERVER, signal.SIGKILL)
    started = time.monotonic()
    assert cluster.statuses() == {CHIEF: 138, SERVER: -9, EVALUATOR: 138}
    assert 8 < time.monotonic() - started < 60
    advice = "start all tasks of the cluster within that time, or wait longer with --cluster_timeout"
    for task, problem in (
        (CHIEF, "ps 0 at {} did not answer within"),
        (EVALUATOR, "the chief at {} did not answer for"),
    ):
        assert "Traceback" not in cluster.said(task)
        (error,) = re.findall("^error: .*$", cluster.said(task), re.MULTILINE)
        assert re.fullmatch(rf"error: {problem.format('127.0.0.1:[0-9]+')} 10 s: {advice}", error)


@pytest.mark.integration
def test_a_run_is_finished_at_the_step_that_it_was_begun_for(model_dir):
    run = RunDir(str(model_dir))
    assert is_finished(run, 120, None)
    assert not is_finished(run, 121, None)
    assert not is_finished(run, None, None)


@pytest.mark.integration
def test_a_run_is_finished_at_the_step_in_its_checkpoint_whatever_the_name_says(model_dir, tmp_path):
    """Another task may add a step while the chief saves."""
    for path in model_dir.glob("model.ckpt-120.*"):
        shutil.copy(path, tmp_path / path.name.replace("120", "119"))
    tf.train.update_checkpoint_state(str(tmp_path), str(tmp_path / "model.ckpt-119"))
    run = RunDir(str(tmp_path))
    assert is_finished(run, 120, None)
    (tmp_path / "model.ckpt-119.index").unlink()
    assert is_finished(run, 119, None)
    assert not is_finished(run, 120, None)


@pytest.mark.integration
def test_an_evaluator_with_other_images_than_the_chief_is_refused(tmp_path, data_dir, monkeypatch):
    settings = make_settings("fashion_dense", seed=1, validation=50, class_names=tuple("0123456789"))
    plan = SharedPlan(
        settings=settings, checkpoint=None, first_step=0, max_steps=20, evaluate_every=10, data="7 with checksum 0"
    )
    monkeypatch.setattr(parameter_servers, "wait_for_plan", lambda *arguments: plan.text())
    cluster = {"chief": ("c:1",), "ps": ("p:1",)}
    where = Where(mirrored.Distribution(None), Task("evaluator", 0, cluster), 1)
    intervals = Intervals(10, {}, 10, 5, Plan(every=10))
    request = Request("fashion_dense", {"data_dir": data_dir}, None, 20, False, intervals)
    with pytest.raises(UserError, match=r"^the training images differ: .*, the chief's 7 with checksum 0: "):
        roles.take_part(RunDir(str(tmp_path)), request, where)


@pytest.mark.unit
def test_each_task_that_trains_has_its_own_shuffle_and_dropout():
    cluster = {"chief": ("c:1",), "worker": ("w:1", "w:2"), "ps": ("p:1",)}

    class RunSettings:
        seed = MAX_SEED

    seeds = [
        Member(Task(*task, cluster), 1, lambda: False).own_seed(RunSettings)
        for task in (("chief", 0), ("worker", 0), ("worker", 1))
    ]
    assert seeds[0] == MAX_SEED
    assert len({*seeds}) == 3
    assert all(0 <= seed <= MAX_SEED for seed in seeds)
