"""Replaces tensorflow.python.distribute.estimator_training, which TF 2.16 removed: strategies across a cluster.

The tensorflow-estimator library calls five functions: init_run_config, should_run_distribute_coordinator,
train_and_evaluate, estimator_train and estimator_evaluate. They hand the work to TensorFlow's distribute coordinator,
which starts the servers and calls back with the strategy of one task. In a TF_CONFIG cluster each process runs its own
task ("independent worker"). A client of a remote cluster runs all tasks in one process ("standalone client").

This package calls start_server, train_in_step and without_recovery, which run one task of a cluster without TF_CONFIG.
"""

import contextlib
import copy
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from tensorflow.core.protobuf.config_pb2 import ConfigProto
from tensorflow.python.distribute import distribute_coordinator, distribute_coordinator_context, multi_worker_util
from tensorflow.python.training import monitored_session
from tensorflow.python.training.server_lib import ClusterSpec, Server

_Addresses = Mapping[str, Sequence[str]]
_servers: dict[str, Server] = {}  # the servers of this process: {task and cluster: server}

_INDEPENDENT_WORKER = distribute_coordinator.CoordinatorMode.INDEPENDENT_WORKER
_STANDALONE_CLIENT = distribute_coordinator.CoordinatorMode.STANDALONE_CLIENT


def start_server(cluster: _Addresses, job: str, index: int, session_config: ConfigProto) -> None:
    """Starts a task's server, which runs until the process ends. A second call for the same task does nothing.

    Args:
      cluster: {job: addresses of its tasks}.
      job: the task's job, such as "worker".
      index: the task's index in the job.
      session_config: the server's configuration. Its numbers of threads hold for every operation on this task, also
        for operations of other tasks' sessions.

    Raises:
      OSError: the port is in use.
    """
    spec = ClusterSpec(cluster)
    config = copy.deepcopy(session_config)
    if job != "ps":
        config.experimental.collective_group_leader = multi_worker_util.collective_leader(spec, job, index)
    name = f"{job} {index} of {spec.as_dict()}"
    if name not in _servers:
        port = int(spec.task_address(job, index).rpartition(":")[2])
        socket.create_server(("", port)).close()  # gRPC reports a port in use only on stderr, or not at all
        _servers[name] = Server(spec, job_name=job, task_index=index, config=config)


def train_in_step(
    estimator: Any, strategy: Any, cluster: _Addresses, job: str, index: int, **train_arguments: Any
) -> None:
    """Trains a copy of an Estimator as a task of a cluster, in step with the other tasks.

    Args:
      strategy: a MultiWorkerMirroredStrategy that has no cluster yet.
      cluster, job, index: as in start_server, which must have started the server of this task.
      train_arguments: the arguments of Estimator.train.
    """

    def run_task(task_strategy: Any) -> None:
        context = distribute_coordinator_context.get_current_worker_context()
        context._master_target = _remote_target(cluster[job][index])
        _estimator_of_task(estimator, "train", task_strategy).train(**train_arguments)

    with without_recovery():
        distribute_coordinator._run_single_worker(
            run_task, strategy, ClusterSpec(cluster), job, index, estimator.config.session_config, rpc_layer="grpc"
        )


def _remote_target(address: str) -> str:
    """Returns a target of this process's server that TensorFlow treats as the target of another process.

    A session on a server in its own process does not end a call that has reached its time limit before the call is
    cancelled. The call that asks the cluster's leader for the number of a step cannot be cancelled. If the leader is
    lost, the session would wait forever.
    """
    host, _, port = address.rpartition(":")
    return f"grpc://{'localhost' if host == '127.0.0.1' else '127.0.0.1'}:{port}"


@contextlib.contextmanager
def without_recovery() -> Iterator[None]:
    """Makes MonitoredSession raise errors that it would treat as a preemption.

    By default MonitoredSession creates a new session after such an error. In that session the task would wait forever
    for a lost task, or train together with a restarted task that has other weights.
    """
    errors = monitored_session._PREEMPTION_ERRORS
    monitored_session._PREEMPTION_ERRORS = ()
    try:
        yield
    finally:
        monitored_session._PREEMPTION_ERRORS = errors


def init_run_config(config: Any, tf_config: dict[str, Any]) -> None:
    """Completes a RunConfig that has a distribution strategy, and chooses the mode of the distribute coordinator.

    The coordinator runs the training if there is a strategy to train with and a cluster. The cluster comes from
    experimental_distribute.remote_cluster, or from TF_CONFIG if that has no job "master".
    """
    experimental = config._experimental_distribute
    for kind in ("train_distribute", "eval_distribute"):
        strategy = getattr(experimental, kind, None)
        if strategy and getattr(config, f"_{kind}"):
            raise ValueError(f"Set {kind} or experimental_distribute.{kind}, not both.")
        if strategy:
            setattr(config, f"_{kind}", strategy)
    cluster = ClusterSpec(tf_config.get("cluster", {}))
    remote_cluster = getattr(experimental, "remote_cluster", None)
    config._distribute_coordinator_mode = None
    if config._train_distribute and remote_cluster:
        if cluster:
            raise ValueError("Set the cluster in TF_CONFIG or experimental_distribute.remote_cluster, not both.")
        config._distribute_coordinator_mode = _STANDALONE_CLIENT
        cluster = remote_cluster
    elif config._train_distribute and cluster and "master" not in cluster.jobs:
        config._distribute_coordinator_mode = _INDEPENDENT_WORKER

    if config._distribute_coordinator_mode:
        # The coordinator sets the task later. Until then the RunConfig describes a single process.
        config._init_distributed_setting_from_environment_var({})
        config._cluster_spec = cluster
    else:
        config._init_distributed_setting_from_environment_var(tf_config)
        config._maybe_overwrite_session_config_for_distributed_training()


def should_run_distribute_coordinator(config: Any) -> bool:
    """Returns True if the distribute coordinator has to run train_and_evaluate."""
    mode = getattr(config, "_distribute_coordinator_mode", None)
    return mode in (_INDEPENDENT_WORKER, _STANDALONE_CLIENT) and bool(config.cluster_spec)


def train_and_evaluate(estimator: Any, train_spec: Any, eval_spec: Any, executor_cls: Callable[..., Any]) -> None:
    """Trains in the chief and the workers of a cluster, and evaluates in its evaluator until the last step.

    Args:
      executor_cls: the library's class that evaluates each new checkpoint.
    """
    config = estimator.config
    mode = config._distribute_coordinator_mode
    if not mode:
        raise ValueError("This RunConfig does not use the distribute coordinator.")

    def train(strategy: Any) -> None:
        task_estimator = _estimator_of_task(estimator, "train", strategy)
        # A hook belongs to one graph, and a standalone client has one graph for each task.
        with_hooks = mode == _INDEPENDENT_WORKER or task_estimator._config.is_chief
        hooks = list(train_spec.hooks) if with_hooks else []
        task_estimator.train(train_spec.input_fn, hooks=hooks, max_steps=train_spec.max_steps)

    def evaluate(strategy: Any) -> None:
        task_estimator = _estimator_of_task(estimator, "eval", strategy)
        executor_cls(task_estimator, train_spec, eval_spec)._start_continuous_evaluation()

    distribute_coordinator.run_distribute_coordinator(
        train,
        config.train_distribute,
        evaluate,
        config.eval_distribute,
        mode=mode,
        # As an independent worker, the coordinator reads the cluster and the task from TF_CONFIG.
        cluster_spec=config.cluster_spec if mode == _STANDALONE_CLIENT else None,
        session_config=config.session_config,
    )


def estimator_train(
    estimator: Any, train_distributed_fn: Callable[[Any, Any, Sequence[Any]], Any], hooks: Sequence[Any]
) -> Any:
    """Runs Estimator.train on a remote cluster. Returns the result of train_distributed_fn.

    Args:
      train_distributed_fn: called with (the task's Estimator, the task's strategy, hooks).
    """
    return _run_on_remote_cluster(estimator, "train", train_distributed_fn, hooks)


def estimator_evaluate(
    estimator: Any, evaluate_distributed_fn: Callable[[Any, Any, Sequence[Any]], Any], hooks: Sequence[Any]
) -> Any:
    """Runs Estimator.evaluate on a remote cluster. Returns the metrics, which evaluate_distributed_fn returns."""
    return _run_on_remote_cluster(estimator, "eval", evaluate_distributed_fn, hooks)


def _run_on_remote_cluster(
    estimator: Any, kind: str, work: Callable[[Any, Any, Sequence[Any]], Any], hooks: Sequence[Any]
) -> Any:
    """Runs `work`, which trains (kind "train") or evaluates (kind "eval") in one graph. Returns its result."""
    config = estimator._config
    strategy = getattr(config, f"_{kind}_distribute")
    cluster = multi_worker_util.normalize_cluster_spec(config.cluster_spec)
    method = {"train": "Estimator.train", "eval": "Estimator.evaluate"}[kind]
    if config._distribute_coordinator_mode != _STANDALONE_CLIENT:
        raise ValueError(f"{method} cannot use the cluster in TF_CONFIG, only train_and_evaluate can.")
    if "evaluator" in cluster.jobs:
        raise ValueError(f"{method} has no work for the job 'evaluator', only train_and_evaluate has.")
    if strategy.extended.experimental_between_graph:
        raise ValueError(
            f"{method} cannot use {type(strategy).__name__} on a remote cluster, because the strategy needs one graph "
            "for each worker. train_and_evaluate can."
        )

    def run_task(task_strategy: Any) -> Any:
        return work(_estimator_of_task(estimator, kind, task_strategy), task_strategy, hooks)

    return distribute_coordinator.run_distribute_coordinator(
        run_task, strategy, mode=_STANDALONE_CLIENT, cluster_spec=cluster, session_config=config.session_config
    )


def _estimator_of_task(estimator: Any, kind: str, strategy: Any) -> Any:
    """Returns a copy of an Estimator that runs as the coordinator's current task.

    Args:
      kind: "train" or "eval", the use of the strategy.
      strategy: the task's strategy.
    """
    task = distribute_coordinator_context.get_current_worker_context()
    task_estimator = copy.deepcopy(estimator)
    setattr(task_estimator, f"_{kind}_distribution", strategy)
    settings = {
        f"{kind}_distribute": strategy,
        "distribute_coordinator_mode": None,  # the coordinator runs already
        "service": None,
        "task_type": task.task_type,
        "task_id": task.task_id,
        "is_chief": task.is_chief,
        "master": task.master_target,
        "evaluation_master": task.master_target,
        **_cluster_settings(task),
    }
    for name, value in settings.items():
        setattr(task_estimator._config, f"_{name}", value)
    return task_estimator


def _cluster_settings(task: Any) -> dict[str, Any]:
    """Returns the fields of a RunConfig that describe the cluster and the task's place in it."""
    if task.task_type == "evaluator":  # it works alone
        return _cluster_fields(ClusterSpec({}), workers=0, parameter_servers=0, global_id=None)
    cluster = task.cluster_spec
    if not cluster:
        return _cluster_fields(cluster, workers=1, parameter_servers=0, global_id=0)
    sizes = {job: cluster.num_tasks(job) for job in cluster.jobs}
    workers = sizes.get("chief", 0) + sizes.get("worker", 0)
    global_id = 0
    if task.task_type:  # it is empty if one graph serves all tasks
        jobs = sorted(sizes, key=lambda job: (job == "ps", job))
        global_id = sum(sizes[job] for job in jobs[: jobs.index(task.task_type)]) + task.task_id
    return _cluster_fields(cluster, workers, sizes.get("ps", 0), global_id)


def _cluster_fields(
    cluster: ClusterSpec, workers: int, parameter_servers: int, global_id: int | None
) -> dict[str, Any]:
    return {
        "cluster_spec": cluster,
        "num_worker_replicas": workers,
        "num_ps_replicas": parameter_servers,
        "global_id_in_cluster": global_id,
    }
