"""UserError and its texts; the request to stop."""

import signal

import pytest

from cnn_estimator import stopping
from cnn_estimator.errors import Stopped, UserError

pytestmark = pytest.mark.unit


def test_an_error_is_one_line_with_its_advice_which_may_name_flags():
    error = UserError("model_dir /x holds another run", "choose another {model_dir}, or archive it with {fresh}")
    assert str(error) == "model_dir /x holds another run: choose another model_dir, or archive it with fresh"
    assert error.text(lambda argument: f"--{argument}") == (
        "model_dir /x holds another run: choose another --model_dir, or archive it with --fresh"
    )
    assert str(UserError("a {b}")) == "a {b}"  # only the advice has names in braces


def test_differences_are_a_table_below_the_line():
    error = UserError("it differs", differences=[("setting", "saved", "requested"), ("batch_size", 10, "1e3")])
    assert [line.split() for line in str(error).splitlines()] == [
        ["it", "differs"],
        ["setting", "saved", "requested"],
        ["batch_size", "10", "1e3"],
    ]


def test_after_a_stop_request_the_next_check_raises_stopped(monkeypatch):
    monkeypatch.setattr(stopping, "_requested", None)
    stopping.check()
    assert stopping.requested() is None
    stopping.request(signal.SIGTERM)
    assert stopping.requested() == signal.SIGTERM
    with pytest.raises(Stopped, match=r"^stopped by SIGTERM$") as caught:
        stopping.check()
    assert (caught.value.signal, caught.value.result) == (signal.SIGTERM, None)
