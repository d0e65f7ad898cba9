import dataclasses

import numpy as np
import pytest

from cnn_estimator.model import model_fn, variables
from cnn_estimator.settings import OPTIMIZERS, make_settings
from cnn_estimator.tf1 import tf

CLASS_NAMES = tuple("0123456789")
SETTINGS = make_settings(
    "fashion_dense", seed=0, class_names=CLASS_NAMES, optimizer="sgd", learning_rate=0.5, batch_size=3
)
IMAGES = np.linspace(0, 1, 3 * 28 * 28, dtype=np.float32).reshape(3, 28, 28)
LABELS = np.array([1, 1, 2], np.int32)
UPDATES = ("ApplyAdam", "ApplyGradientDescent", "ApplyMomentum")  # TensorFlow's operations, of adam, sgd and momentum


@pytest.fixture(autouse=True)
def graph():
    with tf.Graph().as_default() as graph:
        tf.set_random_seed(1)
        tf.train.create_global_step()
        yield graph


@pytest.mark.integration
def test_predictions_are_classes_and_probabilities(graph):
    spec = model_fn({"x": tf.constant(IMAGES)}, None, tf.estimator.ModeKeys.PREDICT, SETTINGS)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        predictions, softmax = session.run([spec.predictions, "softmax_tensor:0"])
    assert set(predictions) == {"classes", "probabilities"}
    assert predictions["classes"].dtype == np.int64
    np.testing.assert_allclose(predictions["probabilities"].sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_array_equal(predictions["classes"], predictions["probabilities"].argmax(axis=1))
    np.testing.assert_array_equal(softmax, predictions["probabilities"])
    assert spec.loss is None


@pytest.mark.integration
def test_metrics_are_of_images_whatever_the_batches():
    """Three images in batches of two and one: the metrics are those of the three."""
    images = tf.placeholder(tf.float32, [None, 28, 28])
    labels = tf.placeholder(tf.int32, [None])
    spec = model_fn({"x": images}, labels, tf.estimator.ModeKeys.EVAL, SETTINGS)
    values = {name: value for name, (value, _) in spec.eval_metric_ops.items()}
    updates = [update for _, update in spec.eval_metric_ops.values()]
    with tf.Session() as session:
        session.run([tf.global_variables_initializer(), tf.local_variables_initializer()])
        for rows in (slice(0, 2), slice(2, 3)):
            session.run(updates, {images: IMAGES[rows], labels: LABELS[rows]})
        measured = session.run(values)
        everything = {images: IMAGES, labels: LABELS}
        loss, probabilities = session.run([spec.loss, spec.predictions["probabilities"]], everything)
    assert set(measured) == {"accuracy", "average_loss"}
    assert measured["accuracy"] == pytest.approx(np.mean(probabilities.argmax(axis=1) == LABELS))
    assert measured["average_loss"] == pytest.approx(-np.log(probabilities[range(3), LABELS]).mean(), rel=1e-5)
    assert loss == pytest.approx(measured["average_loss"], rel=1e-5)
    assert spec.train_op is None


@pytest.mark.integration
def test_a_training_step_follows_the_gradient_and_is_counted():
    """With all weights zero the softmax is 0.1 everywhere, so the loss is ln 10 and the gradient of logit k is
    0.1 - (fraction of label k); sgd with rate 0.5."""
    spec = model_fn({"x": tf.constant(IMAGES)}, tf.constant(LABELS), tf.estimator.ModeKeys.TRAIN, SETTINGS)
    bias = next(variable for variable in tf.trainable_variables() if variable.op.name == "dense_1/bias")
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run([tf.assign(variable, tf.zeros_like(variable)) for variable in tf.trainable_variables()])
        loss = session.run([spec.loss, spec.train_op])[0]
        moved, step = session.run([bias, tf.train.get_global_step()])
    assert loss == pytest.approx(np.log(10))
    fractions = np.array([0, 2, 1, 0, 0, 0, 0, 0, 0, 0]) / 3
    np.testing.assert_allclose(moved, -0.5 * (0.1 - fractions), rtol=1e-5)
    assert step == 1


@pytest.mark.unit
@pytest.mark.parametrize(
    ("mode", "labels", "masks"),
    [
        (tf.estimator.ModeKeys.TRAIN, LABELS, 3),
        (tf.estimator.ModeKeys.EVAL, LABELS, 0),
        (tf.estimator.ModeKeys.PREDICT, None, 0),
    ],
)
def test_only_training_drops_anything(graph, mode, labels, masks):
    settings = make_settings("fashion_cnn", seed=0, class_names=CLASS_NAMES)
    model_fn({"x": tf.constant(IMAGES)}, labels, mode, settings)
    assert len([op for op in graph.get_operations() if op.type == "StatelessRandomUniformV2"]) == masks


@pytest.mark.integration
def test_training_summaries(graph):
    model_fn({"x": tf.constant(IMAGES)}, tf.constant(LABELS), tf.estimator.ModeKeys.TRAIN, SETTINGS)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        summary = tf.Summary.FromString(session.run(tf.summary.merge_all()))
        values = {value.tag: value.simple_value for value in summary.value}
        accuracy = session.run("batch_accuracy:0")
    assert values == {"accuracy": pytest.approx(accuracy), "learning_rate": 0.5}


@pytest.mark.unit
@pytest.mark.parametrize(
    ("optimizer", "slots"),
    [
        ("sgd", set()),
        ("momentum", {"dense/bias/Momentum"}),
        ("adam", {"beta1_power", "beta2_power", "dense/bias/Adam", "dense/bias/Adam_1"}),
    ],
)
def test_variables_of_a_checkpoint(optimizer, slots):
    settings = dataclasses.replace(SETTINGS, optimizer=optimizer)
    model = {"global_step", "dense/kernel", "dense/bias", "dense_1/kernel", "dense_1/bias"}
    evaluated = variables(settings, tf.estimator.ModeKeys.EVAL)
    trained = variables(settings, tf.estimator.ModeKeys.TRAIN)
    assert set(evaluated) == model
    assert evaluated["dense/kernel"] == ("float32", [784, 128])
    assert set(trained) - model >= slots
    assert bool(set(trained) - model) == bool(slots)


@pytest.mark.unit
@pytest.mark.parametrize(("optimizer", "operation"), [*zip(OPTIMIZERS, UPDATES, strict=True)])
def test_every_optimizer_that_has_a_name_is_made(graph, optimizer, operation):
    settings = dataclasses.replace(SETTINGS, optimizer=optimizer)
    model_fn({"x": tf.constant(IMAGES)}, tf.constant(LABELS), tf.estimator.ModeKeys.TRAIN, settings)
    assert {op.type for op in graph.get_operations()} & {*UPDATES} == {operation}


@pytest.mark.unit
def test_adam_has_the_beta2_of_the_settings(graph):
    settings = dataclasses.replace(SETTINGS, optimizer="adam", adam_beta2=0.875)
    model_fn({"x": tf.constant(IMAGES)}, tf.constant(LABELS), tf.estimator.ModeKeys.TRAIN, settings)
    updates = [operation for operation in graph.get_operations() if operation.type == "ApplyAdam"]
    assert {tf.get_static_value(operation.inputs[7]).item() for operation in updates} == {0.875}


@pytest.mark.unit
def test_momentum_is_nine_tenths(graph):
    """The value that the field uses, and MomentumOptimizer has no default."""
    settings = dataclasses.replace(SETTINGS, optimizer="momentum")
    model_fn({"x": tf.constant(IMAGES)}, tf.constant(LABELS), tf.estimator.ModeKeys.TRAIN, settings)
    assert tf.get_static_value(graph.get_tensor_by_name("Momentum/momentum:0")) == np.float32(0.9)
