"""A page for the browser that shows what a network predicts, and why: for a drawing, a photo or a test image.

Only build() and serve() load gradio. The page is served to this machine alone, and nothing on it comes from elsewhere.
"""

import base64
import contextlib
import dataclasses
import html
import importlib.util
import io
import os
import random
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import colormaps
from PIL import Image

from cnn_estimator import plots
from cnn_estimator.data import datasets, fetch, pictures
from cnn_estimator.data.datasets import DATASETS, Split
from cnn_estimator.errors import Stopped, UserError
from cnn_estimator.explain import Explainer, Explanation
from cnn_estimator.settings import Settings, check, check_optional_path

if TYPE_CHECKING:
    import gradio

HOST = "127.0.0.1"
_POLL_SECONDS = 0.02
_CLOSE_SECONDS = 1  # then the streams of open pages are cut off
_PAPER_SIDE = 420
_PEN_WIDTH = 32  # a digit that fills the paper gets strokes as wide as MNIST's

_MAX_LISTED_CLASSES = 10

_ON_PLAIN_BACKGROUND = " of one object on a plain background"
_WHOLE_INPUT_CAPTION = "What the network sees: 28x28 pixels"
_INPUT_CAPTION = f"{_WHOLE_INPUT_CAPTION}, bright on black"
_EMPTY = "Draw something, drop a photo, or pick a test image."
_PRIVACY = "Nothing leaves this machine, and nothing is stored: drawings and photos stay in memory."
_PAPER = """
<p>${label}</p>
<canvas width="${side}" height="${side}" aria-label="paper to draw on"></canvas>
<p class="pens">
  <button data-shade="black" aria-pressed="true">Black</button>
  <button data-shade="dimgray">Dark</button>
  <button data-shade="darkgray">Light</button>
  <button data-shade="white">Eraser</button>
  <button data-clear>Clear</button>
</p>
"""
_PAPER_SCRIPT = """
const canvas = element.querySelector("canvas");
const paper = canvas.getContext("2d");
const pens = element.querySelectorAll("[data-shade]");
let last = null;
const clear = () => {
  paper.fillStyle = "white";
  paper.fillRect(0, 0, canvas.width, canvas.height);
};
const send = url => {
  props.value = url;
  trigger("input");
};
const draw = event => {
  const box = canvas.getBoundingClientRect();
  const scale = canvas.width / box.width;
  const place = [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
  paper.beginPath();
  paper.moveTo(...(last || place));
  paper.lineTo(place[0] + 0.1, place[1]);  // a click alone makes a dot
  paper.stroke();
  last = place;
};
canvas.onpointerdown = event => {
  canvas.setPointerCapture(event.pointerId);
  draw(event);
};
canvas.onpointermove = event => last && draw(event);
canvas.onpointerup = canvas.onpointercancel = () => {
  if (last) send(canvas.toDataURL());
  last = null;
};
for (const pen of pens) pen.onclick = () => {
  paper.strokeStyle = pen.dataset.shade;
  for (const other of pens) other.ariaPressed = other === pen;
};
element.querySelector("[data-clear]").onclick = () => {
  clear();
  pens[0].click();
  send("");
};
clear();
paper.lineCap = paper.lineJoin = "round";
paper.lineWidth = props.pen_width;
"""
_PHOTO = """
<label>
  ${label}
  <input type="file" accept="image/*">
  <img alt="the photo" hidden>
</label>
"""
_PHOTO_SCRIPT = """
const input = element.querySelector("input");
const zone = element.querySelector("label");
const preview = element.querySelector("img");
const read = file => {
  if (!file) return;
  const reader = new FileReader();
  reader.onload = () => {
    preview.src = reader.result;
    preview.hidden = false;
    props.value = reader.result;
    trigger("input");
  };
  reader.readAsDataURL(file);
};
preview.onerror = () => preview.hidden = true;  // no image, or one that browsers cannot show, such as TIFF
input.onchange = () => read(input.files[0]);
zone.ondragover = event => event.preventDefault();
zone.ondrop = event => {
  event.preventDefault();
  input.files = event.dataTransfer.files;  // shows the file's name
  read(input.files[0]);
};
document.addEventListener("paste", event => zone.offsetParent && read(event.clipboardData.files[0]));
"""
_STYLE = """
.paper canvas { width: 100%; max-width: 420px; border: 1px solid #999; touch-action: none; cursor: crosshair }
.paper .pens { margin-top: 8px }
.paper button { border: 1px solid #999; border-radius: 4px; padding: 2px 10px; margin-right: 6px; font-weight: normal }
.paper button[aria-pressed="true"] { border-color: #0077bb; background: #0077bb; color: white }
.photo label { display: block; min-height: 320px; padding: 12px; border: 1px dashed #999; cursor: pointer }
.photo input { display: block; margin: 8px 0 }
.photo img { max-width: 100%; max-height: 320px }
.prediction .figures { display: flex; gap: 16px; margin: 8px 0 }
.prediction figure { margin: 0; flex: 1; max-width: 224px }
.prediction img { width: 100%; image-rendering: pixelated }
.prediction figcaption { font-size: 0.9em; line-height: 1.3; margin-top: 4px }
.prediction table, .prediction tr, .prediction td { border: 0 !important }
.prediction td { padding: 1px 12px 1px 0; line-height: 1.3; white-space: nowrap }
.prediction .bar { width: 220px }
.prediction .bar div { height: 12px; min-width: 1px; background: #bbbbbb }
.prediction .bar .predicted { background: #444444 }
.prediction .bar .wrong { background: #cc3311 }
.prediction .bar .right { background: #0077bb }
.prediction .problem { color: #cc3311 }
.dark { color-scheme: dark }
.dark .prediction .bar .predicted { background: #eeeeee }
.dark .prediction .problem { color: #ff8a70 }
"""


@dataclasses.dataclass(frozen=True)
class ShownPrediction:
    """What the page shows for one picture.

    Attributes:
      subject: what the image is, for example "Test image 12".
      image: float32 [28, 28], the network's input.
      picture: how a photo was read; None for a drawing or a test image.
      true_class: the number of the true class, None for a drawing or a photo.
      explanation: what the network predicts, and why.
    """

    subject: str
    image: np.ndarray
    picture: pictures.Preprocessed | None
    true_class: int | None
    explanation: Explanation


class DemoModel:
    """The functions behind the page. They may be called from several threads, and take turns.

    Args:
      explainer: the trained model.
      test: the test set; None if it is not on this machine.
    """

    def __init__(self, explainer: Explainer, test: Split | None) -> None:
        self.settings = explainer.settings
        self.class_names = explainer.class_names
        self.step = explainer.checkpoint.step
        self.test = test
        self._explainer = explainer
        self._lock = threading.Lock()

    def of_drawing(self, url: str) -> ShownPrediction:
        """Returns the ShownPrediction for dark strokes on white paper.

        Args:
          url: an image file inside a data URL.

        Raises:
          UserError: the paper is blank, or see of_photo.
        """
        # A network that was trained on whole pictures has seen dark strokes on white paper as they are.
        picture = self._read(url, "yes" if self.settings.crop else "no")
        return self._predict("Drawing", picture.image)

    def of_photo(self, url: str, invert: str = "auto") -> ShownPrediction:
        """Returns the ShownPrediction for an image file.

        Args:
          url: the file inside a data URL, data:…;base64,….
          invert: see pictures.read.

        Raises:
          UserError: the URL has no image in it; see pictures.read.
        """
        picture = self._read(url, invert)
        return self._predict("Photo", picture.image, picture=picture)

    def of_test_image(self, index: int) -> ShownPrediction:
        """Returns the ShownPrediction for a test image.

        Raises:
          UserError: there is no such test image.
        """
        images = len(self.test.labels) if self.test else 0
        if not self.test or not 0 <= index < images:
            raise UserError(f"there is no test image {index}: the test set has images 0 to {images - 1}")
        image = datasets.scale(self.test.pixels[index])
        return self._predict(f"Test image {index}", image, true_class=int(self.test.labels[index]))

    def _read(self, url: str, invert: str) -> pictures.Preprocessed:
        try:
            content = base64.b64decode(url.partition(";base64,")[2], validate=True)
        except ValueError as error:
            raise UserError("not a file inside a data URL") from error
        return pictures.read(
            io.BytesIO(content),
            dataset=DATASETS[self.settings.dataset],
            invert=invert,
            crop=self.settings.crop,
        )

    def _predict(
        self,
        subject: str,
        image: np.ndarray,
        *,
        picture: pictures.Preprocessed | None = None,
        true_class: int | None = None,
    ) -> ShownPrediction:
        with self._lock:
            (explanation,) = self._explainer.explain(image[np.newaxis])
        return ShownPrediction(subject, image, picture, true_class, explanation)

    def record(self, prediction: ShownPrediction) -> dict[str, Any]:
        """Returns an ShownPrediction as a JSON object."""
        probabilities = map(float, prediction.explanation.probabilities)
        return {
            "class": prediction.explanation.class_name,
            **({} if prediction.true_class is None else {"true_class": self.class_names[prediction.true_class]}),
            "probabilities": dict(zip(self.class_names, probabilities, strict=True)),
        }

    def text(self, prediction: ShownPrediction) -> str:
        """Returns an ShownPrediction in one sentence."""
        predicted = prediction.explanation.class_index
        sentence = f"{prediction.subject}: the network predicts {prediction.explanation.class_name}"
        if prediction.true_class is not None:
            right = predicted == prediction.true_class
            sentence += ", which is right" if right else f", but it is {self.class_names[prediction.true_class]}"
        if prediction.picture and prediction.picture.inverted:
            sentence += ", after exchanging bright and dark"
        if prediction.picture and not prediction.picture.plain_background:
            sentence += ". The background is not plain, and more than the object may be cut out"
        return sentence

    def as_html(self, prediction: ShownPrediction) -> str:
        """Returns an ShownPrediction as HTML: the sentence, the network's input, the heat map, the probabilities."""
        figures = "".join(
            f'<figure><img src="{_data_url(pixels)}" alt="{caption}"><figcaption>{caption}</figcaption></figure>'
            for pixels, caption in (
                (_bytes(prediction.image), _INPUT_CAPTION if self.settings.crop else _WHOLE_INPUT_CAPTION),
                (heat_colours(prediction.image, prediction.explanation.heat_map), _heat_caption(prediction)),
            )
        )
        bars = "".join(
            f'<tr><td>{html.escape(name)}</td><td class="bar"><div class="{_bar_style(prediction, number)}" '
            f'style="width: {probability:.1%}"></div></td><td>{probability:.1%}</td></tr>'
            for number, name, probability in self._bars(prediction)
        )
        return f'{html.escape(self.text(prediction))}.<div class="figures">{figures}</div><table>{bars}</table>'

    def _bars(self, prediction: ShownPrediction) -> list[tuple[int, str, float]]:
        """Returns [(number, name, probability)] of the classes whose bars are shown."""
        probabilities = prediction.explanation.probabilities
        numbers = plots.shown_classes(probabilities, prediction.true_class)
        return [(number, self.class_names[number], float(probabilities[number])) for number in numbers]


def _bar_style(prediction: ShownPrediction, number: int) -> str:
    """Returns the style of a class's bar, which has the colours of plots.predictions."""
    if number == prediction.true_class:
        return "right"
    if number != prediction.explanation.class_index:
        return ""
    return "predicted" if prediction.true_class is None else "wrong"


def _heat_caption(prediction: ShownPrediction) -> str:
    name = html.escape(prediction.explanation.class_name)
    if not prediction.explanation.heat_map.any():
        return f"No place of the image speaks for {name}"
    return f"Where the decision comes from: the brighter, the more a place speaks for {name}"


def heat_colours(image: np.ndarray, heat_map: np.ndarray) -> np.ndarray:
    """Returns uint8 [28, 28, 3]: a heat map in colours, through which the image is to be seen."""
    colours = colormaps[plots.HEAT_COLOURS](heat_map)[..., :3]
    return _bytes(plots.HEAT_OPACITY * colours + (1 - plots.HEAT_OPACITY) * image[..., np.newaxis])


def _bytes(values: np.ndarray) -> np.ndarray:
    """Returns values in 0..1 as uint8 in 0..255."""
    return np.round(255 * values).astype(np.uint8)


def _data_url(pixels: np.ndarray) -> str:
    """Returns pixels as a PNG file inside a URL, so that the page needs no file for them."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


def _listed(class_names: tuple[str, ...]) -> str:
    """Returns the first class names as HTML text."""
    more = ", …" if len(class_names) > _MAX_LISTED_CLASSES else ""
    return html.escape(", ".join(class_names[:_MAX_LISTED_CLASSES])) + more


def build(model: DemoModel) -> "gradio.Blocks":
    """Returns the page."""
    import gradio

    with gradio.Blocks(title="cnn_estimator", analytics_enabled=False) as blocks:
        gradio.Markdown(
            f"## What does the network see?\n\nRecipe {model.settings.recipe}, trained to step {model.step}, with "
            f"{len(model.class_names)} classes."
        )
        with gradio.Row():
            with gradio.Column(), gradio.Tabs():
                with gradio.Tab("Draw") as drawing:
                    paper = gradio.HTML(
                        "",
                        html_template=_PAPER,
                        js_on_load=_PAPER_SCRIPT,
                        elem_classes="paper",
                        label=f"Draw one of these: {_listed(model.class_names)}",
                        side=_PAPER_SIDE,
                        pen_width=_PEN_WIDTH,
                    )
                with gradio.Tab("Photo") as photos:
                    photo = gradio.HTML(
                        "",
                        html_template=_PHOTO,
                        js_on_load=_PHOTO_SCRIPT,
                        elem_classes="photo",
                        label=f"Drop, paste or choose a photo{_ON_PLAIN_BACKGROUND if model.settings.crop else ''}",
                    )
                    invert = gradio.Radio(["auto", "yes", "no"], value="auto", label="Exchange bright and dark")
                with gradio.Tab("Test image") as test_images:
                    if model.test:
                        images = len(model.test.labels)
                        index = gradio.Number(0, precision=0, label=f"Number of the test image, 0 to {images - 1}")
                        another = gradio.Button("A random test image")
                    else:
                        gradio.Markdown("The test images are not on this machine.")
            with gradio.Column():
                shown = gradio.HTML(_EMPTY, elem_classes="prediction", container=True)
                record = gradio.JSON(visible=False)  # for programs that ask the page
        gradio.Markdown(_PRIVACY)

        def show(subject: str, predict: Callable[[], ShownPrediction]) -> tuple[str, Any]:
            """Returns what the page shows, as HTML and as a JSON object."""
            try:
                prediction = predict()
            except (UserError, Stopped) as error:
                return f'<span class="problem">{subject}: nothing is predicted: {html.escape(str(error))}</span>', None
            return model.as_html(prediction), model.record(prediction)

        def draw(url: str) -> tuple[str, Any]:
            return show("Drawing", lambda: model.of_drawing(url)) if url else (_EMPTY, None)

        def read(url: str, invert: str) -> tuple[str, Any]:
            return show("Photo", lambda: model.of_photo(url, invert)) if url else (_EMPTY, None)

        def look_up(index: int | None) -> tuple[str, Any]:
            return (_EMPTY, None) if index is None else show("Test image", lambda: model.of_test_image(index))

        # always_last: the last stroke gets a prediction, also if it was drawn while an earlier one was predicted.
        shared: dict[str, Any] = {
            "outputs": [shown, record],
            "trigger_mode": "always_last",
            "show_progress": "hidden",
        }
        gradio.on([paper.input, drawing.select], draw, paper, api_name="drawing", **shared)
        gradio.on([photo.input, invert.change, photos.select], read, [photo, invert], api_name="photo", **shared)
        if model.test:
            gradio.on([index.change, test_images.select], look_up, index, api_name="test_image", **shared)
            another.click(lambda: random.randrange(images), None, index, api_name="random")
    return blocks


@contextlib.contextmanager
def serve(
    model_dir: str | os.PathLike[str],
    *,
    port: int = 7860,
    checkpoint: str | os.PathLike[str] | int | None = None,
    recipe: str | None = None,
    data_dir: str | os.PathLike[str] | None = None,
) -> Iterator[str]:
    """Serves the page for a trained model, until the block is left; yields its URL.

        with demo.serve("/tmp/fashion") as url:
            webbrowser.open(url)
            input("Enter ends it")

    Args:
      model_dir, checkpoint, recipe: see Predictor.
      port: a free port of this machine.
      data_dir: the data that has the test set, see datasets.load. None takes the data_dir of the settings, or a public
        dataset that is on this machine: none is downloaded.

    Raises:
      UserError: gradio is not installed, the port is taken, or there is no such model.
    """
    if importlib.util.find_spec("gradio") is None:
        raise UserError("the page needs gradio: pip install 'cnn_estimator[demo]'")
    port = check("port", port)
    data_dir = check_optional_path("data_dir", data_dir)
    with (
        _listen(port) as listener,
        tempfile.TemporaryDirectory(prefix="cnn_estimator_demo_") as folder,
        _files_in(folder),
        Explainer(model_dir, checkpoint=checkpoint, recipe=recipe, data_dir=data_dir) as explainer,
    ):
        model = DemoModel(explainer, _test_set(explainer.settings, data_dir))
        with _running(build(model), listener):
            yield f"http://{HOST}:{port}/"


def _test_set(settings: Settings, data_dir: str | None) -> Split | None:
    """Returns the test set; None for a public dataset that is not on this machine."""
    if data_dir is None and settings.data_dir is None and fetch.find_local(DATASETS[settings.dataset]) is None:
        return None
    data = datasets.load_for(settings, "test", data_dir)
    datasets.warn_of_other_class_names(data, settings)
    return data


def _listen(port: int) -> socket.socket:
    try:
        return socket.create_server((HOST, port))
    except OSError as error:
        raise UserError(f"port {port}: {os.strerror(error.errno or 0)}", "name another {port}") from error


@contextlib.contextmanager
def _files_in(folder: str) -> Iterator[None]:
    """Makes gradio put its files into a folder."""
    name = "GRADIO_TEMP_DIR"
    before = os.environ.get(name)
    os.environ[name] = folder
    try:
        yield
    finally:
        del os.environ[name]
        if before is not None:
            os.environ[name] = before


@contextlib.contextmanager
def _running(blocks: "gradio.Blocks", listener: socket.socket) -> Iterator[None]:
    """DemoModel requests to a page in another thread, until the block is left.

    Blocks.launch() would do so too, but it asks itself for its page, through a proxy if the environment names one.
    """
    import fastapi
    import gradio
    import uvicorn
    from starlette.middleware.trustedhost import TrustedHostMiddleware

    app = fastapi.FastAPI()
    # A page of the internet whose name resolves to this machine gets no response.
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"])
    theme = gradio.themes.Default(
        primary_hue="blue", font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]
    )
    app = gradio.mount_gradio_app(
        app,
        blocks,
        "/",
        server_name=HOST,
        server_port=listener.getsockname()[1],
        footer_links=[],
        run_history=False,
        max_file_size=0,  # the page sends no files
        ssr_mode=False,
        enable_monitoring=False,
        pwa=False,
        mcp_server=False,
        theme=theme,
        css=_STYLE,
    )
    config = uvicorn.Config(
        app, log_config=None, log_level="critical", timeout_graceful_shutdown=_CLOSE_SECONDS, ws="none"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    try:
        while not server.started and thread.is_alive():
            time.sleep(_POLL_SECONDS)
        if not server.started:
            raise RuntimeError("the page's server has ended at once")
        yield
    finally:
        server.should_exit = True
        thread.join()
