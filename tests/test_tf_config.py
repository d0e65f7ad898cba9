"""TF_CONFIG: which task of which cluster a process is, which mistakes are refused, and what ignores it."""

import json
import os

import pytest

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
        {"environment": "cloud"},
        {"cluster": {}, "task": {}, "environment": "cloud"},
        {"cluster": {"worker": []}, "task": {"type": "worker", "index": "0"}},
        config({"chief": ["localhost:2222"], "ps": []}, "chief"),
    ],
    ids=str,
)
@pytest.mark.parametrize("strategy", [None, "mirrored", "multi_worker"])
def test_a_process_without_other_tasks_trains_alone(content, strategy):
    assert read(content, strategy) is None


@pytest.mark.unit
@pytest.mark.parametrize("environ", [{}, {"TF_CONFIG": " \n"}], ids=str)
def test_without_tf_config_a_process_trains_alone(environ):
    assert read_task(None, environ) is None
    with pytest.raises(UserError, match=r"strategy multi_worker needs TF_CONFIG, .* set it, or leave out strategy"):
        read_task("multi_worker", environ)


@pytest.mark.unit
@pytest.mark.parametrize(
    ("cluster", "job", "index", "position", "chief"),
    [
        (WORKERS, "worker", 0, 0, True),
        (WORKERS, "worker", 1, 1, False),
        (WITH_CHIEF, "chief", 0, 0, True),
        ({"worker": ["[::1]:65535"], "chief": ["c-0.space.svc:1"]}, "worker", "0", 1, False),
    ],
)
def test_a_task_that_trains_in_step(cluster, job, index, position, chief):
    task = read(config(cluster, job, index), "multi_worker")
    assert (task.job, task.index, task.position, task.is_chief) == (job, int(index), position, chief)
    assert task.address == cluster[job][int(index)]
    assert task.chief_address == cluster.get("chief", cluster["worker"])[0]
    assert task.workers == sum(map(len, cluster.values()))


@pytest.mark.unit
def test_the_chief_may_have_its_old_name():
    task = read(config({"worker": ["w:1"], "master": ["m:1"]}, "master"), "multi_worker")
    assert (task.job, task.is_chief, task.chief_address) == ("chief", True, "m:1")
    assert read(config({"worker": ["w:1"], "master": ["m:1"]}, "worker"), "multi_worker").chief_address == "m:1"


@pytest.mark.unit
@pytest.mark.parametrize("listed", [{}, {"evaluator": ["e:1"]}], ids=["apart", "listed"])
def test_the_tasks_of_a_cluster_with_parameter_servers(listed):
    places = [("chief", 0), ("worker", 1), ("ps", 1), ("evaluator", 0)]
    tasks = [read(config({**PS, **listed}, job, index)) for job, index in places]
    assert [task.trains for task in tasks] == [True, True, False, False]
    assert [task.is_chief for task in tasks] == [True, False, False, False]
    assert [str(task) for task in tasks[1:]] == [
        "worker 1 of the cluster",
        "ps 1 of the cluster",
        "evaluator of the cluster",
    ]
    for task in tasks:
        assert task.cluster == {job: tuple(addresses) for job, addresses in PS.items()}
        assert (task.workers, task.chief_address, task.parameter_servers) == (3, "c:1", ("p:1", "q:1"))
    assert tasks[0].name_of("c:1") == "the chief at c:1"
    assert tasks[0].name_of("b:1") == "worker 1 at b:1"


PROBLEMS = {
    "'{garbage' is not a JSON object: unset it": "{garbage",
    "'[]' is not a JSON object": "[]",
    "has a sparseCluster, which is not supported": {"sparseCluster": {}, "task": {"type": "worker", "index": 0}},
    "has cluster None: write it as": {"cluster": None},
    "has cluster {'chief': 'a:1'}: write it as": config({"chief": "a:1"}, "chief"),
    "has a job 'master': the jobs are chief, worker, ps, evaluator": config(
        {"master": ["a:1"], "chief": ["b:1"]}, "chief"
    ),
    "has 2 tasks of the job 'chief': name one, and the others worker": config({"chief": ["a:1", "b:1"]}, "chief", 1),
    "has the address 'a:1': write each task's address as HOST:PORT or [IPV6]:PORT, once": config(
        {**PS, "ps": ["a:1"]}, "ps"
    ),
    "{'index': 2, 'type': 'worker'}, which is not in its cluster: name one that is": config(WORKERS, "worker", 2),
    "'type': 'chief'}, which is not in its cluster": config(WORKERS, "chief"),
    "'type': 'evaluator'}, which is not in its cluster": config(PS, "evaluator", 1),
    "'index': '-1', 'type': 'worker'}, which is not in its cluster": config(WORKERS, "worker", "-1"),
    "has task {'type': 'worker'}, which is not": {"cluster": WORKERS, "task": {"type": "worker"}},
    "has task None, which is not": {"cluster": WORKERS},
    "has several tasks, and neither a strategy nor parameter servers: name strategy": config(WORKERS, "worker"),
    "has several tasks, and neither": config({"chief": ["a:1"]}, "evaluator"),
    "has parameter servers and no chief: add a task": config({**WORKERS, "ps": ["p:1"]}, "worker"),
}


@pytest.mark.unit
@pytest.mark.parametrize(("problem", "content"), PROBLEMS.items(), ids=PROBLEMS)
def test_a_mistake_is_named(problem, content):
    with pytest.raises(UserError) as caught:
        read(content)
    message = str(caught.value)
    assert message.startswith("TF_CONFIG ")
    assert problem in message
    assert "\n" not in message
    assert len(message) < 300


@pytest.mark.unit
@pytest.mark.parametrize(
    "address",
    ["a", ":1", "grpc://a:1", "a:1\n", "b:0", "b:65536", "b:1,c:1", "::1:1", 1, "x" * 10_000],
    ids=lambda address: repr(address)[:12],
)
def test_an_address_is_a_host_and_a_port(address):
    with pytest.raises(UserError, match=r"has the address .*: write each task's address as HOST:PORT") as caught:
        read(config({"worker": ["a:1", address]}, "worker"), "multi_worker")
    assert len(str(caught.value)) < 250


@pytest.mark.unit
def test_an_ipv6_address_stands_in_brackets():
    assert read(config({"worker": ["[::1]:1", "[fe80::1%eth0]:1"]}, "worker", 1), "multi_worker").workers == 2


@pytest.mark.unit
@pytest.mark.parametrize(
    ("strategy", "content", "message"),
    [
        ("mirrored", config(WORKERS, "worker"), "several tasks: choose strategy multi_worker, or unset TF_CONFIG"),
        ("multi_worker", config(PS, "worker"), "job 'ps': remove it from TF_CONFIG, or leave out strategy"),
        (
            "multi_worker",
            config(WORKERS, "evaluator"),
            "job 'evaluator': remove it from TF_CONFIG, or leave out strategy",
        ),
    ],
)
def test_the_jobs_must_fit_the_strategy(strategy, content, message):
    with pytest.raises(UserError) as caught:
        read(content, strategy)
    assert str(caught.value).startswith(f"strategy {strategy} ")
    assert str(caught.value).endswith(message)


@pytest.mark.unit
@pytest.mark.parametrize("before", [None, "{garbage"])
def test_tf_config_is_set_or_hidden_for_a_while(monkeypatch, before):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    if before:
        monkeypatch.setenv("TF_CONFIG", before)
    with tf_config.hidden():
        assert "TF_CONFIG" not in os.environ
    assert os.environ.get("TF_CONFIG") == before
    task = Task("worker", 1, {"worker": ("a:1", "b:1")})
    with tf_config.environment(task):
        assert read_task("multi_worker") == task
    assert os.environ.get("TF_CONFIG") == before


@pytest.mark.integration
@pytest.mark.parametrize("text", [" ", "{garbage", json.dumps(config(PS, "worker"))])
def test_evaluation_and_prediction_ignore_it_and_log_that(monkeypatch, model_dir, caplog, text):
    from cnn_estimator import evaluation, prediction

    monkeypatch.setenv("TF_CONFIG", text)
    caplog.set_level("INFO", "cnn_estimator")
    with prediction.Predictor(model_dir):
        pass
    assert evaluation.evaluate(model_dir).metrics["global_step"] == 120
    expected = 2 if text.strip() else 0
    assert caplog.messages.count("TF_CONFIG is ignored: only training works in a cluster") == expected
    assert os.environ["TF_CONFIG"] == text
