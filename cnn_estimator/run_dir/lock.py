"""The lock that keeps other trainers out of a model_dir. Imports no TensorFlow."""

import contextlib
import dataclasses
import fcntl
import os
import time
from collections.abc import Iterator
from typing import IO

from cnn_estimator import stopping
from cnn_estimator.errors import UserError
from cnn_estimator.files import open_own, refuse_foreign

LOCK_FILE = "train.lock"
_WAIT_SECONDS = 2.0  # for a process that has just locked to write its id


@dataclasses.dataclass(frozen=True)
class Lock:
    """A locked folder. file: its lock file, open."""

    folder: str
    file: IO[str]

    def is_in_place(self) -> bool:
        """Returns whether the folder at that path is still the one that was locked, with its lock file."""
        try:
            found = os.stat(os.path.join(self.folder, LOCK_FILE), follow_symlinks=False)
        except (FileNotFoundError, NotADirectoryError):
            return False
        return os.path.samestat(os.fstat(self.file.fileno()), found)


@contextlib.contextmanager
def locked(folder: str, argument: str = "model_dir") -> Iterator[Lock]:
    """Yields the Lock of a folder, which is made where it is missing, and removed if it is left empty.

    The system drops the lock when the process ends, however it ends.

    Args:
      argument: the name of the argument that gave the folder, for the error.

    Raises:
      UserError: another process holds the lock.
      OSError: the folder cannot be written, or is not safe to write to.
      Stopped: a stop signal came while another process took the lock.
    """
    made = not os.path.isdir(folder)
    os.makedirs(folder, exist_ok=True)
    refuse_foreign(folder)
    with contextlib.ExitStack() as files:
        file = _open_locked(folder, argument, files)
        lock = Lock(folder, file)
        try:
            os.ftruncate(file.fileno(), 0)
            os.write(file.fileno(), str(os.getpid()).encode())  # unbuffered: the disk may be full
            yield lock
        finally:
            os.ftruncate(file.fileno(), 0)
            if made and lock.is_in_place() and os.listdir(folder) == [LOCK_FILE]:
                os.remove(os.path.join(folder, LOCK_FILE))
                os.rmdir(folder)
            fcntl.flock(file, fcntl.LOCK_UN)  # a child that was forked meanwhile would keep it


def _open_locked(folder: str, argument: str, files: contextlib.ExitStack) -> IO[str]:
    """Returns the lock file of a folder, locked; `files` closes it."""
    path = os.path.join(folder, LOCK_FILE)
    waited_until = time.monotonic() + _WAIT_SECONDS
    while True:
        descriptor = open_own(path, os.O_RDWR | os.O_CREAT | os.O_APPEND)
        file = files.enter_context(open(descriptor, "a+", encoding="utf-8", errors="replace"))  # noqa: SIM115
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read(20)
            file.close()
            if holder or time.monotonic() > waited_until:
                raise _is_held(folder, argument, holder) from None
            stopping.check()
            time.sleep(0.01)
            continue
        # Not the file of a run that was archived, or of a folder that was removed, since it was opened.
        if Lock(folder, file).is_in_place():
            return file
        file.close()


def _is_held(folder: str, argument: str, holder: str) -> UserError:
    advice = f"wait for it, stop it, or choose another {{{argument}}}"
    if not holder.isdecimal():
        return UserError(f"{argument} {folder}: another process holds its {LOCK_FILE}", advice)
    if not os.path.exists(f"/proc/{holder}") and os.path.exists("/proc/self"):
        return UserError(f"{argument} {folder}: a process that process {holder} started holds its {LOCK_FILE}", advice)
    return UserError(f"{argument} {folder}: process {holder} is training there", advice)
