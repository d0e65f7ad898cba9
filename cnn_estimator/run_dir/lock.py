"""The lock that keeps other trainers out of a model_dir. Imports no TensorFlow."""

import contextlib
import dataclasses
import fcntl
import os
from collections.abc import Iterator
from typing import IO, Any

from cnn_estimator.errors import UserError
from cnn_estimator.files import open_nofollow, refuse_foreign
from cnn_estimator.waiting import wait_for

LOCK_FILE = "train.lock"
POLL_SECONDS = 0.01
HOLDER_WAIT_SECONDS = 2.0  # a process that has just locked the file writes its id within this time


@dataclasses.dataclass(frozen=True)
class Lock:
    """A locked folder. file: the open lock file."""

    folder: str
    file: IO[str]

    def is_in_place(self) -> bool:
        """Returns True while the folder at that path is the locked one, with its lock file."""
        try:
            status = os.stat(os.path.join(self.folder, LOCK_FILE), follow_symlinks=False)
        except (FileNotFoundError, NotADirectoryError):
            return False
        return os.path.samestat(os.fstat(self.file.fileno()), status)


@contextlib.contextmanager
def locked(folder: str, argument: str = "model_dir") -> Iterator[Lock]:
    """Yields the Lock of a folder. A missing folder is made, and removed again if it is left empty.

    The system releases the lock when the process ends, however it ends.

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
            fcntl.flock(file, fcntl.LOCK_UN)  # closing alone would leave the lock with a forked child process


def try_lock(file: IO[Any]) -> bool:
    """Locks an open file; returns False if another process holds its lock."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _open_locked(folder: str, argument: str, files: contextlib.ExitStack) -> IO[str]:
    """Returns the lock file of a folder, locked; `files` closes it."""

    def attempt() -> IO[str] | str | None:
        """Returns the locked file, or what its holder wrote into it, or None to try again."""
        descriptor = open_nofollow(os.path.join(folder, LOCK_FILE), os.O_RDWR | os.O_CREAT | os.O_APPEND)
        file = files.enter_context(open(descriptor, "a+", encoding="utf-8", errors="replace"))  # noqa: SIM115
        if not try_lock(file):
            file.seek(0)
            holder = file.read(20)
            file.close()
            return holder
        # Between opening and locking, the run may have been archived or the folder removed.
        if Lock(folder, file).is_in_place():
            return file
        file.close()
        return None

    result = wait_for(attempt, seconds=HOLDER_WAIT_SECONDS, poll_seconds=POLL_SECONDS)
    if result is None or isinstance(result, str):
        raise _is_held(folder, argument, result or "")
    return result


def _is_held(folder: str, argument: str, holder: str) -> UserError:
    """Returns the error for a folder whose lock another process holds. holder: its process id, if it wrote one."""
    advice = f"wait for it, stop it, or choose another {{{argument}}}"
    if not holder.isdecimal():
        return UserError(f"{argument} {folder}: another process holds its {LOCK_FILE}", advice)
    if not os.path.exists(f"/proc/{holder}") and os.path.exists("/proc/self"):
        return UserError(f"{argument} {folder}: a process that process {holder} started holds its {LOCK_FILE}", advice)
    return UserError(f"{argument} {folder}: process {holder} is training there", advice)
