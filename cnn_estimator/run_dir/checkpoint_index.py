"""The index of a checkpoint, read without TensorFlow's reader, which aborts the process over much that is wrong in it.

The index is an SSTable, LevelDB's file format: blocks of entries, sorted by key, in which a key leaves out what it
shares with the key before it. The entry with the empty key is a BundleHeaderProto, all others are BundleEntryProtos:
the dtype and shape of a variable, and where in the data files its values are. A partitioned variable has an entry that
lists its slices, and one more for each slice. The checksums are left to TensorFlow, which reads the same blocks.
"""

import bisect
import contextlib
import math
import os
import re
import reprlib
import struct
from collections.abc import Iterator
from typing import Any, BinaryIO

from google.protobuf.message import DecodeError

from cnn_estimator.files import open_regular
from cnn_estimator.tf1 import tf
from cnn_estimator.tf1.tensor_bundle import BundleEntryProto, BundleHeaderProto

MAX_BYTES = 2**26  # of an index: half a million variables
_MAX_KEY_BYTES = 2**16
_MAX_RANK = 254
_FOOTER_BYTES, _MAGIC = 48, bytes.fromhex("57fb808b247547db")
_TRAILER_BYTES = 5  # after each block: how it is compressed, and its checksum
_CHECKSUM_BYTES = 4
_ALL = -1  # the length of a slice that is not cut in a dimension
_REFERENCE_TYPES = 100  # the dtypes above belong to the variables of a graph, never to their values


def read_names(path: str) -> list[str]:
    """Returns the names of the variables in a checkpoint, once TensorFlow can read them without danger.

    Raises:
      ValueError: the index or the length of a data file is not what TensorFlow writes.
      OSError: a file is missing, unreadable or not a regular file.
    """
    with open_regular(f"{path}.index") as file:
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise ValueError(f"its index has more than {MAX_BYTES} bytes")
    entries: dict[bytes, Any] = {}
    header = None
    for key, value in _table(content):
        if header is None:
            header = _parse(BundleHeaderProto, key, value)
            if key:
                raise ValueError("its index has no header")
        else:
            entries[key] = _parse(BundleEntryProto, key, value)
    if header is None:
        raise ValueError("its index is empty")
    for key, entry in entries.items():
        _check_shape(key, entry)
    keys = list(entries)
    slices = {part for key in keys if entries[key].slices for part in _slices_of(key, entries[key], entries, keys)}
    _check_data(path, header.num_shards, {key: entry for key, entry in entries.items() if not entry.slices})
    return [key.decode() for key in keys if key not in slices]


def _parse(message: Any, key: bytes, value: bytes) -> Any:
    try:
        return message.FromString(value)
    except DecodeError as error:
        raise _wrong(key, "its entry cannot be parsed") from error


def _wrong(key: bytes, problem: str) -> ValueError:
    return ValueError(f"{reprlib.repr(key.decode(errors='backslashreplace'))}: {problem}")


def _table(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yields the keys and values of an SSTable, in the order of the keys."""
    footer = content[-_FOOTER_BYTES:]
    if len(footer) < _FOOTER_BYTES or not footer.endswith(_MAGIC):
        raise ValueError("its index is cut off, or none")
    _, position = _handle(footer, 0)
    blocks, _ = _handle(footer, position)
    last = None
    for _, value in _block(content, *blocks):
        handle, _ = _handle(value, 0)
        for key, message in _block(content, *handle):
            if last is not None and key <= last:
                raise ValueError("the keys in its index are not sorted")
            last = key
            yield key, message


def _block(content: bytes, offset: int, size: int) -> Iterator[tuple[bytes, bytes]]:
    """Yields the keys and values of one block. Its last numbers are the offsets of entries with complete keys."""
    end = offset + size
    if size < 4 or end + _TRAILER_BYTES > len(content):
        raise ValueError("a block of its index lies beyond the end")
    if content[end] != 0:
        raise ValueError("its index is compressed, as TensorFlow has not written it since 1.1")
    (count,) = struct.unpack_from("<I", content, end - 4)
    limit = end - 4 - 4 * count
    if limit < offset:
        raise ValueError("a block of its index is damaged")
    complete = set()
    key, position = b"", offset
    while position < limit:
        start = position
        shared, position = _varint(content, position)
        added, position = _varint(content, position)
        length, position = _varint(content, position)
        middle = position + added
        if shared > len(key) or shared + added > _MAX_KEY_BYTES or middle + length > limit:
            raise ValueError("an entry of its index is damaged")
        if not shared:
            complete.add(start - offset)
        key = key[:shared] + content[position:middle]
        position = middle + length
        yield key, content[middle:position]
    if not complete.issuperset(struct.unpack_from(f"<{count}I", content, limit)):
        raise ValueError("a block of its index is damaged")


def _handle(content: bytes, position: int) -> tuple[tuple[int, int], int]:
    """Returns ((offset, size) of a block, the position after them)."""
    offset, position = _varint(content, position)
    size, position = _varint(content, position)
    return (offset, size), position


def _varint(content: bytes, position: int) -> tuple[int, int]:
    """Returns (a number of seven bits per byte, the lowest first, the position after it)."""
    number = 0
    for count, byte in enumerate(content[position : position + 10]):
        number |= (byte & 127) << 7 * count
        if byte < 128:
            return number, position + count + 1
    raise ValueError("a number is cut off")


def _dims(entry: Any) -> list[int]:
    return [dim.size for dim in entry.shape.dim]


def _check_shape(key: bytes, entry: Any) -> None:
    dims = _dims(entry)
    if (
        entry.shape.unknown_rank
        or len(dims) > _MAX_RANK
        or min(dims, default=0) < 0
        or math.prod(filter(None, dims)) >= 2**63  # TensorFlow multiplies before it meets a 0
    ):
        raise _wrong(key, f"no tensor has shape {reprlib.repr(dims)}")


def _slices_of(key: bytes, entry: Any, entries: dict[bytes, Any], keys: list[bytes]) -> list[bytes]:
    """Returns the keys of a partitioned variable's slices, which together have to make the whole."""
    dims = _dims(entry)
    # TensorFlow encodes names and numbers so that they keep their order: the keys of the slices are in their order.
    extents = sorted({tuple((extent.start, _length(extent)) for extent in part.extent) for part in entry.slices})
    start = b"\0" + re.sub(rb"[\0\xff]", lambda byte: byte[0] + (b"\xff", b"\0")[byte[0] == b"\xff"], key) + b"\0\1"
    first = bisect.bisect_left(keys, start)
    found = keys[first : first + len(extents)]
    parts = [entries[name] for name in found if name.startswith(start)]
    if not len(parts) == len(extents) == len(entry.slices):
        raise _wrong(key, "some of its slices are missing")
    for part, extent in zip(parts, extents, strict=True):
        if part.slices or part.dtype != entry.dtype or _dims(part) != _extent_shape(extent, dims):
            raise _wrong(key, "one of its slices does not fit it")
    if sum(math.prod(_dims(part)) for part in parts) != math.prod(dims):
        raise _wrong(key, "its slices are not the whole of it")
    return found


def _length(extent: Any) -> int:
    return extent.length if extent.HasField("length") else _ALL


def _extent_shape(extent: tuple[tuple[int, int], ...], dims: list[int]) -> list[int] | None:
    """Returns the shape of a slice, given as (start, length) in each dimension; None if it is not within the dims."""
    if len(extent) != len(dims) or {*extent} <= {(0, _ALL)}:  # TensorFlow writes no slice that is the whole
        return None
    for (start, length), size in zip(extent, dims, strict=True):
        if (start, length) != (0, _ALL) and (min(start, length) < 0 or start + length > size):
            return None
    return [size if length == _ALL else length for (_, length), size in zip(extent, dims, strict=True)]


def _check_data(path: str, shards: int, entries: dict[bytes, Any]) -> None:
    """Raises ValueError unless the data files have the values of all entries."""
    with contextlib.ExitStack() as stack:
        files: dict[int, BinaryIO] = {}
        sizes: dict[int, int] = {}
        left: dict[int, int] = {}  # bytes that no entry has used: values never overlap
        for key, entry in entries.items():
            shard = entry.shard_id
            if not 0 <= shard < shards:
                raise _wrong(key, f"there is no data file {shard} of {shards}")
            if shard not in files:
                files[shard] = stack.enter_context(open_regular(f"{path}.data-{shard:05}-of-{shards:05}"))
                left[shard] = sizes[shard] = os.fstat(files[shard].fileno()).st_size
            left[shard] -= entry.size
            if min(entry.offset, entry.size, left[shard]) < 0 or entry.offset + entry.size > sizes[shard]:
                raise _wrong(key, "its values lie beyond the end of the data file")
            _check_size(key, entry, files[shard])


def _check_size(key: bytes, entry: Any, file: BinaryIO) -> None:
    """Raises ValueError unless an entry has as many bytes as its dtype and shape need."""
    try:
        dtype = tf.as_dtype(entry.dtype)
    except TypeError:
        dtype = tf.resource
    if entry.dtype > _REFERENCE_TYPES or dtype in (tf.resource, tf.variant):
        raise _wrong(key, f"dtype {entry.dtype} is not one of a variable")
    count = math.prod(_dims(entry))
    needed = _string_bytes(entry, count, file) if dtype == tf.string else count * dtype.size
    if needed != entry.size:
        raise _wrong(key, f"{dtype.name} {_dims(entry)} does not have {entry.size} bytes")


def _string_bytes(entry: Any, count: int, file: BinaryIO) -> int:
    """Returns the bytes that strings need: the length of each, a checksum, and the strings."""
    if count > entry.size:
        return count  # at least
    file.seek(entry.offset)
    content = file.read(entry.size)
    position = strings = 0
    for _ in range(count):
        length, position = _varint(content, position)
        strings += length
    return position + _CHECKSUM_BYTES + strings
