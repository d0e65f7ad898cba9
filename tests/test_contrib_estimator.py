"""tf.contrib.estimator and tf.contrib.lookup. The expected numbers are TensorFlow 1.15.5's for the same calls."""

import importlib

import numpy as np
import pytest

from cnn_estimator.tf1 import tf
from cnn_estimator.tf1.contrib import estimator, lookup

pytestmark = pytest.mark.integration


@pytest.fixture
def words(tmp_path):
    path = tmp_path / "words"
    path.write_text("emerson\nlake\npalmer\n")
    return str(path)


def looked_up(tensor):
    with tf.Session() as session:
        session.run(tf.tables_initializer())
        return session.run(tensor).tolist()


def test_words_become_indices(words):
    # Python makes a submodule an attribute of its package, here one with the name of a module that the package uses.
    importlib.import_module("tensorflow.contrib.lookup.lookup_ops")
    with tf.Graph().as_default():
        found, names = tf.constant(["lake", "and", "palmer"]), tf.constant(["emerson", "lake", "palmer"])
        results = [
            lookup.index_table_from_file(words).lookup(found),
            lookup.string_to_index_table_from_file(words, 0, 2, 9).lookup(found),
            lookup.index_table_from_tensor(names).lookup(found),
            lookup.index_table_from_tensor(mapping=names, num_oov_buckets=1).lookup(found),
            lookup.string_to_index_table_from_tensor(names, 0, 7).lookup(found),
            lookup.string_to_index(found, names, -2),
        ]
        assert looked_up(tf.stack(results)) == [[1, -1, 2], [1, 9, 9], [1, -1, 2], [1, 3, 2], [1, 7, 2], [1, -2, 2]]


def test_indices_become_words(words):
    with tf.Graph().as_default():
        indices, names = tf.constant([2, 5], tf.int64), tf.constant(["emerson", "lake", "palmer"])
        results = [
            lookup.index_to_string_table_from_file(words).lookup(indices),
            lookup.index_to_string_table_from_tensor(names, "?").lookup(indices),
            lookup.index_to_string(indices, names),
        ]
        assert looked_up(tf.stack(results)) == [[b"palmer", b"UNK"], [b"palmer", b"?"], [b"palmer", b"UNK"]]


def test_hash_tables_are_initialized_and_mutable_tables_change():
    with tf.Graph().as_default(), tf.Session() as session:
        table = lookup.HashTable(lookup.KeyValueTensorInitializer(["a", "b"], tf.constant([3, 4], tf.int64)), -1)
        table.init.run()
        assert session.run(table.lookup(tf.constant(["b", "c"]))).tolist() == [4, -1]
        with pytest.raises(ValueError, match="'one' is not supported"):
            lookup.HashTable(None, -1, shared_name="one")
        table = lookup.MutableHashTable(tf.string, tf.int64, -1)
        session.run(table.insert(tf.constant(["a"]), tf.constant([5], tf.int64)))
        assert session.run(table.lookup(tf.constant(["a", "b"]))).tolist() == [5, -1]


def input_fn():
    rows = np.arange(8, dtype=np.float32).reshape(8, 1)
    return tf.data.Dataset.from_tensors(({"x": rows, "key": rows[:, 0]}, (rows[:, 0] > 3).astype(np.int64) * 2))


def make_model_fn(head):
    def model_fn(features, labels, mode):
        logits = tf.layers.dense(features["x"], head.logits_dimension, kernel_initializer="zeros")
        return head.create_estimator_spec(
            features, mode, logits, labels, optimizer=tf.train.GradientDescentOptimizer(0.01)
        )

    return model_fn


def test_forward_features_adds_features_to_predictions(tmp_path):
    base = tf.estimator.Estimator(make_model_fn(estimator.multi_class_head(3)), str(tmp_path))
    base.train(input_fn, steps=1)
    rows = list(estimator.forward_features(base, "key").predict(input_fn))
    assert [row["key"] for row in rows] == list(range(8))
    assert {"key", "probabilities"} < {*rows[0]}
    assert "x" not in rows[0]
    assert "x" in next(estimator.forward_features(base).predict(input_fn))
    with pytest.raises(ValueError, match="'nope' must be in the features"):
        next(estimator.forward_features(base, ["nope"]).predict(input_fn))


def test_add_metrics_and_early_stopping_hooks_work(tmp_path):
    base = tf.estimator.Estimator(make_model_fn(estimator.multi_class_head(3)), str(tmp_path))
    more = estimator.add_metrics(base, lambda labels: {"largest": tf.metrics.mean(tf.reduce_max(labels))})
    more.train(input_fn, steps=1, hooks=[estimator.stop_if_no_increase_hook(more, "accuracy", 10)])
    assert more.evaluate(input_fn)["largest"] == 2
    assert estimator.InMemoryEvaluatorHook is tf.estimator.experimental.InMemoryEvaluatorHook


ROWS = np.array([[1, 2], [3, 4], [-1, 0], [2, -2]], np.float32)
CLASSES, VALUES = np.array([0, 1, 2, 1]), np.array([[1.0], [2.0], [3.0], [4.0]], np.float32)
HEADS = {
    "classes": (
        lambda: estimator.multi_class_head(3),
        CLASSES,
        0.82463,
        [[-0.04316, 0.21415, -0.17098], [0.04992, 0.02031, -0.07023]],
    ),
    "two classes": (
        estimator.binary_classification_head,
        np.array([[0], [1], [1], [0]]),
        0.63242,
        [[-0.0427], [0.13107]],
    ),
    "labels": (
        lambda: estimator.multi_label_head(3),
        np.array([[1, 0, 1], [0, 1, 1], [0, 0, 0], [1, 1, 1]]),
        0.6418,
        [[0.01313, 0.06058, 0.08356], [-0.0478, -0.00126, 0.0456]],
    ),
    "regression": (estimator.regression_head, VALUES, 2.11342, [[0.72125], [-0.2695]]),
    "Poisson": (estimator.poisson_regression_head, VALUES, 1.66096, [[0.28497], [-0.17026]]),
    "logistic": (
        estimator.logistic_regression_head,
        np.array([[0.1], [0.2], [0.9], [1.0]], np.float32),
        0.57282,
        [[-0.03582], [-0.19122]],
    ),
    "several": (
        lambda: estimator.multi_head(
            [estimator.multi_class_head(3, name="a"), estimator.regression_head(name="b")], [1.0, 2.0]
        ),
        {"a": CLASSES, "b": VALUES},
        182.8494,
        [[-0.04316, 0.21415, -0.17098, 2.47], [0.04992, 0.02031, -0.07023, 2.284]],
    ),
}


@pytest.mark.parametrize("name", HEADS)
def test_heads_train_to_the_numbers_of_1_15(tmp_path, name):
    make, labels, loss, weights = HEADS[name]

    def model_fn(features, labels, mode):
        logits = tf.layers.dense(features["x"], len(weights[0]), kernel_initializer=tf.zeros_initializer())
        if name == "several":
            logits = {"a": logits[:, :3], "b": logits[:, 3:]}
        optimizer = tf.train.GradientDescentOptimizer(0.1)
        return make().create_estimator_spec(features, mode, logits, labels, optimizer=optimizer)

    assert make().logits_dimension == len(weights[0])
    made = tf.estimator.Estimator(model_fn, str(tmp_path))
    made.train(lambda: tf.data.Dataset.from_tensors(({"x": ROWS}, labels)).repeat(3))
    result = made.evaluate(lambda: tf.data.Dataset.from_tensors(({"x": ROWS}, labels)))
    assert result["loss"] == pytest.approx(loss, abs=1e-4)
    np.testing.assert_allclose(made.get_variable_value("dense/kernel"), weights, atol=1e-4)


def test_gradients_are_clipped_by_their_global_norm_as_in_1_15():
    with tf.Graph().as_default(), tf.Session() as session:
        weights = [tf.get_variable("v", initializer=[3.0, 4.0]), tf.get_variable("w", initializer=[2.0])]
        optimizer = estimator.clip_gradients_by_norm(tf.train.GradientDescentOptimizer(1.0), 1.0)
        step = optimizer.minimize(sum(tf.reduce_sum(weight**2) for weight in weights))
        session.run(tf.global_variables_initializer())
        session.run(step)
        np.testing.assert_allclose(np.concatenate(session.run(weights)), [2.442914, 3.2572186, 1.6286093], rtol=1e-6)


def test_tables_hash_values_as_in_1_15():
    with tf.Graph().as_default(), tf.Session() as session:
        names, found = tf.constant(["a", "b", "c"]), tf.constant(["a", "c", "zz", "qq"])
        strong = lookup.StrongHashSpec((1, 2))
        tables = [
            lookup.index_table_from_tensor(names, 2),
            lookup.index_table_from_tensor(names, 3, hasher_spec=strong),
        ]
        hashed = [table.lookup(found) for table in tables]
        session.run(tf.tables_initializer())
        assert [ids.tolist() for ids in session.run(hashed)] == [[0, 2, 3, 4], [0, 2, 4, 5]]
        changing = lookup.MutableHashTable(tf.string, tf.int64, -1)
        dense = lookup.MutableDenseHashTable(tf.int64, tf.float32, 0.5, empty_key=-1, deleted_key=-2)
        session.run([changing.insert(found, tf.range(4, dtype=tf.int64)), dense.insert(np.array([3]), [2.0])])
        values = changing.lookup(tf.constant(["zz", "?"])), changing.size(), dense.lookup(np.array([3, 4]))
        assert [value.tolist() for value in session.run(values)] == [[2, -1], 4, [2.0, 0.5]]


def test_heads_take_the_loss_reductions_of_tensorflow_1(tmp_path):
    columns = [tf.feature_column.numeric_column("x")]
    data = {"x": [[1.0], [2.0]]}, [[0.5], [1.0]]
    losses = {}
    for name in ("SUM", "SUM_OVER_BATCH_SIZE"):
        head = estimator.regression_head(loss_reduction=getattr(tf.losses.Reduction, name))
        linear = tf.estimator.LinearEstimator(
            head, columns, str(tmp_path / name), tf.train.GradientDescentOptimizer(0.0)
        )
        linear.train(lambda: tf.data.Dataset.from_tensors(data))
        losses[name] = linear.evaluate(lambda: tf.data.Dataset.from_tensors(data))["loss"]
    assert losses == {"SUM": 1.25, "SUM_OVER_BATCH_SIZE": 0.625}  # the weights are 0
    with pytest.raises(NotImplementedError, match="SUM_BY_NONZERO_WEIGHTS is not available"):
        estimator.binary_classification_head(loss_reduction=tf.losses.Reduction.SUM_BY_NONZERO_WEIGHTS)
