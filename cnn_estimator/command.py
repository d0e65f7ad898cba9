"""What surrounds every command: parsed flags, stop signals, log lines on stderr, one line for a user's mistake."""

import logging
import sys

from absl import app, flags
from absl.logging import converter

from cnn_estimator.errors import UserError
from cnn_estimator.signals import Stopped, StopSignals


def run(main):
    """Parses the flags, calls main(stop), with the StopSignals of the process, and exits.

    With status 1 and one line `error: …` on a UserError or a flag's bad value; with status 143 or 130 and one line
    `stopped by …` where SIGTERM or SIGINT ended the work.
    """
    stop = StopSignals()
    stop.listen()

    def checked_main(arguments):
        _log_to_stderr()
        try:
            if len(arguments) > 1:
                raise UserError(f"unexpected argument {arguments[1]!r}: every option is a flag, --name=value")
            main(stop)
        except UserError as error:
            sys.exit(f"error: {error}")
        except Stopped as stopped:
            print(stopped, file=sys.stderr)
            sys.exit(stopped.exit_status)

    flags.FLAGS.set_default("verbosity", 0)  # INFO
    app.run(checked_main, flags_parser=_parse)


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
