import re

import numpy as np
import pytest
from conftest import steps_in

from cnn_estimator import evaluation, recipes, training
from cnn_estimator.errors import UserError
from cnn_estimator.tf1 import tf


@pytest.mark.parametrize("name", recipes.RECIPES)
def test_every_recipe_trains_and_evaluates(tmp_path, data_dir, name):
    settings = recipes.settings(recipes.find(name), batch_size=20, seed=1, data_dir=data_dir)
    training.train(settings, str(tmp_path), steps=3)
    training.train(settings, str(tmp_path), max_steps=5)
    result = evaluation.evaluate(str(tmp_path)).metrics
    assert (result["global_step"], result["images"]) == (5, 130)


@pytest.mark.parametrize("optimizer", recipes.OPTIMIZERS)
def test_every_optimizer_learns(tmp_path, data_dir, optimizer):
    recipe = recipes.find("fashion_dense")
    settings = recipes.settings(recipe, optimizer=optimizer, learning_rate=0.01, seed=1, data_dir=data_dir)
    training.train(settings, str(tmp_path), steps=100)
    assert evaluation.evaluate(str(tmp_path)).metrics["accuracy"] > 0.9


@pytest.mark.parametrize(("optimizer", "learning_rate"), [("adam", 1e38), ("sgd", 1e30), ("momentum", 1e20)])
@pytest.mark.parametrize("save_every", [1, 500])
def test_a_run_that_diverges_ends_with_its_step_and_learning_rate(
    tmp_path, data_dir, optimizer, learning_rate, save_every
):
    recipe = recipes.find("fashion_dense")
    settings = recipes.settings(recipe, optimizer=optimizer, learning_rate=learning_rate, seed=1, data_dir=data_dir)
    with pytest.raises(UserError) as caught:
        training.train(settings, str(tmp_path), steps=20, save_every=save_every)
    said = re.fullmatch(
        r"(?:loss is (?:nan|inf)|weights are no longer finite) at step (\d+) with (.+?): .+", str(caught.value)
    )
    assert said[2] == f"learning_rate {learning_rate}"
    assert steps_in(tmp_path) == list(range(0, int(said[1]), save_every))[-5:]
    for step in steps_in(tmp_path):
        reader = tf.train.load_checkpoint(str(tmp_path / f"model.ckpt-{step}"))
        assert all(np.isfinite(reader.get_tensor(name)).all() for name in reader.get_variable_to_shape_map())


def test_steps_and_max_steps_exclude_each_other(tmp_path):
    with pytest.raises(ValueError, match="steps 3 and max_steps 5 exclude each other"):
        training.train(recipes.settings(recipes.find("fashion_dense")), str(tmp_path), steps=3, max_steps=5)
