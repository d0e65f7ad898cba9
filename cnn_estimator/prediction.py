"""The verb predict."""

import dataclasses
import logging
import os

import numpy as np
from tabulate import tabulate

from cnn_estimator import checkpoints, datasets, figures, model, pictures
from cnn_estimator.datasets import CLASSES, SIDE
from cnn_estimator.errors import UserError
from cnn_estimator.model_dir import settings_of
from cnn_estimator.signals import StopSignals
from cnn_estimator.tf1 import start_runtime, tf

log = logging.getLogger(__package__)

_BATCH = 100  # images that go through the network at once
_RUNNERS_UP = 2
_MOST_DRAWN = 40


class Predictor:
    """A trained model that is loaded once and answers many times; Estimator.predict builds its graph at every call.

    A context manager: leaving it ends the session.

        with Predictor("/tmp/fashion") as predictor:
            predictor.class_names[predictor.predict(images).classes[0]]

    Args:
      model_dir: a folder that was trained in, or is being trained in.
      checkpoint: a global step, or a path, whose folder then is the model_dir; None takes the newest intact one.
      recipe: the recipes.Recipe that the model_dir holds, where it has no settings file.
      data_dir: the data whose class_names to take, see datasets.load, where the model_dir knows none.

    Attributes:
      settings: the recipes.Settings of the run.
      class_names: ten str, what the classes are called.
      checkpoint: the checkpoints.Checkpoint that was loaded.
      session: the tf.Session.
      inputs: {"x": float32 [N, 28, 28] in 0..1}, tensors of the session's graph.
      outputs: {"classes": int64 [N], "probabilities": float32 [N, 10]}, likewise.

    Raises:
      UserError: there is no intact checkpoint, or it is of another model.
    """

    def __init__(self, model_dir, *, checkpoint=None, recipe=None, data_dir=None):
        with checkpoints.copied(checkpoints.picker(model_dir, checkpoint)) as (self.checkpoint, copy):
            self.settings = settings_of(os.path.dirname(self.checkpoint.path), recipe, data_dir)
            self.class_names = self.settings.class_names
            checkpoints.check_fits(copy, self.settings, tf.estimator.ModeKeys.PREDICT)
            start_runtime()
            with tf.Graph().as_default() as graph:
                # The variables of today's TensorFlow, which loads what is exported from here without a warning.
                tf.get_variable_scope().set_use_resource(True)
                self.inputs = {"x": tf.placeholder(tf.float32, [None, SIDE, SIDE], name="x")}
                self.outputs = model.model_fn(
                    self.inputs, None, tf.estimator.ModeKeys.PREDICT, self.settings
                ).predictions
                self.session = tf.Session(graph=graph)
                tf.train.Saver().restore(self.session, copy.path)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.session.close()

    def predict(self, images):
        """Returns the model.Predictions for images [N, 28, 28] in 0..1, bright objects on black; or ValueError."""
        images = np.asarray(images, np.float32)
        if images.ndim != 3 or images.shape[1:] != (SIDE, SIDE):
            raise ValueError(f"images of shape {images.shape}: they must be [N, {SIDE}, {SIDE}]")
        if images.size and not (images.min() >= 0 and images.max() <= 1):
            raise ValueError(f"pixels from {images.min()} to {images.max()}: they must lie in 0..1, divide by 255")
        batches = [
            self.session.run(self.outputs, {self.inputs["x"]: images[start : start + _BATCH]})
            for start in range(0, len(images), _BATCH)
        ]
        return model.Predictions(
            np.concatenate([np.zeros(0, np.int64), *(batch["classes"] for batch in batches)]),
            np.concatenate([np.zeros((0, CLASSES), np.float32), *(batch["probabilities"] for batch in batches)]),
        )


@dataclasses.dataclass(frozen=True)
class Answer:
    """What a network says of one image.

    Attributes:
      name: the file's, or `test image N`.
      image: float32 [28, 28], as the network saw it.
      inverted: whether bright and dark were exchanged.
      true_class: 0 to 9, or None where it is not known.
      probabilities: float32 [10].
      class_names: ten str.
    """

    name: str
    image: np.ndarray
    inverted: bool
    true_class: int | None
    probabilities: np.ndarray
    class_names: tuple

    def ranked(self):
        """Returns [(class name, probability)], the likeliest first."""
        order = np.argsort(-self.probabilities, kind="stable")
        return [(self.class_names[number], float(self.probabilities[number])) for number in order]

    def record(self):
        """Returns what --json prints."""
        ranked = self.ranked()
        return {
            "image": self.name,
            "class": ranked[0][0],
            "probability": ranked[0][1],
            "inverted": self.inverted,
            **({} if self.true_class is None else {"true_class": self.class_names[self.true_class]}),
            "probabilities": dict(ranked),
        }


def answers(
    model_dir, paths, test_indices=(), *, checkpoint=None, recipe=None, data_dir=None, invert="auto", stop=None
):
    """Says what image files and images of the test set show, all in one session.

    Args:
      model_dir, checkpoint, recipe: see Predictor.
      paths: of files that pictures.read can read.
      test_indices: images of the test set, counted from 0.
      data_dir: where the test set is, see datasets.load and Predictor; None takes the settings'.
      invert: "yes", "no" or "auto", see pictures.read; for files.
      stop: the signals.StopSignals of a process that listens for them.

    Returns:
      (Answers, those for files first, and problems: for each file that cannot be answered for a str that names it).

    Raises:
      UserError: there is no such model, the test set is missing or bad, or has no such image.
      Stopped: a signal ended the work.
    """
    stop = stop or StopSignals()
    stop.check("nothing was predicted")
    with Predictor(model_dir, checkpoint=checkpoint, recipe=recipe, data_dir=data_dir) as predictor:
        settings = predictor.settings
        tests = _test_images(test_indices, settings, data_dir)
        found, problems = [], []  # found: (name, image, inverted, true_class)
        for path in paths:
            stop.check("nothing was predicted")
            try:
                picture = pictures.read(path, dataset=datasets.DATASETS[settings.dataset], invert=invert)
                found.append((path, picture.image, picture.inverted, None))
            except UserError as error:
                problems.append(f"{pictures.shown(path)}: {error}")
        inverted = sum(row[2] for row in found)
        if inverted and invert == "auto":
            log.info(
                "%d of %d files were inverted, being dark on bright: --invert=no leaves them", inverted, len(found)
            )
        found += tests
        images = np.array([row[1] for row in found], np.float32).reshape(-1, SIDE, SIDE)
        probabilities = predictor.predict(images).probabilities
        stop.check("nothing was predicted")
    return [
        Answer(*row, shares, settings.class_names) for row, shares in zip(found, probabilities, strict=True)
    ], problems


def _test_images(indices, settings, data_dir):
    """Returns (name, image, inverted, true_class) of images of the test set."""
    if not indices:
        return []
    data = datasets.load(settings.dataset, "test", data_dir or settings.data_dir)
    for index in indices:
        if index >= len(data.labels):
            raise UserError(f"--test_index={index}: the test set has images 0 to {len(data.labels) - 1}")
    return [(f"test image {index}", data.images[index], False, int(data.labels[index])) for index in indices]


def table(answers):
    """Returns the answers as text, a line each; columns that would be empty are left out."""
    columns = {
        "image": [pictures.shown(answer.name) for answer in answers],
        "class": [answer.ranked()[0][0] for answer in answers],
        "probability": [f"{answer.ranked()[0][1]:.1%}" for answer in answers],
        "runners-up": [
            ", ".join(f"{name} {share:.1%}" for name, share in answer.ranked()[1 : 1 + _RUNNERS_UP])
            for answer in answers
        ],
        "true class": [
            "" if answer.true_class is None else answer.class_names[answer.true_class] for answer in answers
        ],
        "": ["inverted" if answer.inverted else "" for answer in answers],
    }
    filled = {name: cells for name, cells in columns.items() if any(cells)}
    return tabulate(filled, "keys", "plain", disable_numparse=True)


def draw(answers, path):
    """Writes a PNG file with the images as the network saw them, each beside its probabilities; the first 40."""
    drawn = answers[:_MOST_DRAWN]
    if len(drawn) < len(answers):
        log.warning("%s shows the first %d of %d images", path, len(drawn), len(answers))
    figure = figures.answers(
        [answer.image for answer in drawn],
        [answer.probabilities for answer in drawn],
        answers[0].class_names,
        [pictures.shown(os.path.basename(answer.name)) for answer in drawn],
        [answer.true_class for answer in drawn],
        "What the network saw and said",
    )
    figures.save(figure, path)
