"""The version of TensorFlow that programs under `run` and their packages read."""

import importlib.metadata
import os

import pytest
from helpers import REPOSITORY, run

from cnn_estimator.tf1 import versions

PROGRAM = """
import importlib.util, sys, tensorflow as tf, tensorflow.compat.v1 as v1, tf_slim
from tensorflow import __version__ as imported

def asked_by(package):  # as a file of an installed package asks
    path = importlib.util.find_spec(package).origin
    names = {"__name__": f"{package}.inner"}
    exec(compile("import tensorflow as tf\\nversion = tf.__version__", path, "exec"), names)
    return names["version"][:2]

print(tf.__version__, imported, tf.VERSION, tf.version.VERSION, v1.__version__)
print(asked_by("tf_slim"), asked_by("matplotlib"), asked_by("new"), asked_by("own"))
"""


@pytest.mark.process
@pytest.mark.parametrize(
    ("options", "version"),
    [
        ((), "1.15.5"),
        pytest.param(("--tf_version=1.4.0", "--api=1"), "1.4.0", marks=pytest.mark.newest),
    ],
)
def test_the_program_reads_1_15_5_and_packages_that_need_tensorflow_2_the_truth(tmp_path, options, version):
    (tmp_path / "program.py").write_text(PROGRAM)
    (tmp_path / "own.py").touch()
    new = tmp_path / "site" / "new"  # installed in another folder of PYTHONPATH
    new.mkdir(parents=True)
    (new / "__init__.py").touch()
    metadata = tmp_path / "site" / "new-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: new\nVersion: 1.0\nRequires-Python: >=3.9\n")
    (metadata / "RECORD").write_text("new/__init__.py,,\n")
    environment = {"PYTHONPATH": f"{REPOSITORY}{os.pathsep}{tmp_path / 'site'}"}
    done = run("-m", "cnn_estimator", "run", *options, "program.py", environment=environment, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [*[version] * 5, version[:2], "2.", "2.", version[:2]]


@pytest.mark.unit
def test_the_files_of_packages_share_one_list_of_what_is_installed(monkeypatch):
    lists = []
    monkeypatch.setattr(importlib.metadata, "packages_distributions", lambda: lists.append({}) or lists[-1])
    versions._distributions_of_packages.cache_clear()
    for number in range(3):
        assert versions._supports_tf1_python("library", f"library/file{number}.py")
    versions._distributions_of_packages.cache_clear()
    assert len(lists) == 1
