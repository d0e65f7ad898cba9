"""What surrounds every command: parsed flags, stop signals, log lines on stderr, one line for a user's mistake."""

import logging
import os
import shlex
import signal
import sys

from absl import app, flags
from absl.logging import converter

from cnn_estimator.errors import UserError
from cnn_estimator.signals import Stopped, StopSignals


def run(main, *, takes_files=False):
    """Parses the flags, calls main(stop), with the StopSignals of the process, and exits with what it returns.

    With status 1 and one line `error: …` on a UserError or a flag's bad value; with status 143 or 130 and one line
    `stopped by …` where SIGTERM or SIGINT ended the work.

    Args:
      takes_files: whether words that are no flags are files' names: then it is main(stop, *names).
    """
    stop = StopSignals()
    stop.listen()

    def checked_main(arguments):
        _log_to_stderr()
        names = arguments[1:]
        try:
            if names and not takes_files:
                raise UserError(f"unexpected argument {names[0]!r}: every option is a flag, --name=value")
            status = main(stop, *names)
            if sys.stdout:
                sys.stdout.flush()
            return status
        except UserError as error:
            sys.exit(f"error: {error}")
        except Stopped as stopped:
            print(stopped, file=sys.stderr)
            sys.exit(stopped.exit_status)
        except BrokenPipeError:
            end_unread()

    flags.FLAGS.set_default("verbosity", 0)  # INFO
    if sys.stdout:
        sys.stdout.reconfigure(errors="backslashreplace")  # names may have characters that the terminal lacks
    app.run(checked_main, flags_parser=_parse)


def end_unread():
    """Ends the process in silence where the reader of its stdout, head for example, has had enough."""
    # Otherwise Python tries to write the rest when it ends.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(128 + signal.SIGPIPE)


def spelled(verb, **options):
    """Returns the command line of a verb, spelled like the one that started this process."""
    if os.path.basename(sys.argv[0]) in ("run_train.py", "run_eval.py"):
        words = ["python", f"run_{verb}.py"]
    elif sys.argv[0].startswith("python -m "):
        words = ["python", "-m", __package__, verb]
    else:
        words = ["cnn-estimator", verb]
    return shlex.join([*words, *(f"--{name}={value}" for name, value in options.items())])


def _parse(arguments):
    try:
        return flags.FLAGS(arguments)
    except flags.IllegalFlagValueError as error:
        sys.exit(f"error: {error}")
    except flags.Error:
        return app.parse_flags_with_usage(arguments)  # says it in absl's own way


def _log_to_stderr():
    # One handler, in place of absl's, so that each line comes once and looks as the tutorials print it.
    logging.basicConfig(format=logging.BASIC_FORMAT, force=True)
    # Estimator prints its whole configuration, over a dozen lines.
    logging.root.handlers[0].addFilter(lambda record: not str(record.msg).startswith("Using config:"))
    level = converter.absl_to_standard(flags.FLAGS.verbosity)
    for name in ("tensorflow", __package__):
        logging.getLogger(name).setLevel(level)
