"""Runs an unmodified TF 1 program: every way to import tensorflow gives it the TF 1 API."""

import builtins
import importlib.machinery
import os
import re
import runpy
import signal
import sys
import types
from collections.abc import Sequence

from cnn_estimator.errors import UserError
from cnn_estimator.tf1 import aliases, old_numpy, python_keras, tf

# Messages of Python 3's SyntaxError, and lines of code, that point to Python 2.
_PYTHON_2_ERRORS = (
    r"Missing parentheses in call to|multiple exception types must be parenthesized|leading zeros in decimal"
)
_PYTHON_2_LINES = r"\s*(print|exec)\s+[^\s(=]|\s*raise\s+[\w.]+\s*,|.*(<>|\b\d+[lL]\b|`[^`]+`|\bur[\"'])"


def main(arguments: Sequence[str]) -> None:
    """Runs the program that a command line names: SCRIPT.py [ARGUMENTS], or -m MODULE [ARGUMENTS].

    Raises:
      UserError: no program is named, the file cannot be read, or it is Python 2 code.
    """
    try:
        if arguments[:1] == ["-m"] and len(arguments) > 1:
            _run_module(arguments[1], arguments[2:])
        elif arguments and not arguments[0].startswith("-"):
            _run_file(arguments[0], arguments[1:])
        else:
            raise UserError("no program is named", "give SCRIPT.py or -m MODULE, and then the program's arguments")
    except SyntaxError as error:
        _refuse_python_2(error)
        raise


def _run_file(path: str, arguments: Sequence[str]) -> None:
    """Runs a file as `python FILE ARGUMENTS` does. Raises UserError if the file cannot be read."""
    try:
        with open(path, "rb") as file:
            source = file.read()
    except OSError as error:
        raise UserError(f"{path} cannot be opened: {error.strerror}", "name a Python file") from error
    main = _prepare([path, *arguments], folder=os.path.dirname(os.path.realpath(path)))
    full_path = os.path.abspath(path)
    main.__file__ = full_path
    main.__loader__ = importlib.machinery.SourceFileLoader("__main__", full_path)
    exec(compile(source, full_path, "exec", dont_inherit=True), main.__dict__)


def _run_module(name: str, arguments: Sequence[str]) -> None:
    """Runs a module as `python -m MODULE ARGUMENTS` does."""
    _prepare(["-m", *arguments], folder=os.getcwd())
    runpy._run_module_as_main(name)  # type: ignore[attr-defined]  # Python itself calls it for -m


def _prepare(arguments: list[str], *, folder: str) -> types.ModuleType:
    """Prepares the process for the program, and returns the program's module __main__."""
    aliases.become_tf1(sys.modules["tensorflow"], tf)
    python_keras.install(aliases.keras_package())
    old_numpy.restore()
    tf.app.flags.FLAGS["log_dir"].allow_override = True  # tutorials define absl's flag again, for TensorBoard
    main = types.ModuleType("__main__")
    main.__dict__["__builtins__"] = builtins
    sys.modules["__main__"] = main
    sys.argv[:] = arguments
    sys.path[0] = folder
    sys.excepthook = _print_traceback
    signal.signal(signal.SIGINT, signal.default_int_handler)
    return main


def _print_traceback(kind: type[BaseException], error: BaseException, traceback: types.TracebackType | None) -> None:
    """Prints an exception without the frames of this package, which come before the program's first frame."""
    while traceback and traceback.tb_frame.f_globals is not sys.modules["__main__"].__dict__:
        traceback = traceback.tb_next
    error.__traceback__ = traceback
    sys.__excepthook__(kind, error, traceback)


def _refuse_python_2(error: SyntaxError) -> None:
    """Raises UserError if a syntax error points to Python 2 code."""
    if re.match(_PYTHON_2_ERRORS, error.msg) or re.match(_PYTHON_2_LINES, error.text or ""):
        raise UserError(
            f"{error.filename}, line {error.lineno}, is Python 2: {(error.text or '').strip()}",
            "convert it to Python 3, for example with 2to3, which Python has up to 3.12",
        ) from None
