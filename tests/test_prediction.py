import dataclasses
import shutil

import numpy as np
import pytest

from cnn_estimator import datasets, evaluation, figures, inputs, model, recipes, training
from cnn_estimator.errors import UserError
from cnn_estimator.model_dir import settings_of
from cnn_estimator.prediction import Answer, Predictor, draw, table
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


def test_a_run_that_knows_no_names_takes_those_of_the_data(model_dir, data_dir, tmp_path):
    shutil.copytree(model_dir, tmp_path / "run")
    (tmp_path / "run" / "settings.json").unlink()
    shutil.copytree(data_dir, tmp_path / "data")
    names = tuple("abcdefghij")
    (tmp_path / "data" / "class_names.txt").write_text("\n".join(names))
    recipe = recipes.find("fashion_ladder_3")
    with Predictor(str(tmp_path / "run"), recipe=recipe, data_dir=str(tmp_path / "data")) as predictor:
        assert predictor.class_names == names
    found = evaluation.evaluate(str(tmp_path / "run"), recipe=recipe, data_dir=str(tmp_path / "data"))
    assert found.class_names == names
    with Predictor(str(tmp_path / "run"), recipe=recipe) as predictor:
        assert predictor.class_names == datasets.FASHION_MNIST.class_names


def test_a_table_leaves_out_what_is_empty_and_names_the_runners_up():
    shares = np.array([0.05, 0.6, 0.1, 0.25, 0, 0, 0, 0, 0, 0], np.float32)
    answer = Answer("a\nb.png", np.zeros((28, 28)), False, None, shares, tuple("ABCDEFGHIJ"))
    assert table([answer]).splitlines()[0].split() == ["image", "class", "probability", "runners-up"]
    assert table([answer]).splitlines()[1].split() == ["'a\\nb.png'", "B", "60.0%", "D", "25.0%,", "C", "10.0%"]
    known = dataclasses.replace(answer, true_class=3, inverted=True)
    assert table([known]).splitlines()[1].split()[-2:] == ["D", "inverted"]
    assert known.record() | {"probabilities": None} == {
        "image": "a\nb.png",
        "class": "B",
        "probability": pytest.approx(0.6),
        "inverted": True,
        "true_class": "D",
        "probabilities": None,
    }


def test_the_drawing_shows_what_is_known(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(figures, "save", lambda figure, path: drawn.append((figure, path)))
    shares = np.array([0.05, 0.6, 0.1, 0.25, 0, 0, 0, 0, 0, 0], np.float32)
    answer = Answer("/x/a.png", np.zeros((28, 28)), False, None, shares, tuple("ABCDEFGHIJ"))
    draw([answer, dataclasses.replace(answer, true_class=3)], "b.png")
    ((figure, path),) = drawn
    captions = [axes.get_xlabel() for axes in figure.axes if axes.images]
    assert (path, captions) == ("b.png", ["B 60%", "B 60%\ntrue: D"])
    assert [axes.get_title() for axes in figure.axes if axes.images] == ["a.png", "a.png"]
