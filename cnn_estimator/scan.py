"""Reports what of a code base will run on the bridge, without running the code base.

It reads the names that the files use, and looks each of them up in the API that `run` gives to programs.
"""

import collections
import dataclasses
import importlib
import importlib.util
import json
import os
import sys
import textwrap
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import ModuleType

from tabulate import tabulate

from cnn_estimator.errors import UserError
from cnn_estimator.tf1 import choose_api, differences, loading, old_names, script, source
from cnn_estimator.tf1.unavailable import Unavailable, message

SERVED = "served"
OTHER_NUMBERS = "other numbers"
ERROR = "error at use"
MISSING = "missing"
HANDLED = "missing, handled"  # the program catches the error, or asks for the version
STATUSES = (SERVED, OTHER_NUMBERS, ERROR, MISSING, HANDLED)

_LIBRARIES = ("keras", "tensorflow")
# Folders inside tensorflow whose modules are not attributes.
_INNER_FOLDERS = ("compiler", "contrib", "core", "examples", "lite", "python", "tools")


@dataclasses.dataclass(frozen=True)
class Name:
    """A name that the code base uses.

    Attributes:
      name: the full name, such as tensorflow.layers.dense.
      status: one of STATUSES.
      advice: what to do, or what differs; "" if there is nothing to say.
      places: where it is used, as path:line.
    """

    name: str
    status: str
    advice: str
    places: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class File:
    """A file of the code base.

    Attributes:
      path: the file.
      api: 1 or 2, the API of TensorFlow that it was written for; None if it does not use TensorFlow.
      names: {status: number of different names of TensorFlow and Keras with this status}.
      problem: why the file cannot be read as Python 3; "" if it can.
    """

    path: str
    api: int | None
    names: dict[str, int]
    problem: str


@dataclasses.dataclass(frozen=True)
class Report:
    """What of a code base will run.

    Attributes:
      choice: the API that `run` gives to the code base, and why.
      files: its files with TensorFlow, and those that cannot be read.
      names: its names of TensorFlow and Keras, in alphabetical order.
      old_names: its names of Python, NumPy and other libraries that no longer exist; SERVED: `run` restores them.
      scalar_arithmetic: where NumPy 2 computes otherwise than NumPy 1, as path:line.
      packages: packages that it imports and that are not installed.
    """

    choice: choose_api.Choice
    files: tuple[File, ...]
    names: tuple[Name, ...]
    old_names: tuple[Name, ...]
    scalar_arithmetic: tuple[str, ...]
    packages: tuple[str, ...]

    @property
    def complete(self) -> bool:
        """Whether nothing that the code base uses is missing."""
        names = (*self.names, *self.old_names)
        return not any(name.status == MISSING for name in names) and not any(file.problem for file in self.files)


def scan(paths: Sequence[str]) -> Report:
    """Returns the report on the Python files of a code base.

    Turns this process into one of `run`: it serves no other purpose afterwards.

    Args:
      paths: files, and folders with everything inside.

    Raises:
      UserError: a path does not exist, or there is no Python file.
    """
    files = _python_files(paths)
    sources: dict[str, source.Source] = {}
    problems: dict[str, str] = {}
    for path in files:
        try:
            sources[path] = source.read(path)
        except SyntaxError as error:
            python_2 = " (Python 2)" if script.looks_like_python_2(error) else ""
            problems[path] = f"line {error.lineno}: {error.msg}{python_2}"
    tensorflow = loading.import_tensorflow()
    choice = choose_api.choose(sources, tensorflow)
    apis = {path: _api(path, sources[path], tensorflow, choice) for path in sources}
    old = _old_names(sources)
    script.become(1)
    names = _names(sources, apis)
    statuses = {(name.name, place.rpartition(":")[0]): name.status for name in names for place in name.places}
    reports = [File(path, None, {}, problems[path]) for path in problems]
    reports += [File(path, api, _counts(path, statuses), "") for path, api in apis.items() if api]
    return Report(
        choice,
        tuple(sorted(reports, key=lambda file: file.path)),
        names,
        old,
        tuple(f"{path}:{line}" for path in sources for line in sources[path].scalar_arithmetic),
        _missing_packages(sources, files),
    )


def _python_files(paths: Sequence[str]) -> list[str]:
    """Returns the Python files among paths and inside folders, sorted. Hidden folders and environments are left out."""
    found: list[str] = []
    for path in paths:
        if not os.path.exists(path):
            raise UserError(f"{path} does not exist", "name Python files, or folders with Python files")
        if os.path.isfile(path):
            found.append(path)
        for folder, folders, names in os.walk(path):
            inner = [name for name in folders if not name.startswith(".") and name != "__pycache__"]
            folders[:] = [name for name in inner if not os.path.exists(os.path.join(folder, name, "pyvenv.cfg"))]
            found += [os.path.join(folder, name) for name in names if name.endswith(".py")]
    if not found:
        raise UserError(f"{' '.join(paths)}: no Python file", "name Python files, or folders with Python files")
    return sorted(found)


def _api(path: str, file: source.Source, tensorflow: ModuleType, choice: choose_api.Choice) -> int | None:
    """Returns the API that a file was written for: the code base's unless the file's own names tell."""
    if not any(_is_of_library(use.name) for use in file.uses):
        return None
    own = choose_api.choose({path: file}, tensorflow)
    return choice.api if own.reason in (choose_api.UNDECIDED, choose_api.ALL_IN_TF2) else own.api


def _is_of_library(name: str) -> bool:
    return name.partition(".")[0] in _LIBRARIES


def _names(sources: dict[str, source.Source], apis: dict[str, int | None]) -> tuple[Name, ...]:
    """Returns the names of TensorFlow and Keras that files use, each with its status."""
    places: dict[str, list[str]] = collections.defaultdict(list)
    looked_up: dict[str, set[int]] = collections.defaultdict(set)
    required = set()
    for path, file in sources.items():
        for use in file.uses:
            if _is_of_library(use.name):
                places[use.name].append(f"{path}:{use.line}")
                looked_up[use.name].add(apis[path] or 1)
                if not use.optional:
                    required.add(use.name)
    names = []
    for name in sorted(places):
        status, advice = max(
            (_look_up(name, api) for api in looked_up[name]), key=lambda found: STATUSES.index(found[0])
        )
        if name not in required and status in (ERROR, MISSING):
            status = HANDLED
        names.append(Name(name, status, advice, tuple(places[name])))
    return tuple(names)


def _counts(path: str, statuses: dict[tuple[str, str], str]) -> dict[str, int]:
    found = collections.Counter(status for (_, place), status in statuses.items() if place == path)
    return {status: found[status] for status in STATUSES if found[status]}


def _look_up(name: str, api: int) -> tuple[str, str]:
    """Returns the status of a name of TensorFlow or Keras, and advice."""
    root, *parts = name.split(".")
    tensorflow = sys.modules["tensorflow"]
    value: object = importlib.import_module(root)
    if root == "tensorflow" and api == 2 and not (parts and parts[0] in _INNER_FOLDERS):
        value = tensorflow.compat.v2
    path = root
    for part in parts:
        if not isinstance(value, ModuleType | Unavailable | type):
            break  # an attribute of an object
        path = f"{path}.{part}"
        try:
            value = _attribute(value, part, path)
        except NotImplementedError as error:
            return ERROR, str(error)
        except (AttributeError, ImportError):
            return MISSING, "" if path == name else f"there is no {path}"
    if isinstance(value, Unavailable):
        return ERROR, message(value)
    if api == 1 and name in differences.DIFFERENCES:
        return OTHER_NUMBERS, differences.DIFFERENCES[name]
    return SERVED, ""


def _attribute(value: object, part: str, path: str) -> object:
    """Returns an attribute of a module or class, or the submodule of a module."""
    if hasattr(value, part) or not isinstance(value, ModuleType):
        return getattr(value, part)
    return importlib.import_module(path)


def _old_names(sources: dict[str, source.Source]) -> tuple[Name, ...]:
    """Returns the names of Python, NumPy and other libraries that no longer exist."""
    served = old_names.served()
    places: dict[str, list[str]] = collections.defaultdict(list)
    for path, file in sources.items():
        for use in file.uses:
            old = next((name for name in _prefixes(use.name) if name in served or name in old_names.NOT_SERVED), None)
            if not old and use.name.startswith("numpy.") and not use.optional and not _exists_in_numpy(use.name):
                old = use.name
            if old:
                places[old].append(f"{path}:{use.line}")
    names = []
    for name in sorted(places):
        missing = MISSING, old_names.NOT_SERVED.get(name, "the installed NumPy lacks it")
        status, advice = (SERVED, served[name]) if name in served else missing
        names.append(Name(name, status, advice, tuple(places[name])))
    return tuple(names)


def _prefixes(name: str) -> Iterator[str]:
    """Yields a.b.c, a.b and a for a.b.c."""
    while name:
        yield name
        name = name.rpartition(".")[0]


def _exists_in_numpy(name: str) -> bool:
    value: object = importlib.import_module("numpy")
    for part in name.split(".")[1:]:
        if not isinstance(value, ModuleType):
            return True
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # NumPy warns of names that it has removed
            if not hasattr(value, part) and importlib.util.find_spec(f"{value.__name__}.{part}") is None:
                return False
            value = getattr(value, part, None)
    return True


def _missing_packages(sources: dict[str, source.Source], files: Iterable[str]) -> tuple[str, ...]:
    """Returns the packages that files import, and that are neither installed nor files themselves."""
    own = {part.removesuffix(".py") for path in files for part in os.path.normpath(path).split(os.sep)}
    imports = {use.name.partition(".")[0] for file in sources.values() for use in file.uses if not use.optional}
    imported = {module.partition(".")[0] for file in sources.values() for module in file.imports}
    foreign = (imports & imported) - own - set(sys.stdlib_module_names) - {""}
    return tuple(sorted(name for name in foreign if not _is_installed(name)))


def _is_installed(package: str) -> bool:
    return package in sys.modules or importlib.util.find_spec(package) is not None


def as_json(report: Report) -> str:
    """Returns a report as one JSON object."""
    return json.dumps(dataclasses.asdict(report) | {"complete": report.complete})


def as_text(report: Report) -> str:
    """Returns a report as tables."""
    parts = [_summary(report)]
    rows = [[file.path, file.api or "", file.problem or _listed(file.names)] for file in report.files]
    parts.append(tabulate(rows, ["file", "API", "names of TensorFlow and Keras"], "plain"))
    for status in (MISSING, ERROR, OTHER_NUMBERS, HANDLED):
        parts += _table(status, [name for name in report.names if name.status == status])
    parts += _table("old names that run restores", [name for name in report.old_names if name.status == SERVED])
    parts += _table("old names that are missing", [name for name in report.old_names if name.status == MISSING])
    if report.scalar_arithmetic:
        places = " ".join(report.scalar_arithmetic)
        parts.append(f"NumPy 2 computes in the type of the scalar, NumPy 1 chose a larger one if needed:\n  {places}")
    if report.packages:
        parts.append(f"packages that are not installed: {', '.join(report.packages)}")
    return "\n\n".join(parts)


def _summary(report: Report) -> str:
    counts = collections.Counter(name.status for name in report.names)
    api = f"TensorFlow {report.choice.api}'s API, because {report.choice.reason}"
    return f"{len(report.names)} names of TensorFlow and Keras: {_listed(counts) or 'none'}\n`run` takes {api}"


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{counts[status]} {status}" for status in STATUSES if counts.get(status))


def _table(title: str, names: Sequence[Name]) -> list[str]:
    """Returns a titled table of names; nothing if there are none."""
    rows = [[name.name, _places(name.places), name.advice] for name in names]
    return [f"{title}:\n{textwrap.indent(tabulate(rows, tablefmt='plain'), '  ')}"] if rows else []


def _places(places: Sequence[str]) -> str:
    more = f" and {len(places) - 1} more" if len(places) > 1 else ""
    return f"{places[0]}{more}"
