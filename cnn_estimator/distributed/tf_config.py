"""The cluster that TF_CONFIG names, and this process's task in it. Imports no TensorFlow."""

import contextlib
import dataclasses
import itertools
import json
import logging
import os
import re
import reprlib
from collections.abc import Iterator, Mapping
from typing import Any

from cnn_estimator.errors import UserError

log = logging.getLogger("cnn_estimator")

_NAME = "TF_CONFIG"
_JOBS = ("chief", "worker", "ps", "evaluator")
_TRAINING_JOBS = ("chief", "worker")
_OLD_CHIEF = "master"  # the chief's name in TensorFlow 1.3
_ADDRESS = re.compile(r"(?:[^\s/,:\[\]]+|\[[^\s/,\[\]]+\]):([0-9]{1,5})")  # an IPv6 host stands in brackets
_MAX_PORT = 65535


@dataclasses.dataclass(frozen=True)
class Task:
    """One process of a cluster.

    Attributes:
      job: "chief", "worker", "ps" or "evaluator".
      index: its number in the job, from 0.
      cluster: {job: addresses} of the jobs that have tasks, without the evaluator, to which no task connects.
    """

    job: str
    index: int
    cluster: Mapping[str, tuple[str, ...]]

    def __str__(self) -> str:
        return f"{self.name} of the cluster"

    @property
    def name(self) -> str:
        """The job, and its number where a cluster may have several tasks of the job."""
        return self.job if self.job in ("chief", "evaluator") else f"{self.job} {self.index}"

    @property
    def trains(self) -> bool:
        """Whether the task is the chief or a worker."""
        return self.job in _TRAINING_JOBS

    @property
    def is_chief(self) -> bool:
        """Whether the task writes the checkpoints: the chief, or worker 0 of a cluster without a chief."""
        return self.trains and self.position == 0

    @property
    def training_addresses(self) -> tuple[str, ...]:
        """The addresses of the chief and the workers, the chief's first."""
        return (*self.cluster.get("chief", ()), *self.cluster.get("worker", ()))

    @property
    def workers(self) -> int:
        """How many tasks train, with the chief."""
        return len(self.training_addresses)

    @property
    def position(self) -> int:
        """The index of this task's address in training_addresses."""
        return self.training_addresses.index(self.address)

    @property
    def address(self) -> str:
        """HOST:PORT. The evaluator has none."""
        return self.cluster[self.job][self.index]

    @property
    def chief_address(self) -> str:
        """The address of the chief, or of worker 0 of a cluster without a chief."""
        return self.training_addresses[0]

    @property
    def parameter_servers(self) -> tuple[str, ...]:
        """The addresses of the parameter servers."""
        return self.cluster.get("ps", ())

    def name_of(self, address: str) -> str:
        """Returns the name of the task at an address: "worker 1 at HOST:PORT"."""
        if address == self.chief_address:
            return f"the chief at {address}"
        (job,) = [job for job, addresses in self.cluster.items() if address in addresses]
        return f"{job} {self.cluster[job].index(address)} at {address}"


def read_task(strategy: str | None, environ: Mapping[str, str] = os.environ) -> Task | None:
    """Returns this process's task in the cluster that TF_CONFIG names; None for a process that trains alone.

    A process trains alone without TF_CONFIG, without a cluster in it, and in a cluster of one task.

    Args:
      strategy: "multi_worker" for workers that train in step; "mirrored" on one machine; None for parameter servers or
        a process alone.
      environ: where TF_CONFIG is looked up.

    Raises:
      UserError: TF_CONFIG is damaged, contradicts itself or does not fit the strategy.
    """
    text = environ.get(_NAME, "")
    if not text.strip():
        if strategy == "multi_worker":
            raise UserError(
                f"strategy multi_worker needs {_NAME}, which names the cluster and this process's task in it",
                "set it, or leave out {strategy}",
            )
        return None
    config = _parse(text)
    cluster = _read_cluster(config.get("cluster", {}))
    if not cluster:
        return None
    job, index = _read_job_and_index(config.get("task"), cluster)
    jobs = {*cluster, job}
    if jobs.issubset(_TRAINING_JOBS) and sum(map(len, cluster.values())) == 1:
        return None
    _check_strategy(strategy, jobs)
    cluster.pop("evaluator", None)
    return Task(job, index, cluster)


@contextlib.contextmanager
def environment(task: Task | None) -> Iterator[None]:
    """Sets TF_CONFIG to a task of its cluster, or removes it for None. Restores TF_CONFIG at the end.

    A RunConfig reads TF_CONFIG when it is made, also the RunConfig of an Estimator without one. In the environment
    "google" Estimator leaves it to its caller to start the server of a task.
    """
    before = os.environ.pop(_NAME, None)
    try:
        if task:
            config = {"cluster": task.cluster, "task": {"type": task.job, "index": task.index}, "environment": "google"}
            os.environ[_NAME] = json.dumps(config)
        yield
    finally:
        os.environ.pop(_NAME, None)
        if before is not None:
            os.environ[_NAME] = before


def hidden() -> contextlib.AbstractContextManager[None]:
    """Removes TF_CONFIG, so that TensorFlow does not read it. Restores TF_CONFIG at the end."""
    return environment(None)


def log_ignored() -> None:
    """Logs that TF_CONFIG is ignored, if there is one."""
    if os.environ.get(_NAME, "").strip():
        log.info("%s is ignored: only training works in a cluster", _NAME)


def _parse(text: str) -> dict[str, Any]:
    """Returns TF_CONFIG as an object; raises UserError where it is no object, or leaves out the other tasks."""
    try:
        config = json.loads(text)
    except ValueError:
        config = None
    if not isinstance(config, dict):
        raise UserError(f"{_NAME} {reprlib.repr(text)} is not a JSON object", "unset it")
    if "sparseCluster" in config:  # each worker would train by itself
        raise UserError(f"{_NAME} has a sparseCluster, which is not supported", "name the whole cluster")
    return config


def _read_cluster(jobs: Any) -> dict[str, tuple[str, ...]]:
    """Returns {job: addresses} of the jobs that have tasks."""
    if not isinstance(jobs, dict) or not all(isinstance(addresses, list) for addresses in jobs.values()):
        raise UserError(f"{_NAME} has cluster {reprlib.repr(jobs)}", 'write it as {"worker": ["HOST:PORT", …]}')
    if "chief" not in jobs:
        jobs = {"chief" if job == _OLD_CHIEF else job: addresses for job, addresses in jobs.items()}
    for job in jobs:
        if job not in _JOBS:
            raise UserError(f"{_NAME} has a job {reprlib.repr(job)}", f"the jobs are {', '.join(_JOBS)}")
    addresses = [*itertools.chain.from_iterable(jobs.values())]
    for address in addresses:
        if not _is_address(str(address)) or addresses.count(address) > 1:
            raise UserError(
                f"{_NAME} has the address {reprlib.repr(address)}",
                "write each task's address as HOST:PORT or [IPV6]:PORT, once",
            )
    if len(jobs.get("chief", ())) > 1:
        raise UserError(f"{_NAME} has {len(jobs['chief'])} tasks of the job 'chief'", "name one, and the others worker")
    return {job: tuple(jobs[job]) for job in _JOBS if jobs.get(job)}


def _is_address(text: str) -> bool:
    """Returns whether a text is HOST:PORT, with a port that a server can have."""
    match = _ADDRESS.fullmatch(text)
    return match is not None and 0 < int(match[1]) <= _MAX_PORT


def _read_job_and_index(task: Any, cluster: Mapping[str, tuple[str, ...]]) -> tuple[str, int]:
    """Returns the job and the index of this process, which is a task of the cluster, or its evaluator."""
    tasks = {f"{job} {index}": (job, index) for job, addresses in cluster.items() for index in range(len(addresses))}
    tasks["evaluator 0"] = ("evaluator", 0)  # the cluster may list it or not
    fields = task if isinstance(task, dict) else {}
    job = "chief" if fields.get("type") == _OLD_CHIEF else fields.get("type")
    name = f"{job} {fields.get('index')}"
    if name not in tasks:
        raise UserError(
            f"{_NAME} has task {reprlib.repr(task)}, which is not in its cluster",
            f'name one that is, such as {{"type": "worker", "index": 0}}: {", ".join(tasks)}',
        )
    return tasks[name]


def _check_strategy(strategy: str | None, jobs: set[str]) -> None:
    """Raises UserError unless the jobs of a cluster of several tasks fit the strategy, and each other."""
    if strategy == "mirrored":
        raise UserError(
            f"strategy mirrored trains in one process, and {_NAME} has several tasks",
            f"choose {{strategy}} multi_worker, or unset {_NAME}",
        )
    if strategy == "multi_worker":
        unfit = jobs.difference(_TRAINING_JOBS)
        if unfit:
            raise UserError(
                f"strategy multi_worker has a chief and workers, and {_NAME} has a task of the job {min(unfit)!r}",
                f"remove it from {_NAME}, or leave out {{strategy}}",
            )
    elif "ps" not in jobs:
        raise UserError(
            f"{_NAME} has several tasks, and neither a strategy nor parameter servers",
            "name {strategy} multi_worker, or add ps tasks",
        )
    elif "chief" not in jobs:
        raise UserError(f"{_NAME} has parameter servers and no chief", "add a task of the job 'chief'")
