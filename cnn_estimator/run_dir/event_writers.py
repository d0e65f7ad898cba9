"""TensorFlow's writers of event files, which it keeps open for as long as a process lives."""

import os

from cnn_estimator.tf1 import tf


def writer(folder: str) -> tf.summary.FileWriter:
    """Returns the writer for a folder that Estimator uses; it begins a new file if its own was moved or removed."""
    found = tf.summary.FileWriterCache.get(folder)
    if not os.path.exists(found.event_writer._ev_writer.FileName()):
        found.close()
        found.reopen()
    return found
