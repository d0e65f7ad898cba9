"""Event files -> curves: the scalars that training and evaluation write for TensorBoard."""

import logging
import os

from cnn_estimator.errors import UserError
from cnn_estimator.plots import Curve
from cnn_estimator.tf1 import tf  # noqa: F401  before TensorBoard, which loads TensorFlow itself

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator  # isort: skip

TAGS = ("loss", "accuracy")
PARTS = {"training": "", "evaluation": "eval"}  # of a run: the subfolders of its model_dir


def curves(model_dir: str) -> list[Curve]:
    """Returns the Curves that a model_dir has.

    Points that a killed run wrote after its last checkpoint are left out once training was resumed from there.

    Raises:
      UserError: there are none.
    """
    logging.getLogger("tensorboard").setLevel(logging.ERROR)  # it warns that a resumed run has two graphs
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
        raise UserError(f"model_dir {model_dir} holds no event files with {' or '.join(TAGS)}", "train there first")
    return found
