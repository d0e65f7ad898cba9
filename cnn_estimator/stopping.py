"""The request to stop, which ends the work at a point where nothing is lost. Imports no TensorFlow.

A command's handler of SIGTERM, SIGHUP and Ctrl-C (cli/process.py) requests it. Training looks after each step
(hooks.StopTraining), saves that step, and raises Stopped; the command then exits with 128 plus the signal's number.

The request is a flag, which the work checks between its stages. An exception raised by the signal handler would end the
work sooner, but C extensions that are being imported turn it into an ImportError, finalizers print and drop it, and
it can interrupt a save.
"""

import signal

from cnn_estimator.errors import Stopped

_requested: signal.Signals | None = None


def request(received: signal.Signals) -> None:
    """Requests that the work of this process stops, because of a signal."""
    global _requested
    _requested = received


def requested() -> signal.Signals | None:
    """Returns the signal that asked the work to stop, or None."""
    return _requested


def check() -> None:
    """Raises Stopped if the work must stop."""
    if _requested:
        raise Stopped(_requested)
