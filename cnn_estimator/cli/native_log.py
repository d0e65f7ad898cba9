"""Hides the notes that TensorFlow's C++ side prints to stderr. Imports no TensorFlow.

For commands only: while notes are hidden, file descriptor 2 leads into another process, and no library may do that to
the program that imports it. It is not in tf1/, because importing anything from there already loads TensorFlow.
"""

import contextlib
import gc
import os
import subprocess
import sys
import threading
from collections.abc import Iterator

_FILTER = r"""
import contextlib, os, re, sys
note = re.compile(rb"WARNING: All log messages before absl|[IWE]\d{4} |\d{4}-\d\d-\d\d \S+ [IWE] |To enable the foll")
for line in sys.stdin.buffer:
    if not note.match(line):
        with contextlib.suppress(OSError):
            os.write(2, line)
"""

_lock = threading.Lock()


def load_tensorflow() -> None:
    """Imports cnn_estimator.tf1 and runs an empty session, both without their notes.

    Call it before any other import of TensorFlow. The session has the default configuration, and settles the GPU memory
    of all later ones; TensorFlow 2.18 to 2.20 print a note at the first session of a process.

    Raises:
      cnn_estimator.tf1.InstallationError: TensorFlow is missing, or does not fit.
    """
    with filtered(), _without_collections():
        from cnn_estimator.tf1 import tf

        with tf.Graph().as_default(), tf.Session() as session:
            session.run(tf.no_op())


@contextlib.contextmanager
def _without_collections() -> Iterator[None]:
    """Spares Python's garbage collector what TensorFlow's import makes: 400,000 objects, most of which stay.

    Looking through them takes 0.2 to 0.3 s during the import, and 0.1 s at times after it.
    """
    if "tensorflow" in sys.modules:
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


@contextlib.contextmanager
def filtered() -> Iterator[None]:
    """Drops TensorFlow's C++ notes from stderr, but not fatal errors; no-op if TF_CPP_MIN_LOG_LEVEL is 0.

    One thread after the other: all of them have the same stderr.
    """
    if os.environ.get("TF_CPP_MIN_LOG_LEVEL") == "0":
        yield
        return
    # The C++ side prints some notes before it reads the log level, so only the file descriptor can be filtered. It is
    # filtered by another process, so that the last words of a process that aborts are still printed.
    command = [sys.executable, "-I", "-S", "-c", _FILTER]
    # In a session of its own, where the terminal's Ctrl-C does not reach it.
    with _lock, subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True) as notes_filter:
        assert notes_filter.stdin
        stderr = os.dup(2)
        os.dup2(notes_filter.stdin.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(stderr, 2)
            os.close(stderr)
