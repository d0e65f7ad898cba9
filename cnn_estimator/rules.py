"""Rules for the values of settings and arguments, and the errors of those that break them. Imports no TensorFlow."""

import dataclasses
import difflib
import functools
import numbers
import os
import re
import reprlib
from collections.abc import Callable, Iterable
from typing import Any, ParamSpec, TypeVar

from cnn_estimator.errors import UserError

MAX_FOLDERS = 500  # in a path: os.makedirs calls itself for each
MAX_NAME_LENGTH = 40  # of a class
_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")


@dataclasses.dataclass(frozen=True)
class Choice:
    """One of several names."""

    names: tuple[str, ...]

    def check(self, value: object) -> None:
        if type(value) is not str or value not in self.names:
            raise ValueError(f"no such name, {suggestion(str(value), self.names)}")


@dataclasses.dataclass(frozen=True)
class Integer:
    """An int within bounds; None too, if it is optional."""

    min: int
    max: int
    optional: bool = False

    def check(self, value: object) -> None:
        if self.optional and value is None:
            return
        if type(value) is not int or not self.min <= value <= self.max:
            raise ValueError(f"not an integer from {self.min} to {self.max}")


@dataclasses.dataclass(frozen=True)
class Number:
    """An int or a float within bounds."""

    min: float
    max: float

    def check(self, value: object) -> None:
        if type(value) not in (int, float) or not self.min <= value <= self.max:  # type: ignore[operator]
            raise ValueError(f"not a number from {self.min:g} to {self.max:g}")


@dataclasses.dataclass(frozen=True)
class Path:
    """A path that TensorFlow can open; None too, if it is optional."""

    optional: bool = False

    def check(self, value: object) -> None:
        if not (self.optional and value is None):
            check_path(value)


@dataclasses.dataclass(frozen=True)
class ClassNames:
    """The names of the ten classes."""

    def check(self, value: object) -> None:
        check_class_names(value)


Rule = Choice | Integer | Number | Path | ClassNames


def python_number(value: Any) -> Any:
    """Returns a number of NumPy's as Python's, and anything else as it is."""
    if type(value) in (bool, int, float):
        return value
    if isinstance(value, numbers.Integral):
        return int(value)
    return float(value) if isinstance(value, numbers.Real) else value


def takes_numpy_numbers(function: Callable[_Arguments, _Result]) -> Callable[_Arguments, _Result]:
    """Has a function receive NumPy's numbers as Python's, which the rules ask for and JSON can hold."""

    @functools.wraps(function)
    def call(*arguments: _Arguments.args, **named: _Arguments.kwargs) -> _Result:
        converted: dict[str, Any] = {name: python_number(value) for name, value in named.items()}
        return function(*map(python_number, arguments), **converted)  # type: ignore[arg-type]

    return call


def check_value(name: str, rule: Rule, value: object) -> None:
    """Raises UserError where the value of that name breaks the rule."""
    try:
        rule.check(value)
    except ValueError as error:
        raise UserError(f"{name} {reprlib.repr(value)}: {error}") from None


def local_path_or_none(name: str, value: str | os.PathLike[str] | None) -> str | None:
    """Returns local_path(name, value); None for None."""
    return None if value is None else local_path(name, value)


def local_path(name: str, value: str | os.PathLike[str]) -> str:
    """Returns the path that an argument of that name gives; raises UserError where it is not one of a local file."""
    path = os.fspath(value) if isinstance(value, os.PathLike) else value
    check_value(name, Path(), path)
    return path


def suggestion(name: str, names: Iterable[str]) -> str:
    """Returns what to do about a name that is none of the names."""
    nearest = difflib.get_close_matches(name, names := list(names), n=1)
    return f"did you mean {nearest[0]}?" if nearest else f"choose one of {', '.join(names)}"


def check_path(value: object) -> None:
    """Raises ValueError for what cannot be the path of a local file."""
    if not isinstance(value, str) or not value or "\0" in value:
        raise ValueError("not a path")
    if value.count("/") > MAX_FOLDERS:
        raise ValueError(f"more than {MAX_FOLDERS} folders deep")
    if scheme := re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", value):
        raise ValueError(f"paths that begin with {scheme[0]} are not supported, name a local one")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError("not UTF-8, which TensorFlow needs") from None


def check_class_names(value: object) -> None:
    """Raises ValueError for what is not a tuple of ten different names."""
    if type(value) is not tuple or {type(name) for name in value} != {str} or not len(value) == len({*value}) == 10:
        raise ValueError("not ten different class names")
    for name in value:
        if not name.isprintable() or not 1 <= len(name) <= MAX_NAME_LENGTH:
            raise ValueError(f"a class name must have 1 to {MAX_NAME_LENGTH} printable characters")
