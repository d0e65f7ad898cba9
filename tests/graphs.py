"""What the tests of cells and decoders share: a session, weights that follow a rule, and a comparison of numbers."""

import numpy as np

from cnn_estimator.tf1 import tf


def unoptimized():
    """Returns the configuration of a session that does not optimize graphs, which takes longer than to run them."""
    config = tf.ConfigProto()
    config.graph_options.rewrite_options.disable_meta_optimizer = True
    config.graph_options.optimizer_options.opt_level = tf.OptimizerOptions.L0
    return config


def new_session():
    """A fixture: a session with a new graph."""
    with tf.Graph().as_default(), tf.Session(config=unoptimized()) as session:
        tf.set_random_seed(7)  # for dropout
        yield session


def load_variables(session, numbered_variables):
    """Initializes all variables, and loads values that depend only on a variable's number and shape.

    Args:
      numbered_variables: pairs (number, variable).
    """
    session.run(tf.global_variables_initializer())
    for number, variable in numbered_variables:
        shape = variable.shape.as_list()
        variable.load((np.sin(np.arange(np.prod(shape, dtype=int)) + number) * 0.4).reshape(shape), session)


def near(actual, expected):
    np.testing.assert_allclose(actual, expected, atol=2e-5)


def gradients(function, *values):
    """Returns the gradients of a weighted sum of the results of function."""
    tensors = [tf.constant(value) for value in values]
    result = function(*tensors)
    weights = tf.reshape(tf.cos(tf.range(tf.cast(tf.size(result), tf.float32))), tf.shape(result))
    slopes = [tf.reshape(each, [-1]) for each in tf.gradients(result * weights, tensors)]
    return tf.reshape(tf.concat(slopes, 0), [2, -1])
