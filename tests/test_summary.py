"""The table of a network's layers."""

import pytest
from helpers import command, error_of

from cnn_estimator import networks, recipes, settings, summary
from cnn_estimator.tf1 import tf


@pytest.mark.unit
@pytest.mark.parametrize("network", recipes.PARAMETERS)
def test_the_parameters_of_the_layers_are_the_parameters_of_the_network(network):
    recipe = next(recipe.name for recipe in recipes.RECIPES.values() if recipe.network == network)
    layers = summary.summarize(recipe=recipe).layers
    assert sum(layer.parameters for layer in layers) == recipes.PARAMETERS[network]
    assert layers[-1].shape == (None, 10)


@pytest.mark.unit
def test_the_table_has_shapes_and_weights():
    lines = str(summary.summarize()).splitlines()
    assert lines[0] == "network three_conv_dropout of recipe fashion_cnn: 1,447,946 parameters"
    rows = [line.split("  ") for line in lines[2:]]
    assert [[cell.strip() for cell in row if cell] for row in rows] == [
        ["layer", "output shape", "weights", "parameters"],
        ["Reshape", "(None, 28, 28, 1)", "0"],
        ["conv2d", "(None, 28, 28, 32)", "kernel 5x5x1x32, bias 32", "832"],
        ["max_pooling2d", "(None, 14, 14, 32)", "0"],
        ["conv2d_1", "(None, 14, 14, 64)", "kernel 5x5x32x64, bias 64", "51,264"],
        ["max_pooling2d_1", "(None, 7, 7, 64)", "0"],
        ["dropout", "(None, 7, 7, 64)", "0"],
        ["conv2d_2", "(None, 7, 7, 128)", "kernel 5x5x64x128, bias 128", "204,928"],
        ["max_pooling2d_2", "(None, 3, 3, 128)", "0"],
        ["dropout_1", "(None, 3, 3, 128)", "0"],
        ["flatten", "(None, 1152)", "0"],
        ["dense", "(None, 1024)", "kernel 1152x1024, bias 1024", "1,180,672"],
        ["dropout_2", "(None, 1024)", "0"],
        ["dense_1", "(None, 10)", "kernel 1024x10, bias 10", "10,250"],
    ]


@pytest.mark.unit
def test_variables_without_an_operation_of_their_name_are_counted(monkeypatch):
    def network(images, dropout, classes):
        scale = tf.get_variable("scale", [28])
        with tf.variable_scope("block"):
            x = tf.layers.dense(tf.layers.flatten(images * scale), classes)
        return x + tf.get_variable("other/bias", [classes])

    monkeypatch.setitem(networks.NETWORKS, "dense_128", network)
    chosen = settings.make_settings("fashion_dense", seed=0, class_names=tuple("0123456789"))
    layers = {layer.name: layer for layer in summary.find_layers(chosen)}
    assert layers["block"] == summary.Layer("block", (None, 10), {"dense/kernel": (784, 10), "dense/bias": (10,)})
    assert layers["scale"] == summary.Layer("scale", None, {"scale": (28,)})
    assert layers["other"].parameters == 10


@pytest.mark.integration
def test_a_model_dir_has_the_network_that_it_was_trained_with(trained):
    assert str(summary.summarize(trained)).startswith("network dense_128 of recipe fashion_dense: 101,770 parameters\n")
    message = error_of(command("summary", f"--model_dir={trained}", "--recipe=fashion_cnn"))
    assert message.startswith(f"model_dir {trained} holds recipe fashion_dense, not fashion_cnn: ")
    message = error_of(command("summary", f"--model_dir={trained}/nothing"))
    assert message == f"model_dir {trained}/nothing is no folder: name another --model_dir, or a --recipe in its place"
