"""Finds the variable of each weight of a Keras model. Nothing is guessed: an ambiguous weight gets no variable."""

import dataclasses
import itertools
import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from cnn_estimator.keras_weights.cells import Shape
from cnn_estimator.keras_weights.variables import Variable

_NUMBER = re.compile(r"_?(\d+)$")
# How TensorFlow 1 and Keras begin the part of a name that tells a direction of a bidirectional layer.
_DIRECTIONS = {"fw": "forward", "forward": "forward", "bw": "backward", "backward": "backward"}


@dataclasses.dataclass(frozen=True)
class Weight:
    """A weight of a Keras model.

    Attributes:
      path: the path of its layer and its own name, without the name of the model.
      scope: the layer's path, or where it is in the checkpoint if the user named that.
      below: the scope or variable of the checkpoint that the user named, or "".
    """

    path: str
    shape: Shape
    scope: str
    below: str = ""

    @property
    def layer(self) -> str:
        return self.path.rpartition("/")[0]

    @property
    def role(self) -> str:
        return self.path.rpartition("/")[2]


@dataclasses.dataclass(frozen=True)
class Match:
    """A weight with its variable, and what decided: names, scope, layer, shape or order."""

    weight: Weight
    variable: Variable
    rule: str


def weight_of(path: str, shape: Shape, names: Mapping[str, str]) -> Weight:
    """Returns a weight, with what `names` says about its path or about the start of its path."""
    parts = path.split("/")
    for end in range(len(parts), 0, -1):
        start = "/".join(parts[:end])
        if start in names:
            return Weight(path, shape, "/".join([names[start], *parts[end:-1]]), names[start])
    return Weight(path, shape, "/".join(parts[:-1]))


def pair(weights: Sequence[Weight], variables: Sequence[Variable]) -> list[Match]:
    """Returns the matches that are certain.

    Args:
      weights: in the order in which the model has them.
      variables: of the checkpoint, in Keras's layout.
    """
    matches: list[Match] = []
    rules = (_by_names, _by_equal_scope, _by_end_of_scope, _by_parts_of_scope, _by_layer, _by_shape_and_order)
    while True:
        taken = {id(each) for match in matches for each in (match.weight, match.variable)}
        weights_left = [weight for weight in weights if id(weight) not in taken]
        variables_left = [variable for variable in variables if id(variable) not in taken]
        found = next(filter(None, (rule(weights_left, variables_left, matches) for rule in rules)), None)
        if found is None:
            return matches
        matches += found


def candidates(weight: Weight, variables: Iterable[Variable]) -> list[Variable]:
    """Returns the variables that a weight may be, by shape and role, and by what the user named."""
    return [variable for variable in variables if variable.shape == weight.shape and _may_be(weight, variable)]


def _may_be(weight: Weight, variable: Variable) -> bool:
    if weight.below and not f"{variable.name}/".startswith(f"{weight.below}/"):
        return False
    directions = {_direction(weight.path), _direction(variable.name)}
    if directions == {"forward", "backward"}:
        return False
    last = variable.name.rpartition("/")[2]
    return variable.roles is None or weight.role in variable.roles or weight.role == last


def _direction(name: str) -> str | None:
    starts = [part.partition("_")[0] for part in name.split("/")]
    return next((_DIRECTIONS[start] for start in starts if start in _DIRECTIONS), None)


def _has_the_elements(weight: Weight, variable: Variable) -> bool:
    """Returns True if a reshape only joins or splits dimensions: Keras's attention has a dimension of heads."""
    if math.prod(weight.shape) != math.prod(variable.shape):
        return False
    bounds = [{*itertools.accumulate(shape, operator.mul)} for shape in (weight.shape, variable.shape)]
    return bounds[0] <= bounds[1] or bounds[1] <= bounds[0]


def _by_names(weights: list[Weight], variables: list[Variable], matches: list[Match]) -> list[Match]:
    """Pairs the weights whose variable, or the scope of whose layer, the user named."""
    found = []
    for weight in weights:
        if weight.below:
            named = [variable for variable in variables if variable.name == weight.below]
            inside = [
                variable for variable in variables if variable.scope == weight.scope and _may_be(weight, variable)
            ]
            fitting = [variable for variable in named or inside if _has_the_elements(weight, variable)]
            if len(fitting) == 1:
                found.append(Match(weight, fitting[0], "names"))
    return found


def _by_equal_scope(weights: list[Weight], variables: list[Variable], matches: list[Match]) -> list[Match]:
    return _by_scope(weights, variables, lambda layer, scope: layer == scope)


def _by_end_of_scope(weights: list[Weight], variables: list[Variable], matches: list[Match]) -> list[Match]:
    return _by_scope(weights, variables, lambda layer, scope: layer == scope[-len(layer) :])


def _by_parts_of_scope(weights: list[Weight], variables: list[Variable], matches: list[Match]) -> list[Match]:
    """Pairs layer/attention/query with bert/encoder/layer/attention/self/query."""

    def has_parts(layer: tuple[str, ...], scope: tuple[str, ...]) -> bool:
        rest = iter(scope)
        return all(part in rest for part in layer)

    return _by_scope(weights, variables, has_parts)


def _by_scope(
    weights: list[Weight], variables: list[Variable], is_like: Callable[[tuple[str, ...], tuple[str, ...]], bool]
) -> list[Match]:
    """Pairs families of layers that have the same size, as dense_2 and dense_3 with fc/dense and fc/dense_1.

    The paths of a family differ in numbers alone. Keras numbers the layers of a process, and TensorFlow 1 numbers the
    layers of a graph, so the numbers tell the order and nothing else.
    """
    found = []
    for (layer, _role), members in _families(weights, lambda weight: weight.role).items():
        scopes = [others for (scope, _), others in _families(variables).items() if layer and is_like(layer, scope)]
        fitting = list(filter(None, (_in_order(members, others) for others in scopes)))
        if len(fitting) == 1:
            found.append(fitting[0])
    uses = [match.variable for family in found for match in family]
    return [match for family in found for match in family if all(uses.count(other.variable) == 1 for other in family)]


def _in_order(weights: list[Weight], variables: list[Variable]) -> list[Match]:
    """Returns the matches of two families, or none if their sizes or shapes differ."""
    fitting = [variable for variable in variables if any(_may_be(weight, variable) for weight in weights)]
    if len(fitting) != len(weights):
        return []
    matches = [Match(*both, "scope") for both in zip(weights, fitting, strict=True)]
    fits = [_may_be(each.weight, each.variable) and _has_the_elements(each.weight, each.variable) for each in matches]
    return matches if all(fits) else []


def _families(items: Iterable, key: Callable = lambda item: None) -> dict:
    """Returns {(parts of the scope without their numbers, key): items in the order of their numbers}."""
    families: dict = {}
    for item in items:
        parts = item.scope.split("/") if item.scope else []
        families.setdefault((tuple(_NUMBER.sub("", part) for part in parts), key(item)), []).append(item)
    return {name: sorted(members, key=lambda item: _numbers(item.scope)) for name, members in families.items()}


def _numbers(scope: str) -> list[int]:
    matches = [_NUMBER.search(part) for part in scope.split("/")]
    return [int(match[1]) if match else -1 for match in matches]


def _by_layer(weights: list[Weight], variables: list[Variable], matches: list[Match]) -> list[Match]:
    """Pairs a weight whose layer's other weights have their variables, with what is left in the same scope."""
    found = []
    for weight in weights:
        scopes = {match.variable.scope for match in matches if match.weight.layer == weight.layer}
        fitting = [variable for variable in candidates(weight, variables) if {variable.scope} == scopes]
        if len(fitting) == 1:
            found.append(Match(weight, fitting[0], "layer"))
    return found


def _by_shape_and_order(weights: list[Weight], variables: list[Variable], matches: list[Match]) -> list[Match]:
    """Pairs weights with as many variables of their shape: a single one, or a family, in the order of its numbers."""
    fitting = {weight.path: candidates(weight, variables) for weight in weights}
    for weight in weights:
        group = [
            other for other in weights if any(variable in fitting[weight.path] for variable in fitting[other.path])
        ]
        if all(fitting[other.path] == fitting[weight.path] for other in group):
            families = list(_families(fitting[weight.path]).values())
            if len(families) == 1 and len(families[0]) == len(group):
                rule = "shape" if len(group) == 1 else "order"
                return [Match(*both, rule) for both in zip(group, families[0], strict=True)]
    return []
