"""The lock that keeps other trainers out of a model_dir. Imports no TensorFlow."""

import contextlib
import dataclasses
import fcntl
import os
from collections.abc import Iterator
from typing import IO

from cnn_estimator import waiting
from cnn_estimator.errors import TaskLost, UserError
from cnn_estimator.files import refuse_foreign

LOCK_FILE = "train.lock"
_MAX_HOLDER_LENGTH = 100


@dataclasses.dataclass(frozen=True)
class Lock:
    """A locked folder. file: the open lock file."""

    folder: str
    file: IO[str]

    def is_in_place(self) -> bool:
        """Returns True while the folder at that path is the locked one, with its lock file."""
        path = os.path.join(self.folder, LOCK_FILE)
        return os.path.exists(path) and os.path.samestat(os.stat(path), os.fstat(self.file.fileno()))


@contextlib.contextmanager
def locked(folder: str, argument: str = "model_dir", seconds: float = 0) -> Iterator[Lock]:
    """Yields the Lock of a folder. A missing folder is made, and removed again if it is left empty.

    The system releases the lock when the process ends, however it ends.

    Args:
      argument: the name of the argument that gave the folder, for the error.
      seconds: how long to wait for another process that holds the lock. A task of a cluster waits: the process that it
        replaces may still be ending on another machine.

    Raises:
      UserError: another process holds the lock; TaskLost if this process has waited for it.
      Stopped: a stop signal came.
      OSError: the folder cannot be written, or is not safe to write to.
    """
    made = not os.path.isdir(folder)
    os.makedirs(folder, exist_ok=True)
    refuse_foreign(folder)
    opened = waiting.wait_for(lambda: _open_locked(folder), seconds=seconds)
    if opened is None:
        with open(os.path.join(folder, LOCK_FILE), encoding="utf-8", errors="replace") as file:
            holder = file.read(_MAX_HOLDER_LENGTH)
        who = holder if holder.startswith("process ") else "another process"
        kind = TaskLost if seconds else UserError
        raise kind(
            f"{argument} {folder}: {who} is training there", f"wait for it, stop it, or choose another {{{argument}}}"
        )
    with opened as file:
        lock = Lock(folder, file)
        try:
            os.ftruncate(file.fileno(), 0)
            # Unbuffered: the disk may be full.
            os.write(file.fileno(), f"process {os.getpid()} on {os.uname().nodename}".encode())
            yield lock
        finally:
            os.ftruncate(file.fileno(), 0)
            if made and lock.is_in_place() and os.listdir(folder) == [LOCK_FILE]:
                os.remove(os.path.join(folder, LOCK_FILE))
                os.rmdir(folder)
            fcntl.flock(file, fcntl.LOCK_UN)  # closing alone would leave the lock with a forked child process


def _open_locked(folder: str) -> IO[str] | None:
    """Returns the lock file of a folder, locked; None if another process holds its lock."""
    path = os.path.join(folder, LOCK_FILE)
    while True:
        file = open(path, "a+", encoding="utf-8", errors="replace")  # noqa: SIM115  the caller closes it
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return None
        # Between opening and locking, the run may have been archived or the folder removed.
        if Lock(folder, file).is_in_place():
            return file
        file.close()
