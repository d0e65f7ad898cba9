"""The command line: the table of verbs, and the command cnn-estimator. Loads no TensorFlow before a verb needs it."""

import dataclasses
import importlib
import os
import sys
from collections.abc import Callable

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
      usage: what follows the verb on a command line.
      summary: one line.
      nothing_done: what is said where a signal stopped it.
      define_flags, main: called in this order.
      takes_files: whether arguments that are not flags are names of files.
    """

    usage: str
    summary: str
    nothing_done: str
    define_flags: Callable[[], None]
    main: Callable[..., int | None]
    takes_files: bool = False


# No Verb: it has no flags of its own.
RUN, RUN_USAGE, RUN_SUMMARY = "run", "run SCRIPT.py [ARGUMENTS]", "run a TensorFlow 1 program as it is"
VERBS = {
    "train": Verb("[flags]", "train a tutorial's network", "nothing was trained", flags.define_train, verbs.train),
    "eval": Verb(
        "[flags]", "evaluate a checkpoint on the test set", "nothing was evaluated", flags.define_eval, verbs.evaluate
    ),
    "predict": Verb(
        "[flags] IMAGE…",
        "predict the classes of images",
        "nothing was predicted",
        flags.define_predict,
        verbs.predict,
        takes_files=True,
    ),
    "samples": Verb(
        "[flags]",
        "plot images of the training set with their names",
        "nothing was plotted",
        flags.define_samples,
        verbs.samples,
    ),
    "curves": Verb(
        "[flags]",
        "plot loss and accuracy of one or several model_dirs",
        "nothing was plotted",
        flags.define_curves,
        verbs.curves,
    ),
    "export": Verb(
        "[flags]",
        "write a SavedModel, TFLite, Keras or ONNX file",
        "nothing was exported",
        flags.define_export,
        verbs.export,
    ),
    "reproduce": Verb(
        "[flags]",
        "train and evaluate the tutorials' recipes, and compare",
        "nothing was reproduced",
        flags.define_reproduce,
        verbs.reproduce,
    ),
    "doctor": Verb(
        "",
        "check the installation, and name the fix for what is wrong",
        "not everything was examined",
        flags.define_doctor,
        verbs.doctor,
    ),
}


def run(name: str) -> None:
    """Runs a verb with the flags on the command line, and exits."""
    verb = VERBS[name]
    verb.define_flags()
    process.run(verb.main, nothing_done=verb.nothing_done, takes_files=verb.takes_files)


def main() -> None:
    """The command cnn-estimator: runs the verb that comes first, with its flags; without one, lists the verbs."""
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
        sys.exit(f"error: verb {name!r}: no such name, {suggestion(name, [*VERBS, RUN])}")
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
    try:
        with native_log.filtered():
            script = importlib.import_module("cnn_estimator.tf1.script")
        script.main(arguments)
    except UserError as error:
        sys.exit(f"error: {error}")


def _overview(program: str) -> str:
    width = max(map(len, VERBS))
    summaries = {name: verb.summary for name, verb in VERBS.items()} | {RUN: RUN_SUMMARY}
    lines = [f"  {name:{width}}  {summary}" for name, summary in summaries.items()]
    return "\n".join(
        [
            f"{program} VERB [flags]",
            f"{program} {RUN_USAGE}",
            "",
            *lines,
            "",
            f"{program} VERB --help lists the flags of a verb.",
        ]
    )
