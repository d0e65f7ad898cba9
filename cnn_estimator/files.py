"""Writing on disks that are full, unwritable, shared with others, or lose power. Imports no TensorFlow."""

import contextlib
import errno
import os
import pwd
import secrets
import stat
import tempfile
from collections.abc import Iterator
from typing import IO, Any, BinaryIO

from cnn_estimator.errors import UserError

UNFINISHED_PREFIX = ".cnn_estimator-unfinished-"  # of what atomic_write leaves where its process is killed


@contextlib.contextmanager
def writing(what: str) -> Iterator[None]:
    """Turns the errors of writing to `what`, for example "model_dir /tmp/fashion", into a UserError."""
    try:
        yield
    except OSError as error:
        raise cannot_be_written(what, error.strerror or str(error)) from error


@contextlib.contextmanager
def atomic_write(path: str, mode: str = "w") -> Iterator[IO[Any]]:
    """Yields a file that replaces `path` once it is complete and on the disk; on an error `path` stays as it was."""
    folder = os.path.dirname(path) or "."
    part = os.path.join(folder, f"{UNFINISHED_PREFIX}{secrets.token_hex(8)}")  # a name that nobody else uses
    encoding = None if "b" in mode else "utf-8"
    try:
        with open(part, mode.replace("w", "x"), encoding=encoding) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.remove(part)
        raise
    sync(folder)


def open_own(path: str, flags: int) -> int:
    """Returns os.open(path, flags), for a regular file that is not a symbolic link; raises OSError for others.

    In a folder that others can write to, a link would make this process change a file that they choose.
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


def append_line(path: str, line: str) -> None:
    """Adds a line to a text file. A last line that is cut off, as by a power failure, stays a line of its own."""
    with open(open_own(path, os.O_RDWR | os.O_CREAT | os.O_APPEND), "ab+") as file:
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
    """Raises PermissionError for somebody else's folder below a folder that everybody may write to, such as /tmp.

    Its owner may have made it for this process to write to, and can exchange each file in it for a link.
    """
    path = os.path.abspath(folder)
    for status in (os.lstat(path), os.stat(path)):
        if status.st_uid in (0, os.geteuid()):
            continue
        while path != os.path.dirname(path):
            path = os.path.dirname(path)
            if os.stat(path).st_mode & stat.S_IWOTH:
                owner = _user_name(status.st_uid)
                raise PermissionError(errno.EPERM, f"it belongs to {owner}, and everybody can write to {path}")


def _user_name(number: int) -> str:
    try:
        return f"user {pwd.getpwuid(number).pw_name}"
    except KeyError:
        return f"user {number}"


def write_probe(folder: str, size: int = 2**20) -> None:
    """Raises OSError unless a file of `size` bytes can be written in a folder."""
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(bytes(size))


def nearest_folder(path: str) -> str:
    """Returns the nearest existing folder above a path, in which the missing ones would be made."""
    folder = os.path.dirname(os.path.abspath(path))
    while not os.path.lexists(folder):
        folder = os.path.dirname(folder)
    return folder


def cannot_be_written(what: str, reason: object) -> UserError:
    """Returns the error for what cannot be written, and why."""
    return UserError(f"{what} cannot be written: {reason}", "fix that, or choose another")


def open_regular(path: str) -> BinaryIO:
    """Opens a file to read its bytes, and never waits: a named pipe would, for somebody who writes into it.

    Raises:
      OSError: it cannot be opened, or is something else than a regular file.
    """
    file = open(path, "rb", opener=_open_at_once)  # noqa: SIM115  for the caller to close
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError(errno.EINVAL, "not a regular file", path)
    return file


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)
