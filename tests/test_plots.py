import io
import itertools

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


def images(count):
    return np.random.default_rng(1).random((count, 28, 28))


@pytest.mark.unit
def test_samples_have_their_names():
    figure = plots.samples(images(7), ["$\\undefined$", *NAMES[1:7]], "The title")
    assert [axes.get_xlabel() for axes in figure.axes] == ["\\$\\undefined\\$", *NAMES[1:7]]
    assert figure.get_suptitle() == "The title"
    np.testing.assert_array_equal(figure.axes[3].images[0].get_array(), images(7)[3])
    assert Image.open(io.BytesIO(plots.png(figure))).size == (840, 400)


@pytest.mark.unit
def test_the_confusion_matrix_shows_counts_and_fractions_of_rows():
    confusion = np.eye(10, dtype=int) * 90
    confusion[2, 4] = 10
    confusion[7] = 0
    axes = plots.confusion_matrix(confusion, NAMES, "The title").axes[0]
    assert (axes.get_title(), axes.get_xlabel(), axes.get_ylabel()) == ("The title", "predicted class", "true class")
    assert [label.get_text() for label in axes.get_xticklabels()] == list(NAMES)
    assert [label.get_text() for label in axes.get_yticklabels()] == list(NAMES)
    counts = {(text.get_position()[1], text.get_position()[0]): text.get_text() for text in axes.texts}
    assert counts == {(row, row): "90" for row in range(10) if row != 7} | {(2, 4): "10"}
    assert axes.images[0].get_array()[2].tolist() == [0, 0, 0.9, 0, 0.1, 0, 0, 0, 0, 0]


@pytest.mark.unit
@pytest.mark.parametrize(("classes", "size", "names"), [(3, (7, 6), 3), (40, (25, 24), 40), (300, (25, 24), 75)])
def test_a_confusion_matrix_grows_with_its_classes_up_to_a_limit(classes, size, names):
    class_names = [f"a name of thirty letters: {number:4}" for number in range(classes)]
    figure = plots.confusion_matrix(np.eye(classes, dtype=int), class_names, "The title")
    assert tuple(figure.get_size_inches()) == size
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert len(labels) == names
    assert all(len(label) <= 22 for label in labels)
    assert len(figure.axes[0].texts) == (classes if classes <= 50 else 0)


@pytest.mark.unit
def test_of_many_classes_the_most_probable_and_the_true_one_have_bars():
    names = [f"class {number}" for number in range(40)]
    probabilities = np.linspace(0, 1, 40)[None] / 20
    axes = plots.predictions(images(1), probabilities, names, ["one"], [2], "The title").axes[1]
    assert [label.get_text() for label in axes.get_yticklabels()] == [f"class {n}" for n in (*range(39, 30, -1), 2)]
    colours = [plots.colors.to_hex(bar.get_facecolor()) for bar in axes.patches]
    assert (colours[0], colours[-1]) == (plots.WRONG.lower(), plots.RIGHT.lower())


@pytest.mark.unit
def test_right_is_blue_and_wrong_is_red():
    probabilities = np.full((3, 10), 0.02)
    probabilities[:, 3] = 0.6
    probabilities[:, 5] = 0.24
    figure = plots.predictions(images(3), probabilities, NAMES, ["one", "two", "three"], [3, 5, None], "The title")
    inputs = figure.axes[::2]
    bars = figure.axes[1::2]
    assert [axes.get_title() for axes in inputs] == ["one", "two", "three"]
    assert [axes.get_xlabel() for axes in inputs] == ["class d 60%", "class d 60%\ntrue: class f", "class d 60%"]
    colours = ({3: plots.RIGHT}, {3: plots.WRONG, 5: plots.RIGHT}, {3: plots.UNKNOWN})
    for axes, expected in zip(bars, colours, strict=True):
        assert [bar.get_width() for bar in axes.patches] == pytest.approx(probabilities[0])
        assert [label.get_text() for label in axes.get_yticklabels()] == list(NAMES)
        bar_colours = {number: plots.colors.to_hex(bar.get_facecolor()) for number, bar in enumerate(axes.patches)}
        assert bar_colours == {number: expected.get(number, plots.OTHER).lower() for number in range(10)}


@pytest.mark.unit
@pytest.mark.parametrize("count", [1, 5])
def test_every_text_is_inside_the_plot_and_overlaps_no_other(count):
    """With the longest names that are allowed."""
    names = [f"{number}{'n' * 39}" for number in range(10)]
    probabilities = np.eye(10)[np.arange(count) % 9]
    figure = plots.predictions(images(count), probabilities, names, ["x" * 200] * count, [9] * count, "Words")
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw(renderer)
    off = {text for axes in figure.axes if not axes.axison for text in axes.findobj(Text)}
    texts = [text for text in figure.findobj(Text) if text not in off and text.get_text() and text.get_visible()]
    boxes = [text.get_window_extent(renderer) for text in texts]
    assert len(boxes) >= count * (1 + 1 + 10 + 3)
    edge = figure.bbox.padded(1)
    assert all(edge.contains(*box.min) and edge.contains(*box.max) for box in boxes)
    assert not [pair for pair in itertools.combinations(boxes, 2) if pair[0].padded(-1).overlaps(pair[1].padded(-1))]


@pytest.mark.unit
def test_a_plot_is_written_into_a_folder_that_is_made(tmp_path):
    path = tmp_path / "new" / "a.png"
    plots.save(plots.samples(images(1), ["a"], "b"), str(path))
    assert Image.open(path).format == "PNG"
    with pytest.raises(UserError, match=rf"^plot {path}/b.png cannot be written: "):
        plots.save(plots.samples(images(1), ["a"], "b"), str(path / "b.png"))


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
        f"run ${number}": [
            events.Curve("loss", "training", [1, 2], [2.0, 1.0]),
            events.Curve("loss", "evaluation", [2], [1.5]),
            events.Curve("accuracy", "evaluation", [2], [0.5]),
        ]
        for number in range(12)
    }
    figure = plots.curves(runs)
    loss, accuracy = figure.axes
    assert (loss.get_title(), accuracy.get_title()) == ("loss", "accuracy")
    assert len({(line.get_color(), line.get_marker()) for line in loss.lines}) == 12
    assert [line.get_xydata().tolist() for line in loss.lines[:2]] == [[[1, 2], [2, 1]], [[2, 1.5]]]
    assert [line.get_xydata().tolist() for line in accuracy.lines] == [[[2, 0.5]]] * 12
    (legend,) = figure.legends
    names = ["run \\$0, training", "run \\$0, evaluation", "run \\$1, training"]
    assert [text.get_text().strip() for text in legend.get_texts()][:3] == names
