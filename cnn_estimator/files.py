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
from typing import IO, Any, BinaryIO

from cnn_estimator.errors import UserError

UNFINISHED_PREFIX = ".cnn_estimator-unfinished-"  # of the files that a killed process leaves in atomic_write


@contextlib.contextmanager
def reading(what: str, advice: str = "") -> Iterator[None]:
    """Turns an OSError of reading `what`, for example "model_dir /tmp/fashion", into a UserError."""
    try:
        yield
    except OSError as error:
        raise UserError(f"{what} cannot be read: {error.strerror or error}", advice) from error


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


def open_regular(path: str) -> BinaryIO:
    """Opens a file to read its bytes, without waiting: opening a named pipe would wait for its writer.

    Raises:
      OSError: the file cannot be opened, or it is a pipe, a device, a socket or a folder.
    """
    file = open(path, "rb", opener=lambda path, flags: os.open(path, flags | os.O_NONBLOCK))  # noqa: SIM115  the caller closes it
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError(errno.EINVAL, "not a regular file", path)
    return file


def read_if_exists(path: str, max_bytes: int = -1) -> bytes | None:
    """Returns the content of a regular file, or its first max_bytes; None where there is no file.

    Raises:
      OSError: the file cannot be read.
    """
    try:
        with open_regular(path) as file:
            return file.read(max_bytes)
    except (FileNotFoundError, NotADirectoryError):
        return None


def open_nofollow(path: str, flags: int) -> int:
    """Returns os.open(path, flags) for a regular file that is not a symbolic link.

    In a folder that others can write to, a link would make this process change a file that they choose.

    Raises:
      OSError: the file cannot be opened, or it is a link or no regular file.
    """
    name = os.path.basename(path)
    try:
        descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o666)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise OSError(errno.ELOOP, f"{name} is a symbolic link", path) from error
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, f"{name} is not a regular file", path)
    return descriptor


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


def append_line(path: str, line: str) -> None:
    """Adds a line to a text file. A last line that a power failure cut off stays a line by itself."""
    with open(open_nofollow(path, os.O_RDWR | os.O_CREAT | os.O_APPEND), "ab+") as file:
        if file.seek(0, os.SEEK_END):
            file.seek(-1, os.SEEK_END)
            if file.read() != b"\n":
                line = f"\n{line}"
        file.write(f"{line}\n".encode())
        file.flush()
        os.fsync(file.fileno())


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


def write_probe(folder: str, size: int = 2**20) -> None:
    """Raises OSError unless a file of `size` bytes can be written in a folder."""
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(bytes(size))


def nearest_folder(path: str) -> str:
    """Returns the nearest existing folder above a path; missing folders would be made there."""
    folder = os.path.dirname(os.path.abspath(path))
    while not os.path.lexists(folder):
        folder = os.path.dirname(folder)
    return folder
