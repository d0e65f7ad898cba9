"""Heat maps, filters and activations of predictions."""

import io
import itertools
import json

import numpy as np
import pytest
from helpers import called, command, error_of, variable_values
from PIL import Image

from cnn_estimator import explain, plots, training
from cnn_estimator.data import datasets
from cnn_estimator.errors import UserError
from cnn_estimator.explain import Explainer, explain_images
from cnn_estimator.prediction import Predictor
from cnn_estimator.tf1 import tf

NAMES = tuple("abcdefgh")


@pytest.fixture(scope="module")
def linear(tmp_path_factory, data_dir):
    """The model_dir of conv_64_64_linear after 3 steps."""
    folder = tmp_path_factory.mktemp("linear") / "run"
    training.train(folder, "fashion_cnn_64_linear", max_steps=3, batch_size=20, seed=1, data_dir=data_dir)
    return folder


@pytest.fixture
def images(data_dir):
    return datasets.load("fashion_mnist", "test", data_dir).images


@pytest.mark.unit
def test_grad_cam_weighs_each_channel_by_its_mean_gradient_and_leaves_out_what_is_negative():
    activations = np.array([[[[1, 10], [2, 0]], [[0, 0], [0, 1]]]], np.float32)
    gradients = np.array([[[[4, -1], [4, -1]], [[0, -1], [0, -1]]]], np.float32)
    # The weights are 2 and -1.
    assert explain.grad_cam(activations, gradients).tolist() == [[[0, 4], [0, 0]]]


@pytest.mark.unit
@pytest.mark.parametrize("cells", [7, 14, 28])
def test_a_map_is_enlarged_around_the_centres_of_its_cells(cells):
    size = 28 // cells
    row = np.arange(cells, dtype=float)
    (enlarged,) = explain.enlarge(np.tile(row, (1, 5, 1)))
    assert enlarged.shape == (28, 28)
    assert (enlarged == enlarged[0]).all()
    middles = enlarged[0].reshape(cells, size).mean(axis=1)
    np.testing.assert_allclose(middles[1:-1], row[1:-1], rtol=1e-6)
    assert (enlarged[0, 0], enlarged[0, -1]) == (0, cells - 1)


@pytest.mark.unit
def test_maps_end_at_one_and_an_empty_map_stays_empty():
    scaled = explain.scale_to_one(np.array([[[0, 4], [1, 2]], [[0, 0], [0, 0]]], np.float32))
    assert scaled.tolist() == [[[0, 1], [0.25, 0.5]], [[0, 0], [0, 0]]]


@pytest.mark.unit
def test_the_heaviest_part_is_a_ninth_of_the_image():
    heat_map = np.zeros((28, 28), np.float32)
    assert explain.heaviest_part(heat_map) == (None, 0.0)
    heat_map[19:, 9:19] = 0.5
    heat_map[0, 0] = 12.5
    assert explain.heaviest_part(heat_map) == ("bottom", pytest.approx(45 / 57.5))
    assert explain.heaviest_part(np.ones((28, 28))) == ("centre", pytest.approx(100 / 784))


@pytest.mark.integration
def test_grad_cam_is_the_formula_of_the_paper(linear, images):
    """Behind the last convolution this network is linear, so that the gradients follow from the weights alone."""
    saved = variable_values(linear)
    with Explainer(linear, method="grad_cam") as explainer, Predictor(linear) as predictor:
        assert (explainer.method, explainer.layer) == (explain.GRAD_CAM, "conv2d_1")
        np.testing.assert_array_equal(explainer.filters, saved["conv2d/kernel"])
        explanations = explainer.explain(images[:102])
        predictions = predictor.predict(images[:102])
    for row, explanation in enumerate(explanations):
        assert explanation.class_index == predictions.classes[row]
        assert explanation.class_name == str(explanation.class_index)
        np.testing.assert_array_equal(explanation.probabilities, predictions.probabilities[row])
        activations = explanation.activations
        assert {name: values.shape for name, values in activations.items()} == {
            "conv2d": (26, 26, 64),
            "conv2d_1": (11, 11, 64),
            "dense": (64,),
            "dense_1": (10,),
        }
        assert activations["conv2d"].min() == activations["conv2d_1"].min() == 0  # after the activation function
        logit_weights = saved["dense/kernel"] @ saved["dense_1/kernel"][:, explanation.class_index]
        # Each of the 5x5 pooled values of a channel passes its gradient on to one of 11x11 places.
        channel_weights = logit_weights.reshape(25, 64).sum(axis=0) / 121
        expected = np.maximum(activations["conv2d_1"] @ channel_weights, 0)
        (enlarged,) = explain.scale_to_one(explain.enlarge(expected[None]))
        np.testing.assert_allclose(explanation.heat_map, enlarged, atol=1e-4)
        logits = activations["dense"] @ saved["dense_1/kernel"] + saved["dense_1/bias"]
        np.testing.assert_allclose(activations["dense_1"], logits, atol=1e-4)


def _looks_for_bars(shapes):
    """Returns {variable: value}: vertical bars make class 3, horizontal bars class 7."""
    values = {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}
    vertical = np.array([[-1, 2, -1]] * 3)
    values["conv2d/kernel"][:, :, 0, 0] = vertical
    values["conv2d/kernel"][:, :, 0, 1] = vertical.T
    values["conv2d_1/kernel"][1, 1] = np.eye(64)
    values["dense/kernel"].reshape(25, 64, 64)[:] = np.eye(64)
    values["dense_1/kernel"][0, 3] = 1
    values["dense_1/kernel"][1, 7] = 1
    return values


@pytest.mark.integration
@pytest.mark.parametrize("method", ["occlusion", "grad_cam"])
@pytest.mark.parametrize(
    ("vertical", "horizontal", "class_name", "expected", "explained"),
    [(12, 6, None, 3, "3"), (6, 12, None, 7, "7"), (8, 12, "3", 7, "3")],
)
def test_a_heat_map_lies_on_the_object_that_speaks_for_the_class(
    linear, vertical, horizontal, class_name, expected, explained, method
):
    image = np.zeros((28, 28), np.float32)
    image[2 : 2 + vertical, 5] = 1
    image[22, 26 - horizontal : 26] = 1
    with Explainer(linear, method=method, class_name=class_name) as explainer:
        session = explainer._predictor.session
        variables = session.graph.get_collection(tf.GraphKeys.TRAINABLE_VARIABLES)
        values = _looks_for_bars({variable.op.name: variable.shape for variable in variables})
        for variable in variables:
            variable.load(values[variable.op.name], session)
        (explanation,) = explainer.explain(image[None])
    assert (explanation.class_index, explanation.explained_class) == (expected, explained)
    weights = {"vertical": explanation.heat_map[:16, :12].sum(), "horizontal": explanation.heat_map[18:, 12:].sum()}
    speaks_for_it = "vertical" if explained == "3" else "horizontal"
    assert weights[speaks_for_it] > 0.9 * explanation.heat_map.sum()


@pytest.mark.integration
def test_occlusion_counts_how_far_the_logit_falls(trained, images):
    saved = variable_values(trained)

    def logit(image, class_index):
        hidden = np.maximum(image.ravel() @ saved["dense/kernel"] + saved["dense/bias"], 0)
        return (hidden @ saved["dense_1/kernel"] + saved["dense_1/bias"])[class_index]

    with Explainer(trained) as explainer:
        assert (explainer.method, explainer.layer) == (explain.OCCLUSION, None)
        assert explainer.filters.shape == (784, 128)
        explanations = explainer.explain(images[:10])
    for label, explanation in enumerate(explanations):
        assert explanation.class_index == label
        bar = slice(2 + 2 * label, 8 + 2 * label)  # the square reaches two pixels far
        assert explanation.heat_map[bar].sum() > 0.5 * explanation.heat_map.sum()
        assert explanation.heat_map.max() == 1
    image = images[4]
    heat_map = explanations[4].heat_map
    falls = {}
    for row, column in itertools.product((0, 6, 12, 18, 27), (0, 3, 10, 17, 27)):
        covered = image.copy()
        covered[max(row - 2, 0) : row + 3, max(column - 2, 0) : column + 3] = 0
        falls[row, column] = logit(image, 4) - logit(covered, 4)
    assert min(falls.values()) < 0 < falls[12, 3]
    for place, fall in falls.items():
        expected = max(fall, 0) / falls[12, 3] * heat_map[12, 3]
        assert heat_map[place] == pytest.approx(expected, abs=1e-3)


@pytest.mark.integration
def test_a_network_without_convolution_has_no_grad_cam(trained):
    with pytest.raises(UserError, match=r"^method grad_cam: network dense_128 has no convolution: choose method occl"):
        Explainer(trained, method="grad_cam")


@pytest.mark.integration
def test_a_class_that_the_run_does_not_have_is_an_error(trained):
    with pytest.raises(UserError, match=r"^class_name 'x': .*/run has no such class, choose one of 0, 1, 2, "):
        Explainer(trained, class_name="x")


@pytest.mark.integration
def test_no_images_and_wrong_images(linear):
    with Explainer(linear) as explainer:
        assert explainer.explain(np.zeros((0, 28, 28))) == []
        with pytest.raises(ValueError, match=r"images of shape \(1, 28, 27\)"):
            explainer.explain(np.zeros((1, 28, 27)))
        (explanation,) = explainer.explain(np.zeros((1, 28, 28)))
        assert np.isfinite(explanation.heat_map).all()


@pytest.mark.integration
def test_the_command_prints_a_line_for_each_image_and_writes_the_picture(tmp_path, model_dir):
    (tmp_path / "text.png").write_text("hello")
    done = command("explain", f"--model_dir={model_dir}", "--test_indices=3,0", str(tmp_path / "text.png"))
    assert done.returncode == 1
    head, first, second = (line.split() for line in done.stdout.splitlines())
    assert head == ["image", "class", "probability", "heat", "map", "true", "class"]
    assert (first[:4], first[-1]) == (["test", "image", "3", "3"], "3")
    assert second[:4] == ["test", "image", "0", "0"]
    assert f"error: {tmp_path}/text.png: not an image" in done.stderr
    path = model_dir / "plots" / "explain.png"
    assert f"plot: {path}" in done.stderr
    assert Image.open(path).format == "PNG"
    plot = tmp_path / "a.png"
    flags = (f"--model_dir={model_dir}", "--test_indices=3", "--class_name=5", f"--plot={plot}")
    assert called("explain", *flags).stdout.splitlines()[1].split()[4:6] == ["100.0%", "5"]
    record = json.loads(called("explain", *flags, "--json").stdout)
    result = explain_images(model_dir, test_indices=[3], class_name="5")
    heat_map = result.images[0].explanation.heat_map
    np.testing.assert_allclose(record["heat_map"], heat_map, atol=1e-4)
    assert (record["class"], record["true_class"], record["explained_class"]) == ("3", "3", "5")
    assert (record["heaviest_part"], record["heaviest_part_share"]) == explain.heaviest_part(heat_map)
    assert plot.read_bytes() == explain.plot(result)


@pytest.mark.integration
def test_a_picture_that_cannot_be_written_is_an_error_after_the_results(model_dir):
    (model_dir / "plots").write_text("a file")
    done = command("explain", f"--model_dir={model_dir}", "--test_indices=3")
    assert done.returncode == 1
    assert done.stdout.splitlines()[1].startswith("test image 3")
    assert done.stderr.splitlines()[-1].startswith(f"error: plot {model_dir}/plots/explain.png cannot be written: ")


@pytest.mark.integration
def test_a_model_dir_without_checkpoints_is_one_error_line(tmp_path):
    message = error_of(command("explain", f"--model_dir={tmp_path}", "--test_indices=3"))
    assert message.startswith(f"model_dir {tmp_path} ")


@pytest.mark.integration
def test_a_notebook_shows_the_picture_and_the_problems(monkeypatch, trained, tmp_path):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda bundle, *, raw: shown.append(bundle))
    result = explain_images(trained, tmp_path / "a.png", range(12))
    result._ipython_display_()
    picture, problems = shown
    assert picture["image/png"] == explain.plot(result)
    assert picture["text/plain"] == explain.table(result)
    assert problems == {"text/plain": f"{tmp_path}/a.png: no such file"}


@pytest.mark.unit
def test_tiles_stand_side_by_side_with_gaps():
    tiled = plots.tiles(np.arange(1, 4).reshape(3, 1, 1))
    np.testing.assert_array_equal(tiled, [[1, np.nan, 2], [np.nan] * 3, [3, np.nan, np.nan]])
    assert plots.tiles(np.ones((32, 5, 5)), columns=16).shape == (11, 95)
    assert plots.tiles(np.ones((10, 1, 1)), gap=0).shape == (3, 4)


@pytest.mark.unit
def test_the_picture_has_filters_image_heat_map_and_layers():
    heat_map = np.random.default_rng(1).random((28, 28))
    channels = np.ones((14, 14, 20)) * np.arange(20)
    activations = {"conv2d": channels, "dense": np.arange(5.0), "dense_1": np.ones(8)}
    figure = plots.explanations(
        np.ones((4, 5, 5)),
        [np.zeros((28, 28))] * 2,
        [heat_map] * 2,
        [activations] * 2,
        [np.eye(8)[3]] * 2,
        ["d", "e"],
        NAMES,
        ["one", "two"],
        [3, None],
        "The title",
    )
    filters, *cells = figure.axes
    assert filters.images[0].get_array().shape == (5, 23)
    titles = [axes.get_title() for axes in cells]
    assert titles == ["one", "for d", "conv2d", "dense", "", "two", "for e", "conv2d", "dense", ""]
    np.testing.assert_array_equal(cells[1].images[1].get_array(), heat_map)
    assert [axes.get_xlabel() for axes in cells[2:4]] == ["14x14x20, the 16 strongest", "5"]
    assert cells[2].images[0].get_array()[0, ::15].tolist() == [4, 5, 6, 7]
    assert cells[0].get_xlabel() == "d 100%"
    assert len(cells[4].patches) == len(NAMES)
    assert Image.open(io.BytesIO(plots.png(figure))).size == (875, 600)
