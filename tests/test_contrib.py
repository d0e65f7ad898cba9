"""The parts of tf.contrib. The expected numbers are TensorFlow 1.15.5's for the same calls."""

import ast
import importlib
import pathlib

import numpy as np
import pytest

from cnn_estimator.tf1 import contrib, tf
from cnn_estimator.tf1.unavailable import Unavailable

pytestmark = pytest.mark.integration

L, M, D, F = contrib.layers, contrib.metrics, contrib.data, contrib.framework
ROWS = np.array([[1.0, 2.0, 4.0], [3.0, -1.0, 0.0]], np.float32)
IMAGE = np.arange(32, dtype=np.float32).reshape(1, 4, 4, 2)
IDS = [[0, 2], [1, 1], [0, 0]]


@pytest.fixture(autouse=True)
def graph():
    with tf.Graph().as_default() as graph:
        tf.set_random_seed(7)
        yield graph


def run(tensors):
    """Returns the values of tensors in a new session with initialized variables and tables."""
    with tf.Session() as session:
        session.run([tf.global_variables_initializer(), tf.local_variables_initializer(), tf.tables_initializer()])
        return session.run(tensors)


def close(tensor, expected):
    np.testing.assert_allclose(run(tensor), expected, rtol=1e-5, atol=1e-6)


def ones():
    return tf.ones_initializer()


def rows():
    return tf.constant(ROWS)


def variable(initializer):
    return tf.get_variable("v", [2, 3], initializer=initializer)


def table():
    return tf.constant_initializer([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])


def batch_norm(*, training, fused):
    """Returns outputs and moving averages. The fused version averages the sample variance."""
    tensor = L.batch_norm(rows(), is_training=training, decay=0.9, updates_collections=None, scale=True, fused=fused)
    with tf.control_dependencies([tensor]):
        return tf.concat([tensor] + [[tf.identity(v)] for v in tf.global_variables() if "moving" in v.name], 0)


LAYERS = {
    "layer_norm": (lambda: L.layer_norm(rows()), [[-1.069045, -0.267261, 1.336306], [1.372813, -0.980581, -0.392232]]),
    "layer_norm of the last axis": (
        lambda: L.layer_norm(tf.constant([[[0.0, 1], [2, 3]]]), begin_norm_axis=-1, begin_params_axis=-1),
        [[[-1, 1], [-1, 1]]],
    ),
    "xavier_initializer": (
        lambda: variable(L.xavier_initializer(seed=3)),
        [[-0.216706, -0.269832, -0.417819], [-0.902481, 0.539084, -0.099232]],
    ),
    "xavier_initializer, normal": (
        lambda: variable(L.xavier_initializer(uniform=False, seed=3)),
        [[0.681236, -0.697163, 0.580618], [0.939835, -0.157765, -0.580421]],
    ),
    "variance_scaling_initializer": (
        lambda: variable(L.variance_scaling_initializer(seed=3)),
        [[1.077128, -1.102311, 0.918037], [1.486009, -0.249448, -0.917727]],
    ),
    "l1_regularizer": (lambda: L.l1_regularizer(0.5)(rows()), 5.5),
    "l2_regularizer": (lambda: L.l2_regularizer(0.5)(rows()), 7.75),
    "flatten": (lambda: L.flatten(tf.constant(IMAGE)), IMAGE.reshape(1, 32)),
    "fully_connected": (
        lambda: L.fully_connected(
            rows(), 2, weights_initializer=ones(), biases_initializer=tf.constant_initializer(-4.0)
        ),
        [[3, 3], [0, 0]],
    ),
    "conv2d": (
        lambda: L.conv2d(IMAGE, 1, [3, 1], stride=2, weights_initializer=ones()),
        [[[[51], [75]], [[82], [98]]]],
    ),
    "conv2d, valid": (lambda: L.conv2d(IMAGE, 1, 3, 2, "VALID", weights_initializer=ones()), [[[[189]]]]),
    "max_pool2d": (lambda: L.max_pool2d(IMAGE, 2), [[[[10, 11], [14, 15]], [[26, 27], [30, 31]]]]),
    "avg_pool2d": (lambda: L.avg_pool2d(IMAGE, 2), [[[[5, 6], [9, 10]], [[21, 22], [25, 26]]]]),
    "batch_norm": (
        lambda: batch_norm(training=True, fused=False),
        [[-0.9995, 0.999778, 0.999875], [0.999501, -0.999778, -0.999875], [0.2, 0.05, 0.2], [1.0, 1.125, 1.3]],
    ),
    "batch_norm, fused": (
        lambda: batch_norm(training=True, fused=None),
        [[-0.9995, 0.999778, 0.999875], [0.999501, -0.999778, -0.999875], [0.2, 0.05, 0.2], [1.1, 1.35, 1.7]],
    ),
    "batch_norm, not training": (
        lambda: batch_norm(training=False, fused=False),
        [[0.9995, 1.999001, 3.998002], [2.998501, -0.9995, 0], [0, 0, 0], [1, 1, 1]],
    ),
    "dropout": (lambda: L.dropout(tf.ones([2, 4]), 0.5, seed=5), [[2, 0, 2, 0], [2, 0, 0, 2]]),
    "embed_sequence": (
        lambda: L.embed_sequence(IDS, 3, 2, initializer=table()),
        [[[1, 2], [5, 6]], [[3, 4], [3, 4]], [[1, 2], [1, 2]]],
    ),
    "embed_sequence, unique": (
        lambda: L.embed_sequence(IDS, 3, 2, unique=True, initializer=table()),
        [[[1, 2], [5, 6]], [[3, 4], [3, 4]], [[1, 2], [1, 2]]],
    ),
    "bow_encoder": (lambda: L.bow_encoder(IDS, 3, 2, initializer=table()), [[5, 6], [3, 4], [1, 2]]),
    "bow_encoder, dense": (
        lambda: L.bow_encoder(IDS, 3, 2, sparse_lookup=False, initializer=table()),
        [[3, 4], [3, 4], [1, 2]],
    ),
    "one_hot_encoding": (lambda: L.one_hot_encoding([2, 0], 3), [[0, 0, 1], [1, 0, 0]]),
    "stack": (lambda: L.stack(rows(), L.fully_connected, [2, 1], weights_initializer=ones()), [[14], [4]]),
    "repeat": (lambda: L.repeat(rows(), 2, L.fully_connected, 3, weights_initializer=ones()), [[21] * 3, [6] * 3]),
    "maxout": (lambda: L.maxout(IMAGE.reshape(4, 8), 2), [[3, 7], [11, 15], [19, 23], [27, 31]]),
    "slim": (lambda: contrib.slim.fully_connected(rows(), 1, weights_initializer=ones()), [[7], [2]]),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layers_compute_the_numbers_of_1_15(name):
    make, expected = LAYERS[name]
    close(make(), expected)


def missing_names(path):
    """Returns the names of TensorFlow that a file of tf-slim uses and that do not exist."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    modules = {"tf": tf}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tensorflow"):
            for alias in node.names:
                modules[alias.asname or alias.name] = getattr(importlib.import_module(node.module), alias.name)
    uses = (node for node in ast.walk(tree) if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name))
    return {
        ast.unparse(use) for use in uses if use.value.id in modules and not hasattr(modules[use.value.id], use.attr)
    }


def test_all_names_of_tensorflow_that_tf_slim_uses_exist():
    folder = pathlib.Path(contrib._tf_slim.tf_slim.__file__).parent
    files = [path for path in folder.rglob("*.py") if not path.name.endswith("_test.py")]
    assert len(files) > 30
    assert set().union(*map(missing_names, files)) == set()


@pytest.mark.parametrize("layer", [L.batch_norm, L.dropout])
def test_is_training_may_be_a_tensor(layer):
    training = tf.placeholder(tf.bool, [])
    tensor = layer(tf.constant(ROWS), is_training=training)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        trained, applied = (session.run(tensor, {training: value}) for value in (True, False))
    np.testing.assert_allclose(applied, ROWS, atol=0.01)
    assert abs(trained - applied).max() > 0.5


def test_variables_have_the_names_of_1_15():
    """So a checkpoint of TensorFlow 1 fits."""
    L.fully_connected(rows(), 2)
    L.conv2d(IMAGE, 1, 3, normalizer_fn=L.batch_norm)
    L.layer_norm(rows())
    L.embed_sequence([[1]], 2, 2)
    assert [variable.op.name for variable in tf.global_variables()] == [
        "fully_connected/weights",
        "fully_connected/biases",
        "Conv/weights",
        "Conv/BatchNorm/beta",
        "Conv/BatchNorm/moving_mean",
        "Conv/BatchNorm/moving_variance",
        "LayerNorm/beta",
        "LayerNorm/gamma",
        "EmbedSequence/embeddings",
    ]


def test_a_regularizer_adds_to_the_regularization_loss():
    L.fully_connected(rows(), 2, weights_initializer=ones(), weights_regularizer=L.l2_regularizer(0.1))
    close(L.apply_regularization(L.l2_regularizer(0.5), [tf.constant([2.0, 3.0])]), 3.25)
    close(tf.losses.get_regularization_loss(), 3.55)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"optimizer": "SGD"}, [2.4, -3.2]),
        ({"optimizer": "SGD", "clip_gradients": 1.0}, [2.94, -3.92]),
        ({"optimizer": "Adam"}, [2.9, -3.9]),
        (
            {"optimizer": "SGD", "learning_rate_decay_fn": lambda r, s: tf.train.exponential_decay(r, s, 1, 0.5)},
            [2.4, -3.2],
        ),
        ({"optimizer": tf.train.GradientDescentOptimizer, "gradient_multipliers": {"w:0": 0.5}}, [2.7, -3.6]),
    ],
)
def test_optimize_loss_updates_weights_as_1_15(arguments, expected):
    weights = tf.get_variable("w", initializer=[3.0, -4.0])
    step = tf.train.get_or_create_global_step()
    loss = L.optimize_loss(tf.reduce_sum(tf.square(weights)), step, 0.1, **arguments)
    with tf.control_dependencies([loss]):
        values = [tf.identity(weights), tf.identity(step)]
    after, steps = run(values)
    np.testing.assert_allclose(after, expected, rtol=1e-6)
    assert steps == 1


def test_optimize_loss_accepts_a_sparse_gradient():
    weights = tf.get_variable("w", initializer=[[3.0], [-4.0]])
    loss = L.optimize_loss(tf.reduce_sum(tf.gather(weights, [1])), None, 0.1, "SGD", summaries=["gradients"])
    with tf.control_dependencies([loss]):
        after = tf.identity(weights)
    close(after, [[3], [-4.1]])


def _features():
    return {
        "r": tf.constant([[1.0], [3.0]]),
        "q": tf.constant([[1.0, 2.0], [3.0, 4.0]]),
        "s": tf.constant([["a"], ["b"]]),
        "k": tf.constant([["x"], ["z"]]),
        "k2": tf.constant([["y"], ["y"]]),
        "i": tf.constant([[1], [2]], tf.int64),
        "w": tf.constant([[0.5], [2.0]]),
    }


def _columns():
    sparse, keys = L.sparse_column_with_hash_bucket("s", 5), L.sparse_column_with_keys("k", ["x", "y", "z"])
    real = L.real_valued_column("r", normalizer=lambda x: x * 2)
    cross = L.crossed_column([sparse, keys], 6, hash_key=L.SPARSE_FEATURE_CROSS_DEFAULT_HASH_KEY)
    return {
        "real": real,
        "two": L.real_valued_column("q", dimension=2),
        "buckets": L.bucketized_column(real, [3.0, 5.0]),
        "hashes": L.one_hot_column(sparse),
        "keys": L.one_hot_column(keys),
        "integers": L.one_hot_column(L.sparse_column_with_integerized_feature("i", 4)),
        "cross": L.embedding_column(cross, 2, initializer=tf.constant_initializer(np.arange(12.0).reshape(6, 2))),
        "weighted": L.embedding_column(
            L.weighted_sparse_column(keys, "w"), 2, "sum", tf.constant_initializer(np.arange(6.0).reshape(3, 2))
        ),
    }


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["real", "two"], [[1, 2, 2], [3, 4, 6]]),
        (["buckets"], [[1, 0, 0], [0, 0, 1]]),
        (["hashes"], [[0, 0, 0, 0, 1], [0, 0, 1, 0, 0]]),
        (["keys"], [[1, 0, 0], [0, 0, 1]]),
        (["integers"], [[0, 1, 0, 0], [0, 0, 1, 0]]),
        (["cross"], [[6, 7], [8, 9]]),
        (["weighted"], [[0, 0.5], [8, 10]]),
        (
            ["real", "two", "hashes", "keys", "buckets", "cross"],
            [[1, 0, 0, 6, 7, 0, 0, 0, 0, 1, 1, 0, 0, 1, 2, 2], [0, 0, 1, 8, 9, 0, 0, 1, 0, 0, 0, 0, 1, 3, 4, 6]],
        ),
    ],
)
def test_feature_columns_compute_the_numbers_of_1_15(names, expected):
    columns = _columns()
    close(L.input_from_feature_columns(_features(), [columns[name] for name in names]), expected)


def test_integerized_ids_are_taken_modulo_the_bucket_size():
    features = {name: tf.constant([[1], [6], [9]], tf.int64) for name in ("i", "j")}
    embedded = L.embedding_column(
        L.sparse_column_with_integerized_feature("j", 4),
        1,
        initializer=tf.constant_initializer(np.arange(4.0)[:, None]),
    )
    columns = [L.one_hot_column(L.sparse_column_with_integerized_feature("i", 4)), embedded]
    close(L.input_from_feature_columns(features, columns), [[1, 0, 1, 0, 0], [2, 0, 0, 1, 0], [1, 0, 1, 0, 0]])


def test_remove_squeezable_dimensions_returns_predictions_first():
    predictions, labels = F.remove_squeezable_dimensions(predictions=tf.ones([3, 1]), labels=tf.zeros([3]))
    close(predictions, [1, 1, 1])
    close(labels, [0, 0, 0])


def test_shared_embedding_columns_share_one_table():
    columns = [L.sparse_column_with_keys(name, ["x", "y", "z"]) for name in ("k", "k2")]
    initializer = tf.constant_initializer(np.arange(6.0).reshape(3, 2))
    shared = L.shared_embedding_columns(columns, 2, initializer=initializer)
    close(L.input_from_feature_columns(_features(), shared), [[0, 1, 2, 3], [4, 5, 2, 3]])
    assert len(tf.trainable_variables()) == 1


def test_initial_embeddings_depend_on_the_number_of_buckets():
    """In tf.feature_column they depend on the dimension."""
    column = L.embedding_column(L.sparse_column_with_hash_bucket("s", 4), 10000)
    L.input_from_feature_columns(_features(), [column])
    assert run(tf.trainable_variables()[0]).std() == pytest.approx(0.44, abs=0.01)  # 1/sqrt(4), truncated


def test_weighted_sum_from_feature_columns_is_a_linear_model():
    columns = [L.sparse_column_with_keys("k", ["x", "y", "z"]), _columns()["real"]]
    outputs, variables, bias = L.weighted_sum_from_feature_columns(_features(), columns, 2)
    (weights,) = variables[columns[1]]
    with tf.Session() as session:
        session.run([tf.global_variables_initializer(), tf.tables_initializer()])
        session.run([tf.assign(weights, [[1.0, 2.0]]), tf.assign(bias, [0.5, 0.0])])
        np.testing.assert_allclose(session.run(outputs), [[2.5, 4], [6.5, 12]])


def test_columns_have_parsing_specs_and_are_inferred_from_features():
    columns = _columns()
    spec = L.create_feature_spec_for_parsing([columns["two"], columns["cross"]])
    assert spec["q"].shape == (2,)
    assert sorted(spec) == ["k", "q", "s"]
    inferred = L.infer_real_valued_columns({"a": tf.constant(IMAGE), "b": tf.constant([1, 2])})
    assert [(column.key, column.shape, column.dtype) for column in inferred] == [
        ("a", (32,), tf.float32),
        ("b", (1,), tf.int32),
    ]
    with pytest.raises(ValueError, match="no column can be inferred for 'c'"):
        L.infer_real_valued_columns({"c": tf.constant(["text"])})


def test_an_unsupported_column_raises_an_error():
    with pytest.raises(NotImplementedError, match=r"sparse_combiner"):
        L.sparse_column_with_keys("k", ["x"], combiner="sqrtn")


P, T, Q = [1.0, 0.0, 1.0, 1.0], [1.0, 0.0, 0.0, 1.0], [0.9, 0.2, 0.6, 0.7]


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: M.streaming_accuracy(tf.constant(P), tf.constant(T)), 0.75),
        (lambda: M.streaming_auc(tf.constant(Q), tf.constant(T)), 1.0),
        (lambda: M.streaming_mean(tf.constant(Q)), 0.6),
        (lambda: M.streaming_precision(tf.constant(P), tf.constant(T)), 0.666667),
        (lambda: M.streaming_recall(tf.constant(P), tf.constant(T)), 1.0),
        (lambda: M.streaming_mean_squared_error(tf.constant(Q), tf.constant(T)), 0.125),
        (lambda: M.streaming_mean_iou(tf.constant([1, 0, 1, 1]), tf.constant([1, 0, 0, 1]), 2), [[1, 1], [0, 2]]),
        (lambda: M.streaming_pearson_correlation(tf.constant(Q), tf.constant(T)), 0.784465),
        (
            lambda: M.streaming_sparse_recall_at_k(
                tf.constant([[0.1, 0.9], [0.8, 0.2]]), tf.constant([[1], [1]], tf.int64), 1
            ),
            0.5,
        ),
        (lambda: M.cohen_kappa(tf.constant([1, 0, 0, 1]), tf.constant([1, 0, 1, 1]), 2), 0.5),
        (lambda: M.f1_score(tf.constant(T), tf.constant(Q)), 1.0),
        (lambda: (None, M.accuracy(tf.constant([1, 0, 1]), tf.constant([1, 1, 1]))), 0.666667),
        (lambda: (None, M.confusion_matrix([1, 0, 0, 1], [1, 0, 1, 1])), [[1, 1], [0, 2]]),
        (lambda: (None, M.set_size(M.set_intersection(tf.constant([[1, 2]]), tf.constant([[2, 3]])))), [1]),
    ],
)
def test_metrics_compute_the_numbers_of_1_15(make, expected):
    _, update = make()
    close(update, expected)


def test_aggregate_metric_map_returns_dictionaries():
    values, updates = M.aggregate_metric_map({"a": M.streaming_accuracy(tf.constant(P), tf.constant(T))})
    assert list(values) == ["a"]
    close(updates["a"], 0.75)


def elements(dataset):
    next_element = tf.data.make_one_shot_iterator(dataset).get_next()
    values = []
    with tf.Session() as session:
        try:
            while True:
                values.append(session.run(next_element))
        except tf.errors.OutOfRangeError:
            return [np.asarray(element).tolist() for element in values]


def _twice(number):
    return tf.data.Dataset.from_tensors(number).repeat(2)


@pytest.mark.parametrize(
    ("length", "make", "expected"),
    [
        (5, lambda: D.map_and_batch(lambda x: x * 2, 2), [[0, 2], [4, 6], [8]]),
        (5, lambda: D.map_and_batch(lambda x: x * 2, 2, 1, drop_remainder=True), [[0, 2], [4, 6]]),
        (5, lambda: D.batch_and_drop_remainder(2), [[0, 1], [2, 3]]),
        (5, lambda: lambda numbers: numbers.batch(2).apply(D.unbatch()), [0, 1, 2, 3, 4]),
        (
            5,
            lambda: lambda n: n.map(lambda x: tf.fill([x], x)).apply(D.padded_batch_and_drop_remainder(2, [None])),
            [[[0], [1]], [[2, 2, 0], [3, 3, 3]]],
        ),
        (5, lambda: D.sliding_window_batch(3, stride=2), [[0, 1, 2], [2, 3, 4]]),
        (7, lambda: D.sliding_window_batch(2, window_shift=3, window_stride=2), [[0, 2], [3, 5]]),
        (
            4,
            lambda: lambda n: tf.data.Dataset.zip((n, n)).apply(D.sliding_window_batch(2)).map(lambda x, y: x + y),
            [[0, 2], [2, 4], [4, 6]],
        ),
        (
            4,
            lambda: lambda n: n.map(lambda x: {"a": x, "b": x}).apply(D.sliding_window_batch(2)).map(lambda x: x["b"]),
            [[0, 1], [1, 2], [2, 3]],
        ),
        (4, lambda: D.parallel_interleave(_twice, cycle_length=2), [0, 1, 0, 1, 2, 3, 2, 3]),
        (2, lambda: D.sloppy_interleave(_twice, cycle_length=1), [0, 0, 1, 1]),
        (2, lambda: D.enumerate_dataset(5), [[5, 0], [6, 1]]),
        (4, lambda: D.scan(tf.constant(0, tf.int64), lambda s, x: (s + x, s + x)), [0, 1, 3, 6]),
        (6, lambda: D.group_by_window(lambda x: x % 2, lambda _, w: w.batch(3), 3), [[0, 2, 4], [1, 3, 5]]),
        (3, lambda: lambda numbers: numbers.prefetch(D.AUTOTUNE), [0, 1, 2]),
    ],
)
def test_transformations_return_the_elements_of_1_15(length, make, expected):
    assert elements(tf.data.Dataset.range(length).apply(make())) == expected


def test_shuffle_and_repeat_returns_each_element_once_per_epoch():
    """The order depends on the release of TensorFlow."""
    values = elements(tf.data.Dataset.range(4).apply(D.shuffle_and_repeat(4, 2, seed=1)))
    assert sorted(values[:4]) == sorted(values[4:]) == [0, 1, 2, 3]


def test_datasets_have_the_methods_of_1_3(tmp_path):
    dataset = D.Dataset.from_tensor_slices([1, 2, 3]).repeat(2)
    assert elements(dataset.map(lambda x: x + 1, num_threads=2, output_buffer_size=4).batch(4)) == [
        [2, 3, 4, 2],
        [3, 4],
    ]
    assert elements(D.Dataset.zip((dataset, dataset)).map(lambda x, y: x * y, num_threads=1).take(2)) == [1, 4]
    assert elements(dataset.batch(4).unbatch().enumerate().skip(5)) == [[5, 3]]
    assert elements(dataset.group_by_window(lambda x: tf.cast(x % 2, tf.int64), lambda _, w: w.batch(4), 4)) == [
        [1, 3, 1, 3],
        [2, 2],
    ]
    (tmp_path / "lines").write_text("a\nb\n")
    lines = D.TextLineDataset([str(tmp_path / "lines")]).map(tf.strings.length, num_threads=1)
    assert elements(lines.shuffle(2)) == [1, 1]
    assert isinstance(lines, tf.data.Dataset)  # what an Estimator's input_fn returns


def test_a_sliding_window_has_only_one_shift():
    with pytest.raises(ValueError, match="stride and window_shift"):
        D.sliding_window_batch(2, stride=1, window_shift=1)


def test_batches_of_features_are_read_from_files(tmp_path):
    path = str(tmp_path / "examples")
    with tf.python_io.TFRecordWriter(path) as writer:
        for number in range(4):
            feature = tf.train.Feature(int64_list=tf.train.Int64List(value=[number]))
            writer.write(tf.train.Example(features=tf.train.Features(feature={"n": feature})).SerializeToString())
    spec = {"n": tf.FixedLenFeature([], tf.int64)}
    assert sorted(run(D.read_batch_features(path, 4, spec, num_epochs=1))["n"]) == [0, 1, 2, 3]


def test_framework_has_arg_scope_variables_and_tools(graph):
    with F.arg_scope([L.fully_connected], weights_initializer=ones(), activation_fn=None):
        close(L.fully_connected(rows(), 1), [[7], [2]])
    F.model_variable("mv", [2])
    F.local_variable(1.0, name="lv")
    assert [v.op.name for v in F.get_variables("mv")] == ["mv"]
    assert "fully_connected/weights" in [v.op.name for v in F.get_variables_to_restore(exclude=["mv"])]
    assert F.get_or_create_global_step() is tf.train.get_global_step()
    assert F.nest.flatten([1, {"a": [2]}]) == [1, 2]
    assert F.nest.is_sequence([1])
    tf.placeholder(tf.float32, name="p")
    with tf.name_scope("s"):
        assert F.get_name_scope() == "s"
    assert [placeholder.op.name for placeholder in F.get_placeholders(graph)] == ["p"]
    close(F.sort([3, 1, 2], direction="DESCENDING"), [3, 2, 1])
    close(F.reduce_sum_n([tf.constant([1, 2]), tf.constant(3)]), 6)


def test_py_func_takes_and_returns_structures(graph):
    def add(a, b, c=0):
        return {"sum": a + b["x"], "c": [np.float32(c), np.array(a.shape)]}

    outputs = F.py_func(
        add,
        [tf.constant([1.0, 2.0]), {"x": tf.constant(3.0)}],
        {"c": tf.constant(4)},
        {"sum": tf.float32, "c": [tf.float32, tf.int64]},
        lambda a, b, c: {"sum": a.shape, "c": [[], [None]]},
    )
    assert outputs["sum"].shape == [2]
    assert outputs["c"][1].shape.ndims == 1
    values = tf.Session().run(outputs)
    assert (values["sum"].tolist(), values["c"][0], values["c"][1].tolist()) == ([4, 5], 4, [2])
    assert tf.Session().run(F.py_func(lambda: np.int64(7), output_types=tf.int64, name="seven")) == 7
    with pytest.raises(TypeError, match="a list and a dictionary"):
        F.py_func(abs, [tf.constant(1.0)], tf.float32)


def test_framework_restores_variables_from_a_checkpoint(tmp_path):
    weights = F.model_variable("a/w", [2], initializer=ones())
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        path = tf.train.Saver().save(session, str(tmp_path / "model"))
        session.run(tf.assign(weights, [5.0, 5.0]))
        F.assign_from_checkpoint_fn(path, [weights])(session)
        assert session.run(weights).tolist() == [1, 1]
    assert F.list_variables(path) == [("a/w", [2])]
    assert F.load_variable(path, "a/w").tolist() == [1, 1]


@pytest.mark.parametrize(
    "shape", [lambda n: [n], lambda n: tf.constant([n]), lambda n: tf.placeholder_with_default([n], [1])]
)
def test_with_shape_checks_the_shape(shape):
    tensor = tf.placeholder_with_default([1.0, 2.0], None)
    close(F.with_shape(shape(2), tensor), [1, 2])
    with pytest.raises(tf.errors.InvalidArgumentError):
        run(F.with_shape(shape(3), tensor))
    with pytest.raises(tf.errors.InvalidArgumentError):
        run(F.with_same_shape(tf.placeholder_with_default([1.0], None), tensor))
    with pytest.raises(ValueError, match="3"):
        F.with_shape([3], tf.constant([1.0, 2.0]))


def test_assert_scalar_int_refuses_floats():
    close(F.assert_scalar_int(3), 3)
    with pytest.raises(ValueError, match="integer type"):
        F.assert_scalar_int(3.0)


def trained(make, steps=3):
    """Trains a table, which has a sparse gradient, and a vector. Returns both."""
    table = tf.get_variable("a", initializer=[[1.0, -2.0], [3.0, 4.0], [0.5, 0.25]])
    vector = tf.get_variable("b", initializer=[0.5, -1.0])
    rows = tf.gather(table, [0, 2, 2])
    loss = tf.reduce_sum(tf.square(rows) * [1.0, 2.0]) + tf.reduce_sum(tf.square(vector - 3.0))
    update = make(table, vector, loss)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        for _ in range(steps):
            session.run(update)
        return [value.ravel().tolist() for value in session.run([table, vector])]


OPT = contrib.opt
OPTIMIZERS = {
    "LazyAdam": (
        lambda: OPT.LazyAdamOptimizer(0.1),
        [0.7015873, -1.7006245, 3, 4, 0.2048723, -0.0302074],
        [0.7995250, -0.7002749],
    ),
    "AdamW": (
        lambda: OPT.AdamWOptimizer(0.01, learning_rate=0.1),
        [0.6751023, -1.6443697, 3, 4, 0.1934166, -0.0337169],
        [0.7817161, -0.6735932],
    ),
    "MomentumW": (
        lambda: OPT.MomentumWOptimizer(0.01, 0.1, 0.9),
        [0.0466390, 1.0868421, 3, 4, -0.2717105, -0.2286852],
        [2.8163795, 2.7464211],
    ),
    "extended": (
        lambda: OPT.extend_with_decoupled_weight_decay(tf.train.GradientDescentOptimizer)(0.01, learning_rate=0.1),
        [0.512, -0.432, 3, 4, 0.108, 0.002],
        [1.6949795, 0.9554210],
    ),
    "AdaMax": (
        lambda: OPT.AdaMaxOptimizer(0.1),
        [0.7154995, -1.7076483, 3, 4, 0.2309098, 0.0105616],
        [0.7939337, -0.7036861],
    ),
    "Nadam": (
        lambda: OPT.NadamOptimizer(0.1),
        [0.5568305, -1.5475551, 3, 4, 0.0840852, -0.0737895],
        [0.9540203, -0.5437710],
    ),
}


@pytest.mark.parametrize("resource", [False, True])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers_update_weights_as_1_15(name, resource):
    make, table, vector = OPTIMIZERS[name]
    with tf.variable_scope("", use_resource=resource):
        trained_table, trained_vector = trained(lambda table, vector, loss: make().minimize(loss))
    np.testing.assert_allclose(trained_table, table, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(trained_vector, vector, rtol=1e-5, atol=1e-6)


def test_decay_var_list_selects_the_variables_that_decay():
    def apply(table, vector, loss):
        optimizer = OPT.AdamWOptimizer(0.1, learning_rate=0.0)
        return optimizer.apply_gradients(optimizer.compute_gradients(loss), decay_var_list=[vector])

    table, vector = trained(apply, steps=1)
    np.testing.assert_allclose(table, [1, -2, 3, 4, 0.5, 0.25])
    np.testing.assert_allclose(vector, [0.45, -0.9])


def test_a_swapping_saver_saves_the_moving_averages(tmp_path):
    weights = tf.get_variable("a", initializer=[1.0, 2.0])
    optimizer = OPT.MovingAverageOptimizer(tf.train.GradientDescentOptimizer(0.1), average_decay=0.5)
    with pytest.raises(RuntimeError, match="before swapping_saver"):
        optimizer.swapping_saver()
    update = optimizer.minimize(tf.reduce_sum(tf.square(weights)))
    saver = optimizer.swapping_saver()
    with pytest.raises(ValueError, match="counterparts"):
        optimizer.swapping_saver([weights])
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        for _ in range(3):
            session.run(update)
        path = saver.save(session, str(tmp_path / "model"))
    np.testing.assert_allclose(F.load_variable(path, "a"), [0.641, 1.282], rtol=1e-6)
    np.testing.assert_allclose(F.load_variable(path, "a/ExponentialMovingAverage"), [0.512, 1.024], rtol=1e-6)


def _model_fn(features, labels, mode, params):
    assert params["batch_size"] == 4  # TPUEstimator passes it
    logits = L.fully_connected(features["x"], 2, activation_fn=None, weights_initializer=tf.zeros_initializer())
    if mode == tf.estimator.ModeKeys.PREDICT:
        return contrib.tpu.TPUEstimatorSpec(mode, predictions={"logits": logits})
    loss = tf.losses.sparse_softmax_cross_entropy(labels, logits)
    if mode == tf.estimator.ModeKeys.EVAL:
        metrics = (lambda labels, logits: {"mean": tf.metrics.mean(logits)}, [labels, logits])
        return contrib.tpu.TPUEstimatorSpec(mode, loss=loss, eval_metrics=metrics)
    train_op = tf.train.GradientDescentOptimizer(0.1).minimize(loss, tf.train.get_global_step())
    return contrib.tpu.TPUEstimatorSpec(mode, loss=loss, train_op=train_op)


def _input_fn(params):
    examples = ({"x": np.ones((8, 3), np.float32)}, np.zeros(8, np.int32))
    return tf.data.Dataset.from_tensor_slices(examples).apply(D.batch_and_drop_remainder(params["batch_size"]))


def test_a_tpu_estimator_trains_and_evaluates_without_a_tpu(tmp_path):
    config = contrib.tpu.RunConfig(
        cluster=None,
        model_dir=str(tmp_path),
        tpu_config=contrib.tpu.TPUConfig(
            iterations_per_loop=2, num_shards=8, per_host_input_for_training=contrib.tpu.InputPipelineConfig.PER_HOST_V2
        ),
    )
    estimator = contrib.tpu.TPUEstimator(
        _model_fn, config=config, use_tpu=False, train_batch_size=4, eval_batch_size=4, predict_batch_size=4
    )
    estimator.train(_input_fn, max_steps=2)
    results = estimator.evaluate(_input_fn, steps=2)
    assert results["global_step"] == 2
    assert len(list(estimator.predict(_input_fn))) == 8
    assert 0 < results["loss"] < np.log(2)  # the loss of the initial weights


def test_predictors_of_an_estimator_and_of_its_saved_model_return_the_same(tmp_path):
    def model_fn(features, labels, mode):
        outputs = {"sum": L.fully_connected(features["x"], 1, None, weights_initializer=ones())}
        export = {tf.saved_model.DEFAULT_SERVING_SIGNATURE_DEF_KEY: tf.estimator.export.PredictOutput(outputs)}
        loss, step = tf.reduce_sum(outputs["sum"]), tf.train.get_global_step()
        train_op = tf.train.GradientDescentOptimizer(0.0).minimize(loss, step)
        return tf.estimator.EstimatorSpec(mode, outputs, loss, train_op, export_outputs=export)

    estimator = tf.estimator.Estimator(model_fn, str(tmp_path / "model"))
    estimator.train(lambda: tf.data.Dataset.from_tensors({"x": ROWS}))
    receiver = tf.estimator.export.build_raw_serving_input_receiver_fn({"x": tf.placeholder(tf.float32, [None, 3])})
    path = estimator.export_saved_model(str(tmp_path / "export"), receiver).decode()
    for predictor in (
        contrib.predictor.from_estimator(estimator, receiver),
        contrib.predictor.from_saved_model(path),
        contrib.predictor.from_saved_model(path, signature_def_key="serving_default", tags="serve"),
    ):
        assert predictor({"x": ROWS})["sum"].tolist() == [[7], [2]]
        with pytest.raises(ValueError, match="unknown inputs"):
            predictor({"y": ROWS})
    names = ({"in": predictor.feed_tensors["x"].name}, {"out": predictor.fetch_tensors["sum"].name})
    predictor = contrib.predictor.from_saved_model(path, input_names=names[0], output_names=names[1])
    assert predictor({"in": ROWS})["out"].tolist() == [[7], [2]]
    with pytest.raises(ValueError, match="no signature 'other'"):
        contrib.predictor.from_saved_model(path, "other")
    with pytest.raises(ValueError, match="belong together"):
        contrib.predictor.from_saved_model(path, input_names=names[0])
    with pytest.raises(KeyError, match="no output 'other'"):
        contrib.predictor.from_estimator(estimator, receiver, "other")


def test_a_graph_writes_summaries(tmp_path):
    S = contrib.summary
    assert S.summary is S
    writer = S.create_file_writer(str(tmp_path), flush_millis=1000)
    step = tf.train.get_or_create_global_step()
    with writer.as_default(), S.record_summaries_every_n_global_steps(2):
        S.scalar("loss", 3.0)
    update = tf.assign_add(step, 1)
    with writer.as_default(), tf.Session() as session:
        session.run(tf.global_variables_initializer())
        S.initialize(session=session)
        for _ in range(4):
            session.run(S.all_summary_ops())
            session.run(update)
        session.run(S.flush())
    (path,) = tmp_path.iterdir()
    events = [event for event in tf.train.summary_iterator(str(path)) if event.summary.value]
    assert [(event.step, event.summary.value[0].tag) for event in events] == [(0, "loss"), (2, "loss")]


def test_the_projector_writes_its_configuration_to_the_folder_of_summaries(graph, tmp_path):
    projector = contrib.tensorboard.plugins.projector
    config = projector.ProjectorConfig()
    config.embeddings.add().tensor_name = "words"
    projector.visualize_embeddings(tf.summary.FileWriter(tmp_path), config)
    assert 'tensor_name: "words"' in (tmp_path / "projector_config.pbtxt").read_text()


def test_cluster_resolvers_are_those_of_tf_distribute():
    cluster = tf.train.ClusterSpec({"worker": ["a:1", "b:2"]})
    resolver = contrib.cluster_resolver.SimpleClusterResolver(cluster)
    assert contrib.cluster_resolver.UnionClusterResolver(resolver).cluster_spec() == cluster
    assert contrib.cluster_resolver.TPUClusterResolver is tf.distribute.cluster_resolver.TPUClusterResolver


@pytest.mark.parametrize("name", ["", b""])
def test_a_tpu_without_a_name_is_this_machine(tmp_path, name):
    resolver = contrib.cluster_resolver.TPUClusterResolver(name, zone=None, project=None)
    assert resolver.master() == resolver.get_master() == ""
    assert not resolver.cluster_spec()
    assert (resolver.task_type, resolver.task_id) == ("worker", 0)
    config = contrib.tpu.RunConfig(cluster=resolver, model_dir=str(tmp_path), tpu_config=contrib.tpu.TPUConfig(2))
    assert (config.master, config.is_chief, config.num_worker_replicas) == ("", True, 1)
    estimator = contrib.tpu.TPUEstimator(_model_fn, config=config, use_tpu=False, train_batch_size=4)
    estimator.train(_input_fn, max_steps=1)
    address = contrib.cluster_resolver.TPUClusterResolver("grpc://1.2.3.4:8470")
    assert (address.master(), address.cluster_spec().as_dict()) == ("grpc://1.2.3.4:8470", {"worker": ["1.2.3.4:8470"]})
    with pytest.raises(ValueError, match="TPU Name"):
        contrib.cluster_resolver.TPUClusterResolver()


def test_aliases_of_names_in_tensorflow_2():
    assert contrib.keras.layers.Dense is tf.keras.layers.Dense
    assert contrib.signal.stft is tf.signal.stft
    assert contrib.linalg.LinearOperatorTriL is tf.linalg.LinearOperatorLowerTriangular
    assert contrib.linalg.LinearOperatorDiag is tf.linalg.LinearOperatorDiag
    column = contrib.feature_column.sequence_categorical_column_with_identity
    assert column is tf.feature_column.sequence_categorical_column_with_identity
    assert contrib.lite.TFLiteConverter is tf.lite.TFLiteConverter
    assert contrib.stateless.stateless_random_uniform is tf.random.stateless_uniform
    assert contrib.checkpoint.CheckpointManager is tf.train.CheckpointManager
    area = contrib.staging.StagingArea([tf.float32])
    with tf.Session() as session:
        session.run(area.put([tf.constant(2.0)]))
        assert session.run(area.get()) == [2]
    assert contrib.autograph.to_graph is tf.autograph.to_graph
    assert contrib.distributions.Normal is tf.distributions.Normal
    proto = contrib.util.make_tensor_proto([1.0, 2.0], shape=[2, 1])
    assert contrib.util.make_ndarray(proto).tolist() == [[1], [2]]
    assert contrib.util.constant_value(tf.constant(3)) == 3
    contrib.losses.mean_squared_error(tf.constant([1.0, 3.0]), tf.constant([1.0, 1.0]))
    close(contrib.losses.get_total_loss(), 2)


def test_strategies_accept_the_old_arguments():
    D = contrib.distribute
    strategy = D.MirroredStrategy(num_gpus=0)
    assert isinstance(strategy, tf.distribute.MirroredStrategy)
    assert [tf.DeviceSpec.from_string(device).device_type for device in strategy.extended.worker_devices] == ["CPU"]
    gpus = D.MirroredStrategy(num_gpus_per_worker=2, cross_tower_ops=D.AllReduceCrossTowerOps("nccl", num_packs=2))
    assert [tf.DeviceSpec.from_string(device).device_index for device in gpus.extended.worker_devices] == [0, 1]
    assert D.DistributeConfig(train_distribute=strategy).eval_distribute is None
    assert isinstance(D.ParameterServerStrategy(num_gpus_per_worker=1), D.DistributionStrategy)
    with pytest.raises(ValueError, match="give one of devices"):
        D.MirroredStrategy(["/cpu:0"], num_gpus=1)
    with pytest.raises(ValueError, match="are the same"):
        D.MirroredStrategy(cross_device_ops=1, cross_tower_ops=1)


@pytest.mark.parametrize("seed", [{}, {"random_seed": 7}])
def test_k_means_finds_the_two_clusters(tmp_path, seed):
    points = np.array([[0, 0], [0, 1], [9, 9], [9, 10]], np.float32)

    def input_fn():
        return tf.train.limit_epochs(tf.constant(points), num_epochs=1)

    factorization = contrib.factorization
    kmeans = factorization.KMeansClustering(2, str(tmp_path), use_mini_batch=False, **seed)
    for _ in range(5):
        kmeans.train(input_fn)
    assert isinstance(kmeans, tf.estimator.experimental.KMeans)
    np.testing.assert_allclose(sorted(kmeans.cluster_centers().tolist()), [[0, 0.5], [9, 9.5]], rtol=1e-5)
    first, same, other, _ = kmeans.predict_cluster_index(input_fn)
    assert first == same != other
    assert factorization.KMeans(tf.constant(points), 2).training_graph()


# {part of tf.contrib: a name in it that is unavailable}
AREAS = {
    "autograph": "converted_call",
    "checkpoint": "NumpyState",
    "crf": "CrfForwardRnnCell",
    "distribute": "Monitor",
    "data": "assert_element_shape",
    "estimator": "RNNClassifier",
    "factorization": "GMM",
    "feature_column": "sequence_input_layer",
    "framework": "fuse_op",
    "layers": "scattered_embedding_column",
    "keras": "wrappers",
    "image": "bipartite_match",
    "opt": "GGTOptimizer",
    "predictor": "from_contrib_estimator",
    "rnn": "GridLSTMCell",
    "saved_model": "save_keras_model",
    "slim": "feature_column",
    "tpu": "infeed_enqueue",
    "training": "rejection_sample",
    "util": "loader",
    **dict.fromkeys(["cluster_resolver", "linalg", "lite", "lookup", "losses", "metrics"]),
    **dict.fromkeys(["signal", "staging", "stateless", "summary"]),
    **dict.fromkeys(["mixed_precision", "nn", "resampler", "sparsemax"]),
}


@pytest.mark.parametrize("area", AREAS)
def test_an_unavailable_name_raises_an_error_when_it_is_used_and_an_unknown_name_does_not_exist(area):
    module = getattr(contrib, area)
    name = AREAS[area]
    if name:
        assert isinstance(getattr(module, name), Unavailable)
        with pytest.raises(NotImplementedError, match=rf"^tf\.contrib\.{area}\.{name} is not available"):
            getattr(module, name)()
    assert not hasattr(module, "__wrapped__")
    assert not hasattr(module, "a_name_that_tf_1_lacked")
