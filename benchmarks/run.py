"""Speed and memory beside the peers, as a Markdown table: python benchmarks/run.py --rounds=7

README.md beside it says what the rows are. Each measurement is a program of its own, and a round has each of them once,
so that what slows the machine for a while slows all of them.
"""

import argparse
import collections
import dataclasses
import json
import pathlib
import sys
import tempfile

import measuring
import table
from table import Found
from variants import INTERPRETERS, VARIANTS, Variant

_FOLDER = pathlib.Path(__file__).resolve().parent


@dataclasses.dataclass(frozen=True)
class Settings:
    """How much to measure, the folder for the trained models, and {key in INTERPRETERS: the Python}."""

    quick: bool
    models: pathlib.Path
    interpreters: dict[str, str]

    def measure(self, variant: Variant) -> dict[str, float]:
        """Runs a variant. If training has not left the model that it loads, one is trained for a moment first."""
        if variant.model and variant.function != "train" and not (self.models / variant.model).exists():
            self._run(dataclasses.replace(variant, function="train", precision="float32"), quick=True)
        return self._run(variant, self.quick)

    def _run(self, variant: Variant, quick: bool) -> dict[str, float]:
        command = [str(_FOLDER / variant.program), variant.function]
        command += [f"--precision={variant.precision}"] if variant.precision else []
        command += ["--quick"] if quick else []
        command += [f"--model={self.models / variant.model}"] if variant.model else []
        command += [f"--python={self.interpreters[variant.interpreter]}"] if variant.interpreter else []
        return json.loads(measuring.run(command).stdout.splitlines()[-1])


def main() -> None:
    given = _arguments()
    results = pathlib.Path(given.results) if given.results else None
    found = _read(results) if results and results.exists() else collections.defaultdict(list)
    interpreters = {name: getattr(given, name) for name in INTERPRETERS if getattr(given, name)}
    obstacles = {
        variant: variant.obstacle(given.quick, interpreters)
        for variant in VARIANTS
        if any(text in variant.key for text in given.rows)
    }
    with tempfile.TemporaryDirectory() as models:
        settings = Settings(given.quick, pathlib.Path(models), interpreters)
        for number in range(given.rounds):
            for variant in (variant for variant, obstacle in obstacles.items() if not obstacle):
                measured = settings.measure(variant)
                print(f"round {number + 1} of {given.rounds}: {variant.key}: {measured}", file=sys.stderr)
                found[variant.key].append(measured)
                if results:
                    _add(results, variant, measured)
    print(table.report(found))
    for obstacle in sorted({obstacle for obstacle in obstacles.values() if obstacle}):
        skipped = [variant.key for variant, own in obstacles.items() if own == obstacle]
        print(f"\nSkipped, {obstacle}: {'; '.join(skipped)}.")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Prints speed and memory beside the peers as a Markdown table.")
    parser.add_argument("--rounds", type=int, default=7, help="of which the medians are taken")
    parser.add_argument("--rows", action="append", help="a text in their names, of those to measure: PyTorch")
    parser.add_argument("--quick", action="store_true", help="measure very little once, to see whether all of it works")
    parser.add_argument("--results", help="a file to add the measurements to; the table is of all that it has")
    for name, version in INTERPRETERS.items():
        parser.add_argument(f"--{name}", help=f"a Python with {version}, to add a row for it")
    given = parser.parse_args()
    given.rows = given.rows or [""]
    for text in given.rows:
        if not any(text in variant.key for variant in VARIANTS):
            parser.error(f"--rows: none has {text}, choose from {'; '.join(variant.key for variant in VARIANTS)}")
    if given.quick:
        given.rounds = 1
    return given


def _add(results: pathlib.Path, variant: Variant, measured: dict[str, float]) -> None:
    with results.open("a") as file:
        file.write(json.dumps({"machine": table.machine(), "row": variant.key, "measured": measured}) + "\n")


def _read(results: pathlib.Path) -> Found:
    """Returns the measurements in a file; ends the program where they are of another machine."""
    found = collections.defaultdict(list)
    for line in results.read_text().splitlines():
        entry = json.loads(line)
        if entry["machine"] != table.machine():
            sys.exit(f"error: {results} is of {entry['machine']}, this is {table.machine()}: name another file")
        found[entry["row"]].append(entry["measured"])
    return found


if __name__ == "__main__":
    main()
