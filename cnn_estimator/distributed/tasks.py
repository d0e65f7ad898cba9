"""A task of a cluster as a process: its server, and how the other tasks notice that it is gone."""

import math
import os
import socket
import threading
import time
import urllib.request
from collections.abc import Callable, Iterable
from concurrent.futures import Future, wait

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
_CLOSE_SECONDS = 5.0  # how long training may take to end after its session is closed


def start_server(task: Task, session_config: tf.ConfigProto) -> None:
    """Starts the server of a task, which runs as long as the process. A second call for the same task does nothing.

    Raises:
      UserError: the server cannot listen.
    """
    try:
        estimator_training.start_server(task.cluster, task.job, task.index, session_config)
    except OSError as error:
        raise UserError(
            f"TF_CONFIG gives this task the address {task.address}, where it cannot listen: {_reason(error)}",
            "end the process that listens there, or name another port",
        ) from error


def _reason(error: OSError) -> str | None:
    return os.strerror(error.errno) if error.errno else error.strerror


def listens(address: str) -> bool:
    """Returns whether a process accepts connections at an address, HOST:PORT."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), _CONNECT_SECONDS).close()
    except OSError:
        return False
    return True


class WatchTasks(tf.train.SessionRunHook):
    """Ends the work of this task when another task is lost, or when a step does not end after a stop signal.

    Without it a step waits for a lost task until the operation times out. A context manager: the watch begins and ends
    with the `with` block. The servers of the watched tasks must run when it begins.

    Args:
      task: the task of this process.
      addresses: of the tasks to watch; this task's own address may be among them.
      chief_is_replaced: returns whether the chief has been started again. Its new process listens at the same address.

    Attributes:
      closed: whether it has ended the work.
      lost: the names of the tasks that are gone.
    """

    def __init__(
        self, task: Task, addresses: Iterable[str], chief_is_replaced: Callable[[], bool] = lambda: False
    ) -> None:
        self._task = task
        self._chief_is_replaced = chief_is_replaced
        self._silent_since: dict[str, float] = {}
        self._others = [address for address in addresses if address != task.address]
        self._session: tf.Session | None = None
        self._run_began = math.inf
        self._ended = threading.Event()
        self.closed = False
        self.lost = ""

    def __enter__(self) -> "WatchTasks":
        self._run_began = time.monotonic()
        threading.Thread(target=self._watch, daemon=True).start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._ended.set()

    def call(self, work: Callable[[], None]) -> None:
        """Calls work(), which trains with this hook. What work() raises is raised.

        TensorFlow may wait for a lost task although the session is closed, or before there is a session. So work() runs
        in another thread, which is then left alone.

        Raises:
          CancelledError: the watch has ended the work, and work() does not return or finds its session closed.
        """
        done: Future[None] = Future()

        def run() -> None:
            try:
                work()
            except BaseException as error:
                done.set_exception(error)
            else:
                done.set_result(None)

        threading.Thread(target=run, daemon=True).start()
        try:
            while not (done.done() or self.closed):
                wait([done], _WATCH_SECONDS)
        finally:
            if not done.done():  # also after Ctrl-C in a program without the commands' signal handlers
                self._close()
        if self._session:
            wait([done], _CLOSE_SECONDS)
        if not done.done():
            raise tf.errors.CancelledError(None, None, "the work does not end")
        try:
            done.result()
        except RuntimeError as error:
            if not self.closed:
                raise
            raise tf.errors.CancelledError(None, None, str(error)) from error  # TensorFlow's for a closed session

    def after_create_session(self, session: tf.Session, coord: tf.train.Coordinator) -> None:
        self._session = session
        self._run_began = math.inf
        if self.closed:
            raise tf.errors.CancelledError(None, None, "the session came too late")

    def before_run(self, run_context: tf.train.SessionRunContext) -> None:
        self._run_began = time.monotonic()

    def after_run(self, run_context: tf.train.SessionRunContext, run_values: tf.train.SessionRunValues) -> None:
        self._run_began = math.inf

    def _watch(self) -> None:
        stop_seen = math.inf
        while not self._ended.wait(_WATCH_SECONDS):
            now = time.monotonic()
            for address in self._others:
                if listens(address):
                    self._silent_since.pop(address, None)
                else:
                    self._silent_since.setdefault(address, now)
            silent = [address for address, since in self._silent_since.items() if now - since > MAX_SILENT_SECONDS]
            if self._chief_is_replaced():
                silent.append(self._task.chief_address)
            self.lost = " and ".join(map(self._task.name_of, silent))
            if stopping.requested():
                stop_seen = min(stop_seen, now)
            if self.lost or now - max(self._run_began, stop_seen) > MAX_STOP_SECONDS:
                self._close()
                return

    def _close(self) -> None:
        self.closed = True
        if self._session:
            threading.Thread(target=self._session.close, daemon=True).start()  # it may wait for a lost task


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
