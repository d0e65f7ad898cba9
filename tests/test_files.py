import contextlib
import errno
import os
import stat
import threading

import pytest
from helpers import give_to_another_user

from cnn_estimator.errors import UserError
from cnn_estimator.files import (
    append_line,
    atomic_write,
    nearest_folder,
    open_own,
    refuse_foreign,
    sync,
    write_probe,
    writing,
)

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


def test_several_may_write_one_file_at_once(tmp_path):
    start = threading.Barrier(8)
    errors = []

    def write(number):
        start.wait()
        try:
            for _ in range(20):
                with atomic_write(str(tmp_path / "file")) as file:
                    file.write(str(number) * 1000)
        except OSError as error:
            errors.append(error)

    threads = [threading.Thread(target=write, args=[number]) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(set((tmp_path / "file").read_text())) == 1
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
            open_own(str(tmp_path / name), os.O_RDWR | os.O_CREAT)
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


def test_another_users_folder_is_refused_where_everybody_may_write(tmp_path, monkeypatch):
    shared, folder, link = tmp_path / "shared", tmp_path / "shared" / "run", tmp_path / "shared" / "link"
    folder.mkdir(parents=True)
    (tmp_path / "own").mkdir()
    link.symlink_to(tmp_path / "own")
    refuse_foreign(str(folder))
    give_to_another_user(monkeypatch, folder, link)
    shared.chmod(0o1777)
    for path in (folder, link):
        with pytest.raises(
            PermissionError, match=rf"^\[Errno 1\] it belongs to user .+, and everybody .* to {shared}$"
        ):
            refuse_foreign(str(path))


def test_a_folder_of_root_is_trusted(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    refuse_foreign("/var/tmp")


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
