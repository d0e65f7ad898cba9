"""Checks the installation as a support person would: versions, folders, data, and whether Estimator trains.

Imports no TensorFlow into this process, so that it works where that is missing or dies.
"""

import dataclasses
import importlib.metadata
import os
import platform
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from cnn_estimator import recipes
from cnn_estimator.command import spelled
from cnn_estimator.disk import nearest_folder

PYTHON = SpecifierSet(">=3.10,<3.14")
# Beside any TensorFlow.
PACKAGES = {
    "tensorflow-estimator": SpecifierSet("==2.15.*"),
    "protobuf": SpecifierSet("<7"),
    "numpy": SpecifierSet(),
    "matplotlib": SpecifierSet(">=3.7"),
    "pillow": SpecifierSet(">=11.3"),
    "absl-py": SpecifierSet(),
    "packaging": SpecifierSet(),
    "pooch": SpecifierSet(">=1.7"),
    "tabulate": SpecifierSet(">=0.9"),
    "tqdm": SpecifierSet(">=4.60"),
}
CPUINFO = "/proc/cpuinfo"
BFLOAT16 = {"amx_bf16", "avx512_bf16", "bf16"}  # the last is ARM's

# What to do about a death that no command mends.
_DEATHS = {
    signal.SIGILL: "this CPU lacks instructions that TensorFlow is built of, use one with AVX",
    signal.SIGKILL: "free some memory, it takes about 1 GB",
}
_CHILD = "import sys; sys.path[:] = sys.argv[1:]; from cnn_estimator import doctor; doctor.train_a_step()"


@dataclasses.dataclass(frozen=True)
class Finding:
    """What was found of one thing, and, if that is wrong, what mends it: a shell command wherever one does."""

    what: str
    mend: str | None = None

    @property
    def ok(self):
        return self.mend is None

    def __str__(self):
        return f"ok     {self.what}" if self.ok else f"wrong  {self.what}. Mend it: {self.mend}"


def examine():
    """Yields a Finding for each thing that the commands need, each as soon as it is known."""
    found = []
    for finding in (*_versions(), _temporary_folder(), _model_dirs()):
        found.append(finding)
        yield finding
    reinstall = _reinstall() if all(finding.ok for finding in found) else "first what is wrong above"
    yield _bfloat16()
    yield from _data(reinstall)
    yield _estimator(reinstall)  # last, because it takes seconds, and hides nothing where it hangs


def _versions():
    """Yields the Findings of Python, of TensorFlow and of the packages that have to fit."""
    python = ".".join(platform.python_version_tuple()[:2])
    this = f"python {platform.python_version()}, {sys.executable}"
    if PYTHON.contains(python):
        yield Finding(this)
    else:
        yield Finding(f"{this}: cnn_estimator needs {PYTHON}", "python3.13 -m venv .venv && .venv/bin/pip install .")

    oldest = "2.15" if Version(python) < Version("3.12") else "2.16"
    tensorflow = _version("tensorflow", SpecifierSet(f">={oldest},<2.22"), f"cnn_estimator on Python {python}")
    yield tensorflow
    if tensorflow.ok:
        minor = Version("{}.{}".format(*Version(importlib.metadata.version("tensorflow")).release))
        needs, who = _needs(minor), f"cnn_estimator with TensorFlow {minor}"
    else:
        needs, who = PACKAGES, "cnn_estimator"
    ours = {*PACKAGES, "tf-keras", "tensorboard", "setuptools"}
    for name, needed in needs.items():
        finding = _version(name, needed, who)
        if name in ours or not finding.ok:
            yield finding


def _needs(minor):
    """Returns {package: the SpecifierSet of what fits} for the installed TensorFlow, which is of a minor version."""
    beside = {"tensorboard": SpecifierSet(f"=={minor}.*")}
    if minor >= Version("2.16"):
        beside["tf-keras"] = SpecifierSet(f"=={minor}.*")
    if minor <= Version("2.20"):
        beside["setuptools"] = SpecifierSet("<81")  # tensorboard imports pkg_resources: later ones warn, or lack it
    needs = PACKAGES | beside
    for text in importlib.metadata.requires("tensorflow") or ():
        asked = Requirement(text)
        name = canonicalize_name(asked.name)
        applies = asked.marker is None or asked.marker.evaluate({"extra": ""})
        if applies and name not in ("tensorflow-estimator", "tensorboard"):  # ours are as strict
            needs[name] = needs.get(name, SpecifierSet()) & asked.specifier
    return needs


def _version(name, needed, who):
    """Returns the Finding of one package, of which `who` needs a version in a SpecifierSet."""
    install = shlex.join(["pip", "install", f"{name}{needed}"])
    try:
        distribution = importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return Finding(f"{name} is not installed", install)
    try:
        version = Version(distribution.version or "")
        for text in distribution.requires or ():
            Requirement(text)
    except ValueError:  # not UTF-8, no version or no requirement
        record = str(distribution._path)
        return Finding(f"{name}: its record {record} is damaged", f"{shlex.join(['rm', '-r', record])} && {install}")
    unmet = sorted(str(part).removeprefix("==") for part in needed if not part.contains(version, prereleases=True))
    if unmet:
        return Finding(f"{name} {version}: {who} needs {','.join(unmet)}", install)
    return Finding(f"{name} {version}")


def _reinstall():
    """Returns the command that installs anew what Estimator stands on, all in the versions that are there."""
    packages = []
    for name in ("tensorflow", "tensorflow-estimator", "tf-keras", "protobuf", "numpy"):
        packages += [f"{name}=={found.version}" for found in importlib.metadata.distributions(name=name)][:1]
    return shlex.join(["pip", "install", "--force-reinstall", "--no-deps", *packages])


def _temporary_folder():
    mend = "mkdir -p ~/tmp && export TMPDIR=~/tmp"
    try:
        folder = tempfile.gettempdir()
    except FileNotFoundError as error:
        return Finding(f"temporary folder: {error.strerror}", mend)
    return _writable("temporary folder", folder, mend)


def _model_dirs():
    """Returns the Finding of the folder where model_dirs are unless one is named."""
    return _writable("model_dirs", "/tmp", shlex.join([*_sudo(), "chmod", "1777", "/tmp"]))


def _writable(what, folder, mend):
    """Returns the Finding of writing to a folder, or to the nearest folder above in which it would be made."""
    folder = nearest_folder(os.path.join(folder, "file"))
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(2**20))
    except OSError as error:
        return Finding(f"{what}: {folder} cannot be written: {error.strerror}", mend)
    return Finding(f"{what}: {folder} can be written")


def _bfloat16():
    try:
        with open(CPUINFO) as file:
            native = BFLOAT16.intersection(file.read().split())
    except FileNotFoundError:
        return Finding(f"bfloat16: no {CPUINFO} says whether it is native to this CPU")
    if native:
        return Finding(f"bfloat16 is native to this CPU: {', '.join(sorted(native))}")
    return Finding("bfloat16 is not native to this CPU")


def _data(reinstall):
    """Yields the Findings of the cache and of the public datasets; `reinstall` may mend what reads them."""
    try:
        import pooch

        from cnn_estimator import datasets
    except ModuleNotFoundError as error:
        yield Finding(f"data: {error}", f"pip install {error.name}")
        return
    except Exception as error:  # what a broken numpy or pooch raises is as it is broken, and may take many lines
        yield Finding(f"data: {type(error).__name__}: {_last_line(str(error))}", reinstall)
        return
    mend = 'export XDG_CACHE_HOME="$(mktemp -d)"'
    yield _writable("cache", pooch.os_cache("cnn_estimator"), mend)
    for dataset in datasets.DATASETS.values():
        folder, damaged = datasets.at_hand(dataset)
        for path, problem in damaged.items():
            sudo = [] if os.access(os.path.dirname(path), os.W_OK) else _sudo()
            yield Finding(f"{dataset.name}: {problem}", shlex.join([*sudo, "rm", path]))
        if folder:
            yield Finding(f"{dataset.name}: intact in {folder}")
        else:
            yield Finding(f"{dataset.name} is not there", _fetch(dataset))


def _fetch(dataset):
    """Returns the command that brings a public dataset here."""
    if dataset.installed and shutil.which("apt-get"):
        # Where its folder is there already, files are missing that apt-get believes to be there.
        again = ["--reinstall"] if os.path.isdir(dataset.installed) else []
        return shlex.join([*_sudo(), "apt-get", "install", *again, dataset.package.fetch[-1]])
    recipe = next(recipe.name for recipe in recipes.RECIPES.values() if recipe.dataset == dataset.name)
    return spelled("samples", recipe=recipe, figure="/tmp/samples.png")


def _sudo():
    return [] if os.geteuid() == 0 else ["sudo"]


def _estimator(reinstall):
    """Returns the Finding of an Estimator that trains a step in a process of its own; `reinstall` may mend it."""
    # Not in a cluster: there the step would wait for the others.
    environment = {name: value for name, value in os.environ.items() if name != "TF_CONFIG"}
    command = [sys.executable, "-c", _CHILD, *sys.path]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, errors="replace")
    if done.returncode == 0:
        return Finding(f"Estimator trains: {done.stdout.splitlines()[-1]}")
    end, mend = "failed", reinstall
    if done.returncode < 0:
        death = signal.Signals(-done.returncode)
        end, mend = f"died of {death.name}", _DEATHS.get(death, reinstall)
    said = _last_line(done.stderr).partition(": pip install ")[0]  # that advice is the door's, which knows less
    return Finding(f"Estimator {end}" + (f": {said}" if said else ""), mend)


def _last_line(text):
    return text.strip().rpartition("\n")[2]


def train_a_step():
    """What the process does: trains a network of one weight for a step, and prints whose Estimator did it."""
    from cnn_estimator.tf1 import tf

    def model_fn(features, labels, mode):
        loss = tf.losses.mean_squared_error(labels, tf.layers.dense(features, 1))
        train_op = tf.train.GradientDescentOptimizer(0.1).minimize(loss, tf.train.get_global_step())
        return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=train_op)

    with tempfile.TemporaryDirectory() as model_dir:
        tf.estimator.Estimator(model_fn, model_dir).train(lambda: (tf.ones([1, 1]), tf.ones([1, 1])), steps=1)
    if "cnn_estimator._estimator_bridge" in sys.modules:
        print("tensorflow-estimator's, behind the bridge")
    else:
        print("TensorFlow's own")
