import dataclasses
import io
import shutil
import signal

import numpy as np
import pytest
from PIL import Image

from cnn_estimator import evaluation, inputs, model, stopping
from cnn_estimator.data import datasets, pictures
from cnn_estimator.errors import Stopped, UserError
from cnn_estimator.prediction import Prediction, Predictor, Result, plot, predict, table
from cnn_estimator.run_dir.run import RunDir
from cnn_estimator.tf1 import tf

pytestmark = pytest.mark.integration

PROBABILITIES = np.array([0.05, 0.6, 0.1, 0.25, 0, 0, 0, 0, 0, 0], np.float32)


@pytest.fixture
def images_and_labels(data_dir):
    return datasets.load("fashion_mnist", "test", data_dir)


def test_a_predictor_predicts_what_estimator_predict_does(trained, images_and_labels):
    estimator = tf.estimator.Estimator(model.model_fn, str(trained), params=RunDir(str(trained)).load_settings())
    input_fn = inputs.numpy_input_fn({"x": images_and_labels.images}, None, batch_size=130, num_epochs=1, shuffle=False)
    expected = list(estimator.predict(input_fn))
    with Predictor(str(trained)) as predictor:
        for _ in range(2):
            found = predictor.predict(images_and_labels.images)
            assert found.classes.tolist() == [prediction["classes"] for prediction in expected]
            np.testing.assert_allclose(
                found.probabilities, [prediction["probabilities"] for prediction in expected], rtol=1e-5, atol=1e-7
            )
        assert (found.classes == images_and_labels.labels).mean() == pytest.approx(
            evaluation.evaluate(str(trained)).accuracy, abs=1e-6
        )


def test_a_predictor_takes_any_number_of_images_until_it_is_closed(trained, images_and_labels):
    with Predictor(trained) as predictor:
        whole = predictor.predict(images_and_labels.images)
        for count in (0, 1, 100, 101):
            part = predictor.predict(images_and_labels.images[:count])
            assert (part.classes.dtype, part.probabilities.dtype) == (np.int64, np.float32)
            assert part.probabilities.shape == (count, 10)
            assert part.classes.tolist() == whole.classes[:count].tolist()
    with pytest.raises(RuntimeError, match="closed"):
        predictor.predict(images_and_labels.images)


@pytest.mark.parametrize(
    ("images", "problem"),
    [
        (np.zeros((28, 28)), r"images of shape \(28, 28\): they must be \[N, 28, 28\]"),
        (np.zeros((1, 27, 28)), r"images of shape \(1, 27, 28\)"),
        (np.full((1, 28, 28), 255), r"pixels from 255.0 to 255.0: they must lie in 0..1, divide by 255"),
        (np.full((1, 28, 28), -0.1), "pixels from -0.1"),
        (np.full((1, 28, 28), np.nan), r"pixels from nan to nan: they must lie in 0\.\.1$"),
    ],
)
def test_images_of_another_shape_or_range_are_refused(trained, images, problem):
    with Predictor(str(trained)) as predictor, pytest.raises(ValueError, match=problem):
        predictor.predict(images)


def test_a_checkpoint_is_chosen_by_step_or_path(trained):
    for wanted, step in ((None, 120), ("30", 30), (60, 60), (f"{trained}/model.ckpt-30", 30)):
        with Predictor(str(trained), checkpoint=wanted) as predictor:
            assert predictor.checkpoint.step == step
            assert predictor.class_names == tuple("0123456789")
    with pytest.raises(UserError, match=r"holds no checkpoint model\.ckpt-3:"):
        Predictor(str(trained), checkpoint="3")


def test_a_run_without_class_names_takes_those_of_the_data(model_dir, data_dir, tmp_path):
    (model_dir / "settings.json").unlink()
    shutil.copytree(data_dir, tmp_path / "data")
    names = tuple("abcdefghij")
    (tmp_path / "data" / "class_names.txt").write_text("\n".join(names))
    options = {"recipe": "fashion_dense", "data_dir": str(tmp_path / "data")}
    with Predictor(str(model_dir), **options) as predictor:
        assert predictor.class_names == names
    assert evaluation.evaluate(str(model_dir), **options).class_names == names
    with Predictor(str(model_dir), recipe="fashion_dense") as predictor:
        assert predictor.class_names == datasets.FASHION_MNIST.class_names


def test_files_and_test_images_are_predicted(trained, images_and_labels, tmp_path):
    result = predict(trained, tmp_path / "boot.png", np.array([3, 0]))
    assert [prediction.name for prediction in result.predictions] == ["test image 3", "test image 0"]
    assert [prediction.true_class for prediction in result.predictions] == [3, 0]
    np.testing.assert_array_equal(result.predictions[0].image, images_and_labels.images[3])
    assert result.problems == [f"{tmp_path}/boot.png: no such file"]
    with pytest.raises(UserError, match=r"^there is no test image 130: the test set has images 0 to 129$"):
        predict(trained, [], [130])


def test_a_stop_request_ends_predictions(trained, monkeypatch):
    monkeypatch.setattr(stopping, "_requested", signal.SIGTERM)
    monkeypatch.setattr(pictures, "read", None)  # no file is read any more
    with pytest.raises(Stopped):
        predict(str(trained), ["missing.png"])
    with Predictor(str(trained)) as predictor, pytest.raises(Stopped):
        predictor.predict(np.zeros((1, 28, 28)))


def test_a_table_leaves_out_empty_columns_and_names_the_runners_up():
    prediction = Prediction("a\nb.png", np.zeros((28, 28)), False, None, PROBABILITIES, tuple("ABCDEFGHIJ"))
    assert table([prediction]).splitlines()[0].split() == ["image", "class", "probability", "runners-up"]
    assert table([prediction]).splitlines()[1].split() == ["'a\\nb.png'", "B", "60.0%", "D", "25.0%,", "C", "10.0%"]
    known = dataclasses.replace(prediction, true_class=3, inverted=True)
    assert table([known]).splitlines()[1].split()[-2:] == ["D", "inverted"]
    assert known.record() | {"probabilities": None} == {
        "image": "a\nb.png",
        "class": "B",
        "probability": pytest.approx(0.6),
        "inverted": True,
        "true_class": "D",
        "probabilities": None,
    }


@pytest.mark.newest
def test_a_notebook_shows_predictions_as_a_picture_and_the_problems(monkeypatch, tmp_path):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda bundle, *, raw: shown.append(bundle))
    prediction = Prediction("a.png", np.zeros((28, 28)), False, None, PROBABILITIES, tuple("ABCDEFGHIJ"))
    Result([prediction] * 41, ["b.png: no such file", "c.png: an empty file"])._ipython_display_()
    pictures, problems = shown
    assert Image.open(io.BytesIO(pictures["image/png"])).height > 1500  # ten rows of four
    assert pictures["text/plain"] == table([prediction] * 41)
    assert problems == {"text/plain": "b.png: no such file\nc.png: an empty file"}
    plot([prediction], str(tmp_path / "a.png"))
    assert (tmp_path / "a.png").read_bytes() == prediction._repr_png_()
