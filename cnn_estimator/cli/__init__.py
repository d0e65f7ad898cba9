"""The command line: the table of verbs, and the command cnn-estimator. Loads no TensorFlow before a verb needs it."""

import dataclasses
import importlib
import os
import sys
from collections.abc import Callable

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
      takes_files: whether arguments that are no flags are names of files; otherwise they are a mistake.
    """

    main: Callable[..., int | None]
    summary: str
    nothing_done: str
    flags: tuple[flags.Flag, ...]
    takes_files: bool = False

    @property
    def usage(self) -> str:
        """What follows the verb on a command line."""
        return "[flags] IMAGE…" if self.takes_files else "[flags]"


# No Verb: the program that it runs parses the flags.
RUN = "run"
RUN_USAGE = "run SCRIPT.py [ARGUMENTS]"
RUN_SUMMARY = "run a TensorFlow 1 program as it is"
VERBS = {
    "train": Verb(verbs.train, "train a tutorial's network", "nothing was trained", flags.TRAIN),
    "eval": Verb(verbs.evaluate, "evaluate a checkpoint on the test set", "nothing was evaluated", flags.EVAL),
    "predict": Verb(verbs.predict, "predict the classes of images", "nothing was predicted", flags.PREDICT, True),
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
        if names and not verb.takes_files:
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
    """Runs a TF 1 program in this process; all flags after its name are the program's own."""
    if arguments in (["--help"], ["-h"]):
        with process.output():
            print(f"{program} {RUN_USAGE}\n\n{RUN_SUMMARY}")
        return
    process.open_descriptors()
    try:
        with native_log.filtered():
            script = importlib.import_module("cnn_estimator.tf1.script")
        script.main(arguments)
    except UserError as error:
        process.fail(str(error))


def _overview(program: str) -> str:
    """Returns the list of verbs."""
    summaries = {name: verb.summary for name, verb in VERBS.items()} | {RUN: RUN_SUMMARY}
    width = max(map(len, summaries))
    lines = "\n".join(f"  {name:{width}}  {summary}" for name, summary in summaries.items())
    last = f"{program} VERB --help lists the flags of a verb."
    return f"{program} VERB [flags]\n{program} {RUN_USAGE}\n\n{lines}\n\n{last}"
