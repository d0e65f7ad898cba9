"""The tutorials as data."""

import ast

import pytest
from helpers import REPOSITORY

from cnn_estimator.data.datasets import DATASETS
from cnn_estimator.recipes import DEFAULT, RECIPES
from cnn_estimator.settings import HYPERPARAMETERS, RULES, find_recipe, hyperparameters

pytestmark = pytest.mark.unit

# recipe: dataset, network, optimizer, learning rate, batch size, steps and accuracies, of the test set and in training,
# as the tutorials give them.
TUTORIALS = {
    "fashion_cnn": ("fashion_mnist", "three_conv_dropout", "adam", 0.001, 100, 1500, "0.89 to 0.90", ""),
    "fashion_ladder_1": ("fashion_mnist", "two_conv", "sgd", 0.001, 100, 1000, "0.29", ""),
    "fashion_ladder_2": ("fashion_mnist", "two_conv", "adam", 0.001, 100, 1000, "0.69", ""),
    "fashion_ladder_3": ("fashion_mnist", "three_conv", "adam", 0.001, 100, 1000, "0.73", ""),
    "fashion_ladder_4": ("fashion_mnist", "three_conv", "adam", 0.001, 100, 1500, "0.82", ""),
    "fashion_dense": ("fashion_mnist", "dense_128", "adam", 0.001, 32, 5 * 60_000 // 32, "0.8754", ""),
    "fashion_cnn_3x3": ("fashion_mnist", "conv_32_64", "adam", 0.001, 32, 10 * 60_000 // 32, "", "0.9745"),
    "fashion_cnn_64": (
        "fashion_mnist",
        "conv_64_64",
        "adam",
        0.001,
        32,
        50 * 60_000 // 32,
        "0.9060",
        "0.9945",
    ),
    "fashion_cnn_64_linear": ("fashion_mnist", "conv_64_64_linear", "adam", 0.001, 64, 10 * 938, "0.9006", ""),
    "mnist_cnn": ("mnist", "two_conv", "sgd", 0.001, 100, 20_000, "(cut off)", ""),
}


def test_recipes_are_the_tutorials():
    found = {}
    for name, recipe in RECIPES.items():
        values = hyperparameters(recipe)
        if recipe.reported or recipe.reported_in_training:
            found[name] = (
                recipe.dataset,
                recipe.network,
                values.optimizer,
                values.learning_rate,
                values.batch_size,
                recipe.steps,
                recipe.reported,
                recipe.reported_in_training,
            )
    assert found == TUTORIALS


def test_every_recipe_has_a_dataset_that_can_be_chosen_and_a_network():
    assert {recipe.dataset for recipe in RECIPES.values()} <= {*DATASETS}
    assert RULES["dataset"].names == tuple(DATASETS)
    assert {recipe.network for recipe in RECIPES.values()} <= _networks()


def _networks():
    """Returns the names of the networks, without loading TensorFlow."""
    tree = ast.parse((REPOSITORY / "cnn_estimator" / "networks.py").read_text())
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_every_recipe_is_found_by_its_name_and_overrides_hyperparameters_only():
    assert DEFAULT in RECIPES
    for name, recipe in RECIPES.items():
        assert find_recipe(name) is recipe
        assert {*recipe.hyperparameters} <= {*HYPERPARAMETERS}
