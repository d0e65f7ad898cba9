"""Measurements -> the Markdown of run.py. Imports no TensorFlow."""

import dataclasses
import datetime
import importlib.metadata
import platform
import statistics
from collections.abc import Callable, Mapping, Sequence

import measuring
from variants import OURS, PRODUCTS, VARIANTS, Variant

from cnn_estimator import hardware

Found = Mapping[str, Sequence[Mapping[str, float]]]  # {key of a variant: measurements, a round after the other}

_PACKAGES = {"tensorflow": "TensorFlow", "keras": "Keras", "torch": "PyTorch"}


@dataclasses.dataclass(frozen=True)
class Table:
    """The rows of a group that have a quantity.

    Attributes:
      digits: behind the point.
      more: {heading of a column: what it has, of the measurements, the variant, the quantity and the Table's rows}.
    """

    title: str
    group: str
    quantity: str
    digits: int
    more: Mapping[str, Callable[[Found, Variant, str], str]]

    def lines(self, found: Found) -> list[str]:
        """Returns the lines of the Markdown; none where nothing of the group was measured."""
        rows = [
            [str(variant), *self._spread(values), *(cell(found, variant, self.quantity) for cell in self.more.values())]
            for variant in VARIANTS
            if variant.group == self.group and (values := _values(found, variant, self.quantity))
        ]
        if not rows:
            return []
        cells = [["", "median", "range", *self.more], ["---"] * (3 + len(self.more)), *rows]
        return ["", f"**{self.title}**", "", *(f"| {' | '.join(row)} |" for row in cells)]

    def _spread(self, values: Sequence[float]) -> list[str]:
        median, least, greatest = (
            f"{value:.{self.digits}f}" for value in (statistics.median(values), min(values), max(values))
        )
        return [median, f"{least} to {greatest}"]


def _values(found: Found, variant: Variant, quantity: str) -> list[float]:
    return [measured[quantity] for measured in found.get(variant.key, ()) if quantity in measured]


def _relative_to(name: str) -> Callable[[Found, Variant, str], str]:
    """Returns a column: the ratio to another row, in the same precision."""

    def ratio(found: Found, variant: Variant, quantity: str) -> str:
        values = _values(found, variant, quantity)
        others = _values(found, dataclasses.replace(variant, name=name), quantity)
        # Of each round: what slowed the machine in one of them slowed both.
        ratios = [value / other for value, other in zip(values, others, strict=False)]
        return f"{statistics.median(ratios):.2f}" if ratios else ""

    return ratio


def _accuracy(found: Found, variant: Variant, quantity: str) -> str:
    return f"{statistics.median(_values(found, variant, 'accuracy')):.3f}"


_TABLES = (
    Table(
        "Training, steps a second",
        "training",
        "steps_per_second",
        1,
        {"beside ours": _relative_to(OURS), "of the products' rate": _relative_to(PRODUCTS)},
    ),
    Table("Training, peak memory in MB", "training", "peak_mb", 0, {"beside ours": _relative_to(OURS)}),
    Table(
        "Evaluation of the test set, seconds",
        "evaluation",
        "seconds",
        2,
        {"beside ours": _relative_to(OURS), "accuracy": _accuracy},
    ),
    Table("Start, seconds", "start", "seconds", 1, {}),
)


def report(found: Found) -> str:
    """Returns the Markdown of all that was measured."""
    rounds = sorted({len(measured) for measured in found.values()}) or [0]
    how_many = f"{rounds[0]} to {rounds[-1]}" if len(rounds) > 1 else f"{rounds[0]}"
    head = [
        f"{machine()}. {datetime.date.today()}, medians of {how_many} round{'s' * (rounds[-1] != 1)}.",
        f"{measuring.NETWORK} with batches of {measuring.BATCH}: {measuring.step_flops() / 1e9:.1f} GFLOP a step.",
    ]
    return "\n".join([*head, *(line for each in _TABLES for line in each.lines(found))])


def machine() -> str:
    """Returns what measurements depend on: the processor, and versions."""
    flags = hardware.bfloat16_flags()
    versions = [f"Python {platform.python_version()}"]
    for package, name in _PACKAGES.items():
        try:
            versions.append(f"{name} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            versions.append(f"no {name}")
    return (
        f"{hardware.processor_name()}, {hardware.available_threads()} cores, "
        f"{'bfloat16 by ' + ' and '.join(sorted(flags)) if flags else 'no bfloat16'}; {', '.join(versions)}"
    )
