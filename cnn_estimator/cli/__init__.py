"""The command line: the table of verbs, and the command cnn-estimator. Loads no TensorFlow before a verb needs it."""

import dataclasses
import importlib
import importlib.metadata
import os
import platform
import sys
from collections.abc import Callable
from typing import Any

from absl import app
from absl.flags import disclaim_key_flags

from cnn_estimator.cli import flags, native_log, process, verbs
from cnn_estimator.errors import UserError
from cnn_estimator.settings import suggestion

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
    """

    main: Callable[..., int | None]
    summary: str
    nothing_done: str
    flags: tuple[flags.Flag, ...]
    files: str = ""

    @property
    def usage(self) -> str:
        """What follows the verb on a command line."""
        return f"[flags] {self.files}".rstrip()


# No Verb: the program that it runs parses the flags.
RUN = "run"
RUN_USAGE = "run [--api=1|2] [--tf_version=VERSION] SCRIPT.py [ARGUMENTS]"
RUN_SUMMARY = "run a program that was written for TensorFlow 1, or for TensorFlow 2 with Estimators, as it is"
RUN_OPTIONS = """
  --api         the API that the program gets, of TensorFlow 1 or 2 (default: chosen by the names that it uses)
  --tf_version  the tf.__version__ that the program reads (default: 1.15.5 with --api=1, the true one with --api=2)
"""
VERBS = {
    "train": Verb(verbs.train, "train a tutorial's network", "nothing was trained", flags.TRAIN),
    "eval": Verb(verbs.evaluate, "evaluate a checkpoint on the test set", "nothing was evaluated", flags.EVAL),
    "predict": Verb(verbs.predict, "predict the classes of images", "nothing was predicted", flags.PREDICT, "IMAGE…"),
    "explain": Verb(
        verbs.explain, "show where in images the decisions come from", "nothing was explained", flags.EXPLAIN, "IMAGE…"
    ),
    "demo": Verb(
        verbs.demo, "show a page to draw on, with the network's predictions", "the page is closed", flags.DEMO
    ),
    "samples": Verb(
        verbs.samples, "plot images of the training set with their names", "nothing was plotted", flags.SAMPLES
    ),
    "curves": Verb(
        verbs.curves, "plot loss and accuracy of one or several model_dirs", "nothing was plotted", flags.CURVES
    ),
    "export": Verb(
        verbs.export, "write a SavedModel, TFLite, Keras or ONNX file", "nothing was exported", flags.EXPORT
    ),
    "reproduce": Verb(
        verbs.reproduce,
        "train and evaluate the tutorials' recipes, and compare",
        "nothing was reproduced",
        flags.REPRODUCE,
    ),
    "scan": Verb(
        verbs.scan, "report what of a code base will run on the bridge", "nothing was reported", flags.SCAN, "PATH…"
    ),
    "keras_weights": Verb(
        verbs.keras_weights,
        "fill a Keras model from a TensorFlow 1 checkpoint",
        "nothing was written",
        flags.KERAS_WEIGHTS,
    ),
    "doctor": Verb(
        verbs.doctor,
        "check the installation, and name the fix for what is wrong",
        "the checks were not completed",
        (),
    ),
}


def run(name: str) -> None:
    """Runs a verb with the flags on the command line, and exits."""
    verb = VERBS[name]

    def main(arguments: list[str]) -> int | None:
        process.log_to_stderr()
        names = arguments[1:]
        if names and not verb.files:
            raise UserError(f"unexpected argument {names[0]!r}", "every option is a flag, --name=value")
        return verb.main(*names)

    flags.define(verb.flags)
    with process.exit_statuses(verb.nothing_done):
        app.run(main, flags_parser=process.parse)


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


def _run_program(program: str, arguments: list[str]) -> None:
    """Runs a program in this process; all flags after its name are the program's own."""
    if arguments in (["--help"], ["-h"]):
        with process.output():
            print(f"{program} {RUN_USAGE}\n\n{RUN_SUMMARY}\n{RUN_OPTIONS}", end="")
        return
    process.open_descriptors()
    try:
        options, rest = _run_options(arguments)
        script = importlib.import_module("cnn_estimator.tf1.script")
        with native_log.filtered():
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
