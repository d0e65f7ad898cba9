"""The manifests' commands with each pod in its own network namespace, so that messages cross a network."""

import contextlib
import os
import re
import shutil
import subprocess
import time

import pytest
import tfjobs
from helpers import Cluster, steps_in

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(
        shutil.which("ip") is None or subprocess.run(["unshare", "--net", "true"], capture_output=True).returncode != 0,
        reason="network namespaces need the command ip, and the rights of root",
    ),
]

NETWORK = "10.213.77"
PORT = 2222
VARIABLES_BYTES = 407_080  # of fashion_dense
WORKER = ("worker", 1)


def ip(*arguments):
    subprocess.run(["ip", *arguments], check=True)


class Network:
    """A bridge, and for each task a namespace with an address on the bridge."""

    def __init__(self, tasks, stack):
        unique = f"{os.getpid():x}"[-6:]
        bridge = f"cnn{unique}"
        ip("link", "add", bridge, "type", "bridge")
        stack.callback(ip, "link", "del", bridge)
        ip("link", "set", bridge, "up")
        self._names = {}
        for number, task in enumerate(tasks, 1):
            name = f"cnn{unique}n{number}"
            self._names[task] = name
            ip("netns", "add", name)
            stack.callback(ip, "netns", "del", name)
            ip("link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", name)
            stack.callback(ip, "link", "del", name)  # the namespace would delete it too, but some time later
            ip("link", "set", name, "master", bridge, "up")
            ip("-n", name, "addr", "add", f"{NETWORK}.{number}/24", "dev", "eth0")
            for device in ("lo", "eth0"):
                ip("-n", name, "link", "set", device, "up")

    def address(self, task):
        return f"{NETWORK}.{[*self._names].index(task) + 1}:{PORT}"

    def inside(self, task):
        """Returns the beginning of a command line that runs in a task's namespace."""
        return ["ip", "netns", "exec", self._names[task]]

    def sent_bytes(self, task):
        with open(f"/sys/class/net/{self._names[task]}/statistics/rx_bytes") as file:
            return int(file.read())

    def cut_off(self, task):
        ip("link", "set", self._names[task], "down")


@pytest.fixture
def start(tmp_path, data_dir):
    """Starts the pods of a manifest with small data, and flags in place of some of the manifest's."""
    with contextlib.ExitStack() as stack:

        def start(name, **changed):
            manifest = tfjobs.read(name)
            network = Network(tfjobs.tf_configs(manifest, tfjobs.service(manifest)), stack)
            configs = tfjobs.tf_configs(manifest, lambda *task: network.address(task))
            changed |= {"model_dir": tmp_path / "run", "validation": 50, "eval_every": 10, "threads": 1}
            arguments = [
                re.sub(r"^--(\w+)=(.*)", lambda flag: f"--{flag[1]}={changed.get(flag[1], flag[2])}", argument)
                for argument in tfjobs.arguments(manifest)[1:]
            ]
            small = ("--recipe=fashion_dense", "--log_every=5", f"--data_dir={data_dir}")
            command = ("run_train.py", *arguments, *small)
            cluster = stack.enter_context(Cluster(tmp_path, configs, *command, prefix=network.inside))
            cluster.start()
            return cluster, network

        yield start


def test_the_pods_of_a_cluster_with_parameter_servers_train_across_a_network(tmp_path, start):
    cluster, network = start("tfjob-ps.yaml", max_steps=40, cluster_timeout=60)
    cluster.finish()
    assert max(steps_in(tmp_path / "run")) >= 40
    assert [*(tmp_path / "run" / "eval_validation").glob("events*")]
    assert network.sent_bytes(("ps", 0)) > 5 * VARIABLES_BYTES


@pytest.mark.newest
def test_a_worker_without_a_network_is_noticed_long_before_the_time_limit(tmp_path, start):
    cluster, network = start("tfjob-multi-worker.yaml", max_steps=1_000_000, cluster_timeout=600)
    cluster.wait_until((tmp_path / "run" / "best" / "best.json").exists, *cluster.processes)
    assert network.sent_bytes(WORKER) > 5 * VARIABLES_BYTES
    network.cut_off(WORKER)
    started = time.monotonic()
    assert {*cluster.statuses().values()} == {138}
    assert time.monotonic() - started < 100  # about 15 s, and much more on a busy machine
    for task in cluster.processes:
        assert len(cluster.errors(task)) == 1
