"""The verbs of the command line: flags in, one call, results on stdout. Loads no TensorFlow before a verb needs it."""

import dataclasses
import importlib
import json
import logging
import os
import select
import sys
import time
import types
from collections.abc import Sequence
from typing import Any

from cnn_estimator import stopping
from cnn_estimator.cli import native_log, process
from cnn_estimator.cli.flags import FLAGS, flag_texts
from cnn_estimator.distributed import tf_config
from cnn_estimator.errors import Stopped, UserError
from cnn_estimator.files import reading
from cnn_estimator.recipes import MEASURED_ON, PARAMETERS, RECIPES
from cnn_estimator.settings import SETTING_OPTIONS, TRAIN_OPTIONS, find_recipe

_POLL_SECONDS = 0.2
_MAX_LISTED_NAMES = 3
_EXAMPLES = {"checkpoint": "/tmp/old_model_dir", "model": "models:build", "output": "model.keras"}
_TRAINED_MODEL = ("model_dir", "checkpoint", "recipe", "data_dir")

log = logging.getLogger("cnn_estimator")


def _values(*names: str) -> dict[str, Any]:
    """Returns the values of these flags, which are the library's arguments of the same names."""
    return {name: FLAGS[name].value for name in names}


def recipes() -> None:
    """Lists the recipes: network, parameters, steps, the accuracy that they reach on the test set, and the time."""
    from tabulate import tabulate  # the list of verbs is quicker without it

    rows = [
        [
            recipe.name,
            recipe.dataset,
            recipe.network,
            f"{PARAMETERS[recipe.network]:,}",
            recipe.steps,
            recipe.measured,
            recipe.minutes,
        ]
        for recipe in RECIPES.values()
    ]
    head = ["recipe", "dataset", "network", "parameters", "steps", "accuracy", "minutes"]
    alignment = ("left", "left", "left", "right", "right", "left", "right")
    print(tabulate(rows, head, "plain", disable_numparse=True, colalign=alignment))
    print(f"\nAccuracy and minutes: on {MEASURED_ON}.")


def train() -> None:
    """Trains a tutorial's network, from the newest intact checkpoint in the model_dir.

    SIGTERM, SIGHUP or Ctrl-C stops it after the current step, which is saved.
    """
    task = tf_config.read_task(FLAGS.strategy)
    if task:
        process.become_task(task.name)
    training = process.load("training", tensorflow=True)
    try:
        result = training.train(**_values("model_dir", *TRAIN_OPTIONS, *SETTING_OPTIONS))
    except Stopped as stopped:
        if stopped.result is None or not stopped.result.steps:
            raise
        process.exit_stopped(stopped, _stopped_training(stopped.result))
    _log_training(result)


def _log_training(result: Any) -> None:
    """Logs how a training.Training ended, and the next command."""
    if result.best and (result.steps or result.stopped_early):
        best = f"step {result.best.step} is the best, with a validation accuracy of {result.best.accuracy:.4f}"
        log.info("%s", f"stopped early at step {result.step}: {best}" if result.stopped_early else best)
    if result.steps:
        checkpoint = ["--checkpoint=best"] if result.best_checkpoint else []
        log.info("evaluate it: %s", process.command_line("eval", f"--model_dir={result.model_dir}", *checkpoint))
    elif not result.stopped_early:
        log.info(
            "nothing to train: %s is at step %d of %d. Add steps with --steps=N",
            result.model_dir,
            result.step,
            result.max_steps,
        )


def _stopped_training(result: Any) -> str:
    """Returns where a stopped training.Training is saved, and the command that continues it."""
    saved = f"step {result.step} is saved as {result.checkpoint}"
    if result.step >= result.max_steps or result.stopped_early:
        return f"{saved}, the last"
    placed = ("recipe", "steps", "epochs", "max_steps", "fresh")  # named below, or of the first call only
    given = flag_texts([name for name in (*TRAIN_OPTIONS, *SETTING_OPTIONS) if name not in placed])
    next_command = process.command_line(
        "train",
        f"--model_dir={result.model_dir}",
        f"--recipe={FLAGS.recipe}",
        *given,
        f"--max_steps={result.max_steps}",
    )
    return f"{saved}. Continue: {next_command}"


def evaluate() -> None:
    """Evaluates a checkpoint, the newest intact one, on the test set.

    A table of the classes goes to stderr. The last line on stdout is one JSON object: accuracy, loss, global_step,
    images, checkpoint.
    """
    evaluation = process.load("evaluation", tensorflow=True)
    metrics = process.load("metrics")
    result = evaluation.evaluate(**_values(*_TRAINED_MODEL, "batch_size", "precision", "plot"))
    process.report(metrics.table(result.confusion, result.class_names))
    print(json.dumps(result.metrics))


def summary() -> None:
    """Prints the layers of a network, with the shapes of their outputs and their weights, and counts the parameters.

    Without a model_dir: of a recipe's network.
    """
    module = process.load("summary", tensorflow=True)
    print(module.summarize(**_values("model_dir", "recipe", "data_dir")))


def samples() -> None:
    """Plots images of the training set with their names."""
    datasets = process.load("data.datasets")
    plots = process.load("plots")
    recipe = find_recipe(FLAGS.recipe)
    data = datasets.load(recipe.dataset, "train", FLAGS.data_dir, crop=FLAGS.crop)
    count = min(FLAGS.count, len(data.labels))
    names = [data.class_names[label] for label in data.labels[:count]]
    title = f"{FLAGS.data_dir or recipe.dataset}: the first {count} of {len(data.labels)} training images"
    _save_plot(plots.samples(datasets.scale(data.pixels[:count]), names, title))


def lr_find() -> None:
    """Finds a learning rate: trains some batches with a rising rate, and plots the loss over the rate.

    The suggested rate is the one at which the loss falls fastest. No weights are kept. The last line on stdout is one
    JSON object: learning_rate, plot.
    """
    finder = process.load("learning_rate_finder", tensorflow=True)
    plots = process.load("plots")
    names = ("recipe", "data_dir", "crop", "optimizer", "adam_beta2", "batch_size", "augment", "precision", "seed")
    result = finder.find_learning_rate(**_values(*names, "batches", "lowest_rate", "highest_rate"))
    settings = result.settings
    suggestion = float(f"{result.suggestion:.2g}")
    title = f"{settings.network} with {settings.optimizer} on {FLAGS.data_dir or settings.dataset}"
    plots.save(plots.learning_rates(result.rates, result.losses, result.smoothed, suggestion, title), FLAGS.plot)
    flags = [f"--recipe={settings.recipe}", *flag_texts(name for name in names if name not in ("recipe", "seed"))]
    flags += [f"--learning_rate={suggestion:g}", f"--model_dir=/tmp/{settings.recipe}"]
    log.info("train with it: %s", process.command_line("train", *flags))
    print(json.dumps({"learning_rate": suggestion, "plot": FLAGS.plot}))


def curves() -> None:
    """Plots loss and accuracy, of training and evaluation, over the steps of one or several model_dirs."""
    events = process.load("run_dir.events", tensorflow=True)
    plots = process.load("plots")
    _save_plot(plots.curves({model_dir: events.curves(model_dir) for model_dir in FLAGS.model_dir}))


def _save_plot(figure: Any) -> None:
    stopping.check()
    process.load("plots").save(figure, FLAGS.plot)
    print(FLAGS.plot)


def predict(*names: str) -> int:
    """Predicts the classes of images: files, folders, - for a list of files on stdin, --test_indices of the test set.

    A file that is not an image gets an error line; the others get their predictions, and the exit status is 1.
    """
    paths, problems = _image_files("predict", names)
    prediction = process.load("prediction", tensorflow=True)
    result = prediction.predict(paths=paths, **_image_options())
    _log_how_files_were_read(result.predictions)
    if FLAGS.json:
        for image in result.predictions:
            print(json.dumps(image.record()))
    elif result.predictions:
        print(prediction.table(result.predictions))
    if FLAGS.plot and result.predictions:
        prediction.plot(result.predictions, FLAGS.plot)
        log.info("plot: %s", FLAGS.plot)
    return _report_problems([*problems, *result.problems])


def explain(*names: str) -> int:
    """Shows where in images the decisions come from: files, folders, - for a list on stdin, --test_indices.

    Prints the class of each image and the part of it where its heat map has the most weight. A PNG file shows the heat
    maps, the filters of the first layer and the activations of each layer. The heat maps come from a black square that
    is moved over the image, or are Grad-CAM on the last convolution. They show what speaks for the predicted class, or
    for the class that you name.
    """
    paths, problems = _image_files("explain", names)
    module = process.load("explain", tensorflow=True)
    result = module.explain_images(paths=paths, **_values("method", "class_name"), **_image_options())
    _log_how_files_were_read([image.prediction for image in result.images])
    if FLAGS.json:
        for image in result.images:
            print(json.dumps(image.record()))
    elif result.images:
        print(module.table(result))
    if result.images:
        path = FLAGS.plot or module.default_plot_path(result.model_dir)
        module.plot(result, path)
        log.info("plot: %s", path)
    return _report_problems([*problems, *result.problems])


def demo() -> None:
    """Serves a page to this machine that shows what the network predicts, and why, until Ctrl-C.

    Draw on the page, drop a photo, or pick a test image. The page's URL goes to stdout.
    """
    module = process.load("demo", tensorflow=True)
    with module.serve(**_values(*_TRAINED_MODEL, "port")) as url:
        print(url, flush=True)
        log.info("open %s in a browser; Ctrl-C ends the page", url)
        while True:
            stopping.check()
            time.sleep(_POLL_SECONDS)


def _image_files(verb: str, names: Sequence[str]) -> tuple[list[str], list[str]]:
    """Returns (paths of image files, problems) for the names on a command line, which must name something."""
    if not names and FLAGS.test_indices is None:
        raise UserError(f"nothing to {verb}", "name image files, folders, - for a list on stdin, or {test_indices}=0")
    listed = [path for name in names for path in (_read_list() if name == "-" else [name])]
    paths, problems = process.load("data.pictures").image_files(listed)
    if not (paths or problems or FLAGS.test_indices):
        raise UserError(f"nothing to {verb}: the list on stdin is empty")
    return paths, problems


def _image_options() -> dict[str, Any]:
    """Returns the arguments of predict() and explain_images() but for the paths."""
    return {"test_indices": FLAGS.test_indices or [], **_values(*_TRAINED_MODEL, "precision", "invert")}


def _log_how_files_were_read(predictions: Sequence[Any]) -> None:
    """Logs how many files were inverted without being told to, and warns of backgrounds that are not plain."""
    inverted = sum(prediction.inverted for prediction in predictions)
    files = len(predictions) - len(FLAGS.test_indices or [])
    if inverted and FLAGS.invert == "auto":
        log.info(
            "inverted %d of %d files, which are dark on bright: --invert=no leaves them as they are", inverted, files
        )
    printable = process.load("data.pictures").printable
    uneven = [printable(prediction.name) for prediction in predictions if not prediction.plain_background]
    if uneven:
        log.warning(
            "the background of %s is not plain, and more than the object may be cut out: crop the image, or take it on "
            "a plain background. --plot shows what the network sees",
            _listed(uneven),
        )


def _report_problems(problems: Sequence[str]) -> int:
    """Prints an error line for each file that could not be read; returns the exit status."""
    for problem in problems:
        process.report(f"error: {problem}")
    return 1 if problems else 0


def _listed(names: list[str]) -> str:
    """Returns the first names, and how many others there are."""
    others = len(names) - _MAX_LISTED_NAMES
    return ", ".join(names[:_MAX_LISTED_NAMES]) + (f" and {others} more" if others > 0 else "")


def _read_list() -> list[str]:
    """Returns the lines on stdin that are not empty; raises Stopped when a stop signal comes before the end."""
    content = b""
    while True:
        stopping.check()
        if not select.select([sys.stdin], [], [], _POLL_SECONDS)[0]:
            continue
        chunk = os.read(sys.stdin.fileno(), 2**16)
        if not chunk:
            return [line.removesuffix("\r") for line in os.fsdecode(content).split("\n") if line.strip()]
        content += chunk


def export() -> None:
    """Writes a checkpoint as a SavedModel, or for TFLite, Keras or ONNX, and compares its predictions.

    The comparison is on 1,000 test images. The JSON object on stdout has the largest difference of a probability. A
    difference above 1e-4 is an error, and nothing is written.
    """
    if FLAGS.output is None:
        raise UserError("no output is named", "say what to write, {output}=/tmp/fashion_model")
    exporting = process.load("exporting", tensorflow=True)
    result = exporting.export(**_values(*_TRAINED_MODEL, "format", "output"))
    print(json.dumps(dataclasses.asdict(result)))


def reproduce() -> None:
    """Trains and evaluates the tutorials' recipes, and writes results.md, which compares with the tutorials' results.

    Finished runs are not repeated, and interrupted runs are continued. The table is printed on stdout too.
    """
    reproduction = process.load("reproduction", tensorflow=True)
    try:
        result = reproduction.reproduce(**_values("root", "recipes", "seeds", "scale", "precision", "data_dir"))
    except Stopped as stopped:
        if stopped.result is None:
            raise
        process.exit_stopped(stopped, _stopped_reproduction(stopped.result))
    log.info("the results are in %s", os.path.join(result.root, reproduction.TABLE_FILE))
    print(reproduction.page(result), end="")


def _stopped_reproduction(result: Any) -> str:
    """Returns how far a stopped reproduction.Reproduction is, and the command that continues it."""
    given = flag_texts(["recipes", "seeds", "scale"])  # the root knows the precision and the data
    next_command = process.command_line("reproduce", f"--root={result.root}", *given)
    return f"finished runs in {result.root}: {len(result.runs)}. Continue: {next_command}"


def scan(*paths: str) -> int:
    """Reports what of a code base will run on the bridge, without running it.

    For each file: the API that it was written for, and its names of TensorFlow and Keras. Then the names that are
    missing, that raise an error when they are used, or that compute other numbers than TensorFlow 1.15; the old names
    of Python and its libraries; the packages that are not installed. The exit status is 1 if something is missing.
    """
    if not paths:
        raise UserError("nothing to scan", "name Python files, or folders with Python files")
    scan = process.load("scan", tensorflow=True)
    report = scan.scan(paths)
    print(scan.as_json(report) if FLAGS.json else scan.as_text(report))
    return 0 if report.complete else 1


def keras_weights() -> None:
    """Fills a Keras model with the variables of a TensorFlow 1 checkpoint, and writes it as a .keras file.

    A function of yours makes the model of Keras's layers. The table on stdout names the variable of each weight. If it
    is not certain, the command fails, and a JSON file with names says which variable it is.
    """
    for name in ("checkpoint", "model", "output"):
        if FLAGS[name].value is None:
            raise UserError(f"no {name} is named", f"add {{{name}}}={_EXAMPLES[name]}")
    if not FLAGS.output.endswith(".keras"):
        raise UserError(f"output {FLAGS.output}: no .keras file", "let its name end in .keras")
    names = _read_names(FLAGS.names) if FLAGS.names else None
    keras_weights = process.load("keras_weights")
    with native_log.filtered():
        model = _model_of(FLAGS.model)
        report = keras_weights.load(model, FLAGS.checkpoint, names, forget_bias=FLAGS.forget_bias)
    model.save(FLAGS.output)
    print(report)
    log.info("wrote %s", FLAGS.output)


def _read_names(path: str) -> Any:
    with reading(f"names {path}"), open(path, encoding="utf-8") as file:
        try:
            return json.load(file)
        except ValueError as error:
            raise UserError(f"names {path} is no JSON file: {error}") from error


def _model_of(place: str) -> Any:
    """Returns what the function of a place, module:function, returns. The module may be in the current folder."""
    module_name, _, function_name = place.partition(":")
    sys.path.insert(0, os.getcwd())
    try:
        function = getattr(importlib.import_module(module_name), function_name)
    except (ImportError, AttributeError, ValueError) as error:
        raise UserError(f"model {place}: {error}", "name a function as module:function") from error
    if not isinstance(function, types.FunctionType):
        raise UserError(f"model {place} is no function", "name a function without arguments that returns the model")
    return function()


def completion(*shells: str) -> None:
    """Prints a script that completes verbs, flags, names and paths: `source <(cnn-estimator completion bash)`.

    In zsh, after compinit: `source <(cnn-estimator completion zsh)`.
    """
    from cnn_estimator.cli import RUN, RUN_FLAGS, RUN_SUMMARY, VERBS, completion  # cli imports this module

    scripts = {"bash": completion.bash, "zsh": completion.zsh}
    if len(shells) != 1 or shells[0] not in scripts:
        raise UserError(f"no script for {' '.join(shells) or 'an unnamed shell'}", "name bash or zsh")
    summaries = {name: verb.summary for name, verb in VERBS.items()}
    arguments: dict[str, Any] = {name: completion.FILES for name, verb in VERBS.items() if verb.files}
    arguments |= {RUN: completion.FILES, "help": [*VERBS, RUN], "completion": [*scripts]}
    summaries |= {RUN: RUN_SUMMARY, "help": "list the flags of a verb"}
    flags = {name: verb.flags for name, verb in VERBS.items()} | {RUN: RUN_FLAGS}
    print(scripts[shells[0]](summaries, arguments, flags), end="")


def doctor() -> int:
    """Checks the installation, the data and the machine; names the command that fixes what is wrong."""
    from cnn_estimator.cli import doctor

    wrong = False
    for finding in doctor.examine():
        stopping.check()
        print(finding, flush=True)
        wrong |= finding.kind == "wrong"
    return 1 if wrong else 0
