"""tf.contrib.distributions: tf.distributions, and names of the package tensorflow-probability if it is installed."""

import importlib
import importlib.util

import tensorflow.compat.v1 as tf  # type: ignore[import-untyped]
from tensorflow.python.ops.distributions import (  # type: ignore[import-untyped]
    beta,
    exponential,
    gamma,
    laplace,
    normal,
    student_t,
    util,
)

from cnn_estimator.tf1.unavailable import module_getattr

BetaWithSoftplusConcentration = beta.BetaWithSoftplusConcentration
ExponentialWithSoftplusRate = exponential.ExponentialWithSoftplusRate
GammaWithSoftplusConcentrationRate = gamma.GammaWithSoftplusConcentrationRate
LaplaceWithSoftplusScale = laplace.LaplaceWithSoftplusScale
NormalWithSoftplusScale = normal.NormalWithSoftplusScale
StudentTWithAbsDfSoftplusScale = student_t.StudentTWithAbsDfSoftplusScale
fill_triangular = util.fill_triangular
fill_triangular_inverse = util.fill_triangular_inverse
matrix_diag_transform = util.matrix_diag_transform
reduce_weighted_logsumexp = util.reduce_weighted_logsumexp
softplus_inverse = util.softplus_inverse
tridiag = util.tridiag

_sources: tuple[object, ...]
if importlib.util.find_spec("tensorflow_probability"):
    _sources = (importlib.import_module("cnn_estimator.tf1.contrib._probability"), tf.distributions)
    _instead = "use tensorflow_probability.distributions"
else:
    _sources = (tf.distributions,)
    _instead = "pip install tensorflow-probability, which has it"

__getattr__ = module_getattr("tf.contrib.distributions", _sources, _instead)
