"""One task of a cluster: what the tasks agree on, how they stop at the same step, and what a lost task looks like."""

import contextlib
import logging
import signal
import socket
import time
from collections.abc import Callable
from typing import Any, TypeVar

from cnn_estimator import stopping
from cnn_estimator.distributed.tf_config import Task
from cnn_estimator.errors import TaskLost, UserError
from cnn_estimator.model import OWN_STOP_VOTE, STOP_VOTES, STOP_VOTES_ALONE
from cnn_estimator.tf1 import estimator_training, tf

log = logging.getLogger("cnn_estimator")

# What TensorFlow raises in a cluster that has lost a task. Other errors, of a full disk for example, are not of that.
LOST = (
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.FailedPreconditionError,
    tf.errors.InternalError,
    tf.errors.UnavailableError,
)
_POLL_SECONDS = 0.2
_CALL_SECONDS = 2.0  # for the chief to answer one question
_PROBE_SECONDS = 1.0

# What to do about a task that does not come.
WAIT_LONGER = "start all tasks of the cluster within that time, or wait longer with {cluster_timeout}"

_Result = TypeVar("_Result")


def name_of(task: Task, position: int) -> str:
    """Returns what to call the training task at a position: worker 1 at HOST:PORT."""
    chiefs = len(task.cluster.get("chief", ()))
    name = "the chief" if position == 0 else f"worker {position - chiefs}"
    return f"{name} at {task.training_addresses[position]}"


def start_server(task: Task, session_config: tf.ConfigProto) -> str:
    """Starts the server of a task and returns its target, for sessions. It runs for as long as the process lives.

    Raises UserError where it cannot listen, or runs already with another configuration.
    """
    assert task.address
    try:
        return estimator_training.start_server(task.cluster, task.job, task.index, session_config)
    except ValueError as error:
        raise UserError(str(error), "train in a new process") from error
    except OSError as error:
        raise UserError(
            f"the {task} cannot listen at {task.address}: {error.strerror}",
            "end the process that does, or name another port in TF_CONFIG",
        ) from error


def agree(task: Task, content: str | None, timeout: float, *, wait: bool = True) -> str:
    """Returns the text that the chief gives, to all tasks that train.

    It is in the memory of the chief's server: a chief that was started anew has none of an earlier run's.

    Args:
      task: this process's. The chief's server must be running, the others need none.
      content: the text, in the chief; None in the others, which wait for it.
      timeout: how many seconds to wait at most.
      wait: whether the chief waits until all others have read the text, and takes it back then. A task that is started
        anew waits for the next text then. Otherwise the chief goes on at once, and the text stays.

    Raises:
      TaskLost: the chief, or another task, did not come in time.
      Stopped: a stop signal came meanwhile.
    """
    if content is None:
        with _Board(task) as board:
            return _wait_for_text(task, board, timeout)
    with _Board(task, timeout) as board:  # its own: nobody else answers, and this process may be stalled for a while
        board.write(content)
        if wait:
            _wait_for_readers(task, board, timeout)
    return content


def wait_for(ask: Callable[[], _Result | None], timeout: float, problem: Callable[[], str]) -> _Result:
    """Returns the first answer of ask() that is not empty.

    Args:
      problem: returns what did not happen, to be followed by "within N s".

    Raises:
      TaskLost: there is none in time.
      Stopped: a stop signal came meanwhile.
    """
    deadline = time.monotonic() + timeout
    while not (answer := ask()):
        stopping.check()
        if time.monotonic() > deadline:
            raise TaskLost(f"{problem()} within {timeout:g} s", WAIT_LONGER)
        time.sleep(_POLL_SECONDS)
    return answer


def told(task: Task) -> str | None:
    """Returns the text that the chief gives at this moment; None where it gives none, or is away."""
    with contextlib.suppress(*LOST), _Board(task) as board:
        return board.read()
    return None


def withdraw(task: Task) -> None:
    """Takes back what this task, the chief, gave."""
    with contextlib.suppress(*LOST), _Board(task) as board:
        board.remove()


def _wait_for_text(task: Task, board: "_Board", timeout: float) -> str:
    log.info("waiting for the chief at %s", task.chief_address)

    def read() -> str | None:
        with contextlib.suppress(*LOST):  # its server may not run yet
            return board.read()
        return None

    return wait_for(read, timeout, lambda: f"the chief at {task.chief_address} did not answer")


def _wait_for_readers(task: Task, board: "_Board", timeout: float) -> None:
    log.info("waiting for the other %d of %d tasks", task.workers - 1, task.workers)

    def missing() -> str:
        return f"{', '.join(name_of(task, position) for position in board.not_read_by())} did not come"

    wait_for(lambda: not board.not_read_by(), timeout, missing)
    board.remove()


class _Board:
    """A text in the memory of the chief's server, and which tasks have read it."""

    def __init__(self, task: Task, call_seconds: float = _CALL_SECONDS) -> None:
        self._position, others = task.position if task.trains else None, range(1, task.workers)
        device = f"/job:{'chief' if 'chief' in task.cluster else 'worker'}/task:0"
        with tf.Graph().as_default() as graph, tf.device(f"{device}/cpu:0"):
            text = variable("text", tf.string)
            readers = {position: variable(f"read_by_{position}", tf.bool) for position in others}
            self._written = tf.raw_ops.VarIsInitializedOp(resource=text)
            self._text = tf.raw_ops.ReadVariableOp(resource=text, dtype=tf.string)
            self._new_text = tf.placeholder(tf.string, [])
            self._write = tf.raw_ops.AssignVariableOp(resource=text, value=self._new_text)
            self._mark = [
                tf.raw_ops.AssignVariableOp(resource=reader, value=True)
                for position, reader in readers.items()
                if position == self._position
            ]
            self._read = {
                position: tf.raw_ops.VarIsInitializedOp(resource=reader) for position, reader in readers.items()
            }
            self._remove = [tf.raw_ops.DestroyResourceOp(resource=each) for each in (text, *readers.values())]
        self._session = session_on(task.chief_address, device, graph, call_seconds)

    def __enter__(self) -> "_Board":
        return self

    def __exit__(self, *exception: object) -> None:
        with contextlib.suppress(*LOST):
            self._session.close()

    def write(self, text: str) -> None:
        self._session.run(self._write, {self._new_text: text})

    def read(self) -> str | None:
        """Returns the text, and notes that this task has read it; None before it is there."""
        if not self._session.run(self._written):
            return None
        text = self._session.run(self._text).decode()
        self._session.run(self._mark)
        return text

    def not_read_by(self) -> list[int]:
        """Returns the positions of the tasks that have not read it, the chief's aside."""
        return [position for position, read in self._session.run(self._read).items() if not read]

    def remove(self) -> None:
        self._session.run(self._remove)


def session_on(address: str, device: str, graph: tf.Graph, call_seconds: float = _CALL_SECONDS) -> tf.Session:
    """Returns a session for short calls to one task of a cluster, on its own device."""
    # Without the filter a session waits until all tasks of the cluster run.
    config = tf.ConfigProto(device_filters=[device], operation_timeout_in_ms=round(1000 * call_seconds))
    return tf.Session(f"grpc://{address}", graph, config)


def variable(name: str, dtype: tf.DType) -> tf.Tensor:
    """Returns the handle of a scalar variable of this package, in the memory of the current device's server."""
    return tf.raw_ops.VarHandleOp(dtype=dtype, shape=[], shared_name=f"cnn_estimator/{name}")


def run_worker(
    task: Task,
    work: Callable[[Any, Callable[[Any], Any]], _Result],
    session_config: tf.ConfigProto,
    timeout: float,
) -> _Result:
    """Returns what work(strategy, of_task) returns, which trains in step with the other tasks.

    of_task(estimator) is the Estimator's copy that trains as this task.

    Args:
      session_config: with the timeout of an operation, which bounds each step.
      timeout: that, in seconds.

    Raises:
      TaskLost: another task is lost, or did not do its part in time.
    """
    strategy = tf.distribute.experimental.MultiWorkerMirroredStrategy()
    try:
        return estimator_training.run_worker(work, strategy, task.cluster, task.job, task.index, session_config)
    except LOST as error:
        log.debug("%s", error)
        raise TaskLost(
            _what_is_lost(task, timeout), "start all tasks again: they go on from the last checkpoint"
        ) from error


def _what_is_lost(task: Task, timeout: float) -> str:
    gone = [
        name_of(task, position)
        for position, address in enumerate(task.training_addresses)
        if position != task.position and not listens(address)
    ]
    if not gone:
        return f"a task of the cluster ended, or did not do its part within {timeout:g} s"
    return f"{' and '.join(gone)} ended, and the others cannot train without"


def listens(address: str) -> bool:
    """Returns whether somebody takes connections at an address, HOST:PORT."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), _PROBE_SECONDS).close()
    except OSError:
        return False
    return True


class StopTogether(tf.train.SessionRunHook):
    """Ends training at the same step in all tasks, where one of them was asked to stop.

    Last in the list of hooks: it sees what those before it asked for, and its end comes after their last save.

    Args:
      first_step: the global step to begin at. UserError is raised where TensorFlow restored another one.
      evaluate_every: after how many steps the chief evaluates, and may stop for what it found; None for never.

    Attributes:
      stopped_early: whether the chief did.
    """

    def __init__(self, *, first_step: int, evaluate_every: int | None) -> None:
        self._step = self._first_step = first_step
        self._evaluate_every = evaluate_every
        self.stopped_early = False

    def after_create_session(self, session: tf.Session, coord: tf.train.Coordinator) -> None:
        step = int(session.run(tf.train.get_global_step()))
        if step != self._first_step:
            raise UserError(
                f"this task restored step {step}, and the chief begins at step {self._first_step}",
                "have all tasks train in one {model_dir}, on a disk that they share",
            )

    def before_run(self, run_context: tf.train.SessionRunContext) -> tf.train.SessionRunArgs:
        return tf.train.SessionRunArgs(f"{STOP_VOTES}:0", {f"{OWN_STOP_VOTE}:0": float(bool(stopping.requested()))})

    def after_run(self, run_context: tf.train.SessionRunContext, run_values: tf.train.SessionRunValues) -> None:
        self._step += 1
        if run_values.results:
            if not stopping.requested():
                log.warning("another task of the cluster was asked to stop")
                stopping.request(signal.SIGTERM)
            run_context.request_stop()
        elif self._chief_evaluated() and self._exchange(run_context.session, vote=run_context.stop_requested):
            self.stopped_early = True
            run_context.request_stop()

    def _chief_evaluated(self) -> bool:
        """Whether it did after this step. What it voted for must not wait for the next one."""
        return self._evaluate_every is not None and self._step % self._evaluate_every == 0

    def end(self, session: tf.Session) -> None:
        self._exchange(session, vote=False)  # when the chief has saved

    def _exchange(self, session: tf.Session, *, vote: bool) -> bool:
        """Returns whether a task votes to stop; waits for all of them."""
        return bool(session.run(f"{STOP_VOTES_ALONE}:0", {f"{OWN_STOP_VOTE}:0": float(vote)}))
