"""The real Fashion-MNIST, wherever datasets.load finds it."""

import os

import pytest

from cnn_estimator import datasets, evaluation, recipes, training


def test_200_steps_of_the_default_recipe_reach_80_percent(tmp_path):
    try:
        datasets.load("fashion_mnist", "train")
    except datasets.DatasetError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))
    settings = recipes.settings(recipes.find("fashion_cnn"), seed=1)
    training.train(settings, str(tmp_path), steps=200)
    result = evaluation.evaluate(str(tmp_path))
    assert result["images"] == 10_000
    assert result["accuracy"] >= 0.80
