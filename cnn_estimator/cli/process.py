"""The process of a command: flags, stop signals, log lines on stderr, exit statuses. Imports no TensorFlow."""

import contextlib
import difflib
import errno
import importlib
import logging
import os
import shlex
import signal
import sys
import threading
import time
import types
from collections.abc import Iterator
from typing import NoReturn, TextIO

from absl import flags
from absl.logging import converter

from cnn_estimator import stopping
from cnn_estimator.cli import native_log
from cnn_estimator.errors import Stopped, TaskLost, UserError

# Supervisors restart a task whose exit status is 128 or more; SIGUSR1's 138 is left to programs.
TASK_LOST_STATUS = 138

_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
# `timeout` and some supervisors signal both the process and its group: two signals, microseconds apart.
_REPEATED_SIGNAL_SECONDS = 0.1
_received_at = 0.0  # when the first stop signal came

# Larger than any help text: what does not fit into the buffer is lost at an error, and the error with it.
_STDOUT_BUFFER_BYTES = 2**20

# TensorFlow's INFO lines about its internals. Some of them print a whole configuration or a temporary path.
_INTERNALS = (
    "Calling checkpoint listeners",
    "Calling model_fn",
    "Check health not enabled",
    "Collective all_reduce tensors",
    "Create CheckpointSaverHook",
    "Creating chief session creator",
    "Done calling model_fn",
    "Done running local_init_op",
    "Graph was finalized",
    "Initializing RunConfig",
    "MultiWorkerMirroredStrategy with",
    "Running local_init_op",
    "Saving '%s' summary",  # of checkpoint_path
    "Single-worker MultiWorkerMirroredStrategy",
    "TF_CONFIG environment variable:",
    "The `input_fn` accepts an `input_context`",
    "Using MirroredStrategy with devices",
    "Using config:",
    "all_hooks",
)

_is_task = False  # of a cluster; become_task() says so

# How a terminal changes to a colour, and back.
_RED = "\033[31m"
_YELLOW = "\033[33m"
_PLAIN = "\033[0m"

# Errors of the environment, reported in one line; any other OSError but PermissionError is a bug.
_ENVIRONMENT_ERRORS = {errno.EDQUOT, errno.EIO, errno.EMFILE, errno.ENAMETOOLONG, errno.ENOSPC, errno.EROFS}


@contextlib.contextmanager
def exit_statuses(nothing_done: str) -> Iterator[None]:
    """Ends the process with one line on stderr and an exit status when a verb raises an error that is no bug.

    UserError, and an error of the environment: `error: …`, status 1; TaskLost: the same line, status 138.
    Stopped: `stopped by …`, status 143 for SIGTERM, 130 for SIGINT, 129 for SIGHUP.

    Args:
      nothing_done: what the line says when a signal stopped the verb, for example "nothing was trained".
    """
    _listen()
    with _task_ends_at_once(), output():
        try:
            yield
        except UserError as error:
            report(f"error: {error.text(lambda argument: f'--{argument}')}")
            if isinstance(error, TaskLost):
                _flush(sys.stdout)
                os._exit(TASK_LOST_STATUS)  # a session of TensorFlow may wait for the lost task when Python ends
            sys.exit(1)
        except Stopped as stopped:
            exit_stopped(stopped, nothing_done)
        except OSError as error:
            _check_stdout()  # the error may be from printing a result
            if error.errno not in _ENVIRONMENT_ERRORS and not isinstance(error, PermissionError):
                raise
            fail(f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror))


@contextlib.contextmanager
def _task_ends_at_once() -> Iterator[None]:
    """Ends a task of a cluster without Python's shutdown.

    During the shutdown TensorFlow's threads may notice that other tasks have ended, and abort the process.
    """
    try:
        yield
    except SystemExit as end:
        if _is_task:
            _flush(sys.stdout)
            _flush(sys.stderr)
            os._exit(int(end.code or 0))
        raise


@contextlib.contextmanager
def output() -> Iterator[None]:
    """Ends the process when stdout cannot be written: with status 141 if its reader is gone, otherwise with an error.

    What stderr cannot take is dropped.
    """
    _open_streams()
    try:
        yield
    finally:
        _check_stdout()
        _flush(sys.stderr)


def report(text: str) -> None:
    """Prints a text on stderr, or drops it when stderr is closed or cannot be written."""
    if sys.stderr is None:
        return
    with contextlib.suppress(OSError):
        print(_painted(text, "error:", _RED) if text.startswith("error:") else text, file=sys.stderr)
    _flush(sys.stderr)


def _painted(text: str, word: str, colour: str) -> str:
    """Returns a text for stderr, with the first occurrence of a word in a colour where stderr shows colours."""
    return text.replace(word, f"{colour}{word}{_PLAIN}", 1) if _shows_colours(sys.stderr) else text


def _shows_colours(stream: TextIO) -> bool:
    """Returns whether a stream is a terminal with colours, and the environment variable NO_COLOR is not set."""
    return stream.isatty() and os.environ.get("TERM", "dumb") != "dumb" and not os.environ.get("NO_COLOR")


class _LogFormatter(logging.Formatter):
    """Formats log lines as the tutorials do. On a terminal the level of a warning or an error is in a colour.

    Args:
      prefix: what each line begins with.
    """

    def __init__(self, prefix: str = "") -> None:
        super().__init__(f"{prefix}{logging.BASIC_FORMAT}")

    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record)
        if record.levelno < logging.WARNING:
            return line
        return _painted(line, record.levelname, _RED if record.levelno >= logging.ERROR else _YELLOW)


def fail(problem: str) -> NoReturn:
    """Ends the process with an error line and status 1."""
    report(f"error: {problem}")
    sys.exit(1)


def exit_stopped(stopped: Stopped, state: str) -> NoReturn:
    """Ends the process with a line that names the signal and the state of the work."""
    report(f"{stopped}: {state}")
    sys.exit(128 + stopped.signal)


def _open_streams() -> None:
    """Opens /dev/null in place of closed descriptors, and stdout with a buffer that keeps what cannot be written."""
    open_descriptors()
    sys.stdin = sys.stdin or open(0, closefd=False)  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", closefd=False)  # noqa: SIM115
    if sys.stdout is sys.__stdout__:  # not redirected inside this process
        # File names may have characters that the terminal lacks: they are escaped.
        encoding = sys.stdout.encoding if sys.stdout else None
        sys.stdout = open(1, "w", _STDOUT_BUFFER_BYTES, encoding, "backslashreplace", closefd=False)  # noqa: SIM115


def open_descriptors() -> None:
    """Opens /dev/null for each of the descriptors 0 to 2 that is closed.

    The next file to be opened would get the number of a closed one, and TensorFlow's C++ side would print into it.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest free number, this one


def _check_stdout() -> None:
    """Ends the process if stdout cannot be written."""
    error = _flush(sys.stdout)
    if error and error.errno == errno.EPIPE:
        sys.exit(128 + signal.SIGPIPE)
    if error:
        fail(f"stdout cannot be written: {error.strerror}")


def _flush(stream: TextIO) -> OSError | None:
    """Writes what a stream has buffered; returns the error that prevents it, after which the stream writes nowhere."""
    try:
        stream.flush()
    except OSError as error:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)
        return error
    return None


def load(module: str, *, tensorflow: bool = False) -> types.ModuleType:
    """Imports a module of the library.

    Args:
      tensorflow: whether the module needs TensorFlow, which takes seconds to load.

    Raises:
      UserError: TensorFlow is missing, or its version is not supported.
      Stopped: a stop signal came while loading.
    """
    if tensorflow:
        native_log.load_tensorflow()
    loaded = importlib.import_module(f"cnn_estimator.{module}")
    stopping.check()
    return loaded


def command_line(verb: str, *flag_texts: str) -> str:
    """Returns the command of a verb with its flags, in the form in which this process was started."""
    if os.path.basename(sys.argv[0]) in ("run_train.py", "run_eval.py"):
        words = ["python", f"run_{verb}.py"]
    elif sys.argv[0].startswith("python -m "):
        words = ["python", "-m", "cnn_estimator", verb]
    else:
        words = ["cnn-estimator", verb]
    return shlex.join([*words, *flag_texts])


def _listen() -> None:
    """Makes the first stop signal request the end of the work, and the second end the process.

    Stop signals are SIGTERM, SIGINT (Ctrl-C) and SIGHUP, unless the process was started with the signal ignored.
    """
    for number in _STOP_SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _receive)


def _receive(number: int, frame: types.FrameType | None = None) -> None:
    global _received_at
    if stopping.requested() is None:
        _received_at = time.monotonic()
        stopping.request(signal.Signals(number))
    elif time.monotonic() - _received_at > _REPEATED_SIGNAL_SECONDS:
        os._exit(128 + number)


def parse(arguments: list[str], *, end_of_help: str) -> list[str]:
    """Reads the flags of a command line; returns the program's name and the arguments that are no flags.

    Args:
      end_of_help: printed below what absl prints for --help.
    """
    flags.FLAGS.set_default("verbosity", converter.ABSL_INFO)
    try:
        return flags.FLAGS(arguments)
    except SystemExit:
        if "--helpxml" not in arguments:
            print(f"\n{end_of_help}")
        raise
    except flags.UnrecognizedFlagError as error:
        matches = difflib.get_close_matches(error.flagname, flags.FLAGS, n=1)
        advice = f"did you mean --{matches[0]}?" if matches else "--help lists the flags"
        fail(f"flag --{error.flagname}: no such flag, {advice}")
    except flags.Error as error:
        fail(str(error).removeprefix("ERROR:: "))


def log_to_stderr() -> None:
    """Makes the loggers of TensorFlow and this package print on stderr as the tutorials do, each line once.

    TensorFlow's lines about its internals are left out, unless --verbosity=1 asks for every line.
    """
    logging.basicConfig(force=True)  # replaces absl's handler
    logging.root.handlers[0].setFormatter(_LogFormatter())
    level = converter.absl_to_standard(flags.FLAGS.verbosity)
    if level > logging.DEBUG:
        logging.root.handlers[0].addFilter(_is_not_internal)
    for name in ("tensorflow", "cnn_estimator"):
        logging.getLogger(name).setLevel(level)
    logging.getLogger("matplotlib.font_manager").setLevel(logging.WARNING)  # its first run logs that it lists the fonts


def _is_not_internal(record: logging.LogRecord) -> bool:
    """Returns False for TensorFlow's INFO lines about its internals."""
    return record.levelno > logging.INFO or not str(record.msg).startswith(_INTERNALS)


def become_task(name: str) -> None:
    """Makes this process a task of a cluster. Its log lines begin with its name. It hears signals at once.

    Python calls the handler of a signal between two operations of the main thread, which may wait for another task. So
    a thread receives the signals in its place.
    """
    global _is_task
    _is_task = True
    logging.root.handlers[0].setFormatter(_LogFormatter(f"{name}: "))
    numbers, write_end = os.pipe()
    os.set_blocking(write_end, False)
    signal.set_wakeup_fd(write_end, warn_on_full_buffer=False)
    for number in _STOP_SIGNALS:
        if signal.getsignal(number) is _receive:
            signal.signal(number, lambda number, frame: None)
    threading.Thread(target=_receive_from, args=(numbers,), daemon=True).start()


def _receive_from(numbers: int) -> None:
    """Receives the stop signals whose numbers come through a pipe."""
    while True:
        number = os.read(numbers, 1)[0]
        if number in _STOP_SIGNALS:
            _receive(number)
