"""One task of a cluster: what the tasks agree on, how they stop at the same step, and what a lost task looks like."""

import contextlib
import logging
import socket
import time
from collections.abc import Iterator

from cnn_estimator import stopping
from cnn_estimator.cluster_config import Task
from cnn_estimator.errors import UserError
from cnn_estimator.tf1 import tf

log = logging.getLogger("cnn_estimator")

# Of a cluster that has lost a task. Others, of a full disk for example, are not the cluster's.
_LOST = (
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.FailedPreconditionError,
    tf.errors.InternalError,
    tf.errors.UnavailableError,
)
_PROBE_SECONDS = 1.0
_POLL_SECONDS = 0.2


def agree(task: Task, content: str | None, timeout: float) -> str:
    """Returns the text that the chief gives, to all tasks of the cluster.

    It is in the memory of the chief's server, so that a chief that was started anew has none of an earlier run's.

    Args:
      task: this process's. The chief's server must be running, the others need none.
      content: the text, in the chief; None in the others, which wait for it.
      timeout: how many seconds to wait.

    Raises:
      UserError: the chief did not answer in time.
      Stopped: a stop signal came meanwhile.
    """
    with _shared_text(task) as shared:
        if content is not None:
            shared.write(content)
            return content
        log.info("waiting for the chief at %s", task.chief_address)
        deadline = time.monotonic() + timeout
        while True:
            stopping.check()
            with contextlib.suppress(*_LOST):  # its server may not run yet
                if (found := shared.read()) is not None:
                    return found
            if time.monotonic() > deadline:
                raise UserError(
                    f"the chief at {task.chief_address} did not answer within {timeout:g} s",
                    "start all tasks of the cluster, the chief too, within that time, or wait longer with "
                    "{cluster_timeout}",
                )
            time.sleep(_POLL_SECONDS)


def withdraw(task: Task) -> None:
    """Takes back what the chief gave to `agree`: a task that asks from now on waits for the next text."""
    with _shared_text(task) as shared:
        shared.remove()


class _SharedText:
    """A text in the memory of the chief's server."""

    def __init__(self, task: Task, session: tf.Session) -> None:
        self._session = session
        job = "chief" if "chief" in task.cluster else "worker"
        with tf.device(f"/job:{job}/task:0/cpu:0"):
            handle = tf.raw_ops.VarHandleOp(dtype=tf.string, shape=[], shared_name="cnn_estimator_agreed")
            self._initialized = tf.raw_ops.VarIsInitializedOp(resource=handle)
            self._value = tf.raw_ops.ReadVariableOp(resource=handle, dtype=tf.string)
            self._text = tf.placeholder(tf.string, [])
            self._assign = tf.raw_ops.AssignVariableOp(resource=handle, value=self._text)
            self._destroy = tf.raw_ops.DestroyResourceOp(resource=handle)

    def write(self, text: str) -> None:
        self._session.run(self._assign, {self._text: text})

    def read(self) -> str | None:
        return self._session.run(self._value).decode() if self._session.run(self._initialized) else None

    def remove(self) -> None:
        self._session.run(self._destroy)


@contextlib.contextmanager
def _shared_text(task: Task) -> Iterator[_SharedText]:
    job = "chief" if "chief" in task.cluster else "worker"
    # Without the filter a session waits until all tasks of the cluster run.
    config = tf.ConfigProto(device_filters=[f"/job:{job}/task:0"], operation_timeout_in_ms=2000)
    with tf.Graph().as_default(), tf.Session(f"grpc://{task.chief_address}", config=config) as session:
        yield _SharedText(task, session)
