"""What a full or unwritable disk raises becomes the user's error. Imports no TensorFlow."""

import contextlib

from cnn_estimator.errors import UserError


@contextlib.contextmanager
def writing(what):
    """Turns the errors of writing to `what`, a folder's part in the work and its name, into a UserError."""
    try:
        yield
    except OSError as error:
        raise cannot_be_written(what, error.strerror) from error


def cannot_be_written(what, trouble):
    """Returns the UserError."""
    return UserError(f"{what} cannot be written: {trouble}. Mend that, or choose another")
