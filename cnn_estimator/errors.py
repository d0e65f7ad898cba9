"""Errors that a user can fix, and the end of work that a stop signal requested. Imports no TensorFlow."""

import re
import signal
from collections.abc import Callable, Sequence
from typing import Any


class UserError(Exception):
    """A mistake in what the user gave.

    str() is one line: the value's name, what is wrong with it, and what to do. A table of differences may follow it.

    Args:
      problem: the value's name, and what is wrong with it.
      advice: what to do. Names of arguments stand in braces: "choose another {model_dir}".
      differences: the rows of the table; the first row is its header.
    """

    def __init__(self, problem: str, advice: str = "", differences: Sequence[Sequence[object]] = ()):
        super().__init__(problem, advice, differences)
        self.problem = problem
        self.advice = advice
        self.differences = differences

    def __str__(self) -> str:
        return self.text(lambda argument: argument)

    def text(self, write_argument: Callable[[str], str]) -> str:
        """Returns the same text as str(), with each {argument} of the advice replaced by write_argument("argument")."""
        advice = re.sub(r"\{(\w+)\}", lambda match: write_argument(match[1]), self.advice)
        line = f"{self.problem}: {advice}" if advice else self.problem
        if not self.differences:
            return line
        from tabulate import tabulate  # imported only for a table: --help is faster without it

        header, *rows = self.differences
        return f"{line}\n{tabulate(rows, header, 'plain', disable_numparse=True)}"


class TaskLost(UserError):
    """Another task of the cluster was lost or never started. Retrying may help."""


class Stopped(Exception):
    """A stop signal ended the work.

    Attributes:
      signal: the signal that was received.
      result: what the function would have returned, for the part of the work that was done and saved; None without one.
    """

    def __init__(self, received: signal.Signals, result: Any = None) -> None:
        super().__init__(f"stopped by {received.name}")
        self.signal = received
        self.result = result
