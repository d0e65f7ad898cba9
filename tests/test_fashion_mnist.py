"""The real Fashion-MNIST, wherever datasets.load finds it."""

import pytest
from conftest import load_public

from cnn_estimator import evaluation, recipes, training


@pytest.mark.slow
def test_200_steps_of_the_default_recipe_reach_80_percent(tmp_path):
    load_public("fashion_mnist", "train")
    settings = recipes.settings(recipes.find("fashion_cnn"), seed=1)
    training.train(settings, str(tmp_path), steps=200)
    result = evaluation.evaluate(str(tmp_path)).metrics
    assert result["images"] == 10_000
    assert result["accuracy"] >= 0.80
