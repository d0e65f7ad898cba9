"""Damages the content of files, for fuzz.py: any bytes, or what is in a format with its checksums made right again."""

import struct

from formats import record, records, sealed, table, table_of, varint

from cnn_estimator.run_dir import checkpoint_index
from cnn_estimator.run_dir.events import masked_crc32c
from cnn_estimator.tf1.tensor_bundle import BundleEntryProto

NUMBERS = (0, 1, -1, 2, 7, 20, 21, 77, 101, 127, 128, 255, 256)
NUMBERS += (2**15, 2**16, 2**30, 2**31, 2**32, 2**40, 2**62, -(2**63))
TOKENS = (b"", b"\0", b"\xff", b"{" * 2000, b'"', b"null", b"1e999", b"-1", b"9" * 5000, b"model.ckpt-7", b"/", b"[")


def signed(number, bits):
    return (number + 2 ** (bits - 1)) % 2**bits - 2 ** (bits - 1)


def mutate(content, generator):
    """Flips, cuts, overwrites, inserts and repeats, once or a few times."""
    content = bytearray(content)
    for _ in range(generator.choice([1, 1, 2, 5])):
        start, place = (generator.randrange(len(content) + 1) for _ in range(2))
        length = generator.choice([1, 2, 4, 8, 100])
        number = generator.choice(NUMBERS) % 2**64
        new = generator.choice(
            [
                b"",
                bytes(byte ^ 1 << generator.randrange(8) for byte in content[place : place + 1]),
                generator.randbytes(length),
                struct.pack("<Q", number),
                struct.pack(">I", number % 2**32),
                varint(number),
                generator.choice(TOKENS),
                content[start : start + length],
            ]
        )
        content[place : place + generator.choice([0, len(new), length])] = new
    return bytes(content[: generator.randrange(len(content) + 1)] if generator.random() < 0.05 else content)


def mutate_entry(content, generator):
    """Changes the fields of a BundleEntryProto."""
    entry = BundleEntryProto.FromString(content)
    sizes = [dim.size for dim in entry.shape.dim]
    for _ in range(generator.choice([1, 1, 2])):
        number = generator.choice([*NUMBERS, generator.randrange(40)])
        field = generator.choice(["dtype", "shard_id", "offset", "size", "dims", "dims", "slices"])
        if field == "dims":
            sizes = generator.choice([[number], [*sizes, number], [number, *sizes[1:]], sizes[:-1], sizes * 100])
        elif field == "slices":
            part = generator.choice([entry.slices.add(), *entry.slices])
            extent = generator.choice([part.extent.add(), *part.extent])
            extent.start, extent.length = signed(number, 64), generator.choice(NUMBERS)
        else:
            setattr(entry, field, signed(number, 64 if field in ("offset", "size") else 32))
    del entry.shape.dim[:]
    for size in sizes:
        entry.shape.dim.add(size=signed(size, 64))
    return entry.SerializeToString()


def mutate_index(content, generator):
    """Changes what is in a table, and makes its checksums right."""
    how = generator.randrange(5)
    if how == 0:
        return mutate(content, generator)
    if how == 1:  # the bytes of its first block, which ends in the only place where it restarts
        return table_of(sealed(mutate(content[: content.index(b"\0\0\0\0\1\0\0\0\0") + 8], generator)))
    entries = dict(checkpoint_index._table(content))
    key = generator.choice([*entries])
    if how == 2:
        entries[mutate(key, generator)] = entries.pop(key)
    elif how == 3 or not key:
        entries[key] = mutate(entries[key], generator)
    else:
        entries[key] = mutate_entry(entries[key], generator)
    return table(sorted(entries.items()) if generator.random() < 0.9 else entries.items())


def mutate_events(content, generator):
    """Changes one event, or says that it has another length, and makes the checksums right."""
    how, events = generator.randrange(3), records(content)
    if how == 0:
        return mutate(content, generator)
    place = generator.randrange(len(events))
    new = record(mutate(events[place], generator))
    if how == 1:
        length = struct.pack("<Q", generator.choice(NUMBERS) % 2**64)
        new = length + struct.pack("<I", masked_crc32c(length)) + new[12:]
    return b"".join([*map(record, events[:place]), new, *map(record, events[place + 1 :])])
