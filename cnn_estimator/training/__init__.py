"""The verb train."""

import gc
import logging
import os
from collections.abc import Mapping
from typing import Any

from cnn_estimator import recipes, stopping
from cnn_estimator.distributed import mirrored, multi_worker, tf_config
from cnn_estimator.errors import Stopped, UserError
from cnn_estimator.hardware import resolve_precision
from cnn_estimator.roles import take_part
from cnn_estimator.run_dir.run import RunDir
from cnn_estimator.settings import HELP, HYPERPARAMETERS, Hyperparameters, check, check_optional, given, suggestion
from cnn_estimator.training.fit import Intervals, Training, Where
from cnn_estimator.training.resolve import Request, follow, lead
from cnn_estimator.training.validation import Plan

log = logging.getLogger("cnn_estimator")


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
    precision: str | None = None,
    schedule_steps: int | None = None,
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
      precision: "float32", "bfloat16", or "auto" for bfloat16 where the processor is faster in it; None takes that of
        the run in the model_dir, or the recipe's for a new run.
      data_dir: see datasets.load; None takes that of the run in the model_dir.
      validation: how many training images to hold out, for evaluations during training; None takes that of the run in
        the model_dir, or 0 for a new run.
      schedule_steps: the step at which the schedule ends; None takes that of the run in the model_dir, or for a new run
        the step to train to.
      overrides: hyperparameters instead of the recipe's: optimizer, learning_rate, adam_beta2, batch_size, schedule,
        warmup_steps, augment, average_decay, see Hyperparameters; None keeps its own.

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
    if unknown := overrides.keys() - {*HYPERPARAMETERS}:
        raise TypeError(f"train() got an unexpected argument {min(unknown)!r}, {suggestion(min(unknown), HELP)}")
    task = tf_config.read_task(strategy)
    model_dir = check("model_dir", model_dir)
    data_dir = check_optional("data_dir", data_dir)
    check_optional("steps", steps)
    check_optional("max_steps", max_steps)
    check("cluster_timeout", cluster_timeout)
    evaluations = Plan(eval_every, eval_on_test, keep_best, early_stopping)
    intervals = Intervals(log_every, log_tensors or {}, save_every, keep_checkpoints, evaluations)
    chosen = given(
        seed=seed,
        threads=threads,
        schedule_steps=schedule_steps,
        validation=validation,
        data_dir=data_dir,
        **overrides,
    )
    follows = task is not None and not task.is_chief
    if precision is not None and not (follows and precision == "auto"):  # then the chief's processor decides
        chosen["precision"] = resolve_precision(check("precision", precision))
    if task and devices is not None:
        raise UserError(f"devices {devices}: each task of a cluster uses all of its GPUs", "leave {devices} out")
    distribution = mirrored.Distribution(strategy) if task else mirrored.create(strategy, devices)
    request = Request(recipe, chosen, steps, max_steps, fresh, intervals)
    run, where = RunDir(model_dir), Where(distribution, task, cluster_timeout)
    with tf_config.tf_config(None):
        if task and task.parameter_servers:
            result = take_part(run, request, where)
        elif task and follows:
            result = follow(run, request, where, multi_worker.agree(task, None, cluster_timeout))
        else:
            result = lead(run, request, where)
    if not result.steps:
        return result
    gc.collect()  # a graph and its session are reference cycles, and hold memory until they are found
    log.info(
        "trained to step %d: loss %.4f, %d steps in %.0f s", result.step, result.loss, result.steps, result.seconds
    )
    if received := stopping.requested():
        raise Stopped(received, result)
    return result
