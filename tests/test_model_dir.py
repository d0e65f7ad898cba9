import pytest

from cnn_estimator import model_dir, recipes
from cnn_estimator.errors import UserError
from cnn_estimator.tf1 import tf

SETTINGS = recipes.Settings("fashion_dense", "fashion_mnist", "dense_128", "adam", 0.001, 32, seed=5, data_dir=None)


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


def test_a_name_that_tensorflow_reads_as_a_pattern_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"run\[1\]': TensorFlow reads \*, \? and \[ as patterns"):
        model_dir.latest_checkpoint(str(tmp_path / "run[1]"))


def test_a_checkpoint_that_estimator_did_not_write_is_refused(tmp_path):
    with tf.Graph().as_default(), tf.Session() as session:
        variable = tf.get_variable("conv2d/kernel", [1])
        session.run(variable.initializer)
        tf.train.Saver([variable]).save(session, str(tmp_path / "model.ckpt"))
    with pytest.raises(UserError, match=r"model\.ckpt has no global_step"):
        model_dir.latest_checkpoint(str(tmp_path))


def test_a_folder_without_a_checkpoint_is_at_step_0(tmp_path):
    assert model_dir.latest_checkpoint(str(tmp_path)) == (None, 0)
