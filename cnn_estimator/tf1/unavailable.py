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
    area: str, sources: tuple[object, ...], instead: str, instead_of: Mapping[str, str] | None = None
) -> Callable[[str], object]:
    """Returns the __getattr__ of the module that stands for `area`, such as tf.contrib.layers.

    A name is what the first of the sources that has it says; one that none of them has is Unavailable, with the advice
    that instead_of has for it, or else `instead`.
    """

    def __getattr__(name: str) -> object:
        if name.startswith("__"):  # inspection
            raise AttributeError(f"module {area!r} has no attribute {name!r}")
        missing = Unavailable(f"{area}.{name}", (instead_of or {}).get(name, instead))
        found = (getattr(source, name, missing) for source in sources)
        return next((value for value in found if not isinstance(value, Unavailable)), missing)

    return __getattr__
