"""The verb reproduce: the tutorials' recipes beside what the tutorials report."""

import contextlib
import dataclasses
import json
import logging
import math
import os
import statistics
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from tabulate import tabulate

from cnn_estimator import stopping
from cnn_estimator.data import datasets
from cnn_estimator.distributed import tf_config
from cnn_estimator.errors import Stopped, UserError
from cnn_estimator.evaluation import evaluate
from cnn_estimator.files import atomic_write, open_regular, writing
from cnn_estimator.hardware import available_threads, has_bfloat16, processor_name, resolve_precision
from cnn_estimator.prediction import Predictor
from cnn_estimator.progress import progress_bar
from cnn_estimator.recipes import RECIPES, Recipe
from cnn_estimator.run_dir import checkpoints, lock
from cnn_estimator.run_dir.run import RunDir
from cnn_estimator.settings import SETTINGS, check, check_optional_path, check_path, find_recipe, given, make_settings
from cnn_estimator.tf1 import tf
from cnn_estimator.training import train

log = logging.getLogger("cnn_estimator")

RESULTS_FILE, TABLE_FILE = "results.json", "results.md"
VERSION = 1
SEEDS = (1, 2, 3)
_IMAGES_AT_ONCE = 10_000


@dataclasses.dataclass(frozen=True, kw_only=True)
class Run:
    """One recipe with one seed.

    Attributes:
      step: the global step that was reached, or None where that is not known.
      timed_steps, seconds: of the calls of train() that ended, so that their ratio is the speed; a call that was killed
        left nothing.
      accuracy: on the test set; None until the run is finished and evaluated.
      accuracy_in_training: on the training set, where the tutorial reports that.
      tensorflow, hardware, precision: what it was last trained with, or None where that is not known. Evaluations are
        in float32.
    """

    recipe: str
    seed: int
    step: int | None = None
    timed_steps: int = 0
    seconds: float = 0.0
    accuracy: float | None = None
    accuracy_in_training: float | None = None
    tensorflow: str | None = None
    hardware: str | None = None
    precision: str | None = None

    def __post_init__(self) -> None:
        find_recipe(self.recipe)
        check("seed", self.seed)
        for name in ("step", "timed_steps", "seconds", "accuracy", "accuracy_in_training"):
            value = getattr(self, name)
            if value is None and name not in ("timed_steps", "seconds"):
                continue
            if type(value) not in (int, float) or not math.isfinite(value):
                raise ValueError(f"{name} {value!r}: not a number")

    @property
    def name(self) -> str:
        """The name of its model_dir in the root."""
        return f"{self.recipe}-seed{self.seed}"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Reproduction:
    """What a root holds.

    Attributes:
      scale: the fraction of each recipe's steps that is trained; 1 but for a rehearsal.
      precision: of all runs; None for each recipe's own.
      data_dir: see datasets.load.
      runs: those that were begun, in the order of the recipes and seeds.
    """

    root: str
    scale: float = 1.0
    precision: str | None = None
    data_dir: str | None = None
    runs: tuple[Run, ...] = ()

    def find(self, recipe: str, seed: int) -> Run:
        """Returns that Run, which may not have begun."""
        return next(
            (run for run in self.runs if (run.recipe, run.seed) == (recipe, seed)), Run(recipe=recipe, seed=seed)
        )

    def steps(self, recipe: Recipe) -> int:
        """Returns how many steps a run of the recipe has."""
        return max(1, round(recipe.steps * self.scale))

    def replace(self, run: Run) -> "Reproduction":
        """Returns this with a Run added, or in place of what it was."""
        runs = [other for other in self.runs if other.name != run.name] + [run]
        order = list(RECIPES)
        return dataclasses.replace(self, runs=tuple(sorted(runs, key=lambda run: (order.index(run.recipe), run.seed))))


def reproduce(
    root: str | os.PathLike[str],
    recipes: Iterable[str] | None = None,
    seeds: Iterable[int] = SEEDS,
    *,
    scale: float = 1.0,
    precision: str | None = None,
    data_dir: str | os.PathLike[str] | None = None,
) -> Reproduction:
    """Trains and evaluates recipes with several seeds, and writes a table of what the tutorials report and what came.

    All recipes with the first seed come first. A run that is finished is not done again, and one that was interrupted
    goes on from its checkpoint. After each run root/results.json and root/results.md have all that is in the root.

    Args:
      root: the folder of the runs, each in a model_dir of its own; made where it is missing.
      recipes: names of recipes; None takes all.
      seeds: of weights, shuffle and dropout, a run for each.
      scale: the fraction of each recipe's steps to train, for a rehearsal.
      precision: see train; None takes the root's own, or for a new one each recipe's.
      data_dir: see datasets.load; None takes the root's own.

    Raises:
      UserError: the root has runs of another scale, precision or data, or cannot be written, or see train and evaluate.
      Stopped: a stop signal ended the work. Its result is the Reproduction so far.
    """
    names = [find_recipe(name) for name in dict.fromkeys(RECIPES if recipes is None else recipes)]
    chosen = list(dict.fromkeys(check("seed", seed) for seed in seeds))
    scale = check("scale", scale)
    root, data_dir = check_path("root", root), check_optional_path("data_dir", data_dir)
    asked: dict[str, Any] = {"scale": float(scale)}
    asked |= given(data_dir=data_dir and os.path.abspath(data_dir))
    if precision is not None:
        asked["precision"] = resolve_precision(check("precision", precision))
    tf_config.log_ignored()
    checkpoints.check_name(f"root {root!r}", root, "choose another {root}")
    with tf_config.hidden(), contextlib.ExitStack() as locks:
        with writing(f"root {root}"):
            locks.enter_context(lock.locked(root, "root"))
        found = _read(root, asked)
        if found.precision == "bfloat16" and not has_bfloat16():
            raise UserError(
                f"root {root}: its runs are in bfloat16, which this processor lacks", "choose another {root}"
            )
        _write(found)
        return _run_all(found, [(recipe, seed) for seed in chosen for recipe in names])


def _run_all(found: Reproduction, plan: Sequence[tuple[Recipe, int]]) -> Reproduction:
    left = [(recipe, seed) for recipe, seed in plan if found.find(recipe.name, seed).accuracy is None]
    total, steps_left = (sum(found.steps(recipe) for recipe, _ in runs) for runs in (plan, left))
    # Over all runs; below it is the bar of the run.
    with progress_bar(total=total, initial=total - steps_left, smoothing=0) as bar:
        for number, (recipe, seed) in enumerate(left, 1 + len(plan) - len(left)):
            run, steps = found.find(recipe.name, seed), found.steps(recipe)
            bar.set_description(f"run {number} of {len(plan)}")
            log.info("run %d of %d: recipe %s, seed %d, %d steps", number, len(plan), recipe.name, seed, steps)
            try:
                for stage in _stages(found, run, recipe):
                    found = found.replace(stage)
                    _write(found)
            except Stopped as stopped:
                raise Stopped(stopped.signal, found) from None
            bar.update(steps)
    return found


def _stages(found: Reproduction, run: Run, recipe: Recipe) -> Iterator[Run]:
    """Trains and evaluates; yields the Run when it is trained, or as far as it was before Stopped, and evaluated."""
    model_dir, steps = os.path.join(found.root, run.name), found.steps(recipe)
    _check_same(model_dir, found, run, recipe)
    trained: Any
    stop = None
    stopping.check()
    try:
        trained = train(
            model_dir,
            recipe.name,
            max_steps=steps,
            seed=run.seed,
            precision=found.precision,
            data_dir=found.data_dir,
        )
    except Stopped as stopped:
        if stopped.result is None:
            raise
        trained, stop = stopped.result, stopped
    if trained.step > steps:
        raise UserError(
            f"model_dir {model_dir} is at step {trained.step}, and a run of {recipe.name} there has {steps}",
            "move it away, or choose another {root}",
        )
    run = dataclasses.replace(
        run,
        step=trained.step,
        timed_steps=run.timed_steps + trained.steps,
        seconds=round(run.seconds + trained.seconds, 3),
        precision=trained.settings.precision,
    )
    if trained.steps:
        run = dataclasses.replace(run, tensorflow=tf.__version__, hardware=hardware())
    yield run
    if stop:
        raise stop
    accuracy = evaluate(model_dir, checkpoint=steps).metrics["accuracy"]
    in_training = accuracy_in_training(model_dir, steps) if recipe.reported_in_training else None
    yield dataclasses.replace(run, accuracy=accuracy, accuracy_in_training=in_training)


def _check_same(model_dir: str, found: Reproduction, run: Run, recipe: Recipe) -> None:
    """Raises UserError, with a table, where a model_dir has another run than this one; it may have none."""
    saved = RunDir(model_dir).read_settings(found.data_dir) if checkpoints.has_checkpoints(model_dir) else None
    if saved is None:
        return
    wanted = make_settings(
        recipe.name,
        seed=run.seed,
        threads=saved.threads,
        precision=found.precision or saved.precision,
        schedule_steps=None if recipe.schedule == "constant" else found.steps(recipe),
        data_dir=found.data_dir,
        class_names=saved.class_names,
    )
    if rows := saved.differences(wanted, ("recipe", *SETTINGS)):
        raise UserError(
            f"model_dir {model_dir} holds another run",
            "move it away, or choose another {root}",
            [("setting", "saved", "requested"), *rows],
        )


def accuracy_in_training(model_dir: str, checkpoint: int | None = None) -> float:
    """Returns the accuracy of a checkpoint on all images of the training set, those that were held out included.

    Raises Stopped if a stop signal came meanwhile, and what Predictor and datasets.load raise.
    """
    with Predictor(model_dir, checkpoint=checkpoint) as predictor:
        data = datasets.load(predictor.settings.dataset, "train", predictor.settings.data_dir)
        hits = 0
        for start in range(0, len(data.labels), _IMAGES_AT_ONCE):
            rows = slice(start, start + _IMAGES_AT_ONCE)
            hits += int(np.sum(predictor.predict(datasets.scale(data.pixels[rows])).classes == data.labels[rows]))
    return float(f"{hits / len(data.labels):.6g}")


def hardware() -> str:
    """Returns the processor, how many CPUs of it this process may use, and the GPUs."""
    cpus = available_threads()
    gpus = [tf.config.experimental.get_device_details(gpu) for gpu in tf.config.list_physical_devices("GPU")]
    names = [str(details.get("device_name", "GPU")) for details in gpus]
    return ", ".join([f"{cpus} CPU{'s' if cpus > 1 else ''} of {processor_name()}", *names])


def _read(root: str, asked: dict[str, Any]) -> Reproduction:
    """Returns what the root holds, or a new Reproduction; raises UserError where it is not what is asked for."""
    path = os.path.join(root, RESULTS_FILE)
    try:
        with open_regular(path) as file:
            fields = json.load(file)
        if fields["version"] != VERSION:
            raise ValueError(f"version {fields['version']}, not {VERSION}")
        head = {name: fields[name] for name in ("scale", "precision", "data_dir")}
        for name, value in given(**head).items():
            check(name, value)
        found = Reproduction(root=root, runs=tuple(Run(**run) for run in fields["runs"]), **head)
        if len({run.name for run in found.runs}) < len(found.runs):
            raise ValueError("it has a run twice")
    except FileNotFoundError:
        return Reproduction(root=root, **asked)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, TypeError, KeyError, RecursionError, UserError) as error:
        advice = "move it away: what is trained is not trained again, but evaluated"
        raise UserError(f"{path} cannot be read: {error}", advice) from error
    if not found.runs:
        return dataclasses.replace(found, **asked)
    for name, value in asked.items():
        if value != (had := getattr(found, name)):
            had = "the default" if had is None else had
            raise UserError(
                f"{name} {value}: the runs in root {root} have {had}, which one table cannot hold",
                "choose another {root}",
            )
    return found


def _write(found: Reproduction) -> None:
    """Writes the results into the root, as JSON and as a table."""
    content = {
        "version": VERSION,
        "rehearsal": found.scale != 1,
        "scale": found.scale,
        "precision": found.precision,
        "data_dir": found.data_dir,
        "recipes": summaries(found),
        "runs": [dataclasses.asdict(run) for run in found.runs],
    }
    with writing(f"root {found.root}"):
        with atomic_write(os.path.join(found.root, RESULTS_FILE)) as file:
            json.dump(content, file, indent=2, ensure_ascii=False)
            file.write("\n")
        with atomic_write(os.path.join(found.root, TABLE_FILE)) as file:
            file.write(page(found))


def summaries(found: Reproduction) -> list[dict[str, Any]]:
    """Returns a JSON object for each recipe with finished runs, with the figures of its tutorial and over its seeds."""
    result = []
    for recipe in RECIPES.values():
        runs = [run for run in found.runs if run.recipe == recipe.name and run.accuracy is not None]
        if not runs:
            continue
        accuracies = [run.accuracy for run in runs if run.accuracy is not None]
        in_training = [run.accuracy_in_training for run in runs if run.accuracy_in_training is not None]
        seconds = sum(run.seconds for run in runs)
        speed = sum(run.timed_steps for run in runs) / seconds if seconds else None
        steps = found.steps(recipe)
        result.append(
            {
                "recipe": recipe.name,
                "reported": recipe.reported or None,
                "mean": round(statistics.fmean(accuracies), 6),
                "lowest": min(accuracies),
                "highest": max(accuracies),
                "seeds": [run.seed for run in runs],
                "reported_in_training": recipe.reported_in_training or None,
                "mean_in_training": round(statistics.fmean(in_training), 6) if in_training else None,
                "steps": steps,
                "steps_per_second": speed and round(speed, 2),
                "minutes": speed and round(steps / speed / 60, 2),  # of one run, at that speed
            }
        )
    return result


def page(found: Reproduction) -> str:
    """Returns the results as a page in Markdown."""
    rows = []
    for summary in summaries(found):
        row = summary | {"seeds": len(summary["seeds"])}
        for name in ("mean", "lowest", "highest", "mean_in_training"):
            row[name] = row[name] is not None and f"{row[name]:.4f}"
        for name in ("steps_per_second", "minutes"):
            row[name] = row[name] is not None and f"{row[name]:.1f}"
        rows.append([value or "" for value in row.values()])
    titles = ["recipe", "tutorial", "mean", "lowest", "highest", "seeds", "tutorial, in training", "mean, in training"]
    titles += ["steps", "steps/s", "minutes"]
    paragraphs = ["# The tutorials' figures, and those of these runs"]
    if found.scale != 1:
        paragraphs.append(
            f"**A rehearsal: each run has {found.scale:g} of its recipe's steps. "
            "These figures cannot be compared with the tutorials'.**"
        )
    paragraphs += [
        tabulate(rows, titles, "github", disable_numparse=True),
        "Accuracies are those of the test set, over the seeds; those in training are of the whole training set.",
        *_surroundings(found),
    ]
    return "\n\n".join(paragraphs) + "\n"


def _surroundings(found: Reproduction) -> Iterator[str]:
    """Yields a sentence for each that says where and how runs were trained."""
    data = f", data of {found.data_dir}" if found.data_dir else ""
    places: dict[str, int] = {}
    for run in found.runs:
        if run.accuracy is not None:
            where = f"TensorFlow {run.tensorflow}, {run.hardware}" if run.tensorflow else "trained earlier"
            place = f"{where}, precision {run.precision}{data}"
            places[place] = places.get(place, 0) + 1
    for place, runs in places.items():
        yield f"{runs} run{'s' if runs > 1 else ''}: {place}."
