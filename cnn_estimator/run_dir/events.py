"""Event files -> curves: the scalars that training and evaluation write for TensorBoard."""

import contextlib
import dataclasses
import logging
import os
import time
from collections.abc import Iterator, Mapping
from typing import Any

from google.protobuf.message import DecodeError

from cnn_estimator import stopping
from cnn_estimator.errors import UserError
from cnn_estimator.files import cannot_be_written, reading, writing
from cnn_estimator.run_dir.checkpoints import disk_error
from cnn_estimator.run_dir.run import EVALUATION_FOLDER
from cnn_estimator.tf1 import tf

log = logging.getLogger("cnn_estimator")

TAGS = ("loss", "accuracy")
VALIDATION_FOLDER = "validation"
# The folder of Estimator's evaluator for an EvalSpec with the name "validation".
ESTIMATORS_VALIDATION_FOLDER = "eval_validation"
# {part of a run: the folders in its model_dir that have its event files}
PARTS = {
    "training": ("",),
    "validation": (VALIDATION_FOLDER, ESTIMATORS_VALIDATION_FOLDER),
    "evaluation": (EVALUATION_FOLDER,),
}


@dataclasses.dataclass(frozen=True)
class Curve:
    """One scalar of a run over its global steps.

    Attributes:
      tag: "loss" or "accuracy".
      part: "training", "validation" or "evaluation".
      steps: global steps, rising.
      values: as many floats.
    """

    tag: str
    part: str
    steps: list[int]
    values: list[float]


def curves(model_dir: str | os.PathLike[str]) -> list[Curve]:
    """Returns the Curves that a model_dir has.

    Points that a killed run wrote after its last checkpoint are left out once training was resumed from there. A
    damaged file gets a log line, and its curve ends before the damage.

    Raises:
      UserError: there are no curves, or a folder cannot be read.
    """
    result = []
    for part, folders in PARTS.items():
        scalars: dict[str, dict[int, float]] = {tag: {} for tag in TAGS}
        for folder in folders:
            for tag, points in _scalars(os.path.join(model_dir, folder)).items():
                scalars[tag] |= points
        for tag, points in scalars.items():
            if points:
                steps = sorted(points)
                result.append(Curve(tag, part, steps, [points[step] for step in steps]))
    if not result:
        raise UserError(f"model_dir {model_dir} holds no event files with {' or '.join(TAGS)}", "train there first")
    return result


def _scalars(folder: str) -> dict[str, dict[int, float]]:
    """Returns {tag: {step: value}} of a folder's event files: the last value where a step has several."""
    with reading(folder):
        names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    tags = {tag: tag for tag in TAGS}
    if os.path.basename(folder) == ESTIMATORS_VALIDATION_FOLDER:
        # Estimator's own loss is the mean over the batches, and the last batch may be smaller.
        tags = {"average_loss": "loss", "accuracy": "accuracy"}
    scalars: dict[str, dict[int, float]] = {tag: {} for tag in TAGS}
    for name in names:
        if "tfevents" not in name:
            continue
        for event in _events(os.path.join(folder, name)):
            if event.session_log.status == tf.SessionLog.START:  # training continues from this step, or starts over
                for tag, points in scalars.items():
                    scalars[tag] = {step: value for step, value in points.items() if step < event.step}
            for value in event.summary.value:
                if value.tag in tags and value.HasField("simple_value"):
                    scalars[tags[value.tag]][event.step] = value.simple_value
    return scalars


def _events(path: str) -> Iterator[Any]:
    """Yields the tf.Events in an event file, up to the first damaged record, which gets a log line.

    An incomplete last record is no damage: it is being written, or its program was killed.
    """
    try:
        for event in tf.train.summary_iterator(path):
            stopping.check()
            yield event
    except (tf.errors.OpError, DecodeError) as error:
        reason = str(error).splitlines()[0]
        if not reason.startswith("truncated record"):
            log.warning("%s is damaged: %s. Left out the rest of the file", path, reason)


def new_writer(folder: str) -> tf.summary.FileWriter:
    """Returns a writer that begins a new file in a folder; raises UserError if the folder cannot be made."""
    with writing(folder):
        os.makedirs(folder, exist_ok=True)
    # TensorFlow names a file by the second in which it begins: a second file would replace the first one.
    try:
        return tf.summary.FileWriter(folder, filename_suffix=f".{time.time_ns()}")
    except (tf.errors.OpError, IndexError) as error:  # TensorFlow makes an IndexError of a file that grows too large
        raise cannot_be_written(f"folder {folder}", disk_error(str(error)) or error) from error


def close(writer: tf.summary.FileWriter) -> None:
    """Closes a writer. Events that the disk does not take are lost, as TensorFlow loses them while it writes."""
    with contextlib.suppress(tf.errors.OpError):
        writer.close()


@contextlib.contextmanager
def open_writer(folder: str) -> Iterator[None]:
    """Opens the writer that TensorFlow's hooks and Estimators find for a folder, and closes it at the end.

    TensorFlow itself never closes it, and it holds two descriptors and a thread.
    """
    writer = new_writer(folder)
    tf.summary.FileWriterCache._cache[folder] = writer
    try:
        yield
    finally:
        tf.summary.FileWriterCache._cache.pop(folder, None)
        close(writer)


def cut_back(folder: str, last_step: int) -> None:
    """Makes TensorBoard and curves() leave out the points in a folder after a step, which training continues from."""
    if os.path.isdir(folder):
        writer = new_writer(folder)
        writer.add_session_log(tf.SessionLog(status=tf.SessionLog.START), last_step + 1)
        close(writer)


def write_hparams(folder: str, values: Mapping[str, str | float], step: int) -> None:
    """Writes {hyperparameter: value} of a run that begins at a step, with TensorFlow's own writer for the folder.

    TensorBoard shows the first values that it reads of a run.
    """
    from tensorboard.plugins.hparams import api  # only training needs it

    now = time.time()
    # With an empty trial_id, TensorBoard lists runs with the same values one by one.
    summary = api.hparams_pb(values, trial_id="", start_time_secs=now)
    # add_summary would leave out the metadata for a second run in a folder, because it knows the tag.
    writer = tf.summary.FileWriterCache.get(folder)
    writer.add_event(tf.Event(wall_time=now, step=step, summary=tf.Summary.FromString(summary.SerializeToString())))
