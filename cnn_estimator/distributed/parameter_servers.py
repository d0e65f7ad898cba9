"""Training with parameter servers, by tf.estimator.train_and_evaluate.

The chief and the workers train at their own pace on variables that the parameter servers hold. A task that loses the
chief or a parameter server ends, and its supervisor starts it again. A lost worker leaves the others training.
"""

import dataclasses
import functools
import logging
import math
import threading
import time
from collections.abc import Callable
from typing import Any

from cnn_estimator import hooks, inputs, stopping, waiting
from cnn_estimator.data.datasets import TrainingData
from cnn_estimator.distributed.placement import Hooks, InputFn, Local, Resolve
from cnn_estimator.distributed.tasks import (
    LOST_ERRORS,
    WAIT_LONGER,
    WatchTasks,
    explain_silence,
    listens,
    silent_tasks,
    start_server,
)
from cnn_estimator.distributed.tf_config import Task, environment
from cnn_estimator.errors import TaskLost, UserError
from cnn_estimator.run_dir import checkpoints, settings_file
from cnn_estimator.run_dir.run import RunDir
from cnn_estimator.settings import Start, TrainOptions
from cnn_estimator.tf1 import tf
from cnn_estimator.tf1.estimator_training import without_recovery

log = logging.getLogger("cnn_estimator")

_RESTART = "start this task again: training continues from the last checkpoint"
_DEFAULT_SEED = 0  # all tasks must hold out the same images
_POLL_SECONDS = 1.0
MAX_END_SECONDS = 15.0  # how long a parameter server waits for the end of other tasks after the last checkpoint
_MAX_CLOSE_SECONDS = 3.0
# {option that such a cluster does not have: what to do}. A task that is started again would count or archive again.
_REFUSED_OPTIONS = {
    "keep_best": "use {strategy} multi_worker",
    "early_stopping": "use {strategy} multi_worker",
    "steps": "name the end with {max_steps}",
    "epochs": "name the end with {max_steps}",
    "fresh": "name the end with {max_steps}",
}


class ParameterServers(Local):
    """A task of a cluster with parameter servers: the chief, a worker, a parameter server or the evaluator.

    Args:
      task: the task of this process.
      options: the options of train().

    Raises:
      UserError: an option does not fit such a cluster.
    """

    evaluates = False  # while it trains: the evaluator is another task
    strategy = "parameter_servers"

    def __init__(self, task: Task, options: TrainOptions) -> None:
        for name, advice in _REFUSED_OPTIONS.items():
            if getattr(options, name):
                raise UserError(f"{name}: a cluster with parameter servers does not have it", advice)
        self._task = task
        self._options = options
        self.writes = task.is_chief
        self.replicas = task.workers
        self.lock_seconds = options.cluster_timeout

    def resolve_start(self, run_dir: RunDir, options: TrainOptions, resolve: Resolve) -> Start:
        """Resolves the options in each task, with one seed for all where no seed is chosen."""
        if "seed" not in options.overrides:
            saved = settings_file.read(run_dir.path, options.overrides.get("data_dir"))
            seed = saved.seed if saved else _DEFAULT_SEED
            options = dataclasses.replace(options, overrides={"seed": seed, **options.overrides})
        start = resolve(run_dir, options)
        # The last checkpoint may be written before the evaluator starts.
        return dataclasses.replace(start, first_step=0) if self._task.job == "evaluator" else start

    def wait_until_ready(self, run_dir: RunDir, start: Start, data: TrainingData | None) -> None:
        """Waits for the parameter servers, and in a worker for the chief: TensorFlow would wait without a time limit.

        Raises:
          TaskLost: one of them was not started in time.
          Stopped: a stop signal came.
        """
        self._model_dir = run_dir.path
        self._data = data
        if not data or not self._task.trains:
            return
        timeout = self._options.cluster_timeout
        if not waiting.wait_for(lambda: not silent_tasks(self._task, self._needed), seconds=timeout):
            reason = next(filter(None, map(explain_silence, self._needed)), "")
            problem = f"{silent_tasks(self._task, self._needed)} did not start within {timeout} s{reason}"
            raise TaskLost(problem, WAIT_LONGER)

    def run_config(self, **arguments: Any) -> tf.estimator.RunConfig:
        timeout = self._options.cluster_timeout
        config = arguments["session_config"]
        config.operation_timeout_in_ms = 1000 * timeout
        if self._task.trains:  # without the filters a session waits for the other workers, and ends with them
            config.device_filters.extend(["/job:ps", f"/job:{self._task.job}/task:{self._task.index}"])
        with environment(None if self._task.job == "evaluator" else self._task):
            return tf.estimator.RunConfig(session_creation_timeout_secs=timeout, **arguments)

    def input_fn(self, input_fn: InputFn) -> InputFn:
        """Returns the input_fn of every n-th batch, for the n tasks that train."""
        if not self._task.trains:
            return input_fn
        return lambda: input_fn().shard(self._task.workers, self._task.position)

    def hooks(self, start: Start) -> Hooks:
        if not self._task.trains:
            return []
        return [hooks.StopTraining(), WatchChief(self._task, start.max_steps)]

    def train(self, estimator: tf.estimator.Estimator, input_fn: InputFn, all_hooks: Hooks, max_steps: int) -> None:
        """Does the part of this process's task.

        Raises:
          TaskLost: the chief or a parameter server was lost.
          UserError: another process listens at this task's address.
          Stopped: a stop signal came, and this task does not train.
        """
        if self._task.job == "ps":
            serve(self._task, estimator.config.session_config.intra_op_parallelism_threads, self._model_dir, max_steps)
        elif self._task.job == "evaluator":
            self._evaluate(estimator, max_steps)
        else:
            # Estimator's own server would ignore the number of threads, and not say that its port is in use.
            start_server(self._task, estimator.config.session_config)
            watch = WatchTasks(self._task, self._task.parameter_servers)
            spec = tf.estimator.TrainSpec(input_fn, max_steps, [watch, *all_hooks])
            unused = tf.estimator.EvalSpec(input_fn)  # the evaluator is another task
            try:
                with environment(self._task), without_recovery(), watch:
                    watch.call(lambda: tf.estimator.train_and_evaluate(estimator, spec, unused))
            except LOST_ERRORS as error:
                log.debug("%s", error)
                lost = watch.lost or silent_tasks(self._task, self._needed)
                if stopping.requested() and not lost:
                    log.warning("the parameter servers did not answer: the steps after the last checkpoint are lost")
                    return
                lost = lost or "a parameter server or the chief"
                raise TaskLost(f"{lost} was lost, or did not answer in time", _RESTART) from error

    @property
    def _needed(self) -> tuple[str, ...]:
        """The addresses of the tasks without which this task cannot train."""
        return (*self._task.parameter_servers, self._task.chief_address)

    def _evaluate(self, estimator: tf.estimator.Estimator, max_steps: int) -> None:
        """Evaluates each new checkpoint, up to the checkpoint of the last step."""
        assert self._data
        if not self._options.eval_every:
            log.info("there is nothing to evaluate without eval_every")
            return
        splits = {"validation": self._data.held_out, None: self._data.test}
        input_fns = {name: inputs.evaluation_input_fn(images) for name, images in splits.items() if images}
        for path in tf.train.checkpoints_iterator(self._model_dir, timeout=_POLL_SECONDS, timeout_fn=stopping.check):
            for name, input_fn in input_fns.items():
                metrics = estimator.evaluate(input_fn, hooks=[hooks.StopEvaluation()], checkpoint_path=path, name=name)
            if metrics[tf.GraphKeys.GLOBAL_STEP] >= max_steps:
                return


def serve(task: Task, threads: int, model_dir: str, max_steps: int) -> None:
    """Holds variables as a parameter server, until the chief has saved the last step and the tasks that train are gone.

    Raises:
      UserError: another process listens at this task's address.
      Stopped: a stop signal came.
    """
    start_server(task, tf.ConfigProto(device_count={"GPU": 0}, intra_op_parallelism_threads=threads))
    log.info("the %s holds variables at %s", task, task.address)
    waiting.wait_for(lambda: checkpoints.last_saved_step(model_dir) >= max_steps, seconds=math.inf)
    waiting.wait_for(lambda: not any(map(listens, task.training_addresses)), seconds=MAX_END_SECONDS)


class WatchChief(tf.train.SessionRunHook):
    """Ends a worker when the chief is lost.

    Raises:
      TaskLost: the chief is gone before the last step.
    """

    def __init__(self, task: Task, max_steps: int) -> None:
        self._task = task
        self._max_steps = max_steps
        self._looked = time.monotonic()

    def after_create_session(self, session: tf.Session, coord: tf.train.Coordinator) -> None:
        session.close = functools.partial(_close, session, session.close)

    def after_run(self, run_context: tf.train.SessionRunContext, run_values: tf.train.SessionRunValues) -> None:
        if self._task.is_chief or time.monotonic() - self._looked < _POLL_SECONDS:
            return
        self._looked = time.monotonic()
        if listens(self._task.chief_address):
            return
        if run_context.session.run(tf.train.get_global_step()) < self._max_steps:
            raise TaskLost(f"the chief at {self._task.chief_address} was lost", _RESTART)


def _close(session: tf.Session, close: Callable[[], None]) -> None:
    """Closes a session, or leaves it open: closing waits without a time limit for a lost parameter server."""
    session.close = lambda: None  # it is called again when Python ends, when no thread can start
    closing = threading.Thread(target=close, daemon=True)
    closing.start()
    closing.join(_MAX_CLOSE_SECONDS)
