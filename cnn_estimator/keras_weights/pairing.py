"""Finds the variable of each weight of a Keras model. Nothing is guessed: an ambiguous weight gets no variable."""

import dataclasses
import itertools
import math
import operator
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from cnn_estimator.keras_weights.calls import base, number
from cnn_estimator.keras_weights.cells import Shape
from cnn_estimator.keras_weights.variables import Variable

# How TensorFlow 1 and Keras begin the part of a name that tells a direction of a bidirectional layer.
_DIRECTIONS = {"fw": "forward", "forward": "forward", "bw": "backward", "backward": "backward"}


@dataclasses.dataclass(frozen=True)
class Weight:
    """A weight of a Keras model.

    Attributes:
      path: the path of its layer and its own name, without the name of the model.
      scope: the parts of the layer's path, or where it is in the checkpoint if the user named that. A part that Keras
        chose has no number.
      automatic: for each part whether Keras chose it.
      order: the place of its layer among the calls, None if it is not certain.
      below: the scope or variable of the checkpoint that the user named, or "".
    """

    path: str
    shape: Shape
    scope: tuple[str, ...]
    automatic: tuple[bool, ...]
    order: int | None
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


@dataclasses.dataclass(frozen=True)
class State:
    """What is paired already, and what is left."""

    weights: list[Weight]
    variables: list[Variable]
    matches: list[Match]
    all_variables: Sequence[Variable]


def weight_of(
    path: str, shape: Shape, order: int | None, names: Mapping[str, str], automatic_names: Collection[str]
) -> Weight:
    """Returns a weight, with what `names` says about its path or about the start of its path."""
    parts = path.split("/")
    for end in range(len(parts), 0, -1):
        start = "/".join(parts[:end])
        if start in names:
            scope = (*names[start].split("/"), *parts[end:-1])
            return Weight(path, shape, scope, tuple(False for _ in scope), order, names[start])
    automatic = tuple(base(part) in automatic_names for part in parts[:-1])
    scope = tuple(base(part) if chosen else part for part, chosen in zip(parts, automatic, strict=False))
    return Weight(path, shape, scope, automatic, order)


def pair(weights: Sequence[Weight], variables: Sequence[Variable]) -> list[Match]:
    """Returns the matches that are certain.

    Args:
      weights: in the order in which the model has them.
      variables: of the checkpoint, in Keras's layout.
    """
    matches: list[Match] = []
    rules = (_by_names, _by_equal_scope, _by_end_of_scope, _by_parts_of_scope, _by_layer, _by_shape, _by_order)
    while True:
        taken = {id(each) for match in matches for each in (match.weight, match.variable)}
        left = [weight for weight in weights if id(weight) not in taken]
        state = State(left, [variable for variable in variables if id(variable) not in taken], matches, variables)
        found = next(filter(None, (rule(state) for rule in rules)), None)
        if found is None:
            return matches
        matches = matches + found


def candidates(weight: Weight, variables: Iterable[Variable]) -> list[Variable]:
    """Returns the variables that a weight may be, by shape and role, and by what the user named."""
    return [variable for variable in variables if variable.shape == weight.shape and _may_be(weight, variable)]


def _may_be(weight: Weight, variable: Variable) -> bool:
    if weight.below and not any(f"{source}/".startswith(f"{weight.below}/") for source in variable.sources):
        return False
    if {_direction(weight.path), _direction(variable.name)} == {"forward", "backward"}:
        return False
    last = variable.name.rpartition("/")[2]
    return variable.roles is None or weight.role in variable.roles or weight.role == last


def _direction(name: str) -> str | None:
    starts = [part.partition("_")[0] for part in name.split("/")]
    return next((_DIRECTIONS[start] for start in starts if start in _DIRECTIONS), None)


def _fits(weight: Weight, variable: Variable) -> bool:
    """Returns True if a reshape that only joins or splits dimensions is enough: Keras's attention has one of heads."""
    bounds = [{*itertools.accumulate(shape, operator.mul)} for shape in (weight.shape, variable.shape)]
    same_size = math.prod(weight.shape) == math.prod(variable.shape)
    return same_size and (bounds[0] <= bounds[1] or bounds[1] <= bounds[0])


def _by_names(state: State) -> list[Match]:
    """Pairs the weights whose variable, or the scope of whose layer, the user named."""
    found = []
    for weight in state.weights:
        if weight.below:
            named = [v for v in state.variables if weight.below in v.sources and (not v.convert or _may_be(weight, v))]
            inside = [v for v in state.variables if v.scope == "/".join(weight.scope) and _may_be(weight, v)]
            fitting = [variable for variable in named or inside if _fits(weight, variable)]
            if len(fitting) == 1:
                found.append(Match(weight, fitting[0], "names"))
    return found


def _by_equal_scope(state: State) -> list[Match]:
    return _by_scope(state, lambda weight, scope: len(weight.scope) == len(scope) and _ends_like(weight, scope))


def _by_end_of_scope(state: State) -> list[Match]:
    return _by_scope(state, _ends_like)


def _by_parts_of_scope(state: State) -> list[Match]:
    """Pairs layer_0/attention/query with bert/encoder/layer_0/attention/self/query."""

    def has_parts(weight: Weight, scope: list[str]) -> bool:
        rest = iter(scope)
        parts = zip(weight.scope, weight.automatic, strict=True)
        return all(any(_is_called(part, chosen, other) for other in rest) for part, chosen in parts)

    return _by_scope(state, has_parts)


def _ends_like(weight: Weight, scope: list[str]) -> bool:
    end = scope[-len(weight.scope) :] if len(weight.scope) <= len(scope) else []
    return bool(end) and all(map(_is_called, weight.scope, weight.automatic, end))


def _is_called(part: str, automatic: bool, other: str) -> bool:
    """Compares a part of a layer's path with a part of a scope: without the number if Keras chose the name."""
    return part == (base(other) if automatic else other)


def _by_scope(state: State, is_like: Callable[[Weight, list[str]], bool]) -> list[Match]:
    """Pairs layers with the scopes of their names, if there is one such scope for each.

    Layers with the same automatic name are a family: Keras numbers the layers of a process, and TensorFlow 1 numbers
    the layers of a graph. A family is paired with a family of scopes of the same size.
    """
    groups: dict[tuple[str, ...], list[Weight]] = {}
    for weight in state.weights:
        groups.setdefault((*weight.scope, weight.role, weight.below), []).append(weight)
    found = []
    for group in groups.values():
        like = [variable for variable in state.variables if is_like(group[0], variable.scope.split("/"))]
        fitting = [variable for variable in like if any(_may_be(weight, variable) for weight in group)]
        if not any(group[0].automatic):
            paired = [_of_family(state, group, [variable]) for variable in fitting]
        else:
            paired = [_of_family(state, group, family) for family in _families(fitting).values()]
        certain = [matches for matches in paired if matches]
        if len(certain) == 1:
            found.append(certain[0])
    uses = [match.variable for matches in found for match in matches]
    return [match for matches in found for match in matches if all(uses.count(each.variable) == 1 for each in matches)]


def _of_family(state: State, weights: list[Weight], variables: list[Variable]) -> list[Match]:
    """Returns the matches of a family of layers with a family of scopes, or none if they are not certain."""
    if len(weights) != len(variables):
        return []
    shapes = {weight.shape for weight in weights}
    if len(weights) > 1 and len(shapes) == len(weights):
        paired = [(weight, [v for v in variables if v.shape == weight.shape]) for weight in weights]
        return (
            [Match(weight, same[0], "scope") for weight, same in paired] if all(len(s) == 1 for _, s in paired) else []
        )
    if len(weights) > 1 and not _is_ordered(state, weights, variables):
        return []
    matches = _in_order(weights, variables, "scope")
    return matches if all(_may_be(m.weight, m.variable) and _fits(m.weight, m.variable) for m in matches) else []


def _in_order(weights: list[Weight], variables: list[Variable], rule: str) -> list[Match]:
    by_call = sorted(weights, key=lambda weight: weight.order or 0)
    by_number = sorted(variables, key=lambda variable: _numbers(variable.scope))
    return [Match(*both, rule) for both in zip(by_call, by_number, strict=True)]


def _is_ordered(state: State, weights: list[Weight], variables: list[Variable]) -> bool:
    """Returns True if the order of the calls is certain on both sides.

    TensorFlow 1 numbers in the order of the calls: dense, dense_1, dense_2; cell_0, cell_1. Numbers that a program
    chose may be in another order. If the user has named one scope of a family, the order of the others is not certain.
    """
    (family, *others) = {_family(variable.scope) for variable in variables}
    role = variables[0].name.rpartition("/")[2]
    members = [v for v in state.all_variables if _family(v.scope) == family and v.name.rpartition("/")[2] == role]
    if others or any(match.rule == "names" and match.variable in members for match in state.matches):
        return False
    numbers = sorted({tuple(_numbers(member.scope)) for member in members})
    columns = [[*column] for column in zip(*numbers, strict=True) if len({*column}) > 1]
    automatic = ([-1, *range(1, len(numbers))], list(range(len(numbers))) if "cell" in family else None)
    from_layers = all(member.scope != member.name for member in members)
    return from_layers and len(columns) == 1 and columns[0] in automatic and all(w.order is not None for w in weights)


def _families(variables: Iterable[Variable]) -> dict[tuple[str, ...], list[Variable]]:
    families: dict[tuple[str, ...], list[Variable]] = {}
    for variable in variables:
        families.setdefault(_family(variable.scope), []).append(variable)
    return families


def _family(scope: str) -> tuple[str, ...]:
    """Returns the parts of a scope without their numbers."""
    return tuple(base(part) for part in scope.split("/"))


def _numbers(scope: str) -> list[int]:
    return [number(part) for part in scope.split("/")]


def _by_layer(state: State) -> list[Match]:
    """Pairs a weight whose layer's other weights have their variables, with what is left in the same scope."""
    found = []
    for weight in state.weights:
        scopes = {match.variable.scope for match in state.matches if match.weight.layer == weight.layer}
        fitting = [variable for variable in candidates(weight, state.variables) if {variable.scope} == scopes]
        if len(fitting) == 1:
            found.append(Match(weight, fitting[0], "layer"))
    return found


def _by_shape(state: State) -> list[Match]:
    return next((_in_order(*group, "shape") for group in _groups(state) if len(group[0]) == 1), [])


def _by_order(state: State) -> list[Match]:
    return next((_in_order(*group, "order") for group in _groups(state) if _is_ordered(state, *group)), [])


def _groups(state: State) -> list[tuple[list[Weight], list[Variable]]]:
    """Returns the weights of one shape and role with the variables that they may be, where both are as many."""
    fitting = {weight.path: candidates(weight, state.variables) for weight in state.weights}
    groups = []
    for weight in state.weights:
        likely = fitting[weight.path]
        group = [other for other in state.weights if any(variable in likely for variable in fitting[other.path])]
        if likely and len(likely) == len(group) and all(fitting[other.path] == likely for other in group):
            groups.append((group, likely))
    return groups
