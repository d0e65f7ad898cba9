"""Hides the notes that TensorFlow's C++ side prints to stderr. Imports no TensorFlow.

Only commands use it: while notes are hidden, file descriptor 2 leads into another process, which a library must not do
to the program that imports it. The module is not in tf1/, because importing anything from there loads TensorFlow.
"""

import contextlib
import gc
import os
import subprocess
import sys
from collections.abc import Iterator

_FILTER = r"""
import contextlib, os, re, sys
note = re.compile(rb"WARNING: All log messages before absl|[IWE]\d{4} |\d{4}-\d\d-\d\d \S+ [IWE] |To enable the foll")
for line in sys.stdin.buffer:
    if not note.match(line):
        with contextlib.suppress(OSError):
            os.write(2, line)
"""


def load_tensorflow() -> None:
    """Imports cnn_estimator.tf1 and runs an empty session, and hides the notes of both.

    Must be called before any other import of TensorFlow. TensorFlow 2.18 to 2.20 print a note at the first session of a
    process. The session has the default configuration, which decides how all later sessions allocate GPU memory.

    Raises:
      cnn_estimator.tf1.InstallationError: TensorFlow is missing, or its version is not supported.
    """
    with filtered(), without_collector():
        from cnn_estimator.tf1 import tf

        with tf.Graph().as_default(), tf.Session() as session:
            session.run(tf.no_op())


@contextlib.contextmanager
def without_collector() -> Iterator[None]:
    """Keeps what is imported out of Python's garbage collector, during the import and afterwards.

    It would examine TensorFlow's 400,000 objects again and again, at the end of the process too: a second in all.
    """
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        gc.enable()


@contextlib.contextmanager
def filtered() -> Iterator[None]:
    """Drops TensorFlow's C++ notes from stderr, but no fatal errors; does nothing if TF_CPP_MIN_LOG_LEVEL is 0."""
    if os.environ.get("TF_CPP_MIN_LOG_LEVEL") == "0":
        yield
        return
    # The C++ side prints some notes before it reads the log level, so the file descriptor must be filtered. Another
    # process filters it, so that the last lines of a process that aborts are still printed.
    command = [sys.executable, "-I", "-S", "-c", _FILTER]
    # In a new session the terminal's Ctrl-C does not reach the filter.
    with subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True) as notes_filter:
        assert notes_filter.stdin
        stderr = os.dup(2)
        os.dup2(notes_filter.stdin.fileno(), 2)
        try:
            yield
        finally:
            if sys.stderr:  # None where descriptor 2 was closed
                sys.stderr.flush()
            os.dup2(stderr, 2)
            os.close(stderr)
