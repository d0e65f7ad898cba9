"""What a full or unwritable disk raises becomes the user's error. Imports no TensorFlow."""

import contextlib
import os

from cnn_estimator.errors import UserError


@contextlib.contextmanager
def writing(what):
    """Turns the errors of writing to `what`, a folder's part in the work and its name, into a UserError."""
    try:
        yield
    except OSError as error:
        raise cannot_be_written(what, error.strerror) from error


@contextlib.contextmanager
def whole(path, mode="w"):
    """Yields a file to write that takes the place of `path` once it is complete; where it fails nothing is left."""
    part = f"{path}.new"
    try:
        with open(part, mode, encoding=None if "b" in mode else "utf-8") as file:
            yield file
        os.replace(part, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.remove(part)
        raise


def nearest_folder(path):
    """Returns the nearest folder above a path that is there: where what is missing would be made."""
    folder = os.path.dirname(os.path.abspath(path))
    while not os.path.lexists(folder):
        folder = os.path.dirname(folder)
    return folder


def cannot_be_written(what, trouble):
    """Returns the UserError."""
    return UserError(f"{what} cannot be written: {trouble}. Mend that, or choose another")
