"""The doctor, mostly as a process, on installations that lack something, or have the wrong thing first on the path."""

import ast
import dataclasses
import hashlib
import importlib.metadata
import json
import os
import re

import pytest
from conftest import REPOSITORY, no_file_beyond, run, unprivileged, write_idx_folder
from packaging.requirements import Requirement

from cnn_estimator import datasets, doctor

TENSORFLOW = importlib.metadata.version("tensorflow")
MINOR = ".".join(TENSORFLOW.split(".")[:2])
BRIDGED = MINOR != "2.15"
SUDO = "" if os.geteuid() == 0 else "sudo "
PYTHON = ".".join(doctor.platform.python_version_tuple()[:2])


def examine(environment=None, before="", **options):
    """Runs the doctor in a process, behind some code; returns the lines that it prints."""
    code = f"{before}\nfrom cnn_estimator import doctor\nfor finding in doctor.examine(): print(finding, flush=True)"
    done = run("-c", code, environment=environment, **options)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def on(name, lines):
    """The one line on something."""
    (line,) = [line for line in lines if re.match(rf"(ok|wrong) +{name}\b(?!-)", line)]
    return line


@pytest.fixture
def packages(tmp_path):
    """A function that records a package, with what it requires, in a folder that comes first on the path.

    There TensorFlow itself is a module that fails at once, so that the tests are quick; .environment has the folder.
    """
    folder = tmp_path / "packages"
    folder.mkdir()
    (folder / "tensorflow.py").write_text("raise ImportError('none here')")

    def record(name, version, *requires):
        info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
        (info / "METADATA").write_text("\n".join(lines + [f"Requires-Dist: {text}" for text in requires]) + "\n")
        return info

    record.folder, record.environment = folder, {"PYTHONPATH": str(folder)}
    return record


def hidden(name):
    """Code that makes a package one that is not installed."""
    return (
        "import importlib.metadata as metadata\n"
        "distribution = metadata.distribution\n"
        "def without(name):\n"
        f"    if name == {name!r}:\n"
        "        raise metadata.PackageNotFoundError(name)\n"
        "    return distribution(name)\n"
        "metadata.distribution = without\n"
    )


def as_python(version):
    """Code that makes the interpreter say that it is another one."""
    return f"import platform\nplatform.python_version_tuple = lambda: {tuple(version.split('.'))}\n"


@pytest.fixture(scope="module")
def here():
    """What the doctor says of this environment, on a machine that a TF_CONFIG makes a worker of a cluster."""
    cluster = {"chief": ["localhost:1"], "worker": ["localhost:2"]}
    return examine({"TF_CONFIG": json.dumps({"cluster": cluster, "task": {"type": "worker", "index": 0}})})


def test_this_environment_is_in_order(here):
    assert here[0].startswith("ok     python 3.")
    names = ["tensorflow", "tensorflow-estimator", "tensorboard", "protobuf", "numpy", "setuptools", "matplotlib"]
    for name in names + ["tf-keras"] * BRIDGED:
        assert on(name, here) == f"ok     {name} {importlib.metadata.version(name)}"
    assert all(line.startswith("ok ") for line in here if "mnist" not in line), here
    assert not any("gast" in line for line in here)  # TensorFlow's own business, as long as it fits


def test_the_estimator_that_trains_is_named(here):
    whose = "tensorflow-estimator's, behind the bridge" if BRIDGED else "TensorFlow's own"
    assert here[-1] == f"ok     Estimator trains: {whose}"


def test_all_that_setup_py_requires_is_looked_at(here):
    tree = ast.parse((REPOSITORY / "setup.py").read_text())
    (required,) = [node.value for node in ast.walk(tree) if getattr(node, "arg", None) == "install_requires"]
    for asked in map(Requirement, ast.literal_eval(required)):
        name = asked.name.lower()
        if name != "tf-keras" or BRIDGED:
            assert on(name, here)
        if name in doctor.PACKAGES and name != "tensorflow-estimator":  # whose 2.15.0 is all that there is of 2.15
            assert asked.specifier == doctor.PACKAGES[name]


@pytest.mark.parametrize(
    ("tensorflow", "asked", "package", "version", "line"),
    [
        ("2.21.0", [], "tf-keras", "2.20.1", "needs 2.21.*. Mend it: pip install 'tf-keras==2.21.*'"),
        ("2.16.2", [], "tensorboard", "2.21.0", "needs 2.16.*. Mend it: pip install 'tensorboard==2.16.*'"),
        (
            "2.19.1",
            ["tensorboard~=2.19.0"],
            "tensorboard",
            "2.18.0",
            "needs 2.19.*. Mend it: pip install 'tensorboard==2.19.*'",
        ),
        (
            "2.20.0",
            ["tensorflow-estimator"],
            "tensorflow-estimator",
            "2.14.0",
            "needs 2.15.*. Mend it: pip install 'tensorflow-estimator==2.15.*'",
        ),
        ("2.20.0", [], "protobuf", "7.34.0", "needs <7. Mend it: pip install 'protobuf<7'"),
        (
            "2.21.0",
            ["protobuf<8.0.0,>=6.31.1"],
            "protobuf",
            "7.34.0",
            "needs <7. Mend it: pip install 'protobuf<7,<8.0.0,>=6.31.1'",
        ),
        (
            "2.21.0",
            ["protobuf<8.0.0,>=6.31.1"],
            "protobuf",
            "5.29.6",
            "needs >=6.31.1. Mend it: pip install 'protobuf<7,<8.0.0,>=6.31.1'",
        ),
        (
            "2.16.2",
            ["numpy (<2.0.0,>=1.26.0) ; python_version >= '3.10'", "numpy<1 ; python_version < '3.10'"],
            "numpy",
            "2.0.0",
            "needs <2.0.0. Mend it: pip install 'numpy<2.0.0,>=1.26.0'",
        ),
        ("2.20.0", ["setuptools"], "setuptools", "81.0.0", "needs <81. Mend it: pip install 'setuptools<81'"),
        ("2.21.0", ["setuptools"], "setuptools", "81.0.0", None),
        ("2.21.0", ["h5py<3.15.0"], "h5py", "3.15.1", "needs <3.15.0. Mend it: pip install 'h5py<3.15.0'"),
        ("2.21.0", [], "pooch", "1.6.0", "needs >=1.7. Mend it: pip install 'pooch>=1.7'"),
        ("2.21.0", ["numpy>=1.26.0"], "numpy", "2.6.0rc1", None),
        ("2.21.0", ["numpy<2 ; extra == 'and-cuda'"], "numpy", "2.4.0", None),
    ],
)
def test_a_version_that_does_not_fit(packages, tensorflow, asked, package, version, line):
    packages("tensorflow", tensorflow, *asked)
    packages(package, version)
    minor = tensorflow.rpartition(".")[0]
    expected = f"wrong  {package} {version}: cnn_estimator with TensorFlow {minor} {line}"
    lines = examine(packages.environment)
    assert on(package, lines) == (expected if line else f"ok     {package} {version}")
    assert on("tensorflow", lines) == f"ok     tensorflow {tensorflow}"


def test_what_the_installed_tensorflow_asks_for(packages):
    packages("numpy", "1.22.0")
    line = on("numpy", examine(packages.environment))
    assert re.fullmatch(r"wrong  numpy 1\.22\.0: .* needs >=1\.2\d\.\d\. Mend it: pip install '?numpy\S+", line)


@pytest.mark.parametrize("version", ["2.14.1", "2.22.0"])
def test_a_tensorflow_out_of_range(packages, version):
    packages("tensorflow", version)
    packages("protobuf", "7.34.0")
    lines = examine(packages.environment, as_python("3.11.7"))
    unmet = ">=2.15" if version == "2.14.1" else "<2.22"
    advice = f"cnn_estimator on Python 3.11 needs {unmet}. Mend it: pip install 'tensorflow<2.22,>=2.15'"
    assert on("tensorflow", lines) == f"wrong  tensorflow {version}: {advice}"
    assert on("protobuf", lines) == "wrong  protobuf 7.34.0: cnn_estimator needs <7. Mend it: pip install 'protobuf<7'"


def test_tensorflow_2_15_on_a_python_that_it_was_not_built_for(packages):
    packages("tensorflow", "2.15.1")
    assert on("tensorflow", examine(packages.environment, as_python("3.11.9"))) == "ok     tensorflow 2.15.1"
    line = on("tensorflow", examine(packages.environment, as_python("3.12.0")))
    advice = "cnn_estimator on Python 3.12 needs >=2.16. Mend it: pip install 'tensorflow<2.22,>=2.16'"
    assert line == f"wrong  tensorflow 2.15.1: {advice}"


@pytest.mark.parametrize("version", ["3.9.1", "3.14.0"])
def test_a_python_out_of_range(packages, version):
    line = examine(packages.environment, as_python(version))[0]
    assert re.fullmatch(r"wrong  python .*: cnn_estimator needs .*\. Mend it: python3\.13 -m venv .*", line)


@pytest.mark.parametrize(
    ("package", "command"),
    [
        ("tensorflow", f"pip install 'tensorflow<2.22,>={'2.15' if PYTHON in ('3.10', '3.11') else '2.16'}'"),
        ("tensorflow-estimator", "pip install 'tensorflow-estimator==2.15.*'"),
        ("tensorboard", f"pip install 'tensorboard=={MINOR}.*'"),
        ("matplotlib", "pip install 'matplotlib>=3.7'"),
        *([("tf-keras", f"pip install 'tf-keras=={MINOR}.*'")] if BRIDGED else []),
    ],
)
def test_a_missing_package(packages, package, command):
    lines = examine(packages.environment, hidden(package))
    assert on(package, lines) == f"wrong  {package} is not installed. Mend it: {command}"
    assert "wrong  Estimator failed: ImportError: none here. Mend it: first what is wrong above" in lines
    assert on("absl-py", lines).startswith("ok ")


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
    line = on(package, examine(packages.environment))
    damage = f"wrong  {package}: its record {info} is damaged. Mend it: rm -r {info} && pip install '{package}"
    assert line.startswith(damage)


# What Estimator dies of. The versions are those of this environment, and in order.


@pytest.mark.parametrize(
    ("tensorflow", "said"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "died of SIGSEGV"),
        (
            "import os; os.write(2, b'first\\nF cpu_feature_guard.cc:1] AVX\\n'); os.abort()",
            "died of SIGABRT: F cpu_feature_guard.cc:1] AVX",
        ),
        ("import _pywrap_nothing", "failed: ModuleNotFoundError: No module named '_pywrap_nothing'"),
        ("", "failed: cnn_estimator.tf1.InstallationError: TensorFlow is not installed"),
        ("import os; os._exit(3)", "failed"),
    ],
)
def test_a_tensorflow_that_cannot_be_used_is_to_be_installed_anew(packages, tensorflow, said):
    (packages.folder / "tensorflow.py").write_text(tensorflow)
    line = examine(packages.environment)[-1]
    start = f"wrong  Estimator {said}. Mend it: pip install --force-reinstall --no-deps tensorflow=={TENSORFLOW} "
    assert line.startswith(f"{start}tensorflow-estimator==2.15.0 ")
    assert line.endswith(f" numpy=={importlib.metadata.version('numpy')}")


@pytest.mark.parametrize(
    ("death", "mend"),
    [
        ("SIGILL", "this CPU lacks instructions that TensorFlow is built of, use one with AVX"),
        ("SIGKILL", "free some memory, it takes about 1 GB"),
    ],
)
def test_a_death_that_no_command_mends(packages, death, mend):
    (packages.folder / "tensorflow.py").write_text(f"import os, signal; os.kill(os.getpid(), signal.{death})")
    assert examine(packages.environment)[-1] == f"wrong  Estimator died of {death}. Mend it: {mend}"


def test_an_estimator_that_is_there_and_cannot_train(tmp_path):
    """A TensorFlow that fits by its version; only a step of training shows what is wrong."""
    (tmp_path / "sitecustomize.py").write_text(
        "from google.protobuf import text_format\n"
        "def fail(*args, **options):\n"
        "    raise TypeError('float_format')\n"
        "text_format.MessageToString = fail\n"  # which writes the graph
    )
    line = examine({"PYTHONPATH": str(tmp_path)})[-1]
    assert line.startswith("wrong  Estimator failed: TypeError: float_format. Mend it: pip install --force-reinstall ")


# Folders.


def test_a_temporary_folder_without_room(packages):
    lines = examine(packages.environment, preexec_fn=no_file_beyond(100_000))
    trouble = f"{doctor.tempfile.gettempdir()} cannot be written: File too large"
    mend = "mkdir -p ~/tmp && export TMPDIR=~/tmp"
    assert on("temporary folder", lines) == f"wrong  temporary folder: {trouble}. Mend it: {mend}"
    assert lines[-1].endswith("Mend it: first what is wrong above")


def test_no_temporary_folder_at_all(packages):
    line = on("temporary folder", examine(packages.environment, preexec_fn=no_file_beyond(0)))
    assert line.startswith("wrong  temporary folder: No usable temporary directory found in ")
    assert line.endswith(". Mend it: mkdir -p ~/tmp && export TMPDIR=~/tmp")


def test_a_place_for_model_dirs_that_may_not_be_written(data, monkeypatch):
    real = doctor._writable
    monkeypatch.setattr(
        doctor, "_writable", lambda what, folder, mend: real(what, str(folder).replace("/tmp", "/proc"), mend)
    )
    (line,) = findings("model_dirs")
    assert line.startswith("wrong  model_dirs: /proc cannot be written: ")
    assert line.endswith(f". Mend it: {SUDO}chmod 1777 /tmp")


CACHE_MEND = 'Mend it: export XDG_CACHE_HOME="$(mktemp -d)"'


def test_a_cache_that_is_still_to_be_made(packages, tmp_path):
    lines = examine(packages.environment | {"XDG_CACHE_HOME": str(tmp_path / "not" / "yet")})
    assert on("cache", lines) == f"ok     cache: {tmp_path} can be written"
    assert os.listdir(tmp_path) == ["packages"]


def test_a_cache_that_may_not_be_written(packages, tmp_path, monkeypatch):
    folder = tmp_path / "cache"
    folder.mkdir(mode=0o555)
    unprivileged(monkeypatch)
    line = on("cache", examine(packages.environment | {"XDG_CACHE_HOME": str(folder)}))
    assert line == f"wrong  cache: {folder} cannot be written: Permission denied. {CACHE_MEND}"


def test_a_cache_that_is_a_file(packages, tmp_path):
    (tmp_path / "cnn_estimator").write_text("a file where the folder should be")
    line = on("cache", examine(packages.environment | {"XDG_CACHE_HOME": str(tmp_path)}))
    assert line == f"wrong  cache: {tmp_path}/cnn_estimator cannot be written: Not a directory. {CACHE_MEND}"


# The data.


@pytest.fixture
def data(tmp_path, monkeypatch):
    """Makes ten_bars the public dataset; returns (Fashion-MNIST's folder in a cache, the one of Debian's package).

    The first exists and is empty, the second does not. The Estimator is left out.
    """
    known = tmp_path / "known"
    known.mkdir()
    write_idx_folder(known, train=30, test=20)
    sha256 = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in known.iterdir()}
    debian = tmp_path / "debian"
    changed = dataclasses.replace(datasets.FASHION_MNIST, sha256=sha256, installed=str(debian))
    monkeypatch.setitem(datasets.DATASETS, "fashion_mnist", changed)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "a cache"))
    monkeypatch.setattr(doctor, "_estimator", lambda reinstall: doctor.Finding("Estimator"))
    cache = tmp_path / "a cache" / "cnn_estimator" / "fashion_mnist"
    cache.mkdir(parents=True)
    return cache, debian


def findings(name):
    """The lines on a dataset."""
    return [str(finding) for finding in doctor.examine() if finding.what.startswith(name)]


def test_data_in_the_cache(data):
    cache, _ = data
    write_idx_folder(cache, train=30, test=20)
    assert findings("fashion_mnist") == [f"ok     fashion_mnist: intact in {cache}"]


def test_data_in_debians_folder(data):
    _, debian = data
    debian.mkdir()
    write_idx_folder(debian, train=30, test=20, zipped=True)
    assert findings("fashion_mnist") == [f"ok     fashion_mnist: intact in {debian}"]


@pytest.mark.parametrize("apt_get", [True, False])
def test_data_that_is_missing(data, tmp_path, monkeypatch, apt_get):
    if apt_get:
        (tmp_path / "apt-get").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    samples = "cnn-estimator samples --recipe={} --figure=/tmp/samples.png"
    fetch = f"{SUDO}apt-get install dataset-fashion-mnist" if apt_get else samples.format("fashion_cnn")
    assert findings("fashion_mnist") == [f"wrong  fashion_mnist is not there. Mend it: {fetch}"]
    assert findings("mnist") == [f"wrong  mnist is not there. Mend it: {samples.format('mnist_cnn')}"]


def test_a_debian_package_that_lost_a_file(data, tmp_path, monkeypatch):
    _, debian = data
    debian.mkdir()
    write_idx_folder(debian, train=30, test=20)
    (debian / datasets.TEST_LABELS).unlink()
    (tmp_path / "apt-get").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    fetch = f"{SUDO}apt-get install --reinstall dataset-fashion-mnist"
    assert findings("fashion_mnist") == [f"wrong  fashion_mnist is not there. Mend it: {fetch}"]


def test_a_damaged_file_in_the_cache_is_to_be_removed(data):
    cache, debian = data
    debian.mkdir()
    for folder in data:
        write_idx_folder(folder, train=30, test=20)
    path = cache / datasets.TEST_IMAGES
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    broken = f"wrong  fashion_mnist: {path}: broken, its SHA-256 is not the known one. Mend it: rm '{path}'"
    assert findings("fashion_mnist") == [broken, f"ok     fashion_mnist: intact in {debian}"]
    path.unlink()
    assert findings("fashion_mnist") == [f"ok     fashion_mnist: intact in {debian}"]


def test_a_damaged_file_that_only_root_may_remove(data, monkeypatch):
    _, debian = data
    debian.mkdir()
    write_idx_folder(debian, train=30, test=20, zipped=True)
    path = debian / f"{datasets.TEST_IMAGES}.gz"
    path.write_bytes(path.read_bytes()[:-9])
    monkeypatch.setattr(os, "access", lambda folder, mode: folder != str(debian))
    first, second = findings("fashion_mnist")
    assert first.startswith(f"wrong  fashion_mnist: {path}: cannot be read: Compressed file ended")
    assert first.endswith(f". Mend it: {SUDO}rm {path}")
    assert second.startswith("wrong  fashion_mnist is not there. ")


@pytest.mark.parametrize(
    ("module", "content", "line"),
    [
        (
            "pooch",
            "import platformdirz",
            "wrong  data: No module named 'platformdirz'. Mend it: pip install platformdirz",
        ),
        (
            "numpy",
            "raise ImportError('many\\nlines')",
            "wrong  data: ImportError: lines. Mend it: pip install --force-reinstall --no-deps tensorflow==",
        ),
    ],
)
def test_what_reads_the_data_cannot_be_imported(packages, module, content, line):
    (packages.folder / f"{module}.py").write_text(content)
    assert on("data", examine(packages.environment)).startswith(line)


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        ("flags\t: fpu avx512_bf16 amx_bf16 sse", "bfloat16 is native to this CPU: amx_bf16, avx512_bf16"),
        ("Features\t: fp asimd bf16 i8mm", "bfloat16 is native to this CPU: bf16"),
        ("flags\t: fpu avx2 avx512f", "bfloat16 is not native to this CPU"),
        (None, "bfloat16: no {} says whether it is native to this CPU"),
    ],
)
def test_bfloat16(data, tmp_path, monkeypatch, flags, line):
    cpuinfo = tmp_path / "cpuinfo"
    monkeypatch.setattr(doctor, "CPUINFO", str(cpuinfo))
    if flags:
        cpuinfo.write_text(f"processor\t: 0\n{flags}\nbugs\t:\n")
    assert findings("bfloat16") == [f"ok     {line.format(cpuinfo)}"]
