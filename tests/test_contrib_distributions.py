"""tf.contrib.distributions. The expected numbers are TensorFlow 1.15.5's for the same calls."""

import importlib.util

import numpy as np
import pytest

from cnn_estimator.tf1 import contrib, tf
from cnn_estimator.tf1.unavailable import Unavailable

pytestmark = pytest.mark.integration

D = contrib.distributions
INSTALLED = importlib.util.find_spec("tensorflow_probability") is not None
needs_probability = pytest.mark.skipif(
    not INSTALLED, reason="tensorflow-probability is installed on Python 3.12 and later alone"
)
X = np.array([[0.5, -1.0], [2.0, 0.0]], np.float32)
V = X[:1]
TRIL = [[1.0, 0.0], [0.5, 2.0]]


@pytest.fixture(autouse=True)
def graph():
    with tf.Graph().as_default():
        yield


def close(tensors, expected):
    with tf.Session() as session:
        for value, numbers in zip(session.run(tensors), expected, strict=True):
            np.testing.assert_allclose(value, numbers, atol=2e-5)


def test_tensorflow_itself_has_the_simple_distributions():
    categorical = D.Categorical(logits=[[0.0, 1.0, 2.0]])
    bernoulli = D.Bernoulli(logits=[0.0, 1.0])
    other = D.Categorical(probs=[[0.2, 0.3, 0.5]])
    close(
        [categorical.log_prob([2]), categorical.entropy(), D.kl_divergence(categorical, other), categorical.probs],
        [[-0.40761], [0.8324], [0.06826], [[0.09003, 0.24473, 0.66524]]],
    )
    close([bernoulli.log_prob([1, 0]), bernoulli.entropy()], [[-0.69315, -1.31326], [0.69315, 0.5822]])
    close([D.Normal(0.0, 1.0).sample(3, seed=1)], [[-0.81132, 1.4846, 0.06533]])
    close(
        [D.NormalWithSoftplusScale([0.0], [1.0]).stddev(), D.BetaWithSoftplusConcentration(2.0, 3.0).mean()],
        [[1.31326], 0.41096],
    )
    close(
        [D.softplus_inverse(2.0), D.fill_triangular([1.0, 2, 3]), D.tridiag([3.0], [1.0, 2.0], [4.0])],
        [1.85459, [[3, 0], [2, 1]], [[1, 4], [3, 2]]],
    )


@pytest.mark.skipif(INSTALLED, reason="tensorflow-probability is installed")
def test_other_names_are_errors_that_name_the_package():
    for name in (D.MultivariateNormalDiag, D.bijectors):
        assert isinstance(name, Unavailable)
    with pytest.raises(NotImplementedError, match="pip install tensorflow-probability"):
        D.MultivariateNormalDiag([0.0])


@needs_probability
def test_multivariate_normal_distributions():
    diag = D.MultivariateNormalDiag([0.0, 1.0], [1.0, 2.0])
    identity = D.MultivariateNormalDiag(loc=[1.0, 1.0], scale_identity_multiplier=0.5)
    tril = D.MultivariateNormalTriL([0.0, 1.0], TRIL)
    full = D.MultivariateNormalFullCovariance([0.0, 1.0], [[2.0, 0.5], [0.5, 1.0]])
    close([diag.log_prob(X), diag.entropy(), diag.stddev()], [[-3.15602, -4.65602], 3.53102, [1, 2]])
    close([identity.log_prob(X), D.kl_divergence(diag, identity)], [[-8.95158, -4.45158], 8.92056])
    close([tril.log_prob(X), tril.kl_divergence(diag)], [[-3.28884, -5.03102], 0.03125])
    close([full.log_prob(X), full.entropy()], [[-4.76054, -4.4034], 3.11768])
    close(
        [D.MultivariateNormalDiag([0.0, 0.0], [1.0, 2.0], 0.5).stddev(), diag.sample(1, seed=3)],
        [[1.5, 2.5], [[1.06166, -0.75716]]],
    )
    close([D.MultivariateNormalDiagWithSoftplusScale([0.0, 0.0], [1.0, 2.0]).stddev()], [[1.31326, 2.12693]])


@needs_probability
def test_distributions_are_made_of_the_distributions_of_tensorflow():
    categorical = D.Categorical(probs=[0.3, 0.7])
    mixture = D.Mixture(cat=categorical, components=[D.Normal(-1.0, 0.5), D.Normal(1.0, 0.5)])
    family = D.MixtureSameFamily(categorical, D.Normal([-1.0, 1.0], [0.5, 0.5]))
    for each in (mixture, family):
        close([each.log_prob([0.0, 1.0]), each.mean(), each.stddev()], [[-2.22579, -0.58232], 0.4, 1.04403])
    lognormal = D.TransformedDistribution(D.Normal(0.0, 1.0), D.bijectors.Exp())
    close([lognormal.log_prob([0.5, 2.0]), lognormal.cdf(1.0)], [[-0.46602, -1.85231], 0.5])
    vector = D.TransformedDistribution(D.Normal(0.0, 1.0), D.bijectors.AffineScalar(1.0, 2.0), event_shape=[2])
    close([vector.log_prob([0.5, 1.0])], [-3.25542])
    independent = D.Independent(D.Normal([0.0, 1.0], [1.0, 1.0]), 1)
    close([independent.log_prob([0.5, 0.5])], [-2.08788])
    close([D.QuantizedDistribution(D.Normal(0.0, 1.0), low=-2.0, high=2.0).prob([0.0, 1.0])], [[0.34134, 0.34134]])
    with pytest.raises(NotImplementedError, match="batch_shape"):
        D.TransformedDistribution(D.Normal(0.0, 1.0), D.bijectors.Exp(), batch_shape=[2])


@needs_probability
def test_other_distributions():
    matrix = [[2.0, 0.1], [0.1, 1.0]]
    close(
        [
            D.Logistic(0.0, 1.0).log_prob(0.5),
            D.Poisson(3.0).log_prob(2.0),
            D.Geometric(probs=0.3).log_prob(2.0),
            D.OneHotCategorical(logits=[0.0, 1.0]).log_prob([0, 1]),
            D.RelaxedOneHotCategorical(0.5, logits=[0.0, 1.0]).log_prob([0.3, 0.7]),
            D.WishartCholesky(3.0, [[1.0, 0], [0.5, 1]]).log_prob(matrix),
            D.WishartFull(3.0, [[1.0, 0.2], [0.2, 1]]).log_prob(matrix),
        ],
        [-1.44815, -1.49592, -1.91732, -0.31326, -0.60071, -4.23102, -4.01146],
    )


@needs_probability
def test_all_distributions_are_of_one_class():
    assert isinstance(D.Poisson(1.0), D.Distribution)
    assert issubclass(D.Binomial, D.Distribution)
    assert isinstance(D.Normal(0.0, 1.0), tf.distributions.Distribution)
    assert not isinstance(3, D.Distribution)


@needs_probability
def test_kl_divergences_may_be_registered_for_distributions_of_both_libraries():
    @D.RegisterKL(D.Normal, D.Deterministic)
    def divergence(a, b, name=None):
        return tf.constant(7.0)

    close([D.kl_divergence(D.Normal(0.0, 1.0), D.Deterministic(1.0))], [7])


BIJECTORS = {
    "Exp": (lambda b: b.Exp(), [[1.64872, 0.36788]], -0.5),
    "Softplus": (lambda b: b.Softplus(), [[0.97408, 0.31326]], -1.78734),
    "Affine, diagonal": (lambda b: b.Affine([1.0, 2.0], scale_diag=[2.0, 3.0]), [[2, -1]], 1.79176),
    "Affine, triangle": (lambda b: b.Affine([1.0, 2.0], scale_tril=[[2.0, 0], [1, 3.0]]), [[2, -0.5]], 1.79176),
    "Affine, identity": (lambda b: b.Affine(scale_identity_multiplier=2.0), [[1, -2]], 1.38629),
    "AffineScalar": (lambda b: b.AffineScalar(1.0, 2.0), [[2, -1]], 1.38629),
    "Chain": (lambda b: b.Chain([b.Exp(), b.AffineScalar(1.0, 2.0)]), [[7.38906, 0.36788]], 2.38629),
    "Gumbel": (lambda b: b.Gumbel(0.0, 1.0), [[0.54524, 0.06599]], -2.82481),
    "RealNVP": (lambda b: b.RealNVP(1, lambda x, n: (x * 0.5, x * 0.2)), [[0.5, -0.85517]], 0.1),
    "Permute": (lambda b: b.Permute([1, 0]), [[-1, 0.5]], 0),
}


@needs_probability
@pytest.mark.parametrize("name", BIJECTORS)
def test_bijectors(name):
    make, forward, determinant = BIJECTORS[name]
    bijector = make(D.bijectors)
    transformed = bijector.forward(V)
    log_determinant = tf.reduce_sum(bijector.forward_log_det_jacobian(V, event_ndims=1))
    close([transformed, bijector.inverse(tf.identity(transformed)), log_determinant], [forward, V, determinant])


@needs_probability
def test_bijectors_whose_results_have_changed_are_errors():
    for name in ("MatrixInverseTriL", "SinhArcsinh", "SoftmaxCentered"):
        with pytest.raises(NotImplementedError, match=rf"^tf\.contrib\.distributions\.bijectors\.{name} is not avail"):
            getattr(D.bijectors, name)()
    with pytest.raises(ValueError, match="give one scale"):
        D.bijectors.Affine(scale_identity_multiplier=2.0, scale_diag=[1.0])
