import pytest

from cnn_estimator import model_dir, recipes
from cnn_estimator.errors import UserError

SETTINGS = recipes.Settings("fashion_dense", "fashion_mnist", "dense_128", "adam", 0.001, 32, seed=5)


def test_settings_come_back_as_they_were_written(tmp_path):
    folder = str(tmp_path / "new" / "folder")
    model_dir.write_settings(folder, SETTINGS)
    assert model_dir.read_settings(folder) == SETTINGS


def test_a_folder_without_settings_has_none(tmp_path):
    assert model_dir.read_settings(str(tmp_path)) is None
    assert model_dir.read_settings(str(tmp_path / "missing")) is None


@pytest.mark.parametrize("text", ["", "{", "[]", "3", '{"recipe": "fashion_dense"}', '{"colour": 1}', "\x00"])
def test_settings_that_are_none_are_refused_by_name(tmp_path, text):
    (tmp_path / "settings.json").write_text(text)
    with pytest.raises(UserError, match=f"{tmp_path}/settings.json cannot be read"):
        model_dir.read_settings(str(tmp_path))


def test_a_folder_without_a_checkpoint_is_at_step_0(tmp_path):
    assert model_dir.latest_checkpoint(str(tmp_path)) == (None, 0)
