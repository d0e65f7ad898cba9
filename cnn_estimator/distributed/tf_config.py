"""The cluster that TF_CONFIG names, and this process's task in it. Imports no TensorFlow."""

import contextlib
import dataclasses
import json
import logging
import os
import re
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any

from cnn_estimator.errors import UserError

log = logging.getLogger("cnn_estimator")

_NAME = "TF_CONFIG"
_JOBS = ("chief", "worker", "ps", "evaluator")
# Most change what an Estimator does. With sparseCluster there is no cluster, so that each worker would train by itself:
# it has the addresses of that worker and of the parameter servers alone.
_UNSUPPORTED = ("model_dir", "session_master", "eval_session_master", "service", "sparseCluster")
_ADDRESS = re.compile(r"(\[[^\s\[\]/]+\]|[^\s\[\]/:]+):([1-9][0-9]{0,4})", re.ASCII)
_MAX_PORT = 2**16 - 1

_Cluster = dict[str, tuple[str, ...]]


@dataclasses.dataclass(frozen=True)
class Task:
    """One process of a cluster. The tasks that train are the chief and the workers.

    Attributes:
      job: "chief", "worker", "ps" or "evaluator".
      index: its number in the job, from 0.
      cluster: {job: addresses} of the jobs that have tasks, without the evaluator, which TensorFlow keeps apart: nobody
        connects to it.
    """

    job: str
    index: int
    cluster: Mapping[str, tuple[str, ...]]

    def __str__(self) -> str:
        name = self.job if self.job in ("chief", "evaluator") else f"{self.job} {self.index}"
        return f"{name} of the cluster"

    @property
    def trains(self) -> bool:
        """Whether it is the chief or a worker."""
        return self.job in ("chief", "worker")

    @property
    def is_chief(self) -> bool:
        """Whether it writes the checkpoints: the chief, or worker 0 of a cluster without a chief."""
        return self.trains and self.position == 0

    @property
    def is_evaluator(self) -> bool:
        return self.job == "evaluator"

    @property
    def is_parameter_server(self) -> bool:
        return self.job == "ps"

    @property
    def training_addresses(self) -> tuple[str, ...]:
        """The addresses of the tasks that train, the chief's first."""
        return (*self.cluster.get("chief", ()), *self.cluster.get("worker", ()))

    @property
    def workers(self) -> int:
        """How many tasks train."""
        return len(self.training_addresses)

    @property
    def position(self) -> int:
        """Its number among the tasks that train, from 0, the chief first. Raises ValueError if it does not train."""
        if not self.trains:
            raise ValueError(f"the {self} does not train")
        return self.index + (len(self.cluster.get("chief", ())) if self.job == "worker" else 0)

    @property
    def address(self) -> str | None:
        """host:port, or None for the evaluator."""
        return None if self.is_evaluator else self.cluster[self.job][self.index]

    @property
    def chief_address(self) -> str:
        """The address of the chief, or of worker 0 of a cluster without a chief."""
        return self.training_addresses[0]

    @property
    def parameter_servers(self) -> tuple[str, ...]:
        """Their addresses."""
        return self.cluster.get("ps", ())

    def name_of(self, position: int) -> str:
        """Returns what to call the training task at a position: worker 1 at HOST:PORT."""
        chiefs = len(self.cluster.get("chief", ()))
        name = "the chief" if position == 0 else f"worker {position - chiefs}"
        return f"{name} at {self.training_addresses[position]}"


def read_task(strategy: str | None, environ: MutableMapping[str, str] = os.environ) -> Task | None:
    """Returns this process's task in the cluster that TF_CONFIG names; None where the process trains alone.

    It does without a TF_CONFIG, and in a cluster that has no other task. An empty TF_CONFIG is removed: it means what
    none does, but Estimator cannot read it.

    Args:
      strategy: "multi_worker" for workers that train in step; "mirrored" on one machine; None for parameter servers, or
        a process alone.
      environ: where TF_CONFIG is looked up.

    Raises:
      UserError: TF_CONFIG is damaged, contradicts itself or does not fit the strategy.
    """
    text = environ.get(_NAME)
    if text is not None and not text.strip():
        del environ[_NAME]
        text = None
    if text is None:
        if strategy == "multi_worker":
            raise UserError(
                f"strategy multi_worker needs {_NAME}, which names the cluster and this process's task in it",
                "set it, or leave out {strategy}",
            )
        return None
    config = _parsed(text)
    _check_keys(config)
    cluster = _cluster(config.get("cluster", {}))
    if not cluster:
        _check_alone(config.get("task", {}))
        return None
    job, index = _task(config.get("task", {}), cluster)
    _check_strategy(strategy, job, cluster)
    if job != "evaluator" and sum(map(len, cluster.values())) == 1:
        return None
    return Task(job, index, {name: addresses for name, addresses in cluster.items() if name != "evaluator"})


@contextlib.contextmanager
def environment(task: Task | None) -> Iterator[None]:
    """Sets TF_CONFIG to a task of its cluster, or removes it for None; afterwards it is what it was before.

    A RunConfig reads TF_CONFIG when it is made, also the RunConfig of an Estimator without one.
    """
    before = os.environ.pop(_NAME, None)
    try:
        if task:
            os.environ[_NAME] = json.dumps({"cluster": task.cluster, "task": {"type": task.job, "index": task.index}})
        yield
    finally:
        os.environ.pop(_NAME, None)
        if before is not None:
            os.environ[_NAME] = before


def hidden() -> contextlib.AbstractContextManager[None]:
    """Removes TF_CONFIG for a while, so that TensorFlow does not read it."""
    return environment(None)


def log_ignored() -> None:
    """Logs that TF_CONFIG is ignored, if there is one."""
    if os.environ.get(_NAME, "").strip():
        log.info("%s is ignored: only training works in a cluster", _NAME)


def _parsed(text: str) -> dict[str, Any]:
    try:
        config = json.loads(text)
    except (ValueError, RecursionError):
        config = None
    if not isinstance(config, dict):
        raise UserError(f"{_NAME} {_shortened(text)} is not a JSON object", "unset it")
    return config


def _check_keys(config: Mapping[str, Any]) -> None:
    """Raises UserError for keys that change what a task does and are not supported; others are ignored."""
    for key in _UNSUPPORTED:
        if key in config:
            raise UserError(f"{_NAME} has {key} {_shortened(config[key])}, which is not supported", "remove it")
    if config.get("rpc_layer", "grpc") != "grpc":
        raise UserError(
            f"{_NAME} has rpc_layer {_shortened(config['rpc_layer'])}, and tasks talk by grpc here", "remove it"
        )
    if config.get("environment") == "google":  # TensorFlow expects that somebody else starts the servers
        raise UserError(f"{_NAME} has environment 'google', in which no task starts its server", "remove it")


def _cluster(jobs: Any) -> _Cluster:
    """Returns {job: addresses} for the jobs that have tasks, in the order of _JOBS."""
    if not isinstance(jobs, dict):
        raise UserError(f"{_NAME} has cluster {_shortened(jobs)}", 'it must be an object, {"worker": ["HOST:PORT", …]}')
    for job, addresses in jobs.items():
        if job == "master":
            raise UserError(f"{_NAME} has a job 'master', the old name of the chief", "rename it to chief")
        if job not in _JOBS:
            raise UserError(f"{_NAME} has a job {_shortened(job)}", f"the jobs are {', '.join(_JOBS)}")
        if not isinstance(addresses, list):
            raise UserError(
                f"{_NAME} has {_shortened(addresses)} for the job {job!r}", 'list its addresses, ["HOST:PORT", …]'
            )
    cluster = {job: tuple(jobs[job]) for job in _JOBS if jobs.get(job)}
    _check_addresses(cluster)
    for job in ("chief", "evaluator"):
        if len(cluster.get(job, ())) > 1:
            raise UserError(f"{_NAME} has {len(cluster[job])} tasks of the job {job!r}", "a cluster has one at most")
    return cluster


def _check_addresses(cluster: _Cluster) -> None:
    seen: dict[str, str] = {}
    for job, addresses in cluster.items():
        for index, address in enumerate(addresses):
            found = _ADDRESS.fullmatch(address) if isinstance(address, str) else None
            if not found or int(found[2]) > _MAX_PORT:
                raise UserError(
                    f"{_NAME} has the address {_shortened(address)} for {job} {index}",
                    f"write it as HOST:PORT, with a port from 1 to {_MAX_PORT}",
                )
            if address in seen:
                raise UserError(
                    f"{_NAME} has the address {_shortened(address)} for {seen[address]} and for {job} {index}",
                    "give each task its own",
                )
            seen[address] = f"{job} {index}"


def _task(task: Any, cluster: _Cluster) -> tuple[str, int]:
    """Returns the job and the index of this process's task, which the cluster has, or which is the evaluator."""
    if not isinstance(task, dict) or not {"type", "index"} <= task.keys():
        raise UserError(
            f"{_NAME} has a cluster and task {_shortened(task)}",
            'name the task of this process, {"type": "worker", "index": 0}',
        )
    job, index = task["type"], _number(task["index"])
    sizes = {name: len(addresses) for name, addresses in cluster.items()} | {"evaluator": 1}
    known = isinstance(job, str) and job in sizes and type(index) is int and 0 <= index < sizes[job]
    if not known:
        tasks = ", ".join(name if size == 1 else f"{name} 0 to {size - 1}" for name, size in sizes.items())
        raise UserError(
            f"{_NAME} has task {_shortened(task)}, which is not in its cluster", f"name one that is: {tasks}"
        )
    return job, index


def _number(index: Any) -> Any:
    """Returns a task's index, which TensorFlow takes as a text as well."""
    return int(index) if isinstance(index, str) and re.fullmatch("[0-9]{1,9}", index) else index


def _check_alone(task: Any) -> None:
    """Raises UserError where a task without a cluster is one of several, or one that does not train."""
    alone = isinstance(task, dict) and task.get("type", "worker") in ("chief", "worker")
    if not alone or type(index := _number(task.get("index", 0))) is not int or index != 0:
        raise UserError(f"{_NAME} has task {_shortened(task)} and no cluster", "name the cluster, or unset it")


def _check_strategy(strategy: str | None, job: str, cluster: _Cluster) -> None:
    """Raises UserError where the jobs do not fit the strategy, or each other."""
    jobs = {*cluster, job}
    tasks = sum(map(len, cluster.values())) + (job not in cluster)
    if tasks == 1 and jobs <= {"chief", "worker"}:
        return
    if strategy == "mirrored":
        raise UserError(
            f"strategy mirrored trains in one process, and {_NAME} has {tasks} tasks",
            "choose {strategy} multi_worker, or unset " + _NAME,
        )
    if strategy == "multi_worker":
        if unfit := jobs - {"chief", "worker"}:
            raise UserError(
                f"strategy multi_worker has a chief and workers, and {_NAME} has a task of the job {min(unfit)!r}",
                f"remove it from {_NAME}, or leave out {{strategy}}",
            )
        return
    if "ps" not in jobs and "evaluator" not in jobs:
        raise UserError(
            f"{_NAME} has {tasks} tasks that train, and neither a strategy nor parameter servers",
            "name {strategy} multi_worker, or add ps tasks",
        )
    for needed, name in (("chief", "a task of the job 'chief'"), ("ps", "tasks of the job 'ps'")):
        if needed not in jobs:
            others = " and ".join(repr(other) for other in _JOBS if other in jobs)
            raise UserError(f"{_NAME} has no job {needed!r} beside {others}", f"add {name}")


def _shortened(value: Any) -> str:
    text = repr(value)
    if len(text) <= 100:
        return text
    return f"{value[:100]!r}…" if isinstance(value, str) else f"{text[:100]}…"
