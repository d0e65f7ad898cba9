"""The process of a command: parsed flags, stop signals, log lines on stderr, one line for a user's mistake."""

import contextlib
import errno
import importlib
import io
import logging
import os
import shlex
import signal
import sys
import tempfile
import time
import types
from collections.abc import Callable, Iterator
from typing import NoReturn

from absl import app, flags
from absl.logging import converter

from cnn_estimator import environment, stopping
from cnn_estimator.cli import native_log
from cnn_estimator.errors import Stopped, TaskLost, UserError

# `timeout` and some supervisors signal both the process and its group: two of one kind, microseconds apart.
_SAME_SIGNAL_SECONDS = 0.1

# TensorFlow's INFO lines about its own workings, some of which print a whole configuration.
_WORKINGS = (
    "Check health not enabled",
    "Collective all_reduce tensors",
    "Creating chief session creator",
    "Initializing RunConfig",
    "MultiWorkerMirroredStrategy with",
    "Single-worker MultiWorkerMirroredStrategy",
    "TF_CONFIG environment variable:",
    "The `input_fn` accepts an `input_context`",
    "Using MirroredStrategy with devices",
    "Using config:",
    "all_hooks",
)

# The exit status where another task of a cluster is lost. Supervisors start a task again whose status is 128 or more,
# and leave this one, SIGUSR1's, to programs.
TASK_LOST = 138

# What the machine, and no mistake in a program, makes of an access to a file.
_MACHINE_ERRORS = {
    errno.EACCES,
    errno.EDQUOT,
    errno.EIO,
    errno.ELOOP,
    errno.EMFILE,
    errno.ENAMETOOLONG,
    errno.ENFILE,
    errno.ENOMEM,
    errno.ENOSPC,
    errno.EPERM,
    errno.EROFS,
    errno.ESTALE,
}


def run(verb: Callable[..., int | None], *, nothing_done: str, takes_files: bool = False) -> None:
    """Parses the flags, calls verb(), and exits with what it returns.

    With status 1 and one line `error: …` on a UserError or a flag's bad value, with status 138 where it is a TaskLost;
    with status 143 or 130 and one line `stopped by …` where SIGTERM or SIGINT ended the work.

    Args:
      nothing_done: what that line says of the work, for example "nothing was trained".
      takes_files: whether arguments that are not flags are names of files: then it is verb(*names).
    """
    _listen()

    def main(arguments: list[str]) -> int | None:
        _log_to_stderr()
        names = arguments[1:]
        if names and not takes_files:
            raise UserError(f"unexpected argument {names[0]!r}: every option is a flag, --name=value")
        return verb(*names)

    with output():
        try:
            environment.check_docstrings()
            flags.FLAGS.set_default("verbosity", 0)  # INFO
            app.run(main, flags_parser=_parse)
        except UserError as error:
            line = f"error: {error.text(lambda argument: f'--{argument}')}"
            if isinstance(error, TaskLost):
                print(line, file=sys.stderr)
                sys.exit(TASK_LOST)
            sys.exit(line)
        except Stopped as stopped:
            exit_stopped(stopped, nothing_done)
        except OSError as error:
            problem = _problem_of_the_machine(error)
            if problem is None:
                raise
            sys.exit(f"error: {problem}")


@contextlib.contextmanager
def output() -> Iterator[None]:
    """Holds that results reach stdout, whatever becomes of the messages on stderr.

    What stderr cannot take is dropped. The process ends silently with status 141 where the reader of its stdout,
    `head` for example, has closed it, and with one error line where stdout cannot be written for another reason.
    """
    _open_streams()
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except _StdoutError as error:
        if error.cause.errno == errno.EPIPE:
            sys.exit(128 + signal.SIGPIPE)
        sys.exit(f"error: stdout cannot be written: {error.cause.strerror}")


class _StdoutError(Exception):
    """stdout cannot be written. No OSError, which the library takes for one of its own files'."""

    def __init__(self, cause: OSError) -> None:
        super().__init__(str(cause))
        self.cause = cause


class _Stdout(io.FileIO):
    """File descriptor 1. After an error, what is still buffered goes nowhere."""

    def write(self, data):
        try:
            return super().write(data)
        except OSError as error:
            _open_null(1, os.O_WRONLY)
            raise _StdoutError(error) from None


class _Stderr(io.FileIO):
    """File descriptor 2, of which an error loses messages and nothing else."""

    def write(self, data):
        try:
            return super().write(data)
        except OSError:
            return len(data)


def _open_streams() -> None:
    """Puts our own files in place of Python's stdout and stderr, and /dev/null in place of closed descriptors.

    Otherwise the next file that is opened would get the number of a closed one, and what TensorFlow's C++ side prints
    would be written into it.
    """
    for number, flag in ((0, os.O_RDONLY), (1, os.O_RDONLY), (2, os.O_WRONLY)):  # writing to stdout is an error then
        try:
            os.fstat(number)
        except OSError:
            _open_null(number, flag)
    if sys.stdout is sys.__stdout__:  # otherwise it is somebody's who runs this in a process of their own
        sys.stdout = _text_file(_Stdout(1, "w", closefd=False), sys.stdout)
    if sys.stderr is sys.__stderr__:
        sys.stderr = _text_file(_Stderr(2, "w", closefd=False), sys.stderr, line_buffering=True)


def _open_null(number: int, flag: int) -> None:
    null = os.open(os.devnull, flag)
    if null != number:
        os.dup2(null, number)
        os.close(null)


def _text_file(raw: io.FileIO, old: io.TextIOWrapper | None, *, line_buffering: bool = False) -> io.TextIOWrapper:
    """Returns a text file that writes as an old one does; None stands for a closed one.

    Names may have characters that the terminal lacks: they are escaped.
    """
    encoding = old.encoding if old else None
    if old:
        line_buffering |= old.line_buffering or old.write_through
    return io.TextIOWrapper(io.BufferedWriter(raw), encoding, "backslashreplace", line_buffering=line_buffering)


def _problem_of_the_machine(error: OSError) -> str | None:
    """Returns what is wrong with the machine or the environment, as one line; None where the program is."""
    if isinstance(error, FileNotFoundError):
        try:
            os.getcwd()
        except FileNotFoundError:
            return "the working directory was deleted: cd to another one"
        try:
            tempfile.gettempdir()
        except FileNotFoundError as missing:
            return f"{missing.strerror}: set TMPDIR to a folder that can be written"
        return None
    if error.errno not in _MACHINE_ERRORS:
        return None
    return f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror)


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
    # A second signal while Python ends would find no handler any more, and change the exit status.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    sys.exit(128 + stopped.signal)


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
        names = flags.FLAGS(arguments)
    except flags.IllegalFlagValueError as error:
        sys.exit(f"error: {error}")
    except flags.Error:
        return app.parse_flags_with_usage(arguments)  # reports it in absl's own way
    except ValueError as error:  # out of absl's own flags, which do not say their name
        own = ("flagfile", "logger_levels", "stderrthreshold")
        given = [argument for argument in arguments[1:] if argument.lstrip("-").startswith(own)]
        sys.exit(f"error: {' '.join(given)}: {error}")
    profile = flags.FLAGS.profile_file
    try:
        if profile:
            open(profile, "ab").close()  # absl writes it when the process ends
    except OSError as error:
        sys.exit(f"error: flag --profile_file={profile}: {error.strerror}")
    return names


def _log_to_stderr() -> None:
    # One handler, in place of absl's, so that each line comes once and looks as the tutorials print it.
    logging.basicConfig(format=logging.BASIC_FORMAT, force=True)
    logging.root.handlers[0].addFilter(lambda record: not str(record.msg).startswith(_WORKINGS))
    level = converter.absl_to_standard(flags.FLAGS.verbosity)
    for name in ("tensorflow", "cnn_estimator"):
        logging.getLogger(name).setLevel(level)
    logging.getLogger("matplotlib.font_manager").setLevel(logging.WARNING)  # its first run logs that it lists the fonts
