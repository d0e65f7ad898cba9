"""Clusters with parameter servers."""

import contextlib
import json
import re
import signal
import socket
import threading

import pytest
from helpers import Cluster, free_addresses, steps_in, tf_configs

from cnn_estimator import stopping, training
from cnn_estimator.distributed import parameter_servers, tasks
from cnn_estimator.distributed.choose import choose_placement
from cnn_estimator.distributed.parameter_servers import ParameterServers, serve
from cnn_estimator.distributed.tf_config import Task
from cnn_estimator.errors import TaskLost, UserError
from cnn_estimator.run_dir.run import RunDir
from cnn_estimator.settings import Start, TrainOptions, make_settings
from cnn_estimator.tf1 import tf

CHIEF = ("chief", 0)
WORKER = ("worker", 0)
SERVER = ("ps", 0)
EVALUATOR = ("evaluator", 0)
SIZES = {"chief": 1, "worker": 2, "ps": 1, "evaluator": 1}


def new_task(job, index=0):
    cluster = tf_configs({"chief": 1, "worker": 2, "ps": 1})[CHIEF]["cluster"]
    return Task(job, index, {name: tuple(addresses) for name, addresses in cluster.items()})


@pytest.mark.unit
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"keep_best": True, "eval_every": 1}, "keep_best: a cluster with .*: use strategy multi_worker"),
        ({"early_stopping": 2, "eval_every": 1}, "early_stopping: a cluster with .*: use strategy multi_worker"),
        ({"steps": 5}, "steps: a cluster with .*: name the end with max_steps"),
        ({"fresh": True}, "fresh: a cluster with .*: name the end with max_steps"),
        ({"strategy": "multi_worker"}, "strategy multi_worker has a chief and workers, .*"),
        ({"devices": 2}, "devices 2: a task of a cluster uses all of its GPUs: leave devices out"),
    ],
)
def test_options_that_do_not_fit_are_refused(monkeypatch, options, message):
    monkeypatch.setenv("TF_CONFIG", json.dumps(tf_configs(SIZES)[WORKER]))
    with pytest.raises(UserError) as caught:
        choose_placement(TrainOptions(**options))
    assert re.fullmatch(message, str(caught.value))


@pytest.mark.integration
def test_each_task_that_trains_takes_every_third_batch():
    def batches(*task):
        input_fn = ParameterServers(new_task(*task), TrainOptions()).input_fn(lambda: tf.data.Dataset.range(9))
        with tf.Graph().as_default(), tf.Session() as session:
            batch = tf.data.make_one_shot_iterator(input_fn()).get_next()
            return [session.run(batch) for _ in range(3)]

    assert [batches("chief"), batches("worker", 0), batches("worker", 1)] == [[0, 3, 6], [1, 4, 7], [2, 5, 8]]


@pytest.mark.integration
@pytest.mark.parametrize("lost", [False, True])
def test_a_parameter_server_waits_for_the_last_checkpoint_and_then_for_the_tasks_that_train(
    monkeypatch, tmp_path, lost
):
    """But not long, for the machine of a lost worker may be gone."""
    monkeypatch.setattr(parameter_servers, "MAX_END_SECONDS", 0.1 if lost else 60)
    task = new_task("ps")
    server = threading.Thread(target=serve, args=(task, 1, str(tmp_path), 120), daemon=True)
    host, _, port = task.cluster["worker"][1].rpartition(":")
    with socket.create_server((host, int(port))):
        server.start()
        tf.train.update_checkpoint_state(str(tmp_path), "model.ckpt-119")
        server.join(2)
        assert server.is_alive()
        tf.train.update_checkpoint_state(str(tmp_path), "model.ckpt-121")
        server.join(10 if lost else 2)
        assert server.is_alive() != lost
    server.join(10)
    assert not server.is_alive()


@pytest.mark.integration
def test_a_parameter_server_whose_name_does_not_resolve_is_named(tmp_path):
    (address,) = free_addresses(1)
    task = Task("chief", 0, {"chief": (address,), "ps": ("no-such-host.invalid:1",)})
    placement = ParameterServers(task, TrainOptions(cluster_timeout=1))
    settings = make_settings("fashion_dense", seed=1, threads=1, class_names=tuple("abcdefghij"))
    start = Start(settings=settings, checkpoint=None, first_step=0, max_steps=9)
    message = r"^ps 0 at .* did not start within 1 s, and the name no-such-host\.invalid does not resolve: "
    with pytest.raises(TaskLost, match=message):
        placement.wait_until_ready(RunDir(str(tmp_path)), start, object())


@pytest.mark.integration
@pytest.mark.parametrize("lost", [False, True])
def test_a_worker_does_not_wait_without_end_for_a_parameter_server(monkeypatch, tmp_path, lost):
    """TensorFlow waits for a parameter server that is stalled, or is lost before there is a session."""
    monkeypatch.setattr(tasks, "MAX_SILENT_SECONDS", 0 if lost else 60)
    monkeypatch.setattr(tasks, "MAX_STOP_SECONDS", 0)
    monkeypatch.setattr(stopping, "_requested", None if lost else signal.SIGTERM)
    monkeypatch.setattr(tf.estimator, "train_and_evaluate", lambda *arguments: threading.Event().wait(60))
    with socket.create_server(("127.0.0.1", 0)) as stalled, socket.create_server(("127.0.0.1", 0)) as chief:
        addresses = [f"127.0.0.1:{server.getsockname()[1]}" for server in (stalled, chief)]
        worker, absent = free_addresses(2)
        server = absent if lost else addresses[0]
        task = Task("worker", 0, {"chief": (addresses[1],), "worker": (worker,), "ps": (server,)})
        estimator = tf.estimator.Estimator(lambda features, labels, mode: None, str(tmp_path))
        placement = ParameterServers(task, TrainOptions())
        expected = pytest.raises(TaskLost, match=f"^ps 0 at {server} was lost") if lost else contextlib.nullcontext()
        with expected:
            placement.train(estimator, lambda: None, [], 9)


@pytest.mark.integration
@pytest.mark.parametrize("task", [CHIEF, WORKER, SERVER])
def test_a_task_that_is_started_after_the_end_has_nothing_to_do(monkeypatch, model_dir, data_dir, task):
    monkeypatch.setenv("TF_CONFIG", json.dumps(tf_configs(SIZES)[task]))
    result = training.train(model_dir, "fashion_dense", max_steps=120, learning_rate=0.005, data_dir=data_dir)
    assert (result.step, result.steps) == (120, 0)


@pytest.mark.integration
def test_an_evaluator_that_is_started_after_the_end_evaluates_the_last_checkpoint(monkeypatch, model_dir, data_dir):
    monkeypatch.setenv("TF_CONFIG", json.dumps(tf_configs(SIZES)[EVALUATOR]))
    options = {"learning_rate": 0.005, "eval_every": 10, "eval_on_test": True, "data_dir": data_dir}
    training.train(model_dir, "fashion_dense", max_steps=120, **options)
    assert evaluated_steps(model_dir / "eval") == [120]


def evaluated_steps(folder):
    """Returns the steps whose accuracy stands in the event files of a folder."""
    events = [event for path in folder.glob("events*") for event in tf.train.summary_iterator(str(path))]
    return sorted({event.step for event in events for value in event.summary.value if value.tag == "accuracy"})


@pytest.mark.newest
@pytest.mark.process
def test_a_run_survives_the_loss_of_each_of_its_tasks(tmp_path, data_dir):
    model_dir = tmp_path / "run"
    flags = ["--recipe=fashion_dense", "--seed=1", "--threads=1", "--log_every=10", "--save_every=100"]
    flags += ["--cluster_timeout=60"]
    command = ("run_train.py", f"--model_dir={model_dir}", f"--data_dir={data_dir}", *flags)
    endless = ["--max_steps=1000000"]
    configs = tf_configs({"chief": 1, "worker": 1, "ps": 1})
    address = {task: configs[task]["cluster"][task[0]][0] for task in (CHIEF, SERVER)}
    restart = "start this task again: training continues from the last checkpoint"
    with Cluster(tmp_path, configs, *command) as cluster:
        cluster.start(CHIEF, WORKER, SERVER, flags=endless)
        cluster.wait_for("step = ", CHIEF, WORKER)

        assert cluster.end(WORKER, signal.SIGKILL) == -signal.SIGKILL
        saved = max(steps_in(model_dir))
        cluster.wait_until(lambda: max(steps_in(model_dir)) > saved, CHIEF, SERVER)

        cluster.start(WORKER, flags=endless)
        cluster.wait_for("step = ", WORKER)
        assert cluster.end(CHIEF, signal.SIGTERM) == 143
        stopped = max(steps_in(model_dir))
        assert f"stopped by SIGTERM: step {stopped} is saved as {model_dir}/model.ckpt-{stopped}" in cluster.output(
            CHIEF
        )
        assert cluster.statuses(WORKER) == {WORKER: 138}
        assert cluster.errors(WORKER) == [f"error: the chief at {address[CHIEF]} was lost: {restart}"]

        cluster.start(CHIEF, WORKER, flags=endless)
        cluster.wait_for("step = ", CHIEF, WORKER)
        assert cluster.end(SERVER, signal.SIGKILL) == -signal.SIGKILL
        assert cluster.statuses(CHIEF, WORKER) == {CHIEF: 138, WORKER: 138}
        for task in (CHIEF, WORKER):
            (error,) = cluster.errors(task)
            assert error == f"error: ps 0 at {address[SERVER]} was lost, or did not answer in time: {restart}"

        max_steps = max(steps_in(model_dir)) + 100
        cluster.start(flags=[f"--max_steps={max_steps}"])
        cluster.finish()
        assert "Traceback" not in "".join(map(cluster.output, configs))

    last_step = max(steps_in(model_dir))
    assert max_steps <= last_step <= max_steps + 1  # the other task may add a step
    history = [json.loads(line) for line in (model_dir / "history.jsonl").read_text().splitlines()]
    assert [(line["strategy"], line["replicas"]) for line in history] == [("parameter_servers", 2)] * 3
    assert history[1]["first_step"] == stopped
    assert len([*model_dir.glob("events*")]) == 3  # of the chief alone
