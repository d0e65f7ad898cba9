"""Reading files that may be anything. Imports no TensorFlow."""

import errno
import os
import stat
from typing import IO


def open_regular(path: str) -> IO[bytes]:
    """Opens a file to read bytes. Raises OSError for what is not a regular file: a pipe would be waited for."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return open(descriptor, "rb")
    os.close(descriptor)
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    raise OSError(errno.EINVAL, "not a regular file", path)
