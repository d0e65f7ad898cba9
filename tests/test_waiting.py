import signal

import pytest

from cnn_estimator import stopping
from cnn_estimator.errors import Stopped
from cnn_estimator.waiting import wait_for

pytestmark = pytest.mark.unit


def test_the_first_true_result_is_returned():
    results = iter([None, "", False, "found", "later"])
    assert wait_for(lambda: next(results), seconds=60) == "found"


def test_none_is_returned_when_the_time_is_up():
    calls = []
    assert wait_for(lambda: calls.append("asked"), seconds=0) is None
    assert calls == ["asked"]


def test_a_stop_request_ends_the_wait(monkeypatch):
    monkeypatch.setattr(stopping, "_requested", signal.SIGTERM)
    with pytest.raises(Stopped):
        wait_for(lambda: None, seconds=60)
