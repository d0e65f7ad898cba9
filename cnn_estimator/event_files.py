"""Event files -> curves: the scalars that training and evaluation write for TensorBoard."""

import logging
import os
import struct
from collections.abc import Iterator
from typing import Any

from google.protobuf.message import DecodeError

from cnn_estimator import stopping
from cnn_estimator.errors import UserError
from cnn_estimator.plots import Curve
from cnn_estimator.regular_files import open_regular
from cnn_estimator.tf1 import tf

log = logging.getLogger("cnn_estimator")

TAGS = ("loss", "accuracy")
PARTS = {"training": "", "validation": "validation", "evaluation": "eval"}  # of a run: the subfolders of its model_dir
MAX_EVENT_BYTES = 2**31  # a protocol buffer is never longer

_HEADER = struct.Struct("<QI")  # of a record: the length of its event, and the checksum of these eight bytes
_CHECKSUM = struct.Struct("<I")  # of the event, behind it


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
