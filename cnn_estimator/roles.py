"""What each task of a cluster with parameter servers does."""

import contextlib
import dataclasses
import logging
from collections.abc import Callable

from cnn_estimator import stopping
from cnn_estimator.distributed import multi_worker, parameter_servers
from cnn_estimator.distributed.chief_plan import SharedPlan
from cnn_estimator.distributed.parameter_servers import Member
from cnn_estimator.errors import Stopped
from cnn_estimator.evaluator import evaluate_checkpoints
from cnn_estimator.run_dir import checkpoints, evaluations
from cnn_estimator.run_dir.run import RunDir
from cnn_estimator.settings import find_recipe
from cnn_estimator.training.fit import Training, Where, session_config_of
from cnn_estimator.training.resolve import Request, follow, lead, load, resolve_settings
from cnn_estimator.training.validation import Evaluations, Evaluator

log = logging.getLogger("cnn_estimator")


def take_part(run: RunDir, request: Request, where: Where) -> Training:
    """Does what this process's task does in a cluster with parameter servers."""
    task, patience = where.task, request.intervals.evaluations.patience
    assert task
    goal = None if request.fresh or request.steps else request.max_steps or find_recipe(request.recipe).steps

    def finished() -> bool:
        return parameter_servers.is_finished(run, goal, patience)

    if task.is_parameter_server:
        parameter_servers.serve(task, where.timeout, finished)
    elif task.is_evaluator:
        _evaluate_meanwhile(run, request, where, finished)
    else:
        where = dataclasses.replace(where, member=Member(task, where.timeout, finished))
        if task.is_chief:
            return _lead_others(run, request, where)
        if (result := _follow_apart(run, request, where)) is not None:
            return result
    return _outcome(run, request, goal)


def _outcome(run: RunDir, request: Request, goal: int | None) -> Training:
    """Returns what became of a run that other tasks trained."""
    settings = run.read_settings(request.given.get("data_dir")) or resolve_settings(
        run, None, request, goal or find_recipe(request.recipe).steps
    )
    step = checkpoints.last_saved_step(run.path)
    best = evaluations.best(evaluations.read(run.path, last_step=step))
    return Training(run.path, settings, step, run.last_goal() or goal or step, best=best)


def _lead_others(run: RunDir, request: Request, where: Where) -> Training:
    """Trains as the chief of a cluster with parameter servers, on from the last checkpoint when one was lost."""
    assert where.member
    began = False
    while True:
        try:
            result = lead(run, request, where)
        except multi_worker.LOST as error:
            where.member.lost(error)
            began, max_steps = True, run.last_goal() or request.max_steps
            request = dataclasses.replace(request, steps=None, max_steps=max_steps, fresh=False)
            continue
        except Stopped as stopped:
            raise Stopped(stopped.signal, _outcome(run, request, request.max_steps) if began else None) from None
        if result.steps and (result.step >= result.max_steps or result.stopped_early):
            where.member.leave()
        return result


def _follow_apart(run: RunDir, request: Request, where: Where) -> Training | None:
    """Trains as a worker of a cluster with parameter servers; returns None if there is nothing more to train."""
    member = where.member
    assert member
    while text := member.wait_for_plan():
        try:
            result = follow(run, request, where, text)
        except multi_worker.LOST as error:
            member.lost(error)
            continue
        if stopping.requested() or member.wait_for_end():
            member.leave()
            return result
    return None


def _evaluate_meanwhile(run: RunDir, request: Request, where: Where, finished: Callable[[], bool]) -> None:
    """Evaluates the checkpoints of a run, as the evaluator of a cluster with parameter servers."""
    if request.intervals.evaluations.every is None:
        log.info("there is nothing to evaluate without eval_every")
        return
    while not _evaluate_run(run, request, where, finished):
        log.info("the chief has begun anew")


def _evaluate_run(run: RunDir, request: Request, where: Where, finished: Callable[[], bool]) -> bool:
    """Evaluates what the chief trains now; returns whether that has come to its end."""
    task, plan, shared = where.task, request.intervals.evaluations, None
    assert task
    text = parameter_servers.wait_for_plan(task, where.timeout, finished)
    if text:
        shared = SharedPlan.read(text)
        shared.check_given(request.recipe, request.given)
        settings, first_step, max_steps = shared.settings, shared.first_step, shared.max_steps
    else:
        known = _outcome(run, request, None)
        settings, first_step, max_steps = known.settings, 0, known.max_steps
    settings = dataclasses.replace(settings, data_dir=request.given.get("data_dir", settings.data_dir))
    plan.check_held_out(settings.validation)
    data = load(Training(run.path, settings, first_step, max_steps), plan)
    if shared and shared.data:
        shared.check_data(data.training)
    with contextlib.closing(Evaluator(settings, session_config_of(settings))) as evaluator:
        return evaluate_checkpoints(
            run,
            Evaluations(run, plan, evaluator, data.held_out, data.test),
            first_step=first_step,
            max_steps=max_steps,
            watch=parameter_servers.ChiefWatch(task, where.timeout, finished),
            is_new_run=lambda: multi_worker.told(task) not in (None, text),
        )
