"""The names that Python, NumPy and other libraries have removed since TensorFlow 1.15, for programs under `run`.

The tables are in python.py, numpy.py, matplotlib.py and libraries.py. A library that is not loaded yet gets its old
names when the program imports it.
"""

import ctypes
import importlib.abc
import importlib.machinery
import operator
import pkgutil
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any

from cnn_estimator.tf1 import aliases
from cnn_estimator.tf1.old_names import libraries, matplotlib, numpy, protobuf, python

_TABLES = (python, numpy, libraries, matplotlib)


def _rows(table: str) -> dict[str, str]:
    """Returns a table of all libraries, {module:old name: full name of what is served}."""
    return {
        key: f"{library.__name__}:{value[1:]}" if value.startswith(".") else value
        for library in _TABLES
        for key, value in getattr(library, table).items()
    }


def _description(value: str) -> str:
    """Returns what is served under a name: today's name, a constant, or the first line of a function's docstring."""
    if not value.startswith(f"{__name__}."):
        return f"is {value.removeprefix('builtins.')}"
    served = pkgutil.resolve_name(value)
    return (served.__doc__ or "").partition("\n")[0] if callable(served) else f"is {served!r}"


_MODULES: dict[str, str] = {alias: real for library in _TABLES for alias, real in library.MODULES.items()}
_PARENTS_OF_MODULES = {":".join(alias.rsplit(".", 1)): real for alias, real in _MODULES.items() if "." in alias}
_NAMES = _PARENTS_OF_MODULES | _rows("NAMES")
_CHANGED = _rows("CHANGED")
_REMOVED_MODULES = {name for library in _TABLES for name in library.REMOVED_MODULES}

# {full old name: advice}.
NOT_SERVED: dict[str, str] = {name: text for library in _TABLES for name, text in library.NOT_SERVED.items()}


def served() -> dict[str, str]:
    """Returns {full old name: what it does now}."""
    modules = {alias: f"is {real}" for alias, real in _MODULES.items()}
    return modules | {key.replace(":", "."): _description(value) for key, value in _rows("NAMES").items()}


def changed() -> dict[str, str]:
    """Returns {full name that still exists: what it does again}."""
    return {key.replace(":", "."): _description(value) for key, value in _CHANGED.items()}


def restore() -> None:
    """Gives all libraries their old names, and functions their old behaviour. Names that still exist stay as they are.

    Only for a process that runs nothing but a TF 1 program.
    """
    finder = _Finder()
    finder.complete_loaded_modules()
    sys.meta_path.insert(0, finder)
    protobuf.install()
    sys.meta_path.append(aliases.AliasFinder(_MODULES))
    numpy.restore_printing()


class _Finder(importlib.abc.MetaPathFinder):
    """Finds the modules that get old names: where all modules are found, or as empty modules if they were removed."""

    def __init__(self) -> None:
        self._modules = {key.partition(":")[0] for key in (*_NAMES, *_CHANGED)}

    def complete_loaded_modules(self) -> None:
        for name in self._modules & sys.modules.keys():
            _complete(sys.modules[name])

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname not in self._modules:
            return None
        spec = _spec_of_other_finders(self, fullname, path)
        if spec and spec.loader:
            spec.loader = _Loader(spec.loader)
        elif fullname in _REMOVED_MODULES:
            spec = importlib.machinery.ModuleSpec(fullname, _EmptyLoader(), is_package=True)
        return spec


def _spec_of_other_finders(
    finder: object, fullname: str, path: Sequence[str] | None
) -> importlib.machinery.ModuleSpec | None:
    for other in sys.meta_path:
        if other is not finder:
            spec = other.find_spec(fullname, path)
            if spec:
                return spec
    return None


class _Loader(importlib.abc.Loader):
    """Loads a module with another loader, and gives it its old names."""

    def __init__(self, loader: Any) -> None:
        self._loader = loader

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        if module.__spec__:
            module.__spec__.loader = self._loader
        module.__loader__ = self._loader
        self._loader.exec_module(module)
        _complete(module)


class _EmptyLoader(importlib.abc.Loader):
    """Loads a module that has nothing but old names."""

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        _complete(module)


def _complete(module: ModuleType) -> None:
    """Gives a module and its classes their old names, and functions their old behaviour."""
    if any(alias.startswith(f"{module.__name__}.") for alias in _MODULES) and not hasattr(module, "__path__"):
        module.__path__ = []  # so that Python looks for modules below it
    prefix = f"{module.__name__}:"
    names = {key.removeprefix(prefix): value for key, value in _NAMES.items() if key.startswith(prefix)}
    _serve(module, {name: value for name, value in names.items() if "." not in name})
    for path, value in names.items():
        owner, name = _owner(module, path)
        if owner is not module and not hasattr(owner, name):
            _set(owner, name, pkgutil.resolve_name(value))
    changed = {key.removeprefix(prefix): value for key, value in _CHANGED.items() if key.startswith(prefix)}
    for path, value in changed.items():
        owner, name = _owner(module, path)
        _set(owner, name, pkgutil.resolve_name(value)(getattr(owner, name)))


def _owner(module: ModuleType, path: str) -> tuple[Any, str]:
    """Returns (module or class, name in it) of a path such as Class.name."""
    owner, _, name = path.rpartition(".")
    return operator.attrgetter(owner)(module) if owner else module, name


def _serve(module: ModuleType, names: dict[str, str]) -> None:
    """Makes a module look up old names when they are used, so that nothing is imported before."""
    other_names = vars(module).get("__getattr__")

    def __getattr__(name: str) -> object:
        if name in names:
            value = pkgutil.resolve_name(names[name])
            setattr(module, name, value)
            return value
        if other_names:
            return other_names(name)
        raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}", name=name, obj=module)

    if names:
        module.__getattr__ = __getattr__  # type: ignore[method-assign]


_FLAGS_OFFSET = 21 * ctypes.sizeof(ctypes.c_void_p)  # of a class's flags in CPython's memory
_IMMUTABLE = 1 << 8


def _set(owner: Any, name: str, value: object) -> None:
    """Sets an attribute of a module or class, also of a class that is written in C.

    Where Python keeps the flags of classes elsewhere, such a class stays as it is.
    """
    if not isinstance(owner, type) or not owner.__flags__ & _IMMUTABLE:
        setattr(owner, name, value)
        return
    flags = ctypes.c_ulong.from_address(id(owner) + _FLAGS_OFFSET)
    if flags.value == owner.__flags__:
        flags.value &= ~_IMMUTABLE
        setattr(owner, name, value)
        flags.value |= _IMMUTABLE
