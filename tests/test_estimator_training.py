"""Distribution strategies across a cluster: the same results on every TensorFlow release, and as in one process."""

import json
import operator
import re

import numpy as np
import pytest
from helpers import Cluster, free_addresses, tf_configs

from cnn_estimator.tf1 import tf

# isort: split
# After the bridge, which supplies estimator_training.
from tensorflow.python.distribute import distribute_coordinator, estimator_training
from tensorflow.python.distribute.distribute_config import DistributeConfig

# TensorFlow itself uses this option of a dataset.
pytestmark = pytest.mark.filterwarnings("ignore:To make it possible to preserve tf.data options:UserWarning")

FEATURES = np.sin(np.arange(24, dtype=np.float32)).reshape(12, 2)
LABELS = FEATURES @ np.float32([[2], [-3]]) + 0.5
RATE = 0.1
STEPS = 20
CHIEF = ("chief", 0)
WORKER = ("worker", 0)


def gradient_descent(steps):
    """Returns (kernel and bias after a number of steps on all the data, the loss before the last step)."""
    inputs = np.column_stack([FEATURES, np.ones(12)])
    weights = np.zeros(3)
    for _ in range(steps):
        errors = inputs @ weights - LABELS[:, 0]
        weights = weights - RATE * 2 * inputs.T @ errors / 12
    return weights, np.mean(errors**2)


def input_fn(input_context=None):
    """Gives each worker its share of the data as one batch."""
    dataset = tf.data.Dataset.from_tensor_slices((FEATURES, LABELS))
    if input_context:
        dataset = dataset.shard(input_context.num_input_pipelines, input_context.input_pipeline_id)
    return dataset.batch(12).repeat()


def model_fn(features, labels, mode, config):
    start = tf.constant_initializer(config.global_id_in_cluster or 0)  # all workers must start with the first one's
    outputs = tf.layers.dense(features, 1, kernel_initializer=start)
    loss = tf.losses.mean_squared_error(labels, outputs)
    train_op = tf.train.GradientDescentOptimizer(RATE).minimize(loss, tf.train.get_global_step())
    return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=train_op)


class Weights(tf.train.SessionRunHook):
    """Reads kernel and bias at the end of training."""

    values = None

    def end(self, session):
        variables = session.run(session.graph.get_collection(tf.GraphKeys.TRAINABLE_VARIABLES)[:2])
        self.values = np.concatenate([np.ravel(variable) for variable in variables]).tolist()


def train_and_evaluate(estimator, steps):
    """Trains to a step, evaluates the checkpoints; returns the weights as this process sees them."""
    weights = Weights()
    tf.estimator.train_and_evaluate(
        estimator,
        tf.estimator.TrainSpec(input_fn, max_steps=steps, hooks=[weights]),
        tf.estimator.EvalSpec(input_fn, steps=2, start_delay_secs=0, throttle_secs=0),
    )
    return weights.values


def run_task(model_dir):
    """Trains as one task of a cluster; prints its weights, and the loss of the last checkpoint if it has written it."""
    tf.logging.set_verbosity(tf.logging.INFO)
    strategy = tf.distribute.experimental.MultiWorkerMirroredStrategy()
    estimator = tf.estimator.Estimator(model_fn, config=tf.estimator.RunConfig(model_dir, train_distribute=strategy))
    weights = train_and_evaluate(estimator, STEPS)
    evaluated = None
    if strategy.extended.should_checkpoint:
        evaluated = float(estimator.evaluate(input_fn, steps=2)["loss"])
    print(json.dumps({"weights": weights, "evaluated": evaluated}))


@pytest.mark.process
def test_workers_train_as_one_process_does(tmp_path):
    configs = tf_configs({"chief": 1, "worker": 1, "evaluator": 1})
    program = "import sys; sys.path.append('tests'); import test_estimator_training as task; task.run_task(sys.argv[1])"
    with Cluster(tmp_path, configs, "-c", program, str(tmp_path / "model")) as cluster:
        cluster.start()
        cluster.finish()
        results = {task: json.loads(cluster.output(task, "stdout")) for task in (CHIEF, WORKER)}
        logs = {task: cluster.output(task) for task in configs}
    weights, loss = gradient_descent(STEPS)
    evaluated_loss = gradient_descent(STEPS + 1)[1]
    for task, result in results.items():
        np.testing.assert_allclose(result["weights"], weights, rtol=1e-5)
        (last_loss,) = re.findall(r"Loss for final step: ([\d.]+)\.\n", logs[task])
        np.testing.assert_allclose(float(last_loss), loss, rtol=1e-5)
    assert results[CHIEF]["weights"] == results[WORKER]["weights"]
    np.testing.assert_allclose(results[CHIEF]["evaluated"], evaluated_loss, rtol=1e-5)
    assert results[WORKER]["evaluated"] is None
    assert f"into {tmp_path}/model/model.ckpt." in logs[CHIEF]
    assert f"into {tmp_path}/model/model.ckpt." not in logs[WORKER]
    evaluations = re.findall(r"Saving dict for global step (\d+): .*loss = ([\d.]+)", logs["evaluator", 0])
    assert int(evaluations[-1][0]) == STEPS
    np.testing.assert_allclose(float(evaluations[-1][1]), evaluated_loss, rtol=1e-5)


@pytest.mark.integration
def test_one_process_trains_to_the_same_weights(tmp_path):
    estimator = tf.estimator.Estimator(model_fn, str(tmp_path))
    np.testing.assert_allclose(train_and_evaluate(estimator, STEPS), gradient_descent(STEPS)[0], rtol=1e-5)
    evaluated = estimator.evaluate(input_fn, steps=2)["loss"]
    np.testing.assert_allclose(evaluated, gradient_descent(STEPS + 1)[1], rtol=1e-5)


@pytest.fixture(scope="module")
def remote_cluster():
    """The servers of two workers, in this process."""
    config = tf.ConfigProto()
    config.experimental.collective_group_leader = "/job:worker/replica:0/task:0"
    cluster = {"worker": free_addresses(2)}
    servers = [tf.train.Server(cluster, job_name="worker", task_index=index, config=config) for index in range(2)]
    yield cluster
    del servers


def remote_estimator(model_dir, cluster, **strategies):
    experimental = DistributeConfig(remote_cluster=cluster, **strategies)
    return tf.estimator.Estimator(
        model_fn, str(model_dir), tf.estimator.RunConfig(experimental_distribute=experimental)
    )


@pytest.mark.integration
def test_a_client_trains_and_evaluates_on_a_remote_cluster(tmp_path, remote_cluster):
    strategy = tf.distribute.MirroredStrategy()
    estimator = remote_estimator(tmp_path, remote_cluster, train_distribute=strategy, eval_distribute=strategy)
    weights = Weights()
    estimator.train(input_fn, max_steps=STEPS, hooks=[weights])
    np.testing.assert_allclose(weights.values, gradient_descent(STEPS)[0], rtol=1e-5)
    metrics = estimator.evaluate(input_fn, steps=2)
    assert metrics["global_step"] == STEPS
    np.testing.assert_allclose(metrics["loss"], gradient_descent(STEPS + 1)[1], rtol=1e-5)


@pytest.mark.integration
@pytest.mark.parametrize("name", ["MirroredStrategy", "experimental.MultiWorkerMirroredStrategy"])
def test_a_client_runs_train_and_evaluate_on_a_remote_cluster(tmp_path, remote_cluster, name):
    strategy = operator.attrgetter(name)(tf.distribute)()
    estimator = remote_estimator(tmp_path, remote_cluster, train_distribute=strategy)
    weights = train_and_evaluate(estimator, STEPS)
    np.testing.assert_allclose(weights, gradient_descent(STEPS)[0], rtol=1e-5)
    saved = [np.ravel(estimator.get_variable_value(f"dense/{name}")) for name in ("kernel", "bias")]
    assert np.concatenate(saved).tolist() == weights


def mirrored():
    return tf.distribute.MirroredStrategy(["/cpu:0"])


def in_cluster(monkeypatch, job, index=0, **jobs):
    cluster = {name: [f"{name}{number}:1" for number in range(count)] for name, count in jobs.items()}
    monkeypatch.setenv("TF_CONFIG", json.dumps({"cluster": cluster, "task": {"type": job, "index": index}}))


def mode_of(config):
    return getattr(config, "_distribute_coordinator_mode", None)


@pytest.mark.unit
def test_a_strategy_in_a_cluster_makes_the_coordinator_find_out_the_task(monkeypatch):
    in_cluster(monkeypatch, "worker", 1, worker=2)
    config = tf.estimator.RunConfig(train_distribute=mirrored())
    assert mode_of(config) == "independent_worker"
    assert estimator_training.should_run_distribute_coordinator(config)
    assert config.cluster_spec.as_dict() == {"worker": ["worker0:1", "worker1:1"]}
    assert (config.task_type, config.task_id, config.is_chief, config.master) == ("worker", 0, True, "")
    assert config.session_config is None


@pytest.mark.unit
@pytest.mark.parametrize(("kind", "job"), [("train_distribute", "master"), ("eval_distribute", "chief")])
def test_with_a_master_or_nothing_to_train_with_the_coordinator_is_not_used(monkeypatch, kind, job):
    in_cluster(monkeypatch, "worker", 1, **{job: 1, "worker": 2})
    config = tf.estimator.RunConfig(**{kind: mirrored()})
    assert mode_of(config) is None
    assert not estimator_training.should_run_distribute_coordinator(config)
    assert (config.task_type, config.task_id, config.is_chief) == ("worker", 1, False)
    assert list(config.session_config.device_filters) == ["/job:ps", "/job:worker/task:1"]


@pytest.mark.unit
def test_without_a_cluster_the_coordinator_is_not_used():
    config = tf.estimator.RunConfig(train_distribute=mirrored())
    assert mode_of(config) is None
    assert not estimator_training.should_run_distribute_coordinator(config)
    assert (config.num_worker_replicas, config.global_id_in_cluster) == (1, 0)


@pytest.mark.unit
def test_a_remote_cluster_makes_the_process_a_client(monkeypatch):
    remote = {"worker": ["host:1"]}
    experimental = DistributeConfig(train_distribute=mirrored(), remote_cluster=remote)
    config = tf.estimator.RunConfig(experimental_distribute=experimental)
    assert mode_of(config) == "standalone_client"
    assert estimator_training.should_run_distribute_coordinator(config)
    assert config.cluster_spec == remote

    only_evaluates = DistributeConfig(eval_distribute=mirrored(), remote_cluster=remote)
    assert mode_of(tf.estimator.RunConfig(experimental_distribute=only_evaluates)) is None
    in_cluster(monkeypatch, "worker", worker=1)
    with pytest.raises(ValueError, match="TF_CONFIG"):
        tf.estimator.RunConfig(experimental_distribute=experimental)


@pytest.mark.unit
@pytest.mark.parametrize("method", ["train", "evaluate"])
def test_only_train_and_evaluate_works_in_a_cluster_with_several_graphs(monkeypatch, tmp_path, method):
    both = {"train_distribute": mirrored(), "eval_distribute": mirrored()}
    cluster = {"worker": ["host:1"], "evaluator": ["host:2"]}
    with pytest.raises(ValueError, match=r"'evaluator'.*train_and_evaluate"):
        getattr(remote_estimator(tmp_path, cluster, **both), method)(input_fn, steps=1)

    between_graphs = dict.fromkeys(both, tf.distribute.experimental.MultiWorkerMirroredStrategy())
    with pytest.raises(ValueError, match=rf"(?i)estimator\.{method}.* CollectiveAllReduceStrategyV1"):
        getattr(remote_estimator(tmp_path, {"worker": ["host:1"]}, **between_graphs), method)(input_fn, steps=1)

    in_cluster(monkeypatch, "worker", worker=2)
    estimator = tf.estimator.Estimator(model_fn, config=tf.estimator.RunConfig(str(tmp_path), **both))
    with pytest.raises(ValueError, match=rf"(?i)estimator\.{method}"):
        getattr(estimator, method)(input_fn, steps=1)


class StubEstimator:
    """Records what a task does with its copy of an Estimator."""

    calls = []  # noqa: RUF012  # of all copies

    def __init__(self, config):
        self.config = self._config = config

    def train(self, input_fn, hooks, max_steps):
        self.calls.append((self, hooks, max_steps))


CLUSTER = {"chief": ["c:1"], "worker": ["w:1", "w:2"], "ps": ["p:1"], "evaluator": ["e:1"]}


def run_stub_task(monkeypatch, mode, job, index, cluster=CLUSTER):
    """Runs train_and_evaluate in one task that has no server; returns (config of the task, hooks, max_steps)."""
    strategy = mirrored()

    def run_one_task(train, train_strategy, evaluate, eval_strategy, *, mode, cluster_spec, session_config):
        assert cluster_spec == (CLUSTER if mode == "standalone_client" else None)
        spec = tf.train.ClusterSpec(cluster) if cluster else None
        with distribute_coordinator._WorkerContext(strategy, spec, job, index):
            (evaluate if job == "evaluator" else train)(strategy)

    class Executor:
        def __init__(self, estimator, train_spec, eval_spec):
            self._start_continuous_evaluation = lambda: StubEstimator.calls.append((estimator, None, None))

    monkeypatch.setattr(distribute_coordinator, "run_distribute_coordinator", run_one_task)
    monkeypatch.setattr(StubEstimator, "calls", [])
    config = tf.estimator.RunConfig(train_distribute=mirrored(), eval_distribute=mirrored())
    config._distribute_coordinator_mode = mode
    config._cluster_spec = CLUSTER
    train_spec = tf.estimator.TrainSpec(input_fn, max_steps=7, hooks=[Weights()])
    estimator_training.train_and_evaluate(StubEstimator(config), train_spec, None, Executor)
    ((task_estimator, hooks, max_steps),) = StubEstimator.calls
    assert mode_of(config) == mode
    assert mode_of(task_estimator._config) is None
    kind = "eval" if job == "evaluator" else "train"
    assert getattr(task_estimator, f"_{kind}_distribution") is strategy
    assert getattr(task_estimator._config, f"_{kind}_distribute") is strategy
    return task_estimator._config, hooks, max_steps


@pytest.mark.unit
@pytest.mark.parametrize(
    ("job", "index", "cluster", "place"),
    [
        ("chief", 0, CLUSTER, (True, "grpc://c:1", 3, 1, 0)),
        ("worker", 1, CLUSTER, (False, "grpc://w:2", 3, 1, 3)),
        (None, None, CLUSTER, (True, "grpc://c:1", 3, 1, 0)),
        ("evaluator", 0, CLUSTER, (True, "", 0, 0, None)),
        (None, None, None, (True, "", 1, 0, 0)),
    ],
)
def test_each_task_knows_its_place_in_the_cluster(monkeypatch, job, index, cluster, place):
    config, *_ = run_stub_task(monkeypatch, "independent_worker", job, index, cluster)
    assert (config.task_type, config.task_id) == (job, index)
    assert config.evaluation_master == config.master
    sizes = (config.num_worker_replicas, config.num_ps_replicas)
    assert (config.is_chief, config.master, *sizes, config.global_id_in_cluster) == place
    if cluster:
        assert config.cluster_spec.as_dict() == ({} if job == "evaluator" else CLUSTER)


@pytest.mark.unit
@pytest.mark.parametrize(
    ("mode", "job", "count"),
    [("independent_worker", "worker", 1), ("standalone_client", "worker", 0), ("standalone_client", "chief", 1)],
)
def test_a_client_gives_the_hooks_to_one_task(monkeypatch, mode, job, count):
    _, hooks, max_steps = run_stub_task(monkeypatch, mode, job, 0)
    assert (len(hooks), max_steps) == (count, 7)
