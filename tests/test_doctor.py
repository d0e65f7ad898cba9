"""The doctor's lines. TensorFlow is loaded in other processes only: for this environment, and where it crashes."""

import hashlib
import importlib.metadata
import json
import os
import re
import subprocess
import sys
from types import SimpleNamespace

import pytest
from helpers import run, write_idx_folder

from cnn_estimator.cli import doctor
from cnn_estimator.data import datasets

BRIDGED = not importlib.metadata.version("tensorflow").startswith("2.15")


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
    assert printed[-3] == "ok     Estimator: trains"
    assert printed[-2] == f"ok     tf.layers: {'tf_keras' if BRIDGED else 'keras'}'s"
    assert {"layers", "learn", "tpu"} < set(printed[-1].removeprefix("ok     tf.contrib: ").split(", "))


def versions_after(monkeypatch, *, stdout="", stderr=""):
    """Returns the lines on versions when `pip check` fails with these texts."""
    failed = SimpleNamespace(returncode=1, stdout=stdout, stderr=stderr)
    monkeypatch.setattr(subprocess, "run", lambda *command, **options: failed)
    return lines(doctor.versions())


@pytest.mark.unit
def test_what_pip_finds_wrong_with_our_packages_is_shown_with_the_command_that_fixes_it(monkeypatch):
    printed = versions_after(
        monkeypatch,
        stdout="cnn-estimator 0.1.0 requires tqdm, which is not installed.\n"
        "tensorflow 2.21.0 has requirement h5py<3.15.0, but you have h5py 3.15.1.\n"
        "something-else 1.0 requires nothing-of-ours, which is not installed.\n",
    )
    fixes = [line.partition(". Fix it: ") for line in printed if line.startswith("wrong")]
    assert [problem for problem, _, _ in fixes] == [
        "wrong  cnn-estimator 0.1.0 requires tqdm, which is not installed",
        "wrong  tensorflow 2.21.0 has requirement h5py<3.15.0, but you have h5py 3.15.1",
    ]
    assert all(re.fullmatch(r"pip install \S+", fix) for _, _, fix in fixes)


@pytest.mark.unit
def test_without_pip_or_an_installed_project_the_requirements_are_not_checked(monkeypatch):
    monkeypatch.setattr(doctor, "PROJECT", "not-installed")
    first, *_, last = versions_after(monkeypatch, stderr="/usr/bin/python3: No module named pip\n")
    assert re.fullmatch(r"note   not-installed is not .* are not checked\. Install it: pip install \S+", first)
    problem = "the versions are not checked, because pip check fails: /usr/bin/python3: No module named pip"
    assert last == f"note   {problem}"


@pytest.mark.process
@pytest.mark.parametrize(
    ("file", "code", "finding"),
    [
        (
            "tensorflow.py",
            "import os; os.write(2, b'first\\nF cpu_feature_guard.cc:1] AVX\\n'); os.abort()",
            r"was killed by SIGABRT: F cpu_feature_guard\.cc:1\] AVX\. Fix it: pip install \S+ --force-reinstall",
        ),
        (
            "tensorflow.py",
            "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
            r"was killed by SIGKILL\. Fix it: free some memory, TensorFlow takes about 1 GB",
        ),
        (
            "tensorflow.py",
            "raise ModuleNotFoundError(name='tensorflow')",
            r"failed: .*InstallationError: TensorFlow is not installed\. Fix it: pip install 'tensorflow>=.*'",
        ),
        pytest.param(
            *("tf_slim.py", "raise ImportError('damaged')", r"failed: ImportError: damaged\. Fix it: pip install .*"),
            marks=pytest.mark.newest,
        ),
    ],
)
def test_a_tensorflow_that_cannot_be_used(tmp_path, monkeypatch, file, code, finding):
    (tmp_path / file).write_text(code)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.getcwd()}")
    *works, last = lines(doctor.tensorflow_1())
    assert [line.partition(":")[0] for line in works] == (
        ["ok     Estimator", "ok     tf.layers"] if file == "tf_slim.py" else []
    )
    assert re.fullmatch(f"wrong  TensorFlow {finding}", last)


@pytest.mark.unit
def test_folders_that_cannot_be_written_or_do_not_exist_yet(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "file"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "not" / "yet"))
    assert lines(doctor.folders()) == [
        f"wrong  temporary folder: {tmp_path}/file cannot be written: Not a directory. "
        "Fix it: mkdir -p ~/tmp && export TMPDIR=~/tmp",
        "ok     model_dirs: /tmp can be written",
        f"ok     cache: {tmp_path} can be written",
    ]
    assert not (tmp_path / "not").exists()


@pytest.mark.unit
def test_a_numpy_that_cannot_be_used(monkeypatch):
    monkeypatch.setitem(sys.modules, "cnn_estimator.data", None)  # stands for what imports numpy
    (line,) = lines(doctor.data())
    assert re.fullmatch(r"wrong  data: cannot be read: .*\. Fix it: pip install \S+ --force-reinstall", line)


@pytest.mark.newest
@pytest.mark.unit
def test_data_is_downloaded_or_intact(tmp_path, monkeypatch):
    cache = tmp_path / "a cache" / "cnn_estimator" / "mnist"
    cache.mkdir(parents=True)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "a cache"))
    monkeypatch.setattr(sys, "argv", ["cnn-estimator doctor"])

    def lines_on_mnist():
        return [line for line in lines(doctor.data()) if " mnist" in line]

    download = "cnn-estimator samples --recipe=mnist_cnn --plot=/tmp/samples.png"
    assert lines_on_mnist() == [f"note   mnist is downloaded when it is first used, or by: {download}"]
    write_idx_folder(cache, train=30, test=20)
    for path in cache.iterdir():
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        monkeypatch.setitem(datasets.DATASETS["mnist"].sha256, path.name, digest)
    assert lines_on_mnist() == [f"ok     mnist: intact in {cache}"]
