"""Names of TF 1 that nothing serves any more: they can be imported, and raise an error at their use."""

from collections.abc import Callable, Mapping
from typing import NoReturn


class Unavailable:
    """Stands for a function or class: whoever calls it, derives from it or asks it for an attribute gets an error."""

    def __init__(self, name: str, instead: str) -> None:
        """name: the full one, such as tf.contrib.tpu.TPUEstimator; instead: what to use, as a sentence's end."""
        self._message = f"{name} is not available on TensorFlow 2: {instead}"

    def __call__(self, *args: object, **kwargs: object) -> NoReturn:
        raise NotImplementedError(self._message)

    def __getattr__(self, attribute: str) -> NoReturn:
        if attribute.startswith("__"):  # inspection, by the import system or doctest, for example
            raise AttributeError(attribute)
        raise NotImplementedError(self._message)

    def __mro_entries__(self, bases: tuple[object, ...]) -> NoReturn:
        raise NotImplementedError(self._message)


def module_getattr(
    area: str,
    sources: tuple[object, ...],
    instead: str,
    instead_of: Mapping[str, str] | None = None,
    names: str | None = None,
) -> Callable[[str], object]:
    """Returns the __getattr__ of the module that stands for `area`, such as tf.contrib.layers.

    A name is what the first of the sources that has it says. One that none of them has is Unavailable, with the advice
    that instead_of has for it, or else `instead`, if TF 1 had it: if it is in instead_of or in `names`, separated by
    spaces, or Unavailable in a source. names=None: any name may have been there.
    """
    advice = dict.fromkeys((names or "").split(), instead) | dict(instead_of or {})

    def __getattr__(name: str) -> object:
        absent = AttributeError(f"module {area!r} has no attribute {name!r}")
        if name.startswith("__"):  # inspection
            raise absent
        found = [getattr(source, name) for source in sources if hasattr(source, name)]
        served = [value for value in found if not isinstance(value, Unavailable)]
        if served:
            return served[0]
        if not found and names is not None and name not in advice:
            raise absent
        return Unavailable(f"{area}.{name}", advice.get(name, instead))

    return __getattr__
