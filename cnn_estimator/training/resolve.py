"""Turns the caller's options and the run in the model_dir into settings, first and last step, and images."""

import dataclasses
import logging
import math
import os
import secrets

from cnn_estimator import stopping
from cnn_estimator.data import datasets
from cnn_estimator.data.datasets import TrainingData
from cnn_estimator.errors import UserError
from cnn_estimator.hardware import resolve_precision
from cnn_estimator.model_session import check_fits
from cnn_estimator.run_dir import checkpoints, events, settings_file
from cnn_estimator.run_dir.evaluations import RECORDS_FILE, ValidationLog
from cnn_estimator.run_dir.events import VALIDATION_FOLDER
from cnn_estimator.run_dir.run import EVALUATION_FOLDER, RunDir
from cnn_estimator.settings import MAX_SEED, Settings, Start, TrainOptions, find_recipe, make_settings
from cnn_estimator.tf1 import tf
from cnn_estimator.training import initial_weights

log = logging.getLogger("cnn_estimator")

# A resumed run takes these settings from its model_dir unless the caller overrides them.
_KEPT_SETTINGS = ("seed", "threads", "precision", "schedule_steps", "validation", "data_dir", "crop")


def resolve(run_dir: RunDir, options: TrainOptions) -> Start:
    """Returns the Start of a training: its settings, its checkpoint, its first and its last step.

    Raises:
      UserError: the model_dir holds another run, or no intact checkpoint; no images are held out for the evaluations
        that were chosen; init_from names no trained run.
    """
    checkpoint = None if options.fresh else checkpoints.newest_intact(run_dir.path)
    saved = settings_file.read(run_dir.path, options.overrides.get("data_dir")) if checkpoint else None
    if checkpoint and saved is None and os.path.exists(os.path.join(run_dir.path, RECORDS_FILE)):
        missing = settings_file.SETTINGS_FILE
        raise UserError(
            f"model_dir {run_dir.path} has {RECORDS_FILE}, and no {missing} that says what is held out",
            "put a copy of it back, or start over with {fresh}",
        )
    first_step = checkpoint.step if checkpoint else 0
    settings = _resolve_settings(saved, options)
    if checkpoint:
        settings = dataclasses.replace(settings, init_from=saved.init_from if saved else None)
    max_steps = _max_steps(options, settings, first_step)
    settings = _end_schedule(settings, saved, options, max_steps)
    if saved:
        run_dir.check_same_run(saved, settings)
    elif checkpoint and settings.validation:
        raise UserError(
            f"validation {settings.validation}: model_dir {run_dir.path} has no {settings_file.SETTINGS_FILE}, and its "
            "checkpoint may have been trained on the images that would be held out",
            "leave {validation} out, or take the weights to another {model_dir} with {init_from}",
        )
    if checkpoint:
        check_fits(checkpoint, settings, tf.estimator.ModeKeys.TRAIN)
    options.check_held_out(settings.validation)
    stopped_early = False
    if checkpoint and settings.validation:
        stopped_early = ValidationLog(run_dir.path, last_step=first_step).out_of_patience(options.early_stopping)
    start = Start(
        settings=settings,
        checkpoint=checkpoint.name if checkpoint else None,
        first_step=first_step,
        max_steps=max_steps,
        stopped_early=stopped_early,
    )
    if checkpoint:
        _say_if_not_used(options.overrides.get("init_from"), settings, run_dir)
    elif settings.init_from:
        initial_weights.find(settings.init_from, run_dir.path)  # a wrong folder is an error before images are read
        start = dataclasses.replace(start, checkpoint=os.path.basename(checkpoints.path_in("", 0)), initial=True)
    if not start.finished:
        _log_changes(saved or settings, settings)
        log.info("training %s from step %d to step %d", run_dir.path, first_step, max_steps)
        _warn_if_the_schedule_ends_early(settings, max_steps)
    return start


def _resolve_settings(saved: Settings | None, options: TrainOptions) -> Settings:
    """Returns the saved settings with the caller's overrides, or for a new run the recipe's with the overrides."""
    recipe = find_recipe(options.recipe)
    if saved:
        values = {name: getattr(saved, name) for name in _KEPT_SETTINGS}
    else:
        values = {"seed": secrets.randbelow(MAX_SEED + 1), "precision": recipe.precision, "data_dir": None}
    values |= options.overrides
    values.setdefault("crop", datasets.crops(values["data_dir"]))
    # Also of a saved run, which may have begun on another processor.
    values["precision"] = resolve_precision(values["precision"])
    data_dir = values["data_dir"]
    if saved and data_dir and not os.path.isdir(data_dir):  # load() says so
        class_names = saved.class_names
    else:
        class_names = datasets.class_names(recipe.dataset, data_dir)
    return make_settings(recipe.name, class_names=class_names, **values)


def _max_steps(options: TrainOptions, settings: Settings, first_step: int) -> int:
    """Returns the global step to train to."""
    if options.epochs is not None:
        data = datasets.load_for(settings, "train")
        trained_on = datasets.count_left(data, settings.validation)
        return first_step + options.epochs * math.ceil(trained_on / settings.batch_size)
    if options.steps is not None:
        return first_step + options.steps
    return options.max_steps or find_recipe(options.recipe).steps


def _end_schedule(settings: Settings, saved: Settings | None, options: TrainOptions, max_steps: int) -> Settings:
    """Returns the settings with a schedule that ends at max_steps, unless the caller or the run has named its end."""
    schedule_end = options.overrides.get("schedule_steps") or (saved and saved.schedule_steps)
    if settings.falls_to_zero and schedule_end is None:
        return dataclasses.replace(settings, schedule_steps=max_steps)
    return settings


def load(settings: Settings, options: TrainOptions) -> TrainingData:
    """Returns the images to train on, and to evaluate on while training; raises UserError for missing or bad data."""
    log.info("using %s", settings)
    training = datasets.load_for(settings, "train")
    held_out = None
    # A tenth of the class folders becomes the test set when their folder test is removed.
    is_fixed = settings.validation or datasets.has_class_folders(settings.data_dir)
    fingerprint = training.fingerprint() if is_fixed else None
    if settings.validation:
        training, held_out = datasets.hold_out(training, settings.validation, settings.seed)
    also = f" and {settings.validation} validation images" if held_out else ""
    what = datasets.title(training, settings.dataset)
    log.info("loaded %d training images%s of %s from %s", len(training.labels), also, what, training.source)
    test = datasets.load_for(settings, "test") if options.eval_on_test else None
    return TrainingData(training, held_out, test, fingerprint)


def _check_same_images(run_dir: RunDir, data: TrainingData) -> None:
    """Raises UserError where a run has held out images of another training set: it would train on some of them."""
    saved = settings_file.read_training_images(run_dir.path)
    if saved not in (None, data.fingerprint):
        raise UserError(
            f"{data.training.source} has other training images than the run in model_dir {run_dir.path}, and some of "
            f"its test or validation images may be among them: {data.fingerprint} in place of {saved}",
            "name the {data_dir} of the run, start over with {fresh}, or take its weights to another {model_dir} with "
            "{init_from}",
        )


def prepare(run_dir: RunDir, options: TrainOptions, start: Start, data: TrainingData) -> None:
    """Archives the old run if `fresh` says so, and removes what a killed process wrote after its last checkpoint.

    Writes the first checkpoint of a run that begins with the weights of another one.

    Raises:
      UserError: the run holds out images of another training set; init_from is no model_dir whose weights fit; the
        folder cannot be written.
    """
    stopping.check()
    weights = None
    if start.initial:
        weights = initial_weights.read(start.settings, run_dir.path, data)
        log.info("%s", weights.summary)
    if start.checkpoint and not start.initial and (start.settings.validation or data.training.divided):
        _check_same_images(run_dir, data)
    if options.fresh and checkpoints.has_checkpoints(run_dir.path):
        run_dir.archive()
    run_dir.check_locked()
    with checkpoints.saving(f"model_dir {run_dir.path}"):
        checkpoints.remove_unfinished(run_dir.path)
        # Without held-out images, records and a best checkpoint are another run's whose checkpoints were deleted.
        last_record = start.first_step if start.settings.validation else -1
        ValidationLog(run_dir.path, last_step=last_record).cut_back(keep_best=options.keep_best)
        run_dir.cut_back_metrics(start.first_step)
        for folder in (VALIDATION_FOLDER, EVALUATION_FOLDER):
            events.cut_back(os.path.join(run_dir.path, folder), start.first_step)
        if start.checkpoint:
            path = os.path.join(run_dir.path, start.checkpoint)
            if weights:
                # Before the checkpoint: a killed run then resumes with the settings of the checkpoint.
                settings_file.write(run_dir.path, start.settings, training_images=data.fingerprint)
                initial_weights.write(weights, start.settings, path)
            checkpoints.rebuild_state(run_dir.path, checkpoints.Checkpoint(path, start.first_step))


def _say_if_not_used(init_from: str | None, settings: Settings, run_dir: RunDir) -> None:
    """Logs that a run which has a checkpoint does not begin with other weights again."""
    if init_from is None or os.path.abspath(init_from) == settings.init_from:
        return
    began = f"began with the weights of {settings.init_from}" if settings.init_from else "began with random weights"
    log.warning("init_from %s is not used: the run in %s %s, and continues", init_from, run_dir.path, began)


def _log_changes(saved: Settings, settings: Settings) -> None:
    for name, value in dataclasses.asdict(settings).items():
        if value != getattr(saved, name):
            log.warning("%s changed from %s to %s", name, getattr(saved, name), value)


def _warn_if_the_schedule_ends_early(settings: Settings, max_steps: int) -> None:
    if settings.falls_to_zero and settings.schedule_steps and settings.schedule_steps < max_steps:
        log.warning(
            "schedule %s ends at step %d: the learning rate is 0 from there to step %d, and nothing is learned",
            settings.schedule,
            settings.schedule_steps,
            max_steps,
        )
