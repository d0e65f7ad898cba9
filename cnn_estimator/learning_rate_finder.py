"""Finds a learning rate: trains some batches while the rate rises, and looks where the loss falls fastest.

The method is the learning rate range test of L. N. Smith, Cyclical Learning Rates for Training Neural Networks, 2017.
"""

import contextlib
import dataclasses
import logging
import math
import os
import secrets
import tempfile
from collections.abc import Mapping

import numpy as np
from tqdm import tqdm

from cnn_estimator import inputs, stopping
from cnn_estimator.data import augmentation, datasets
from cnn_estimator.distributed import tf_config
from cnn_estimator.dropout import Dropout
from cnn_estimator.errors import UserError
from cnn_estimator.hardware import resolve_precision
from cnn_estimator.model import minimize
from cnn_estimator.model_session import make_session_config
from cnn_estimator.networks import NETWORKS
from cnn_estimator.progress import progress_bar
from cnn_estimator.recipes import DEFAULT
from cnn_estimator.settings import MAX_SEED, Settings, check, check_optional_path, find_recipe, given, make_settings
from cnn_estimator.tf1 import tf

log = logging.getLogger("cnn_estimator")

LOSS = "batch_loss"
RATE = "learning_rate"
DIVERGED = 4  # times the lowest loss: the search ends
RECENT = 5  # losses whose median is compared, because single batches are noisy
SMOOTHING = 0.04  # the standard deviation of the smoothing, as a fraction of the batches


@dataclasses.dataclass(frozen=True)
class LearningRateSearch:
    """The result of find_learning_rate().

    Attributes:
      settings: what was trained, and how, but for the learning rate.
      rates: float64 [N], the learning rate of each batch, rising.
      losses: float64 [N], the loss of each batch before its step.
      smoothed: float64 [N], the losses without the noise of single batches.
      suggestion: the rate at which the smoothed loss falls fastest.
    """

    settings: Settings
    rates: np.ndarray
    losses: np.ndarray
    smoothed: np.ndarray
    suggestion: float


def find_learning_rate(
    *,
    recipe: str = DEFAULT,
    data_dir: str | os.PathLike[str] | None = None,
    crop: bool | None = None,
    optimizer: str | None = None,
    adam_beta2: float | None = None,
    batch_size: int | None = None,
    augment: str | None = None,
    precision: str | None = None,
    seed: int | None = None,
    batches: int = 100,
    lowest_rate: float = 1e-7,
    highest_rate: float = 10.0,
) -> LearningRateSearch:
    """Trains a new network for some batches with a rising learning rate, and suggests one. Keeps no weights.

    Args:
      recipe, data_dir, crop, optimizer, adam_beta2, batch_size, augment, precision, seed: as train() takes them.
      batches: how many batches to train on. The search ends earlier when the loss has diverged.
      lowest_rate, highest_rate: the learning rates of the first and of the last batch. The rate rises by the same
        factor from batch to batch.

    Raises:
      UserError: a value breaks its rule, the data cannot be read, or the loss never falls.
      Stopped: a stop signal ended the search.
    """
    recipe_data = find_recipe(recipe)
    if check("lowest_rate", lowest_rate) >= check("highest_rate", highest_rate):
        raise UserError(
            f"lowest_rate {lowest_rate} is not below highest_rate {highest_rate}", "choose a lower {lowest_rate}"
        )
    data_dir = check_optional_path("data_dir", data_dir)
    crop = datasets.crops(data_dir) if crop is None else check("crop", crop)
    data = datasets.load(recipe_data.dataset, "train", data_dir, crop=crop)
    settings = make_settings(
        recipe,
        class_names=data.class_names,
        crop=crop,
        schedule="constant",
        warmup_steps=0,
        average_decay=0.0,
        seed=secrets.randbelow(MAX_SEED + 1) if seed is None else seed,
        precision=resolve_precision(precision or recipe_data.precision),
        **given(data_dir=data_dir, optimizer=optimizer, adam_beta2=adam_beta2, batch_size=batch_size, augment=augment),
    )
    log.info("trying learning rates from %g to %g with %s", lowest_rate, highest_rate, settings)
    rates = np.geomspace(lowest_rate, highest_rate, check("batches", batches))
    losses = _train(settings, data, rates)
    rates = rates[: len(losses)]
    smoothed = _smooth(losses)
    return LearningRateSearch(settings, rates, losses, smoothed, _steepest(rates, smoothed))


def _train(settings: Settings, data: datasets.Split, rates: np.ndarray) -> np.ndarray:
    """Returns the loss of each batch, float64, until the last rate or until the loss has diverged."""
    input_fn = inputs.numpy_input_fn(
        {"x": data.pixels},
        data.labels,
        batch_size=settings.batch_size,
        num_epochs=None,
        shuffle=True,
        seed=settings.seed,
        augment=augmentation.create(settings.augment),
        transform=datasets.scale,
    )
    with tempfile.TemporaryDirectory() as folder, progress_bar(total=len(rates), initial=0) as bar:
        with tf_config.hidden():
            config = tf.estimator.RunConfig(
                model_dir=folder,
                tf_random_seed=settings.seed,
                session_config=make_session_config(settings.precision, settings.threads),
                save_summary_steps=None,
                save_checkpoints_secs=None,
                log_step_count_steps=None,
            )
        raise_rate = RaiseRate(rates, bar)
        estimator = tf.estimator.Estimator(_model_fn, params=settings, config=config)
        with contextlib.suppress(tf.train.NanLossDuringTrainingError):  # raise_rate has kept the losses before it
            estimator.train(input_fn, [raise_rate], len(rates))
    if len(raise_rate.losses) < len(rates):
        log.info("stopped after %d of %d batches: the loss has diverged", len(raise_rate.losses), len(rates))
    return np.array(raise_rate.losses)


def _model_fn(
    features: Mapping[str, tf.Tensor], labels: tf.Tensor, mode: str, params: Settings
) -> tf.estimator.EstimatorSpec:
    """The training graph of model.model_fn, with a learning rate that is fed."""
    logits = NETWORKS[params.network](features["x"], Dropout(params.seed, training=True), params.classes)
    loss = tf.losses.sparse_softmax_cross_entropy(labels=labels, logits=logits)
    rate = tf.placeholder(tf.float32, [], name=RATE)
    return tf.estimator.EstimatorSpec(mode, loss=tf.identity(loss, name=LOSS), train_op=minimize(loss, rate, params))


class RaiseRate(tf.train.SessionRunHook):
    """Feeds each step the next learning rate, and keeps the losses. Ends training when the loss has diverged.

    Attributes:
      losses: the finite loss of each batch, before its step.
    """

    def __init__(self, rates: np.ndarray, bar: tqdm) -> None:
        self._rates = rates
        self._bar = bar
        self.losses: list[float] = []

    def before_run(self, run_context: tf.train.SessionRunContext) -> tf.train.SessionRunArgs:
        return tf.train.SessionRunArgs(f"{LOSS}:0", {f"{RATE}:0": self._rates[len(self.losses)]})

    def after_run(self, run_context: tf.train.SessionRunContext, run_values: tf.train.SessionRunValues) -> None:
        stopping.check()
        loss = float(run_values.results)
        if math.isfinite(loss):
            self.losses.append(loss)
            self._bar.update()
        if not math.isfinite(loss) or np.median(self.losses[-RECENT:]) > DIVERGED * min(self.losses):
            run_context.request_stop()


def _smooth(losses: np.ndarray) -> np.ndarray:
    """Returns the losses averaged with their neighbours, by a Gaussian window that is cut off at both ends."""
    index = np.arange(len(losses))
    weights = np.exp(-(((index[:, np.newaxis] - index) / (SMOOTHING * len(losses))) ** 2) / 2)
    return weights @ losses / weights.sum(axis=1)


def _steepest(rates: np.ndarray, smoothed: np.ndarray) -> float:
    """Returns the rate at which the smoothed loss falls fastest, before the lowest loss.

    Raises:
      UserError: the loss does not fall.
    """
    lowest = int(np.argmin(smoothed))
    if lowest < 2:
        raise UserError(
            f"the loss does not fall at any learning rate from {rates[0]:g} to {rates[-1]:g}",
            "try lower ones with {lowest_rate}",
        )
    steepest = int(np.argmin(np.gradient(smoothed[: lowest + 1])))
    return float(rates[steepest])
