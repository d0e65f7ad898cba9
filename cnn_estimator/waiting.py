"""Waits for what another process does. Imports no TensorFlow."""

import time
from collections.abc import Callable
from typing import TypeVar

from cnn_estimator import stopping

POLL_SECONDS = 0.2

_Result = TypeVar("_Result")


def wait_for(ask: Callable[[], _Result], *, seconds: float) -> _Result | None:
    """Calls ask() until its result is true, and returns that result; returns None when the time is up.

    Args:
      ask: called at least once.
      seconds: how long to wait.

    Raises:
      Stopped: a stop signal came.
    """
    deadline = time.monotonic() + seconds
    while True:
        result = ask()
        if result:
            return result
        if time.monotonic() >= deadline:
            return None
        stopping.check()
        time.sleep(POLL_SECONDS)
