"""The command line: the table of verbs, and the command cnn-estimator. Loads no TensorFlow before a verb needs it."""

import dataclasses
import importlib
import importlib.metadata
import os
import platform
import sys
from collections.abc import Callable, Iterable
from typing import Any

from absl import app
from absl.flags import disclaim_key_flags

from cnn_estimator.cli import flags, native_log, process, verbs
from cnn_estimator.errors import UserError
from cnn_estimator.settings import Choice, suggestion

# --help lists a verb's flags under the program, not under this module.
disclaim_key_flags()


@dataclasses.dataclass(frozen=True)
class Verb:
    """One verb.

    Attributes:
      main: what the verb does; called with the file names of the command line, when it takes files.
      summary: one line, for the list of verbs.
      nothing_done: what the command says when a signal stopped it.
      flags: the declarations of its flags.
      files: what the arguments that are no flags stand for; "" if there are none, so that they are a mistake.
      examples: what may follow the verb on a command line, for the end of its --help.
    """

    main: Callable[..., int | None]
    summary: str
    nothing_done: str
    flags: tuple[flags.Flag, ...]
    files: str = ""
    examples: tuple[str, ...] = ("",)

    @property
    def usage(self) -> str:
        """What follows the verb on a command line."""
        return f"[flags] {self.files}".rstrip()


# No Verb: the program that it runs parses the flags.
RUN = "run"
RUN_USAGE = "run [--api=1|2] [--tf_version=VERSION] SCRIPT.py [ARGUMENTS]"
RUN_SUMMARY = "run a program that was written for TensorFlow 1, or for TensorFlow 2 with Estimators, as it is"
RUN_EXAMPLES = ("train_mnist.py --batch_size=64", "--tf_version=1.14.0 train_mnist.py", "-m my_package.train")
RUN_OPTIONS = """
  --api         the API that the program gets, of TensorFlow 1 or 2 (default: chosen by the names that it uses)
  --tf_version  the tf.__version__ that the program reads (default: 1.15.5 with --api=1, the true one with --api=2)
"""
VERBS = {
    "recipes": Verb(
        verbs.recipes,
        "list the recipes: what they train, how well and how long",
        "nothing was listed",
        (),
    ),
    "summary": Verb(
        verbs.summary,
        "print the layers of a network: shapes, weights, parameters",
        "nothing was printed",
        flags.SUMMARY,
        examples=(
            "--recipe=fashion_dense",
            "--model_dir=/tmp/fashion",
        ),
    ),
    "train": Verb(
        verbs.train,
        "train a tutorial's network",
        "nothing was trained",
        flags.TRAIN,
        examples=(
            "--steps=1500 --optimizer=adam --seed=1",
            "--recipe=fashion_best --model_dir=/tmp/best",
            "--model_dir=/tmp/validated --validation=5000 --eval_every=250 --keep_best",
        ),
    ),
    "eval": Verb(
        verbs.evaluate,
        "evaluate a checkpoint on the test set",
        "nothing was evaluated",
        flags.EVAL,
        examples=(
            "--model_dir=/tmp/fashion",
            "--model_dir=/tmp/validated --checkpoint=best --plot",
        ),
    ),
    "predict": Verb(
        verbs.predict,
        "predict the classes of images",
        "nothing was predicted",
        flags.PREDICT,
        "IMAGE…",
        examples=(
            "photo.jpg",
            "photos/ --plot=predictions.png",
            "--test_indices=0,1,4 --json",
        ),
    ),
    "explain": Verb(
        verbs.explain,
        "show where in images the decisions come from",
        "nothing was explained",
        flags.EXPLAIN,
        "IMAGE…",
        examples=(
            "photo.jpg",
            "--test_indices=117,548 --plot=shirts.png",
        ),
    ),
    "demo": Verb(
        verbs.demo,
        "show a page to draw on, with the network's predictions",
        "the page is closed",
        flags.DEMO,
        examples=(
            "--model_dir=/tmp/fashion",
            "--model_dir=/tmp/best --checkpoint=best --port=8000",
        ),
    ),
    "samples": Verb(
        verbs.samples,
        "plot images of the training set with their names",
        "nothing was plotted",
        flags.SAMPLES,
        examples=(
            "--count=20",
            "--recipe=mnist_cnn --plot=digits.png",
        ),
    ),
    "curves": Verb(
        verbs.curves,
        "plot loss and accuracy of one or several model_dirs",
        "nothing was plotted",
        flags.CURVES,
        examples=(
            "--model_dir=/tmp/fashion",
            "--model_dir=/tmp/fashion,/tmp/best --plot=compared.png",
        ),
    ),
    "lr_find": Verb(
        verbs.lr_find,
        "find a learning rate, with a plot of the loss over it",
        "nothing was found",
        flags.LR_FIND,
        examples=(
            "--recipe=fashion_ladder_1",
            "--optimizer=momentum --plot=momentum.png",
        ),
    ),
    "export": Verb(
        verbs.export,
        "write a SavedModel, TFLite, Keras or ONNX file",
        "nothing was exported",
        flags.EXPORT,
        examples=(
            "--output=/tmp/fashion_model",
            "--format=tflite --output=/tmp/fashion.tflite",
            "--checkpoint=best --format=keras --output=/tmp/fashion.keras",
        ),
    ),
    "reproduce": Verb(
        verbs.reproduce,
        "train and evaluate the tutorials' recipes, and compare",
        "nothing was reproduced",
        flags.REPRODUCE,
        examples=(
            "--recipes=fashion_cnn --seeds=1",
            "--scale=0.01 --root=/tmp/rehearsal",
        ),
    ),
    "scan": Verb(
        verbs.scan,
        "report what of a code base will run on the bridge",
        "nothing was reported",
        flags.SCAN,
        "PATH…",
        examples=(
            "train.py",
            "my_project/ --json",
        ),
    ),
    "keras_weights": Verb(
        verbs.keras_weights,
        "fill a Keras model from a TensorFlow 1 checkpoint",
        "nothing was written",
        flags.KERAS_WEIGHTS,
        examples=(
            "--checkpoint=/tmp/old_model_dir --model=models:build --output=model.keras",
            "--checkpoint=/tmp/old_model_dir --model=models:build --names=names.json --output=model.keras",
        ),
    ),
    "doctor": Verb(
        verbs.doctor,
        "check the installation, and name the fix for what is wrong",
        "the checks were not completed",
        (),
    ),
    "completion": Verb(
        verbs.completion,
        "print a script that completes the command line in bash or zsh",
        "nothing was printed",
        (),
        "bash|zsh",
        examples=(
            "bash >> ~/.bashrc",
            "zsh >> ~/.zshrc",
        ),
    ),
}


# What completion knows of run, which reads its options itself.
RUN_FLAGS = (
    flags.Flag("api", None, "The API that the program gets.", Choice(("1", "2"))),
    flags.Flag("tf_version", None, "The tf.__version__ that the program reads.", None),
)


def run(name: str) -> None:
    """Runs a verb with the flags on the command line, and exits."""
    verb = VERBS[name]

    def main(arguments: list[str]) -> int | None:
        process.log_to_stderr()
        names = arguments[1:]
        if names and not verb.files:
            raise UserError(f"unexpected argument {names[0]!r}", "every option is a flag, --name=value")
        return verb.main(*names)

    def parse(arguments: list[str]) -> list[str]:
        return process.parse(arguments, end_of_help=_examples(process.command_line(name), verb.examples))

    flags.define(verb.flags)
    with process.exit_statuses(verb.nothing_done):
        app.run(main, flags_parser=parse)


def main() -> None:
    """The command cnn-estimator: runs the verb that comes first, with its flags; without a verb, lists the verbs."""
    program = "python -m cnn_estimator" if os.path.basename(sys.argv[0]) == "__main__.py" else "cnn-estimator"
    if len(sys.argv) == 1 or sys.argv[1] in ("--help", "-h"):
        with process.output():
            print(_overview(program))
        return
    if sys.argv[1] == "--version":
        with process.output():
            print(_versions())
        return
    if sys.argv[1] == "help":
        sys.argv[1:] = [*sys.argv[2:], "--help"]
        main()
        return
    name = sys.argv[1]
    if name == RUN:
        _run_program(program, sys.argv[2:])
        return
    if name not in VERBS:
        process.fail(f"verb {name!r}: no such name, {suggestion(name, [*VERBS, RUN])}")
    # absl's --help shows the docstring of the program, and its flags under the program's name.
    sys.argv[:2] = [f"{program} {name}"]
    sys.modules["__main__"].__doc__ = f"{program} {name} {VERBS[name].usage}\n\n{VERBS[name].main.__doc__}"
    run(name)


def _examples(command: str, examples: Iterable[str]) -> str:
    """Returns the end of a verb's --help, for the command line of the verb and what may follow it."""
    return "\n".join(["Examples:", *(f"  {command} {example}".rstrip() for example in examples)])


def _run_program(program: str, arguments: list[str]) -> None:
    """Runs a program in this process; all flags after its name are the program's own."""
    if arguments in (["--help"], ["-h"]):
        with process.output():
            print(
                f"{program} {RUN_USAGE}\n\n{RUN_SUMMARY}\n{RUN_OPTIONS}\n{_examples(f'{program} {RUN}', RUN_EXAMPLES)}"
            )
        return
    process.open_descriptors()
    try:
        options, rest = _run_options(arguments)
        script = importlib.import_module("cnn_estimator.tf1.script")
        with native_log.filtered(), native_log.without_collector():
            loaded = script.load(rest, **options)
        if loaded.choice:
            api = loaded.choice.api
            reason = loaded.choice.reason
            process.report(
                f"running {loaded.name} with TensorFlow {api}'s API, because {reason}: --api={3 - api} changes it"
            )
        loaded.run()
    except UserError as error:
        process.fail(str(error))


def _run_options(arguments: list[str]) -> tuple[dict[str, Any], list[str]]:
    """Returns the options of run, which stand before the program, and the arguments after them."""
    options: dict[str, Any] = {}
    rest = list(arguments)
    while rest and rest[0].startswith(("--api=", "--tf_version=")):
        name, _, value = rest.pop(0)[2:].partition("=")
        if name == "api" and value not in ("1", "2"):
            raise UserError(f"api {value}: no such API", "use 1 for TensorFlow 1, or 2 for TensorFlow 2")
        options[name] = int(value) if name == "api" else value
    return options, rest


def _versions() -> str:
    """Returns the versions of this package, of the packages below it and of Python, without importing any of them."""
    packages = ("cnn-estimator", "tensorflow", "tf-keras", "tensorflow-estimator")
    installed = [f"{package} {importlib.metadata.version(package)}" for package in packages if _is_installed(package)]
    return ", ".join([*installed, f"Python {platform.python_version()}"])


def _is_installed(package: str) -> bool:
    return bool([*importlib.metadata.distributions(name=package)])


def _overview(program: str) -> str:
    """Returns the list of verbs."""
    summaries = {name: verb.summary for name, verb in VERBS.items()} | {RUN: RUN_SUMMARY}
    width = max(map(len, summaries))
    lines = "\n".join(f"  {name:{width}}  {summary}" for name, summary in summaries.items())
    last = f"{program} help VERB lists the flags of a verb, and {program} --version the versions."
    return f"{program} VERB [flags]\n{program} {RUN_USAGE}\n\n{lines}\n\n{last}"
