"""A task of a cluster as a process: its server, and how the other tasks notice that it is gone."""

import math
import os
import socket
import threading
import time
import urllib.request
from collections.abc import Iterable

from cnn_estimator import stopping
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
MAX_SILENT_SECONDS = 10.0  # after which a task that does not listen is lost
MAX_STOP_SECONDS = 15.0  # how long a step may last after a stop signal
_CONNECT_SECONDS = 1.0
_WATCH_SECONDS = 1.0


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


class WatchTasks(tf.train.SessionRunHook):
    """Closes the session when another task is lost, or when a step does not end after a stop signal.

    Without it a step waits for a lost task until the operation times out. A context manager: the watch ends with the
    `with` block.

    Attributes:
      closed: whether it has closed the session.
      lost: the names of the tasks that do not listen any more.
    """

    def __init__(self, task: Task, addresses: Iterable[str]) -> None:
        self._task = task
        self._silent_since: dict[str, float] = {}
        self._others = [address for address in addresses if address != task.address]
        self._run_began = math.inf
        self._ended = threading.Event()
        self.closed = False
        self.lost = ""

    def __enter__(self) -> "WatchTasks":
        return self

    def __exit__(self, *exception: object) -> None:
        self._ended.set()

    def after_create_session(self, session: tf.Session, coord: tf.train.Coordinator) -> None:
        threading.Thread(target=self._watch, args=(session,), daemon=True).start()

    def before_run(self, run_context: tf.train.SessionRunContext) -> None:
        self._run_began = time.monotonic()

    def after_run(self, run_context: tf.train.SessionRunContext, run_values: tf.train.SessionRunValues) -> None:
        self._run_began = math.inf

    def _watch(self, session: tf.Session) -> None:
        stop_seen = math.inf
        while not self._ended.wait(_WATCH_SECONDS):
            now = time.monotonic()
            for address in self._others:
                if listens(address):
                    self._silent_since.pop(address, None)
                else:
                    self._silent_since.setdefault(address, now)
            silent = [address for address, since in self._silent_since.items() if now - since > MAX_SILENT_SECONDS]
            self.lost = " and ".join(map(self._task.name_of, silent))
            if stopping.requested():
                stop_seen = min(stop_seen, now)
            if self.lost or now - max(self._run_began, stop_seen) > MAX_STOP_SECONDS:
                self.closed = True
                session.close()
                return


def explain_silence(address: str) -> str:
    """Returns why a task at an address cannot be reached, as the end of an error: "" where the reason is not known."""
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    try:
        socket.getaddrinfo(host, int(port))
    except socket.gaierror:
        return f", and the name {host} does not resolve"
    proxies = [name for name in ("grpc_proxy", "https_proxy", "http_proxy") if os.environ.get(name)]
    if proxies and not urllib.request.proxy_bypass(host):
        return f", and {proxies[0]} leads connections to it through a proxy: add {host} to no_proxy"
    return ""


def silent_tasks(task: Task, addresses: Iterable[str]) -> str:
    """Returns the names of the other tasks at these addresses that accept no connection; "" if all of them do."""
    return " and ".join(
        task.name_of(address) for address in addresses if address != task.address and not listens(address)
    )
