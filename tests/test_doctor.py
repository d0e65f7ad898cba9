"""The doctor on installations that lack something, or have the wrong version of something first on the path.

TensorFlow is a module that fails at once there, so that the tests are quick. A process is started where TensorFlow
crashes, where the process is limited, and for this environment as it is.
"""

import dataclasses
import hashlib
import importlib
import importlib.metadata
import json
import os
import platform
import re
import sys
import tempfile

import pytest
from helpers import no_file_beyond, run, unprivileged, write_idx_folder
from packaging.requirements import Requirement
from packaging.version import Version

from cnn_estimator import hardware
from cnn_estimator.cli import doctor
from cnn_estimator.data import datasets

TENSORFLOW = importlib.metadata.version("tensorflow")
MINOR = ".".join(TENSORFLOW.split(".")[:2])
BRIDGED = MINOR != "2.15"
SUDO = "" if os.geteuid() == 0 else "sudo "

# What the project's record in these tests requires.
REQUIRED = [
    "tensorflow<2.22,>=2.15",
    "tensorflow-estimator==2.15.0",
    "tf-keras<2.22,>=2.15",
    "tensorboard<2.22,>=2.15",
    "setuptools<81",
    "protobuf<7",
    "absl-py",
    "matplotlib>=3.7",
    "numpy",
    "Pillow>=11.3",
    "pooch>=1.7",
    "tqdm>=4.60",
    "onnx!=1.19.0,>=1.17; extra == 'onnx'",
]


@pytest.fixture
def packages(tmp_path, monkeypatch):
    """A function that records a package, with what it requires, in a folder that comes first on the path.

    The project itself is recorded. record.folder is the folder; in there, TensorFlow is a module that fails at once.
    """
    folder = tmp_path / "packages"
    folder.mkdir()
    (folder / "tensorflow.py").write_text("raise ImportError('none here')")

    def record(name, version, *requires, python=""):
        info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        lines = [
            "Metadata-Version: 2.1",
            f"Name: {name}",
            f"Version: {version}",
            *[f"Requires-Python: {python}"] * bool(python),
        ]
        (info / "METADATA").write_text("\n".join(lines + [f"Requires-Dist: {text}" for text in requires]) + "\n")
        importlib.invalidate_caches()
        return info

    record.folder = folder
    record.project = record("cnn-estimator", "0.1.0", *REQUIRED, python=">=3.10,<3.14")
    monkeypatch.syspath_prepend(str(folder))
    return record


@pytest.fixture
def stubs(monkeypatch):
    """Leaves out what takes long: an Estimator that trains, and the public datasets."""
    monkeypatch.setattr(doctor, "_tensorflow_1", lambda reinstall: [doctor.Finding("wrong", "Estimator", reinstall)])
    monkeypatch.setattr(doctor, "_data", lambda reinstall: ())


def hide(monkeypatch, name):
    """Makes a package one that is not installed."""
    distribution = importlib.metadata.distribution

    def without(asked):
        if asked == name:
            raise importlib.metadata.PackageNotFoundError(name)
        return distribution(asked)

    monkeypatch.setattr(importlib.metadata, "distribution", without)


def set_python(monkeypatch, version):
    """Has the interpreter report another version of itself."""
    monkeypatch.setattr(platform, "python_version_tuple", lambda: tuple(version.split(".")))


def versions():
    """The lines on Python and on the packages."""
    return [str(finding) for finding in doctor._versions()]


def on(name, lines):
    """The only line on something."""
    (line,) = [line for line in lines if re.match(rf"(ok|note|wrong) +{name}\b(?!-)", line)]
    return line


@pytest.mark.unit
def test_the_lines_of_the_three_kinds():
    assert str(doctor.Finding("ok", "numpy 2.4.0")) == "ok     numpy 2.4.0"
    assert str(doctor.Finding("note", "mnist is not here yet")) == "note   mnist is not here yet"
    assert str(doctor.Finding("wrong", "no numpy", "pip install numpy")) == "wrong  no numpy. Fix it: pip install numpy"


# This environment.


@pytest.fixture(scope="module")
def here():
    """What the doctor prints about this environment, on a machine that a TF_CONFIG makes a worker of a cluster."""
    cluster = {"chief": ["localhost:1"], "worker": ["localhost:2"]}
    config = json.dumps({"cluster": cluster, "task": {"type": "worker", "index": 0}})
    code = "from cnn_estimator.cli import doctor\nfor finding in doctor.examine(): print(finding, flush=True)"
    done = run("-c", code, environment={"TF_CONFIG": config})
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


@pytest.mark.process
def test_this_environment_is_in_order(here):
    assert here[0].startswith("ok     python 3.")
    needless = set() if BRIDGED else {"tf-keras"}
    needless |= {"setuptools"} if MINOR == "2.21" else set()
    names = {"tensorflow", "tensorboard", "tf-keras", "setuptools"}
    try:
        required = map(Requirement, importlib.metadata.requires("cnn-estimator"))
        names |= {asked.name.lower() for asked in required if asked.marker is None}
        assert here[1] == f"ok     cnn-estimator {importlib.metadata.version('cnn-estimator')}"
    except importlib.metadata.PackageNotFoundError:
        assert here[1].startswith("note   cnn-estimator runs without being installed")
    for name in names - needless:
        assert on(name, here) == f"ok     {name} {importlib.metadata.version(name)}"
    assert not any(line.startswith("wrong") for line in here), here
    assert not any("gast" in line for line in here)  # TensorFlow's own requirement, as long as it fits


@pytest.mark.process
def test_what_works_of_tensorflow_1_is_named(here):
    which = "tensorflow-estimator's, behind the bridge" if BRIDGED else "TensorFlow's own"
    assert here[-3] == f"ok     Estimator: trains, {which}"
    assert here[-2] == f"ok     tf.layers: {'tf_keras' if BRIDGED else 'keras'}'s"
    assert here[-1].startswith("ok     tf.contrib: ")
    assert {"layers", "learn", "tpu"} < set(here[-1].partition(": ")[2].split(", "))


# Versions.


@pytest.mark.unit
def test_everything_that_the_metadata_requires_is_checked(packages):
    packages("tensorflow", "2.20.0")
    for text in REQUIRED[1:-1]:
        name = Requirement(text).name.lower()
        packages(name, {"tensorboard": "2.20.0", "tf-keras": "2.20.1"}.get(name, "0.0"))
        requirement = Requirement(text).specifier
        fits = name in ("tensorboard", "tf-keras") or requirement.contains("0.0")
        assert on(name, versions()).startswith("ok " if fits else "wrong  "), name
    assert not any("onnx" in line for line in versions())


@pytest.mark.unit
def test_a_changed_requirement_is_noticed(packages):
    (packages.project / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: cnn-estimator\nVersion: 9.0\nRequires-Python: >=3.99\nRequires-Dist: numpy>=99\n"
    )
    lines = versions()
    assert "cnn_estimator needs >=3.99. Fix it: " in lines[0]
    assert lines[1] == "ok     cnn-estimator 9.0"
    assert "needs >=99" in on("numpy", lines)


@pytest.mark.unit
@pytest.mark.parametrize(
    ("tensorflow", "asked", "package", "version", "line"),
    [
        ("2.21.0", [], "tf-keras", "2.20.1", "needs 2.21.*. Fix it: pip install 'tf-keras==2.21.*'"),
        ("2.16.2", [], "tensorboard", "2.21.0", "needs 2.16.*. Fix it: pip install 'tensorboard==2.16.*'"),
        (
            "2.19.1",
            ["tensorboard~=2.19.0"],
            "tensorboard",
            "2.18.0",
            "needs 2.19.*. Fix it: pip install 'tensorboard==2.19.*'",
        ),
        (
            "2.20.0",
            ["tensorflow-estimator"],
            "tensorflow-estimator",
            "2.14.0",
            "needs 2.15.0. Fix it: pip install tensorflow-estimator==2.15.0",
        ),
        ("2.20.0", [], "protobuf", "7.34.0", "needs <7. Fix it: pip install 'protobuf<7'"),
        (
            "2.21.0",
            ["protobuf<8.0.0,>=6.31.1"],
            "protobuf",
            "7.34.0",
            "needs <7. Fix it: pip install 'protobuf<7,<8.0.0,>=6.31.1'",
        ),
        (
            "2.21.0",
            ["protobuf<8.0.0,>=6.31.1"],
            "protobuf",
            "5.29.6",
            "needs >=6.31.1. Fix it: pip install 'protobuf<7,<8.0.0,>=6.31.1'",
        ),
        (
            "2.16.2",
            ["numpy (<2.0.0,>=1.26.0) ; python_version >= '3.10'", "numpy<1 ; python_version < '3.10'"],
            "numpy",
            "2.0.0",
            "needs <2.0.0. Fix it: pip install 'numpy<2.0.0,>=1.26.0'",
        ),
        ("2.20.0", ["setuptools"], "setuptools", "81.0.0", "needs <81. Fix it: pip install 'setuptools<81'"),
        ("2.21.0", ["setuptools"], "setuptools", "81.0.0", None),
        ("2.21.0", ["h5py<3.15.0"], "h5py", "3.15.1", "needs <3.15.0. Fix it: pip install 'h5py<3.15.0'"),
        ("2.21.0", [], "pooch", "1.6.0", "needs >=1.7. Fix it: pip install 'pooch>=1.7'"),
        ("2.21.0", ["numpy>=1.26.0"], "numpy", "2.6.0rc1", None),
        ("2.21.0", ["numpy<2 ; extra == 'and-cuda'"], "numpy", "2.4.0", None),
    ],
)
def test_a_version_that_does_not_fit(packages, tensorflow, asked, package, version, line):
    packages("tensorflow", tensorflow, *asked)
    packages(package, version)
    minor = tensorflow.rpartition(".")[0]
    expected = f"wrong  {package} {version}: cnn_estimator with TensorFlow {minor} {line}"
    lines = versions()
    assert on(package, lines) == (expected if line else f"ok     {package} {version}")
    assert on("tensorflow", lines) == f"ok     tensorflow {tensorflow}"


@pytest.mark.unit
def test_tensorflow_2_15_needs_no_tf_keras(packages, monkeypatch):
    set_python(monkeypatch, "3.11.9")
    packages("tensorflow", "2.15.1")
    assert not any("tf-keras" in line for line in versions())


@pytest.mark.unit
def test_what_the_installed_tensorflow_requires(packages):
    packages("numpy", "1.22.0")
    line = on("numpy", versions())
    assert re.fullmatch(r"wrong  numpy 1\.22\.0: .* needs >=1\.2\d\.\d\. Fix it: pip install '?numpy\S+", line)


@pytest.mark.unit
@pytest.mark.parametrize("version", ["2.14.1", "2.22.0"])
def test_a_tensorflow_out_of_range(packages, monkeypatch, version):
    packages("tensorflow", version)
    packages("protobuf", "7.34.0")
    set_python(monkeypatch, "3.11.7")
    lines = versions()
    unmet = ">=2.15" if version == "2.14.1" else "<2.22"
    advice = f"cnn_estimator on Python 3.11 needs {unmet}. Fix it: pip install 'tensorflow<2.22,>=2.15'"
    assert on("tensorflow", lines) == f"wrong  tensorflow {version}: {advice}"
    assert on("protobuf", lines) == "wrong  protobuf 7.34.0: cnn_estimator needs <7. Fix it: pip install 'protobuf<7'"


@pytest.mark.unit
def test_tensorflow_2_15_on_a_python_that_it_was_not_built_for(packages, monkeypatch):
    packages("tensorflow", "2.15.1")
    set_python(monkeypatch, "3.11.9")
    assert on("tensorflow", versions()) == "ok     tensorflow 2.15.1"
    set_python(monkeypatch, "3.12.0")
    advice = "cnn_estimator on Python 3.12 needs >=2.16. Fix it: pip install 'tensorflow<2.22,>=2.15,>=2.16'"
    assert on("tensorflow", versions()) == f"wrong  tensorflow 2.15.1: {advice}"


@pytest.mark.unit
@pytest.mark.parametrize("version", ["3.9.1", "3.14.0"])
def test_a_python_out_of_range(packages, monkeypatch, version):
    set_python(monkeypatch, version)
    line = versions()[0]
    assert re.fullmatch(r"wrong  python .*: cnn_estimator needs <3.14,>=3.10\. Fix it: python3\.13 -m venv .*", line)


@pytest.mark.unit
@pytest.mark.parametrize(
    ("package", "command"),
    [
        (
            "tensorflow",
            "pip install 'tensorflow<2.22,>=2.15"
            + (",>=2.16'" if Version(platform.python_version()) >= Version("3.12") else "'"),
        ),
        ("tensorflow-estimator", "pip install tensorflow-estimator==2.15.0"),
        ("tensorboard", f"pip install 'tensorboard=={MINOR}.*'"),
        ("matplotlib", "pip install 'matplotlib>=3.7'"),
        *([("tf-keras", f"pip install 'tf-keras=={MINOR}.*'")] if BRIDGED else []),
    ],
)
def test_a_missing_package(packages, stubs, monkeypatch, package, command):
    hide(monkeypatch, package)
    lines = [str(finding) for finding in doctor.examine()]
    assert on(package, lines) == f"wrong  {package} is not installed. Fix it: {command}"
    assert lines[-1] == "wrong  Estimator. Fix it: first what is wrong above"
    assert on("absl-py", lines).startswith("ok ")


@pytest.mark.unit
@pytest.mark.parametrize("package", ["tensorflow", "tqdm"])
@pytest.mark.parametrize(
    "content",
    [None, b"", b"Version: two\n", b"Version: 4.70\xff\n", b"Version: 4.70\nRequires-Dist: numpy<\n"],
    ids=["missing", "empty", "no version", "not UTF-8", "no requirement"],
)
def test_a_damaged_record(packages, package, content):
    info = packages(package, "4.70")
    (info / "METADATA").unlink()
    if content is not None:
        (info / "METADATA").write_bytes(content)
    line = on(package, versions())
    damage = f"wrong  {package}: its record {info} is damaged. Fix it: rm -r {info} && pip install '{package}"
    assert line.startswith(damage)


@pytest.mark.unit
@pytest.mark.parametrize("content", [None, b"Version: 0.1.0\nRequires-Dist: numpy<\n"], ids=["missing", "damaged"])
def test_a_damaged_record_of_the_project(packages, content):
    (packages.project / "METADATA").unlink()
    if content is not None:
        (packages.project / "METADATA").write_bytes(content)
    lines = versions()
    damage = f"wrong  cnn-estimator: its record {packages.project} is damaged. Fix it: rm -r {packages.project} && pip "
    assert lines[1].startswith(damage)
    assert lines[2] == f"ok     tensorflow {TENSORFLOW}"


@pytest.mark.unit
def test_a_project_that_is_not_installed(packages, stubs, monkeypatch):
    hide(monkeypatch, "cnn-estimator")
    packages("tensorboard", "2.14.0")
    lines = versions()
    assert lines[0].startswith("ok     python ")
    assert re.fullmatch(
        r"note   cnn-estimator runs without being installed: which versions of packages it needs is not checked\. "
        r"Install it: pip install \S+",
        lines[1],
    )
    assert on("tensorflow", lines) == f"ok     tensorflow {TENSORFLOW}"
    assert on("tensorboard", lines).endswith(f"needs {MINOR}.*. Fix it: pip install 'tensorboard=={MINOR}.*'")
    (packages.folder / "tensorboard-2.14.0.dist-info" / "METADATA").write_text(f"Version: {MINOR}.0\n")
    assert re.fullmatch(
        r"wrong  Estimator\. Fix it: pip install --force-reinstall \S+",
        [str(finding) for finding in doctor.examine()][-1],
    )


# TensorFlow crashes or fails. The versions are those of this environment, and fit.


@pytest.mark.unit
def test_what_is_reinstalled(packages, stubs):
    line = [str(finding) for finding in doctor.examine()][-1]
    start = f"wrong  Estimator. Fix it: pip install --force-reinstall --no-deps tensorflow=={TENSORFLOW} "
    assert line.startswith(f"{start}tensorflow-estimator==2.15.0 ")
    assert line.endswith(f" numpy=={importlib.metadata.version('numpy')}")


@pytest.mark.process
@pytest.mark.parametrize(
    ("tensorflow", "problem"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "was killed by SIGSEGV"),
        (
            "import os; os.write(2, b'first\\nF cpu_feature_guard.cc:1] AVX\\n'); os.abort()",
            "was killed by SIGABRT: F cpu_feature_guard.cc:1] AVX",
        ),
        (
            "import os; os.write(2, b'I0000 00:00:1.5  7 port.cc:153] oneDNN custom operations\\n'); os.abort()",
            "was killed by SIGABRT",
        ),
        ("import _pywrap_nothing", "failed: ModuleNotFoundError: No module named '_pywrap_nothing'"),
        ("", "failed: cnn_estimator.tf1.InstallationError: TensorFlow is not installed"),
        ("import os; os._exit(3)", "failed"),
    ],
)
def test_a_tensorflow_that_cannot_be_used_is_reinstalled(packages, tensorflow, problem):
    (packages.folder / "tensorflow.py").write_text(tensorflow)
    (finding,) = doctor._tensorflow_1("pip install it")
    assert finding == doctor.Finding("wrong", f"Estimator {problem}", "pip install it")


@pytest.mark.process
@pytest.mark.parametrize(
    ("crash", "fix"),
    [
        ("SIGILL", "this CPU lacks instructions that TensorFlow is built with, use one with AVX"),
        ("SIGKILL", "free some memory, it takes about 1 GB"),
    ],
)
def test_a_crash_that_no_command_fixes(packages, crash, fix):
    (packages.folder / "tensorflow.py").write_text(f"import os, signal; os.kill(os.getpid(), signal.{crash})")
    (finding,) = doctor._tensorflow_1("pip install it")
    assert finding == doctor.Finding("wrong", f"Estimator was killed by {crash}", fix)


@pytest.mark.process
def test_an_estimator_that_is_installed_and_cannot_train(tmp_path, monkeypatch):
    """A TensorFlow that fits by its version; only a step of training shows what is wrong."""
    (tmp_path / "sitecustomize.py").write_text(
        "from google.protobuf import text_format\n"
        "def fail(*args, **options):\n"
        "    raise TypeError('float_format')\n"
        "text_format.MessageToString = fail\n"  # which writes the graph
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (finding,) = doctor._tensorflow_1("pip install it")
    assert finding == doctor.Finding("wrong", "Estimator failed: TypeError: float_format", "pip install it")


@pytest.mark.process
def test_what_works_before_a_failure_is_named_too(tmp_path, monkeypatch):
    (tmp_path / "tf_slim.py").write_text("raise ImportError('damaged')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.syspath_prepend(tmp_path)
    findings = list(doctor._tensorflow_1("pip install it"))
    assert [finding.kind for finding in findings] == ["ok", "ok", "wrong"]
    assert findings[-1] == doctor.Finding("wrong", "tf.contrib failed: ImportError: damaged", "pip install it")


# Folders.


def check(call, **options):
    """Runs a call of the doctor's in a process; returns the lines of its findings."""
    code = f"from cnn_estimator.cli import doctor\nfor finding in {call}: print(finding, flush=True)"
    done = run("-c", code, **options)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


@pytest.mark.unit
def test_a_working_directory_that_was_deleted(tmp_path, monkeypatch):
    assert list(doctor._working_directory()) == []
    monkeypatch.chdir(tmp_path)
    tmp_path.rmdir()
    assert list(map(str, doctor._working_directory())) == ["wrong  working directory: it was deleted. Fix it: cd"]


TEMPORARY_FIX = "Fix it: mkdir -p ~/tmp && export TMPDIR=~/tmp"


@pytest.mark.process
def test_a_temporary_folder_without_room():
    (line,) = check("[doctor._temporary_folder()]", preexec_fn=no_file_beyond(100_000))
    problem = f"{tempfile.gettempdir()} cannot be written: File too large"
    assert line == f"wrong  temporary folder: {problem}. {TEMPORARY_FIX}"


@pytest.mark.process
def test_no_temporary_folder_at_all():
    (line,) = check("[doctor._temporary_folder()]", preexec_fn=no_file_beyond(0))
    assert line.startswith("wrong  temporary folder: No usable temporary directory found in ")
    assert line.endswith(f". {TEMPORARY_FIX}")


@pytest.mark.unit
def test_after_a_problem_with_a_folder_the_estimator_is_not_reinstalled(packages, stubs, monkeypatch):
    monkeypatch.setattr(
        doctor, "_temporary_folder", lambda: doctor.Finding("wrong", "temporary folder", "some command")
    )
    assert [str(finding) for finding in doctor.examine()][-1].endswith("Fix it: first what is wrong above")


@pytest.mark.unit
def test_a_folder_for_model_dirs_that_may_not_be_written(data, monkeypatch):
    real = doctor._writable
    monkeypatch.setattr(
        doctor, "_writable", lambda what, folder, fix: real(what, str(folder).replace("/tmp", "/proc"), fix)
    )
    (line,) = findings("model_dirs")
    assert line.startswith("wrong  model_dirs: /proc cannot be written: ")
    assert line.endswith(f". Fix it: {SUDO}chmod 1777 /tmp")


CACHE_FIX = 'Fix it: export XDG_CACHE_HOME="$(mktemp -d)"'


@pytest.mark.unit
def test_a_cache_that_does_not_exist_yet(data, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "not" / "yet"))
    assert findings("cache") == [f"ok     cache: {tmp_path} can be written"]
    assert not (tmp_path / "not").exists()


@pytest.mark.process
def test_a_cache_that_may_not_be_written(tmp_path, monkeypatch):
    folder = tmp_path / "cache"
    folder.mkdir(mode=0o555)
    unprivileged(monkeypatch)
    line = check("doctor._data('')", environment={"XDG_CACHE_HOME": str(folder)})[0]
    assert line == f"wrong  cache: {folder} cannot be written: Permission denied. {CACHE_FIX}"


@pytest.mark.unit
def test_a_cache_that_is_a_file(data, tmp_path, monkeypatch):
    (tmp_path / "cnn_estimator").write_text("a file where the folder should be")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert findings("cache") == [
        f"wrong  cache: {tmp_path}/cnn_estimator cannot be written: Not a directory. {CACHE_FIX}"
    ]


# The data.


@pytest.fixture
def data(tmp_path, monkeypatch):
    """Makes ten_bars the public dataset; returns (Fashion-MNIST's folder in a cache, the one of Debian's package).

    The first exists and is empty, the second does not. The Estimator and the versions are left out.
    """
    known = tmp_path / "known"
    known.mkdir()
    write_idx_folder(known, train=30, test=20)
    sha256 = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in known.iterdir()}
    debian = tmp_path / "debian"
    changed = dataclasses.replace(datasets.FASHION_MNIST, sha256=sha256, installed=str(debian))
    monkeypatch.setitem(datasets.DATASETS, "fashion_mnist", changed)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "a cache"))
    monkeypatch.setattr(doctor, "_tensorflow_1", lambda reinstall: ())
    monkeypatch.setattr(doctor, "_versions", lambda: ())
    cache = tmp_path / "a cache" / "cnn_estimator" / "fashion_mnist"
    cache.mkdir(parents=True)
    return cache, debian


def findings(name):
    """The lines on a dataset."""
    return [str(finding) for finding in doctor.examine() if finding.what.startswith(name)]


@pytest.mark.unit
def test_data_in_the_cache(data):
    cache, _ = data
    write_idx_folder(cache, train=30, test=20)
    assert findings("fashion_mnist") == [f"ok     fashion_mnist: intact in {cache}"]


@pytest.mark.unit
def test_data_in_debians_folder(data):
    _, debian = data
    debian.mkdir()
    write_idx_folder(debian, train=30, test=20, zipped=True)
    assert findings("fashion_mnist") == [f"ok     fashion_mnist: intact in {debian}"]


@pytest.mark.unit
@pytest.mark.parametrize("apt_get", [True, False])
def test_data_that_is_not_here_yet_is_a_note(data, tmp_path, monkeypatch, apt_get):
    if apt_get:
        (tmp_path / "apt-get").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["cnn-estimator doctor"])
    samples = "cnn-estimator samples --recipe={} --figure=/tmp/samples.png"
    fetch = f"{SUDO}apt-get install dataset-fashion-mnist" if apt_get else samples.format("fashion_cnn")
    note = "is not here yet: it is downloaded when it is first used, or:"
    assert findings("fashion_mnist") == [f"note   fashion_mnist {note} {fetch}"]
    assert findings("mnist") == [f"note   mnist {note} {samples.format('mnist_cnn')}"]


@pytest.mark.unit
def test_a_debian_package_that_lost_a_file(data, tmp_path, monkeypatch):
    _, debian = data
    debian.mkdir()
    write_idx_folder(debian, train=30, test=20)
    (debian / "t10k-labels-idx1-ubyte").unlink()
    (tmp_path / "apt-get").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    (line,) = findings("fashion_mnist")
    assert line.startswith("note   fashion_mnist is not here yet: ")
    assert line.endswith(f", or: {SUDO}apt-get install --reinstall dataset-fashion-mnist")


@pytest.mark.unit
def test_the_fix_of_a_damaged_file_in_the_cache_removes_it(data):
    cache, debian = data
    debian.mkdir()
    for folder in data:
        write_idx_folder(folder, train=30, test=20)
    path = cache / "t10k-images-idx3-ubyte"
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    first, second = findings("fashion_mnist")
    assert re.fullmatch(rf"wrong  fashion_mnist: {path}: .*SHA-256.*\. Fix it: rm '{path}'", first)
    assert second == f"ok     fashion_mnist: intact in {debian}"
    path.unlink()
    assert findings("fashion_mnist") == [f"ok     fashion_mnist: intact in {debian}"]


@pytest.mark.unit
def test_a_damaged_file_that_only_root_may_remove(data, monkeypatch):
    _, debian = data
    debian.mkdir()
    write_idx_folder(debian, train=30, test=20, zipped=True)
    path = debian / "t10k-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-9])
    monkeypatch.setattr(os, "access", lambda folder, mode: folder != str(debian))
    first, second = findings("fashion_mnist")
    assert first.startswith(f"wrong  fashion_mnist: {path}: cannot be read: Compressed file ended")
    assert first.endswith(f". Fix it: {SUDO}rm {path}")
    assert second.startswith("note   fashion_mnist is not here yet: ")


@pytest.mark.process
@pytest.mark.parametrize(
    ("module", "content", "line"),
    [
        ("pooch", "import platformdirz", "data: No module named 'platformdirz'. Fix it: pip install platformdirz"),
        ("numpy", "raise ImportError('many\\nlines')", "data: ImportError: lines. Fix it: some command"),
    ],
)
def test_what_reads_the_data_cannot_be_imported(tmp_path, module, content, line):
    (tmp_path / f"{module}.py").write_text(content)
    assert check("doctor._data('some command')", environment={"PYTHONPATH": str(tmp_path)}) == [f"wrong  {line}"]


@pytest.mark.unit
@pytest.mark.parametrize(
    ("flags", "line"),
    [
        ("flags\t: fpu avx512_bf16 amx_bf16 sse", "ok     bfloat16 is native to this CPU: amx_bf16, avx512_bf16"),
        (
            "vendor_id\t: GenuineIntel\nflags\t: fpu avx512_bf16",
            "ok     bfloat16 is native to this CPU: avx512_bf16, but slower than float32, as Intel's is without AMX",
        ),
        ("Features\t: fp asimd bf16 i8mm", "ok     bfloat16 is native to this CPU: bf16"),
        ("flags\t: fpu avx2 avx512f", "ok     bfloat16 is not native to this CPU"),
        (None, "note   bfloat16: without {} it is unknown whether it is native to this CPU"),
    ],
)
def test_bfloat16(tmp_path, monkeypatch, flags, line):
    cpuinfo = tmp_path / "cpuinfo"
    monkeypatch.setattr(hardware, "CPU_INFORMATION_FILE", str(cpuinfo))
    if flags:
        cpuinfo.write_text(f"processor\t: 0\n{flags}\nbugs\t:\n")
    assert str(doctor._bfloat16()) == line.format(cpuinfo)
