"""Runs an unmodified program on the bridge: every way to import tensorflow gives it the API that it was written for."""

import builtins
import dataclasses
import functools
import importlib.machinery
import os
import re
import runpy
import signal
import sys
import types
import zipfile
from collections.abc import Callable, Sequence

from cnn_estimator.errors import UserError
from cnn_estimator.tf1 import aliases, choose_api, loading, old_names, python_keras, source, versions

# Messages of Python 3's SyntaxError, and lines of code, that point to Python 2.
_PYTHON_2_ERRORS = (
    r"Missing parentheses in call to|multiple exception types must be parenthesized|leading zeros in decimal"
)
_PYTHON_2_LINES = r"\s*(print|exec)\s+[^\s(=]|\s*raise\s+[\w.]+\s*,|.*(<>|\b\d+[lL]\b|`[^`]+`|\bur[\"'])"

_USAGE = "give SCRIPT.py or -m MODULE, and then the program's arguments"


@dataclasses.dataclass(frozen=True)
class Program:
    """A program for which TensorFlow is loaded.

    Attributes:
      name: the program's file, or its module.
      choice: the API of TensorFlow that it gets, and why; None if the caller named the API.
      run: runs the program in this process, which serves nothing else afterwards.
    """

    name: str
    choice: choose_api.Choice | None
    run: Callable[[], None]


def load(arguments: Sequence[str], api: int | None = None, tf_version: str | None = None) -> Program:
    """Loads TensorFlow for a program.

    Args:
      arguments: SCRIPT.py [ARGUMENTS], or -m MODULE [ARGUMENTS]. In place of a script stands a folder or a zip file
        with a __main__.py.
      api: 1 or 2, the API of TensorFlow that the program gets. None: chosen by the names that the program uses.
      tf_version: the version of TensorFlow that the program reads. None: 1.15.5 with TensorFlow 1's API, otherwise the
        true version.

    Raises:
      UserError: no program is named, or the file cannot be read.
    """
    if list(arguments[:1]) == ["-m"] and len(arguments) > 1:
        run = functools.partial(_run_module, arguments[1], arguments[2:])
        path = _module_file(arguments[1])
        folder = os.getcwd()
    elif not arguments or arguments[0] == "-m":
        raise UserError("no program is named", _USAGE)
    elif arguments[0].startswith("-"):
        raise UserError(
            f"{arguments[0]} is not supported",
            "give SCRIPT.py or -m MODULE; options of Python come first, as in python -u -m cnn_estimator run SCRIPT.py",
        )
    elif os.path.isdir(arguments[0]) or zipfile.is_zipfile(arguments[0]):
        run = functools.partial(_run_folder, arguments[0], arguments[1:])
        path = os.path.join(arguments[0], "__main__.py")
        folder = arguments[0]
    elif arguments[0].endswith(".pyc"):
        raise UserError(f"{arguments[0]} is compiled, and not supported", "name the program's source, a .py file")
    else:
        path = arguments[0]
        code = _read_file(path)
        run = functools.partial(_run_file, path, code, arguments[1:])
        folder = os.path.dirname(os.path.realpath(path))
    tensorflow = loading.import_tensorflow()
    choice = None
    if api is None:
        choice = choose_api.choose(source.read_program(path, folder) if path else {}, tensorflow)
        api = choice.api
    become(api, tf_version)
    return Program(path or arguments[1], choice, run)


def _module_file(name: str) -> str | None:
    """Returns the file of a module or package that `python -m` runs, without importing anything; None if not found."""
    places = [os.getcwd(), *sys.path]
    origin = None
    for part in name.split("."):
        # The full name would make a package without __init__.py look for its parent in sys.modules.
        spec = importlib.machinery.PathFinder.find_spec(part, places)
        if spec is None:
            return None
        places = list(spec.submodule_search_locations or [])
        origin = spec.origin
    return os.path.join(places[0], "__main__.py") if places else origin


def become(api: int, tf_version: str | None = None) -> None:
    """Gives this process the API of TensorFlow 1 or 2. It serves nothing but a program afterwards.

    Args:
      tf_version: as for load().
    """
    if api == 1:
        from cnn_estimator.tf1 import tf

        tensorflow = sys.modules["tensorflow"]
        aliases.become_tf1(tensorflow, tf)
        tf.app.flags.FLAGS["log_dir"].allow_override = True  # tutorials define absl's flag again, for TensorBoard
        versions.tell(tf_version or versions.TF1_VERSION, tensorflow, tf, tf.version)
    else:
        tensorflow = loading.load("cnn_estimator.tf2")
        aliases.become_tf2()
        if tf_version:
            versions.tell(tf_version, tensorflow, tensorflow.version)
    python_keras.install(aliases.keras_package(), api)
    old_names.restore()


def _read_file(path: str) -> bytes:
    """Returns the content of a file. Raises UserError if the file cannot be read."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise UserError(f"{path} cannot be opened: {error.strerror}", "name a Python file") from error


def _run_file(path: str, code: bytes, arguments: Sequence[str]) -> None:
    """Runs a file as `python FILE ARGUMENTS` does."""
    main = _prepare([path, *arguments], folder=os.path.dirname(os.path.realpath(path)))
    full_path = os.path.join(os.getcwd(), path)  # abspath() would take a/../b for b where a is a link
    main.__file__ = full_path
    main.__dict__["__cached__"] = None
    main.__loader__ = importlib.machinery.SourceFileLoader("__main__", full_path)
    exec(compile(code, full_path, "exec", dont_inherit=True), main.__dict__)


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
    main = types.ModuleType("__main__")
    main.__dict__["__builtins__"] = builtins
    main.__annotations__ = {}
    sys.modules["__main__"] = main
    sys.modules["__mp_main__"] = main  # where multiprocessing looks for the program's classes that a child sends
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
    if isinstance(error, SyntaxError) and looks_like_python_2(error):
        _report("If this is a program for Python 2, convert it, for example with 2to3, which Python has up to 3.12.")


def _report(text: str) -> None:
    if sys.stderr:  # None where descriptor 2 was closed
        sys.stderr.write(f"{text}\n")


def looks_like_python_2(error: SyntaxError) -> bool:
    """Returns True for a syntax error that Python 2 would not raise."""
    return bool(re.match(_PYTHON_2_ERRORS, error.msg or "") or re.match(_PYTHON_2_LINES, error.text or ""))
