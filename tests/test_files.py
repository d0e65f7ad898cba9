import contextlib
import errno
import os
import stat

import pytest
from helpers import give_to_another_user

from cnn_estimator.errors import UserError
from cnn_estimator.files import (
    atomic_write,
    nearest_folder,
    read_if_exists,
    reading,
    refuse_foreign,
    sync,
    writing,
)

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("context", "message"),
    [
        (reading("model_dir /x"), "model_dir /x cannot be read: Is a directory"),
        (writing("model_dir /x"), "model_dir /x cannot be written: Is a directory: fix that, or choose another"),
    ],
)
def test_an_os_error_becomes_a_user_error(tmp_path, context, message):
    with pytest.raises(UserError) as caught, context, open(tmp_path):
        pass
    assert str(caught.value) == message


def test_a_missing_file_has_no_content(tmp_path):
    (tmp_path / "file").write_bytes(b"content")
    assert read_if_exists(str(tmp_path / "file")) == b"content"
    for name in ("missing", "file/missing"):
        assert read_if_exists(str(tmp_path / name)) is None
    with pytest.raises(UserError, match=f"^{tmp_path} cannot be read: Is a directory$"):
        read_if_exists(str(tmp_path))


@pytest.mark.parametrize(("mode", "content"), [("w", "new ä"), ("wb", "new ä".encode())])
def test_a_file_is_replaced_when_it_is_complete(tmp_path, mode, content):
    path = tmp_path / "file"
    path.write_text("old")
    with atomic_write(str(path), mode) as file:
        file.write(content)
        file.flush()
        assert path.read_text() == "old"
    assert path.read_text(encoding="utf-8") == "new ä"
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


def test_a_write_is_on_the_disk_before_it_counts(tmp_path, monkeypatch):
    done = []
    real = os.replace

    def fsync(descriptor):
        status = os.fstat(descriptor)
        done.append("folder" if stat.S_ISDIR(status.st_mode) else status.st_size)

    def replace(part, path):
        done.append("replace")
        real(part, path)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", replace)
    monkeypatch.chdir(tmp_path)
    with atomic_write("file") as file:
        file.write("123")
    assert done == [3, "replace", "folder"]


@pytest.mark.parametrize(("number", "raised"), [(errno.EINVAL, False), (errno.EIO, True)])
def test_only_a_file_system_that_cannot_sync_is_excused(tmp_path, monkeypatch, number, raised):
    def fsync(descriptor):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(OSError, match="Input/output error") if raised else contextlib.nullcontext():
        sync(str(tmp_path))


def test_another_users_folder_or_link_is_refused_where_everybody_may_write(tmp_path, monkeypatch):
    shared = tmp_path / "shared"
    folder = shared / "run"
    link = shared / "link"
    folder.mkdir(parents=True)
    link.symlink_to(tmp_path)
    refuse_foreign(str(folder))
    give_to_another_user(monkeypatch, folder, link)
    refuse_foreign(str(folder))
    shared.chmod(0o1777)
    for path in (folder, link):
        with pytest.raises(PermissionError, match=rf"it belongs to user \d+, and everybody can write to {shared}$"):
            refuse_foreign(str(path))


def test_the_nearest_folder_above_a_path(tmp_path):
    assert nearest_folder(str(tmp_path / "a" / "b" / "c")) == str(tmp_path)
    assert nearest_folder(f"{tmp_path}/a/") == str(tmp_path)
