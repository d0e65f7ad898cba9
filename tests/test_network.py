"""The manifests' own commands, each pod in a network namespace of its own, so that what crosses a network does."""

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import time

import pytest
import tfjobs
from helpers import REPOSITORY, steps_in, users_environment

from cnn_estimator.run_dir import evaluations

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(
        shutil.which("ip") is None or subprocess.run(["unshare", "--net", "true"], capture_output=True).returncode != 0,
        reason="network namespaces need the command ip, and a root that may make them",
    ),
]

NETWORK = "10.213.77"
PORT = 2222
# Of the manifests' flags, with small data and few steps.
SMALLER = {"max_steps": 40, "validation": 50, "eval_every": 10, "threads": 1, "cluster_timeout": 60}
BYTES = 407_080  # of the variables of fashion_dense


def ip(*arguments):
    subprocess.run(["ip", *arguments], check=True)


class Network:
    """A bridge, and a namespace with an address on it for each task."""

    def __init__(self, tasks, stack):
        own = f"{os.getpid():x}"[-6:]
        bridge = f"cnn{own}"
        ip("link", "add", bridge, "type", "bridge")
        stack.callback(ip, "link", "del", bridge)
        ip("link", "set", bridge, "up")
        self._names = {}
        for number, task in enumerate(tasks, 1):
            name = self._names[task] = f"cnn{own}n{number}"
            ip("netns", "add", name)
            stack.callback(ip, "netns", "del", name)
            ip("link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", name)
            stack.callback(ip, "link", "del", name)  # the namespace would take it along, but some time later
            ip("link", "set", name, "master", bridge, "up")
            ip("-n", name, "addr", "add", f"{NETWORK}.{number}/24", "dev", "eth0")
            for device in ("lo", "eth0"):
                ip("-n", name, "link", "set", device, "up")

    def address(self, task):
        return f"{NETWORK}.{[*self._names].index(task) + 1}:{PORT}"

    def inside(self, task):
        return ["ip", "netns", "exec", self._names[task]]

    def sent(self, task):
        """Bytes that a task has sent to the others."""
        with open(f"/sys/class/net/{self._names[task]}/statistics/rx_bytes") as file:
            return int(file.read())

    def cut_off(self, task):
        ip("link", "set", self._names[task], "down")


class Job:
    """The pods of a manifest as processes, with one model_dir."""

    def __init__(self, name, folder, data_dir, stack, **flags):
        manifest = tfjobs.read(name)
        self.tasks = [*tfjobs.tf_configs(manifest, tfjobs.service(manifest))]
        self.network = Network(self.tasks, stack)
        self.model_dir = folder / "run"
        smaller = SMALLER | {"model_dir": self.model_dir} | flags
        arguments = [
            re.sub(r"^--(\w+)=.*", lambda found: f"--{found[1]}={smaller[found[1]]}", argument)
            if re.match(r"--(\w+)", argument)[1] in smaller
            else argument
            for argument in tfjobs.arguments(manifest)[1:]
        ]
        self.processes, self._stderr = {}, {}
        for task, config in tfjobs.tf_configs(manifest, lambda *place: self.network.address(place)).items():
            self._stderr[task] = folder / "{} {}".format(*task)
            process = self.processes[task] = subprocess.Popen(
                [
                    *(*self.network.inside(task), sys.executable, "run_train.py"),
                    *(*arguments, "--recipe=fashion_dense", "--log_every=5", f"--data_dir={data_dir}"),
                ],
                cwd=REPOSITORY,
                env=users_environment({"TF_CONFIG": json.dumps(config)}),
                stdout=subprocess.DEVNULL,
                stderr=stack.enter_context(self._stderr[task].open("w")),
                start_new_session=True,
            )
            stack.callback(process.wait)
            stack.callback(process.kill)  # `ip netns exec` becomes the program

    def said(self, task):
        return self._stderr[task].read_text()

    def statuses(self, timeout=150):
        deadline = time.monotonic() + timeout
        for process in self.processes.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0, deadline - time.monotonic()))
        return {task: process.poll() for task, process in self.processes.items()}

    def report(self):
        return "\n".join(f"{task}:\n{self.said(task)[-2000:]}" for task in self.tasks)


@pytest.fixture
def start(tmp_path, data_dir):
    with contextlib.ExitStack() as stack:
        yield lambda name, **flags: Job(name, tmp_path, data_dir, stack, **flags)


@pytest.mark.parametrize(("name", "sender"), [("tfjob-multi-worker.yaml", ("worker", 1)), ("tfjob-ps.yaml", ("ps", 0))])
def test_the_pods_of_a_manifest_train_across_a_network(start, name, sender):
    job = start(name)
    assert {*job.statuses().values()} == {0}, job.report()
    assert steps_in(job.model_dir)[-1] >= 40
    assert evaluations.read(str(job.model_dir), last_step=100)
    assert (job.model_dir / "best" / "best.json").exists()
    assert job.network.sent(sender) > BYTES * 5


def test_a_worker_that_is_cut_off_takes_the_job_down_within_the_bound(start):
    job = start("tfjob-multi-worker.yaml", max_steps=1_000_000, cluster_timeout=20)
    while "step = 16" not in job.said(("chief", 0)):
        assert [process.poll() for process in job.processes.values()] == [None] * 3, job.report()
        time.sleep(0.05)
    job.network.cut_off(("worker", 1))
    started = time.monotonic()
    assert {*job.statuses().values()} == {138}, job.report()
    assert time.monotonic() - started < 60  # twice the bound, on a busy machine
    for task in job.tasks:
        assert len(re.findall("^error: ", job.said(task), re.MULTILINE)) == 1, job.said(task)
        assert "Traceback" not in job.said(task)
