"""Reads and writes files on disks that are full, unwritable, shared with others, or lose power.

Imports no TensorFlow.
"""

import contextlib
import errno
import os
import secrets
import stat
import tempfile
from collections.abc import Iterator
from typing import IO, Any

from cnn_estimator.errors import UserError

UNFINISHED_PREFIX = ".cnn_estimator-unfinished-"  # of the files that a killed process leaves in atomic_write


@contextlib.contextmanager
def reading(what: str) -> Iterator[None]:
    """Turns an OSError of reading `what`, for example "model_dir /tmp/fashion", into a UserError."""
    try:
        yield
    except OSError as error:
        raise UserError(f"{what} cannot be read: {error.strerror or error}") from error


@contextlib.contextmanager
def writing(what: str) -> Iterator[None]:
    """Turns an OSError of writing `what`, for example "model_dir /tmp/fashion", into a UserError."""
    try:
        yield
    except OSError as error:
        raise cannot_be_written(what, error.strerror or error) from error


def cannot_be_written(what: str, reason: object) -> UserError:
    """Returns the error that says what cannot be written, and why."""
    return UserError(f"{what} cannot be written: {reason}", "fix that, or choose another")


def try_to_write(folder: str) -> None:
    """Raises OSError if a file of 1 MB cannot be written into a folder. The file is removed."""
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(bytes(2**20))


def read_if_exists(path: str) -> bytes | None:
    """Returns the content of a file, or None where there is no file; raises UserError if it cannot be read."""
    with reading(path), contextlib.suppress(FileNotFoundError, NotADirectoryError), open(path, "rb") as file:
        return file.read()
    return None


@contextlib.contextmanager
def atomic_write(path: str, mode: str = "w") -> Iterator[IO[Any]]:
    """Yields a file that replaces `path` once it is complete and on the disk; on an error `path` stays as it was."""
    folder = os.path.dirname(path) or "."
    unfinished = os.path.join(folder, f"{UNFINISHED_PREFIX}{secrets.token_hex(8)}")  # a name that nobody else uses
    encoding = None if "b" in mode else "utf-8"
    try:
        with open(unfinished, mode.replace("w", "x"), encoding=encoding) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.remove(unfinished)
        raise
    sync(folder)


def sync(path: str) -> None:
    """Returns when a file's content, or a folder's list of names, is on the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some file systems do not sync folders
            raise
    finally:
        os.close(descriptor)


def refuse_foreign(folder: str) -> None:
    """Raises PermissionError for another user's folder, or link, in a folder such as /tmp where everybody may write.

    That user could replace each file in it by a link to a file of this user.
    """
    path = os.path.abspath(folder)
    parent = os.path.dirname(path)
    owner = os.lstat(path).st_uid
    if owner not in (0, os.geteuid()) and os.stat(parent).st_mode & stat.S_IWOTH:
        raise PermissionError(errno.EPERM, f"it belongs to user {owner}, and everybody can write to {parent}")


def nearest_folder(path: str) -> str:
    """Returns the nearest existing folder above a path; missing folders would be made there."""
    folder = os.path.dirname(os.path.abspath(path))
    while not os.path.lexists(folder):
        folder = os.path.dirname(folder)
    return folder
