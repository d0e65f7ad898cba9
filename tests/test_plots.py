import io
import itertools
import os

import numpy as np
import pytest
from helpers import run
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text
from PIL import Image

from cnn_estimator import plots
from cnn_estimator.errors import UserError
from cnn_estimator.run_dir import events

NAMES = tuple(f"class {letter}" for letter in "abcdefghij")


def pixels(figure):
    return np.asarray(Image.open(io.BytesIO(plots.png(figure))).convert("RGB"))


def images(count):
    return np.random.default_rng(1).random((count, 28, 28))


def texts(figure):
    """The texts of a figure, except the ticks of axes that are switched off."""
    off = {text for axes in figure.axes if not axes.axison for text in axes.findobj(Text)}
    return [text for text in figure.findobj(Text) if text not in off]


@pytest.mark.unit
def test_samples_have_their_names():
    figure = plots.samples(images(7), NAMES[:7], "The title")
    shown = [axes for axes in figure.axes if axes.axison]
    assert [axes.get_xlabel() for axes in shown] == list(NAMES[:7])
    assert figure.get_suptitle() == "The title"
    np.testing.assert_array_equal(shown[3].images[0].get_array(), images(7)[3])
    assert pixels(figure).shape == (400, 840, 3)
    assert {image.get_clim() for axes in shown for image in axes.images} == {(0, 1)}
    pixels(figure)


@pytest.mark.unit
def test_the_confusion_matrix_shows_counts_and_fractions_of_rows():
    confusion = np.eye(10, dtype=int) * 90
    confusion[2, 4] = 10
    confusion[7] = 0
    figure = plots.confusion_matrix(confusion, NAMES, "The title")
    axes = figure.axes[0]
    assert (axes.get_title(), axes.get_xlabel(), axes.get_ylabel()) == ("The title", "predicted class", "true class")
    assert [label.get_text() for label in axes.get_xticklabels()] == list(NAMES)
    assert [label.get_text() for label in axes.get_yticklabels()] == list(NAMES)
    counts = {(text.get_position()[1], text.get_position()[0]): text.get_text() for text in axes.texts}
    assert counts == {(row, row): "90" for row in range(10) if row != 7} | {(2, 4): "10"}
    assert axes.images[0].get_array()[2].tolist() == [0, 0, 0.9, 0, 0.1, 0, 0, 0, 0, 0]
    # A few mistakes have a colour beside many correct predictions.
    assert axes.images[0].norm([0, 0.01, 0.25, 1]).tolist() == pytest.approx([0, 0.1, 0.5, 1])
    assert {text.get_text(): text.get_color() for text in axes.texts} == {"90": "white", "10": "black"}
    pixels(figure)


@pytest.mark.unit
def test_right_is_blue_and_wrong_is_red():
    probabilities = np.full((3, 10), 0.02)
    probabilities[:, 3], probabilities[:, 5] = 0.6, 0.24
    figure = plots.predictions(images(3), probabilities, NAMES, ["one", "two", "three"], [3, 5, None], "The title")
    cells = [axes for axes in figure.axes if axes.axison]
    inputs, bars = cells[::2], cells[1::2]
    assert [axes.get_title() for axes in inputs] == ["one", "two", "three"]
    assert [axes.get_xlabel() for axes in inputs] == [
        "class d 60%",
        "class d 60%\ntrue: class f",
        "class d 60%",
    ]
    for axes, expected in zip(
        bars,
        (
            {3: plots.RIGHT},
            {3: plots.WRONG, 5: plots.RIGHT},
            {3: plots.UNKNOWN},
        ),
        strict=True,
    ):
        assert [bar.get_width() for bar in axes.patches] == pytest.approx(probabilities[0])
        assert axes.get_xlim() == (0, 1)
        assert [label.get_text() for label in axes.get_yticklabels()] == list(NAMES)
        bar_colours = {number: plots.colors.to_hex(bar.get_facecolor()) for number, bar in enumerate(axes.patches)}
        assert bar_colours == {number: expected.get(number, plots.OTHER).lower() for number in range(10)}
    red, green, blue = plots.colors.to_rgb(plots.WRONG)
    assert red > 2 * max(green, blue)
    red, green, blue = plots.colors.to_rgb(plots.RIGHT)
    assert blue > 1.5 * max(red, green)


@pytest.mark.unit
@pytest.mark.parametrize("count", [1, 2, 4, 5, 12])
def test_every_text_is_inside_the_plot_and_overlaps_no_other(count):
    """With the longest names that are allowed."""
    names = [f"{number}{'n' * 39}" for number in range(10)]
    probabilities = np.eye(10)[np.arange(count) % 9]
    figure = plots.predictions(images(count), probabilities, names, ["x" * 200] * count, [9] * count, "Words")
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw(renderer)
    boxes = [text.get_window_extent(renderer) for text in texts(figure) if text.get_text() and text.get_visible()]
    assert len(boxes) >= count * (1 + 1 + 10 + 3)
    edge = figure.bbox.padded(1)
    assert all(edge.contains(*box.min) and edge.contains(*box.max) for box in boxes)
    assert not [pair for pair in itertools.combinations(boxes, 2) if pair[0].padded(-1).overlaps(pair[1].padded(-1))]
    assert all(axes.get_window_extent().width > 60 for axes in figure.axes if axes.axison)


@pytest.mark.unit
def test_characters_that_the_font_lacks_are_logged_once(caplog, capfd):
    pixels(plots.samples(images(2), ["\N{CJK UNIFIED IDEOGRAPH-978B}"] * 2, "b"))
    assert len(caplog.records) == 1
    assert "Glyph 38795" in caplog.text
    assert capfd.readouterr().err == ""


@pytest.mark.unit
def test_names_are_not_read_as_formulas(tmp_path):
    pixels(plots.samples(images(1), ["$\\undefined$"], "b"))


@pytest.mark.unit
def test_a_plot_is_written_into_a_folder_that_is_made(tmp_path):
    path = tmp_path / "new" / "a.png"
    plots.save(plots.samples(images(1), ["a"], "b"), str(path))
    assert Image.open(path).format == "PNG"
    assert os.listdir(tmp_path / "new") == ["a.png"]


@pytest.mark.unit
def test_a_place_that_cannot_be_written_is_an_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=rf"^plot {tmp_path}/file/a.png cannot be written: "):
        plots.save(plots.samples(images(1), ["a"], "b"), str(tmp_path / "file" / "a.png"))


@pytest.mark.process
def test_plots_load_no_display_and_no_tensorflow():
    code = """
import sys
from cnn_estimator import plots
print([name for name in ("matplotlib.pyplot", "tensorflow") if name in sys.modules])
"""
    assert run("-c", code).stdout == "[]\n"


@pytest.mark.unit
def test_runs_differ_in_colour_and_marker():
    runs = {
        f"_run ${number}": [
            events.Curve("loss", "training", [1, 2], [2.0, 1.0]),
            events.Curve("loss", "evaluation", [2], [1.5]),
            events.Curve("accuracy", "evaluation", [2], [0.5]),
        ]
        for number in range(12)
    }
    figure = plots.curves(runs)
    loss, accuracy = figure.axes
    assert (loss.get_title(), accuracy.get_title()) == ("loss", "accuracy")
    assert {axes.get_xlabel() for axes in (loss, accuracy)} == {"global step"}
    assert (loss.get_ylabel(), accuracy.get_ylabel()) == ("mean cross entropy", "accuracy")
    styles = {(line.get_color(), line.get_marker()) for line in loss.lines if line.get_marker() != "None"}
    assert len(styles) == 12
    training = [line for line in loss.lines if line.get_linestyle() == "-"]
    assert {(line.get_color(), line.get_marker()) for line in training} == styles
    assert [line.get_xdata().tolist() for line in training] == [[1, 2]] * 12
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()][:3] == [
        " _run \\$0, training",
        " _run \\$0, evaluation",
        " _run \\$1, training",
    ]
    assert [line.get_xydata().tolist() for line in loss.lines[:2]] == [[[1, 2], [2, 1]], [[2, 1.5]]]
    assert accuracy.get_ylim() == (0, 1)
