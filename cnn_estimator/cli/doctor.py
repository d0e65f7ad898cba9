"""Checks the installation: versions, folders, data, and which parts of TensorFlow 1 work.

Imports no TensorFlow into this process, so that it works where TensorFlow is missing or crashes.
"""

import dataclasses
import importlib.metadata
import os
import pathlib
import platform
import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from typing import Literal

from cnn_estimator import recipes
from cnn_estimator.cli import native_log
from cnn_estimator.cli.process import command_line
from cnn_estimator.files import nearest_folder, try_to_write

PROJECT = "cnn-estimator"
# The packages whose versions depend on each other.
PACKAGES = ("tensorflow", "tensorflow-estimator", "tf-keras", "tensorboard", "protobuf", "numpy", "setuptools")

# What to do about a crash that no command fixes.
_CRASHES = {
    signal.SIGILL: "this CPU lacks instructions that TensorFlow is built with, use one with AVX",
    signal.SIGKILL: "free some memory, TensorFlow takes about 1 GB",
}


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
    yield from versions()
    yield from folders()
    yield from data()
    yield from tensorflow_1()  # last, because it takes seconds, and may hang


def versions() -> Iterator[Finding]:
    """Yields the versions of the packages, and what `pip check` finds wrong with them."""
    for name in (PROJECT, *PACKAGES):
        try:
            yield Finding("ok", f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            if name == PROJECT:
                what = f"{PROJECT} is not installed: its requirements are not checked. Install it: {_install()}"
                yield Finding("note", what)
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


def folders() -> Iterator[Finding]:
    """Yields the Findings of the folders that the commands write to by default, or of the nearest folders above."""
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    for what, path, fix in (
        ("temporary folder", os.environ.get("TMPDIR") or "/tmp", "mkdir -p ~/tmp && export TMPDIR=~/tmp"),
        ("model_dirs", "/tmp", "choose a folder with --model_dir"),
        ("cache", cache, 'export XDG_CACHE_HOME="$(mktemp -d)"'),
    ):
        folder = nearest_folder(os.path.join(path, "file"))
        try:
            try_to_write(folder)
        except OSError as error:
            yield Finding("wrong", f"{what}: {folder} cannot be written: {error.strerror}", fix)
        else:
            yield Finding("ok", f"{what}: {folder} can be written")


def data() -> Iterator[Finding]:
    """Yields the Findings of the public datasets."""
    try:
        from cnn_estimator.data import datasets, fetch
    except Exception as error:  # a broken numpy can raise anything
        problem = _last_line(str(error)) or type(error).__name__
        yield Finding("wrong", f"data: cannot be read: {problem}", f"{_install()} --force-reinstall")
        return
    for dataset in datasets.DATASETS.values():
        folder = fetch.find_local(dataset)
        if folder:
            yield Finding("ok", f"{dataset.name}: intact in {folder}")
        else:
            note = f"{dataset.name} is downloaded when it is first used"
            names = [recipe.name for recipe in recipes.RECIPES.values() if recipe.dataset == dataset.name]
            if names:
                note += f", or by: {command_line('samples', f'--recipe={names[0]}', '--plot=/tmp/samples.png')}"
            yield Finding("note", note)


def tensorflow_1() -> Iterator[Finding]:
    """Yields the Findings of a training step and of tf.contrib, tried in another process."""
    # Not as a task of a cluster, which would wait for the other tasks.
    environment = {name: value for name, value in os.environ.items() if name != "TF_CONFIG"}
    command = [sys.executable, "-m", "cnn_estimator.cli.doctor"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, errors="replace")
    for line in done.stdout.splitlines():
        yield Finding("ok", line)
    if done.returncode == 0:
        return
    message, separator, packages = _last_line(done.stderr).partition(": pip install ")
    fix = f"pip install {packages}" if separator else f"{_install()} --force-reinstall"
    end = "failed"
    if done.returncode < 0:
        crash = signal.Signals(-done.returncode)
        end = f"was killed by {crash.name}"
        fix = _CRASHES.get(crash, fix)
    yield Finding("wrong", f"TensorFlow {end}" + (f": {message}" if message else ""), fix)


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
        print("Estimator: trains", flush=True)
        tf.layers.dense(tf.ones([1, 1]), 1)
        print(f"tf.layers: {aliases.keras_package()}'s", flush=True)
        for name in contrib.parts():
            contrib.part(name)
        print(f"tf.contrib: {', '.join(contrib.parts())}", flush=True)


if __name__ == "__main__":
    _try_tensorflow_1()
