"""The tutorials as data: what each trained, how, and what it reported. Imports no TensorFlow."""

import dataclasses
import os
import reprlib

from cnn_estimator import checks
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

    It is model_fn's `params`, and kept in the model_dir. A seed of None is still to be drawn, and class_names of None,
    ten str otherwise, to be learnt from the data. Making one raises UserError, with the field's name, for a value that
    nothing can be trained with.
    """

    recipe: str
    dataset: str
    network: str
    optimizer: str
    learning_rate: float
    batch_size: int
    seed: int | None
    data_dir: str | None
    class_names: tuple | None = None

    def __post_init__(self):
        recipe = find(self.recipe)
        for field in ("dataset", "network"):
            value, recipes_own = getattr(self, field), getattr(recipe, field)
            if value != recipes_own:
                raise UserError(f"{field} {reprlib.repr(value)}: recipe {recipe.name} has {recipes_own}")
        _check("optimizer", self.optimizer, checks.name, OPTIMIZERS)
        _check("learning_rate", self.learning_rate, checks.learning_rate)
        _check("batch_size", self.batch_size, checks.whole_number, 1, checks.MOST_IMAGES)
        if self.seed is not None:
            _check("seed", self.seed, checks.whole_number, 0, checks.LARGEST_SEED)
        if self.data_dir is not None:
            _check("data_dir", self.data_dir, checks.path)
        if self.class_names is not None:
            _check("class_names", self.class_names, checks.class_names)


def _check(field, value, check, *bounds):
    try:
        check(value, *bounds)
    except ValueError as error:
        raise UserError(f"{field} {reprlib.repr(value)}: {error}") from None


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
    _check("recipe", name, checks.name, RECIPES)
    return RECIPES[name]


def settings(recipe, *, optimizer=None, learning_rate=None, batch_size=None, seed=None, data_dir=None):
    """Returns the Settings of a Recipe with the given overrides; None keeps the recipe's own.

    Raises UserError for a value that nothing can be trained with.
    """
    return Settings(
        recipe=recipe.name,
        dataset=recipe.dataset,
        network=recipe.network,
        optimizer=recipe.optimizer if optimizer is None else optimizer,
        learning_rate=recipe.learning_rate if learning_rate is None else learning_rate,
        batch_size=recipe.batch_size if batch_size is None else batch_size,
        seed=seed,
        data_dir=None if data_dir is None else os.path.abspath(data_dir),
    )


def overrides(settings):
    """Returns {field: value} of what differs from the recipe, of the fields that a recipe has."""
    recipe = find(settings.recipe)
    return {
        field: getattr(settings, field)
        for field in ("optimizer", "learning_rate", "batch_size")
        if getattr(settings, field) != getattr(recipe, field)
    }
