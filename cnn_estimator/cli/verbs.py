"""The verbs of the command line: flags in, one call, results on stdout. Loads no TensorFlow before a verb needs it."""

import dataclasses
import json
import logging
import os
import select
import sys
from typing import Any

from cnn_estimator import stopping
from cnn_estimator.cli import process
from cnn_estimator.cli.flags import FLAGS
from cnn_estimator.distributed import tf_config
from cnn_estimator.errors import Stopped, UserError
from cnn_estimator.settings import SETTING_OPTIONS, TRAIN_OPTIONS, find_recipe

log = logging.getLogger("cnn_estimator")


def train() -> None:
    """Trains a tutorial's network, on from the newest intact checkpoint in the model_dir.

    SIGTERM or Ctrl-C end it at the next step, which is saved.
    """
    options = {name: FLAGS[name].value for name in (*TRAIN_OPTIONS, *SETTING_OPTIONS)}
    task = tf_config.read_task(FLAGS.strategy)
    training = process.load("training", tensorflow=True)  # after the checks above: it loads TensorFlow
    try:
        result = training.train(FLAGS.model_dir, **options)
    except Stopped as stopped:
        if stopped.result is None and not _takes_part(task):
            raise
        process.exit_stopped(stopped, _stopped_training(stopped.result, task))
    _log_training(result, task)


def _takes_part(task: tf_config.Task | None) -> bool:
    """Whether the chief of a cluster with parameter servers saves what this task does."""
    return task is not None and bool(task.parameter_servers) and not task.is_chief


def _log_training(result: Any, task: tf_config.Task | None) -> None:
    """Logs what a training.Training has come to, and what to do next."""
    apart = task is not None and bool(task.parameter_servers)  # others train too, and evaluate
    if task and _takes_part(task):
        log.info("the %s has done its part: %s is at step %d", task, result.model_dir, result.step)
        if result.best and task.is_evaluator:
            log.info("%s", _best(result))
        return
    if result.stopped_early and result.best:
        log.info("stopped early at step %d: %s", result.step, _best(result))
    elif result.best and result.steps and not apart:
        log.info("%s", _best(result))
    if result.steps:
        chosen = {"checkpoint": "best"} if FLAGS.keep_best and result.best else {}
        log.info("evaluate it: %s", process.command_line("eval", model_dir=result.model_dir, **chosen))
    elif not result.stopped_early:
        log.info(
            "nothing to train: %s is at step %d of %d. --steps=N trains on",
            result.model_dir,
            result.step,
            result.max_steps,
        )


def _best(result: Any) -> str:
    """Returns which evaluation of a training.Training was the best."""
    return f"step {result.best.step} is the best, with a validation accuracy of {result.best.accuracy:.4f}"


def _stopped_training(result: Any, task: tf_config.Task | None) -> str:
    """Returns where a stopped training.Training is saved, and the command that goes on."""
    if _takes_part(task):
        return f"the {task} has left, started again it joins in"
    saved = f"step {result.step} is saved as {result.checkpoint}"
    if result.step >= result.max_steps or result.stopped_early:
        return f"{saved}, the last"
    names = ("log_every", "save_every", "keep_checkpoints", "eval_every", "eval_on_test", "keep_best", "early_stopping")
    options = {name: FLAGS[name].value for name in (*names, "strategy", "devices", "cluster_timeout")}
    options = {name: value for name, value in options.items() if value != FLAGS[name].default}
    if FLAGS.log_tensors:
        options["log_tensors"] = ",".join(f"{label}={name}" for label, name in FLAGS.log_tensors.items())
    settings = result.settings
    go_on = process.command_line(
        "train",
        model_dir=result.model_dir,
        recipe=settings.recipe,
        **settings.overrides(),
        **options,
        max_steps=result.max_steps,
    )
    return f"{saved}. Go on: {go_on}"


def evaluate() -> None:
    """Evaluates a checkpoint, the newest intact one, on the test set.

    A table of the classes goes to stderr. The last line on stdout is one JSON object: accuracy, loss, global_step,
    images, checkpoint.
    """
    evaluation = process.load("evaluation", tensorflow=True)
    metrics = process.load("metrics")
    result = evaluation.evaluate(
        FLAGS.model_dir,
        checkpoint=FLAGS.checkpoint,
        recipe=FLAGS.recipe,
        batch_size=FLAGS.batch_size,
        precision=FLAGS.precision,
        data_dir=FLAGS.data_dir,
        plot=FLAGS.plot,
    )
    print(metrics.table(result.confusion, result.class_names), file=sys.stderr)
    print(json.dumps(result.metrics))


def samples() -> None:
    """Plots images of the training set with their names."""
    datasets = process.load("data.datasets")
    plots = process.load("plots")
    recipe = find_recipe(FLAGS.recipe)
    data = datasets.load(recipe.dataset, "train", FLAGS.data_dir)
    count = min(FLAGS.count, len(data.labels))
    names = [data.class_names[label] for label in data.labels[:count]]
    title = f"{FLAGS.data_dir or recipe.dataset}: the first {count} of {len(data.labels)} training images"
    _save_plot(plots.samples(datasets.scale(data.pixels[:count]), names, title))


def curves() -> None:
    """Plots loss and accuracy, of training and evaluation, over the steps of one or several model_dirs."""
    event_files = process.load("run_dir.events", tensorflow=True)
    plots = process.load("plots")
    runs = {model_dir: event_files.curves(model_dir) for model_dir in FLAGS.model_dir}
    _save_plot(plots.curves(runs))


def _save_plot(figure: Any) -> None:
    from cnn_estimator import plots

    stopping.check()
    plots.save(figure, FLAGS.plot)
    print(FLAGS.plot)


def predict(*names: str) -> int:
    """Predicts images: files, folders, - for a list of them on stdin, or --test_indices of the test set.

    A file that is not an image gets an error line, the others their predictions; the exit status is 1 then.
    """
    if not names and FLAGS.test_indices is None:
        raise UserError("nothing to predict: name image files, folders, - for a list on stdin, or --test_indices=0")
    preprocessing = process.load("data.pictures")
    listed = [path for name in names for path in (_read_list() if name == "-" else [name])]
    paths, problems = preprocessing.image_files(listed)
    if not (paths or problems or FLAGS.test_indices):
        raise UserError("nothing to predict: the list on stdin is empty")
    prediction = process.load("prediction", tensorflow=True)
    result = prediction.predict(
        FLAGS.model_dir,
        paths,
        FLAGS.test_indices or [],
        checkpoint=FLAGS.checkpoint,
        recipe=FLAGS.recipe,
        precision=FLAGS.precision,
        data_dir=FLAGS.data_dir,
        invert=FLAGS.invert,
    )
    _log_inverted(result.predictions, len(result.predictions) - len(FLAGS.test_indices or []))
    if FLAGS.json:
        for found in result.predictions:
            print(json.dumps(found.record()))
    elif result.predictions:
        print(prediction.table(result.predictions))
    if FLAGS.plot and result.predictions:
        prediction.plot(result.predictions, FLAGS.plot)
    problems = [*problems, *result.problems]
    for problem in problems:
        print(f"error: {problem}", file=sys.stderr)
    return 1 if problems else 0


def _log_inverted(predictions: Any, files: int) -> None:
    inverted = sum(found.inverted for found in predictions)
    if inverted and FLAGS.invert == "auto":
        log.info("%d of %d files are dark on bright and were inverted: --invert=no leaves them", inverted, files)


def _read_list() -> list[str]:
    """Returns the lines on stdin. A person may type them slowly, so stop signals are looked for meanwhile."""
    if sys.stdin is None:
        raise UserError("-: stdin is closed, so there is no list on it")
    content = b""
    while True:
        stopping.check()
        if not select.select([sys.stdin], [], [], 0.2)[0]:
            continue
        chunk = os.read(sys.stdin.fileno(), 2**16)
        if not chunk:
            return [line.removesuffix("\r") for line in os.fsdecode(content).split("\n") if line.strip()]
        content += chunk


def export() -> None:
    """Writes a checkpoint as a SavedModel, or for TFLite, Keras or ONNX, and compares its predictions.

    On 1,000 test images; the largest difference of their probabilities is in the JSON object on stdout. Above 1e-4 it
    is an error, and nothing is written.
    """
    if FLAGS.output is None:
        raise UserError("--output is missing: name what to write, --output=/tmp/fashion_model")
    exporting = process.load("exporting", tensorflow=True)
    result = exporting.export(
        FLAGS.model_dir,
        format=FLAGS.format,
        output=FLAGS.output,
        checkpoint=FLAGS.checkpoint,
        recipe=FLAGS.recipe,
        data_dir=FLAGS.data_dir,
    )
    print(json.dumps(dataclasses.asdict(result)))


def reproduce() -> None:
    """Trains and evaluates the tutorials' recipes, and writes results.md: the tutorials' figures beside these.

    What is finished is not done again, and what was interrupted goes on. The table is on stdout too.
    """
    module = process.load("reproduce", tensorflow=True)
    try:
        found = module.reproduce(
            FLAGS.root,
            FLAGS.recipes,
            FLAGS.seeds,
            scale=FLAGS.scale,
            precision=FLAGS.precision,
            data_dir=FLAGS.data_dir,
        )
    except Stopped as stopped:
        if stopped.result is None:
            raise
        process.exit_stopped(stopped, _stopped_reproduction(stopped.result))
    log.info("the results are in %s", os.path.join(found.root, module.TABLE_FILE))
    print(module.page(found), end="")


def _stopped_reproduction(found: Any) -> str:
    """Returns how far a stopped reproduce.Reproduction is, and the command that goes on."""
    given = {name: FLAGS[name] for name in ("recipes", "seeds", "scale")}  # the root knows the others
    values = {name: flag.value for name, flag in given.items() if flag.value != flag.default}
    texts = {name: ",".join(map(str, value)) if isinstance(value, list) else value for name, value in values.items()}
    go_on = process.command_line("reproduce", root=found.root, **texts)
    finished = sum(run.accuracy is not None for run in found.runs)
    return f"{finished} of the runs in {found.root} are finished. Go on: {go_on}"


def doctor() -> int:
    """Checks the installation, the data and the machine; names the command that fixes what is wrong."""
    from cnn_estimator.cli import doctor

    wrong = False
    for finding in doctor.examine():
        stopping.check()
        print(finding, flush=True)
        wrong |= finding.kind == "wrong"
    return 1 if wrong else 0
