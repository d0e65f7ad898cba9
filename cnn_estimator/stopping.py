"""A request to stop, which ends the work where nothing is lost. Imports no TensorFlow.

The request is a flag, and the work looks at it between its stages. An exception out of the signal handler would end
the work sooner, but it can be lost: C extensions that are being imported turn it into an ImportError, finalizers print
and drop it, and a save that it interrupts is half a save.
"""

import signal

from cnn_estimator.errors import Stopped

_requested: signal.Signals | None = None


def request(received: signal.Signals) -> None:
    """Asks the work of this process to stop, because of a signal."""
    global _requested
    _requested = received


def requested() -> signal.Signals | None:
    """Returns the signal because of which the work is to stop, or None."""
    return _requested


def check() -> None:
    """Raises Stopped if the work is to stop."""
    if _requested:
        raise Stopped(_requested)
