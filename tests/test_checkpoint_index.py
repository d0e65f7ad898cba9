"""Indexes with right checksums that TensorFlow's own reader aborts the process over."""

import os

import numpy as np
import pytest
from formats import block, sealed, table, table_of, varint

from cnn_estimator.errors import UserError
from cnn_estimator.run_dir import checkpoint_index, checkpoints
from cnn_estimator.tf1 import tf
from cnn_estimator.tf1.tensor_bundle import BundleEntryProto, BundleHeaderProto

pytestmark = pytest.mark.integration

NAME = "model.ckpt-7"


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """(entries of the index {key: bytes}, content of the data file) of a checkpoint with a partitioned variable."""
    folder = tmp_path_factory.mktemp("saved")
    with tf.Graph().as_default(), tf.Session() as session:
        tf.get_variable("kernel", [2, 3], tf.float32, tf.ones_initializer())
        tf.get_variable("empty", [0, 3], tf.int64, tf.ones_initializer())
        tf.get_variable("names", initializer=tf.constant([b"a", b"b" * 300, b""]))
        partitioner = tf.variable_axis_size_partitioner(24)
        tf.get_variable("parts", [4, 3], tf.float32, tf.ones_initializer(), partitioner=partitioner)
        tf.train.get_or_create_global_step()
        session.run(tf.global_variables_initializer())
        tf.train.Saver().save(session, str(folder / "model.ckpt"), global_step=7)
    entries = dict(checkpoint_index._table((folder / f"{NAME}.index").read_bytes()))
    return entries, (folder / f"{NAME}.data-00000-of-00001").read_bytes()


@pytest.fixture
def write(tmp_path, saved):
    """Writes the checkpoint with changed entries, or another index, and returns its path."""

    def write(changed=None, index=None):
        entries = saved[0] | (changed or {})
        content = table(sorted(entries.items())) if index is None else index
        (tmp_path / f"{NAME}.index").write_bytes(content)
        (tmp_path / f"{NAME}.data-00000-of-00001").write_bytes(saved[1])
        return str(tmp_path / NAME)

    return write


def test_strings_partitioned_and_empty_variables_are_read(write):
    path = write()
    assert checkpoints.verify(path).step == 0
    assert checkpoint_index.read_names(path) == ["empty", "global_step", "kernel", "names", "parts"]
    assert tf.train.load_checkpoint(path).get_tensor("parts").shape == (4, 3)


@pytest.mark.parametrize(
    ("dtype", "value"),
    [(dtype, np.ones(2, tf.as_dtype(dtype).as_numpy_dtype)) for dtype in ("bool", "complex128", "bfloat16", "uint16")],
)
def test_variables_of_every_dtype_are_read(tmp_path, dtype, value):
    with tf.Graph().as_default(), tf.Session() as session:
        tf.get_variable("v", initializer=tf.constant(value))
        tf.train.get_or_create_global_step()
        session.run(tf.global_variables_initializer())
        checkpoints.verify(tf.train.Saver().save(session, str(tmp_path / "model.ckpt")))


def refused(path):
    with pytest.raises(UserError, match=rf"{NAME} is damaged: ") as error:
        checkpoints.verify(path)
    return str(error.value).partition("damaged: ")[2]


SHAPE = "no tensor has shape "


@pytest.mark.parametrize(
    ("key", "changes", "problem"),
    [
        ("kernel", {"shape": [-2, -3]}, f"{SHAPE}[-2, -3]"),
        ("kernel", {"shape": [2**62, 2**62]}, f"{SHAPE}[{2**62}, {2**62}]"),
        ("kernel", {"shape": [2**62, 2**62, 0], "size": 0}, f"{SHAPE}[{2**62}, {2**62}, 0]"),
        ("kernel", {"shape": [1] * 255}, f"{SHAPE}[1, 1, 1, 1, 1, 1, ...]"),
        ("kernel", {"shape": None}, f"{SHAPE}[]"),
        ("kernel", {"shape": [2**40]}, "float32 [1099511627776] does not have 24 bytes"),
        ("kernel", {"shape": [2, 4]}, "float32 [2, 4] does not have 24 bytes"),
        *(
            ("kernel", {"dtype": number}, f"dtype {number} is not one")
            for number in (0, 20, 21, 77, 101, 2**31 - 1, -1)
        ),
        ("kernel", {"offset": 2**62}, "its values lie beyond the end"),
        ("kernel", {"offset": -1}, "its values lie beyond the end"),
        ("kernel", {"size": 2**40, "shape": [2**38]}, "its values lie beyond the end"),
        ("kernel", {"size": -24}, "its values lie beyond the end"),
        ("kernel", {"shard_id": 1}, "there is no data file 1 of 1"),
        ("kernel", {"shard_id": -1}, "there is no data file -1 of 1"),
        ("names", {"shape": [2**30]}, "string [1073741824] does not have 309 bytes"),
        ("names", {"shape": [100]}, "string [100] does not have 309 bytes"),
        ("names", {"dtype": 1, "shape": []}, "float32 [] does not have 309 bytes"),
        ("parts", {"shape": [2**40, 3]}, "its slices are not the whole of it"),
        ("parts", {"dtype": 2}, "one of its slices does not fit it"),
        ("parts", {"slices": [[(0, 2), None]]}, "its slices are not the whole of it"),
        ("parts", {"slices": [[(0, 2), None]] * 2}, "some of its slices are missing"),
        ("parts", {"slices": [[(0, 2), None], [(2, 2), None], [(3, 1), None]]}, "some of its slices are missing"),
        ("parts", {"slices": [[(-2, 2), None], [(2, 2), None]]}, "one of its slices does not fit it"),
        ("parts", {"slices": [[(0, 2)], [(2, 2)]]}, "one of its slices does not fit it"),
        ("parts", {"slices": [[None, None], [(2, 2), None]]}, "one of its slices does not fit it"),
        ("parts", {"slices": [[(0, 2), None], [(3, 2), None]]}, "one of its slices does not fit it"),
    ],
)
def test_what_tensorflow_cannot_read_without_danger_is_damage(saved, write, key, changes, problem):
    entry = BundleEntryProto.FromString(saved[0][key.encode()])
    for name, value in changes.items():
        if name == "shape":
            del entry.shape.dim[:]
            entry.shape.unknown_rank = value is None
            for size in value or ():
                entry.shape.dim.add(size=size)
        elif name == "slices":
            del entry.slices[:]
            for extents in value:
                part = entry.slices.add()
                for extent in extents:
                    part.extent.add(**dict(zip(("start", "length"), extent or (), strict=False)))
        else:
            setattr(entry, name, value)
    assert problem in refused(write({key.encode(): entry.SerializeToString()}))


HEADER = (b"", BundleHeaderProto(num_shards=1).SerializeToString())


@pytest.mark.parametrize(
    ("index", "problem"),
    [
        (b"", "its index is cut off"),
        (table([]), "its index is empty"),
        (table([(b"kernel", b"")]), "its index has no header"),
        (table([HEADER, (b"kernel", b"\xff")]), "'kernel': its entry cannot be parsed"),
        (table([HEADER, (b"\xff", b"")]), r"'\\xff': dtype 0 is not one"),
        (table([HEADER, (b"b", b""), (b"a", b"")]), "the keys in its index are not sorted"),
        (table([HEADER, (b"a", b""), (b"a", b"")]), "the keys in its index are not sorted"),
        (table_of(block([(0, *HEADER), (1, b"a", b"")])), "an entry of its index is damaged"),
        (table_of(sealed(b"\0\0" + varint(2**32 - 1) + bytes(8) + b"\1\0\0\0")), "an entry of its index is damaged"),
        (table_of(sealed(varint(0) + varint(2**32 - 1) + b"\1" + bytes(8))), "an entry of its index is damaged"),
        (table_of(sealed(b"\0\0\0" + b"\1\0\0\0" + b"\1\0\0\0")), "a block of its index is damaged"),
        (table_of(sealed(b"\xff\xff\xff\xff")), "a block of its index is damaged"),
        (table_of(sealed(bytes(8), kind=1)), "its index is compressed"),
        (b"\0\0" + varint(0) + varint(2**60) + bytes(35) + table([])[-8:], "a block of its index lies beyond"),
        (b"\xff" * 40 + table([])[-8:], "a number is cut off"),
    ],
)
def test_a_damaged_table_is_damage(write, index, problem):
    assert problem in refused(write(index=index))


def test_lengths_of_strings_are_added_up_before_they_are_read(saved, write, tmp_path):
    path = write()
    entry = BundleEntryProto.FromString(saved[0][b"names"])
    data = bytearray(saved[1])
    data[entry.offset : entry.offset + 8] = varint(2**49)  # eight bytes
    (tmp_path / f"{NAME}.data-00000-of-00001").write_bytes(data)
    assert "does not have 309 bytes" in refused(path)


@pytest.mark.parametrize("suffix", ["index", "data-00000-of-00001"])
def test_only_regular_files_are_read(write, suffix):
    path = write()
    os.remove(f"{path}.{suffix}")
    os.mkfifo(f"{path}.{suffix}")
    assert refused(path) == f"{path}.{suffix} cannot be read: not a regular file"


def test_an_index_has_a_limit(write, monkeypatch):
    monkeypatch.setattr(checkpoint_index, "MAX_BYTES", 100)
    assert refused(write()) == "its index has more than 100 bytes"
