"""The page of `cnn-estimator demo`: the functions behind it, and the command. demo_in_a_browser.py uses the page."""

import base64
import concurrent.futures
import dataclasses
import importlib.util
import io
import signal
import socket
import urllib.error
import urllib.request

import numpy as np
import pytest
from helpers import free_addresses, started
from PIL import Image, ImageDraw

from cnn_estimator import demo
from cnn_estimator.data import datasets, pictures
from cnn_estimator.errors import UserError
from cnn_estimator.explain import Explainer
from cnn_estimator.prediction import Predictor

needs_gradio = pytest.mark.skipif(
    importlib.util.find_spec("gradio") is None, reason="gradio is installed with the newest TensorFlow alone"
)


@pytest.fixture(scope="module")
def model(trained, data_dir):
    with Explainer(trained) as explainer:
        yield demo.DemoModel(explainer, datasets.load("fashion_mnist", "test", data_dir))


def drawing(*strokes, width=32):
    """The data URL of dark strokes on white paper, as the page's canvas makes it."""
    paper = Image.new("RGBA", (420, 420), "white")
    for stroke in strokes:
        ImageDraw.Draw(paper).line(stroke, "black", width)
    file = io.BytesIO()
    paper.save(file, "PNG")
    return data_url(file.getvalue())


def data_url(content):
    return f"data:image/png;base64,{base64.b64encode(content).decode()}"


@pytest.mark.integration
def test_a_drawing_becomes_bright_strokes_on_black_and_is_predicted(model, trained):
    prediction = model.of_drawing(drawing([(60, 100), (180, 100)]))
    image = prediction.image
    rows, columns = np.nonzero(image > 0.5)
    assert (rows.min() + rows.max(), columns.min(), columns.max()) == (27, 0, 27)  # in the middle, as large as garments
    assert image[0].max() < 0.05
    with Predictor(trained) as predictor:
        expected = predictor.predict(image[np.newaxis])
    assert prediction.explanation.class_index == expected.classes[0]
    np.testing.assert_allclose(prediction.explanation.probabilities, expected.probabilities[0], rtol=1e-5, atol=1e-7)
    assert list(model.record(prediction)["probabilities"]) == list(model.class_names)


@pytest.mark.integration
def test_a_drawn_digit_is_as_large_and_central_as_in_mnist(model, monkeypatch):
    monkeypatch.setattr(type(model.settings), "dataset", "mnist")
    image = model.of_drawing(drawing([(40, 30), (160, 30), (80, 230)])).image  # a small 7 in a corner
    rows, columns = np.nonzero(image > 0.1)
    assert np.ptp(rows) + 1 == 20
    assert np.ptp(columns) + 1 < 20
    middle = np.average(np.indices(image.shape).reshape(2, -1), axis=1, weights=image.ravel())
    assert np.abs(middle - 13.5).max() <= 0.5
    ink = image.sum() / np.count_nonzero(image > 0.1)
    assert 0.5 < ink < 0.95


@pytest.mark.integration
@pytest.mark.parametrize(
    ("url", "problem"),
    [
        (drawing(), "no object to be seen"),
        ("data:image/png;base64,AAAA", "not an image"),
        ("data:image/png;base64,A", "not a file inside a data URL"),
        ("/etc/hostname", "not an image"),
    ],
)
def test_blank_paper_and_other_urls_are_refused(model, url, problem):
    with pytest.raises(UserError, match=problem):
        model.of_drawing(url)


@pytest.mark.integration
def test_a_photo_is_read_as_predict_reads_it(model, tmp_path):
    bright = Image.new("L", (300, 200), 250)
    bright.paste(20, (100, 50, 200, 150))
    bright.save(tmp_path / "a.png")
    url = data_url((tmp_path / "a.png").read_bytes())
    prediction = model.of_photo(url)
    expected = pictures.read(str(tmp_path / "a.png"), dataset=datasets.FASHION_MNIST, invert="auto")
    assert prediction.picture.inverted
    np.testing.assert_array_equal(prediction.image, expected.image)
    assert model.text(prediction).endswith("after exchanging bright and dark")
    with pytest.raises(UserError, match=r"^the object is darker than the background, and turns black: "):
        model.of_photo(url, "no")


@pytest.mark.integration
def test_a_test_image_is_compared_with_its_class(model):
    prediction = model.of_test_image(3)
    np.testing.assert_array_equal(prediction.image, model.test.images[3])
    assert model.text(prediction) == "Test image 3: the network predicts 3, which is right"
    assert model.record(prediction)["true_class"] == "3"
    for index in (-1, 130):
        with pytest.raises(UserError, match=f"^there is no test image {index}: the test set has images 0 to 129$"):
            model.of_test_image(index)


@pytest.mark.integration
def test_threads_take_turns_and_get_their_own_predictions(model):
    expected = [model.record(model.of_test_image(index)) for index in range(8)]
    with concurrent.futures.ThreadPoolExecutor(4) as threads:
        asked = list(threads.map(model.of_test_image, [*range(8)] * 4))
    assert [model.record(prediction) for prediction in asked] == expected * 4


@pytest.mark.integration
def test_the_html_escapes_class_names_and_marks_a_wrong_prediction(model, monkeypatch):
    prediction = model.of_test_image(3)
    assert model.as_html(prediction).count('class="right"') == 1
    monkeypatch.setattr(model, "class_names", tuple(f"<b>{name}" for name in "0123456789"))
    html = model.as_html(dataclasses.replace(prediction, true_class=4))
    assert "but it is &lt;b&gt;4" in html
    assert "<b>" not in html
    assert html.index('class="wrong"') < html.index('class="right"')


@pytest.mark.unit
def test_heat_colours_show_the_heat_and_the_image():
    image = np.zeros((28, 28), np.float32)
    image[:, 14:] = 1
    heat = np.zeros((28, 28), np.float32)
    heat[14:] = 1
    colours = demo.heat_colours(image, heat).astype(int)
    assert colours.shape == (28, 28, 3)
    assert colours[0, 0].max() < 5  # black stays black where nothing is hot
    assert colours[0, 27].tolist() == pytest.approx([77] * 3, abs=4)
    assert colours[27, 0].min() > colours[0, 0].max() + 100
    assert colours[27, 27].min() > colours[27, 0].min()


@pytest.mark.unit
def test_without_gradio_the_error_names_the_extra(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with (
        pytest.raises(UserError, match=r"^the page needs gradio: pip install 'cnn_estimator\[demo\]'$"),
        demo.serve("/nowhere"),
    ):
        pass


@pytest.mark.integration
@pytest.mark.newest
@needs_gradio
def test_a_port_in_use_is_named(trained):
    with socket.create_server((demo.HOST, 0)) as other:
        port = other.getsockname()[1]
        with (
            pytest.raises(UserError, match=rf"^port {port}: Address already in use: name another port$"),
            demo.serve(trained, port=port),
        ):
            pass


@pytest.mark.process
@pytest.mark.newest
@needs_gradio
def test_the_page_predicts_until_ctrl_c_and_leaves_nothing(trained, data_dir, tmp_path, monkeypatch):
    import gradio_client

    for name in ("HTTP_PROXY", "HTTPS_PROXY"):  # nothing may go through a proxy: there is none
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("GRADIO_ANALYTICS_ENABLED", "False")  # gradio_client obeys no argument
    (address,) = free_addresses(1)
    command = ("-m", "cnn_estimator", "demo", f"--model_dir={trained}", f"--port={address.split(':')[1]}")
    with started(*command) as (process, stderr):
        assert process.stdout.readline() == f"http://{address}/\n", stderr.read_text()
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        page = gradio_client.Client(f"http://{address}/", verbose=False)
        html, record = page.predict(12, api_name="/test_image")
        image = datasets.load("fashion_mnist", "test", data_dir).images[12:13]
        with Predictor(trained) as predictor:
            expected = predictor.predict(image).probabilities[0]
        assert list(record["probabilities"].values()) == pytest.approx(expected.tolist(), rel=1e-5, abs=1e-7)
        assert html.startswith("Test image 12: the network predicts 2, which is right.")
        page.close()
        with pytest.raises(urllib.error.HTTPError, match="400"):  # a name of somebody else's for this machine
            urllib.request.urlopen(urllib.request.Request(f"http://{address}/", headers={"Host": "example.com"}))
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 128 + signal.SIGINT
        assert stderr.read_text().splitlines()[-1] == "stopped by SIGINT: the page is closed"
        assert "Traceback" not in stderr.read_text()
    assert not list(tmp_path.iterdir())
