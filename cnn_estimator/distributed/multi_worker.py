"""Training in step with the other tasks of a cluster, by tf.distribute's MultiWorkerMirroredStrategy.

The chief decides what to train, and writes the model_dir. When a task is lost, all other tasks end too, and their
supervisor starts all of them again.
"""

import contextlib
import logging
import os
import secrets
import signal
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from cnn_estimator import stopping, waiting
from cnn_estimator.data.datasets import TrainingData
from cnn_estimator.distributed import shares, tf_config
from cnn_estimator.distributed.board import Board, Decision
from cnn_estimator.distributed.chief_plan import TOKEN_FILE, ChiefPlan
from cnn_estimator.distributed.placement import Hooks, InputFn, Local, Resolve
from cnn_estimator.distributed.shares import OWN_STOP_VOTE, STOP_VOTES, STOP_VOTES_ALONE
from cnn_estimator.distributed.tasks import (
    LOST_ERRORS,
    MAX_SILENT_SECONDS,
    WAIT_LONGER,
    WatchTasks,
    explain_silence,
    listens,
    silent_tasks,
    start_server,
)
from cnn_estimator.distributed.tf_config import Task
from cnn_estimator.errors import TaskLost, UserError
from cnn_estimator.files import atomic_write, writing
from cnn_estimator.hardware import resolve_precision
from cnn_estimator.model_session import make_session_config
from cnn_estimator.run_dir.run import RunDir
from cnn_estimator.settings import Settings, Start, TrainOptions
from cnn_estimator.tf1 import estimator_training, tf

log = logging.getLogger("cnn_estimator")

_Answer = TypeVar("_Answer")

_RESTART = "start all tasks again: they continue from the last checkpoint"
_MAX_DECISION_SECONDS = 30.0  # how long the chief waits until the workers have read its decision


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
        self.lock_seconds = timeout

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
                address = self._task.chief_address
                problem = f"the chief at {address} did not start within {self._timeout} s{explain_silence(address)}"
                raise TaskLost(problem, WAIT_LONGER)
            with board.refusing(self._task):
                self._plan = ChiefPlan.read(text)
                self._plan.check_cluster(self._task)
                self._plan.check_options(options)
                resolve_precision(self._plan.start.settings.precision)  # this task may have another processor
        self._eval_every = self._plan.eval_every
        return self._plan.start_on_this_machine(options)

    @contextlib.contextmanager
    def telling_errors(self) -> Iterator[None]:
        """Tells the chief about a UserError of a worker."""
        if self._task.is_chief:
            yield
            return
        with Board(self._task) as board, board.refusing(self._task):
            yield

    def wait_until_ready(self, run_dir: RunDir, start: Start, data: TrainingData | None) -> None:
        """Publishes the chief's plan; compares this task's data and model_dir with the plan in the workers.

        The servers of all tasks run when it returns, if there is something to train.

        Raises:
          UserError: the data or the model_dir differ, or another task cannot follow the plan.
          TaskLost: a task did not start in time.
          Stopped: a stop signal came.
        """
        shares.check_network(start.settings)
        if self._task.is_chief:
            token = secrets.token_hex(8)
            plan = ChiefPlan(
                start=start,
                eval_every=self._eval_every,
                data=data.training.fingerprint() if data else None,
                cluster=self._task.cluster,
                token=token,
            )
            path = os.path.join(run_dir.path, TOKEN_FILE)
            with writing(f"model_dir {run_dir.path}"), atomic_write(path) as file:
                file.write(token)
            try:
                self._publish(plan, start.settings)
            finally:
                with contextlib.suppress(FileNotFoundError):
                    os.remove(path)
            return
        lost = TaskLost(f"the chief at {self._task.chief_address} was lost", _RESTART)
        with Board(self._task) as board:
            with board.refusing(self._task):
                if data:
                    self._plan.check_data(data.training)
                try:
                    self._plan.check_model_dir(run_dir.path)
                except UserError as error:
                    if not self._chief_listens():  # a chief that ends removes its token
                        raise lost from error
                    raise
                if data:
                    self._start_server(start.settings)
            try:
                self._wait_for_chief(board.accept)
                decision = self._wait_for_chief(board.read_decision)
            except LOST_ERRORS as error:
                raise lost from error
        if decision is None:
            raise lost
        decision.check()

    def _publish(self, plan: ChiefPlan, settings: Settings) -> None:
        """Writes the plan for the workers, and returns when all of them have accepted it."""
        self._start_server(settings)
        log.info("waiting for the other %d of %d tasks", self._task.workers - 1, self._task.workers)
        # The server is in this process, which may be stalled for a while.
        with Board(self._task, self._timeout) as board:
            board.write(plan.text())
            waiting.wait_for(lambda: board.refusal() or not board.without_answer(), seconds=self._timeout)
            decision = Decision(board.refusal())
            missing = board.without_answer()
            if missing and not decision.refusal:
                names = " and ".join(map(self._task.name_of, missing))
                problem = f"{names} did not start within {self._timeout} s{explain_silence(missing[0])}"
                raise TaskLost(problem, WAIT_LONGER)
            board.decide(decision)
            waiting.wait_for(lambda: not board.without_decision(), seconds=_MAX_DECISION_SECONDS)
            board.clear()
        decision.check()

    def _wait_for_chief(self, ask: Callable[[], _Answer | None]) -> _Answer | None:
        """Calls ask() until it has an answer of the chief; returns None if the chief is gone, or the time is up."""

        def ask_or_give_up() -> tuple[_Answer | None] | None:
            answer = ask()
            return (answer,) if answer or not self._chief_listens() else None

        answers = waiting.wait_for(ask_or_give_up, seconds=self._timeout)
        return answers[0] if answers else None

    def _chief_listens(self) -> bool:
        """Returns whether the chief accepts connections. It may miss some seconds."""
        address = self._task.chief_address
        return bool(waiting.wait_for(lambda: listens(address), seconds=MAX_SILENT_SECONDS))

    def _start_server(self, settings: Settings) -> None:
        config = make_session_config(settings.precision, settings.threads)
        config.operation_timeout_in_ms = 1000 * self._timeout
        start_server(self._task, config)

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

        It returns early if a stop signal came and the other tasks did not finish the step.

        Raises:
          TaskLost: another task was lost, or did not answer in time.
        """
        task = self._task

        def chief_is_replaced() -> bool:
            return not task.is_chief and self._plan.is_replaced(estimator.model_dir)

        watch = WatchTasks(task, task.training_addresses, chief_is_replaced)

        def train_in_step() -> None:
            estimator_training.train_in_step(
                estimator,
                tf.distribute.experimental.MultiWorkerMirroredStrategy(),
                task.cluster,
                task.job,
                task.index,
                input_fn=input_fn,
                hooks=[watch, *all_hooks],
                max_steps=max_steps,
            )

        try:
            with tf_config.hidden(), watch:
                watch.call(train_in_step)
        except LOST_ERRORS as error:
            log.debug("%s", error)
            if stopping.requested() and not watch.lost:
                log.warning("the other tasks did not finish the step: the steps after the last checkpoint are lost")
                return
            lost = watch.lost or silent_tasks(task, task.training_addresses)
            problem = f"{lost} was lost" if lost else f"a task was lost, or did not answer within {self._timeout} s"
            raise TaskLost(problem, _RESTART) from error
        self.stopped_early = self._stop_together.stopped_early


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
