"""Trains a tutorial's network: python run_train.py --steps=1500 --optimizer=adam

It goes on from the newest intact checkpoint in the model_dir. SIGTERM or Ctrl-C end it at the
next step, which is saved.
"""

import _signal
import os

# Ctrl-C prints no traceback while the next import takes its time; after that, the command has a handler of its own.
# Python's module signal has the same function, but takes some milliseconds itself.
_signal.signal(_signal.SIGINT, lambda number, frame: os._exit(130))

from cnn_estimator import cli  # noqa: E402

if __name__ == "__main__":
    cli.run("train")
