"""tf.contrib.gan without the package tensorflow-gan. tests/libraries/tensorflow_contrib_gan.py compares its numbers."""

import importlib.util
import inspect

import pytest

from cnn_estimator.tf1 import contrib
from cnn_estimator.tf1.unavailable import Unavailable

pytestmark = pytest.mark.unit


@pytest.mark.skipif(importlib.util.find_spec("tensorflow_gan") is not None, reason="tensorflow-gan is installed")
def test_names_are_errors_that_name_the_package():
    with pytest.raises(NotImplementedError, match=r"tf\.contrib\.gan\.gan_model .* pip install tensorflow-gan"):
        contrib.gan.gan_model()
    with pytest.raises(NotImplementedError, match="pip install tensorflow-gan"):
        contrib.gan.estimator.GANEstimator()
    assert isinstance(contrib.gan.losses, Unavailable)
    assert not hasattr(contrib.gan, "no_such_name")


@pytest.mark.skipif(hasattr(inspect, "getargspec"), reason="this Python has inspect.getargspec")
def test_the_package_needs_the_old_names_of_python(monkeypatch: pytest.MonkeyPatch):
    gan = importlib.import_module("cnn_estimator.tf1.contrib.gan")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)
    try:
        with pytest.raises(NotImplementedError, match="cnn-estimator run"):
            importlib.reload(gan).gan_model()
    finally:
        monkeypatch.undo()
        importlib.reload(gan)
