import shutil

import numpy as np
import pytest

from cnn_estimator import datasets, evaluation, inputs, model, prediction, recipes, training
from cnn_estimator.errors import UserError
from cnn_estimator.model_dir import settings_of
from cnn_estimator.prediction import Predictor
from cnn_estimator.tf1 import tf


@pytest.fixture(scope="module")
def model_dir(tmp_path_factory, data_dir):
    folder = str(tmp_path_factory.mktemp("run"))
    settings = recipes.settings(recipes.find("fashion_ladder_3"), seed=1, batch_size=10, data_dir=data_dir)
    for steps in (2, 2):
        training.train(settings, folder, steps=steps)
    return folder


@pytest.fixture
def images_and_labels(data_dir):
    return datasets.load("fashion_mnist", "test", data_dir)


def test_the_answers_are_those_of_estimators_own_predict(model_dir, images_and_labels):
    estimator = tf.estimator.Estimator(model.model_fn, model_dir, params=settings_of(model_dir))
    input_fn = inputs.numpy_input_fn({"x": images_and_labels.images}, None, batch_size=130, num_epochs=1, shuffle=False)
    expected = list(estimator.predict(input_fn))
    with Predictor(model_dir) as predictor:
        for _ in range(2):
            found = predictor.predict(images_and_labels.images)
            assert found.classes.tolist() == [answer["classes"] for answer in expected]
            np.testing.assert_allclose(
                found.probabilities, [answer["probabilities"] for answer in expected], rtol=1e-5, atol=1e-7
            )
        assert (found.classes == images_and_labels.labels).mean() == pytest.approx(
            evaluation.evaluate(model_dir).metrics["accuracy"], abs=1e-6
        )


def test_any_number_of_images(model_dir, images_and_labels):
    with Predictor(model_dir) as predictor:
        whole = predictor.predict(images_and_labels.images)
        for count in (0, 1, 99, 100, 101):
            part = predictor.predict(images_and_labels.images[:count])
            assert (part.classes.dtype, part.probabilities.dtype) == (np.int64, np.float32)
            assert part.probabilities.shape == (count, 10)
            assert part.classes.tolist() == whole.classes[:count].tolist()


def test_it_loads_once(model_dir, images_and_labels, monkeypatch):
    with Predictor(model_dir) as predictor:
        operations = len(predictor.session.graph.get_operations())
        monkeypatch.setattr(tf.train.Saver, "restore", None)
        predictor.predict(images_and_labels.images)
        assert len(predictor.session.graph.get_operations()) == operations


def test_leaving_it_ends_the_session(model_dir, images_and_labels):
    with Predictor(model_dir) as predictor:
        pass
    with pytest.raises(RuntimeError, match="closed"):
        predictor.predict(images_and_labels.images)


@pytest.mark.parametrize(
    ("images", "problem"),
    [
        (np.zeros((28, 28)), r"images of shape \(28, 28\): they must be \[N, 28, 28\]"),
        (np.zeros((1, 28, 28, 1)), r"images of shape \(1, 28, 28, 1\)"),
        (np.zeros((1, 27, 28)), r"images of shape \(1, 27, 28\)"),
        (np.full((1, 28, 28), 255), r"pixels from 255.0 to 255.0: they must lie in 0..1, divide by 255"),
        (np.full((1, 28, 28), -0.1), "pixels from -0.1"),
        (np.full((1, 28, 28), np.nan), "pixels from nan"),
    ],
)
def test_images_of_another_convention_are_refused(model_dir, images, problem):
    with Predictor(model_dir) as predictor, pytest.raises(ValueError, match=problem):
        predictor.predict(images)


def test_a_checkpoint_may_be_chosen_and_must_be_there(model_dir):
    for wanted, step in ((None, 4), ("2", 2), (f"{model_dir}/model.ckpt-2", 2)):
        with Predictor(model_dir, checkpoint=wanted) as predictor:
            assert predictor.checkpoint.step == step
            assert predictor.class_names == tuple("0123456789")
    with pytest.raises(UserError, match=r"holds no checkpoint model\.ckpt-3"):
        Predictor(model_dir, checkpoint="3")


def test_random_weights_never_predict(tmp_path):
    with pytest.raises(UserError, match="holds no checkpoint: train there first"):
        Predictor(str(tmp_path))


def test_a_broken_checkpoint_is_passed_over(model_dir, tmp_path):
    shutil.copytree(model_dir, tmp_path / "run")
    (tmp_path / "run" / "model.ckpt-4.data-00000-of-00001").write_bytes(b"")
    with Predictor(str(tmp_path / "run")) as predictor:
        assert predictor.checkpoint.step == 2


def test_a_checkpoint_of_another_network_is_refused(model_dir, tmp_path):
    shutil.copytree(model_dir, tmp_path / "run")
    (tmp_path / "run" / "settings.json").unlink()
    with pytest.raises(UserError, match="does not fit network dense_128"):
        Predictor(str(tmp_path / "run"), recipe=recipes.find("fashion_dense"))


def test_files_of_a_folder_are_those_that_are_called_like_images(tmp_path):
    for name in ("b.JPG", "a.png", "notes.txt", ".DS_Store"):
        (tmp_path / name).touch()
    (tmp_path / "empty").mkdir()
    paths, problems = prediction.files([str(tmp_path), "x.doc", str(tmp_path / "empty")])
    assert paths == [f"{tmp_path}/a.png", f"{tmp_path}/b.JPG", "x.doc"]
    (problem,) = problems
    assert problem.startswith(f"{tmp_path}/empty: a folder without images: ")
    assert {".png", ".jpg", ".jpeg", ".webp"} <= set(problem.partition("images: ")[2].split(", "))
