"""The real Fashion-MNIST, wherever datasets.load finds it."""

import pytest
from helpers import load_public

from cnn_estimator import evaluation, training


@pytest.mark.integration
def test_200_steps_of_the_default_recipe_reach_80_percent(tmp_path):
    load_public("fashion_mnist", "train")
    training.train(str(tmp_path), "fashion_cnn", steps=200, seed=1)
    result = evaluation.evaluate(str(tmp_path)).metrics
    assert result["images"] == 10_000
    assert result["accuracy"] >= 0.80
