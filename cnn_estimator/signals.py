"""SIGTERM and SIGINT: the work ends where nothing is lost. Imports no TensorFlow."""

import os
import signal
import time


class Stopped(Exception):
    """A stop signal ended the work; the message says where, and how to go on.

    Attributes:
      exit_status: 128 and the signal's number, as a shell counts.
    """

    def __init__(self, received, state):
        super().__init__(f"stopped by {received.name}: {state}")
        self.exit_status = 128 + received


class StopSignals:
    """Remembers the first stop signal, a supervisor's SIGTERM or Ctrl-C's SIGINT; the second ends the process.

    Attributes:
      received: a signal.Signals, or None.
    """

    # `timeout` and some supervisors signal both the process and its group: two of one kind, microseconds apart.
    _ECHO_SECONDS = 0.1

    def __init__(self):
        self.received = None

    def listen(self):
        """From now on this object handles the process's stop signals."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._receive)

    def _receive(self, number, frame):
        if self.received is None:
            self.received = signal.Signals(number)
            self._received_at = time.monotonic()
        elif number != self.received or time.monotonic() - self._received_at > self._ECHO_SECONDS:
            os._exit(128 + number)

    def check(self, state):
        """Raises Stopped, with what `state` says of the work, if a signal was received."""
        if self.received:
            raise Stopped(self.received, state)
