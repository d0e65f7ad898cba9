"""The process of a command: parsed flags, stop signals, log lines on stderr, one line for a user's mistake."""

import importlib
import io
import logging
import os
import shlex
import signal
import sys
import time
import types
from collections.abc import Callable
from typing import NoReturn

from absl import app, flags
from absl.logging import converter

from cnn_estimator import stopping
from cnn_estimator.cli import native_log
from cnn_estimator.errors import Stopped, UserError

# `timeout` and some supervisors signal both the process and its group: two of one kind, microseconds apart.
_SAME_SIGNAL_SECONDS = 0.1


def run(verb: Callable[..., int | None], *, nothing_done: str, takes_files: bool = False) -> None:
    """Parses the flags, calls verb(), and exits with what it returns.

    With status 1 and one line `error: …` on a UserError or a flag's bad value; with status 143 or 130 and one line
    `stopped by …` where SIGTERM or SIGINT ended the work.

    Args:
      nothing_done: what that line says of the work, for example "nothing was trained".
      takes_files: whether arguments that are not flags are names of files: then it is verb(*names).
    """
    _listen()

    def main(arguments: list[str]) -> int | None:
        _log_to_stderr()
        names = arguments[1:]
        try:
            if names and not takes_files:
                raise UserError(f"unexpected argument {names[0]!r}: every option is a flag, --name=value")
            status = verb(*names)
            if sys.stdout:
                sys.stdout.flush()
            return status
        except UserError as error:
            sys.exit(f"error: {error.text(lambda argument: f'--{argument}')}")
        except Stopped as stopped:
            exit_stopped(stopped, nothing_done)
        except BrokenPipeError:
            exit_unread()

    flags.FLAGS.set_default("verbosity", 0)  # INFO
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # names may have characters that the terminal lacks
    app.run(main, flags_parser=_parse)


def load(module: str, *, tensorflow: bool = False) -> types.ModuleType:
    """Imports a module of the library, behind TensorFlow where it needs that, which takes seconds.

    Raises:
      UserError: TensorFlow is missing, or does not fit.
      Stopped: a stop signal came meanwhile.
    """
    if tensorflow:
        native_log.load_tensorflow()
    loaded = importlib.import_module(f"cnn_estimator.{module}")
    stopping.check()
    return loaded


def exit_stopped(stopped: Stopped, state: str) -> NoReturn:
    """Ends the process with what stopped it and the state of the work."""
    print(f"{stopped}: {state}", file=sys.stderr)
    sys.exit(128 + stopped.signal)


def exit_unread() -> NoReturn:
    """Ends the process silently where the reader of its stdout, `head` for example, has closed it."""
    # Otherwise Python tries to write the rest when it ends.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(128 + signal.SIGPIPE)


def command_line(verb: str, **options: object) -> str:
    """Returns the command of a verb, in the form in which this process was started."""
    if os.path.basename(sys.argv[0]) in ("run_train.py", "run_eval.py"):
        words = ["python", f"run_{verb}.py"]
    elif sys.argv[0].startswith("python -m "):
        words = ["python", "-m", "cnn_estimator", verb]
    else:
        words = ["cnn-estimator", verb]
    return shlex.join([*words, *(f"--{name}={value}" for name, value in options.items())])


def _listen() -> None:
    """Has the first stop signal, a supervisor's SIGTERM or Ctrl-C's SIGINT, ask the work to stop, and the second one
    end the process."""
    received_at = 0.0

    def receive(number: int, frame: types.FrameType | None) -> None:
        nonlocal received_at
        first = stopping.requested()
        if first is None:
            received_at = time.monotonic()
            stopping.request(signal.Signals(number))
        elif number != first or time.monotonic() - received_at > _SAME_SIGNAL_SECONDS:
            os._exit(128 + number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, receive)


def _parse(arguments: list[str]) -> list[str]:
    try:
        return flags.FLAGS(arguments)
    except flags.IllegalFlagValueError as error:
        sys.exit(f"error: {error}")
    except flags.Error:
        return app.parse_flags_with_usage(arguments)  # reports it in absl's own way


def _log_to_stderr() -> None:
    # One handler, in place of absl's, so that each line comes once and looks as the tutorials print it.
    logging.basicConfig(format=logging.BASIC_FORMAT, force=True)
    # Estimator prints its whole configuration, over a dozen lines.
    logging.root.handlers[0].addFilter(lambda record: not str(record.msg).startswith("Using config:"))
    level = converter.absl_to_standard(flags.FLAGS.verbosity)
    for name in ("tensorflow", "cnn_estimator"):
        logging.getLogger(name).setLevel(level)
