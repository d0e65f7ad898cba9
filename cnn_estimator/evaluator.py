"""The evaluator of a cluster with parameter servers: it evaluates what the chief saves, while others train."""

import logging
import os
import time
from collections.abc import Callable

from cnn_estimator import stopping
from cnn_estimator.distributed.parameter_servers import ChiefWatch
from cnn_estimator.errors import UserError
from cnn_estimator.run_dir import checkpoints
from cnn_estimator.run_dir.run import RunDir
from cnn_estimator.tf1 import tf
from cnn_estimator.training.validation import Evaluations

log = logging.getLogger("cnn_estimator")

_POLL_SECONDS = 0.5


def evaluate_checkpoints(
    run: RunDir,
    evaluations: Evaluations,
    *,
    first_step: int,
    max_steps: int,
    watch: ChiefWatch,
    is_new_run: Callable[[], bool],
) -> bool:
    """Evaluates the checkpoints of a run, as its evaluator, up to that of the last step or until it stops early.

    Returns whether that came to its end, and not because the chief has begun anew: it may train something else now.

    Args:
      evaluations: what they lead to; its plan has `every`.
      first_step, max_steps: the global steps to begin after and to train to.
      is_new_run: returns whether the chief has.

    Raises:
      TaskLost: the chief was away for too long.
      Stopped: a stop signal came.
    """
    every = evaluations.plan.every
    assert every
    done, pending, over = _begin(run, evaluations, first_step), set[int](), False
    while done < max_steps and not evaluations.out_of_patience:
        stopping.check()
        if is_new_run():
            return False
        saved = checkpoints.complete_steps(run.path)
        if saved and saved[-1] < done:  # the run went back to an earlier checkpoint
            done = _begin(run, evaluations, saved[-1])
        pending = {step for step in (*pending, *saved) if step > done}
        due = [step for step in pending if step // every > done // every or step >= max_steps]
        if due:
            done = min(due)
            _evaluate_checkpoint(run, evaluations, done)
        elif over:
            return True
        else:
            over = watch.is_over()
            time.sleep(_POLL_SECONDS)
    return True


def _begin(run: RunDir, evaluations: Evaluations, step: int) -> int:
    """Takes up what is known up to the newest checkpoint; returns the step after which to evaluate."""
    evaluations.read(max([step, *checkpoints.complete_steps(run.path)]))
    evaluated = max([record.step for record in evaluations.records], default=step)
    evaluations.begin(evaluated)
    return evaluated


def _evaluate_checkpoint(run: RunDir, evaluations: Evaluations, step: int) -> None:
    """Evaluates the checkpoint of a step; logs a warning where it was deleted before."""
    try:
        with checkpoints.snapshot(run.path, step) as snapshot:
            path = snapshot.copy.path
            reader = tf.train.load_checkpoint(path)
            weights = {name: reader.get_tensor(name) for name in evaluations.evaluator.variables}
            with checkpoints.saving(f"model_dir {run.path}"):
                evaluations.add(step, weights, lambda best: checkpoints.copy(path, os.path.dirname(best)))
    except UserError as error:
        if step in checkpoints.complete_steps(run.path):
            raise
        log.warning("step %d was not evaluated: %s", step, error)
