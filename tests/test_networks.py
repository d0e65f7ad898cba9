import math

import numpy as np
import pytest

from cnn_estimator.dropout import Dropout
from cnn_estimator.networks import NETWORKS
from cnn_estimator.recipes import PARAMETERS, RECIPES
from cnn_estimator.tf1 import tf

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


def parts(layer, following):
    """Returns the variables of a layer; batch normalization that follows a layer has the bias for both."""
    if layer.startswith("batch_normalization"):
        return ["gamma", "beta", "moving_mean", "moving_variance"]
    return ["kernel"] if following.startswith("batch_normalization") else ["kernel", "bias"]


@pytest.mark.unit
@pytest.mark.parametrize("name", NETWORKS)
def test_parameters_and_variable_names(name):
    with tf.Graph().as_default():
        logits = NETWORKS[name](tf.zeros([3, 28, 28]), Dropout(0, training=False), classes=10)
        variables = tf.global_variables()
    assert logits.shape.as_list() == [3, 10]
    assert sum(math.prod(variable.shape.as_list()) for variable in variables) == PARAMETERS[name]
    assert [variable.op.name for variable in variables] == [
        f"{layer}/{part}"
        for layer, following in zip(LAYERS[name], [*LAYERS[name][1:], ""], strict=True)
        for part in parts(layer, following)
    ]


@pytest.mark.unit
@pytest.mark.parametrize("name", NETWORKS)
def test_the_last_layer_alone_depends_on_the_number_of_classes(name):
    shapes = {}
    for classes in (3, 10):
        with tf.Graph().as_default():
            logits = NETWORKS[name](tf.zeros([3, 28, 28]), Dropout(0, training=False), classes=classes)
            shapes[classes] = {variable.op.name: variable.shape.as_list() for variable in tf.trainable_variables()}
        assert logits.shape.as_list() == [3, classes]
    differing = {variable for variable, shape in shapes[3].items() if shapes[10][variable] != shape}
    last_layer = LAYERS[name][-1]
    assert differing == {f"{last_layer}/kernel", f"{last_layer}/bias"}
    assert shapes[3][f"{last_layer}/bias"] == [3]


def operations(name, kind):
    """Returns the operations of a kind in the graph of a network."""
    with tf.Graph().as_default() as graph:
        NETWORKS[name](tf.zeros([3, 28, 28]), Dropout(0, training=False), classes=10)
        return [op for op in graph.get_operations() if op.type == kind]


@pytest.mark.unit
@pytest.mark.parametrize("name", NETWORKS)
def test_activations(name):
    assert len(operations(name, "Relu")) == RELUS.get(name, 4)


@pytest.mark.unit
@pytest.mark.parametrize("name", NETWORKS)
def test_pooling_halves_each_side(name):
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
            NETWORKS[name](tf.zeros([3, 28, 28]), Dropout(0, training=training), classes=10)
            constants = [op for op in graph.get_operations() if "dropout" in op.name and op.type == "Const"]
            values = [tf.get_static_value(op.outputs[0]) for op in constants if op.outputs[0].dtype == tf.float32]
        return [float(value) for value in values if np.ndim(value) == 0 and value > 1]

    assert scales(training=False) == []
    assert scales(training=True) == pytest.approx([1 / (1 - rate) for rate in DROPOUT_RATES.get(name, [])])
