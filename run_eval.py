"""Evaluates a checkpoint, the newest intact one, on the test set: python run_eval.py --model_dir=/tmp/fashion

A table of the classes goes to stderr. The last line on stdout is one JSON object: accuracy,
loss, global_step, images, checkpoint.
"""

import _signal
import os

# Ctrl-C prints no traceback while the next import takes its time; after that, the command has a handler of its own.
# Python's module signal has the same function, but takes some milliseconds itself.
_signal.signal(_signal.SIGINT, lambda number, frame: os._exit(130))

from cnn_estimator import cli  # noqa: E402

if __name__ == "__main__":
    cli.run("eval")
