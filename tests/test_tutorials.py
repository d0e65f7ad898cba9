"""`run` with the programs of the tutorials.

The files in tutorials/ have the imports and the calls of the published programs, in their order. They train and
evaluate on less data.
"""

import pathlib
import re

import pytest
from helpers import REPOSITORY, load_public, run

pytestmark = pytest.mark.process

FOLDER = pathlib.Path(__file__).parent / "tutorials"


def run_tutorial(name, folder):
    """Runs a program and returns its (stdout, stderr)."""
    # With this backend plt.show() does nothing and prints no warning.
    environment = {"PYTHONPATH": str(REPOSITORY), "MPLBACKEND": "template"}
    done = run("-m", "cnn_estimator", "run", str(FOLDER / name), environment=environment, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr
    return done.stdout, done.stderr


@pytest.mark.parametrize(
    ("name", "dataset", "model_dir", "min_accuracy"),
    [
        ("mnist_estimator.py", "mnist", "mnist_convnet_model", 0),  # 20 steps at its learning rate are too few
        ("fashion_estimator.py", "fashion_mnist", "fashion_convnet_model", 0.3),
    ],
)
def test_tutorials_with_an_estimator_run_unmodified(tmp_path, name, dataset, model_dir, min_accuracy):
    load_public(dataset, "test")
    stdout, stderr = run_tutorial(name, tmp_path)
    assert float(re.search(r"'accuracy': (?:np.float32\()?([\d.]+)", stdout)[1]) > min_accuracy
    assert "'global_step': " in stdout
    assert re.search(r"^INFO:tensorflow:probabilities = \[\[", stderr, re.MULTILINE)
    assert "INFO:tensorflow:Saving checkpoints for 20 into " in stderr
    assert (tmp_path / model_dir / "model.ckpt-20.index").exists()


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("fashion_keras_dense.py", ["first.png", "prediction.png"]),
        ("fashion_keras_3x3.py", ["model.h5"]),
        ("fashion_keras_64.py", ["history.png", "logs", "model.hdf5"]),
    ],
)
def test_tutorials_with_keras_run_unmodified(tmp_path, name, written):
    load_public("fashion_mnist", "test")
    stdout, _ = run_tutorial(name, tmp_path)
    # Without a seed, the least accurate of the three reaches 0.55 to 0.71.
    assert float(re.search(r"^Test accuracy: ([\d.]+)$", stdout, re.MULTILINE)[1]) > 0.4
    assert sorted(path.name for path in tmp_path.iterdir()) == written
