"""`run` with the programs of the tutorials.

The files in tutorials/ have the imports and the calls of the published programs, in their order. They train and
evaluate on less data.
"""

import re

import pytest
from helpers import REPOSITORY, load_public, run, run_one_after_another

pytestmark = pytest.mark.process

FOLDER = REPOSITORY / "tests" / "tutorials"
RUN = ("-m", "cnn_estimator", "run")


@pytest.mark.parametrize(
    ("name", "dataset", "model_dir", "min_accuracy"),
    [
        pytest.param(
            *("mnist_estimator.py", "mnist", "mnist_convnet_model", 0),  # 20 steps at its learning rate are too few
            marks=pytest.mark.newest,
        ),
        ("fashion_estimator.py", "fashion_mnist", "fashion_convnet_model", 0.3),
    ],
)
def test_tutorials_with_an_estimator_run_unmodified(tmp_path, name, dataset, model_dir, min_accuracy):
    load_public(dataset, "test")
    done = run(*RUN, str(FOLDER / name), environment={"PYTHONPATH": str(REPOSITORY)}, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr
    assert float(re.search(r"'accuracy': (?:np.float32\()?([\d.]+)", done.stdout)[1]) > min_accuracy
    assert "'global_step': " in done.stdout
    assert re.search(r"^INFO:tensorflow:probabilities = \[\[", done.stderr, re.MULTILINE)
    assert "INFO:tensorflow:Saving checkpoints for 20 into " in done.stderr
    assert (tmp_path / model_dir / "model.ckpt-20.index").exists()


def test_tutorials_with_keras_run_unmodified(tmp_path, monkeypatch):
    load_public("fashion_mnist", "test")
    monkeypatch.setenv("MPLBACKEND", "template")  # plt.show() does nothing and prints no warning
    paths = sorted(FOLDER.glob("fashion_keras_*.py"))
    printed = run_one_after_another(*paths, command=(*RUN, "--api=1"), cwd=tmp_path)
    for text in printed:
        # Without a seed, the least accurate of the three reaches 0.55 to 0.71.
        assert float(re.search(r"^Test accuracy: ([\d.]+)$", text, re.MULTILINE)[1]) > 0.4
    written = ["first.png", "history.png", "logs", "model.h5", "model.hdf5", "prediction.png"]
    assert sorted(path.name for path in tmp_path.iterdir()) == written
