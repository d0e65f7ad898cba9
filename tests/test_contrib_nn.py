"""tf.contrib.nn, sparsemax, mixed_precision and layers.gdn. The expected numbers are TensorFlow 1.15.5's."""

import numpy as np
import pytest
from graphs import gradients, load_variables, near, new_session

from cnn_estimator.tf1 import contrib, tf

pytestmark = pytest.mark.integration

N = contrib.nn
ROWS = np.array([[1.0, 2.0, 4.0], [3.0, -1.0, 0.0]], np.float32)
LABELS = np.array([[0.0, 0.5, 0.5], [1.0, 0.0, 0.0]], np.float32)
LOGITS = np.array([[0.1, 0.9, 0.4], [2, 2, -1], [1, 1, 1], [0, np.inf, 0], [np.nan, 0, 0]], np.float32)
INFINITE = np.array([[-np.inf, 1.0, 0.8]], np.float32)
IMAGES = np.cos(np.arange(24)).reshape(2, 2, 2, 3).astype(np.float32)

session = pytest.fixture(new_session)


def rows():
    return tf.constant(ROWS)


def sampled():
    """Returns weights, biases, labels and inputs of a classifier with eight classes."""
    weights = tf.sin(tf.reshape(tf.range(24.0), [8, 3]))
    return weights, tf.cos(tf.range(8.0)), tf.constant([[3], [6]], tf.int64), rows()


def candidates():
    return tf.constant([1, 3, 4, 7], tf.int64), tf.constant([[0.5], [0.25]]), tf.constant([0.5, 0.75, 0.25, 0.4])


def sparsemax_loss(logits, labels):
    return contrib.sparsemax.sparsemax_loss(logits, contrib.sparsemax.sparsemax(logits), labels)


CASES = {
    "alpha_dropout": (
        lambda: N.alpha_dropout(rows(), 0.6, seed=5),
        [[1.47038, -0.910642, 4.06023], [3.19694, -0.256188, -0.910642]],
    ),
    "alpha_dropout, noise_shape": (
        lambda: N.alpha_dropout(rows(), 0.5, noise_shape=[2, 1], seed=5),
        [[1.6656, 2.552, 4.32481], [-0.779194, -0.779194, -0.779194]],
    ),
    "alpha_dropout of nothing": (lambda: N.alpha_dropout(rows(), 1.0), [[1, 2, 4], [3, -1, 0]]),
    "conv1d_transpose": (
        lambda: N.conv1d_transpose(ROWS.reshape(1, 3, 2), np.ones([2, 1, 2], np.float32), [1, 6, 1], 2)[0, :, 0],
        [3, 3, 7, 7, -1, -1],
    ),
    "flipped softmax": (
        lambda: N.deprecated_flipped_softmax_cross_entropy_with_logits(ROWS, LABELS),
        [1.16985, 0.0658839],
    ),
    "flipped sparse": (
        lambda: N.deprecated_flipped_sparse_softmax_cross_entropy_with_logits(ROWS, [2, 1]),
        [0.169846, 4.06588],
    ),
    "flipped sigmoid": (
        lambda: N.deprecated_flipped_sigmoid_cross_entropy_with_logits(ROWS, LABELS),
        [[1.31326, 1.12693, 2.01815], [0.0485874, 0.313262, 0.693147]],
    ),
    "nth_element": (lambda: N.nth_element(rows(), 1), [2, 0]),
    "nth_element, reverse": (lambda: N.nth_element(rows(), 0, reverse=True), [4, 3]),
    "nth_element in a loss": (
        lambda: gradients(lambda tensor: N.nth_element(tensor, 2), ROWS),
        [[0, 0, 1], [0.540302, 0, 0]],
    ),
    "scaled_softplus": (
        lambda: N.scaled_softplus(rows(), 0.5),
        [[1.06346, 2.00907, 4.00017], [3.00124, 0.063464, 0.346574]],
    ),
    "scaled_softplus, clip": (
        lambda: N.scaled_softplus(rows(), [0.5, 1, 2], clip=2.5),
        [[1.06346, 2.12693, 2.5], [2.5, 0.313262, 1.38629]],
    ),
    "scaled_softplus in a loss": (
        lambda: gradients(N.scaled_softplus, ROWS, np.array([0.5, 1, 2], np.float32), np.float32(2.5)),
        [[0.880797, 0.475897, 0, 0, -0.175792], [0.141831, 0.365334, -0.183163, 0.19662, -1.40614]],
    ),
    "sampled_sparse_softmax_loss": (
        lambda: N.sampled_sparse_softmax_loss(*sampled(), num_sampled=4, num_classes=8, sampled_values=candidates()),
        [9.97449, 4.45439],
    ),
    "rank_sampled_softmax_loss": (
        lambda: N.rank_sampled_softmax_loss(*sampled(), 4, 1, 8, 1, candidates(), 0.7, True, "mod"),
        [9.97162, 0.253972],
    ),
    "rank_sampled_softmax_loss, other temperature": (
        lambda: N.rank_sampled_softmax_loss(*sampled(), 4, 1, 8, 1, candidates(), 20.0, False, "div"),
        [4.09381, 4.25961],
    ),
    "sparsemax": (
        lambda: contrib.sparsemax.sparsemax(LOGITS),
        [
            [0, 0.75, 0.25],
            [0.5, 0.5, 0],
            [0.333333, 0.333333, 0.333333],
            [np.nan, np.nan, np.nan],
            [np.nan, np.nan, np.nan],
        ],
    ),
    "sparsemax of infinite logits": (lambda: contrib.sparsemax.sparsemax(INFINITE), [[0, 0.6, 0.4]]),
    "sparsemax in a loss": (
        lambda: gradients(contrib.sparsemax.sparsemax, LOGITS[:2]),
        [[0, 0.478225, -0.478225], [-0.168174, 0.168174, 0]],
    ),
    "sparsemax_loss": (lambda: sparsemax_loss(ROWS, LABELS), [0.75, 0]),
    "sparsemax_loss of infinite logits": (lambda: sparsemax_loss(INFINITE, np.float32([[0, 0.25, 0.75]])), [0.1225]),
    "sparsemax_loss in a loss": (
        lambda: gradients(sparsemax_loss, LOGITS[:2], LABELS),
        [[0, 0.25, -0.25, -0.270151, 0.270151, 0], [-0.1, -0.4, 0.1, -0.540302, -1.0806, 0.540302]],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_losses_and_activations_have_the_numbers_of_1_15(session, name):
    make, expected = CASES[name]
    actual = session.run(make())
    assert actual.shape == np.shape(expected)
    near(actual, expected)


def test_conv1d_transpose_accepts_earlier_names(session):
    value = tf.ones([1, 3, 1])
    kernel = tf.ones([2, 1, 1])
    same = N.conv1d_transpose(value=value, filter=kernel, output_shape=[1, 6, 1], stride=2, padding="SAME")
    near(session.run(same), np.ones([1, 6, 1]))


def gdn(session, arguments):
    """Returns the outputs of a GDN layer and its gradients. Some of its weights are below their bounds."""
    images = tf.constant(IMAGES)
    outputs = contrib.layers.gdn(images, **arguments)
    variables = tf.trainable_variables()
    load_variables(session, enumerate(variables))
    weights = tf.cos(tf.reshape(tf.range(24.0), [2, 2, 2, 3]))
    values = session.run([outputs, *tf.gradients(outputs * weights, [images, *variables])])
    return np.concatenate([value.ravel() for value in values]).reshape(6, 10)


GDN = {
    "gdn": (
        {},
        [
            [2.82557, 1.03464, -1.11147, -2.89931, -1.29301, 0.764699, 2.9504, 1.5435, -0.394826, -2.97095],
            [-1.77636, 0.012048, 2.94748, 1.97822, 0.372057, -2.85885, -2.13341, -0.745626, 2.67576, 2.22728],
            [1.0977, -2.36591, -2.25041, -1.41919, -0.011873, 1.03464, -0.292221, 0.299907, -1.29301, 0.123356],
            [-0.5801, 1.5435, -0.0132325, 0.805137, -1.77636, -0.001379, -0.906903, 1.97822, -0.0985844, 0.810925],
            [-2.13341, 0.287059, -0.477659, 2.22728, -0.470113, -0.0303576, -2.25041, 0.499285, -0.217, -19.5753],
            [
                -5.74244,
                -52.0035,
                -12.931,
                -0.530333,
                -0.000603873,
                -0.000183607,
                -4.61642e-05,
                -5.53092,
                -2.67069,
                -0.47659,
            ],
        ],
    ),
    "inverse": (
        {"inverse": True, "beta_min": 0.1, "name": "igdn"},
        [
            [0.474607, 0.282152, -0.15581, -0.460738, -0.33043, 0.105223, 0.435698, 0.368234, -0.0536192, -0.401364],
            [-0.396338, 0.00162573, 0.359966, 0.416263, 0.0502532, -0.313791, -0.42988, -0.101545, 0.264867, 0.438894],
            [0.151709, -0.214662, -0.44433, -0.200052, 0.788741, 0.282152, -0.258029, -0.808307, -0.33043, 0.185697],
            [0.80469, 0.368234, -0.100778, -0.775549, -0.396338, 0.00323482, 0.720091, 0.416263, 0.104648, -0.639872],
            [-0.42988, -0.217676, 0.53949, 0.438894, 0.32805, -0.426541, -0.44433, -0.426956, 0, 4.15652],
            [0.79914, 3.46929, 2.83344, 0.0736618, 0, 0, 0, 0.292422, 0.54745, 0.0666882],
        ],
    ),
}


@pytest.mark.parametrize("name", GDN)
def test_gdn_has_the_numbers_and_gradients_of_1_15(session, name):
    arguments, expected = GDN[name]
    np.testing.assert_allclose(gdn(session, arguments), expected, rtol=1e-5, atol=2e-5)
    prefix = arguments.get("name", "gdn")
    assert [v.name for v in tf.trainable_variables()] == [f"{prefix}/reparam_{part}:0" for part in ("beta", "gamma")]


M = contrib.mixed_precision
SCALES = {
    "fixed": (
        lambda: M.FixedLossScaleManager(100),
        [
            [1.6, -0.8, 100, 1],
            [1.08, -0.54, 100, 2],
            [1.08, -0.54, 100, 2],
            [0.604, -0.302, 100, 3],
            [0.604, -0.302, 100, 3],
            [0.604, -0.302, 100, 3],
            [0.2452, -0.1226, 100, 4],
        ],
    ),
    "growing": (
        lambda: M.ExponentialUpdateLossScaleManager(64, 2, incr_ratio=4),
        [
            [1.6, -0.8, 64, 1],
            [1.08, -0.54, 256, 2],
            [1.08, -0.54, 256, 2],
            [0.604, -0.302, 256, 3],
            [0.604, -0.302, 204.8, 3],
            [0.604, -0.302, 204.8, 3],
            [0.2452, -0.1226, 204.8, 4],
        ],
    ),
    "shrinking": (
        lambda: M.ExponentialUpdateLossScaleManager(1.5, 3, decr_every_n_nan_or_inf=2, decr_ratio=0.5),
        [
            [1.6, -0.8, 1.5, 1],
            [1.08, -0.54, 1.5, 2],
            [1.08, -0.54, 1.5, 2],
            [0.604, -0.302, 1.5, 3],
            [0.604, -0.302, 1, 3],
            [0.604, -0.302, 1, 3],
            [0.2452, -0.1226, 1, 4],
        ],
    ),
    "at the end of float32": (
        lambda: M.ExponentialUpdateLossScaleManager(3e38, 1),
        [
            [2, -1, 3e38, 0],
            [2, -1, 2.4e38, 0],
            [2, -1, 2.4e38, 0],
            [2, -1, 1.92e38, 0],
            [2, -1, 1.92e38, 0],
            [2, -1, 1.536e38, 0],
            [2, -1, 1.536e38, 0],
        ],
    ),
}


def scaled_training(session, make):
    """Returns weight, scale and global step after each step. Some steps have gradients that are not finite."""
    factor = tf.placeholder(tf.float32, [])
    weight = tf.get_variable("w", initializer=[2.0, -1.0])
    unused = tf.get_variable("unused", initializer=0.0)
    manager = make()
    optimizer = M.LossScaleOptimizer(tf.train.MomentumOptimizer(0.1, 0.5), manager)
    step = tf.train.get_or_create_global_step()
    loss = tf.reduce_sum(tf.square(weight) * factor)
    gradients = optimizer.compute_gradients(loss, [weight, unused])
    assert gradients[1] == (None, unused)
    update = optimizer.apply_gradients(gradients[:1], step)
    session.run(tf.global_variables_initializer())
    values = []
    for number in [1, 1, np.inf, 1, np.nan, np.inf, 1]:
        session.run(update, {factor: number})
        values.append(
            np.concatenate([np.ravel(each) for each in session.run([weight, manager.get_loss_scale(), step])])
        )
    return np.stack(values)


@pytest.mark.parametrize("name", SCALES)
def test_loss_scales_change_as_in_1_15(session, name):
    make, expected = SCALES[name]
    np.testing.assert_allclose(scaled_training(session, make), expected, rtol=1e-5)


def test_a_loss_scale_manager_names_its_variables_as_1_15():
    with tf.Graph().as_default():
        M.ExponentialUpdateLossScaleManager(64, 2)
        assert [v.name for v in tf.global_variables()] == ["loss_scale:0", "good_steps:0", "bad_steps:0"]
        assert not tf.trainable_variables()


def test_wrong_arguments_raise_errors():
    with pytest.raises(ValueError, match=r"keep_prob=1\.5"):
        N.alpha_dropout(ROWS, 1.5)
    with pytest.raises(ValueError, match=r"loss_scale=0\.5"):
        M.FixedLossScaleManager(0.5)
    with pytest.raises(TypeError, match="abstract"):
        M.LossScaleManager()
