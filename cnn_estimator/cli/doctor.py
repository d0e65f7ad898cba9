"""Checks the installation as a support person would: versions, folders, data, and what of TF 1 works.

Imports no TensorFlow into this process, so that it works where TensorFlow is missing or crashes.
"""

import dataclasses
import importlib.metadata
import os
import pathlib
import pkgutil
import platform
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from typing import Literal

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from cnn_estimator import hardware, recipes
from cnn_estimator.cli import native_log
from cnn_estimator.cli.process import command_line
from cnn_estimator.files import nearest_folder, write_probe

PROJECT = "cnn-estimator"
# Their versions depend on TensorFlow's, more strictly than the metadata of this project can say.
TIED_TO_TENSORFLOW = {"tensorboard", "tf-keras", "setuptools"}

# What to do about a crash that no command fixes.
_CRASHES = {
    signal.SIGILL: "this CPU lacks instructions that TensorFlow is built with, use one with AVX",
    signal.SIGKILL: "free some memory, it takes about 1 GB",
}
_CHILD = "import sys; sys.path[:] = sys.argv[1:]; from cnn_estimator.cli import doctor; doctor.try_tensorflow_1()"
# What the process tries, in this order. It prints a line that starts with the name for each that works.
_TRIED = ("Estimator", "tf.layers", "tf.contrib")


@dataclasses.dataclass(frozen=True)
class Finding:
    """One thing that was checked.

    Attributes:
      kind: "ok", "wrong", or "note" for what needs nothing to be done.
      what: what was found.
      fix: what to do about what is wrong: a shell command wherever one fixes it.
    """

    kind: Literal["ok", "note", "wrong"]
    what: str
    fix: str = ""

    def __str__(self) -> str:
        return f"{self.kind:5}  {self.what}" + (f". Fix it: {self.fix}" if self.kind == "wrong" else "")


@dataclasses.dataclass(frozen=True)
class _Record:
    """An installed package: its version, and {package: versions} of what it requires here, without extras."""

    version: Version
    requires: dict[str, SpecifierSet]


class _DamagedRecordError(Exception):
    """The metadata of an installed package cannot be read; str() is its path."""


def examine() -> Iterator[Finding]:
    """Yields a Finding for each thing that the commands need, each as soon as it is known."""
    sound = True
    for finding in (*_versions(), *_working_directory(), _temporary_folder(), _model_dirs()):
        sound &= finding.kind != "wrong"
        yield finding
    reinstall = _reinstall() if sound else "first what is wrong above"
    yield _bfloat16()
    yield from _data(reinstall)
    yield from _tensorflow_1(reinstall)  # last, because it takes seconds, and hides nothing where it hangs


def _versions() -> Iterator[Finding]:
    """Yields the Findings of Python, of this project, of TensorFlow and of the packages whose versions must fit."""
    yield _python()
    project, needs = _project()
    yield project
    python = Version(_python_minor())
    tensorflow_needs = needs.pop("tensorflow", SpecifierSet())
    if python >= Version("3.12"):
        tensorflow_needs &= SpecifierSet(">=2.16")  # there is no TensorFlow 2.15 for it
    tensorflow = _version("tensorflow", tensorflow_needs, f"cnn_estimator on Python {python}")
    yield tensorflow
    needs = {name: needed for name, needed in needs.items() if name not in TIED_TO_TENSORFLOW}
    shown, who = {*needs, *TIED_TO_TENSORFLOW}, "cnn_estimator"
    if tensorflow.kind == "ok":
        record = _record("tensorflow")
        minor = Version("{}.{}".format(*record.version.release))
        needs, who = _needs_with(minor, needs, record.requires), f"{who} with TensorFlow {minor}"
    for name, needed in needs.items():
        finding = _version(name, needed, who)
        if name in shown or finding.kind == "wrong":  # the others are TensorFlow's own, as long as they fit
            yield finding


def _python() -> Finding:
    found = f"python {platform.python_version()}, {sys.executable}"
    try:
        supported = SpecifierSet(importlib.metadata.distribution(PROJECT).metadata.get("Requires-Python", ""))
    except (importlib.metadata.PackageNotFoundError, ValueError):  # the Finding of this project says so
        supported = SpecifierSet()
    if supported.contains(_python_minor()):
        return Finding("ok", found)
    fix = "python3.13 -m venv .venv && .venv/bin/pip install ."
    return Finding("wrong", f"{found}: cnn_estimator needs {supported}", fix)


def _python_minor() -> str:
    return ".".join(platform.python_version_tuple()[:2])


def _needs_with(
    minor: Version, needs: dict[str, SpecifierSet], required: dict[str, SpecifierSet]
) -> dict[str, SpecifierSet]:
    """Adds to this project's {package: versions} what a minor version of TensorFlow requires; returns all of it."""
    needs = needs | {"tensorboard": SpecifierSet(f"=={minor}.*")}
    if minor >= Version("2.16"):
        needs["tf-keras"] = SpecifierSet(f"=={minor}.*")
    if minor <= Version("2.20"):
        needs["setuptools"] = SpecifierSet("<81")  # tensorboard imports pkg_resources: later ones warn, or lack it
    for name, specifiers in required.items():
        if name not in ("tensorflow-estimator", "tensorboard"):  # this project's needs are as strict
            needs[name] = needs.get(name, SpecifierSet()) & specifiers
    return needs


def _record(name: str) -> _Record:
    """Reads the metadata of a package.

    Raises:
      importlib.metadata.PackageNotFoundError: it is not installed.
      _DamagedRecordError: its metadata cannot be read.
    """
    distribution = importlib.metadata.distribution(name)
    requires: dict[str, SpecifierSet] = {}
    try:
        for required in map(Requirement, distribution.requires or ()):
            if required.marker is None or required.marker.evaluate({"extra": ""}):
                package = canonicalize_name(required.name)
                requires[package] = requires.get(package, SpecifierSet()) & required.specifier
        return _Record(Version(distribution.metadata.get("Version", "")), requires)
    except ValueError:  # not UTF-8, no version or no requirement
        raise _DamagedRecordError(str(distribution._path)) from None  # type: ignore[attr-defined]


def _project() -> tuple[Finding, dict[str, SpecifierSet]]:
    """Returns the Finding of this project, and {package: versions} of what it requires; {} where that is unknown."""
    install = shlex.join(["pip", "install", _source()])
    try:
        record = _record(PROJECT)
    except importlib.metadata.PackageNotFoundError:
        what = f"{PROJECT} runs without being installed: which versions of packages it needs is not checked"
        return Finding("note", f"{what}. Install it: {install}"), {}
    except _DamagedRecordError as error:
        return _damaged(PROJECT, error, install), {}
    return Finding("ok", f"{PROJECT} {record.version}"), record.requires


def _source() -> str:
    """Returns the folder with this project's setup.py: the one it runs from, or else the user's current one."""
    folder = pathlib.Path(__file__).parents[2]
    return str(folder) if (folder / "setup.py").exists() else "."


def _version(name: str, needed: SpecifierSet, who: str) -> Finding:
    """Returns the Finding of one package; `who` needs it in one of the versions `needed`."""
    install = shlex.join(["pip", "install", f"{name}{needed}"])
    try:
        version = _record(name).version
    except importlib.metadata.PackageNotFoundError:
        return Finding("wrong", f"{name} is not installed", install)
    except _DamagedRecordError as error:
        return _damaged(name, error, install)
    unmet = sorted(str(part).removeprefix("==") for part in needed if not part.contains(version, prereleases=True))
    if unmet:
        return Finding("wrong", f"{name} {version}: {who} needs {','.join(unmet)}", install)
    return Finding("ok", f"{name} {version}")


def _damaged(name: str, error: _DamagedRecordError, install: str) -> Finding:
    record = str(error)
    fix = f"{shlex.join(['rm', '-r', record])} && {install}"
    return Finding("wrong", f"{name}: its record {record} is damaged", fix)


def _reinstall() -> str:
    """Returns the command that reinstalls the packages that Estimator needs.

    In the versions that are installed, or, where it is unknown whether these fit, in versions that do.
    """
    try:
        importlib.metadata.distribution(PROJECT)
    except importlib.metadata.PackageNotFoundError:
        return shlex.join(["pip", "install", "--force-reinstall", _source()])
    packages = []
    for name in ("tensorflow", "tensorflow-estimator", "tf-keras", "protobuf", "numpy"):
        packages += [f"{name}=={found.version}" for found in importlib.metadata.distributions(name=name)][:1]
    return shlex.join(["pip", "install", "--force-reinstall", "--no-deps", *packages])


def _working_directory() -> Iterator[Finding]:
    """Yields a Finding where there is none: TensorFlow cannot be loaded then."""
    try:
        os.getcwd()
    except FileNotFoundError:
        yield Finding("wrong", "working directory: it was deleted", "cd")


def _temporary_folder() -> Finding:
    fix = "mkdir -p ~/tmp && export TMPDIR=~/tmp"
    try:
        folder = tempfile.gettempdir()
    except FileNotFoundError as error:
        return Finding("wrong", f"temporary folder: {error.strerror}", fix)
    return _writable("temporary folder", folder, fix)


def _model_dirs() -> Finding:
    """Returns the Finding of the folder where model_dirs are by default."""
    return _writable("model_dirs", "/tmp", shlex.join([*_sudo(), "chmod", "1777", "/tmp"]))


def _writable(what: str, folder: str, fix: str) -> Finding:
    """Returns the Finding of writing to a folder, or to the nearest existing folder above it."""
    folder = nearest_folder(os.path.join(folder, "file"))
    try:
        write_probe(folder)
    except OSError as error:
        return Finding("wrong", f"{what}: {folder} cannot be written: {error.strerror}", fix)
    return Finding("ok", f"{what}: {folder} can be written")


def _bfloat16() -> Finding:
    native = hardware.bfloat16_flags()
    if native is None:
        return Finding(
            "note", f"bfloat16: without {hardware.CPU_INFORMATION_FILE} it is unknown whether it is native to this CPU"
        )
    if native:
        slower = "" if hardware.prefers_bfloat16() else ", but slower than float32, as Intel's is without AMX"
        return Finding("ok", f"bfloat16 is native to this CPU: {', '.join(sorted(native))}{slower}")
    return Finding("ok", "bfloat16 is not native to this CPU")


def _data(reinstall: str) -> Iterator[Finding]:
    """Yields the Findings of the cache and of the public datasets; `reinstall` may fix what reads them."""
    try:
        import pooch

        from cnn_estimator.data import datasets, fetch
    except ModuleNotFoundError as error:
        yield Finding("wrong", f"data: {error}", f"pip install {error.name}")
        return
    except Exception as error:  # a broken numpy or pooch can raise anything, in many lines
        yield Finding("wrong", f"data: {type(error).__name__}: {_last_line(str(error))}", reinstall)
        return
    yield _writable("cache", pooch.os_cache("cnn_estimator"), 'export XDG_CACHE_HOME="$(mktemp -d)"')
    for dataset in datasets.DATASETS.values():
        folder, damaged = fetch.find_local(dataset)
        for path, problem in damaged.items():
            sudo = [] if os.access(os.path.dirname(path), os.W_OK) else _sudo()
            yield Finding("wrong", f"{dataset.name}: {problem}", shlex.join([*sudo, "rm", path]))
        if folder:
            yield Finding("ok", f"{dataset.name}: intact in {folder}")
        else:
            command = _fetch_command(dataset.name, dataset.installed, dataset.package.fetch[-1])
            what = f"{dataset.name} is not here yet: it is downloaded when it is first used, or: {command}"
            yield Finding("note", what)


def _fetch_command(name: str, installed: str | None, package: str) -> str:
    """Returns the command that fetches a public dataset; Debian's `package` puts it into the folder `installed`."""
    if installed and shutil.which("apt-get"):
        # If the folder exists, files are missing that apt-get believes to be there.
        reinstall = ["--reinstall"] if os.path.isdir(installed) else []
        return shlex.join([*_sudo(), "apt-get", "install", *reinstall, package])
    recipe = next(recipe.name for recipe in recipes.RECIPES.values() if recipe.dataset == name)
    return command_line("samples", recipe=recipe, plot="/tmp/samples.png")


def _sudo() -> list[str]:
    return [] if os.geteuid() == 0 else ["sudo"]


def _tensorflow_1(reinstall: str) -> Iterator[Finding]:
    """Yields the Findings of what of TF 1 works, tried in a process of its own; `reinstall` may fix what does not."""
    # Not in a cluster: there the step would wait for the others.
    environment = {name: value for name, value in os.environ.items() if name != "TF_CONFIG"}
    command = [sys.executable, "-c", _CHILD, *sys.path]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, errors="replace")
    works = [line for line in done.stdout.splitlines() if line.partition(":")[0] in _TRIED]
    for line in works:
        yield Finding("ok", line)
    if done.returncode == 0:
        return
    end, fix = "failed", reinstall
    if done.returncode < 0:
        crash = signal.Signals(-done.returncode)
        end, fix = f"was killed by {crash.name}", _CRASHES.get(crash, reinstall)
    message = _last_line(done.stderr).partition(": pip install ")[0]  # tf1 gives that advice, and knows less
    tried = (*_TRIED, "the end of the process")[len(works)]
    yield Finding("wrong", f"{tried} {end}" + (f": {message}" if message else ""), fix)


def _last_line(text: str) -> str:
    return text.strip().rpartition("\n")[2]


def try_tensorflow_1() -> None:
    """What the process does: trains a step, and loads the parts of tf.contrib; prints a line for each that works."""
    with native_log.filtered():
        from cnn_estimator.tf1 import aliases, contrib, tf

        def model_fn(features, labels, mode):
            loss = tf.losses.mean_squared_error(labels, features * tf.get_variable("weight", []))
            train_op = tf.train.GradientDescentOptimizer(0.1).minimize(loss, tf.train.get_global_step())
            return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=train_op)

        with tempfile.TemporaryDirectory() as model_dir:
            tf.estimator.Estimator(model_fn, model_dir).train(lambda: (tf.ones([1, 1]), tf.ones([1, 1])), steps=1)
        bridged = "cnn_estimator.tf1.estimator" in sys.modules
        which = "tensorflow-estimator's, behind the bridge" if bridged else "TensorFlow's own"
        print(f"Estimator: trains, {which}", flush=True)
        tf.layers.dense(tf.ones([1, 1]), 1)
        print(f"tf.layers: {aliases.keras_package()}'s", flush=True)
        parts = [part.name for part in pkgutil.iter_modules(contrib.__path__) if not part.name.startswith("_")]
        for name in parts:
            contrib.part(name)
        print(f"tf.contrib: {', '.join(parts)}", flush=True)
