"""The errors that a user can fix, and the end of work that a stop signal asked for. Imports no TensorFlow."""

import re
import signal
from collections.abc import Callable, Sequence


class UserError(Exception):
    """A mistake in what the user gave.

    str() is one line that names the value, says what is wrong and what to do. Where several things differ, a table
    follows it.

    Args:
      problem: the value's name, and what is wrong with it.
      advice: what to do about it. Arguments of the Python functions stand in braces: "choose another {model_dir}".
      differences: the rows of the table; the first one is its header.
    """

    def __init__(self, problem: str, advice: str = "", differences: Sequence[Sequence[object]] = ()):
        super().__init__(problem, advice, differences)
        self.problem = problem
        self.advice = advice
        self.differences = differences

    def __str__(self) -> str:
        return self.text(lambda argument: argument)

    def text(self, write_argument: Callable[[str], str]) -> str:
        """Returns what str() does, with each argument in the advice as write_argument(name) returns it."""
        advice = re.sub(r"\{(\w+)\}", lambda found: write_argument(found[1]), self.advice)
        line = f"{self.problem}: {advice}" if advice else self.problem
        if not self.differences:
            return line
        from tabulate import tabulate  # only where there is a table: --help is quicker without it

        header, *rows = self.differences
        return f"{line}\n{tabulate(rows, header, 'plain', disable_numparse=True)}"


class TaskLost(UserError):
    """Another task of the cluster is gone, or did not come: nobody's mistake, and worth another try."""


class Stopped(Exception):
    """A stop signal ended the work.

    Attributes:
      signal: the signal.Signals that was received.
      result: what the work returns, for the part of it that was done and saved; None where nothing was.
    """

    def __init__(self, received: signal.Signals, result: object = None) -> None:
        super().__init__(f"stopped by {received.name}")
        self.signal = received
        self.result = result
