import dataclasses
import os

import pytest

from cnn_estimator import recipes
from cnn_estimator.errors import UserError

# recipe: dataset, network, optimizer, learning rate, batch size, steps, as the tutorials give them.
TUTORIALS = {
    "fashion_cnn": ("fashion_mnist", "three_conv_dropout", "adam", 0.001, 100, 1500),
    "fashion_ladder_1": ("fashion_mnist", "two_conv", "sgd", 0.001, 100, 1000),
    "fashion_ladder_2": ("fashion_mnist", "two_conv", "adam", 0.001, 100, 1000),
    "fashion_ladder_3": ("fashion_mnist", "three_conv", "adam", 0.001, 100, 1000),
    "fashion_ladder_4": ("fashion_mnist", "three_conv", "adam", 0.001, 100, 1500),
    "fashion_dense": ("fashion_mnist", "dense_128", "adam", 0.001, 32, 5 * 60_000 // 32),
    "fashion_cnn_3x3": ("fashion_mnist", "conv_32_64", "adam", 0.001, 32, 10 * 60_000 // 32),
    "fashion_cnn_64": ("fashion_mnist", "conv_64_64", "adam", 0.001, 32, 50 * 60_000 // 32),
    "fashion_cnn_64_linear": ("fashion_mnist", "conv_64_64_linear", "adam", 0.001, 64, 10 * 938),
    "mnist_cnn": ("mnist", "two_conv", "sgd", 0.001, 100, 20_000),
}


def test_recipes_are_the_tutorials():
    assert {name: dataclasses.astuple(recipe)[1:-1] for name, recipe in recipes.RECIPES.items()} == TUTORIALS
    assert all(name == recipe.name and recipe.reported for name, recipe in recipes.RECIPES.items())


def test_settings_are_the_recipe_with_its_overrides():
    recipe = recipes.find("fashion_ladder_1")
    assert recipes.settings(recipe, seed=0) == recipes.Settings(
        "fashion_ladder_1", "fashion_mnist", "two_conv", "sgd", 0.001, 100, 0, None
    )
    overridden = recipes.settings(
        recipe, optimizer="momentum", learning_rate=0.5, batch_size=7, seed=3, data_dir="data"
    )
    assert overridden == recipes.Settings(
        "fashion_ladder_1", "fashion_mnist", "two_conv", "momentum", 0.5, 7, 3, os.path.abspath("data")
    )


def test_a_seed_is_drawn_where_none_is_given():
    recipe = recipes.find("fashion_cnn")
    assert recipes.settings(recipe).seed != recipes.settings(recipe).seed


def test_a_misspelt_recipe_is_refused_with_the_nearest_name():
    with pytest.raises(UserError, match=r"there is no recipe 'fashon_cnn': did you mean fashion_cnn\?"):
        recipes.find("fashon_cnn")


def test_an_unknown_optimizer_is_refused():
    with pytest.raises(UserError, match="there is no optimizer 'lion': choose one of adam, sgd, momentum"):
        recipes.settings(recipes.find("fashion_cnn"), optimizer="lion")


@pytest.mark.parametrize("learning_rate", [0.0, -1.0, float("nan"), float("inf")])
def test_a_learning_rate_that_is_none_is_refused(learning_rate):
    with pytest.raises(UserError, match=f"learning_rate {learning_rate} is not a number above 0"):
        recipes.settings(recipes.find("fashion_cnn"), learning_rate=learning_rate)
