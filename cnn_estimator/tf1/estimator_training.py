"""Distribution strategies across a cluster: tensorflow.python.distribute.estimator_training, which TF 2.16 removed.

The tensorflow-estimator library calls its five functions. They leave the work to TensorFlow's distribute coordinator,
which starts the servers and calls back with the strategy of one task: in each process of a TF_CONFIG cluster
("independent worker"), or in one process for all tasks of a remote cluster ("standalone client").

`start_server`, `run_worker` and `without_recovery` are for this package: one task of a cluster, without TF_CONFIG.
"""

import contextlib
import copy
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from tensorflow.core.protobuf.config_pb2 import ConfigProto
from tensorflow.python.distribute import distribute_coordinator, distribute_coordinator_context, multi_worker_util
from tensorflow.python.training import monitored_session
from tensorflow.python.training.server_lib import ClusterSpec, Server

_Result = TypeVar("_Result")
_Addresses = Mapping[str, Sequence[str]]
_servers: dict[str, tuple[str, Server]] = {}  # {what it serves: (its configuration, the server)} of this process

_INDEPENDENT_WORKER = distribute_coordinator.CoordinatorMode.INDEPENDENT_WORKER
_STANDALONE_CLIENT = distribute_coordinator.CoordinatorMode.STANDALONE_CLIENT


def start_server(cluster: _Addresses, job: str, index: int, session_config: ConfigProto) -> str:
    """Starts the server of a task and returns its target, for sessions.

    A server keeps its port for as long as the process lives: a second call returns the first one's.

    Args:
      cluster: {job: addresses}.
      session_config: with the number of threads that an operation on this task gets, whoever runs it.

    Raises:
      ValueError: this process serves the task already, with another configuration.
      OSError: the port is not free.
    """
    spec = ClusterSpec(cluster)
    config = copy.deepcopy(session_config)
    if job != "ps":
        config.experimental.collective_group_leader = multi_worker_util.collective_leader(spec, job, index)
    name, text = f"{job} {index} of {spec.as_dict()}", str(config)
    if name not in _servers:
        _check_port(int(spec.task_address(job, index).rpartition(":")[2]))
        _servers[name] = text, Server(spec, job_name=job, task_index=index, config=config)
    started, server = _servers[name]
    if started != text:
        raise ValueError(f"this process serves {name} already, with another configuration")
    return server.target


def _check_port(port: int) -> None:
    """Raises OSError unless it is free: gRPC does not say why it cannot listen, or only on stderr."""
    if socket.has_dualstack_ipv6():
        socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True).close()
    else:
        socket.create_server(("", port)).close()


def run_worker(
    work: Callable[[Any, Callable[[Any], Any]], _Result],
    strategy: Any,
    cluster: _Addresses,
    job: str,
    index: int,
    session_config: ConfigProto,
) -> _Result:
    """Returns what work(strategy of the task, of_task) returns, with a server of the task, see start_server.

    of_task(estimator) is the Estimator's copy that trains as this task.

    Args:
      strategy: a MultiWorkerMirroredStrategy that knows no cluster yet.
    """
    start_server(cluster, job, index, session_config)

    def run(strategy_of_task: Any) -> _Result:
        context = distribute_coordinator_context.get_current_worker_context()
        context._master_target = _remote_target(cluster[job][index])
        return work(strategy_of_task, lambda estimator: _estimator_of_task(estimator, "train", strategy_of_task))

    with without_recovery():
        return distribute_coordinator._run_single_worker(
            run, strategy, ClusterSpec(cluster), job, index, session_config, rpc_layer="grpc"
        )


def _remote_target(address: str) -> str:
    """Returns a target for this process's server that TensorFlow does not take for one in this process.

    A session on a server in its own process waits for a call that has run into its time limit to be cancelled. But the
    question for the number of a step, to the cluster's leader, is not: when that is gone, it is never answered.
    """
    host, _, port = address.rpartition(":")
    return f"grpc://{'localhost' if host == '127.0.0.1' else '127.0.0.1'}:{port}"


@contextlib.contextmanager
def without_recovery() -> Iterator[None]:
    """Has a MonitoredSession raise what it takes for a preemption.

    By itself it makes a new session then, in which a task waits for ever for those that are gone, or trains with one
    that was started anew and has other weights.
    """
    errors = monitored_session._PREEMPTION_ERRORS
    monitored_session._PREEMPTION_ERRORS = ()
    try:
        yield
    finally:
        monitored_session._PREEMPTION_ERRORS = errors


def init_run_config(config: Any, tf_config: dict[str, Any]) -> None:
    """Completes a RunConfig that has a distribution strategy, and decides whether the distribute coordinator runs it.

    It does where a strategy to train with meets a cluster: that of experimental_distribute.remote_cluster, or one in
    TF_CONFIG without the job "master".
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
        config._distribute_coordinator_mode, cluster = _STANDALONE_CLIENT, remote_cluster
    elif config._train_distribute and cluster and "master" not in cluster.jobs:
        config._distribute_coordinator_mode = _INDEPENDENT_WORKER

    if config._distribute_coordinator_mode:
        # The coordinator finds out the task; until then the process is on its own.
        config._init_distributed_setting_from_environment_var({})
        config._cluster_spec = cluster
    else:
        config._init_distributed_setting_from_environment_var(tf_config)
        config._maybe_overwrite_session_config_for_distributed_training()


def should_run_distribute_coordinator(config: Any) -> bool:
    """Whether train_and_evaluate is to go through the distribute coordinator."""
    mode = getattr(config, "_distribute_coordinator_mode", None)
    return mode in (_INDEPENDENT_WORKER, _STANDALONE_CLIENT) and bool(config.cluster_spec)


def train_and_evaluate(estimator: Any, train_spec: Any, eval_spec: Any, executor_cls: Callable[..., Any]) -> None:
    """Trains in the tasks of the cluster that train, and evaluates in its evaluator until the last step.

    Args:
      executor_cls: the library's class that evaluates each new checkpoint.
    """
    config = estimator.config
    mode = config._distribute_coordinator_mode
    if not mode:
        raise ValueError("This RunConfig does not use the distribute coordinator.")

    def train(strategy: Any) -> None:
        task_estimator = _estimator_of_task(estimator, "train", strategy)
        # A hook belongs to one graph: a client has one for each task.
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
        # An independent worker's coordinator reads the cluster from TF_CONFIG, together with the task.
        cluster_spec=config.cluster_spec if mode == _STANDALONE_CLIENT else None,
        session_config=config.session_config,
    )


def estimator_train(
    estimator: Any, train_distributed_fn: Callable[[Any, Any, Sequence[Any]], Any], hooks: Sequence[Any]
) -> Any:
    """Runs Estimator.train on a remote cluster.

    Args:
      train_distributed_fn: called with (estimator of the task, its strategy, hooks).
    """
    return _run_on_remote_cluster(estimator, "train", train_distributed_fn, hooks)


def estimator_evaluate(
    estimator: Any, evaluate_distributed_fn: Callable[[Any, Any, Sequence[Any]], Any], hooks: Sequence[Any]
) -> Any:
    """Runs Estimator.evaluate on a remote cluster and returns the metrics, as evaluate_distributed_fn does."""
    return _run_on_remote_cluster(estimator, "eval", evaluate_distributed_fn, hooks)


def _run_on_remote_cluster(
    estimator: Any, kind: str, work: Callable[[Any, Any, Sequence[Any]], Any], hooks: Sequence[Any]
) -> Any:
    """Returns what `work` returns, which trains (kind "train") or evaluates (kind "eval") in one graph."""
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
            f"{method} cannot use {type(strategy).__name__} on a remote cluster: it needs one graph for each worker. "
            "train_and_evaluate can."
        )

    def run_task(task_strategy: Any) -> Any:
        return work(_estimator_of_task(estimator, kind, task_strategy), task_strategy, hooks)

    return distribute_coordinator.run_distribute_coordinator(
        run_task, strategy, mode=_STANDALONE_CLIENT, cluster_spec=cluster, session_config=config.session_config
    )


def _estimator_of_task(estimator: Any, kind: str, strategy: Any) -> Any:
    """Returns a copy of an Estimator with the place and the strategy of the coordinator's current task.

    Args:
      kind: what the strategy is for, "train" or "eval".
    """
    task = distribute_coordinator_context.get_current_worker_context()
    task_estimator = copy.deepcopy(estimator)
    setattr(task_estimator, f"_{kind}_distribution", strategy)
    settings = {
        f"{kind}_distribute": strategy,
        "distribute_coordinator_mode": None,  # the coordinator is running already
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
    """Returns the settings of a RunConfig that tell a task how many others the cluster has."""
    cluster = task.cluster_spec
    if task.task_type == "evaluator":  # it works alone
        cluster, workers, parameter_servers, global_id = ClusterSpec({}), 0, 0, None
    elif not cluster:
        workers, parameter_servers, global_id = 1, 0, 0
    else:
        sizes = {job: cluster.num_tasks(job) for job in cluster.jobs}
        workers = sizes.get("chief", 0) + sizes.get("worker", 0)
        parameter_servers = sizes.get("ps", 0)
        global_id = 0
        if task.task_type:  # without one, a single graph is for all tasks
            jobs = sorted(sizes, key=lambda job: (job == "ps", job))
            global_id = sum(sizes[job] for job in jobs[: jobs.index(task.task_type)]) + task.task_id
    return {
        "cluster_spec": cluster,
        "num_worker_replicas": workers,
        "num_ps_replicas": parameter_servers,
        "global_id_in_cluster": global_id,
    }
