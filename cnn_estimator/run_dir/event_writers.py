"""TensorFlow's writers of event files, which it keeps open for as long as a process lives."""

import os

from cnn_estimator.tf1 import tf


def renew(folder: str) -> None:
    """Has the writer for a folder begin a new file, if this process has one and its file was moved or removed."""
    writer = tf.summary.FileWriterCache._cache.get(folder)
    if writer and not os.path.exists(writer.event_writer._ev_writer.FileName()):
        writer.close()
        writer.reopen()
