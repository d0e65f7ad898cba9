"""The doctor's lines. TensorFlow is loaded in other processes only: for this environment, and where it crashes."""

import dataclasses
import hashlib
import importlib.metadata
import json
import os
import re
import subprocess
import sys
import tempfile
from types import SimpleNamespace

import pytest
from helpers import no_file_beyond, run, write_idx_folder

from cnn_estimator import hardware
from cnn_estimator.cli import doctor
from cnn_estimator.data import datasets

TENSORFLOW = importlib.metadata.version("tensorflow")
BRIDGED = not TENSORFLOW.startswith("2.15")


def lines(findings):
    return [str(finding) for finding in findings]


@pytest.mark.process
def test_this_environment_is_in_order():
    """On a machine that a TF_CONFIG makes a worker of a cluster."""
    cluster = {"chief": ["localhost:1"], "worker": ["localhost:2"]}
    config = json.dumps({"cluster": cluster, "task": {"type": "worker", "index": 0}})
    done = run("-m", "cnn_estimator", "doctor", environment={"TF_CONFIG": config})
    assert (done.returncode, done.stderr) == (0, "")
    printed = done.stdout.splitlines()
    assert printed[0].startswith("ok     python 3.")
    for name in ("tensorflow", "tensorflow-estimator", "tensorboard", "protobuf", "numpy"):
        assert f"ok     {name} {importlib.metadata.version(name)}" in printed
    which = "tensorflow-estimator's, behind the bridge" if BRIDGED else "TensorFlow's own"
    assert printed[-3] == f"ok     Estimator: trains, {which}"
    assert printed[-2] == f"ok     tf.layers: {'tf_keras' if BRIDGED else 'keras'}'s"
    assert printed[-1].startswith("ok     tf.contrib: ")
    assert {"layers", "learn", "tpu"} < set(printed[-1].partition(": ")[2].split(", "))


# Versions


def fake_pip_check(monkeypatch, stdout, stderr=""):
    monkeypatch.setattr(
        subprocess, "run", lambda *command, **options: SimpleNamespace(returncode=1, stdout=stdout, stderr=stderr)
    )


@pytest.mark.unit
def test_what_pip_finds_wrong_with_our_packages_is_shown_with_the_command_that_fixes_it(monkeypatch):
    fake_pip_check(
        monkeypatch,
        "cnn-estimator 0.1.0 requires tqdm, which is not installed.\n"
        "tensorflow 2.21.0 has requirement h5py<3.15.0, but you have h5py 3.15.1.\n"
        "something-else 1.0 requires nothing-of-ours, which is not installed.\n",
    )
    wrong = [line for line in lines(doctor.versions()) if line.startswith("wrong")]
    assert [line.partition(". Fix it: ")[0] for line in wrong] == [
        "wrong  cnn-estimator 0.1.0 requires tqdm, which is not installed",
        "wrong  tensorflow 2.21.0 has requirement h5py<3.15.0, but you have h5py 3.15.1",
    ]
    assert all(re.fullmatch(r"pip install \S+", line.partition("Fix it: ")[2]) for line in wrong)


@pytest.mark.unit
def test_without_pip_the_versions_are_not_checked(monkeypatch):
    fake_pip_check(monkeypatch, "", "/usr/bin/python3: No module named pip\n")
    note = "note   the versions are not checked, because pip check fails: /usr/bin/python3: No module named pip"
    assert lines(doctor.versions())[-1] == note


@pytest.mark.unit
def test_a_project_that_is_not_installed_is_a_note(monkeypatch):
    def version(name):
        if name == "cnn-estimator":
            raise importlib.metadata.PackageNotFoundError(name)
        return "1.0"

    fake_pip_check(monkeypatch, "")
    monkeypatch.setattr(importlib.metadata, "version", version)
    note, *others = lines(doctor.versions())
    assert re.fullmatch(
        r"note   cnn-estimator is not installed: .* are not checked\. Install it: pip install \S+", note
    )
    assert others[0] == "ok     tensorflow 1.0"


@pytest.mark.unit
@pytest.mark.parametrize(
    ("kind", "fix"),
    [("ok", f"pip install --force-reinstall --no-deps tensorflow=={TENSORFLOW} "), ("wrong", "first what is wrong")],
)
def test_tensorflow_is_reinstalled_once_all_else_is_right(monkeypatch, kind, fix):
    monkeypatch.setattr(doctor, "versions", lambda: [doctor.Finding(kind, "numpy 2.4.0", "pip install numpy")])
    monkeypatch.setattr(doctor, "folders", lambda: ())
    monkeypatch.setattr(doctor, "data", lambda fix: ())
    monkeypatch.setattr(doctor, "tensorflow_1", lambda fix: [doctor.Finding("wrong", "Estimator", fix)])
    assert lines(doctor.examine())[-1].startswith(f"wrong  Estimator. Fix it: {fix}")


# TensorFlow in its process


@pytest.mark.process
@pytest.mark.parametrize(
    ("tensorflow", "what", "fix"),
    [
        (
            "import os; os.write(2, b'first\\nF cpu_feature_guard.cc:1] AVX\\n'); os.abort()",
            "was killed by SIGABRT: F cpu_feature_guard.cc:1] AVX",
            "pip install it",
        ),
        (
            "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
            "was killed by SIGKILL",
            "free some memory, TensorFlow takes about 1 GB",
        ),
        (
            "import _pywrap_nothing",
            "failed: ModuleNotFoundError: No module named '_pywrap_nothing'",
            "pip install it",
        ),
        ("", "failed: cnn_estimator.tf1.InstallationError: TensorFlow is not installed", "pip install it"),
    ],
)
def test_a_tensorflow_that_cannot_be_used(tmp_path, monkeypatch, tensorflow, what, fix):
    (tmp_path / "tensorflow.py").write_text(tensorflow)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.getcwd()}")
    assert [*doctor.tensorflow_1("pip install it")] == [doctor.Finding("wrong", f"Estimator {what}", fix)]


@pytest.mark.process
def test_what_works_before_a_failure_is_named_too(tmp_path, monkeypatch):
    (tmp_path / "tf_slim.py").write_text("raise ImportError('damaged')")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.getcwd()}")
    findings = [*doctor.tensorflow_1("pip install it")]
    assert [finding.kind for finding in findings] == ["ok", "ok", "wrong"]
    assert findings[-1] == doctor.Finding("wrong", "tf.contrib failed: ImportError: damaged", "pip install it")


# Folders


@pytest.mark.unit
def test_folders_that_cannot_be_written(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(tmp_path / "file"))
    temporary, model_dirs, cache = lines(doctor.folders())
    problem = f"{tmp_path}/file cannot be written: Not a directory"
    assert temporary == f"wrong  temporary folder: {problem}. Fix it: mkdir -p ~/tmp && export TMPDIR=~/tmp"
    assert model_dirs == "ok     model_dirs: /tmp can be written"
    assert cache == f'wrong  cache: {problem}. Fix it: export XDG_CACHE_HOME="$(mktemp -d)"'


@pytest.mark.unit
def test_a_cache_that_does_not_exist_yet_is_not_made(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "not" / "yet"))
    assert lines(doctor.folders())[-1] == f"ok     cache: {tmp_path} can be written"
    assert not (tmp_path / "not").exists()


@pytest.mark.unit
def test_a_working_directory_that_was_deleted(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tmp_path.rmdir()
    assert lines(doctor.folders())[0] == "wrong  working directory: it was deleted. Fix it: cd"


@pytest.mark.process
@pytest.mark.parametrize(
    ("bytes_allowed", "problem"),
    [(100_000, "cannot be written: File too large"), (0, "No usable temporary directory found in ")],
)
def test_a_temporary_folder_without_room(bytes_allowed, problem):
    code = "from cnn_estimator.cli import doctor; print([*doctor.folders()][0])"
    done = run("-c", code, preexec_fn=no_file_beyond(bytes_allowed))
    assert done.stdout.startswith("wrong  temporary folder: ")
    assert problem in done.stdout


# Data and processor


@pytest.fixture
def data(tmp_path, monkeypatch):
    """Makes ten_bars the public dataset; returns (Fashion-MNIST's folder in a cache, the folder of Debian's package).

    The first exists and is empty, the second does not exist.
    """
    known = tmp_path / "known"
    known.mkdir()
    write_idx_folder(known, train=30, test=20)
    sha256 = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in known.iterdir()}
    debian = tmp_path / "debian"
    changed = dataclasses.replace(datasets.FASHION_MNIST, sha256=sha256, installed=str(debian))
    monkeypatch.setitem(datasets.DATASETS, "fashion_mnist", changed)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "a cache"))
    monkeypatch.setattr(os, "access", lambda folder, mode: True)
    cache = tmp_path / "a cache" / "cnn_estimator" / "fashion_mnist"
    cache.mkdir(parents=True)
    return cache, debian


def lines_on(name):
    """The lines on a dataset."""
    return [str(finding) for finding in doctor.data("") if finding.what.startswith(name)]


@pytest.mark.unit
def test_data_is_found_in_the_cache_and_in_debians_folder(data):
    cache, debian = data
    debian.mkdir()
    write_idx_folder(debian, train=30, test=20, zipped=True)
    assert lines_on("fashion_mnist") == [f"ok     fashion_mnist: intact in {debian}"]
    write_idx_folder(cache, train=30, test=20)
    assert lines_on("fashion_mnist") == [f"ok     fashion_mnist: intact in {cache}"]


@pytest.mark.unit
@pytest.mark.parametrize(
    ("apt_get", "folder", "fetch"),
    [
        (True, False, "apt-get install dataset-fashion-mnist"),
        (True, True, "apt-get install --reinstall dataset-fashion-mnist"),
        (False, False, "cnn-estimator samples --recipe=fashion_cnn --plot=/tmp/samples.png"),
    ],
)
def test_data_that_is_not_here_yet_is_a_note(data, tmp_path, monkeypatch, apt_get, folder, fetch):
    _, debian = data
    if folder:
        debian.mkdir()
    if apt_get:
        (tmp_path / "apt-get").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["cnn-estimator doctor"])
    note = "note   fashion_mnist is downloaded when it is first used, or by: "
    assert lines_on("fashion_mnist") == [f"{note}{fetch}"]


@pytest.mark.unit
@pytest.mark.parametrize(("writable", "sudo"), [(True, ""), (False, "sudo ")])
def test_the_fix_of_a_damaged_file_removes_it(data, monkeypatch, writable, sudo):
    cache, debian = data
    debian.mkdir()
    for folder in data:
        write_idx_folder(folder, train=30, test=20)
    path = cache / "t10k-images-idx3-ubyte"
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    monkeypatch.setattr(os, "access", lambda folder, mode: writable)
    first, second = lines_on("fashion_mnist")
    assert re.fullmatch(rf"wrong  fashion_mnist: {path}: .*SHA-256.*\. Fix it: {sudo}rm '{path}'", first)
    assert second == f"ok     fashion_mnist: intact in {debian}"


@pytest.mark.process
def test_a_damaged_package_that_reads_the_data_gets_one_line(tmp_path):
    (tmp_path / "numpy.py").write_text("raise ImportError('many\\nlines')")
    code = "from cnn_estimator.cli import doctor; print(*doctor.data('some command'))"
    done = run("-c", code, environment={"PYTHONPATH": str(tmp_path)})
    assert done.stdout == "wrong  data: ImportError: lines. Fix it: some command\n"


@pytest.mark.unit
@pytest.mark.parametrize(
    ("flags", "line"),
    [
        (
            "vendor_id\t: GenuineIntel\nflags\t: fpu avx512_bf16",
            "ok     bfloat16 is native to this CPU: avx512_bf16, but slower than float32, as Intel's is without AMX",
        ),
        ("flags\t: fpu avx2 avx512f", "ok     bfloat16 is not native to this CPU"),
        (None, "note   bfloat16: without {} it is unknown whether this CPU has it"),
    ],
)
def test_bfloat16(tmp_path, monkeypatch, flags, line):
    cpuinfo = tmp_path / "cpuinfo"
    monkeypatch.setattr(hardware, "CPU_INFORMATION_FILE", str(cpuinfo))
    if flags:
        cpuinfo.write_text(f"processor\t: 0\n{flags}\nbugs\t:\n")
    assert str(doctor.bfloat16()) == line.format(cpuinfo)
