"""Event files -> curves: the scalars that training and evaluation write for TensorBoard."""

import dataclasses
import logging
import os
import struct
import time
from collections.abc import Iterator, Mapping
from typing import Any

from google.protobuf.message import DecodeError

from cnn_estimator import stopping
from cnn_estimator.errors import UserError
from cnn_estimator.files import open_regular
from cnn_estimator.tf1 import tf

log = logging.getLogger("cnn_estimator")

TAGS = ("loss", "accuracy")
PARTS = {"training": "", "validation": "validation", "evaluation": "eval"}  # of a run: the subfolders of its model_dir
MAX_EVENT_BYTES = 2**31  # a protocol buffer is never longer

_HEADER = struct.Struct("<QI")  # of a record: the length of its event, and the checksum of these eight bytes
_CHECKSUM = struct.Struct("<I")  # of the event, behind it


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

    Points that a killed run wrote after its last checkpoint are left out once training was resumed from there. What is
    damaged gets a log line, and is left out.

    Raises:
      UserError: there are none.
    """
    found = []
    for part, folder in PARTS.items():
        scalars = _scalars(os.path.join(model_dir, folder))
        for tag, points in scalars.items():
            found.append(Curve(tag, part, sorted(points), [points[step] for step in sorted(points)]))
    if not found:
        raise UserError(f"model_dir {model_dir} holds no event files with {' or '.join(TAGS)}", "train there first")
    return found


def _scalars(folder: str) -> dict[str, dict[int, float]]:
    """Returns {tag: {step: value}} of a folder's event files: the last value where a step has several."""
    try:
        names = sorted(name for name in os.listdir(folder) if "tfevents" in name)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise UserError(f"{folder} cannot be read: {error.strerror}") from error
    scalars: dict[str, dict[int, float]] = {}
    for name in names:
        for event in _events(os.path.join(folder, name)):
            if event.session_log.status == tf.SessionLog.START:  # training goes on from here, or starts over
                scalars = {
                    tag: {step: points[step] for step in points if step < event.step} for tag, points in scalars.items()
                }
            for value in event.summary.value:
                if value.tag in TAGS and value.HasField("simple_value"):
                    scalars.setdefault(value.tag, {})[event.step] = value.simple_value
    return {tag: points for tag, points in scalars.items() if points}


def _events(path: str) -> Iterator[Any]:
    """Yields the tf.Event of each intact record in an event file, and logs what is damaged.

    A record that is not complete is no damage: it is being written, or its program was killed.
    """
    try:
        with open_regular(path) as file:
            size = os.fstat(file.fileno()).st_size
            while len(header := file.read(_HEADER.size)) == _HEADER.size:
                stopping.check()
                start = file.tell() - _HEADER.size
                length, checksum = _HEADER.unpack(header)
                if masked_crc32c(header[:8]) != checksum or length >= MAX_EVENT_BYTES:
                    log.warning("%s: damaged at byte %d, the rest of it is left out", path, start)
                    return
                if file.tell() + length + _CHECKSUM.size > size:
                    return
                content = file.read(length)
                if masked_crc32c(content) == _CHECKSUM.unpack(file.read(_CHECKSUM.size))[0]:
                    try:
                        yield tf.Event.FromString(content)
                        continue
                    except DecodeError:
                        pass
                log.warning("%s: damaged at byte %d, an event is left out", path, start)
    except OSError as error:
        log.warning("%s cannot be read: %s", path, error.strerror)


def _crc32c_table() -> list[int]:
    table = []
    for number in range(256):
        for _ in range(8):
            number = number >> 1 ^ (0x82F63B78 if number & 1 else 0)
        table.append(number)
    return table


_CRC32C_TABLE = _crc32c_table()


def masked_crc32c(content: bytes) -> int:
    """Returns the checksum that TensorFlow's and LevelDB's files have: a CRC-32C, rotated, plus a constant."""
    table, crc = _CRC32C_TABLE, 0xFFFFFFFF
    for byte in content:
        crc = table[(crc ^ byte) & 255] ^ crc >> 8
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def renew(folder: str) -> None:
    """Has the writer for a folder begin a new file, if this process has one and its file was moved or removed."""
    writer = tf.summary.FileWriterCache._cache.get(folder)
    if writer and not os.path.exists(writer.event_writer._ev_writer.FileName()):
        writer.close()
        writer.reopen()


# Names that TensorBoard looks for.
_PLUGIN, _TAG = "hparams", "_hparams_/session_start_info"


def write_hparams(folder: str, values: Mapping[str, str | float], step: int) -> None:
    """Writes {hyperparameter: value} of a run that begins at a step, by TensorFlow's own writer for the folder.

    TensorBoard shows what it reads first of a run.
    """
    # Here, as only training needs it.
    from tensorboard.plugins.hparams import plugin_data_pb2

    now = time.time()
    data = plugin_data_pb2.HParamsPluginData()
    data.session_start_info.start_time_secs = now
    for name, value in values.items():
        field = data.session_start_info.hparams[name]
        if isinstance(value, str):
            field.string_value = value
        else:
            field.number_value = value
    plugin_data = tf.SummaryMetadata.PluginData(plugin_name=_PLUGIN, content=data.SerializeToString())
    summary = tf.Summary()
    summary.value.add(
        tag=_TAG,
        metadata=tf.SummaryMetadata(plugin_data=plugin_data),
        tensor=tf.make_tensor_proto([], tf.float32, [0]),
    )
    # Not add_summary: for a second run in a folder, it would leave out the metadata, as its tag is known.
    writer = tf.summary.FileWriterCache.get(folder)
    writer.add_event(tf.Event(wall_time=now, step=step, summary=summary))
