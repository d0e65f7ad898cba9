"""Writes the binary formats of TensorFlow's files with right checksums, whatever their content."""

import struct

from cnn_estimator.run_dir.events import masked_crc32c


def varint(number):
    """A number as protocol buffers and SSTables have it, seven bits per byte."""
    number %= 2**64
    content = b""
    while number > 127:
        content += bytes([number & 127 | 128])
        number >>= 7
    return content + bytes([number])


def record(event):
    """A record of an event file with the bytes of an event."""
    length = struct.pack("<Q", len(event))
    return length + struct.pack("<I", masked_crc32c(length)) + event + struct.pack("<I", masked_crc32c(event))


def records(content):
    """The bytes of the events in the content of an event file."""
    position, found = 0, []
    while position < len(content):
        (length,) = struct.unpack_from("<Q", content, position)
        found.append(content[position + 12 : position + 12 + length])
        position += 12 + length + 4
    return found


def block(entries):
    """A block of an SSTable from [(shared bytes of the key, other bytes of the key, value)]."""
    content = b"".join(
        varint(shared) + varint(len(key)) + varint(len(value)) + key + value for shared, key, value in entries
    )
    return sealed(content + (struct.pack("<II", 0, 1) if entries else bytes(4)))


def sealed(content, kind=0):
    """A block with its trailer: the kind of compression, and the checksum."""
    content += bytes([kind])
    return content + struct.pack("<I", masked_crc32c(content))


def table(entries):
    """An SSTable from [(key, value)], like the index of a checkpoint."""
    data = block([(0, *entry) for entry in entries])
    return table_of(data)


def table_of(data):
    """An SSTable from one block with its trailer."""
    handle = varint(0) + varint(len(data) - 5)
    index = block([(0, b"\xff", handle)])
    footer = handle + varint(len(data)) + varint(len(index) - 5)
    return data + index + footer.ljust(40, b"\0") + bytes.fromhex("57fb808b247547db")
