import os

import pytest

from cnn_estimator.errors import UserError
from cnn_estimator.run_dir.files import atomic_write, nearest_folder, write_probe, writing

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(("mode", "old", "new"), [("w", "old ä", "new ä"), ("wb", b"old", b"new")])
def test_a_file_is_replaced_when_it_is_complete(tmp_path, mode, old, new):
    path = tmp_path / "file"
    for content in (old, new):
        with atomic_write(str(path), mode) as file:
            file.write(content)
            file.flush()
            if content == new:
                assert path.read_bytes() == (old if mode == "wb" else old.encode())
    assert path.read_bytes() == (new if mode == "wb" else new.encode())
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize("error", [KeyError, KeyboardInterrupt])
def test_a_write_that_fails_leaves_the_file_as_it_was(tmp_path, error):
    path = tmp_path / "file"
    path.write_text("old")

    def write_half():
        with atomic_write(str(path)) as file:
            file.write("half")
            raise error

    with pytest.raises(error):
        write_half()
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["file"]


def test_an_error_of_the_disk_becomes_the_users(tmp_path):
    with pytest.raises(UserError) as caught, writing("model_dir /x"), open(tmp_path):
        pass
    assert str(caught.value) == "model_dir /x cannot be written: Is a directory: fix that, or choose another"
    with pytest.raises(KeyError), writing("model_dir /x"):
        raise KeyError


def test_a_probe_writes_and_leaves_nothing(tmp_path):
    write_probe(str(tmp_path))
    assert os.listdir(tmp_path) == []
    with pytest.raises(FileNotFoundError):
        write_probe(str(tmp_path / "missing"))


def test_the_nearest_folder_above_a_path(tmp_path):
    assert nearest_folder(str(tmp_path / "a" / "b" / "c")) == str(tmp_path)
    assert nearest_folder(f"{tmp_path}/a/") == str(tmp_path)
