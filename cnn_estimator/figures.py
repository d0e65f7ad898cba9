"""The pictures, drawn by matplotlib without a display. Imports no TensorFlow.

Colours are Paul Tol's vibrant scheme, which colour-blind readers can tell apart; what a colour says, a position, a
marker or a word says too.
"""

import io
import itertools
import logging
import math
import os
import warnings

import numpy as np
from matplotlib import colors, ticker
from matplotlib.figure import Figure

from cnn_estimator.disk import whole, writing

log = logging.getLogger(__package__)

DOTS_PER_INCH = 100
RIGHT, WRONG, UNKNOWN, OTHER = "#0077BB", "#CC3311", "#444444", "#BBBBBB"  # blue, red, greys
LINES = ("#0077BB", "#EE7733", "#009988", "#EE3377", "#33BBEE")
MARKERS = "osD^vP*"


def png(figure):
    """Returns a Figure as the bytes of a PNG file; characters that the font lacks are boxes there, and said."""
    file = io.BytesIO()
    with warnings.catch_warnings(record=True) as caught:
        warnings.filterwarnings("always", "Glyph", UserWarning)
        figure.savefig(file, format="png", dpi=DOTS_PER_INCH)
    for text in sorted({str(warning.message).splitlines()[0] for warning in caught}):
        log.warning("%s", text)
    return file.getvalue()


def save(figure, path):
    """Writes a Figure as a PNG file, in a folder that is made where it is missing: whole, or as it was.

    Returns the file's content.
    """
    content = png(figure)
    with writing(f"picture {path}"):
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        with whole(path, "wb") as file:
            file.write(content)
    return content


def samples(images, names, title):
    """Draws images [N, 28, 28] with a name below each."""
    columns = min(5, len(images))
    rows = math.ceil(len(images) / columns)
    figure = Figure((1.6 * columns + 0.4, 1.75 * rows + 0.5), layout="constrained")
    figure.suptitle(title, wrap=True)
    axes = figure.subplots(rows, columns, squeeze=False)
    for cell, image, name in itertools.zip_longest(axes.flat, images, names):
        if image is None:
            cell.axis("off")
        else:
            _draw_image(cell, image)
            cell.set_xlabel(_short(name, 22))
    return figure


def confusion_matrix(confusion, class_names, title):
    """Draws how many images of each true class, the rows, are taken for which, the columns: counts, and as colours the
    shares of the true class."""
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    figure = Figure((9.5, 8.5), layout="constrained")
    axes = figure.subplots()
    # A square root, so that the few mistakes show beside the many that are right.
    drawn = axes.imshow(shares, cmap="Blues", norm=colors.PowerNorm(0.5, 0, 1))
    for (row, column), count in np.ndenumerate(confusion):
        if count:
            shade = "white" if shares[row, column] > 0.35 else "black"
            axes.text(column, row, str(count), ha="center", va="center", color=shade)
    names = [_short(name, 22) for name in class_names]
    axes.set_xticks(range(len(names)), names, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(names)), names)
    axes.set(title=title, xlabel="predicted class", ylabel="true class")
    figure.colorbar(
        drawn, label="share of the true class", shrink=0.8, ticks=(0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 1)
    ).ax.yaxis.set_major_formatter(ticker.PercentFormatter(1, decimals=0))
    return figure


def answers(images, probabilities, class_names, titles, true_classes, title):
    """Draws images [N, 28, 28], each beside the bars of its ten probabilities [N, 10].

    The predicted class has a blue bar where it is right and a red one where it is wrong; the true one is blue then.

    Args:
      titles: what is written above each image.
      true_classes: the class of each image, or None where it is not known: its bar is dark then.
    """
    columns = min(4, len(images))
    rows = math.ceil(len(images) / columns)
    figure = Figure((3.5 * columns, 1.95 * rows + 0.5), layout="constrained")
    figure.suptitle(title, wrap=True)
    cells = figure.subplots(rows, 2 * columns, squeeze=False, width_ratios=[1.25, 1] * columns).reshape(-1, 2)
    for (picture, bars), *answer in itertools.zip_longest(cells, images, probabilities, titles, true_classes):
        if answer[0] is None:
            picture.axis("off")
            bars.axis("off")
        else:
            _draw_answer(picture, bars, *answer, class_names)
    return figure


def _draw_answer(picture, bars, image, shares, heading, true_class, class_names):
    predicted = int(np.argmax(shares))
    shades = [OTHER] * len(shares)
    shades[predicted] = UNKNOWN if true_class is None else WRONG
    if true_class is not None:
        shades[true_class] = RIGHT
    _draw_image(picture, image)
    caption = f"{_short(class_names[predicted], 12)} {shares[predicted]:.0%}"
    if true_class is not None and predicted != true_class:
        caption += f"\ntrue: {_short(class_names[true_class], 12)}"
    picture.set_title(_short(heading, 18), fontsize=8)
    picture.set_xlabel(caption, fontsize=8, color=shades[predicted])
    bars.barh(range(len(shares)), shares, color=shades)
    bars.set_xlim(0, 1)
    bars.set_xticks((0, 0.5, 1), ("0", "50%", "100%"), fontsize=6)
    bars.set_yticks(range(len(shares)), [_short(name, 12) for name in class_names], fontsize=7)
    bars.set_xlabel("probability", fontsize=6)
    bars.invert_yaxis()
    bars.spines[["top", "right"]].set_visible(False)


def _short(name, most):
    """Returns the beginning and the end of a name that has more characters than there is room for."""
    if len(name) > most:
        name = f"{name[: most // 2]}…{name[-((most - 1) // 2) :]}"
    return _plain(name)


def _plain(text):
    """Returns a text without formulas, which matplotlib sees between two $."""
    return text.replace("$", r"\$")


def _draw_image(axes, image):
    axes.imshow(image, cmap="gray", vmin=0, vmax=1)
    axes.set_xticks([])
    axes.set_yticks([])


def curves(runs):
    """Draws loss and accuracy over the global step: {model_dir: its event_files.Curves}."""
    figure = Figure((12, 5 + 0.22 * len(runs)), layout="constrained")
    figure.suptitle("Training, a batch at a time, and evaluation, the whole test set")
    legend = {}
    for axes, tag in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        # Five and seven, so that thirty-five runs look different.
        styles = zip(itertools.cycle(LINES), itertools.cycle(MARKERS), strict=True)
        for (model_dir, found), (shade, marker) in zip(runs.items(), styles, strict=False):
            for curve in found:
                if curve.tag == tag:
                    style = {"lw": 1, "alpha": 0.6, "markevery": 0.2, "markersize": 4}
                    if curve.part == "evaluation":
                        style = {"ls": "--", "markeredgecolor": "black"}
                    (line,) = axes.plot(curve.steps, curve.values, color=shade, marker=marker, **style)
                    legend.setdefault(f"{_plain(model_dir)}, {curve.part}", line)
        axes.set(title=tag, xlabel="global step", ylabel="mean cross entropy" if tag == "loss" else "share right")
        axes.set_ylim(bottom=0, top=1 if tag == "accuracy" else None)
        axes.grid(alpha=0.3)
    # The space, because matplotlib hides what begins with _.
    labels = [f" {label}" for label in legend]
    figure.legend(legend.values(), labels, loc="outside lower center", ncols=2)
    return figure
