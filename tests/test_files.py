import contextlib
import errno
import os
import socket
import stat

import pytest
from helpers import give_to_another_user

from cnn_estimator.errors import UserError
from cnn_estimator.files import (
    append_line,
    atomic_write,
    nearest_folder,
    open_nofollow,
    open_regular,
    read_if_exists,
    reading,
    refuse_foreign,
    sync,
    write_probe,
    writing,
)

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("context", "message"),
    [
        (reading("model_dir /x", "fix that"), "model_dir /x cannot be read: Is a directory: fix that"),
        (writing("model_dir /x"), "model_dir /x cannot be written: Is a directory: fix that, or choose another"),
    ],
)
def test_an_os_error_becomes_a_user_error(tmp_path, context, message):
    with pytest.raises(UserError) as caught, context, open(tmp_path):
        pass
    assert str(caught.value) == message


def test_other_errors_stay_as_they_are():
    for context in (reading("x"), writing("x")):
        with pytest.raises(KeyError), context:
            raise KeyError


def test_a_regular_file_is_read_also_through_a_link(tmp_path):
    (tmp_path / "file").write_bytes(b"content")
    (tmp_path / "link").symlink_to("file")
    for name in ("file", "link"):
        assert read_if_exists(str(tmp_path / name)) == b"content"
    assert read_if_exists(str(tmp_path / "file"), 3) == b"con"


def test_a_missing_file_has_no_content(tmp_path):
    (tmp_path / "file").touch()
    for name in ("missing", "file/missing"):
        assert read_if_exists(str(tmp_path / name)) is None


def test_what_is_no_regular_file_is_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    descriptors = len(os.listdir("/dev/fd"))
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
        for path in (tmp_path / "pipe", "/dev/zero", tmp_path / "socket", tmp_path):
            with pytest.raises(OSError, match=f"'{path}'$"):
                open_regular(str(path))
    assert len(os.listdir("/dev/fd")) == descriptors


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


def test_an_atomic_write_follows_no_link_and_touches_no_other_file(tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("kept")
    for name in ("file", "file.new"):
        (tmp_path / name).symlink_to(victim)
    with atomic_write(str(tmp_path / "file")) as file:
        file.write("new")
    assert victim.read_text() == "kept"
    assert (tmp_path / "file.new").is_symlink()
    assert not (tmp_path / "file").is_symlink()
    assert (tmp_path / "file").read_text() == "new"


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
    append_line("file", "4")
    assert done[3:] == [6]


@pytest.mark.parametrize(("number", "raised"), [(errno.EINVAL, False), (errno.EIO, True)])
def test_only_a_file_system_that_cannot_sync_is_excused(tmp_path, monkeypatch, number, raised):
    def fsync(descriptor):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(OSError, match="Input/output error") if raised else contextlib.nullcontext():
        sync(str(tmp_path))


def test_a_new_file_has_the_usual_permissions(tmp_path):
    with atomic_write(str(tmp_path / "file")):
        pass
    (tmp_path / "plain").touch()
    assert (tmp_path / "file").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_only_a_regular_file_is_opened_to_write(tmp_path):
    (tmp_path / "victim").write_text("kept")
    (tmp_path / "link").symlink_to("victim")
    os.mkfifo(tmp_path / "pipe")
    for name, problem in (("link", "link is a symbolic link"), ("pipe", "pipe is not a regular file")):
        with pytest.raises(OSError, match=problem):
            open_nofollow(str(tmp_path / name), os.O_RDWR | os.O_CREAT)
        with pytest.raises(OSError, match=problem):
            append_line(str(tmp_path / name), "line")
    assert (tmp_path / "victim").read_text() == "kept"


@pytest.mark.parametrize(
    ("before", "after"), [("", "ä\n"), ("a\n", "a\nä\n"), ("a\nhal", "a\nhal\nä\n")], ids=["new", "whole", "cut off"]
)
def test_a_line_is_added_as_a_line_of_its_own(tmp_path, before, after):
    (tmp_path / "file").write_text(before, encoding="utf-8")
    append_line(str(tmp_path / "file"), "ä")
    assert (tmp_path / "file").read_text(encoding="utf-8") == after


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


def test_a_folder_of_root_is_trusted(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    refuse_foreign("/var/tmp")


def test_a_probe_writes_and_leaves_nothing(tmp_path):
    write_probe(str(tmp_path))
    assert os.listdir(tmp_path) == []
    with pytest.raises(FileNotFoundError):
        write_probe(str(tmp_path / "missing"))


def test_the_nearest_folder_above_a_path(tmp_path):
    assert nearest_folder(str(tmp_path / "a" / "b" / "c")) == str(tmp_path)
    assert nearest_folder(f"{tmp_path}/a/") == str(tmp_path)
