import os
import socket

import pytest

from cnn_estimator.files import open_regular

pytestmark = pytest.mark.unit


def test_a_regular_file_is_read_also_through_a_link(tmp_path):
    (tmp_path / "file").write_bytes(b"content")
    (tmp_path / "link").symlink_to("file")
    for name in ("file", "link"):
        with open_regular(str(tmp_path / name)) as file:
            assert file.read() == b"content"


def test_a_named_pipe_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    before = len(os.listdir("/dev/fd"))
    with pytest.raises(OSError, match=f"not a regular file: '{tmp_path}/pipe'$"):
        open_regular(str(tmp_path / "pipe"))
    assert len(os.listdir("/dev/fd")) == before


def test_devices_sockets_folders_and_missing_files_are_os_errors(tmp_path):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
        for path in ("/dev/zero", tmp_path / "socket", tmp_path, tmp_path / "missing"):
            with pytest.raises(OSError, match=f"'{path}'$"):
                open_regular(str(path))
