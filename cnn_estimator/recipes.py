"""The tutorials as data: what each trained, how, and what it reported. Imports no TensorFlow."""

import dataclasses
import difflib
import math
import os
import secrets

from cnn_estimator.errors import UserError

OPTIMIZERS = ("adam", "sgd", "momentum")


@dataclasses.dataclass(frozen=True)
class Recipe:
    """One tutorial's choices. `reported` is the accuracy that it quotes, on the test set where it does not say."""

    name: str
    dataset: str
    network: str
    optimizer: str
    learning_rate: float
    batch_size: int
    steps: int
    reported: str


@dataclasses.dataclass(frozen=True)
class Settings:
    """What a run trains and how: a recipe with its overrides, a seed, and where the data is, as in datasets.load.

    It is model_fn's `params`, and kept in the model_dir.
    """

    recipe: str
    dataset: str
    network: str
    optimizer: str
    learning_rate: float
    batch_size: int
    seed: int
    data_dir: str | None


RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe("fashion_cnn", "fashion_mnist", "three_conv_dropout", "adam", 0.001, 100, 1500, "0.89 to 0.90"),
        Recipe("fashion_ladder_1", "fashion_mnist", "two_conv", "sgd", 0.001, 100, 1000, "0.29"),
        Recipe("fashion_ladder_2", "fashion_mnist", "two_conv", "adam", 0.001, 100, 1000, "0.69"),
        Recipe("fashion_ladder_3", "fashion_mnist", "three_conv", "adam", 0.001, 100, 1000, "0.73"),
        Recipe("fashion_ladder_4", "fashion_mnist", "three_conv", "adam", 0.001, 100, 1500, "0.82"),
        Recipe("fashion_dense", "fashion_mnist", "dense_128", "adam", 0.001, 32, 9375, "0.8754"),
        Recipe("fashion_cnn_3x3", "fashion_mnist", "conv_32_64", "adam", 0.001, 32, 18750, "0.9745 in training"),
        Recipe("fashion_cnn_64", "fashion_mnist", "conv_64_64", "adam", 0.001, 32, 93750, "0.9060, 0.9945 in training"),
        Recipe("fashion_cnn_64_linear", "fashion_mnist", "conv_64_64_linear", "adam", 0.001, 64, 9380, "0.9006"),
        Recipe("mnist_cnn", "mnist", "two_conv", "sgd", 0.001, 100, 20000, "(cut off)"),
    )
}


def find(name):
    """Returns the Recipe of that name; raises UserError, with the nearest name, where there is none."""
    return RECIPES[_known("recipe", name, RECIPES)]


def settings(recipe, *, optimizer=None, learning_rate=None, batch_size=None, seed=None, data_dir=None):
    """Returns the Settings of a Recipe with the given overrides; None keeps the recipe's own.

    A seed that is not given is drawn. Raises UserError for a value that nothing can be trained with.
    """
    optimizer = _known("optimizer", optimizer or recipe.optimizer, OPTIMIZERS)
    learning_rate = recipe.learning_rate if learning_rate is None else learning_rate
    if not (learning_rate > 0 and math.isfinite(learning_rate)):
        raise UserError(f"learning_rate {learning_rate} is not a number above 0: try {recipe.learning_rate}")
    batch_size = recipe.batch_size if batch_size is None else batch_size
    return Settings(
        recipe=recipe.name,
        dataset=recipe.dataset,
        network=recipe.network,
        optimizer=optimizer,
        learning_rate=learning_rate,
        batch_size=batch_size,
        seed=secrets.randbelow(2**31) if seed is None else seed,
        data_dir=data_dir and os.path.abspath(data_dir),
    )


def _known(kind, name, names):
    if name in names:
        return name
    nearest = difflib.get_close_matches(name, names, n=1)
    advice = f"did you mean {nearest[0]}?" if nearest else f"choose one of {', '.join(names)}"
    raise UserError(f"there is no {kind} {name!r}: {advice}")
