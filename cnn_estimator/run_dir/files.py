"""Atomic writes, and full or unwritable disks as errors of the user. Imports no TensorFlow."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from typing import IO, Any

from cnn_estimator.errors import UserError


@contextlib.contextmanager
def writing(what: str) -> Iterator[None]:
    """Turns the errors of writing to `what`, for example "model_dir /tmp/fashion", into a UserError."""
    try:
        yield
    except OSError as error:
        raise cannot_be_written(what, error.strerror or str(error)) from error


@contextlib.contextmanager
def atomic_write(path: str, mode: str = "w") -> Iterator[IO[Any]]:
    """Yields a file that replaces `path` once it is complete; on an error `path` stays as it was."""
    part = f"{path}.new"
    try:
        with open(part, mode, encoding=None if "b" in mode else "utf-8") as file:
            yield file
        os.replace(part, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.remove(part)
        raise


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
