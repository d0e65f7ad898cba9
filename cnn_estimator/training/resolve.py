"""Decides what to train, from what the caller asks for and the model_dir, or by what the chief tells."""

import dataclasses
import logging
import secrets
from collections.abc import Mapping
from typing import Any

from cnn_estimator import model_session, stopping
from cnn_estimator.data import datasets
from cnn_estimator.distributed import multi_worker
from cnn_estimator.distributed.chief_plan import SharedPlan, fingerprint
from cnn_estimator.hardware import resolve_precision
from cnn_estimator.run_dir import checkpoints
from cnn_estimator.run_dir.checkpoints import Checkpoint
from cnn_estimator.run_dir.evaluations import ValidationLog
from cnn_estimator.run_dir.run import RunDir
from cnn_estimator.settings import MAX_SEED, Settings, find_recipe, make_settings
from cnn_estimator.tf1 import tf
from cnn_estimator.training.fit import Data, Intervals, Job, Training, Where, fit, session_config_of
from cnn_estimator.training.validation import Plan

log = logging.getLogger("cnn_estimator")

_KEPT = ("seed", "threads", "precision", "schedule_steps", "validation", "data_dir")  # as long as none is given


@dataclasses.dataclass(frozen=True)
class Request:
    """What the caller of train() asks for, see there.

    Attributes:
      given: {setting: value} of those that the caller gave.
    """

    recipe: str
    given: Mapping[str, Any]
    steps: int | None
    max_steps: int | None
    fresh: bool
    intervals: Intervals


def lead(run: RunDir, request: Request, where: Where) -> Training:
    """Trains in the locked model_dir, as the only process or as the chief of a cluster."""
    evaluations, given, max_steps = request.intervals.evaluations, request.given, request.max_steps
    with run.locked():
        checkpoint = None if request.fresh else checkpoints.newest_intact(run.path)
        saved = run.read_settings(given.get("data_dir")) if checkpoint else None
        first_step = checkpoint.step if checkpoint else 0
        if max_steps is None:
            max_steps = find_recipe(request.recipe).steps if request.steps is None else first_step + request.steps
        settings = resolve_settings(run, saved, request, max_steps)
        if checkpoint:
            model_session.check_fits(checkpoint, settings, tf.estimator.ModeKeys.TRAIN)
        planned = _begin(run, settings, first_step, max_steps, evaluations)
        if first_step >= max_steps or planned.stopped_early:
            _share(where, planned, checkpoint, evaluations, None)
            return planned
        data = load(planned, evaluations)
        _log_changes(saved or settings, settings)
        log.info("model_dir %s: from step %d to step %d", run.path, first_step, max_steps)
        _warn_of_the_schedules_end(settings, max_steps)
        stopping.check()
        _clear(run, checkpoint, fresh=request.fresh)
        _share(where, planned, checkpoint, evaluations, data.training)
        with checkpoints.saving(f"model_dir {run.path}"):
            return fit(Job(run, planned, data, request.intervals, where, restored=checkpoint is not None))


def _share(
    where: Where, planned: Training, checkpoint: Checkpoint | None, evaluations: Plan, data: datasets.Split | None
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
    multi_worker.start_server(where.task, session_config_of(planned.settings, where.timeout))
    multi_worker.agree(where.task, plan.text(), where.timeout)


def follow(run: RunDir, request: Request, where: Where, text: str) -> Training:
    """Trains what the chief of the cluster plans, which has told its text, and writes nothing."""
    plan = SharedPlan.read(text)
    plan.check_given(request.recipe, request.given)
    resolve_precision(plan.settings.precision)  # this task may have another processor
    planned = Training(run.path, plan.settings, plan.first_step, plan.max_steps)
    if plan.data is None:
        return planned
    evaluations = Plan(plan.evaluate_every)
    own_settings = dataclasses.replace(plan.settings, data_dir=request.given.get("data_dir", plan.settings.data_dir))
    data = load(dataclasses.replace(planned, settings=own_settings), evaluations)
    plan.check_data(data.training)
    if not where.member:  # which has the weights from the parameter servers
        plan.wait_for_checkpoint(run.path)
    intervals = dataclasses.replace(request.intervals, evaluations=evaluations)
    return fit(Job(run, planned, data, intervals, where, restored=plan.checkpoint is not None))


def _clear(run: RunDir, checkpoint: Checkpoint | None, *, fresh: bool) -> None:
    """Makes the model_dir ready to train in, on from a checkpoint: without an old run or what a killed process left."""
    if fresh and checkpoints.has_checkpoints(run.path):
        run.archive()
    run.check_locked()
    with checkpoints.saving(f"model_dir {run.path}"):
        checkpoints.remove_unfinished(run.path)
        if checkpoint:
            checkpoints.rebuild_state(run.path, checkpoint)


def resolve_settings(run: RunDir, saved: Settings | None, request: Request, max_steps: int) -> Settings:
    """Returns the Settings to go on with from the saved ones, or to start with where there are none.

    Args:
      max_steps: the step to train to, where a schedule without an end of its own has it.

    Raises UserError where the saved ones are another run's.
    """
    recipe = find_recipe(request.recipe)
    if saved:
        kept = {name: getattr(saved, name) for name in _KEPT}
    else:
        kept = {"seed": secrets.randbelow(MAX_SEED + 1), "precision": resolve_precision(recipe.precision)}
    chosen = {"data_dir": None, **kept, **request.given}
    class_names = datasets.class_names(recipe.dataset, chosen["data_dir"])
    settings = make_settings(recipe.name, class_names=class_names, **chosen)
    if settings.decays and chosen.get("schedule_steps") is None:
        settings = dataclasses.replace(settings, schedule_steps=max_steps)
    resolve_precision(settings.precision)  # a run may have begun on another processor
    if saved:
        run.check_same_run(saved, settings)
    return settings


def _begin(run: RunDir, settings: Settings, first_step: int, max_steps: int, evaluations: Plan) -> Training:
    """Returns the Training before its first step; raises UserError where it cannot be evaluated as planned."""
    evaluations.check_held_out(settings.validation)
    validation_log = ValidationLog(run.path, last_step=first_step) if first_step and settings.validation else None
    return Training(
        run.path,
        settings,
        first_step,
        max_steps,
        best=validation_log.best if validation_log else None,
        stopped_early=validation_log is not None and validation_log.out_of_patience(evaluations.patience),
    )


def load(planned: Training, evaluations: Plan) -> Data:
    settings = planned.settings
    log.info("%s", settings)
    data, held_out, test = datasets.load(settings.dataset, "train", settings.data_dir), None, None
    if settings.validation:
        data, held_out = datasets.hold_out(data, settings.validation, settings.seed)
    also = f" and {settings.validation} for validation" if held_out else ""
    log.info("%s: %d training images%s from %s", settings.dataset, len(data.labels), also, data.source)
    if evaluations.on_test:
        test = datasets.load(settings.dataset, "test", settings.data_dir)
    return Data(data, held_out, test)


def _warn_of_the_schedules_end(settings: Settings, max_steps: int) -> None:
    if settings.decays and settings.schedule_steps and settings.schedule_steps < max_steps:
        log.warning(
            "the learning rate is 0 from step %d on, where schedule %s ends: nothing is learned from there to step %d",
            settings.schedule_steps,
            settings.schedule,
            max_steps,
        )


def _log_changes(saved: Settings, settings: Settings) -> None:
    for field, value in dataclasses.asdict(settings).items():
        if value != getattr(saved, field):
            log.warning("%s is %s from now on, and was %s", field, value, getattr(saved, field))
