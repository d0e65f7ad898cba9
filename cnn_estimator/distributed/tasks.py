"""A task of a cluster as a process: its server, and how the other tasks notice that it is gone."""

import socket
from collections.abc import Iterable

from cnn_estimator.distributed.tf_config import Task
from cnn_estimator.errors import UserError
from cnn_estimator.tf1 import estimator_training, tf

# TensorFlow raises these errors when a task of the cluster is lost. A full disk, for example, raises another error.
LOST_ERRORS = (
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.FailedPreconditionError,
    tf.errors.InternalError,
    tf.errors.UnavailableError,
)
WAIT_LONGER = "start all tasks of the cluster within that time, or wait longer with {cluster_timeout}"
_CONNECT_SECONDS = 1.0


def start_server(task: Task, session_config: tf.ConfigProto) -> None:
    """Starts the server of a task, which runs as long as the process. A second call for the same task does nothing.

    Raises:
      UserError: the server cannot listen.
    """
    try:
        estimator_training.start_server(task.cluster, task.job, task.index, session_config)
    except OSError as error:
        raise UserError(
            f"the {task} cannot listen at {task.address}: {error.strerror}",
            "end the process that listens there, or name another port in TF_CONFIG",
        ) from error


def listens(address: str) -> bool:
    """Returns whether a process accepts connections at an address, HOST:PORT."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), _CONNECT_SECONDS).close()
    except OSError:
        return False
    return True


def silent_tasks(task: Task, addresses: Iterable[str]) -> str:
    """Returns the names of the other tasks at these addresses that accept no connection; "" if all of them do."""
    return " and ".join(
        task.name_of(address) for address in addresses if address != task.address and not listens(address)
    )
