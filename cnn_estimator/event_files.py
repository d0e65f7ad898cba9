"""The curves in a model_dir: the scalars that training and evaluation write for TensorBoard."""

import dataclasses
import logging
import os

from cnn_estimator.errors import UserError
from cnn_estimator.tf1 import tf  # noqa: F401  before TensorBoard, which would load TensorFlow with all its notes

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator  # isort: skip

TAGS = ("loss", "accuracy")
PARTS = {"training": "", "evaluation": "eval"}  # of a run, and their folders in the model_dir


@dataclasses.dataclass(frozen=True)
class Curve:
    """One scalar of a run. tag: of TAGS. part: of PARTS. steps: global steps, rising. values: as many floats."""

    tag: str
    part: str
    steps: list
    values: list


def curves(model_dir):
    """Returns the Curves in a model_dir, those that it has; what a killed run wrote after its last checkpoint is left
    out where training went on from there.

    Raises:
      UserError: it has none.
    """
    logging.getLogger("tensorboard").setLevel(logging.ERROR)  # it warns that a run which went on has two graphs
    found = []
    for part, folder in PARTS.items():
        if not os.path.isdir(os.path.join(model_dir, folder)):
            continue
        events = EventAccumulator(os.path.join(model_dir, folder), size_guidance={"scalars": 0})  # 0 for all of them
        events.Reload()
        for tag in set(TAGS) & set(events.Tags()["scalars"]):
            points = {point.step: point.value for point in events.Scalars(tag)}  # the last one where a step has several
            found.append(Curve(tag, part, sorted(points), [points[step] for step in sorted(points)]))
    if not found:
        raise UserError(f"model_dir {model_dir} holds no event files with {' or '.join(TAGS)}: train there first")
    return found
