import pytest
from conftest import write_idx_folder

from cnn_estimator import evaluation, recipes, training


def test_the_batch_size_changes_no_result(tmp_path, data_dir):
    """130 images: one batch, or a remainder that would weigh too much in a mean over batches."""
    settings = recipes.settings(recipes.find("fashion_dense"), seed=1, data_dir=data_dir)
    training.train(settings, str(tmp_path), steps=2)
    whole = evaluation.evaluate(str(tmp_path), batch_size=130)
    assert 0 < whole["accuracy"] < 1
    for batch_size in (1, 64, 129, 1000):
        result = evaluation.evaluate(str(tmp_path), batch_size=batch_size)
        assert result == whole | {"loss": pytest.approx(whole["loss"], rel=2e-6)}


def test_the_data_is_the_runs_own_unless_another_is_named(tmp_path, data_dir):
    settings = recipes.settings(recipes.find("fashion_dense"), seed=1, data_dir=data_dir)
    training.train(settings, str(tmp_path / "model"), steps=1)
    assert evaluation.evaluate(str(tmp_path / "model"))["images"] == 130
    write_idx_folder(tmp_path, test=20)
    assert evaluation.evaluate(str(tmp_path / "model"), data_dir=str(tmp_path))["images"] == 20
