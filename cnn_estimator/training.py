"""The verb train."""

import dataclasses
import logging
import os
import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any

from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from cnn_estimator import (
    cluster,
    cluster_config,
    datasets,
    hooks,
    inputs,
    model,
    parameter_servers,
    recipes,
    stopping,
    strategies,
)
from cnn_estimator.cluster_config import Task
from cnn_estimator.errors import Stopped, UserError
from cnn_estimator.parameter_servers import Member, StopEarly
from cnn_estimator.recipes import Settings
from cnn_estimator.run_dir import RunDir, checkpoints, compatibility, event_writers, validation_records
from cnn_estimator.run_dir.checkpoints import Checkpoint
from cnn_estimator.run_dir.validation_records import Record
from cnn_estimator.shared_plan import SharedPlan, fingerprint
from cnn_estimator.tf1 import OWN_THREADS, tf
from cnn_estimator.validation import Evaluate, Evaluations, Evaluator, Plan

log = logging.getLogger("cnn_estimator")


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
    best: Record | None = None
    stopped_early: bool = False

    @property
    def checkpoint(self) -> str:
        """The path of the checkpoint at `step`."""
        return os.path.join(self.model_dir, f"{checkpoints.BASENAME}-{self.step}")


@dataclasses.dataclass(frozen=True)
class _Intervals:
    """Steps between two log lines and two checkpoints, how many checkpoints to keep, what to log and to evaluate."""

    log_every: int
    log_tensors: Mapping[str, str]
    save_every: int
    keep_checkpoints: int
    evaluations: Plan

    def __post_init__(self) -> None:
        recipes.check({name: getattr(self, name) for name in ("log_every", "save_every", "keep_checkpoints")})


def train(
    model_dir: str | os.PathLike[str],
    recipe: str = recipes.DEFAULT,
    *,
    steps: int | None = None,
    max_steps: int | None = None,
    fresh: bool = False,
    log_every: int = 50,
    log_tensors: Mapping[str, str] | None = None,
    save_every: int = 500,
    keep_checkpoints: int = 5,
    eval_every: int | None = None,
    eval_on_test: bool = False,
    keep_best: bool = False,
    early_stopping: int | None = None,
    strategy: str | None = None,
    devices: int | None = None,
    cluster_timeout: int = 300,
    seed: int | None = None,
    threads: int | None = None,
    validation: int | None = None,
    data_dir: str | os.PathLike[str] | None = None,
    **overrides: Any,
) -> Training:
    """Trains a recipe in a model_dir, on from its newest intact checkpoint.

    The same settings end in the same variables on the same machine, bit for bit, also when the run is stopped or
    killed and resumed on the way, and however many of its CPUs the process may use.

    Args:
      model_dir: the folder for checkpoints and event files; made where it is missing.
      recipe: a key of recipes.RECIPES.
      steps: how many steps to train, counted from the newest checkpoint.
      max_steps: the global step to train to, instead of steps; with neither, the recipe's total.
      fresh: whether to start over: a run in the model_dir is archived as model_dir.1, .2, …
      log_every: steps between two log lines, and between two points of TensorBoard's curves.
      log_tensors: {label: tensor name} to log beside loss and accuracy.
      save_every: steps between two checkpoints; one more is written at the end.
      keep_checkpoints: how many to keep: an older one is deleted when a new one is written.
      eval_every: steps between two evaluations during training, None for none; the last step is evaluated too.
      eval_on_test: whether to evaluate on the test set then, for the curves alone.
      keep_best: whether to keep the checkpoint with the highest validation accuracy, in model_dir/best.
      early_stopping: after how many evaluations in a row without a higher validation accuracy to stop; None for never.
      strategy: "mirrored" shares each batch out among several devices of this machine, "multi_worker" among the tasks
        of the cluster in TF_CONFIG, each of which makes this call. Losses and weights are those of one device but for
        rounding; None trains on one. A run may go on with another strategy.
      devices: how many for "mirrored": the first GPUs, or where there is none parts of the CPU, for trying it out; None
        takes every GPU.
      cluster_timeout: how many seconds the tasks of a cluster wait for each other: to start, and for a training step,
        before which the chief may have evaluated and saved. Where a task is gone, ending may take as long again.
        With parameter servers also for a lost task to come back.
      seed: of weights, shuffle and dropout; None takes that of the run in the model_dir, or draws one for a new run.
      threads: how many share an operation, on which the bits depend; None takes that of the run in the model_dir, or
        for a new run the number of CPUs that this process may use.
      data_dir: see datasets.load; None takes that of the run in the model_dir.
      validation: how many training images to hold out, for evaluations during training; None takes that of the run in
        the model_dir, or 0 for a new run.
      overrides: hyperparameters instead of the recipe's: optimizer, learning_rate, batch_size; None keeps its own.

    In a cluster with parameter servers that TF_CONFIG names, this process does the part of its task, each task that
    trains has its own shuffle and dropout masks, and a run does not repeat.

    Returns:
      What the call did; in a parameter server or an evaluator, what became of the run that it took part in.

    Raises:
      UserError: the model_dir holds another run or no intact checkpoint, cannot be written, or is being trained in; the
        data is missing or bad; the loss or a weight is not finite; an argument has a value that nothing can be trained
        with; TF_CONFIG does not fit the strategy, or another task of the cluster is lost, or did not come in time.
      Stopped: a stop signal ended the work. Its result is the Training so far, saved in its checkpoint, or None where
        nothing was trained.
    """
    if steps is not None and max_steps is not None:
        raise ValueError(f"steps {steps} and max_steps {max_steps} exclude each other: give one")
    if unknown := overrides.keys() - {*recipes.HYPERPARAMETERS}:
        raise TypeError(
            f"train() got an unexpected argument {min(unknown)!r}, {recipes.suggestion(min(unknown), recipes.HELP)}"
        )
    task = cluster_config.read_task(strategy)
    model_dir = recipes.local_path("model_dir", model_dir)
    data_dir = recipes.local_path_or_none("data_dir", data_dir)
    recipes.check(recipes.given(steps=steps, max_steps=max_steps, cluster_timeout=cluster_timeout))
    evaluations = Plan(eval_every, eval_on_test, keep_best, early_stopping)
    intervals = _Intervals(log_every, log_tensors or {}, save_every, keep_checkpoints, evaluations)
    given = recipes.given(seed=seed, threads=threads, validation=validation, data_dir=data_dir, **overrides)
    if task and devices is not None:
        raise UserError(f"devices {devices}: each task of a cluster uses all of its GPUs", "leave {devices} out")
    distribution = strategies.Distribution(strategy) if task else strategies.create(strategy, devices)
    where = _Where(distribution, task, cluster_timeout)
    with cluster_config.tf_config(None):
        if task and task.parameter_servers:
            result = _take_part(RunDir(model_dir), recipe, given, steps, max_steps, intervals, where, fresh=fresh)
        elif task and not task.is_chief:
            text = cluster.agree(task, None, cluster_timeout)
            result = _follow(RunDir(model_dir), recipe, given, intervals, where, text)
        else:
            result = _lead(RunDir(model_dir), recipe, given, steps, max_steps, intervals, where, fresh=fresh)
    if not result.steps:
        return result
    log.info(
        "trained to step %d: loss %.4f, %d steps in %.0f s", result.step, result.loss, result.steps, result.seconds
    )
    if received := stopping.requested():
        raise Stopped(received, result)
    return result


@dataclasses.dataclass(frozen=True)
class _Where:
    """On what to train: the devices of this process, which may be a task of a cluster of workers.

    Attributes:
      distribution: without its strategy in a cluster: that comes with the place in it.
      timeout: how many seconds a task waits for the others.
      member: the part in a cluster with parameter servers; None without them.
    """

    distribution: strategies.Distribution
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


def _lead(
    run: RunDir,
    recipe: str,
    given: Mapping[str, Any],
    steps: int | None,
    max_steps: int | None,
    intervals: _Intervals,
    where: _Where,
    *,
    fresh: bool,
) -> Training:
    """Trains in the locked model_dir, as the only process or as the chief of a cluster."""
    evaluations = intervals.evaluations
    with run.locked():
        checkpoint = None if fresh else checkpoints.newest_intact(run.path)
        saved = run.read_settings(given.get("data_dir")) if checkpoint else None
        settings = _resolve_settings(run, saved, recipe, given)
        if checkpoint:
            compatibility.check_fits(checkpoint, settings, tf.estimator.ModeKeys.TRAIN)
        first_step = checkpoint.step if checkpoint else 0
        if max_steps is None:
            max_steps = recipes.find(recipe).steps if steps is None else first_step + steps
        planned = _begin(run, settings, first_step, max_steps, evaluations)
        if first_step >= max_steps or planned.stopped_early:
            _share(where, planned, checkpoint, evaluations, None)
            return planned
        data = _load(planned, evaluations)
        _log_changes(saved or settings, settings)
        log.info("model_dir %s: from step %d to step %d", run.path, first_step, max_steps)
        stopping.check()
        _clear(run, checkpoint, fresh=fresh)
        _share(where, planned, checkpoint, evaluations, data.training)
        with checkpoints.saving(f"model_dir {run.path}"):
            return _fit(_Job(run, planned, data, intervals, where, restored=checkpoint is not None))


def _share(
    where: _Where, planned: Training, checkpoint: Checkpoint | None, evaluations: Plan, data: datasets.Split | None
) -> None:
    """Tells the other tasks of the cluster, if this is its chief, what to train; `data` is None for nothing."""
    if not where.task:
        return
    plan = SharedPlan(
        settings=planned.settings,
        checkpoint=checkpoint.name if checkpoint else None,
        first_step=planned.step,
        max_steps=planned.max_steps,
        evaluate_every=evaluations.every,
        data=fingerprint(data) if data else None,
    )
    if where.member:
        where.member.plan = plan.text()
        return
    cluster.start_server(where.task, _session_config(planned.settings.threads, where.timeout))
    cluster.agree(where.task, plan.text(), where.timeout)


def _follow(
    run: RunDir, recipe: str, given: Mapping[str, Any], intervals: _Intervals, where: _Where, text: str
) -> Training:
    """Trains what the chief of the cluster plans, which has told its text, and writes nothing."""
    plan = SharedPlan.read(text)
    plan.check_given(recipe, given)
    planned = Training(run.path, plan.settings, plan.first_step, plan.max_steps)
    if plan.data is None:
        return planned
    evaluations = Plan(plan.evaluate_every)
    planned_data = dataclasses.replace(plan.settings, data_dir=given.get("data_dir", plan.settings.data_dir))
    data = _load(dataclasses.replace(planned, settings=planned_data), evaluations)
    plan.check_data(data.training)
    if not where.member:  # which has the weights from the parameter servers
        plan.wait_for_checkpoint(run.path)
    intervals = dataclasses.replace(intervals, evaluations=evaluations)
    return _fit(_Job(run, planned, data, intervals, where, restored=plan.checkpoint is not None))


def _take_part(
    run: RunDir,
    recipe: str,
    given: Mapping[str, Any],
    steps: int | None,
    max_steps: int | None,
    intervals: _Intervals,
    where: _Where,
    *,
    fresh: bool,
) -> Training:
    """Does what this process's task does in a cluster with parameter servers."""
    task, evaluations = where.task, intervals.evaluations
    assert task
    goal = None if fresh or steps else max_steps or recipes.find(recipe).steps

    def finished() -> bool:
        return parameter_servers.is_finished(run, goal, evaluations.patience)

    if task.is_parameter_server:
        parameter_servers.serve(task, where.timeout, finished)
    elif task.is_evaluator:
        _evaluate_meanwhile(run, recipe, given, evaluations, where, finished)
    else:
        where = dataclasses.replace(where, member=Member(task, where.timeout, finished))
        if task.is_chief:
            return _lead_others(run, recipe, given, steps, max_steps, intervals, where, fresh=fresh)
        if (result := _follow_apart(run, recipe, given, intervals, where)) is not None:
            return result
    return _outcome(run, recipe, given, goal)


def _outcome(run: RunDir, recipe: str, given: Mapping[str, Any], goal: int | None) -> Training:
    """Returns what became of a run that other tasks trained."""
    settings = run.read_settings(given.get("data_dir")) or _resolve_settings(run, None, recipe, given)
    step = checkpoints.last_saved_step(run.path)
    best = validation_records.best(validation_records.read(run.path, last_step=step))
    return Training(run.path, settings, step, run.last_goal() or goal or step, best=best)


def _lead_others(
    run: RunDir,
    recipe: str,
    given: Mapping[str, Any],
    steps: int | None,
    max_steps: int | None,
    intervals: _Intervals,
    where: _Where,
    *,
    fresh: bool,
) -> Training:
    """Trains as the chief of a cluster with parameter servers, on from the last checkpoint when one was lost."""
    assert where.member
    began = False
    while True:
        try:
            result = _lead(run, recipe, given, steps, max_steps, intervals, where, fresh=fresh)
        except cluster.LOST as error:
            where.member.lost(error)
            began, steps, max_steps, fresh = True, None, run.last_goal() or max_steps, False
            continue
        except Stopped as stopped:
            raise Stopped(stopped.signal, _outcome(run, recipe, given, max_steps) if began else None) from None
        if result.steps and (result.step >= result.max_steps or result.stopped_early):
            where.member.leave()
        return result


def _follow_apart(
    run: RunDir, recipe: str, given: Mapping[str, Any], intervals: _Intervals, where: _Where
) -> Training | None:
    """Trains as a worker of a cluster with parameter servers; returns None if there is nothing more to train."""
    member = where.member
    assert member
    while text := member.wait_for_plan():
        try:
            result = _follow(run, recipe, given, intervals, where, text)
        except cluster.LOST as error:
            member.lost(error)
            continue
        if stopping.requested() or member.wait_for_end():
            member.leave()
            return result
    return None


def _evaluate_meanwhile(
    run: RunDir,
    recipe: str,
    given: Mapping[str, Any],
    evaluations: Plan,
    where: _Where,
    finished: Callable[[], bool],
) -> None:
    """Evaluates the checkpoints of a run, as the evaluator of a cluster with parameter servers."""
    assert where.task
    if evaluations.every is None:
        log.info("there is nothing to evaluate without eval_every")
        return
    text = parameter_servers.wait_for_plan(where.task, where.timeout, finished)
    if text:
        plan = SharedPlan.read(text)
        plan.check_given(recipe, given)
        settings, first_step, max_steps = plan.settings, plan.first_step, plan.max_steps
    else:
        known = _outcome(run, recipe, given, None)
        settings, first_step, max_steps = known.settings, 0, known.max_steps
    settings = dataclasses.replace(settings, data_dir=given.get("data_dir", settings.data_dir))
    evaluations.check_held_out(settings.validation)
    data = _load(Training(run.path, settings, first_step, max_steps), evaluations)
    evaluator = Evaluator(settings, _session_config(settings.threads))
    parameter_servers.evaluate(
        run,
        evaluations,
        Evaluations(run, evaluations, evaluator, data.held_out, data.test),
        evaluator,
        first_step=first_step,
        max_steps=max_steps,
        watch=parameter_servers.ChiefWatch(where.task, where.timeout, finished),
    )
    evaluator.close()


def _clear(run: RunDir, checkpoint: Checkpoint | None, *, fresh: bool) -> None:
    """Makes the model_dir ready to train in, on from a checkpoint: without an old run or what a killed process left."""
    if fresh and checkpoints.has_checkpoints(run.path):
        run.archive()
    run.check_locked()
    with checkpoints.saving(f"model_dir {run.path}"):
        checkpoints.remove_unfinished(run.path)
        if checkpoint:
            checkpoints.rebuild_state(run.path, checkpoint)


def _resolve_settings(run: RunDir, saved: Settings | None, recipe: str, given: Mapping[str, Any]) -> Settings:
    """Returns the Settings to go on with from the saved ones, or to start with where there are none.

    Args:
      given: {setting: value} of those that the caller gave.

    Raises UserError where the saved ones are another run's.
    """
    if saved:
        kept = {name: getattr(saved, name) for name in ("seed", "threads", "validation", "data_dir")}
    else:
        kept = {"seed": secrets.randbelow(recipes.MAX_SEED + 1)}
    chosen = {"data_dir": None, **kept, **given}
    class_names = datasets.class_names(recipes.find(recipe).dataset, chosen["data_dir"])
    settings = recipes.settings(recipe, class_names=class_names, **chosen)
    if saved:
        run.check_same_run(saved, settings)
    return settings


def _begin(run: RunDir, settings: Settings, first_step: int, max_steps: int, evaluations: Plan) -> Training:
    """Returns the Training before its first step; raises UserError where it cannot be evaluated as planned."""
    evaluations.check_held_out(settings.validation)
    records = validation_records.read(run.path, last_step=first_step) if first_step and settings.validation else []
    patience = evaluations.patience
    return Training(
        run.path,
        settings,
        first_step,
        max_steps,
        best=validation_records.best(records),
        stopped_early=patience is not None and validation_records.out_of_patience(records, patience),
    )


@dataclasses.dataclass(frozen=True)
class _Data:
    """The images to train on, and those to evaluate on meanwhile: held out of the training set, and the test set."""

    training: datasets.Split
    held_out: datasets.Split | None
    test: datasets.Split | None


def _load(planned: Training, evaluations: Plan) -> _Data:
    settings = planned.settings
    log.info("%s", settings)
    data, held_out, test = datasets.load(settings.dataset, "train", settings.data_dir), None, None
    if settings.validation:
        data, held_out = datasets.hold_out(data, settings.validation, settings.seed)
    also = f" and {settings.validation} for validation" if held_out else ""
    log.info("%s: %d training images%s from %s", settings.dataset, len(data.labels), also, data.source)
    if evaluations.on_test:
        test = datasets.load(settings.dataset, "test", settings.data_dir)
    return _Data(data, held_out, test)


def _log_changes(saved: Settings, settings: Settings) -> None:
    for field, value in dataclasses.asdict(settings).items():
        if value != getattr(saved, field):
            log.warning("%s is %s from now on, and was %s", field, value, getattr(saved, field))


@dataclasses.dataclass(frozen=True)
class _Job:
    """One call of Estimator.train. `restored` says whether it goes on from a checkpoint."""

    run: RunDir
    planned: Training
    data: _Data
    intervals: _Intervals
    where: _Where
    restored: bool


def _fit(job: _Job) -> Training:
    """Trains what is planned with an Estimator."""
    settings, where, images = job.planned.settings, job.where, job.data.training
    member = where.member
    session_config = _session_config(settings.threads, where.timeout if where.task else None)
    input_fn = inputs.numpy_input_fn(
        {"x": images.images},
        images.labels,
        batch_size=settings.batch_size,
        num_epochs=None,
        shuffle=True,
        seed=where.own(settings).seed,
        # A worker that joins in again goes on about where it was.
        first_batch=checkpoints.last_saved_step(job.run.path) if member else job.planned.step,
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
        return cluster.run_worker(where.task, work, session_config, where.timeout)
    return work(where.distribution.strategy, lambda estimator: estimator)


def _run_estimator(
    job: _Job,
    estimator: tf.estimator.Estimator,
    input_fn: Callable[..., tf.data.Dataset],
    distribution: strategies.Distribution,
) -> Training:
    planned, plan, follows, member = job.planned, job.intervals.evaluations, job.where.follows, job.where.member
    evaluate = None if follows else _evaluate_hook(job)
    together = None
    if job.where.task and not member:
        together = cluster.StopTogether(first_step=planned.step, evaluate_every=plan.every)
    # The bar shows only on a terminal, and log lines are printed above it.
    hidden = True if follows else None
    with (
        tqdm(total=planned.max_steps, initial=planned.step, unit="step", disable=hidden) as bar,
        logging_redirect_tqdm(),
    ):
        progress = hooks.SharedProgress(bar, planned.step) if member else hooks.Progress(bar)
        started = time.monotonic()
        estimator.train(
            input_fn,
            hooks=[*_hooks(job, progress, evaluate, distribution), together or hooks.StopTraining()],
            max_steps=planned.max_steps,
        )
    step = planned.step + progress.steps
    if isinstance(progress, hooks.SharedProgress):
        step = progress.step if follows else checkpoints.last_saved_step(job.run.path)
    return dataclasses.replace(
        planned,
        step=step,
        steps=progress.steps,
        loss=progress.loss,
        seconds=time.monotonic() - started,
        best=validation_records.best(evaluate.records) if evaluate else planned.best,
        stopped_early=any(hook.stopped_early for hook in (evaluate, together) if hook),
    )


def _evaluate_hook(job: _Job) -> Evaluate | StopEarly | None:
    plan = job.intervals.evaluations
    if job.where.member:  # the cluster's evaluator evaluates
        return StopEarly(job.run, plan.patience) if plan.patience else None
    if plan.every is None:
        return None
    settings = job.planned.settings
    return Evaluate(
        job.run,
        plan,
        Evaluator(settings, _session_config(settings.threads)),
        job.data.held_out,
        job.data.test,
        first_step=job.planned.step,
        last_step=job.planned.max_steps,
    )


def _estimator(
    job: _Job, distribution: strategies.Distribution, session_config: tf.ConfigProto
) -> tf.estimator.Estimator:
    settings, follows = job.planned.settings, job.where.follows
    if not follows:
        event_writers.renew(job.run.path)
    distribution.add_logical_devices(session_config)
    with cluster_config.tf_config(job.where.task if job.where.member else None):
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


def _session_config(threads: int, timeout: float | None = None) -> tf.ConfigProto:
    """Returns Estimator's own session configuration, with a number of threads for each operation.

    Args:
      timeout: how many seconds a call of the session may take.

    Logs a warning where TensorFlow may not follow it.
    """
    if not OWN_THREADS and threads != recipes.available_threads():
        log.warning(
            "threads %d may not be used, because TensorFlow was loaded before cnn_estimator: the bits may differ",
            threads,
        )
    config = tf.ConfigProto(allow_soft_placement=True, intra_op_parallelism_threads=threads)
    rewrite_options = config.graph_options.rewrite_options
    rewrite_options.meta_optimizer_iterations = rewrite_options.ONE
    if timeout:
        config.operation_timeout_in_ms = round(1000 * timeout)
    return config


def _hooks(
    job: _Job, progress: hooks.Progress, evaluate: Evaluate | StopEarly | None, distribution: strategies.Distribution
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
