import math

import numpy as np
import pytest

from cnn_estimator import networks
from cnn_estimator.networks import NETWORKS
from cnn_estimator.recipes import RECIPES
from cnn_estimator.tf1 import tf

PARAMETERS = {
    "two_conv": 3_274_634,
    "three_conv": 1_447_946,
    "three_conv_dropout": 1_447_946,
    "dense_128": 101_770,
    "conv_32_64": 421_642,
    "conv_64_64": 243_786,
    "conv_64_64_linear": 140_682,
}
LAYERS = {
    "two_conv": ["conv2d", "conv2d_1", "dense", "dense_1"],
    "three_conv": ["conv2d", "conv2d_1", "conv2d_2", "dense", "dense_1"],
    "three_conv_dropout": ["conv2d", "conv2d_1", "conv2d_2", "dense", "dense_1"],
    "dense_128": ["dense", "dense_1"],
    "conv_32_64": ["conv2d", "conv2d_1", "dense", "dense_1"],
    "conv_64_64": ["conv2d", "conv2d_1", "dense", "dense_1"],
    "conv_64_64_linear": ["conv2d", "conv2d_1", "dense", "dense_1"],
}
DROPOUT_RATES = {"two_conv": [0.4], "three_conv": [0.4], "three_conv_dropout": [0.25, 0.25, 0.4]}
RELUS = {"dense_128": 1, "two_conv": 3, "conv_32_64": 3, "conv_64_64": 3, "conv_64_64_linear": 2}


@pytest.mark.unit
def test_every_network_has_its_golden_numbers():
    assert set(PARAMETERS) == set(LAYERS) == set(NETWORKS)


@pytest.mark.unit
def test_every_recipe_names_a_network():
    assert {recipe.network for recipe in RECIPES.values()} == set(NETWORKS)


@pytest.mark.unit
@pytest.mark.parametrize("name", NETWORKS)
def test_parameters_and_variable_names(name):
    with tf.Graph().as_default():
        logits = NETWORKS[name](tf.zeros([3, 28, 28]), training=False, seed=0)
        variables = tf.trainable_variables()
    assert logits.shape.as_list() == [3, 10]
    assert sum(math.prod(variable.shape.as_list()) for variable in variables) == PARAMETERS[name]
    assert [variable.op.name for variable in variables] == [
        f"{layer}/{part}" for layer in LAYERS[name] for part in ("kernel", "bias")
    ]


def operations(name, kind):
    """Returns the operations of a kind in the graph of a network."""
    with tf.Graph().as_default() as graph:
        NETWORKS[name](tf.zeros([3, 28, 28]), training=False, seed=0)
        return [op for op in graph.get_operations() if op.type == kind]


@pytest.mark.unit
@pytest.mark.parametrize("name", NETWORKS)
def test_activations(name):
    assert len(operations(name, "Relu")) == RELUS.get(name, 4)


@pytest.mark.unit
@pytest.mark.parametrize("name", NETWORKS)
def test_pooling_halves(name):
    """A window of 3 by 3 would often give the same shapes."""
    pools = operations(name, "MaxPool")
    assert len(pools) == {"dense_128": 0, "three_conv": 3, "three_conv_dropout": 3}.get(name, 2)
    assert all(pool.get_attr("ksize") == pool.get_attr("strides") == [1, 2, 2, 1] for pool in pools)


@pytest.mark.unit
@pytest.mark.parametrize("name", NETWORKS)
def test_dropout_is_for_training_only(name):
    """The graph scales what a dropout of rate r keeps by 1 / (1 - r)."""

    def scales(training):
        with tf.Graph().as_default() as graph:
            NETWORKS[name](tf.zeros([3, 28, 28]), training=training, seed=0)
            constants = [op for op in graph.get_operations() if "dropout" in op.name and op.type == "Const"]
            values = [tf.get_static_value(op.outputs[0]) for op in constants if op.outputs[0].dtype == tf.float32]
        return [float(value) for value in values if np.ndim(value) == 0 and value > 1]

    assert scales(training=False) == []
    assert scales(training=True) == pytest.approx([1 / (1 - rate) for rate in DROPOUT_RATES.get(name, [])])


MASKED = np.ones([200, 50], np.float32)


def masks(rate, seed, steps, layers=1):
    """The outputs of Dropout layers for ones, at each of the global steps, in a session of its own."""
    with tf.Graph().as_default(), tf.Session() as session:
        global_step = tf.train.create_global_step()
        outputs = [networks.Dropout(rate, seed)(tf.constant(MASKED), training=True) for _ in range(layers)]
        found = []
        for step in steps:
            session.run(global_step.assign(step))
            found.append(session.run(outputs))
        return np.array(found)  # [step, layer, 200, 50]


@pytest.mark.integration
def test_dropout_drops_at_its_rate_and_scales_the_rest():
    (((mask,),),) = (masks(0.4, 7, [3])[None],)
    assert set(np.unique(mask)) == {0, np.float32(1) / np.float32(0.6)}
    assert np.mean(mask == 0) == pytest.approx(0.4, abs=0.02)


@pytest.mark.integration
def test_a_mask_is_a_function_of_seed_layer_and_step():
    three = masks(0.4, 7, [0, 1, 2**40], layers=3)
    np.testing.assert_array_equal(three, masks(0.4, 7, [0, 1, 2**40], layers=3))
    # A session that starts at step 1, as a resumed run does, draws the masks of step 1.
    np.testing.assert_array_equal(three[1], masks(0.4, 7, [1], layers=3)[0])
    different = [*three.reshape(9, -1), *masks(0.4, 8, [0, 1, 2**40], layers=3).reshape(9, -1)]
    assert len({mask.tobytes() for mask in different}) == 18
    # Two independent masks drop the same value with probability 0.4 * 0.4.
    for one in range(18):
        for other in range(one):
            assert np.mean((different[one] == 0) & (different[other] == 0)) == pytest.approx(0.16, abs=0.02)


def dropped(shape, first_row=0):
    """The output of a Dropout layer for ones, at global step 3."""
    with tf.Graph().as_default(), tf.Session() as session:
        step = tf.train.create_global_step()
        outputs = networks.Dropout(0.4, seed=2**31 - 1, first_row=first_row)(tf.ones(shape), training=True)
        session.run(step.assign(3))
        return session.run(outputs)


@pytest.mark.integration
@pytest.mark.parametrize("row", [(7, 7, 64), (3, 3, 128), (1024,)])  # those of the networks
def test_devices_draw_the_masks_of_their_own_rows(row):
    """Uneven shares, one of no row at all."""
    shares = [(0, 33), (33, 1), (34, 66), (100, 0)]
    parts = [dropped((rows, *row), np.int64(first)) for first, rows in shares]
    np.testing.assert_array_equal(np.concatenate(parts), dropped((100, *row)))


@pytest.mark.unit
def test_rows_that_cannot_begin_within_a_batch_are_refused():
    with pytest.raises(ValueError, match="rows of 6 values: to begin within a batch they need a multiple of 4"):
        dropped((5, 2, 3), first_row=np.int64(1))


@pytest.mark.unit
def test_dropout_is_a_layer_of_tf_layers():
    assert issubclass(networks.Dropout, tf.layers.Dropout)
    with tf.Graph().as_default() as graph:
        NETWORKS["three_conv_dropout"](tf.ones([2, 28, 28]), training=True, seed=5)
        scopes = {op.name.split("/")[0] for op in graph.get_operations()}
    assert {"dropout", "dropout_1", "dropout_2"} <= scopes
    assert "dropout_3" not in scopes
