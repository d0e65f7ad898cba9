"""TF_CONFIG: which task of which cluster a process is, what is wrong with it, and who ignores it."""

import json
import os

import pytest
from helpers import error_of, evaluate, run

from cnn_estimator import prediction
from cnn_estimator.distributed import tf_config
from cnn_estimator.distributed.tf_config import Task, read_task
from cnn_estimator.errors import UserError

WORKERS = {"worker": ["a:1", "b:1"]}
WITH_CHIEF = {"chief": ["c:1"], **WORKERS}
PS = {**WITH_CHIEF, "ps": ["p:1", "q:1"]}


def config(cluster, job, index=0, **other):
    return {"cluster": cluster, "task": {"type": job, "index": index}, **other}


def read(content, strategy=None):
    return read_task(strategy, {"TF_CONFIG": content if isinstance(content, str) else json.dumps(content)})


@pytest.mark.unit
@pytest.mark.parametrize(
    "content",
    [
        {},
        {"environment": "cloud", "job": {"package": "a"}},
        {"cluster": {}},
        {"cluster": {"worker": []}, "task": {"type": "worker", "index": "0"}},
        {"task": {"type": "chief", "index": 0}},
        config({"chief": ["localhost:2222"]}, "chief"),
        config({"worker": ["localhost:2222"], "ps": []}, "worker"),
    ],
    ids=str,
)
@pytest.mark.parametrize("strategy", [None, "mirrored", "multi_worker"])
def test_a_process_that_has_no_other_trains_alone(content, strategy):
    assert read(content, strategy) is None


@pytest.mark.unit
@pytest.mark.parametrize("environ", [{}, {"TF_CONFIG": ""}, {"TF_CONFIG": " \n"}], ids=str)
def test_without_tf_config_a_process_trains_alone_and_an_empty_one_is_none(environ):
    assert read_task(None, environ) is None
    assert read_task("mirrored", environ) is None
    assert environ == {}
    with pytest.raises(UserError, match=r"strategy multi_worker needs TF_CONFIG, .* set it, or leave out strategy"):
        read_task("multi_worker", environ)


@pytest.mark.unit
@pytest.mark.parametrize(
    ("cluster", "job", "index", "position", "chief", "text"),
    [
        (WORKERS, "worker", 0, 0, True, "worker 0 of the cluster"),
        (WORKERS, "worker", 1, 1, False, "worker 1 of the cluster"),
        (WITH_CHIEF, "chief", 0, 0, True, "chief of the cluster"),
        (WITH_CHIEF, "worker", 0, 1, False, "worker 0 of the cluster"),
        ({"worker": ["[::1]:65535"], "chief": ["c-0.space.svc:1"]}, "worker", "0", 1, False, "worker 0 of the cluster"),
    ],
)
def test_a_task_that_trains_knows_its_place(cluster, job, index, position, chief, text):
    task = read(config(cluster, job, index), "multi_worker")
    assert (task.job, task.index, task.position, task.is_chief) == (job, int(index), position, chief)
    assert task.cluster == {name: tuple(addresses) for name, addresses in cluster.items()}
    assert task.workers == sum(map(len, cluster.values()))
    assert task.address == cluster[job][int(index)]
    assert task.chief_address == cluster.get("chief", cluster["worker"])[0]
    assert (task.trains, task.is_evaluator, task.is_parameter_server) == (True, False, False)
    assert str(task) == text


@pytest.mark.unit
@pytest.mark.parametrize("listed", [{}, {"evaluator": ["e:1"]}], ids=["apart", "listed"])
def test_a_cluster_with_parameter_servers_has_four_kinds_of_tasks(listed):
    places = [("chief", 0), ("worker", 1), ("ps", 1), ("evaluator", 0)]
    tasks = [read(config({**PS, **listed}, job, index)) for job, index in places]
    assert [task.trains for task in tasks] == [True, True, False, False]
    assert [task.is_chief for task in tasks] == [True, False, False, False]
    assert [task.is_parameter_server for task in tasks] == [False, False, True, False]
    assert [task.is_evaluator for task in tasks] == [False, False, False, True]
    assert [task.address for task in tasks] == ["c:1", "b:1", "q:1", None]
    assert [str(task) for task in tasks[2:]] == ["ps 1 of the cluster", "evaluator of the cluster"]
    for task in tasks:
        assert task.cluster == {job: tuple(addresses) for job, addresses in PS.items()}
        assert (task.workers, task.chief_address, task.parameter_servers) == (3, "c:1", ("p:1", "q:1"))
        assert read(task.tf_config) == task
    for task in tasks[2:]:
        with pytest.raises(ValueError, match="does not train"):
            _ = task.position


@pytest.mark.unit
def test_a_chief_with_parameter_servers_needs_no_worker():
    assert read(config({"chief": ["c:1"], "ps": ["p:1"]}, "chief")).workers == 1


@pytest.mark.unit
@pytest.mark.parametrize("text", ["{garbage", "[]", "null", "1", "[" * 100_000], ids=lambda text: text[:9])
def test_what_is_no_object_is_an_error(text):
    with pytest.raises(UserError, match="is not a JSON object: unset it") as caught:
        read(text)
    assert len(str(caught.value)) < 200


LONG = "x" * 10_000
PROBLEMS = {
    "has cluster None: it must be an object": {"cluster": None},
    "has cluster ['a:1']: it must be an object": {"cluster": ["a:1"]},
    "has 'a:1' for the job 'chief': list its addresses": config({"chief": "a:1"}, "chief"),
    "has {'1': 'a:1'} for the job 'worker': list its addresses": config({"worker": {"1": "a:1"}}, "worker"),
    "has a job 'master', the old name of the chief: rename it to chief": config({"master": ["a:1"]}, "master"),
    "has a job 'Worker': the jobs are chief, worker, ps, evaluator": config({"Worker": ["a:1"]}, "Worker"),
    "has 2 tasks of the job 'chief': a cluster has one at most": config({"chief": ["a:1", "b:1"]}, "chief"),
    "has 2 tasks of the job 'evaluator'": config({**PS, "evaluator": ["a:2", "b:2"]}, "evaluator"),
    "has the address 'a:1' for worker 0 and for ps 0: give each task its own": config({**PS, "ps": ["a:1"]}, "ps"),
    "and task {}: name the task of this process, ": {"cluster": WORKERS},
    "and task None: name the task": {"cluster": WORKERS, "task": None},
    "and task {'type': 'worker'}: name the task": {"cluster": WORKERS, "task": {"type": "worker"}},
    "'index': 2}, which is not in its cluster: name one that is: worker 0 to 1": config(WORKERS, "worker", 2),
    "'index': 0}, which is not in its cluster": config(WORKERS, "chief"),
    "'index': 1}, which is not in its cluster": config(PS, "evaluator", 1),
    "'index': -1}, which is not in its cluster": config(WORKERS, "worker", -1),
    "'index': '-1'}, which is not in its cluster": config(WORKERS, "worker", "-1"),
    "'index': 0.0}, which is not in its cluster": config(WORKERS, "worker", 0.0),
    "'index': True}, which is not in its cluster": config(WORKERS, "worker", True),
    "'index': None}, which is not in its cluster": config(WORKERS, "worker", None),
    "has task {'type': ['worker'], 'index': 0}, which is not in": config(WORKERS, ["worker"]),
    "has task {'type': 'evaluator'} and no cluster: name the cluster, or unset it": {"task": {"type": "evaluator"}},
    "has task {'index': 1} and no cluster": {"task": {"index": 1}},
    "has task {'index': None} and no cluster": {"task": {"index": None}},
    "has task {'type': []} and no cluster": {"task": {"type": []}},
    "has task None and no cluster": {"cluster": {}, "task": None},
    "has model_dir '/tmp/other', which is not supported: remove it": {"model_dir": "/tmp/other"},
    "has session_master 'grpc://a:1'": config(PS, "chief", session_master="grpc://a:1"),
    "has eval_session_master ''": config(PS, "chief", eval_session_master=""),
    "has service {}, which": config(PS, "chief", service={}),
    "has sparseCluster {}, which": {"sparseCluster": {}, "task": {"type": "worker", "index": 0}},
    "has rpc_layer 'verbs', and tasks talk by grpc here: remove it": config(PS, "chief", rpc_layer="verbs"),
    "has environment 'google', in which no task starts its server: remove it": {"environment": "google"},
    "has 2 tasks that train, and neither a strategy nor parameter servers: name strategy": config(WORKERS, "worker"),
    "has no job 'chief' beside 'worker' and 'ps': add a task of the job 'chief'": config(
        {**WORKERS, "ps": ["p:1"]}, "worker"
    ),
    "has no job 'chief' beside 'ps'": config({"ps": ["p:1"]}, "ps"),
    "has no job 'chief' beside 'evaluator'": config({"evaluator": ["p:1"]}, "evaluator"),
    "has no job 'ps' beside 'chief' and 'evaluator': add tasks": config({"chief": ["a:1"]}, "evaluator"),
}


@pytest.mark.unit
@pytest.mark.parametrize(("problem", "content"), PROBLEMS.items(), ids=PROBLEMS)
def test_what_is_wrong_is_named(problem, content):
    with pytest.raises(UserError) as caught:
        read(content)
    message = str(caught.value)
    assert message.startswith("TF_CONFIG has ")
    assert problem in message
    assert "\n" not in message


@pytest.mark.unit
@pytest.mark.parametrize(
    "address",
    ["a", "a:", ":1", "a:0", "a:01", "a:65536", "a:1:2", "::1", "grpc://a:1", " a:1", "a:1\n", "a:٣", "", 1, LONG],
    ids=lambda address: repr(address)[:12],
)
def test_an_address_is_a_host_and_a_port(address):
    with pytest.raises(UserError, match=r"has the address .* for worker 1: write it as HOST:PORT, .* 65535") as caught:
        read(config({"worker": ["a:1", address]}, "worker"), "multi_worker")
    assert len(str(caught.value)) < 250


@pytest.mark.unit
@pytest.mark.parametrize(
    ("strategy", "content", "message"),
    [
        ("mirrored", config(WORKERS, "worker"), "2 tasks: choose --strategy multi_worker, or unset TF_CONFIG"),
        ("mirrored", config(PS, "evaluator"), "6 tasks: choose --strategy multi_worker, or unset TF_CONFIG"),
        ("multi_worker", config(PS, "worker"), "job 'ps': remove it from TF_CONFIG, or leave out --strategy"),
        (
            "multi_worker",
            config(WORKERS, "evaluator"),
            "job 'evaluator': remove it from TF_CONFIG, or leave out --strategy",
        ),
    ],
)
def test_a_strategy_has_its_jobs(strategy, content, message):
    with pytest.raises(UserError) as caught:
        read(content, strategy)
    text = caught.value.text(lambda argument: f"--{argument}")
    assert text.startswith(f"strategy {strategy} ")
    assert text.endswith(message)


@pytest.mark.unit
@pytest.mark.parametrize("before", [None, "{garbage"])
def test_tensorflow_reads_a_task_or_nothing_for_a_while(monkeypatch, before):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    if before:
        monkeypatch.setenv("TF_CONFIG", before)
    with tf_config.tf_config(None):
        assert "TF_CONFIG" not in os.environ
    assert os.environ.get("TF_CONFIG") == before
    with tf_config.tf_config(Task("worker", 1, {"worker": ("a:1", "b:1")})):
        assert json.loads(os.environ["TF_CONFIG"]) == config(WORKERS, "worker", 1)
    assert os.environ.get("TF_CONFIG") == before


IGNORED = "TF_CONFIG is ignored: only training works in a cluster"


@pytest.mark.integration
def test_a_predictor_ignores_it_and_logs_that(monkeypatch, trained, caplog):
    caplog.set_level("INFO", "cnn_estimator")
    for text, lines in (" ", 0), ("{garbage", 1):
        monkeypatch.setenv("TF_CONFIG", text)
        with prediction.Predictor(trained):
            assert caplog.messages.count(IGNORED) == lines
        assert os.environ["TF_CONFIG"] == text


@pytest.mark.process
def test_an_evaluation_ignores_it_and_logs_that(model_dir):
    for text in json.dumps(config(PS, "worker")), "{garbage":
        done = evaluate(model_dir, environment={"TF_CONFIG": text})
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout.splitlines()[-1])["global_step"] == 120
        assert done.stderr.count(IGNORED) == 1


@pytest.mark.process
@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{garbage", "TF_CONFIG '{garbage' is not a JSON object: unset it"),
        (
            json.dumps(config(WORKERS, "worker")),
            "TF_CONFIG has 2 tasks that train, and neither a strategy nor parameter servers: name --strategy "
            "multi_worker, or add ps tasks",
        ),
    ],
)
def test_training_refuses_a_bad_one_before_tensorflow_is_loaded(tmp_path, content, message):
    (tmp_path / "tensorflow.py").write_text("raise RuntimeError('loaded')")
    done = run("run_train.py", environment={"TF_CONFIG": content, "PYTHONPATH": str(tmp_path)})
    assert error_of(done) == message
