"""The order in which a Keras model calls its layers, as far as it is certain."""

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_NUMBER = re.compile(r"_?(\d+)$")


def automatic_names(model: Any) -> set[str]:
    """Returns the names, without numbers, that Keras gives to layers without a name: dense, conv2d, lstm and so on."""
    packages = {kind.__module__.partition(".")[0] for kind in type(model).__mro__ if kind.__name__ == "Layer"}
    layers = [getattr(sys.modules[package], "layers", None) for package in packages]
    return {_snake_case(name) for module in layers if module for name in dir(module) if name[0].isupper()}


def _snake_case(name: str) -> str:
    words = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", words).lower()


def orders(model: Any, paths: Sequence[str]) -> list[int | None]:
    """Returns for each weight the place of its layer among the calls, or None where that is not certain.

    A Sequential calls its layers in the order of its list. The layers of a functional model have no order, but Keras
    has numbered those without a name when they were made: the numbers are taken if no layer feeds one that was made
    before it. The order of the calls in a subclass of Model is not known.

    Args:
      paths: of the model's weights, in their order.
    """
    kinds = {kind.__name__ for kind in type(model).__mro__}
    if "Sequential" in kinds:
        return list(range(len(paths)))
    if "Functional" not in kinds:
        return [None for _ in paths]
    names = automatic_names(model)
    numbers = {layer.name: number(layer.name) for layer in model.layers if base(layer.name) in names}
    uncertain = {
        base(layer.name)
        for layer in model.layers
        if layer.name in numbers
        for fed_by in _ancestors(layer)
        if fed_by is None or (base(fed_by) == base(layer.name) and number(fed_by) > numbers[layer.name])
    }
    tops = [path.partition("/")[0] for path in paths]
    return [numbers.get(top) if base(top) not in uncertain else None for top in tops]


def _ancestors(layer: Any) -> Iterator[str | None]:
    """Yields the names of all operations that feed a layer, and None for one that is called several times."""
    seen = set()
    waiting = [layer]
    while waiting:
        operation = waiting.pop()
        if operation is not layer:
            yield operation.name
        try:
            inputs = list(_flatten(operation.input))
        except (AttributeError, ValueError):  # it has several inputs, one for each call
            yield None
            continue
        for tensor in inputs:
            source = tensor._keras_history[0]
            if source.name not in seen and source is not operation:
                seen.add(source.name)
                waiting.append(source)


def _flatten(tensors: Any) -> Iterator[Any]:
    if isinstance(tensors, Mapping):
        tensors = list(tensors.values())
    if not isinstance(tensors, list | tuple):
        yield tensors
        return
    for tensor in tensors:
        yield from _flatten(tensor)


def base(name: str) -> str:
    """Returns a name without the number at its end."""
    return _NUMBER.sub("", name)


def number(name: str) -> int:
    """Returns the number at the end of a name, or -1."""
    match = _NUMBER.search(name)
    return int(match[1]) if match else -1
