"""What surrounds every command: parsed flags, log lines on stderr, one line for a user's mistake."""

import logging
import sys

from absl import app, flags
from absl.logging import converter

from cnn_estimator.errors import UserError


def run(main):
    """Parses the flags, calls main() and exits: with status 1 and one line `error: …` on a UserError."""

    def checked_main(arguments):
        _log_to_stderr()
        try:
            if len(arguments) > 1:
                raise UserError(f"unexpected argument {arguments[1]!r}: every option is a flag, --name=value")
            main()
        except UserError as error:
            sys.exit(f"error: {error}")

    flags.FLAGS.set_default("verbosity", 0)  # INFO
    app.run(checked_main)


def _log_to_stderr():
    # One handler, in place of absl's, so that each line comes once and looks as the tutorials print it.
    logging.basicConfig(format=logging.BASIC_FORMAT, force=True)
    # Estimator prints its whole configuration, over a dozen lines.
    logging.root.handlers[0].addFilter(lambda record: not str(record.msg).startswith("Using config:"))
    level = converter.absl_to_standard(flags.FLAGS.verbosity)
    for name in ("tensorflow", __package__):
        logging.getLogger(name).setLevel(level)
