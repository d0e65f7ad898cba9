"""Draws plots with matplotlib, without a display. Imports no TensorFlow.

The colours are Paul Tol's vibrant scheme, which colour-blind readers can tell apart. A position, a marker or a word
shows the same as a colour.
"""

import io
import itertools
import math
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import colors, ticker
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from cnn_estimator.files import atomic_write, writing

if TYPE_CHECKING:  # the module loads TensorFlow
    from cnn_estimator.run_dir.events import Curve

DOTS_PER_INCH = 100
RIGHT = "#0077BB"  # blue
WRONG = "#CC3311"  # red
UNKNOWN = "#444444"  # dark grey
OTHER = "#BBBBBB"  # light grey
LINES = ("#0077BB", "#EE7733", "#009988", "#EE3377", "#33BBEE")
MARKERS = "osD^vP*"
HEAT_COLOURS = "inferno"
HEAT_OPACITY = 0.7
_MAX_CLASSES_WITH_COUNTS = 50
_MAX_NAMES = 80  # beside a confusion matrix
_MAX_BARS = 10
_MAX_CHANNELS = 16  # of a layer, so that each can be seen


def png(figure: Figure) -> bytes:
    """Returns a Figure as the content of a PNG file."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=DOTS_PER_INCH)
    return file.getvalue()


def save(figure: Figure, path: str) -> bytes:
    """Writes a Figure as a PNG file, makes missing folders above it, and returns the content of the file.

    Raises:
      UserError: the file cannot be written.
    """
    content = png(figure)
    with writing(f"plot {path}"):
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        with atomic_write(path, "wb") as file:
            file.write(content)
    return content


def samples(images: np.ndarray, names: Sequence[str], title: str) -> Figure:
    """Draws images [N, 28, 28] with a name below each."""
    columns = min(5, len(images))
    rows = math.ceil(len(images) / columns)
    figure = Figure((1.6 * columns + 0.4, 1.75 * rows + 0.5), layout="constrained")
    figure.suptitle(title, wrap=True)
    for number, (image, name) in enumerate(zip(images, names, strict=True), 1):
        axes = figure.add_subplot(rows, columns, number)
        _draw_image(axes, image)
        axes.set_xlabel(_short(name, 22))
    return figure


def confusion_matrix(confusion: np.ndarray, class_names: Sequence[str], title: str) -> Figure:
    """Draws how many images of each true class, in rows, are predicted as each class, in columns.

    A colour shows the count as a fraction of the row. With many classes the counts, and then some names, are left out.
    """
    fractions = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    height = min(max(3 + 0.55 * len(confusion), 6.0), 24.0)  # inches
    figure = Figure((height + 1, height), layout="constrained")
    axes = figure.subplots()
    # The square root makes few mistakes visible beside many correct predictions.
    drawn = axes.imshow(fractions, cmap="Blues", norm=colors.PowerNorm(0.5, 0, 1))
    for (row, column), count in np.ndenumerate(confusion):
        if count and len(confusion) <= _MAX_CLASSES_WITH_COUNTS:
            colour = "white" if fractions[row, column] > 0.35 else "black"
            axes.text(column, row, str(count), ha="center", va="center", color=colour)
    ticks = range(0, len(class_names), math.ceil(len(class_names) / _MAX_NAMES))
    names = [_short(class_names[number], 22) for number in ticks]
    axes.set_xticks(ticks, names, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(ticks, names)
    axes.set(xlabel="predicted class", ylabel="true class")
    axes.set_title(title, wrap=True)
    figure.colorbar(
        drawn, label="fraction of the true class", shrink=0.8, ticks=(0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 1)
    ).ax.yaxis.set_major_formatter(ticker.PercentFormatter(1, decimals=0))
    return figure


def predictions(
    images: np.ndarray,
    probabilities: np.ndarray,
    class_names: Sequence[str],
    titles: Sequence[str],
    true_classes: Sequence[int | None] | np.ndarray,
    title: str,
) -> Figure:
    """Draws images [N, 28, 28], each beside a bar chart of its probabilities [N, number of classes].

    With more than ten classes, the chart has the ten most probable ones, and the true class among them. The bar of the
    true class is blue. The bar of a wrong prediction is red, and dark grey if the true class is unknown.

    Args:
      titles: the text above each image.
      true_classes: the class of each image, or None if it is unknown.
    """
    columns = min(4, len(images))
    rows = math.ceil(len(images) / columns)
    figure = Figure((3.5 * columns, 1.95 * rows + 0.5), layout="constrained")
    figure.suptitle(title, wrap=True)
    cells = figure.subplots(rows, 2 * columns, squeeze=False, width_ratios=[1.25, 1] * columns).reshape(-1, 2)
    for axes in cells[len(images) :].flat:
        axes.axis("off")
    for row, (left, right) in enumerate(cells[: len(images)]):
        _draw_prediction(left, right, images[row], probabilities[row], titles[row], true_classes[row], class_names)
    return figure


def explanations(
    filters: np.ndarray,
    images: Sequence[np.ndarray],
    heat_maps: Sequence[np.ndarray],
    activations: Sequence[Mapping[str, np.ndarray]],
    probabilities: Sequence[np.ndarray],
    explained_classes: Sequence[str],
    class_names: Sequence[str],
    titles: Sequence[str],
    true_classes: Sequence[int | None],
    title: str,
) -> Figure:
    """Draws the filters of the first layer, and a row for each image: image, heat map, activations, probabilities.

    Args:
      filters: [filters, height, width].
      images, heat_maps: [28, 28] of each image, in 0..1.
      activations: {name of a layer: [H, W, C] or [units]} of each image. The last layer's are not drawn: the
        probabilities show the same.
      explained_classes: the name of the class that each heat map is for.
      titles: the text above each image.
      true_classes: the class of each image, or None if it is unknown.
    """
    names = [*activations[0]][:-1]
    figure = Figure((1.75 * (len(names) + 3), 2.1 * len(images) + 1.8), layout="constrained")
    figure.suptitle(title, wrap=True)
    parts = figure.subfigures(2, 1, squeeze=False, height_ratios=[1.2, 2.1 * len(images)])
    above, below = parts[:, 0]
    _draw_filters(above.subplots(), filters)
    cells = below.subplots(len(images), len(names) + 3, squeeze=False, width_ratios=[1.2] * (len(names) + 2) + [1])
    for row, image in enumerate(images):
        left, heat, *middle, right = cells[row]
        _draw_prediction(left, right, image, probabilities[row], titles[row], true_classes[row], class_names)
        _draw_image(heat, image)
        heat.imshow(heat_maps[row], cmap=HEAT_COLOURS, vmin=0, vmax=1, alpha=HEAT_OPACITY)
        heat.set_title(f"for {_short(explained_classes[row], 16)}", fontsize=8)
        for axes, name in zip(middle, names, strict=True):
            values = activations[row][name]
            _draw_tiles(axes, values)
            axes.set_title(_short(name, 18), fontsize=8)
            shape = "x".join(map(str, values.shape))
            some = values.ndim > 1 and values.shape[-1] > _MAX_CHANNELS
            axes.set_xlabel(f"{shape}, the {_MAX_CHANNELS} strongest" if some else shape, fontsize=7)
    return figure


def _draw_filters(axes: Axes, filters: np.ndarray) -> None:
    """Draws filters [N, H, W] side by side: positive weights red, negative weights blue, 0 white."""
    strongest = np.abs(filters).max()
    tiled = tiles(filters, columns=math.ceil(len(filters) / max(1, len(filters) // 16)))
    axes.imshow(tiled, cmap="RdBu_r", vmin=-strongest, vmax=strongest)
    axes.axis("off")
    axes.set_title("the filters of the first layer: red is positive, blue is negative", fontsize=8)


def _draw_tiles(axes: Axes, activations: np.ndarray) -> None:
    """Draws activations; the largest value is white.

    Args:
      activations: [H, W, C], whose strongest channels are drawn side by side, or [units], with a pixel for each unit.
    """
    if activations.ndim == 1:
        drawn = tiles(activations.reshape(-1, 1, 1), gap=0)
    else:
        strongest = np.sort(np.argsort(-activations.mean((0, 1)), kind="stable")[:_MAX_CHANNELS])
        drawn = tiles(np.moveaxis(activations[..., strongest], -1, 0))
    axes.set_facecolor(OTHER)  # shows through where there is no value
    axes.imshow(drawn, cmap="gray", vmin=min(0, activations.min()), interpolation="nearest")
    axes.set(xticks=[], yticks=[])


def tiles(images: np.ndarray, columns: int | None = None, gap: int = 1) -> np.ndarray:
    """Returns images [N, H, W] side by side as one image, with NaN between them and in the places that are left.

    Args:
      columns: images in a row; None makes as many rows as columns.
      gap: pixels between two images.
    """
    columns = columns or math.ceil(math.sqrt(len(images)))
    rows = math.ceil(len(images) / columns)
    height, width = images.shape[1:]
    tiled = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap), np.nan)
    for number, image in enumerate(images):
        row, column = divmod(number, columns)
        top = row * (height + gap)
        left = column * (width + gap)
        tiled[top : top + height, left : left + width] = image
    return tiled


def _draw_prediction(
    left: Axes,
    right: Axes,
    image: np.ndarray,
    probabilities: np.ndarray,
    title: str,
    true_class: int | None,
    class_names: Sequence[str],
) -> None:
    """Draws an image on the left and the bar chart of its probabilities on the right."""
    predicted = int(np.argmax(probabilities))
    shown = shown_classes(probabilities, true_class)
    bar_colours = dict.fromkeys(shown, OTHER)
    bar_colours[predicted] = UNKNOWN if true_class is None else WRONG
    if true_class is not None:
        bar_colours[true_class] = RIGHT
    _draw_image(left, image)
    caption = f"{_short(class_names[predicted], 13)} {probabilities[predicted]:.0%}"
    if true_class is not None and predicted != true_class:
        caption += f"\ntrue: {_short(class_names[true_class], 13)}"
    left.set_title(_short(title, 18), fontsize=8)
    left.set_xlabel(caption, fontsize=8, color=bar_colours[predicted])
    right.barh(range(len(shown)), probabilities[shown], color=list(bar_colours.values()))
    right.set_xlim(0, 1)
    right.set_xticks((0, 0.5, 1), ("0", "50%", "100%"), fontsize=6)
    right.set_yticks(range(len(shown)), [_short(class_names[number], 13) for number in shown], fontsize=7)
    right.set_xlabel("probability", fontsize=6)
    right.invert_yaxis()
    right.spines[["top", "right"]].set_visible(False)


def shown_classes(probabilities: np.ndarray, true_class: int | None) -> list[int]:
    """Returns the classes of a bar chart: all, or of more than ten the most probable ones and the true class."""
    if len(probabilities) <= _MAX_BARS:
        return list(range(len(probabilities)))
    shown = [int(number) for number in np.argsort(-probabilities, kind="stable")[:_MAX_BARS]]
    if true_class is not None and true_class not in shown:
        shown[-1] = int(true_class)
    return shown


def _short(name: str, max_length: int) -> str:
    """Returns a name, or the beginning and the end of a name that is too long."""
    if len(name) > max_length:
        name = f"{name[: max_length // 2]}…{name[-((max_length - 1) // 2) :]}"
    return _literal(name)


def _literal(text: str) -> str:
    """Returns a text in which matplotlib finds no formula between two $."""
    return text.replace("$", r"\$")


def _draw_image(axes: Axes, image: np.ndarray) -> None:
    axes.imshow(image, cmap="gray", vmin=0, vmax=1)
    axes.set(xticks=[], yticks=[])


def learning_rates(
    rates: np.ndarray, losses: np.ndarray, smoothed: np.ndarray, suggestion: float, title: str
) -> Figure:
    """Draws the loss of each batch [N] over its learning rate [N], the smoothed losses [N] and the suggested rate."""
    figure = Figure((8, 5), layout="constrained")
    axes = figure.subplots()
    axes.plot(rates, losses, color=OTHER, lw=1, label="loss of a batch")
    axes.plot(rates, smoothed, color=RIGHT, lw=2, label="smoothed")
    height = float(np.interp(math.log(suggestion), np.log(rates), smoothed))
    axes.plot(suggestion, height, marker="o", ms=9, ls="", color=WRONG, label=f"falls fastest: {suggestion:.2g}")
    axes.set_xscale("log")
    # The losses of the last batches, where training diverges, would leave no room for the rest.
    fall = float(losses[0] - losses.min())
    axes.set_ylim(losses.min() - fall / 10, min(losses[0] + fall / 2, losses.max() + fall / 10))
    axes.set(title=_literal(title), xlabel="learning rate", ylabel="mean cross entropy of a batch")
    axes.grid(alpha=0.3)
    axes.legend(loc="lower left")
    return figure


def curves(runs: Mapping[str, Sequence["Curve"]]) -> Figure:
    """Draws loss and accuracy over the global step, for {model_dir: Curves}."""
    figure = Figure((12, 5 + 0.22 * len(runs)), layout="constrained")
    figure.suptitle("Training, on single batches; validation, on images held out of it; evaluation, on the test set")
    legend: dict[str, Line2D] = {}
    for axes, tag in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        # Five colours and seven markers make thirty-five different lines.
        styles = zip(itertools.cycle(LINES), itertools.cycle(MARKERS), strict=True)
        for (model_dir, model_curves), (colour, marker) in zip(runs.items(), styles, strict=False):
            for curve in model_curves:
                if curve.tag == tag:
                    style: dict[str, Any] = {"lw": 1, "alpha": 0.6, "markevery": 0.2, "markersize": 4}
                    if curve.part != "training":
                        style = {"ls": "--" if curve.part == "evaluation" else ":", "markeredgecolor": "black"}
                    (line,) = axes.plot(curve.steps, curve.values, color=colour, marker=marker, **style)
                    legend.setdefault(f"{_literal(model_dir)}, {curve.part}", line)
        axes.set(title=tag, xlabel="global step", ylabel="mean cross entropy" if tag == "loss" else "accuracy")
        axes.set_ylim(bottom=0, top=1 if tag == "accuracy" else None)
        axes.grid(alpha=0.3)
    # Older matplotlib hides labels that begin with _, as a path may.
    labels = [f" {label}" for label in legend]
    figure.legend(list(legend.values()), labels, loc="outside lower center", ncols=2)
    return figure
