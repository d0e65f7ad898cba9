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
from PIL import Image

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
_HEAT_SHARE = 0.7  # of the heat map's colours, over the image; as in plots.explanations

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
  paper.lineTo(...place);
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
  read(event.dataTransfer.files[0]);
};
document.addEventListener("paste", event => zone.offsetParent && read(event.clipboardData.files[0]));
"""
_STYLE = """
.paper canvas { width: 100%; max-width: 420px; border: 1px solid #999; touch-action: none; cursor: crosshair }
.paper .pens { margin-top: 8px }
.paper button { border: 1px solid #999; border-radius: 4px; padding: 2px 10px; margin-right: 6px; font-weight: normal }
.paper button[aria-pressed="true"] { border-color: #0077bb; color: #0077bb }
.photo label { display: block; min-height: 320px; padding: 12px; border: 1px dashed #999; cursor: pointer }
.photo input { display: block; margin: 8px 0 }
.photo img { max-width: 100%; max-height: 320px }
.answer .figures { display: flex; gap: 16px; margin: 8px 0 }
.answer figure { margin: 0; flex: 1; max-width: 224px }
.answer img { width: 100%; image-rendering: pixelated }
.answer figcaption { font-size: 0.9em; line-height: 1.3; margin-top: 4px }
.answer table, .answer tr, .answer td { border: 0 !important }
.answer td { padding: 1px 12px 1px 0; line-height: 1.3; white-space: nowrap }
.answer .bar { width: 220px }
.answer .bar div { height: 12px; min-width: 1px; background: #bbbbbb }
.answer .bar .predicted { background: #444444 }
.answer .bar .wrong { background: #cc3311 }
.answer .bar .right { background: #0077bb }
.answer .problem { color: #cc3311 }
"""


@dataclasses.dataclass(frozen=True)
class Answer:
    """What the page shows for one picture.

    Attributes:
      subject: what was asked about, for example "Test image 12".
      image: float32 [28, 28], the network's input.
      inverted: whether bright and dark of a photo were exchanged.
      true_class: the number of the true class, None for a drawing or a photo.
      explanation: what the network predicts, and why.
    """

    subject: str
    image: np.ndarray
    inverted: bool
    true_class: int | None
    explanation: Explanation


class Answers:
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

    def of_drawing(self, url: str) -> Answer:
        """Returns the Answer for dark strokes on white paper.

        Args:
          url: an image file inside a data URL.

        Raises:
          UserError: the paper is blank, or see of_photo.
        """
        # A network that was trained on whole pictures has seen dark strokes on white paper as they are.
        picture = self._read(url, "yes" if self.settings.crop else "no")
        return self._answer("Drawing", picture.image)

    def of_photo(self, url: str, invert: str = "auto") -> Answer:
        """Returns the Answer for an image file.

        Args:
          url: the file inside a data URL, data:…;base64,….
          invert: see pictures.read.

        Raises:
          UserError: the URL has no image in it; see pictures.read.
        """
        picture = self._read(url, invert)
        return self._answer("Photo", picture.image, inverted=picture.inverted)

    def of_test_image(self, index: int) -> Answer:
        """Returns the Answer for a test image.

        Raises:
          UserError: there is no such test image.
        """
        images = len(self.test.labels) if self.test else 0
        if not self.test or not 0 <= index < images:
            raise UserError(f"there is no test image {index}: the test set has images 0 to {images - 1}")
        image = datasets.scale(self.test.pixels[index])
        return self._answer(f"Test image {index}", image, true_class=int(self.test.labels[index]))

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

    def _answer(
        self, subject: str, image: np.ndarray, *, inverted: bool = False, true_class: int | None = None
    ) -> Answer:
        with self._lock:
            (explanation,) = self._explainer.explain(image[np.newaxis])
        return Answer(subject, image, inverted, true_class, explanation)

    def record(self, answer: Answer) -> dict[str, Any]:
        """Returns an Answer as a JSON object."""
        probabilities = map(float, answer.explanation.probabilities)
        return {
            "class": answer.explanation.class_name,
            **({} if answer.true_class is None else {"true_class": self.class_names[answer.true_class]}),
            "probabilities": dict(zip(self.class_names, probabilities, strict=True)),
        }

    def text(self, answer: Answer) -> str:
        """Returns an Answer in one sentence."""
        predicted = answer.explanation.class_index
        sentence = f"{answer.subject}: the network predicts {answer.explanation.class_name}"
        if answer.true_class is not None:
            right = predicted == answer.true_class
            sentence += ", which is right" if right else f", but it is {self.class_names[answer.true_class]}"
        return f"{sentence}, after exchanging bright and dark" if answer.inverted else sentence

    def as_html(self, answer: Answer) -> str:
        """Returns an Answer as HTML: the sentence, the network's input, the heat map, the probabilities."""
        figures = "".join(
            f'<figure><img src="{_data_url(pixels)}" alt="{caption}"><figcaption>{caption}</figcaption></figure>'
            for pixels, caption in (
                (_bytes(answer.image), "What the network sees: 28x28 pixels"),
                (heat_colours(answer.image, answer.explanation.heat_map), _heat_caption(answer)),
            )
        )
        bars = "".join(
            f'<tr><td>{html.escape(name)}</td><td class="bar"><div class="{_bar_style(answer, number)}" '
            f'style="width: {probability:.1%}"></div></td><td>{probability:.1%}</td></tr>'
            for number, (name, probability) in enumerate(
                zip(self.class_names, answer.explanation.probabilities, strict=True)
            )
        )
        return f'{html.escape(self.text(answer))}.<div class="figures">{figures}</div><table>{bars}</table>'


def _bar_style(answer: Answer, number: int) -> str:
    """Returns the style of a class's bar, which has the colours of plots.predictions."""
    if number == answer.true_class:
        return "right"
    if number != answer.explanation.class_index:
        return ""
    return "predicted" if answer.true_class is None else "wrong"


def _heat_caption(answer: Answer) -> str:
    name = html.escape(answer.explanation.class_name)
    if not answer.explanation.heat_map.any():
        return f"No place of the image speaks for {name}"
    return f"Where the decision comes from: the brighter, the more a place speaks for {name}"


def heat_colours(image: np.ndarray, heat_map: np.ndarray) -> np.ndarray:
    """Returns uint8 [28, 28, 3]: a heat map in colours, through which the image is to be seen."""
    from matplotlib import colormaps  # only for a picture, as everywhere in this package

    colours = colormaps["inferno"](heat_map)[..., :3]
    return _bytes(_HEAT_SHARE * colours + (1 - _HEAT_SHARE) * image[..., np.newaxis])


def _bytes(values: np.ndarray) -> np.ndarray:
    """Returns values in 0..1 as uint8 in 0..255."""
    return np.round(255 * values).astype(np.uint8)


def _data_url(pixels: np.ndarray) -> str:
    """Returns pixels as a PNG file inside a URL, so that the page needs no file for them."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


def build(answers: Answers) -> "gradio.Blocks":
    """Returns the page."""
    import gradio

    with gradio.Blocks(title="cnn_estimator", analytics_enabled=False) as blocks:
        gradio.Markdown(
            f"## What does the network see?\n\nRecipe {answers.settings.recipe}, trained to step {answers.step}, with "
            f"{len(answers.class_names)} classes."
        )
        with gradio.Row():
            with gradio.Column(), gradio.Tabs():
                with gradio.Tab("Draw"):
                    paper = gradio.HTML(
                        "",
                        html_template=_PAPER,
                        js_on_load=_PAPER_SCRIPT,
                        elem_classes="paper",
                        label=f"Draw one of these: {', '.join(answers.class_names)}",
                        side=_PAPER_SIDE,
                        pen_width=_PEN_WIDTH,
                    )
                with gradio.Tab("Photo"):
                    photo = gradio.HTML(
                        "",
                        html_template=_PHOTO,
                        js_on_load=_PHOTO_SCRIPT,
                        elem_classes="photo",
                        label="Drop, paste or choose a photo of one object on a plain background",
                    )
                    invert = gradio.Radio(["auto", "yes", "no"], value="auto", label="Exchange bright and dark")
                with gradio.Tab("Test image"):
                    if answers.test:
                        images = len(answers.test.labels)
                        index = gradio.Number(None, precision=0, label=f"Number of the test image, 0 to {images - 1}")
                        another = gradio.Button("A random one")
                    else:
                        gradio.Markdown("The test images are not on this machine.")
            with gradio.Column():
                shown = gradio.HTML(_EMPTY, elem_classes="answer", container=True)
                record = gradio.JSON(visible=False)  # for programs that ask the page
        gradio.Markdown(_PRIVACY)

        def show(ask: Callable[[], Answer]) -> tuple[str, Any]:
            """Returns what the page shows, as HTML and as a JSON object."""
            try:
                answer = ask()
            except (UserError, Stopped) as error:
                return f'<span class="problem">Nothing is predicted: {html.escape(str(error))}</span>', None
            return answers.as_html(answer), answers.record(answer)

        def draw(url: str) -> tuple[str, Any]:
            return show(lambda: answers.of_drawing(url)) if url else (_EMPTY, None)

        def read(url: str, invert: str) -> tuple[str, Any]:
            return show(lambda: answers.of_photo(url, invert)) if url else (_EMPTY, None)

        def look_up(index: int | None) -> tuple[str, Any]:
            return (_EMPTY, None) if index is None else show(lambda: answers.of_test_image(index))

        # always_last: the answer is to the last stroke, whatever was drawn during the answer to an earlier one.
        shared: dict[str, Any] = {
            "outputs": [shown, record],
            "trigger_mode": "always_last",
            "show_progress": "hidden",
        }
        paper.input(draw, paper, api_name="drawing", **shared)
        gradio.on([photo.input, invert.change], read, [photo, invert], api_name="photo", **shared)
        if answers.test:
            index.change(look_up, index, api_name="test_image", **shared)
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
        answers = Answers(explainer, _test_set(explainer.settings, data_dir))
        with _running(build(answers), listener):
            yield f"http://{HOST}:{port}/"


def _test_set(settings: Settings, data_dir: str | None) -> Split | None:
    """Returns the test set; None for a public dataset that is not on this machine."""
    if data_dir is None and settings.data_dir is None and fetch.find_local(DATASETS[settings.dataset]) is None:
        return None
    return datasets.load_for(settings, "test", data_dir)


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
    """Answers requests to a page in another thread, until the block is left.

    Blocks.launch() would do so too, but it asks itself for its page, through a proxy if the environment names one.
    """
    import fastapi
    import gradio
    import uvicorn
    from starlette.middleware.trustedhost import TrustedHostMiddleware

    app = fastapi.FastAPI()
    # A page of the internet whose name resolves to this machine gets no answer.
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
