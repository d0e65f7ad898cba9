"""The verb train: resolve.py says what to train, fit.py trains it, validation.py evaluates while it trains.

What depends on the place where training runs, on one device or on several, is asked of the placement:
distributed/placement.py has it for one device.
"""

import contextlib
import gc
import logging
import os
from collections.abc import Mapping

from cnn_estimator import stopping
from cnn_estimator.distributed.choose import choose_placement
from cnn_estimator.errors import Stopped
from cnn_estimator.recipes import DEFAULT
from cnn_estimator.run_dir.run import RunDir
from cnn_estimator.settings import TrainOptions, check_path, given
from cnn_estimator.training.fit import Training, fit
from cnn_estimator.training.resolve import load, prepare, resolve

__all__ = ["Training", "train"]

log = logging.getLogger("cnn_estimator")


def train(
    model_dir: str | os.PathLike[str],
    recipe: str = DEFAULT,
    *,
    steps: int | None = None,
    epochs: int | None = None,
    max_steps: int | None = None,
    fresh: bool = TrainOptions.fresh,
    log_every: int = TrainOptions.log_every,
    log_tensors: Mapping[str, str] | None = None,
    histograms: bool = TrainOptions.histograms,
    save_every: int = TrainOptions.save_every,
    save_minutes: float | None = None,
    keep_checkpoints: int = TrainOptions.keep_checkpoints,
    eval_every: int | None = None,
    eval_on_test: bool = TrainOptions.eval_on_test,
    keep_best: bool = TrainOptions.keep_best,
    early_stopping: int | None = None,
    strategy: str | None = None,
    devices: int | None = None,
    cluster_timeout: int = TrainOptions.cluster_timeout,
    seed: int | None = None,
    threads: int | None = None,
    precision: str | None = None,
    schedule_steps: int | None = None,
    validation: int | None = None,
    data_dir: str | os.PathLike[str] | None = None,
    crop: bool | None = None,
    init_from: str | os.PathLike[str] | None = None,
    optimizer: str | None = None,
    learning_rate: float | None = None,
    adam_beta2: float | None = None,
    batch_size: int | None = None,
    schedule: str | None = None,
    warmup_steps: int | None = None,
    augment: str | None = None,
    average_decay: float | None = None,
) -> Training:
    """Trains a recipe in a model_dir, starting from the newest intact checkpoint there.

    The same settings end in the same variables on the same machine, bit for bit. Stopping, killing and resuming the run
    do not change them, nor does the number of CPUs.

    Args:
      model_dir: the folder for checkpoints and event files; created if it does not exist.
      recipe: a key of recipes.RECIPES.
      steps: how many steps to train, counted from the newest checkpoint.
      epochs: how many passes over the training images that are not held out, counted from the newest checkpoint,
        instead of steps. The last batch of a pass may be smaller.
      max_steps: the global step to train to, instead of steps and epochs; without all three, the recipe's total.
      fresh: whether to start over: a run in the model_dir is archived as model_dir.1, model_dir.2 and so on.
      log_every: steps between two log lines, and between two points of TensorBoard's curves.
      log_tensors: {label: tensor name} to log beside loss and accuracy.
      histograms: whether to write histograms of the weights for TensorBoard, every log_every steps.
      save_every: steps between two checkpoints; one more is written at the end.
      save_minutes: save also when this many minutes have passed since the last checkpoint.
      keep_checkpoints: number of checkpoints to keep; a new checkpoint replaces the oldest.
      eval_every: steps between two evaluations while training, None for none; the last step is evaluated too.
      eval_on_test: whether to evaluate on the test set while training, for the curves alone.
      keep_best: whether to keep the checkpoint with the highest validation accuracy, in model_dir/best. A run that
        has such a folder keeps it in any case.
      early_stopping: stop after this many evaluations in a row without a higher validation accuracy; None never stops.
      strategy: one of settings.STRATEGIES, to share each batch among several devices or processes; None trains on one
        device. Losses and weights differ from one device's only by rounding, and a run may continue with another
        strategy. A network with batch normalization is refused.
      devices: how many devices of this machine share a batch: the first GPUs, or parts of the CPU where there is no
        GPU, for trying it out; None takes every GPU.
      cluster_timeout: seconds that the processes of a cluster wait for each other, see docs/clusters.md.
      seed: of weights, shuffle and dropout; None takes the seed of the run in the model_dir, or draws one for a new
        run.
      threads: how many threads share an operation, on which the bits depend; None takes the number of the run in the
        model_dir, or for a new run the number of CPUs that this process may use.
      precision: "float32", "bfloat16", or "auto" for bfloat16 where the processor is faster in it; None takes the
        precision of the run in the model_dir, or the recipe's for a new run.
      schedule_steps: the step at which the schedule ends; None takes the end of the run in the model_dir, or for a new
        run the step to train to.
      validation: how many training images to hold out, for evaluations while training; None takes the number of the
        run in the model_dir, or 0 for a new run.
      data_dir: see data.datasets.load; None takes the folder of the run in the model_dir.
      crop: whether to cut the object out of pictures, here and in predictions with the model; None takes the choice of
        the run in the model_dir, or for a new run False for folders of pictures and True for all else.
      init_from: the model_dir of another run, or its folder best/. A new run begins with its newest trained weights,
        the averages where that run has averages. The last layer begins with random weights where the classes differ.
      optimizer, learning_rate, adam_beta2, batch_size, schedule, warmup_steps, augment, average_decay: hyperparameters,
        see settings.Hyperparameters; None takes the recipe's.

    Returns:
      A Training: what the call did.

    Raises:
      UserError: the model_dir holds another run or no intact checkpoint, cannot be written, or is trained in by
        another process; the data is missing or bad; the loss or a weight is not finite; an argument has an invalid
        value; TF_CONFIG does not fit the strategy.
      TaskLost: another process of the cluster was lost or never started.
      Stopped: stopping.request() asked to stop, as the commands do for SIGTERM, SIGHUP and Ctrl-C. Its result is the
        Training so far, saved in its checkpoint, or None where nothing was trained.
    """
    model_dir = check_path("model_dir", model_dir)
    options = TrainOptions(
        recipe=recipe,
        steps=steps,
        epochs=epochs,
        max_steps=max_steps,
        fresh=fresh,
        log_every=log_every,
        log_tensors=log_tensors or {},
        histograms=histograms,
        save_every=save_every,
        save_minutes=save_minutes,
        keep_checkpoints=keep_checkpoints,
        eval_every=eval_every,
        eval_on_test=eval_on_test,
        keep_best=keep_best,
        early_stopping=early_stopping,
        strategy=strategy,
        devices=devices,
        cluster_timeout=cluster_timeout,
        overrides=given(
            seed=seed,
            threads=threads,
            precision=precision,
            schedule_steps=schedule_steps,
            validation=validation,
            data_dir=data_dir,
            crop=crop,
            init_from=init_from,
            optimizer=optimizer,
            learning_rate=learning_rate,
            adam_beta2=adam_beta2,
            batch_size=batch_size,
            schedule=schedule,
            warmup_steps=warmup_steps,
            augment=augment,
            average_decay=average_decay,
        ),
    )
    run_dir = RunDir(model_dir)
    placement = choose_placement(options)
    with run_dir.locked(placement.lock_seconds) if placement.writes else contextlib.nullcontext():
        start = placement.resolve_start(run_dir, options, resolve)
        with placement.telling_errors():
            data = None if start.finished else load(start.settings, options)
            if data and placement.writes:
                prepare(run_dir, options, start, data)
        placement.wait_until_ready(run_dir, start, data)
        result = fit(run_dir, options, start, data, placement) if data else Training.of(run_dir, start)
    gc.collect()  # a graph and its session are reference cycles, which hold much memory
    if result.steps:
        log.info(
            "trained to step %d: loss %.4f, %d steps in %.0f s", result.step, result.loss, result.steps, result.seconds
        )
    received = stopping.requested()
    if received and not start.finished:
        raise Stopped(received, result if result.steps else None)
    return result
