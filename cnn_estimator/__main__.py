"""python -m cnn_estimator VERB, and the command cnn-estimator."""

import _signal
import os

# Ctrl-C prints no traceback while the next import takes its time; after that, the command has a handler of its own.
# Python's module signal has the same function, but takes some milliseconds itself.
_signal.signal(_signal.SIGINT, lambda number, frame: os._exit(130))

from cnn_estimator.cli import main

if __name__ == "__main__":
    main()
