"""The project computes what plain code does: training as a session loop of TensorFlow 1, networks as NumPy."""

import numpy as np
import pytest
from helpers import ten_bars

from cnn_estimator import training
from cnn_estimator.dropout import Dropout
from cnn_estimator.networks import NETWORKS
from cnn_estimator.tf1 import tf

pytestmark = pytest.mark.integration

STEPS, SEED, BATCH, THREADS = 50, 7, 32, 2


def arrays_in(checkpoint):
    """{name: array} of all variables in a checkpoint."""
    reader = tf.train.load_checkpoint(str(checkpoint))
    return {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}


def dense_128(images):
    x = tf.layers.dense(tf.layers.flatten(images), 128, activation=tf.nn.relu)
    return tf.layers.dense(x, 10)


def conv_32_64(images):
    x = tf.layers.conv2d(tf.reshape(images, [-1, 28, 28, 1]), 32, [3, 3], padding="same", activation=tf.nn.relu)
    x = tf.layers.max_pooling2d(x, [2, 2], strides=2)
    x = tf.layers.conv2d(x, 64, [3, 3], padding="same", activation=tf.nn.relu)
    x = tf.layers.max_pooling2d(x, [2, 2], strides=2)
    x = tf.layers.dense(tf.reshape(x, [-1, 7 * 7 * 64]), 128, activation=tf.nn.relu)
    return tf.layers.dense(x, 10)


def trained_by_hand(network, optimizer, initial):
    """{name: array} of all variables after a session loop of TensorFlow 1 that begins with the initial ones."""
    images, labels = ten_bars(300)
    images = images.astype(np.float32) / np.float32(255)
    config = tf.ConfigProto(intra_op_parallelism_threads=THREADS)
    with tf.Graph().as_default(), tf.Session(config=config) as session:
        x, y = tf.placeholder(tf.float32, [None, 28, 28]), tf.placeholder(tf.int32, [None])
        loss = tf.losses.sparse_softmax_cross_entropy(y, network(x))
        train = optimizer().minimize(loss, global_step=tf.train.create_global_step())
        variables = {variable.op.name: variable for variable in tf.global_variables()}
        assert variables.keys() == initial.keys()
        for name, variable in variables.items():
            variable.load(initial[name], session)
        step = 0
        while step < STEPS:
            # Each epoch has every image once, in the order that its number and the seed determine; the last batch is
            # what is left.
            order = np.random.default_rng((SEED, step // 10)).permutation(300)
            for begin in range(0, 300, BATCH):
                rows = order[begin : begin + BATCH]
                session.run(train, {x: images[rows], y: labels[rows]})
                step += 1
        return session.run(variables)


@pytest.mark.parametrize(
    ("recipe", "network", "name", "optimizer"),
    [
        ("fashion_cnn_3x3", conv_32_64, "adam", lambda: tf.train.AdamOptimizer(0.001)),
        ("fashion_dense", dense_128, "adam", lambda: tf.train.AdamOptimizer(0.001)),
        ("fashion_dense", dense_128, "sgd", lambda: tf.train.GradientDescentOptimizer(0.001)),
        ("fashion_dense", dense_128, "momentum", lambda: tf.train.MomentumOptimizer(0.001, momentum=0.9)),
    ],
)
def test_training_ends_in_the_bits_of_a_session_loop(tmp_path, data_dir, recipe, network, name, optimizer):
    """Every variable with the optimizer's slots, over five epochs with a shorter last batch each."""
    options = {"optimizer": name, "batch_size": BATCH, "seed": SEED, "threads": THREADS, "data_dir": data_dir}
    training.train(str(tmp_path), recipe, max_steps=STEPS, **options)
    initial, ours = (arrays_in(tmp_path / f"model.ckpt-{step}") for step in (0, STEPS))
    by_hand = trained_by_hand(network, optimizer, initial)
    assert int(ours["global_step"]) == int(by_hand["global_step"]) == STEPS
    assert not np.array_equal(initial["dense/kernel"], ours["dense/kernel"])
    different = {
        key: np.abs(ours[key] - by_hand[key]).max() for key in ours if not np.array_equal(ours[key], by_hand[key])
    }
    assert different == {}


def convolved(x, kernel, bias, padding):
    """x [B, H, W, C] through a convolution of stride 1."""
    side = len(kernel)
    if padding == "same":
        x = np.pad(x, [(0, 0), (side // 2, side // 2), (side // 2, side // 2), (0, 0)])
    windows = np.lib.stride_tricks.sliding_window_view(x, (side, side), axis=(1, 2))  # [B, H', W', C, side, side]
    return np.tensordot(windows, kernel, [[4, 5, 3], [0, 1, 2]]) + bias


def pooled(x):
    """The largest of each 2 by 2 pixels; an odd last row and column are dropped."""
    rows, columns = x.shape[1] // 2, x.shape[2] // 2
    x = x[:, : 2 * rows, : 2 * columns]
    return x.reshape(len(x), rows, 2, columns, 2, -1).max(axis=(2, 4))


# Convolutions, each with ReLU and pooling behind it; their padding; whether the hidden layer has a ReLU.
ARCHITECTURES = {
    "two_conv": (2, "same", True),
    "three_conv": (3, "same", True),
    "three_conv_dropout": (3, "same", True),
    "dense_128": (0, None, True),
    "conv_32_64": (2, "same", True),
    "conv_64_64": (2, "valid", True),
    "conv_64_64_linear": (2, "valid", False),
}


def normalized(x, weights, layer):
    """x through the batch normalization of a layer, if the layer has weights."""
    if f"{layer}/gamma" not in weights:
        return x
    gamma, beta, mean, variance = (
        weights[f"{layer}/{part}"] for part in ("gamma", "beta", "moving_mean", "moving_variance")
    )
    return (x - mean) / np.sqrt(variance + 1e-3) * gamma + beta


def logits_by_hand(name, weights, images):
    """The logits in float64, by NumPy alone."""
    convolutions, padding, relu = ARCHITECTURES[name]
    x = images[..., None].astype(np.float64)
    for number in range(convolutions):
        suffix = f"_{number}" if number else ""
        x = convolved(x, weights[f"conv2d{suffix}/kernel"], weights.get(f"conv2d{suffix}/bias", 0), padding)
        x = pooled(np.maximum(normalized(x, weights, f"batch_normalization{suffix}"), 0))
    x = x.reshape(len(x), -1) @ weights["dense/kernel"] + weights["dense/bias"]
    return (np.maximum(x, 0) if relu else x) @ weights["dense_1/kernel"] + weights["dense_1/bias"]


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_compute_what_numpy_does(name):
    """With weights that keep the values of all layers near 1, and biases that are not 0."""
    generator = np.random.default_rng(3)
    images = generator.random((5, 28, 28), np.float32)
    with tf.Graph().as_default(), tf.Session() as session:
        logits = NETWORKS[name](tf.constant(images), Dropout(0, training=False), classes=10)
        weights = {}
        for variable in tf.global_variables():
            shape = variable.shape.as_list()
            scale = np.sqrt(2 / np.prod(shape[:-1])) if len(shape) > 1 else 0.1
            about = variable.op.name.endswith(("gamma", "moving_variance"))
            weights[variable.op.name] = (about + scale * generator.standard_normal(shape)).astype(np.float32)
            variable.load(weights[variable.op.name], session)
        ours = session.run(logits)
    by_hand = logits_by_hand(name, weights, images)
    assert np.std(by_hand) > 0.3
    np.testing.assert_allclose(ours, by_hand, rtol=0, atol=1e-5)
