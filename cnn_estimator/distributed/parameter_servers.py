"""Clusters with parameter servers: who is there, and when each task ends.

The chief and the workers train each at their own pace, on variables that the parameter servers hold. Each parameter
server also holds which of them have left, so that it knows when it is not needed any more.
"""

import contextlib
import functools
import logging
import threading
import time
from collections.abc import Callable, Iterator

import numpy as np

from cnn_estimator import model, stopping
from cnn_estimator.distributed import multi_worker
from cnn_estimator.distributed.multi_worker import LOST
from cnn_estimator.distributed.tf_config import Task
from cnn_estimator.errors import TaskLost
from cnn_estimator.run_dir import checkpoints, evaluations
from cnn_estimator.run_dir.evaluations import EvaluationRecord
from cnn_estimator.run_dir.run import RunDir
from cnn_estimator.settings import Settings
from cnn_estimator.tf1 import tf
from cnn_estimator.tf1.estimator_training import without_recovery

log = logging.getLogger("cnn_estimator")

_POLL_SECONDS = 0.5
_WATCH_SECONDS = 1.0  # between two looks of a training task at the others
_GRACE_SECONDS = 15.0  # for the workers to leave after the chief
_CLOSE_SECONDS = 3.0  # for a session to close


def is_finished(run: RunDir, max_steps: int | None, patience: int | None) -> bool:
    """Returns whether the run in a model_dir has come to its end, at a last step or by an early stop.

    Args:
      max_steps: the global step to train to; None where it is not known, so that a run is never finished.
    """
    step = checkpoints.reached_step(run.path)
    if max_steps is None or step is None:
        return False
    if step >= max_steps:
        return True
    if run.last_goal() != max_steps:
        return False
    records = evaluations.read(run.path, last_step=step)
    return patience is not None and evaluations.out_of_patience(records, patience)


class ChiefWatch:
    """Notes when the chief was last seen.

    Args:
      timeout: for how many seconds it may be away.
      finished: returns whether the run is, so that it will not come back.
    """

    def __init__(self, task: Task, timeout: float, finished: Callable[[], bool]) -> None:
        self._task, self._timeout, self._finished = task, timeout, finished
        self._seen = self._looked = time.monotonic()

    def is_over(self) -> bool:
        """Returns whether the chief is gone after its work; raises TaskLost where it was away for too long."""
        now = time.monotonic()
        if now - self._looked < _WATCH_SECONDS:
            return False
        self._looked = now
        if multi_worker.listens(self._task.chief_address):
            self._seen = time.monotonic()
            return False
        if self._finished():
            return True
        if time.monotonic() - self._seen > self._timeout:
            raise _away(self._task, self._timeout)
        return False


def wait_for_plan(task: Task, timeout: float, finished: Callable[[], bool]) -> str | None:
    """Returns the text of the chief, which it gives once the variables are there; None where the run is finished.

    Raises:
      TaskLost: the chief did not give it in time.
      Stopped: a stop signal came meanwhile.
    """
    log.info("waiting for the chief at %s", task.chief_address)
    watch, deadline = ChiefWatch(task, timeout, finished), time.monotonic() + timeout
    while not watch.is_over():
        stopping.check()
        if (text := multi_worker.told(task)) is not None:
            return text
        if time.monotonic() > deadline:
            raise _away(task, timeout)
        time.sleep(_POLL_SECONDS)
    return None


def _away(task: Task, timeout: float) -> TaskLost:
    return TaskLost(f"the chief at {task.chief_address} did not answer for {timeout:g} s", multi_worker.WAIT_LONGER)


class _Leavers:
    """Which of the tasks that train have left, in the memory of one parameter server."""

    def __init__(self, task: Task, index: int) -> None:
        device = f"/job:ps/task:{index}"
        with tf.Graph().as_default() as graph:
            handles = _handles(task, device)
            self._left = [tf.raw_ops.VarIsInitializedOp(resource=handle) for handle in handles]
            self._leave = [tf.raw_ops.AssignVariableOp(resource=handle, value=True) for handle in handles]
            self._join = [tf.raw_ops.DestroyResourceOp(resource=handle) for handle in handles]
        self._session = multi_worker.session_on(task.parameter_servers[index], device, graph)

    def __enter__(self) -> "_Leavers":
        return self

    def __exit__(self, *exception: object) -> None:
        with contextlib.suppress(*LOST):
            self._session.close()

    def left(self) -> list[bool]:
        """Returns for each position whether its task has left."""
        return [bool(left) for left in self._session.run(self._left)]

    def join(self, position: int) -> None:
        self._session.run(self._join[position])

    def leave(self, position: int) -> None:
        self._session.run(self._leave[position])


def _handles(task: Task, device: str) -> list[tf.Tensor]:
    # Outside all devices that were chosen before: Estimator spreads variables over the parameter servers.
    with tf.device(None), tf.device(f"{device}/cpu:0"):
        return [multi_worker.variable(f"left_{position}", tf.bool) for position in range(task.workers)]


def serve(task: Task, timeout: float, finished: Callable[[], bool]) -> None:
    """Holds variables as a parameter server, until the chief has come to the end of the run and the workers have left.

    Raises:
      TaskLost: the chief was away for longer than `timeout`.
      UserError: this task cannot listen.
      Stopped: a stop signal came.
    """
    multi_worker.start_server(task, tf.ConfigProto(device_count={"GPU": 0}))
    log.info("the %s holds variables at %s", task, task.address)
    watch = ChiefWatch(task, timeout, finished)
    ended, left = None, [False]
    with _Leavers(task, task.index) as leavers:
        while True:
            stopping.check()
            with contextlib.suppress(*LOST):  # this process may have been stalled for a while
                left = leavers.left()
            if left[0]:
                ended = ended or time.monotonic()
                if all(left) or time.monotonic() - ended > _GRACE_SECONDS:
                    return
            elif watch.is_over():
                return
            time.sleep(_POLL_SECONDS)


class Member(tf.train.SessionRunHook):
    """The part in a cluster of a task that trains: the chief or a worker. Also its hook.

    Args:
      timeout: how many seconds it waits for others.
      finished: returns whether the run is, as its model_dir has it.

    Attributes:
      plan: the text that the chief tells the others once the variables are there. To be set before it trains.
    """

    def __init__(self, task: Task, timeout: float, finished: Callable[[], bool]) -> None:
        self._task, self._timeout, self._finished = task, timeout, finished
        self._server_runs = False
        self._losing_since: float | None = None
        self._stepped = False
        self._watch = ChiefWatch(task, timeout, finished)
        self._looked = 0.0
        self.plan: str | None = None

    @property
    def device_filters(self) -> list[str]:
        """For its sessions: with these it neither waits for the other tasks that train nor is stopped by them."""
        own = "/job:chief" if self._task.is_chief else f"/job:worker/task:{self._task.index}"
        return ["/job:ps", own]

    def own_seed(self, settings: Settings) -> int:
        """Returns the seed of this task's shuffle and dropout: each task that trains has another one."""
        if self._task.is_chief:
            return settings.seed
        sequence = np.random.SeedSequence((settings.seed, self._task.position))
        return int(sequence.generate_state(1)[0]) >> 1

    def join(self, session_config: tf.ConfigProto) -> None:
        """Returns when all parameter servers know that this task trains.

        Raises:
          TaskLost: one did not answer in time.
          Stopped: a stop signal came meanwhile.
        """
        if not self._server_runs:
            multi_worker.start_server(self._task, session_config)
            self._server_runs = True
        for index, address in enumerate(self._task.parameter_servers):
            log.info("waiting for ps %d at %s", index, address)
            multi_worker.wait_for(
                functools.partial(self._tell, index, _Leavers.join),
                self._timeout,
                functools.partial("ps {} at {} did not answer".format, index, address),
            )

    def leave(self) -> None:
        """Tells the parameter servers, as far as they run, that this task has left."""
        for index in range(len(self._task.parameter_servers)):
            if not self._tell(index, _Leavers.leave):
                log.warning("ps %d at %s does not answer", index, self._task.parameter_servers[index])

    def _tell(self, index: int, what: Callable[[_Leavers, int], None]) -> bool:
        """Returns whether a parameter server has taken notice."""
        with contextlib.suppress(*LOST), _Leavers(self._task, index) as leavers:
            what(leavers, self._task.position)
            return True
        return False

    def wait_for_plan(self) -> str | None:
        """Returns the text of the chief, in a worker; None where the run is finished.

        Raises as the function of that name does.
        """
        self.plan = wait_for_plan(self._task, self._timeout, self._finished)
        return self.plan

    def wait_for_end(self) -> bool:
        """Returns True once the run is finished, False once the chief has begun anew, in a worker that has trained.

        Raises:
          TaskLost: the chief was away for too long.
          Stopped: a stop signal came.
        """
        watch = ChiefWatch(self._task, self._timeout, self._finished)
        while not watch.is_over():
            stopping.check()
            with contextlib.suppress(*LOST), _Leavers(self._task, 0) as leavers:
                if leavers.left()[0]:
                    break
            if multi_worker.told(self._task) not in (None, self.plan):
                return False
            time.sleep(_POLL_SECONDS)
        return True

    @contextlib.contextmanager
    def training(self) -> Iterator[None]:
        """Has a lost parameter server end training with one of multi_worker.LOST, with which `lost` goes on."""
        self._stepped = False
        self._watch = ChiefWatch(self._task, self._timeout, self._finished)
        with without_recovery():
            yield

    def lost(self, error: Exception) -> None:
        """Notes that training ended because a parameter server was lost; raises TaskLost if that goes on for long."""
        log.debug("%s", error)
        gone = [
            f"ps {index} at {address}"
            for index, address in enumerate(self._task.parameter_servers)
            if not multi_worker.listens(address)
        ]
        names = " and ".join(gone) or "a parameter server"
        if self._stepped or self._losing_since is None:
            self._losing_since = time.monotonic()
        elif time.monotonic() - self._losing_since > self._timeout:
            raise TaskLost(
                f"{names} was lost again and again for {self._timeout:g} s, or did not answer",
                "look at what it says, and start it again",
            )
        log.warning("%s was lost: training goes on from the last checkpoint when it is back", names)
        if self._task.is_chief:
            multi_worker.withdraw(self._task)
        time.sleep(_POLL_SECONDS)

    def begin(self) -> None:
        self._left = tf.raw_ops.VarIsInitializedOp(resource=_handles(self._task, "/job:ps/task:0")[0])

    def after_create_session(self, session: tf.Session, coord: tf.train.Coordinator) -> None:
        session.close = functools.partial(_close, session, session.close)
        if self._task.is_chief:
            assert self.plan
            multi_worker.agree(self._task, self.plan, self._timeout, wait=False)

    def after_run(self, run_context: tf.train.SessionRunContext, run_values: tf.train.SessionRunValues) -> None:
        self._stepped = True
        if self._task.is_chief or time.monotonic() - self._looked < _WATCH_SECONDS:
            return
        self._looked = time.monotonic()
        if run_context.session.run(self._left) or self._watch.is_over():
            run_context.request_stop()


def _close(session: tf.Session, close: Callable[[], None]) -> None:
    """Closes a session, or has it closed later: it waits for ever for a parameter server that is lost."""
    session.close = lambda: None  # it is called again when Python ends, and no thread starts then
    closing = threading.Thread(target=close, daemon=True)
    closing.start()
    closing.join(_CLOSE_SECONDS)


class StopEarly(tf.train.SessionRunHook):
    """Ends training when the evaluator has found nothing better for too long.

    Attributes:
      stopped_early: whether it did.
      records: what the evaluator had found at the last look.
    """

    def __init__(self, run: RunDir, patience: int) -> None:
        self._run, self._patience = run, patience
        self._looked = 0.0
        self.records: list[EvaluationRecord] = []
        self.stopped_early = False

    def before_run(self, run_context: tf.train.SessionRunContext) -> tf.train.SessionRunArgs:
        return tf.train.SessionRunArgs(tf.train.get_global_step())

    def after_run(self, run_context: tf.train.SessionRunContext, run_values: tf.train.SessionRunValues) -> None:
        if time.monotonic() - self._looked < _WATCH_SECONDS:
            return
        self._looked = time.monotonic()
        self.records = evaluations.read(self._run.path, last_step=int(run_values.results))
        if evaluations.out_of_patience(self.records, self._patience):
            self.stopped_early = True
            run_context.request_stop()


def shared_model_fn(
    features: dict[str, tf.Tensor], labels: tf.Tensor, mode: str, params: Settings, config: tf.estimator.RunConfig
) -> tf.estimator.EstimatorSpec:
    """model.model_fn for the tasks of a cluster with parameter servers."""
    spec = model.model_fn(features, labels, mode, params)
    # Not sharded, which is Estimator's own: each parameter server would write its variables by itself.
    saver = tf.train.Saver(
        sharded=False, max_to_keep=config.keep_checkpoint_max, defer_build=True, save_relative_paths=True
    )
    tf.add_to_collection(tf.GraphKeys.SAVERS, saver)
    step = tf.train.get_global_step()
    # On the step's own parameter server: elsewhere it would be what was sent before.
    with tf.control_dependencies([spec.train_op]), tf.colocate_with(step):
        tf.identity(step.read_value(), name=model.REACHED_STEP)
    if config.is_chief:
        return spec
    # A worker begins when the chief says that the variables are there. By itself it would look for them, and where they
    # are not there yet sleep for 30 seconds.
    nothing = tf.constant([], tf.string)
    return spec._replace(scaffold=tf.train.Scaffold(ready_op=nothing, ready_for_local_init_op=nothing))
