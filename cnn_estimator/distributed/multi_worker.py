"""Training in step with the other tasks of a cluster, by tf.distribute's MultiWorkerMirroredStrategy.

The chief decides what to train, and writes the model_dir. When a task is lost, all other tasks end too, and their
supervisor starts all of them again.
"""

import contextlib
import logging
import signal
from typing import Any

from cnn_estimator import stopping, waiting
from cnn_estimator.data.datasets import TrainingData
from cnn_estimator.distributed import shares, tf_config
from cnn_estimator.distributed.chief_plan import ChiefPlan
from cnn_estimator.distributed.placement import Hooks, InputFn, Local, Resolve
from cnn_estimator.distributed.shares import OWN_STOP_VOTE, STOP_VOTES, STOP_VOTES_ALONE
from cnn_estimator.distributed.tasks import LOST_ERRORS, WAIT_LONGER, silent_tasks, start_server
from cnn_estimator.distributed.tf_config import Task
from cnn_estimator.errors import TaskLost
from cnn_estimator.hardware import resolve_precision
from cnn_estimator.model_session import make_session_config
from cnn_estimator.run_dir.run import RunDir
from cnn_estimator.settings import Settings, Start, TrainOptions
from cnn_estimator.tf1 import estimator_training, tf

log = logging.getLogger("cnn_estimator")

_MAX_CALL_SECONDS = 2.0  # how long a worker waits for one answer of the chief's server


class InStep(Local):
    """The strategy multi_worker: the tasks of a cluster compute each step together, each on its share of the batch.

    Args:
      task: the task of this process.
      timeout: seconds that the tasks wait for each other, before the first step and in each step.
    """

    strategy = "multi_worker"
    model_fn = staticmethod(shares.model_fn)
    _plan: ChiefPlan  # in the workers
    _eval_every: int | None
    _stop_together: "StopTogether"

    def __init__(self, task: Task, timeout: int) -> None:
        self._task = task
        self._timeout = timeout
        self.writes = task.is_chief
        self.evaluates = task.is_chief
        self.replicas = task.workers

    def resolve_start(self, run_dir: RunDir, options: TrainOptions, resolve: Resolve) -> Start:
        """Resolves the options in the chief; returns the chief's plan in the workers.

        Raises:
          UserError: this task was started with other options than the chief.
          TaskLost: the chief did not start in time.
          Stopped: a stop signal came.
        """
        if self._task.is_chief:
            self._eval_every = options.eval_every
            return resolve(run_dir, options)
        log.info("waiting for the chief at %s", self._task.chief_address)
        with Board(self._task) as board:
            text = waiting.wait_for(board.read, seconds=self._timeout)
        if text is None:
            raise TaskLost(
                f"the chief at {self._task.chief_address} did not start within {self._timeout} s", WAIT_LONGER
            )
        self._plan = ChiefPlan.read(text)
        self._plan.check_options(options)
        self._eval_every = self._plan.eval_every
        resolve_precision(self._plan.start.settings.precision)  # this task may have another processor
        return self._plan.start_on_this_machine(options)

    def wait_until_ready(self, run_dir: RunDir, start: Start, data: TrainingData | None) -> None:
        """Publishes the chief's plan; compares this task's data and model_dir with the plan in the workers.

        Raises:
          UserError: the data or the model_dir differ.
          TaskLost: a worker did not start in time.
          Stopped: a stop signal came.
        """
        if self._task.is_chief:
            images = data.training.fingerprint() if data else None
            self._publish(ChiefPlan(start=start, eval_every=self._eval_every, data=images), start.settings)
        elif data:
            self._plan.check_data(data.training)
            self._plan.wait_for_checkpoint(run_dir.path)

    def _publish(self, plan: ChiefPlan, settings: Settings) -> None:
        """Writes the plan for the workers, and returns when all of them have read it."""
        config = make_session_config(settings.precision, settings.threads)
        config.operation_timeout_in_ms = 1000 * self._timeout
        start_server(self._task, config)
        log.info("waiting for the other %d of %d tasks", self._task.workers - 1, self._task.workers)
        # The server is in this process, which may be stalled for a while.
        with Board(self._task, self._timeout) as board:
            board.write(plan.text())
            if not waiting.wait_for(lambda: not board.unread_addresses(), seconds=self._timeout):
                missing = " and ".join(map(self._task.name_of, board.unread_addresses()))
                raise TaskLost(f"{missing} did not start within {self._timeout} s", WAIT_LONGER)
            board.clear()

    def run_config(self, **arguments: Any) -> tf.estimator.RunConfig:
        arguments["session_config"].operation_timeout_in_ms = 1000 * self._timeout
        return super().run_config(**arguments)

    def input_fn(self, input_fn: InputFn) -> InputFn:
        return shares.input_fn(input_fn)

    def hooks(self, start: Start) -> Hooks:
        self._stop_together = StopTogether(first_step=start.first_step, eval_every=self._eval_every)
        return [self._stop_together]

    def train(self, estimator: tf.estimator.Estimator, input_fn: InputFn, all_hooks: Hooks, max_steps: int) -> None:
        """Trains in step with the other tasks.

        Raises:
          TaskLost: another task was lost, or did not answer in time.
        """
        task = self._task
        start_server(task, estimator.config.session_config)
        try:
            with tf_config.hidden():
                estimator_training.train_in_step(
                    estimator,
                    tf.distribute.experimental.MultiWorkerMirroredStrategy(),
                    task.cluster,
                    task.job,
                    task.index,
                    input_fn=input_fn,
                    hooks=all_hooks,
                    max_steps=max_steps,
                )
        except LOST_ERRORS as error:
            log.debug("%s", error)
            lost = silent_tasks(task, task.training_addresses)
            problem = f"{lost} was lost" if lost else f"a task was lost, or did not answer within {self._timeout} s"
            raise TaskLost(problem, "start all tasks again: they continue from the last checkpoint") from error
        self.stopped_early = self._stop_together.stopped_early


class Board:
    """A text in the memory of the chief's server, and which workers have read it.

    The board of a chief that was started again is empty. A worker needs no server to read it.

    Args:
      task: the task of this process.
      call_seconds: seconds that one method may take.
    """

    def __init__(self, task: Task, call_seconds: float = _MAX_CALL_SECONDS) -> None:
        device = f"/job:{'chief' if 'chief' in task.cluster else 'worker'}/task:0"
        with tf.Graph().as_default() as graph, tf.device(f"{device}/cpu:0"):
            text = _variable("text", tf.string)
            others = task.training_addresses[1:]
            readers = {address: _variable(f"read_by_{address}", tf.bool) for address in others}
            self._is_written = tf.raw_ops.VarIsInitializedOp(resource=text)
            self._text = tf.raw_ops.ReadVariableOp(resource=text, dtype=tf.string)
            self._new_text = tf.placeholder(tf.string, [])
            self._write = tf.raw_ops.AssignVariableOp(resource=text, value=self._new_text)
            if not task.is_chief:
                self._mark = tf.raw_ops.AssignVariableOp(resource=readers[task.address], value=True)
            self._is_read = {address: tf.raw_ops.VarIsInitializedOp(resource=readers[address]) for address in others}
            self._clear = [tf.raw_ops.DestroyResourceOp(resource=each) for each in (text, *readers.values())]
        # Without the filter a session waits until all tasks of the cluster run.
        config = tf.ConfigProto(device_filters=[device], operation_timeout_in_ms=round(1000 * call_seconds))
        self._session = tf.Session(f"grpc://{task.chief_address}", graph, config)

    def __enter__(self) -> "Board":
        return self

    def __exit__(self, *exception: object) -> None:
        with contextlib.suppress(*LOST_ERRORS):
            self._session.close()

    def write(self, text: str) -> None:
        self._session.run(self._write, {self._new_text: text})

    def read(self) -> str | None:
        """Returns the text and marks it as read by this task; returns None while there is no text, or no server."""
        with contextlib.suppress(*LOST_ERRORS):
            if self._session.run(self._is_written):
                text = self._session.run(self._text).decode()
                self._session.run(self._mark)
                return text
        return None

    def unread_addresses(self) -> list[str]:
        """Returns the addresses of the tasks that have not read the text, without the chief's."""
        return [address for address, read in self._session.run(self._is_read).items() if not read]

    def clear(self) -> None:
        """Removes the text, so that a task that is started again waits for the next one."""
        self._session.run(self._clear)


def _variable(name: str, dtype: tf.DType) -> tf.Tensor:
    """Returns the handle of a scalar variable of this package, in the memory of the current device's server."""
    return tf.raw_ops.VarHandleOp(dtype=dtype, shape=[], shared_name=f"cnn_estimator/{name}")


class StopTogether(tf.train.SessionRunHook):
    """Ends training after the same step in all tasks when one of them has received a stop signal, or stops early.

    It must be the last hook: it sees what the hooks before it requested, and its end comes after their last save.

    Args:
      first_step: the global step to begin after.
      eval_every: steps between two evaluations by the chief, which may stop early; None for no evaluations.

    Attributes:
      stopped_early: whether the chief has stopped early.
    """

    def __init__(self, *, first_step: int, eval_every: int | None) -> None:
        self._step = first_step
        self._eval_every = eval_every
        self.stopped_early = False

    def before_run(self, run_context: tf.train.SessionRunContext) -> tf.train.SessionRunArgs:
        return tf.train.SessionRunArgs(f"{STOP_VOTES}:0", {f"{OWN_STOP_VOTE}:0": float(bool(stopping.requested()))})

    def after_run(self, run_context: tf.train.SessionRunContext, run_values: tf.train.SessionRunValues) -> None:
        self._step += 1
        if run_values.results:
            if not stopping.requested():
                log.warning("another task of the cluster was asked to stop")
                stopping.request(signal.SIGTERM)
            run_context.request_stop()
            return
        # The vote of the chief after an evaluation must not wait for the next step.
        evaluated = self._eval_every is not None and self._step % self._eval_every == 0
        if evaluated and self._exchange(run_context.session, vote=run_context.stop_requested):
            self.stopped_early = True
            run_context.request_stop()

    def end(self, session: tf.Session) -> None:
        self._exchange(session, vote=False)  # waits until the chief has saved

    def _exchange(self, session: tf.Session, *, vote: bool) -> bool:
        """Waits for the votes of all tasks; returns whether a task votes to stop."""
        return bool(session.run(f"{STOP_VOTES_ALONE}:0", {f"{OWN_STOP_VOTE}:0": float(vote)}))
