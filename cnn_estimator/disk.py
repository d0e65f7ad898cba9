"""What a full or unwritable disk raises, in Python and in TensorFlow, becomes the user's error."""

import contextlib
import errno
import os

from cnn_estimator.errors import UserError
from cnn_estimator.tf1 import tf

# How TensorFlow's messages end: its error classes say less. A file too large is OutOfRangeError, as the end of data is.
_TROUBLES = [
    os.strerror(number)
    for number in (
        errno.ENOSPC,
        errno.EDQUOT,
        errno.EFBIG,
        errno.EROFS,
        errno.EACCES,
        errno.EPERM,
        errno.ENOENT,
        errno.ENOTDIR,
        errno.EISDIR,
        errno.EIO,
    )
]


@contextlib.contextmanager
def writing(what):
    """Turns the errors of writing to `what`, a folder's part in the work and its name, into a UserError."""
    try:
        yield
    except OSError as error:
        raise _cannot_be_written(what, error.strerror) from error
    except tf.errors.OpError as error:
        for trouble in _TROUBLES:
            if trouble in str(error):
                raise _cannot_be_written(what, trouble) from error
        raise


def _cannot_be_written(what, trouble):
    return UserError(f"{what} cannot be written: {trouble}. Mend that, or choose another")
