"""Trains and evaluates the tutorials' recipes, beside the accuracies that the tutorials report."""

import collections
import contextlib
import dataclasses
import itertools
import json
import logging
import os
import statistics
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from tabulate import tabulate

from cnn_estimator import stopping
from cnn_estimator.data import datasets
from cnn_estimator.distributed import tf_config
from cnn_estimator.errors import Stopped, UserError
from cnn_estimator.evaluation import evaluate
from cnn_estimator.files import atomic_write, writing
from cnn_estimator.hardware import available_threads, processor_name, resolve_precision
from cnn_estimator.prediction import Predictor
from cnn_estimator.progress import progress_bar
from cnn_estimator.recipes import RECIPES, Recipe
from cnn_estimator.run_dir import checkpoints, lock, settings_file
from cnn_estimator.settings import SETTINGS, check, check_optional_path, check_path, find_recipe, given, make_settings
from cnn_estimator.tf1 import tf
from cnn_estimator.training import train

log = logging.getLogger("cnn_estimator")

RESULTS_FILE = "results.json"
TABLE_FILE = "results.md"
VERSION = 1  # of RESULTS_FILE
SEEDS = (1, 2, 3)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Run:
    """A finished run of one recipe with one seed.

    Attributes:
      step: the global step that was reached.
      timed_steps, seconds: of the last call of train(). A run that was already trained has 0 of both.
      accuracy: on the test set, in float32.
      accuracy_in_training: on the training set, in float32; None if the tutorial does not report it.
      tensorflow, hardware: of the last training; None for a run that was already trained.
    """

    recipe: str
    seed: int
    step: int
    timed_steps: int
    seconds: float
    accuracy: float
    accuracy_in_training: float | None
    tensorflow: str | None
    hardware: str | None
    precision: str

    def __post_init__(self) -> None:
        find_recipe(self.recipe)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Reproduction:
    """The finished runs in a root, sorted by recipe and seed.

    Attributes:
      scale: the fraction of each recipe's steps that is trained. A scale below 1 is a rehearsal.
      precision: of all runs; None takes the precision of each recipe.
      data_dir: see datasets.load.
    """

    root: str
    scale: float = 1.0
    precision: str | None = None
    data_dir: str | None = None
    runs: tuple[Run, ...] = ()

    def steps(self, recipe: Recipe) -> int:
        """Returns the number of steps of a run of the recipe."""
        return max(1, round(recipe.steps * self.scale))

    def add(self, run: Run) -> "Reproduction":
        """Returns a Reproduction with one more run."""
        order = list(RECIPES)
        runs = sorted((*self.runs, run), key=lambda run: (order.index(run.recipe), run.seed))
        return dataclasses.replace(self, runs=tuple(runs))


def reproduce(
    root: str | os.PathLike[str],
    recipes: Iterable[str] | None = None,
    seeds: Iterable[int] = SEEDS,
    *,
    scale: float = 1.0,
    precision: str | None = None,
    data_dir: str | os.PathLike[str] | None = None,
) -> Reproduction:
    """Trains and evaluates recipes with several seeds, and compares them with the tutorials.

    All recipes with the first seed come first. A finished run is skipped, and an interrupted run is resumed. After
    each run, results.json and results.md in the root describe all finished runs.

    Args:
      root: the folder for the model_dirs of the runs; made if it is missing.
      recipes: names of recipes; None takes all.
      seeds: one run of each recipe for each seed.
      scale: the fraction of each recipe's steps to train, for a rehearsal.
      precision: see train. None takes the precision of the runs in the root, or for a new root each recipe's.
      data_dir: see datasets.load. None takes the data_dir of the runs in the root.

    Raises:
      UserError: the root cannot be written, or has runs of another scale, precision or data; or see train and evaluate.
      Stopped: a stop signal ended the work. Its result is the Reproduction so far.
    """
    names = dict.fromkeys(RECIPES if recipes is None else recipes)
    planned = [(find_recipe(name), check("seed", seed)) for seed in dict.fromkeys(seeds) for name in names]
    root = check_path("root", root)
    data_dir = check_optional_path("data_dir", data_dir)
    requested = given(
        scale=check("scale", scale),
        precision=None if precision is None else resolve_precision(check("precision", precision)),
        data_dir=data_dir and os.path.abspath(data_dir),
    )
    tf_config.log_ignored()
    checkpoints.check_name(f"root {root!r}", root, "choose another {root}")
    with tf_config.hidden(), contextlib.ExitStack() as locks:
        with writing(f"root {root}"):
            locks.enter_context(lock.locked(root, "root"))
        reproduction = _read(root, requested)
        _write(reproduction)
        finished = {(run.recipe, run.seed) for run in reproduction.runs}
        unfinished = [(recipe, seed) for recipe, seed in planned if (recipe.name, seed) not in finished]
        steps = sum(reproduction.steps(recipe) for recipe, _ in planned)
        steps_left = sum(reproduction.steps(recipe) for recipe, _ in unfinished)
        # The bar of all runs, above the bar of train().
        with progress_bar(total=steps, initial=steps - steps_left, smoothing=0) as bar:
            for number, (recipe, seed) in enumerate(unfinished, 1 + len(planned) - len(unfinished)):
                bar.set_description(f"run {number} of {len(planned)}")
                log.info("run %d of %d trains recipe %s with seed %d", number, len(planned), recipe.name, seed)
                try:
                    reproduction = reproduction.add(_run(reproduction, recipe, seed))
                except Stopped as stopped:
                    raise Stopped(stopped.signal, reproduction) from None
                _write(reproduction)
                bar.update(reproduction.steps(recipe))
    return reproduction


def _run(reproduction: Reproduction, recipe: Recipe, seed: int) -> Run:
    """Trains a run, or resumes it, and evaluates it."""
    model_dir = os.path.join(reproduction.root, f"{recipe.name}-seed{seed}")
    steps = reproduction.steps(recipe)
    _check_same_run(model_dir, reproduction, recipe, seed)
    stopping.check()
    training = train(
        model_dir,
        recipe.name,
        max_steps=steps,
        seed=seed,
        precision=reproduction.precision,
        data_dir=reproduction.data_dir,
    )
    if training.step > steps:
        raise UserError(
            f"model_dir {model_dir} is at step {training.step}, but the run ends at step {steps}",
            "move it away, or choose another {root}",
        )
    return Run(
        recipe=recipe.name,
        seed=seed,
        step=training.step,
        timed_steps=training.steps,
        seconds=round(training.seconds, 3),
        accuracy=evaluate(model_dir, checkpoint=steps).accuracy,
        accuracy_in_training=_accuracy_in_training(model_dir, steps) if recipe.reported_in_training else None,
        tensorflow=tf.__version__ if training.steps else None,
        hardware=hardware() if training.steps else None,
        precision=training.settings.precision,
    )


def _check_same_run(model_dir: str, reproduction: Reproduction, recipe: Recipe, seed: int) -> None:
    """Raises UserError, with a table, if a model_dir has been trained with other settings than the run's."""
    saved = settings_file.read(model_dir, reproduction.data_dir) if checkpoints.has_checkpoints(model_dir) else None
    if saved is None:
        return
    wanted = make_settings(
        recipe.name,
        seed=seed,
        threads=saved.threads,
        precision=reproduction.precision or saved.precision,
        schedule_steps=reproduction.steps(recipe) if saved.falls_to_zero else None,
        data_dir=reproduction.data_dir,
        class_names=saved.class_names,
    )
    differences = saved.differences(wanted, SETTINGS)
    if differences:
        raise UserError(
            f"model_dir {model_dir} holds another run",
            "move it away, or choose another {root}",
            [("setting", "saved", "requested"), *differences],
        )


def _accuracy_in_training(model_dir: str, step: int) -> float:
    """Returns the accuracy on all images of the training set."""
    with Predictor(model_dir, checkpoint=step) as predictor:
        data = datasets.load(predictor.settings.dataset, "train", predictor.settings.data_dir)
        hits = predictor.predict(data.images).classes == data.labels
    return float(f"{np.mean(hits):.6g}")


def hardware() -> str:
    """Returns the number of usable CPUs, the processor's name, and the names of the GPUs."""
    cpus = available_threads()
    gpus = [tf.config.experimental.get_device_details(gpu) for gpu in tf.config.list_physical_devices("GPU")]
    names = [str(details.get("device_name", "GPU")) for details in gpus]
    return ", ".join([f"{cpus} CPU{'s' if cpus > 1 else ''} of {processor_name()}", *names])


def _read(root: str, requested: Mapping[str, Any]) -> Reproduction:
    """Returns the Reproduction in a root, a new one if there is none; raises UserError if it is not as requested."""
    path = os.path.join(root, RESULTS_FILE)
    try:
        with open(path, encoding="utf-8") as file:
            content = json.load(file)
        if content["version"] != VERSION:
            raise ValueError(f"version {content['version']}, not {VERSION}")
        saved = {name: content[name] for name in ("scale", "precision", "data_dir")}
        # Older releases recorded unfinished runs too.
        runs = tuple(Run(**fields) for fields in content["runs"] if fields["accuracy"] is not None)
    except FileNotFoundError:
        return Reproduction(root=root, **requested)
    except (OSError, ValueError, TypeError, KeyError, UserError) as error:
        advice = "move it away; trained runs are then evaluated, and not trained again"
        raise UserError(f"{path} cannot be read: {error}", advice) from error
    for name, value in requested.items():
        if runs and value != saved[name]:
            had = "the default" if saved[name] is None else saved[name]
            raise UserError(
                f"{name} {value}: the runs in root {root} have {had}, which one table cannot hold",
                "choose another {root}",
            )
    return Reproduction(root=root, runs=runs, **saved | dict(requested))


def _write(reproduction: Reproduction) -> None:
    """Writes RESULTS_FILE and TABLE_FILE."""
    content = {
        "version": VERSION,
        "rehearsal": reproduction.scale != 1,
        "scale": reproduction.scale,
        "precision": reproduction.precision,
        "data_dir": reproduction.data_dir,
        "recipes": _summaries(reproduction),
        "runs": [dataclasses.asdict(run) for run in reproduction.runs],
    }
    with writing(f"root {reproduction.root}"):
        with atomic_write(os.path.join(reproduction.root, RESULTS_FILE)) as file:
            json.dump(content, file, indent=2, ensure_ascii=False)
            file.write("\n")
        with atomic_write(os.path.join(reproduction.root, TABLE_FILE)) as file:
            file.write(page(reproduction))


def _summaries(reproduction: Reproduction) -> list[dict[str, Any]]:
    """Returns the accuracies, over the seeds, and the speed of each recipe with finished runs."""
    summaries = []
    for name, group in itertools.groupby(reproduction.runs, key=lambda run: run.recipe):
        runs = list(group)
        recipe = RECIPES[name]
        steps = reproduction.steps(recipe)
        accuracies = [run.accuracy for run in runs]
        in_training = [run.accuracy_in_training for run in runs if run.accuracy_in_training is not None]
        seconds = sum(run.seconds for run in runs)
        speed = sum(run.timed_steps for run in runs) / seconds if seconds else None
        summaries.append(
            {
                "recipe": name,
                "reported": recipe.reported or None,
                "mean": round(statistics.fmean(accuracies), 6),
                "lowest": min(accuracies),
                "highest": max(accuracies),
                "seeds": [run.seed for run in runs],
                "reported_in_training": recipe.reported_in_training or None,
                "mean_in_training": round(statistics.fmean(in_training), 6) if in_training else None,
                "steps": steps,
                "steps_per_second": speed and round(speed, 2),
                "minutes": speed and round(steps / speed / 60, 2),  # for one run, at that speed
            }
        )
    return summaries


def page(reproduction: Reproduction) -> str:
    """Returns the results as a page in Markdown."""
    titles = ["recipe", "tutorial", "mean", "lowest", "highest", "seeds", "tutorial, in training", "mean, in training"]
    titles += ["steps", "steps/s", "minutes"]
    formats = ["", "", ".4f", ".4f", ".4f", "", "", ".4f", "", ".1f", ".1f"]
    rows = []
    for summary in _summaries(reproduction):
        summary["seeds"] = len(summary["seeds"])
        values = zip(summary.values(), formats, strict=True)
        rows.append(["" if value is None else format(value, form) for value, form in values])
    paragraphs = ["# The accuracies of the tutorials and of these runs"]
    if reproduction.scale != 1:
        paragraphs.append(
            f"**A rehearsal: each run has {reproduction.scale:g} of its recipe's steps. "
            "Its accuracies cannot be compared with the tutorials'.**"
        )
    paragraphs += [
        tabulate(rows, titles, "github", disable_numparse=True),
        "Accuracies are on the test set. Accuracies in training are on the whole training set.",
    ]
    data = f", data of {reproduction.data_dir}" if reproduction.data_dir else ""
    machines = collections.Counter(
        f"{f'TensorFlow {run.tensorflow}, {run.hardware}' if run.tensorflow else 'trained earlier'}, "
        f"precision {run.precision}{data}"
        for run in reproduction.runs
    )
    paragraphs += [f"{count} run{'s' if count > 1 else ''}: {machine}." for machine, count in machines.items()]
    return "\n\n".join(paragraphs) + "\n"
