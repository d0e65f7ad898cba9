import pytest

from cnn_estimator import evaluation, recipes, training


@pytest.mark.parametrize("name", recipes.RECIPES)
def test_every_recipe_trains_and_evaluates(tmp_path, data_dir, name):
    settings = recipes.settings(recipes.find(name), batch_size=20, seed=1, data_dir=data_dir)
    training.train(settings, str(tmp_path), steps=3)
    training.train(settings, str(tmp_path), max_steps=5)
    result = evaluation.evaluate(str(tmp_path))
    assert (result["global_step"], result["images"]) == (5, 130)


@pytest.mark.parametrize("optimizer", recipes.OPTIMIZERS)
def test_every_optimizer_learns(tmp_path, data_dir, optimizer):
    recipe = recipes.find("fashion_dense")
    settings = recipes.settings(recipe, optimizer=optimizer, learning_rate=0.01, seed=1, data_dir=data_dir)
    training.train(settings, str(tmp_path), steps=100)
    assert evaluation.evaluate(str(tmp_path))["accuracy"] > 0.9
