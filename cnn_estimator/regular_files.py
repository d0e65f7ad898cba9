"""Reading files that may be anything. Imports no TensorFlow."""

import errno
import os
import stat
from typing import IO


def open_regular(path: str) -> IO[bytes]:
    """Opens a file to read bytes. Raises OSError for what is not a regular file: a pipe would be waited for."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a regular file", path)
    return open(descriptor, "rb")
