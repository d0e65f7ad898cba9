"""Trains and evaluates the tutorials' recipes, beside the accuracies that the tutorials report."""

import collections
import contextlib
import dataclasses
import json
import logging
import os
import statistics
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from tabulate import tabulate

from cnn_estimator.data import datasets
from cnn_estimator.distributed import tf_config
from cnn_estimator.errors import Stopped, UserError
from cnn_estimator.evaluation import evaluate
from cnn_estimator.files import atomic_write, read_if_exists, reading, writing
from cnn_estimator.hardware import available_threads, processor_name, resolve_precision
from cnn_estimator.prediction import Predictor
from cnn_estimator.recipes import RECIPES, Recipe
from cnn_estimator.run_dir import lock, settings_file
from cnn_estimator.settings import SETTINGS, check, check_optional_path, check_path, given, make_settings
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


@dataclasses.dataclass(frozen=True, kw_only=True)
class Reproduction:
    """The finished runs in a root.

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
      precision: see train. None takes the precision of the root, or for a new root each recipe's.
      data_dir: see datasets.load. None takes the data_dir of the root.

    Raises:
      UserError: the root cannot be written, or has another scale, precision or data; or see train and evaluate.
      Stopped: a stop signal ended the work. Its result is the Reproduction so far.
    """
    names = [check("recipe", name) for name in (RECIPES if recipes is None else recipes)]
    planned = dict.fromkeys((name, check("seed", seed)) for seed in seeds for name in names)
    root = check_path("root", root)
    data_dir = check_optional_path("data_dir", data_dir)
    requested = given(
        scale=check("scale", scale),
        precision=None if precision is None else resolve_precision(check("precision", precision)),
        data_dir=data_dir and os.path.abspath(data_dir),
    )
    tf_config.log_ignored()
    with tf_config.hidden(), contextlib.ExitStack() as locks:
        with writing(f"root {root}"):
            locks.enter_context(lock.locked(root, "root"))
        reproduction = _read(root, requested)
        _write(reproduction)
        finished = {(run.recipe, run.seed) for run in reproduction.runs}
        for number, (name, seed) in enumerate(planned, 1):
            if (name, seed) in finished:
                continue
            log.info("run %d of %d trains recipe %s with seed %d", number, len(planned), name, seed)
            try:
                run = _run(reproduction, RECIPES[name], seed)
            except Stopped as stopped:
                raise Stopped(stopped.signal, reproduction) from None
            reproduction = dataclasses.replace(reproduction, runs=(*reproduction.runs, run))
            _write(reproduction)
    return reproduction


def _run(reproduction: Reproduction, recipe: Recipe, seed: int) -> Run:
    """Trains a run, or resumes it, and evaluates it."""
    model_dir = os.path.join(reproduction.root, f"{recipe.name}-seed{seed}")
    steps = reproduction.steps(recipe)
    options = given(seed=seed, precision=reproduction.precision, data_dir=reproduction.data_dir)
    _check_same_run(model_dir, recipe, steps, options)
    training = train(model_dir, recipe.name, max_steps=steps, **options)
    return Run(
        recipe=recipe.name,
        seed=seed,
        step=steps,
        timed_steps=training.steps,
        seconds=round(training.seconds, 3),
        accuracy=evaluate(model_dir, checkpoint=steps).accuracy,
        accuracy_in_training=_accuracy_in_training(model_dir, steps) if recipe.reported_in_training else None,
        tensorflow=tf.__version__ if training.steps else None,
        hardware=hardware() if training.steps else None,
        precision=training.settings.precision,
    )


def _check_same_run(model_dir: str, recipe: Recipe, steps: int, options: dict[str, Any]) -> None:
    """Raises UserError, with a table, if a model_dir has been trained with other settings than the run's."""
    saved = settings_file.read(model_dir, options.get("data_dir"))
    if saved is None:
        return
    kept = {name: getattr(saved, name) for name in ("threads", "precision", "class_names", "crop")}
    schedule_steps = steps if saved.falls_to_zero else None
    expected = make_settings(recipe.name, schedule_steps=schedule_steps, **kept | options)
    differences = saved.differences(expected, SETTINGS)
    if differences:
        raise UserError(
            f"model_dir {model_dir} holds another run",
            "move it away, or choose another {root}",
            [("setting", "saved", "requested"), *differences],
        )


def _accuracy_in_training(model_dir: str, step: int) -> float:
    """Returns the accuracy on all images of the training set."""
    with Predictor(model_dir, checkpoint=step) as predictor:
        data = datasets.load_for(predictor.settings, "train")
        hits = predictor.predict(data.images).classes == data.labels
    return float(f"{np.mean(hits):.6g}")


def hardware() -> str:
    """Returns the number of usable CPUs, the processor's name, and the names of the GPUs."""
    cpus = available_threads()
    gpus = [tf.config.experimental.get_device_details(gpu) for gpu in tf.config.list_physical_devices("GPU")]
    names = [str(details.get("device_name", "GPU")) for details in gpus]
    return ", ".join([f"{cpus} CPU{'s' if cpus > 1 else ''} of {processor_name()}", *names])


def _read(root: str, requested: dict[str, Any]) -> Reproduction:
    """Returns the Reproduction in a root, a new one if there is none; raises UserError if it is not as requested."""
    path = os.path.join(root, RESULTS_FILE)
    with reading(path):
        content = read_if_exists(path)
    if content is None:
        return Reproduction(root=root, **requested)
    try:
        fields = json.loads(content)
        saved = {name: fields[name] for name in ("scale", "precision", "data_dir")}
        # Earlier releases also recorded runs that were not finished.
        runs = tuple(Run(**run) for run in fields["runs"] if run["accuracy"] is not None)
    except (ValueError, TypeError, KeyError) as error:
        advice = "move it away; trained runs are then evaluated, and not trained again"
        raise UserError(f"{path} cannot be read: {error!r}", advice) from error
    for name, value in requested.items():
        if value != saved[name]:
            problem = f"{name} {value}: root {root} has {saved[name] or 'the default'}, and one table cannot hold both"
            raise UserError(problem, "choose another {root}")
    return Reproduction(root=root, runs=runs, **saved)


def _write(reproduction: Reproduction) -> None:
    """Writes RESULTS_FILE and TABLE_FILE."""
    head = {"version": VERSION, "rehearsal": reproduction.scale != 1, "recipes": [*_summaries(reproduction)]}
    content = json.dumps(head | dataclasses.asdict(reproduction), indent=2, ensure_ascii=False)
    with writing(f"root {reproduction.root}"):
        for name, text in ((RESULTS_FILE, f"{content}\n"), (TABLE_FILE, page(reproduction))):
            with atomic_write(os.path.join(reproduction.root, name)) as file:
                file.write(text)


def _summaries(reproduction: Reproduction) -> Iterator[dict[str, Any]]:
    """Yields the accuracies, over the seeds, and the speed of each recipe with finished runs."""
    for recipe in RECIPES.values():
        runs = [run for run in reproduction.runs if run.recipe == recipe.name]
        if not runs:
            continue
        accuracies = [run.accuracy for run in runs]
        in_training = [run.accuracy_in_training for run in runs if run.accuracy_in_training is not None]
        seconds = sum(run.seconds for run in runs)
        speed = sum(run.timed_steps for run in runs) / seconds if seconds else None
        steps = reproduction.steps(recipe)
        yield {
            "recipe": recipe.name,
            "reported": recipe.reported or None,
            "mean": round(statistics.fmean(accuracies), 4),
            "lowest": min(accuracies),
            "highest": max(accuracies),
            "seeds": [run.seed for run in runs],
            "reported_in_training": recipe.reported_in_training or None,
            "mean_in_training": round(statistics.fmean(in_training), 4) if in_training else None,
            "steps": steps,
            "steps_per_second": speed and round(speed, 1),
            "minutes": speed and round(steps / speed / 60, 1),  # for one run, at that speed
        }


def page(reproduction: Reproduction) -> str:
    """Returns the results as a page in Markdown."""
    rows = [
        {name.replace("_", " "): len(value) if isinstance(value, list) else value for name, value in summary.items()}
        for summary in _summaries(reproduction)
    ]
    paragraphs = ["# The accuracies of the tutorials and of these runs"]
    if reproduction.scale != 1:
        paragraphs.append(
            f"**A rehearsal: each run has {reproduction.scale:g} of its recipe's steps. "
            "Its accuracies cannot be compared with the tutorials'.**"
        )
    paragraphs += [
        tabulate(rows, "keys", "github", disable_numparse=True),
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
