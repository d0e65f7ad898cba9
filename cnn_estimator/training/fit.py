"""One call of Estimator.train: its input, hooks and session, alone or as a task of a cluster."""

import dataclasses
import logging
import os
import time
from collections.abc import Callable, Mapping
from typing import Any

from cnn_estimator import hardware, hooks, inputs, model
from cnn_estimator.data import augmentation, datasets
from cnn_estimator.distributed import mirrored, multi_worker, parameter_servers, tf_config
from cnn_estimator.distributed.parameter_servers import Member, StopEarly
from cnn_estimator.distributed.tf_config import Task
from cnn_estimator.hardware import set_precision
from cnn_estimator.progress import progress_bar
from cnn_estimator.run_dir import checkpoints, events
from cnn_estimator.run_dir.evaluations import EvaluationRecord
from cnn_estimator.run_dir.run import RunDir
from cnn_estimator.settings import HYPERPARAMETERS, Settings, check
from cnn_estimator.tf1 import OWN_THREADS, tf
from cnn_estimator.training.validation import Evaluate, Evaluations, Evaluator, Plan

log = logging.getLogger("cnn_estimator")

COMPARED = ("recipe", *HYPERPARAMETERS, "precision", "seed")  # settings, in TensorBoard's HParams tab


@dataclasses.dataclass(frozen=True)
class Training:
    """What a call of train did.

    Attributes:
      model_dir: the folder that was trained in.
      settings: what was trained, and how.
      step: the global step that was reached.
      max_steps: the global step to train to.
      steps: how many steps this call trained; 0 where max_steps was reached already.
      loss: the last batch's; None without a step.
      seconds: how long the steps took, the building of the graph and the evaluations included.
      best: the evaluation with the highest validation accuracy up to `step`, of earlier calls too; None without any.
      stopped_early: whether the evaluations brought nothing better for too long.
    """

    model_dir: str
    settings: Settings
    step: int
    max_steps: int
    steps: int = 0
    loss: float | None = None
    seconds: float = 0.0
    best: EvaluationRecord | None = None
    stopped_early: bool = False

    @property
    def checkpoint(self) -> str:
        """The path of the checkpoint at `step`."""
        return os.path.join(self.model_dir, f"{checkpoints.BASENAME}-{self.step}")


@dataclasses.dataclass(frozen=True)
class Intervals:
    """Steps between two log lines and two checkpoints, how many checkpoints to keep, what to log and to evaluate."""

    log_every: int
    log_tensors: Mapping[str, str]
    save_every: int
    keep_checkpoints: int
    evaluations: Plan

    def __post_init__(self) -> None:
        for name in ("log_every", "save_every", "keep_checkpoints"):
            check(name, getattr(self, name))


@dataclasses.dataclass(frozen=True)
class Where:
    """On what to train: the devices of this process, which may be a task of a cluster of workers.

    Attributes:
      distribution: without its strategy in a cluster: that comes with the place in it.
      timeout: how many seconds a task waits for the others.
      member: the part in a cluster with parameter servers; None without them.
    """

    distribution: mirrored.Distribution
    task: Task | None
    timeout: int
    member: Member | None = None

    @property
    def follows(self) -> bool:
        """Whether another task is the chief, which alone writes."""
        return self.task is not None and not self.task.is_chief

    def own(self, settings: Settings) -> Settings:
        """Returns the settings with the seed of this task's shuffle and dropout."""
        return dataclasses.replace(settings, seed=self.member.own_seed(settings)) if self.member else settings


@dataclasses.dataclass(frozen=True)
class Data:
    """The images to train on, and those to evaluate on meanwhile: held out of the training set, and the test set."""

    training: datasets.Split
    held_out: datasets.Split | None
    test: datasets.Split | None


@dataclasses.dataclass(frozen=True)
class Job:
    """One call of Estimator.train. `restored` says whether it goes on from a checkpoint."""

    run: RunDir
    planned: Training
    data: Data
    intervals: Intervals
    where: Where
    restored: bool


def fit(job: Job) -> Training:
    """Trains what is planned with an Estimator."""
    settings, where, images = job.planned.settings, job.where, job.data.training
    member = where.member
    session_config = session_config_of(settings, where.timeout if where.task else None)
    input_fn = inputs.numpy_input_fn(
        {"x": images.pixels},
        images.labels,
        batch_size=settings.batch_size,
        num_epochs=None,
        shuffle=True,
        seed=where.own(settings).seed,
        augment=augmentation.create(settings.augment),
        # A worker that joins in again goes on about where it was.
        first_batch=checkpoints.last_saved_step(job.run.path) if member else job.planned.step,
        transform=datasets.scale,
    )

    def work(strategy: tf.distribute.Strategy | None, of_task: Callable[[Any], Any]) -> Training:
        distribution = dataclasses.replace(where.distribution, strategy=strategy)
        estimator = of_task(_estimator(job, distribution, session_config))
        return _run_estimator(job, estimator, input_fn, distribution)

    if member:
        member.join(session_config)
        session_config.device_filters.extend(member.device_filters)
        with member.training():
            return work(None, lambda estimator: estimator)
    if where.task:
        return multi_worker.run_worker(where.task, work, session_config, where.timeout)
    return work(where.distribution.strategy, lambda estimator: estimator)


def _run_estimator(
    job: Job,
    estimator: tf.estimator.Estimator,
    input_fn: Callable[..., tf.data.Dataset],
    distribution: mirrored.Distribution,
) -> Training:
    planned, plan, follows, member = job.planned, job.intervals.evaluations, job.where.follows, job.where.member
    evaluate = None if follows else _evaluate_hook(job)
    together = None
    if job.where.task and not member:
        together = multi_worker.StopTogether(first_step=planned.step, evaluate_every=plan.every)
    with progress_bar(total=planned.max_steps, initial=planned.step, hidden=follows) as bar:
        progress = hooks.Progress(bar)
        if member:
            progress = hooks.SharedProgress(bar, first_step=planned.step, last_step=planned.max_steps)
        started = time.monotonic()
        try:
            estimator.train(
                input_fn,
                hooks=[*_hooks(job, progress, evaluate, distribution), together or hooks.StopTraining()],
                max_steps=planned.max_steps,
            )
        finally:
            if isinstance(evaluate, Evaluate):
                evaluate.close()
    step = planned.step + progress.steps
    if isinstance(progress, hooks.SharedProgress):
        step = progress.step if follows else checkpoints.last_saved_step(job.run.path)
    return dataclasses.replace(
        planned,
        step=step,
        steps=progress.steps,
        loss=progress.loss,
        seconds=time.monotonic() - started,
        best=evaluate.best if isinstance(evaluate, Evaluate) else planned.best,
        stopped_early=any(hook.stopped_early for hook in (evaluate, together) if hook),
    )


def _evaluate_hook(job: Job) -> Evaluate | StopEarly | None:
    plan = job.intervals.evaluations
    if job.where.member:  # the cluster's evaluator evaluates
        return StopEarly(job.run, plan.patience) if plan.patience else None
    if plan.every is None:
        return None
    settings = job.planned.settings
    evaluator = Evaluator(settings, session_config_of(settings))
    evaluations = Evaluations(job.run, plan, evaluator, job.data.held_out, job.data.test)
    return Evaluate(job.run, evaluations, first_step=job.planned.step, last_step=job.planned.max_steps)


def _estimator(job: Job, distribution: mirrored.Distribution, session_config: tf.ConfigProto) -> tf.estimator.Estimator:
    settings, follows = job.planned.settings, job.where.follows
    if not follows:
        events.renew(job.run.path)
    distribution.add_logical_devices(session_config)
    with tf_config.tf_config(job.where.task if job.where.member else None):
        config = tf.estimator.RunConfig(
            model_dir=job.run.path,
            tf_random_seed=settings.seed,
            train_distribute=distribution.strategy,
            session_config=session_config,
            save_summary_steps=None if follows else job.intervals.log_every,
            save_checkpoints_secs=None,  # the hook SaveCheckpoints does it
            keep_checkpoint_max=job.intervals.keep_checkpoints,
            log_step_count_steps=None,  # Estimator's own loss line, which LogTensors replaces
        )
    model_fn = parameter_servers.shared_model_fn if job.where.member else model.model_fn
    return tf.estimator.Estimator(model_fn, params=job.where.own(settings), config=config)


def _hooks(
    job: Job, progress: hooks.Progress, evaluate: Evaluate | StopEarly | None, distribution: mirrored.Distribution
) -> list[tf.train.SessionRunHook]:
    """Returns the hooks, without the one that stops training."""
    run, settings, intervals, first_step = job.run, job.planned.settings, job.intervals, job.planned.step
    member, plan = job.where.member, intervals.evaluations
    logged = hooks.LogTensors(every=intervals.log_every, named=intervals.log_tensors)
    guard = hooks.NonFiniteLossGuard(
        first_step=first_step, learning_rate=settings.learning_rate, shared=member is not None
    )
    if job.where.follows:
        return [logged, progress, guard, member] if member else [progress, guard]

    def record() -> None:
        run.check_locked()
        run.write_settings(settings)
        facts = {
            "first_step": first_step,
            "max_steps": job.planned.max_steps,
            "tensorflow": tf.__version__,
            "strategy": "parameter_servers" if member else distribution.name,
            "replicas": job.where.task.workers if member and job.where.task else distribution.replicas,
        }
        run.add_to_history(settings, facts)
        events.write_hparams(run.path, {name: getattr(settings, name) for name in COMPARED}, first_step)

    return [
        logged,
        hooks.CountSteps(every_n_steps=intervals.log_every, output_dir=run.path),
        progress,
        guard,
        hooks.OnGraphBuilt(record),
        *([evaluate] if evaluate else []),
        hooks.SaveCheckpoints(
            run,
            # The evaluator of a cluster takes the weights from the checkpoints.
            every=min(intervals.save_every, plan.every) if member and plan.every else intervals.save_every,
            first_step=first_step,
            restored=job.restored,
            learning_rate=settings.learning_rate,
            shared=member is not None,
        ),
        *([member] if member else []),
    ]


def session_config_of(settings: Settings, timeout: float | None = None) -> tf.ConfigProto:
    """Returns Estimator's own session configuration, with the threads of each operation and the precision.

    Args:
      timeout: how many seconds a call of the session may take.

    Logs a warning where TensorFlow may not follow it.
    """
    if not OWN_THREADS and settings.threads != hardware.available_threads():
        log.warning(
            "threads %d may not be used, because TensorFlow was loaded before cnn_estimator: the bits may differ",
            settings.threads,
        )
    config = tf.ConfigProto(allow_soft_placement=True, intra_op_parallelism_threads=settings.threads)
    set_precision(settings.precision, config)
    rewrite_options = config.graph_options.rewrite_options
    rewrite_options.meta_optimizer_iterations = rewrite_options.ONE
    if timeout:
        config.operation_timeout_in_ms = round(1000 * timeout)
    return config
