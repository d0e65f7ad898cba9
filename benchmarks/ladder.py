"""Test accuracies of the tutorials' ladder with one thing changed: python benchmarks/ladder.py relu_on_logits

The changes are what might explain the figures that the tutorial reports, which its settings do not give.
"""

import argparse
import itertools
import tempfile
from collections.abc import Callable
from unittest import mock

import numpy as np

from cnn_estimator.data import datasets
from cnn_estimator.evaluation import evaluate
from cnn_estimator.networks import NETWORKS
from cnn_estimator.recipes import RECIPES
from cnn_estimator.tf1 import tf
from cnn_estimator.training import train

LADDER = [name for name in RECIPES if name.startswith("fashion_ladder")]
PIXELS: dict[str, Callable[[np.ndarray], np.ndarray]] = {  # bytes, otherwise scaled to 0..1
    "unscaled_pixels": lambda pixels: pixels.astype(np.float32),
    "pixels_scaled_twice": lambda pixels: pixels.astype(np.float32) / np.float32(255 * 255),
}
LOGITS: dict[str, Callable[[tf.Tensor], tf.Tensor]] = {
    "softmax_before_loss": tf.nn.softmax,
    "relu_on_logits": tf.nn.relu,
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("change", choices=[*PIXELS, *LOGITS])
    parser.add_argument("--recipes", type=lambda names: names.split(","), default=LADDER)
    parser.add_argument("--seeds", type=lambda seeds: [int(seed) for seed in seeds.split(",")], default=[1])
    parser.add_argument("--steps", type=int, help="instead of the recipe's")
    given = parser.parse_args()
    scale = PIXELS.get(given.change, datasets.scale)
    networks = {name: _then(LOGITS.get(given.change, tf.identity), network) for name, network in NETWORKS.items()}
    with mock.patch.object(datasets, "scale", scale), mock.patch.dict(NETWORKS, networks):
        for recipe, seed in itertools.product(given.recipes, given.seeds):
            with tempfile.TemporaryDirectory() as model_dir:
                trained = train(model_dir, recipe, steps=given.steps, seed=seed)
                accuracy = evaluate(model_dir).metrics["accuracy"]
            what = f"{recipe}, {given.change}, seed {seed}, {trained.step} steps"
            print(f"{what}: {accuracy:.4f}, loss of the last batch {trained.loss:.4f}", flush=True)


def _then(change: Callable[[tf.Tensor], tf.Tensor], network: Callable[..., tf.Tensor]) -> Callable[..., tf.Tensor]:
    return lambda *arguments: change(network(*arguments))


if __name__ == "__main__":
    main()
