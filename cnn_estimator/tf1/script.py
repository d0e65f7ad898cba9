"""Runs an unmodified TF 1 program: every way to import tensorflow gives it the TF 1 API."""

import builtins
import importlib.machinery
import os
import re
import runpy
import signal
import sys
import types
import zipfile
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

    In place of a script it runs a folder or a zip file with a __main__.py.

    Raises:
      UserError: no program is named, or the file cannot be read.
    """
    if arguments[:1] == ["-m"] and len(arguments) > 1:
        _run_module(arguments[1], arguments[2:])
    elif not arguments or arguments[0] == "-m":
        raise UserError("no program is named", "give SCRIPT.py or -m MODULE, and then the program's arguments")
    elif arguments[0].startswith("-"):
        raise UserError(
            f"{arguments[0]} is not supported",
            "give SCRIPT.py or -m MODULE; options of Python come first, as in python -u -m cnn_estimator run SCRIPT.py",
        )
    elif os.path.isdir(arguments[0]) or zipfile.is_zipfile(arguments[0]):
        _run_folder(arguments[0], arguments[1:])
    else:
        _run_file(arguments[0], arguments[1:])


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


def _run_folder(path: str, arguments: Sequence[str]) -> None:
    """Runs the __main__.py in a folder or a zip file as `python FOLDER ARGUMENTS` does."""
    _prepare([path, *arguments], folder=None)
    sys.path.insert(0, os.path.abspath(path))
    runpy._run_module_as_main("__main__", alter_argv=False)  # type: ignore[attr-defined]  # as Python itself does


def _run_module(name: str, arguments: Sequence[str]) -> None:
    """Runs a module as `python -m MODULE ARGUMENTS` does."""
    _prepare(["-m", *arguments], folder=os.getcwd())
    runpy._run_module_as_main(name)  # type: ignore[attr-defined]  # Python itself calls it for -m


def _prepare(arguments: list[str], *, folder: str | None) -> types.ModuleType:
    """Prepares the process for the program, and returns the program's module __main__.

    Args:
      folder: takes the place of this program's folder at the front of sys.path; None leaves the place empty.
    """
    aliases.become_tf1(sys.modules["tensorflow"], tf)
    python_keras.install(aliases.keras_package())
    old_numpy.restore()
    tf.app.flags.FLAGS["log_dir"].allow_override = True  # tutorials define absl's flag again, for TensorBoard
    main = types.ModuleType("__main__")
    main.__dict__["__builtins__"] = builtins
    main.__annotations__ = {}
    sys.modules["__main__"] = main
    sys.argv[:] = arguments
    if not getattr(sys.flags, "safe_path", False):  # with -P Python puts no folder there
        sys.path[:1] = [folder] if folder else []
    sys.excepthook = _print_traceback
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:  # a job in the background ignores Ctrl-C
        signal.signal(signal.SIGINT, signal.default_int_handler)
    return main


def _print_traceback(kind: type[BaseException], error: BaseException, traceback: types.TracebackType | None) -> None:
    """Prints an exception without the frames of this package, which come before the program's first frame."""
    while traceback and traceback.tb_frame.f_globals is not sys.modules["__main__"].__dict__:
        traceback = traceback.tb_next
    error.__traceback__ = traceback
    sys.__excepthook__(kind, error, traceback)
    if isinstance(error, SyntaxError) and looks_like_python_2(error) and sys.stderr:
        sys.stderr.write(
            "If this is a program for Python 2, convert it, for example with 2to3, which Python has up to 3.12.\n"
        )


def looks_like_python_2(error: SyntaxError) -> bool:
    """Returns True for a syntax error that Python 2 would not raise."""
    return bool(re.match(_PYTHON_2_ERRORS, error.msg or "") or re.match(_PYTHON_2_LINES, error.text or ""))
