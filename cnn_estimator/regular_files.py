"""Opens files that may be anything, as long as it is an ordinary file. Imports no TensorFlow."""

import errno
import os
import stat
from typing import BinaryIO


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
