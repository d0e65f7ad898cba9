"""Fixtures and settings of all tests. Imports no TensorFlow, so that the unit tests start at once."""

import collections
import gc
import shutil

import hypothesis
import pytest
from helpers import write_idx_folder

# The machine that runs the tests may be slow at any moment.
hypothesis.settings.register_profile("tests", deadline=None, max_examples=300)
hypothesis.settings.load_profile("tests")


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory):
    """A folder with 300 training and 130 test images in IDX files."""
    folder = tmp_path_factory.mktemp("data")
    write_idx_folder(folder)
    return str(folder)


@pytest.fixture(scope="session")
def trained(tmp_path_factory, data_dir):
    """The model_dir of fashion_dense after 120 steps, with checkpoints at 0, 30, 60, 90 and 120.

    For tests that only read it, or evaluate it.
    """
    from cnn_estimator import training

    folder = tmp_path_factory.mktemp("trained") / "run"
    training.train(
        str(folder), "fashion_dense", steps=120, save_every=30, learning_rate=0.005, seed=1, data_dir=data_dir
    )
    return folder


@pytest.fixture
def model_dir(tmp_path, trained):
    """A copy of it, to change, as it was after training. Its name is one that a format string would trip over."""
    return shutil.copytree(trained, tmp_path / "run {0}", ignore=shutil.ignore_patterns("eval", "plots"))


def pytest_ignore_collect(collection_path, config):
    """Leaves out files without a serial test when only serial tests are asked for: to import them takes seconds."""
    if config.option.markexpr == "serial" and collection_path.match("test_*.py"):
        return "mark.serial" not in collection_path.read_text(encoding="utf-8") or None
    return None


TIERS = {"unit": 0, "integration": 1, "process": 100}  # how long a test takes, beside the others


def pytest_collection_finish():
    """Takes what the imports made out of Python's garbage collector, which would examine it again and again."""
    gc.freeze()


def pytest_collection_modifyitems(items):
    """Checks that every test has one tier; puts the files that take longest first: both workers then end together."""
    cost = collections.Counter()
    for item in items:
        tiers = TIERS.keys() & {marker.name for marker in item.iter_markers()}
        if len(tiers) != 1:
            raise pytest.UsageError(f"{item.nodeid}: mark it with one of {sorted(TIERS)}, it has {sorted(tiers)}")
        cost[item.path] += TIERS[tiers.pop()]
    items.sort(key=lambda item: -cost[item.path])
