"""import cnn_estimator: all of the public names, and no TensorFlow before one of them is used."""

import importlib.metadata
import re
import subprocess
import sys

import pytest
from helpers import REPOSITORY

import cnn_estimator
from cnn_estimator.data import datasets

PUBLIC = ["Predictor", "evaluate", "export", "load", "train"]


@pytest.mark.unit
def test_the_public_names_are_those_of_the_verbs_modules():
    assert sorted(cnn_estimator.__all__) == sorted([*PUBLIC, "__version__"])
    assert {*PUBLIC} <= {*dir(cnn_estimator)}
    assert cnn_estimator.load is datasets.load
    with pytest.raises(AttributeError, match="module 'cnn_estimator' has no attribute 'trian'"):
        cnn_estimator.trian  # noqa: B018


@pytest.mark.unit
def test_the_version_is_that_of_the_package():
    assert re.fullmatch(r"\d+\.\d+\.\d+", cnn_estimator.__version__)
    try:
        installed = importlib.metadata.version("cnn-estimator")
    except importlib.metadata.PackageNotFoundError:
        return
    assert installed == cnn_estimator.__version__


@pytest.mark.integration
def test_every_public_name_is_there():
    for name in PUBLIC:
        assert callable(getattr(cnn_estimator, name))


@pytest.mark.process
def test_importing_it_loads_no_tensorflow_and_no_numpy():
    code = "import sys, cnn_estimator; print({'tensorflow', 'numpy', 'absl', 'tabulate'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
