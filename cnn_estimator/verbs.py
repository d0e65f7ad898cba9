"""The verbs of the command line: flags in, one call, results on stdout. Loads no TensorFlow before a verb needs it."""

import dataclasses
import json
import os
import sys
from collections.abc import Callable

from absl import flags as absl_flags

from cnn_estimator import checks, command, flags, recipes
from cnn_estimator.errors import UserError
from cnn_estimator.flags import FLAGS

# --help lists a verb's flags under the program, not under this module.
absl_flags.disclaim_key_flags()


def train(stop):
    """Trains a tutorial's network, on from the newest intact checkpoint in the model_dir.

    SIGTERM or Ctrl-C end it at the next step, which is saved.
    """
    settings = recipes.settings(
        recipes.find(FLAGS.recipe),
        optimizer=FLAGS.optimizer,
        learning_rate=FLAGS.learning_rate,
        batch_size=FLAGS.batch_size,
        seed=FLAGS.seed,
        data_dir=FLAGS.data_dir,
    )
    if FLAGS.steps and FLAGS.max_steps:
        raise UserError(f"--steps={FLAGS.steps} and --max_steps={FLAGS.max_steps} exclude each other: give one")
    log_tensors = _log_tensors(FLAGS.log_tensors)
    from cnn_estimator import training  # after the checks above: it loads TensorFlow

    training.train(
        settings,
        FLAGS.model_dir,
        steps=FLAGS.steps,
        max_steps=FLAGS.max_steps,
        fresh=FLAGS.fresh,
        log_every=FLAGS.log_every,
        log_tensors=log_tensors,
        save_every=FLAGS.save_every,
        keep_checkpoints=FLAGS.keep_checkpoints,
        stop=stop,
    )


def _log_tensors(texts):
    """Returns {label: tensor name} of the texts label=name."""
    named = {}
    for text in texts:
        label, equals, name = text.partition("=")
        if not (label and equals and name):
            raise UserError(f"--log_tensors={text} is not LABEL=TENSOR: try probabilities=softmax_tensor")
        if label in {"accuracy", "loss", "step", *named}:
            raise UserError(f"--log_tensors={text}: the line has a {label!r} already, choose another label")
        named[label] = name
    return named


def evaluate(stop):
    """Evaluates a checkpoint, the newest intact one, on the test set.

    A table of the classes goes to stderr. The last line on stdout is one JSON object: accuracy, loss, global_step,
    images, checkpoint.
    """
    recipe = _recipe()
    from cnn_estimator import evaluation, report

    result = evaluation.evaluate(
        FLAGS.model_dir,
        checkpoint=FLAGS.checkpoint,
        recipe=recipe,
        batch_size=FLAGS.batch_size,
        data_dir=FLAGS.data_dir,
        draw=FLAGS.figures,
        stop=stop,
    )
    print(report.text(result.confusion, result.class_names), file=sys.stderr)
    print(json.dumps(result.metrics))


def samples(stop):
    """Draws images of the training set with their names."""
    recipe = recipes.find(FLAGS.recipe)
    from cnn_estimator import datasets, figures

    data = datasets.load(recipe.dataset, "train", FLAGS.data_dir)
    stop.check("nothing was drawn")
    count = min(FLAGS.count, len(data.labels))
    names = [data.class_names[label] for label in data.labels[:count]]
    title = f"{FLAGS.data_dir or recipe.dataset}: the first {count} of {len(data.labels)} training images"
    _draw(figures.samples(data.images[:count], names, title), FLAGS.figure)


def curves(stop):
    """Draws loss and accuracy, of training and evaluation, over the steps of one or several model_dirs."""
    from cnn_estimator import event_files, figures

    runs = {model_dir: event_files.curves(model_dir) for model_dir in FLAGS.model_dir}
    stop.check("nothing was drawn")
    _draw(figures.curves(runs), FLAGS.figure)


def predict(stop, *names):
    """Says what images show: files, folders, - for a list of them on stdin, or --test_index of the test set.

    A file that is no image gets an error line, the others their answers; the exit status is 1 then.
    """
    if not names and FLAGS.test_index is None:
        raise UserError("nothing to predict: name image files, folders, - for a list on stdin, or --test_index=0")
    recipe = _recipe()
    from cnn_estimator import pictures

    paths, problems = pictures.files(names, stop)
    if not (paths or problems or FLAGS.test_index):
        raise UserError("nothing to predict: the list on stdin is empty")
    from cnn_estimator import prediction

    answers, more_problems = prediction.answers(
        FLAGS.model_dir,
        paths,
        FLAGS.test_index or [],
        checkpoint=FLAGS.checkpoint,
        recipe=recipe,
        data_dir=FLAGS.data_dir,
        invert=FLAGS.invert,
        stop=stop,
    )
    if FLAGS.json:
        for answer in answers:
            print(json.dumps(answer.record()))
    elif answers:
        print(prediction.table(answers))
    if FLAGS.figure and answers:
        prediction.draw(answers, FLAGS.figure)
    for problem in [*problems, *more_problems]:
        print(f"error: {problem}", file=sys.stderr)
    return 1 if problems or more_problems else 0


def export(stop):
    """Writes a checkpoint as a SavedModel, or for TFLite, Keras or ONNX, and compares what it says with the original.

    On 1,000 test images; the largest difference of their probabilities is in the JSON object on stdout. Above 1e-4 it
    is an error, and nothing is left.
    """
    if FLAGS.output is None:
        raise UserError("--output is missing: name what to write, --output=/tmp/fashion_model")
    recipe = _recipe()
    from cnn_estimator import export

    result = export.export(
        FLAGS.model_dir,
        format=FLAGS.format,
        output=FLAGS.output,
        checkpoint=FLAGS.checkpoint,
        recipe=recipe,
        data_dir=FLAGS.data_dir,
        stop=stop,
    )
    print(json.dumps(result))


def doctor(stop):
    """Checks the installation, the data and the machine; names the command that mends what is wrong."""
    from cnn_estimator import doctor

    wrong = False
    for finding in doctor.examine():
        stop.check("not everything was examined")
        print(finding, flush=True)
        wrong |= not finding.ok
    return 1 if wrong else 0


def _recipe():
    return None if FLAGS.recipe is None else recipes.find(FLAGS.recipe)


def _draw(figure, path):
    from cnn_estimator import figures

    figures.save(figure, path)
    print(path)


@dataclasses.dataclass(frozen=True)
class Verb:
    """usage: its words behind the program's name. summary: one line. main: what command.run runs."""

    usage: str
    summary: str
    define_flags: Callable
    main: Callable
    takes_files: bool = False


VERBS = {
    "train": Verb("[flags]", "train a tutorial's network", flags.define_train, train),
    "eval": Verb("[flags]", "evaluate a checkpoint on the test set", flags.define_eval, evaluate),
    "predict": Verb("[flags] IMAGE…", "say what images show", flags.define_predict, predict, takes_files=True),
    "samples": Verb("[flags]", "draw images of the training set with their names", flags.define_samples, samples),
    "curves": Verb("[flags]", "draw loss and accuracy of one or several model_dirs", flags.define_curves, curves),
    "export": Verb("[flags]", "write a SavedModel, TFLite, Keras or ONNX file", flags.define_export, export),
    "doctor": Verb("", "check the installation, and say how to mend it", flags.define_doctor, doctor),
}


def main():
    """The command cnn-estimator: runs the verb that comes first, with its flags; without one, lists the verbs."""
    program = f"python -m {__package__}" if os.path.basename(sys.argv[0]) == "__main__.py" else "cnn-estimator"
    if len(sys.argv) == 1 or sys.argv[1] in ("--help", "-h"):
        try:
            print(_overview(program), flush=True)
        except BrokenPipeError:
            command.end_unread()
        return
    name = sys.argv[1]
    try:
        checks.name(name, VERBS)
    except ValueError as error:
        sys.exit(f"error: verb {name!r}: {error}")
    verb = VERBS[name]
    # absl's --help shows the docstring of the program, and its flags under the program's name.
    sys.argv[:2] = [f"{program} {name}"]
    sys.modules["__main__"].__doc__ = f"{program} {name} {verb.usage}\n\n{verb.main.__doc__}"
    verb.define_flags()
    command.run(verb.main, takes_files=verb.takes_files)


def _overview(program):
    width = max(map(len, VERBS))
    lines = [f"  {name:{width}}  {verb.summary}" for name, verb in VERBS.items()]
    return "\n".join([f"{program} VERB [flags]", "", *lines, "", f"{program} VERB --help lists the flags of a verb."])
