"""The report on a code base, by the command and in its parts."""

import json

import pytest
from helpers import REPOSITORY, run

from cnn_estimator.errors import UserError

FILES = {
    "package/train.py": """
import collections, missing_package
import numpy as np
import tensorflow as tf
from package import data

tf.layers.dense, tf.set_random_seed(1), tf.contrib.quantize.create_training_graph
tf.Sesion
try:
    tf.nothing
except AttributeError:
    pass
np.int, np.nothing
np.float32(data.x) * 2
""",
    "package/data.py": "import tensorflow as tf\ntf.random.set_seed(1)\ntf.data.Dataset.from_tensors\nx = 1",
    "package/old.py": "print 'a'",
    "package/plain.py": "import os",
    ".hidden/file.py": "import tensorflow.nothing",
    "venv/pyvenv.cfg": "",
    "venv/file.py": "import tensorflow.nothing",
}
TEXT = """\
8 names of TensorFlow and Keras: 4 served, 1 other numbers, 1 error at use, 1 missing, 1 missing, handled
`run` takes TensorFlow 1's API, because TensorFlow 2 lacks tf.layers.dense, tf.set_random_seed and \
tf.contrib.quantize.create_training_graph

file                  API  names of TensorFlow and Keras
./package/data.py       2  3 served
./package/old.py           line 1: Missing parentheses in call to 'print'. Did you mean print(...)? (Python 2)
./package/train.py      1  2 served, 1 other numbers, 1 error at use, 1 missing, 1 missing, handled

missing:
  tensorflow.Sesion  ./package/train.py:8

error at use:
  tensorflow.contrib.quantize.create_training_graph  ./package/train.py:7  """


def scan(folder, *arguments):
    return run("-m", "cnn_estimator", "scan", *arguments, environment={"PYTHONPATH": str(REPOSITORY)}, cwd=folder)


@pytest.fixture
def code_base(tmp_path):
    for name, code in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(code)
    return tmp_path


@pytest.mark.process
def test_the_report_names_what_is_missing_and_where(code_base):
    done = scan(code_base, ".")
    assert done.returncode == 1, done.stderr
    assert done.stdout.startswith(TEXT)
    assert "missing, handled:\n  tensorflow.nothing  ./package/train.py:10\n" in done.stdout
    assert "old names that run restores:\n  numpy.int  ./package/train.py:13 " in done.stdout
    assert "old names that are missing:\n  numpy.nothing  ./package/train.py:13 " in done.stdout
    assert done.stdout.endswith("\n  ./package/train.py:14\n\npackages that are not installed: missing_package\n")


@pytest.mark.newest
@pytest.mark.process
def test_the_report_as_json(code_base):
    done = scan(code_base, "--json", "package/data.py", "package/plain.py")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["complete"]
    assert report["choice"] == {"api": 2, "reason": "TensorFlow 1 lacks tf.random.set_seed"}
    assert report["files"] == [{"path": "package/data.py", "api": 2, "names": {"served": 3}, "problem": ""}]
    assert report["names"][0] == {
        "name": "tensorflow",
        "status": "served",
        "advice": "",
        "places": ["package/data.py:1"],
    }


@pytest.mark.process
def test_without_paths_there_is_an_error(tmp_path):
    done = scan(tmp_path)
    message = "nothing to scan: name Python files, or folders with Python files"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"error: {message}\n")


@pytest.mark.unit
@pytest.mark.parametrize(("path", "problem"), [("none", "none does not exist"), (".", ".: no Python file")])
def test_paths_without_python_files_are_an_error(tmp_path, monkeypatch, path, problem):
    from cnn_estimator.scan import scan

    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=f"^{problem}: name Python files, or folders with Python files$"):
        scan([path])
