"""What a process inherits: TF_CONFIG."""

import json
import os

import pytest

from cnn_estimator import environment
from cnn_estimator.errors import UserError

pytestmark = pytest.mark.unit

CHIEF = {"cluster": {"chief": ["localhost:2222"]}, "task": {"type": "chief", "index": 0}}


@pytest.mark.parametrize(
    "config",
    [{}, CHIEF, {"cluster": {}}, {"task": {"type": "worker", "index": 0}}, {"environment": "cloud"}],
    ids=str,
)
def test_a_process_that_works_alone_passes(monkeypatch, config):
    monkeypatch.setenv("TF_CONFIG", json.dumps(config))
    environment.check_single_machine()
    assert json.loads(os.environ["TF_CONFIG"]) == config


@pytest.mark.parametrize("text", ["", " \n"])
def test_an_empty_value_is_none(monkeypatch, text):
    monkeypatch.setenv("TF_CONFIG", text)
    environment.check_single_machine()
    assert "TF_CONFIG" not in os.environ


@pytest.mark.parametrize("text", ["{garbage", "[]", "null", "1", "[" * 100_000], ids=lambda text: text[:9])
def test_what_is_no_object_is_an_error(monkeypatch, text):
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(UserError, match="is not a JSON object: unset it"):
        environment.check_single_machine()


@pytest.mark.parametrize(
    "config",
    [
        {"cluster": {"chief": ["a:1"], "worker": ["b:1"]}, "task": {"type": "worker", "index": 0}},
        {"cluster": {"chief": ["a:1"]}, "task": {"type": "evaluator", "index": 0}},
        {"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 0}},
        {"cluster": {"chief": ["a:1"]}},
        {"cluster": {"chief": [1]}, "task": {"type": "chief", "index": 0}},
        {"cluster": None, "task": None},
        {"task": {"type": "chief"}},
        {**CHIEF, "session_master": "grpc://a:1"},
        {"model_dir": "/tmp/other"},
    ],
    ids=str,
)
def test_a_part_of_a_cluster_is_an_error(monkeypatch, config):
    monkeypatch.setenv("TF_CONFIG", json.dumps(config))
    with pytest.raises(UserError, match="makes this process a part of a cluster"):
        environment.check_single_machine()
