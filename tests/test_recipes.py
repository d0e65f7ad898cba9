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


def test_a_misspelt_recipe_is_refused_with_the_nearest_name():
    with pytest.raises(UserError, match=r"recipe 'fashon_cnn': no such name, did you mean fashion_cnn\?"):
        recipes.find("fashon_cnn")


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        ("optimizer", "lion", "no such name, choose one of adam, sgd, momentum"),
        ("optimizer", ["adam"], "no such name"),
        ("recipe", None, "no such name"),
        ("dataset", "mnist", "recipe fashion_cnn has fashion_mnist"),
        ("network", "two_conv", "recipe fashion_cnn has three_conv_dropout"),
        ("learning_rate", 0.0, "not a number from"),
        ("learning_rate", -1.0, "not a number from"),
        ("learning_rate", float("nan"), "not a number from"),
        ("learning_rate", float("inf"), "not a number from"),
        ("learning_rate", 1e-39, "not a number from"),
        ("learning_rate", "0.1", "not a number from"),
        ("learning_rate", True, "not a number from"),
        ("batch_size", 0, "not a whole number from 1 to 60000"),
        ("batch_size", 60_001, "not a whole number"),
        ("batch_size", 2.0, "not a whole number"),
        ("batch_size", True, "not a whole number"),
        ("seed", -1, "not a whole number from 0 to 2147483647"),
        ("seed", 2**31, "not a whole number"),
        ("data_dir", "", "not a path"),
        ("data_dir", 7, "not a path"),
        ("data_dir", "a\0b", "not a path"),
        ("data_dir", "\ud800", "not UTF-8, which TensorFlow needs"),
    ],
)
def test_settings_that_nothing_can_be_trained_with_are_refused_by_name(field, value, problem):
    settings = recipes.settings(recipes.find("fashion_cnn"), seed=1)
    with pytest.raises(UserError) as caught:
        dataclasses.replace(settings, **{field: value})
    assert str(caught.value).startswith(f"{field} {value!r}: {problem}")


def test_the_largest_and_smallest_settings():
    recipe = recipes.find("fashion_cnn")
    for learning_rate in (1.2e-38, 3.4e38, 1):
        assert recipes.settings(recipe, learning_rate=learning_rate, batch_size=60_000, seed=2**31 - 1)
    assert recipes.settings(recipe, seed=0).seed == 0
