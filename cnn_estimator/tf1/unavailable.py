"""Stand-ins for names of TF 1 that no longer exist: they can be imported, and raise an error when they are used."""

from collections.abc import Callable, Mapping
from types import ModuleType
from typing import NoReturn

_HELPERS = (__name__, "__future__", "collections.abc", "functools", "typing")  # modules that only help to write code


class Unavailable:
    """A stand-in for a function or class. Calling it, deriving from it or reading its attributes raises an error."""

    def __init__(self, name: str, instead: str) -> None:
        """name: the full name, such as tf.contrib.tpu.TPUEstimator; instead: advice that ends the error message."""
        self._message = f"{name} is not available on TensorFlow 2: {instead}"

    def __call__(self, *args: object, **kwargs: object) -> NoReturn:
        raise NotImplementedError(self._message)

    def __getattr__(self, attribute: str) -> NoReturn:
        if attribute.startswith("__"):  # look-ups by the import system or doctest, for example
            raise AttributeError(attribute)
        raise NotImplementedError(self._message)

    def __mro_entries__(self, bases: tuple[object, ...]) -> NoReturn:
        raise NotImplementedError(self._message)


def message(stand_in: Unavailable) -> str:
    """Returns the text of the errors that a stand-in raises."""
    return stand_in._message


def module_getattr(
    area: str,
    sources: tuple[object, ...],
    instead: str,
    instead_of: Mapping[str, str] | None = None,
    names: str | None = None,
) -> Callable[[str], object]:
    """Returns the __getattr__ of a module that replaces a part of TF 1.

    The function looks a name up in the sources and returns the first value that is available. Other names of TF 1 are
    Unavailable, and names that TF 1 never had raise AttributeError.

    Args:
      area: the part's name, such as tf.contrib.layers.
      sources: modules, or other objects, whose attributes are the part's names.
      instead: advice for names that no source has.
      instead_of: {name of TF 1: advice for it}.
      names: other names of TF 1, separated by spaces. None: any name may have existed.
    """
    advice = dict.fromkeys((names or "").split(), instead) | dict(instead_of or {})

    def __getattr__(name: str) -> object:
        absent = AttributeError(f"module {area!r} has no attribute {name!r}")
        if name.startswith("__"):  # Python's own look-ups, such as __wrapped__
            raise absent
        values = [getattr(source, name) for source in sources if hasattr(source, name)]
        available = [value for value in values if not isinstance(value, Unavailable)]
        if available:
            return available[0]
        if not values and names is not None and name not in advice:
            raise absent
        return Unavailable(f"{area}.{name}", advice.get(name, instead))

    vars(__getattr__)["sources"] = sources
    return __getattr__


def public_names(module: ModuleType) -> list[str]:
    """Returns what a module and the sources of its module_getattr provide, without what they only import."""
    sources = getattr(vars(module).get("__getattr__"), "sources", ())
    names = {name for name in vars(module) if _provides(module, name)}
    return sorted(names.union(name for source in sources for name in dir(source) if _provides(source, name)))


def _provides(source: object, name: str) -> bool:
    if name.startswith("_"):
        return False
    value = getattr(source, name, None)
    if isinstance(value, ModuleType):  # its own submodule
        return value.__name__ == f"{getattr(source, '__name__', None)}.{name}"
    return isinstance(value, Unavailable) or getattr(value, "__module__", None) not in _HELPERS
