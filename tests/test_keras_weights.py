"""Keras models that are filled from TensorFlow 1 checkpoints: the same answers, and no guesses."""

import types
import zipfile

import numpy as np
import pytest
from bert_sizes import HEADS, HIDDEN, LAYERS, LENGTH, VOCABULARY
from helpers import REPOSITORY, run

from cnn_estimator import keras_weights
from cnn_estimator.errors import UserError
from cnn_estimator.keras_weights import pairing, variables

RECURRENT = {"x": np.random.default_rng(0).normal(size=(3, 6, 3)).astype(np.float32)}
IMAGES = {"x": np.random.default_rng(1).normal(size=(2, 8, 8, 3)).astype(np.float32)}
IDS = {"x": np.array([[1, 5, 3, 10, 0, 2, 7], [4, 4, 9, 1, 8, 6, 0]], np.int32)}
TOKENS = {"x": np.array([[3, 1, 19, 7, 0, 2], [5, 5, 8, 11, 4, 16]], np.int32)}


def pairs(weights, shapes, names=None, kinds=None, ordered=True):
    """Returns {path: (variable, rule)} for {path: shape} of a model and {name: shape} of a checkpoint.

    ordered: whether the model calls its layers in the order of the weights, as a Sequential does.
    """
    weights = [
        pairing.weight_of(path, shape, order if ordered else None, names or {}, {"dense", "lstm", "lstm_cell"})
        for order, (path, shape) in enumerate(weights.items())
    ]
    kept = {name: shapes[name] for name in variables.without_slots(shapes)}
    matches = pairing.pair(weights, variables.in_keras_layout(kept, kinds or {}, 1.0))
    return {match.weight.path: (match.variable.name, match.rule) for match in matches}


@pytest.mark.unit
def test_slots_and_counters_are_no_variables_of_the_model():
    names = ["dense/kernel", "dense/kernel/Adam", "dense/kernel/Adam_1", "training/Adam/dense/kernel/m", "global_step"]
    names += ["beta1_power", "w", "w/Momentum", "linear/x/weights", "linear/x/weights/part_0/Ftrl", "scale"]
    assert variables.without_slots(names) == ["dense/kernel", "linear/x/weights", "scale", "w"]


@pytest.mark.unit
def test_layers_with_the_same_names_are_paired_in_the_order_of_their_numbers():
    """Keras numbers the layers of the whole process, and more than ten layers are not in the order of the alphabet."""
    weights = {f"dense_{number}/kernel": (4, 4) for number in range(3, 15)}
    shapes = {"net/dense/kernel": (4, 4)} | {f"net/dense_{number}/kernel": (4, 4) for number in range(1, 12)}
    found = pairs(weights, shapes)
    assert len(found) == 12
    assert found["dense_3/kernel"] == ("net/dense/kernel", "scope")
    assert found["dense_5/kernel"] == ("net/dense_2/kernel", "scope")
    assert found["dense_14/kernel"] == ("net/dense_11/kernel", "scope")


@pytest.mark.unit
def test_other_names_are_paired_by_shape_and_their_biases_with_them():
    weights = {"hidden/kernel": (5, 4), "hidden/bias": (4,), "logits/kernel": (4, 4), "logits/bias": (4,)}
    shapes = {"fc1/weights": (5, 4), "fc1/biases": (4,), "out/weights": (4, 4), "out/biases": (4,)}
    assert pairs(weights, shapes) == {
        "hidden/kernel": ("fc1/weights", "shape"),
        "hidden/bias": ("fc1/biases", "layer"),
        "logits/kernel": ("out/weights", "shape"),
        "logits/bias": ("out/biases", "layer"),
    }


@pytest.mark.unit
@pytest.mark.parametrize(
    "shapes",
    [
        pytest.param({"left/kernel": (4, 4), "right/kernel": (4, 4)}, id="two scopes without numbers"),
        pytest.param({f"fc{number}/kernel": (4, 4) for number in range(3)}, id="one layer more"),
        pytest.param({"fc/kernel": (4, 4)}, id="one layer less"),
        pytest.param({"a/kernel": (4, 5), "b/kernel": (4, 5)}, id="other shapes"),
    ],
)
def test_what_is_ambiguous_is_not_paired(shapes):
    assert pairs({"first/kernel": (4, 4), "second/kernel": (4, 4)}, shapes) == {}


@pytest.mark.unit
def test_equal_names_with_other_numbers_of_layers_are_ambiguous():
    """A user who leaves the first of three layers out has layers that Keras calls dense and dense_1."""
    weights = {"dense/kernel": (4, 4), "dense_1/kernel": (4, 4)}
    shapes = {"dense/kernel": (4, 4), "dense_1/kernel": (4, 4), "dense_2/kernel": (4, 4)}
    assert pairs(weights, shapes) == {}
    named = pairs(weights, shapes, {"dense": "dense_1", "dense_1": "dense_2"})
    assert named == {"dense/kernel": ("dense_1/kernel", "names"), "dense_1/kernel": ("dense_2/kernel", "names")}


@pytest.mark.unit
@pytest.mark.parametrize(
    "scopes",
    [("up3", "up2", "up1"), ("fc", "fc_1", "fc_0"), ("W1", "W2", "W3"), ("rnn/level1", "rnn/level2", "rnn/level3")],
    ids=" ".join,
)
def test_numbers_that_a_program_chose_tell_no_order(scopes):
    weights = {f"dense_{number}/kernel": (4, 4) for number in range(3)}
    shapes = {scope if scope[0] == "W" else f"{scope}/kernel": (4, 4) for scope in scopes}
    assert pairs(weights, shapes) == {}
    named = dict(zip(("dense_0/kernel", "dense_1/kernel", "dense_2/kernel"), shapes, strict=True))
    assert {path: name for path, (name, _) in pairs(weights, shapes, named).items()} == named


@pytest.mark.unit
def test_layers_of_one_shape_have_no_order_if_that_of_the_calls_is_unknown():
    weights = {"a/kernel": (4, 4), "b/kernel": (4, 4)}
    shapes = {"dense/kernel": (4, 4), "dense_1/kernel": (4, 4)}
    assert pairs(weights, shapes, ordered=False) == {}
    assert pairs(weights, shapes) == {"a/kernel": ("dense/kernel", "order"), "b/kernel": ("dense_1/kernel", "order")}


@pytest.mark.unit
def test_equal_names_come_before_the_order_and_a_name_ends_it():
    weights = {"head/kernel": (4, 4), "up2/kernel": (4, 4), "up1/kernel": (4, 4)}
    shapes = {f"net/up{number}/kernel": (4, 4) for number in (1, 2, 3)}
    found = pairs(weights, shapes)
    assert found["up1/kernel"] == ("net/up1/kernel", "scope")
    assert found["head/kernel"] == ("net/up3/kernel", "shape")
    weights = {f"dense_{number}/kernel": (4, 4) for number in range(3)}
    shapes = {"dense/kernel": (4, 4), "dense_1/kernel": (4, 4), "dense_2/kernel": (4, 4)}
    assert pairs(weights, shapes, {"dense_0": "dense_2"}) == {"dense_0/kernel": ("dense_2/kernel", "names")}


@pytest.mark.unit
def test_names_of_scopes_and_variables_decide():
    weights = {"a/kernel": (4, 4), "a/bias": (4,), "b/kernel": (4, 4), "b/bias": (4,)}
    shapes = {"left/kernel": (4, 4), "left/bias": (4,), "W": (4, 4), "offset": (4,)}
    found = pairs(weights, shapes, {"a": "left", "b/kernel": "W", "b/bias": "offset"})
    assert {path: name for path, (name, _) in found.items()} == {
        "a/kernel": "left/kernel",
        "a/bias": "left/bias",
        "b/kernel": "W",
        "b/bias": "offset",
    }


@pytest.mark.unit
def test_a_part_of_the_scopes_tells_the_layers_of_an_encoder():
    layers = [f"layer_{number}/{part}" for number in range(12) for part in ("query", "value")]
    weights = {f"encoder/{layer}/kernel": (4, 4) for layer in layers}
    shapes = {f"bert/encoder/{layer.replace('/', '/attention/self/')}/kernel": (4, 4) for layer in layers}
    found = pairs(weights, shapes)
    assert len(found) == 24
    assert found["encoder/layer_2/value/kernel"] == ("bert/encoder/layer_2/attention/self/value/kernel", "scope")


@pytest.mark.unit
def test_cells_with_peepholes_or_projections_have_no_place_in_keras():
    weights = {"lstm/lstm_cell/kernel": (3, 16), "lstm/lstm_cell/recurrent_kernel": (4, 16)}
    shapes = {"rnn/lstm_cell/kernel": (7, 16), "rnn/lstm_cell/bias": (16,)}
    assert len(pairs(weights, shapes)) == 2
    assert pairs(weights, shapes | {"rnn/lstm_cell/w_f_diag": (4,)}) == {}


@pytest.mark.unit
def test_a_cell_whose_scope_tells_nothing_is_named():
    weights = {"lstm/lstm_cell/kernel": (3, 16), "lstm/lstm_cell/recurrent_kernel": (4, 16)}
    shapes = {"rnn/reader/kernel": (7, 16), "rnn/reader/bias": (16,)}
    assert pairs(weights, shapes) == {}
    assert len(pairs(weights, shapes, {"lstm": "rnn/reader"}, {"rnn/reader": "lstm"})) == 2


def batch_norm(tf, inputs):
    x = tf.layers.conv2d(inputs["x"], 4, 3, use_bias=False)
    x = tf.nn.relu(tf.layers.batch_normalization(x))
    x = tf.layers.batch_normalization(tf.layers.separable_conv2d(x, 6, 3))
    x = tf.layers.conv2d_transpose(x, 5, 3)
    return tf.layers.dense(tf.layers.flatten(x), 3, name="logits")


def text_lstm(tf, inputs):
    embeddings = tf.get_variable("word_embeddings", [11, 5])
    words = tf.nn.embedding_lookup(embeddings, inputs["x"])
    _, state = tf.nn.dynamic_rnn(tf.nn.rnn_cell.BasicLSTMCell(4), words, dtype=tf.float32)
    return tf.layers.dense(state.h, 2)


def stacked_lstm(tf, inputs):
    cells = tf.nn.rnn_cell.MultiRNNCell([tf.nn.rnn_cell.LSTMCell(4) for _ in range(2)])
    outputs, _ = tf.nn.dynamic_rnn(cells, inputs["x"], dtype=tf.float32)
    return tf.layers.dense(outputs[:, -1], 3)


def bidirectional(tf, inputs):
    cells = [tf.contrib.rnn.LSTMBlockCell(4) for _ in range(2)]
    _, (forward, backward) = tf.nn.bidirectional_dynamic_rnn(*cells, inputs["x"], dtype=tf.float32)
    return tf.concat([forward.h, backward.h], 1)


def gru(tf, inputs):
    _, state = tf.nn.dynamic_rnn(tf.nn.rnn_cell.GRUCell(4), inputs["x"], dtype=tf.float32)
    return tf.layers.dense(state, 2)


def cudnn_gru(tf, inputs):
    cell = tf.contrib.cudnn_rnn.CudnnCompatibleGRUCell(4)
    _, state = tf.nn.dynamic_rnn(cell, inputs["x"], dtype=tf.float32)
    return tf.layers.dense(state, 2)


def simple_rnn(tf, inputs):
    _, state = tf.nn.dynamic_rnn(tf.nn.rnn_cell.BasicRNNCell(4), inputs["x"], dtype=tf.float32)
    return state


def keras_2_lstm(tf, inputs):
    words = tf.keras.layers.Embedding(11, 5)(inputs["x"])
    return tf.keras.layers.Dense(2)(tf.keras.layers.LSTM(4, recurrent_activation="sigmoid")(words))


def raw_variables(tf, inputs):
    x = inputs["x"]
    for number, (width, units) in enumerate([(5, 4), (4, 4), (4, 4), (4, 2)], 1):
        weights = tf.Variable(tf.zeros([width, units]), name=f"W{number}")
        bias = tf.Variable(tf.zeros([units]), name=f"b{number}")
        x = tf.matmul(x, weights) + bias
        x = tf.nn.relu(x) if number < 4 else x
    return x


def wide_and_deep(tf, inputs):
    """The logits of tf.estimator.DNNLinearCombinedClassifier."""
    age = tf.feature_column.numeric_column("age")
    job = tf.feature_column.categorical_column_with_identity("job", 5)
    estimator = tf.estimator.DNNLinearCombinedClassifier(
        linear_feature_columns=[age, job],
        dnn_feature_columns=[age, tf.feature_column.embedding_column(job, 3)],
        dnn_hidden_units=[8, 6],
    )
    return estimator.model_fn(inputs, None, tf.estimator.ModeKeys.PREDICT, None).predictions["logits"]


def bert(tf, inputs):
    """The layers of google-research/bert's modeling.py, with its names."""

    def norm(x):
        return tf.contrib.layers.layer_norm(x, begin_norm_axis=-1, begin_params_axis=-1, scope="LayerNorm")

    def heads(x):
        return tf.transpose(tf.reshape(x, [-1, LENGTH, HEADS, HIDDEN // HEADS]), [0, 2, 1, 3])

    def gelu(x):
        return 0.5 * x * (1 + tf.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))

    with tf.variable_scope("bert"):
        with tf.variable_scope("embeddings"):
            x = tf.gather(tf.get_variable("word_embeddings", [VOCABULARY, HIDDEN]), inputs["x"])
            x += tf.get_variable("token_type_embeddings", [2, HIDDEN])[0]
            x = norm(x + tf.get_variable("position_embeddings", [LENGTH, HIDDEN]))
        for number in range(LAYERS):
            with tf.variable_scope(f"encoder/layer_{number}"):
                with tf.variable_scope("attention"):
                    with tf.variable_scope("self"):
                        query, key, value = (
                            heads(tf.layers.dense(x, HIDDEN, name=n)) for n in ("query", "key", "value")
                        )
                        scores = tf.matmul(query, key, transpose_b=True) / np.sqrt(HIDDEN // HEADS)
                        context = tf.transpose(tf.matmul(tf.nn.softmax(scores), value), [0, 2, 1, 3])
                    with tf.variable_scope("output"):
                        x = norm(x + tf.layers.dense(tf.reshape(context, [-1, LENGTH, HIDDEN]), HIDDEN))
                with tf.variable_scope("intermediate"):
                    inner = gelu(tf.layers.dense(x, 4 * HIDDEN))
                with tf.variable_scope("output"):
                    x = norm(x + tf.layers.dense(inner, HIDDEN))
        with tf.variable_scope("pooler"):
            return tf.layers.dense(x[:, 0], HIDDEN, tf.tanh)


def tutorial(network):
    def probabilities(tf, inputs):
        from cnn_estimator.dropout import Dropout
        from cnn_estimator.networks import NETWORKS

        return tf.nn.softmax(NETWORKS[network](inputs["x"], Dropout(1, training=False)))

    return probabilities


TUTORIALS = [
    *("two_conv", "three_conv", "three_conv_dropout", "dense_128", "conv_32_64", "conv_64_64", "conv_64_64_linear")
]
GRAPHS = {
    "batch_norm": (batch_norm, IMAGES),
    "text_lstm": (text_lstm, IDS),
    "keras_2_lstm": (keras_2_lstm, IDS),
    "stacked_lstm": (stacked_lstm, {"x": np.random.default_rng(3).normal(size=(3, 6, 4)).astype(np.float32)}),
    "bidirectional": (bidirectional, RECURRENT),
    "gru": (gru, RECURRENT),
    "cudnn_gru": (cudnn_gru, RECURRENT),
    "simple_rnn": (simple_rnn, RECURRENT),
    "raw_variables": (raw_variables, {"x": RECURRENT["x"][:, :5, 0]}),
    "wide_and_deep": (wide_and_deep, {"age": np.float32([[0.5], [-1]]), "job": np.int32([[3], [1]])}),
    "bert": (bert, TOKENS),
    **{name: (tutorial(name), {"x": np.random.default_rng(2).random((3, 28, 28), np.float32)}) for name in TUTORIALS},
}


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    """{name of a graph: (its answers, the answers of the Keras model that was filled from its checkpoint, report)}."""
    from graphs import unoptimized

    from cnn_estimator.tf1 import tf

    folder = tmp_path_factory.mktemp("checkpoints")
    expected = {}
    for name, (graph, inputs) in GRAPHS.items():
        (folder / name).mkdir()
        np.savez(folder / name / "inputs.npz", **inputs)
        with tf.Graph().as_default(), tf.Session(config=unoptimized()) as session:
            tf.train.create_global_step()
            answers = graph(tf, {key: tf.constant(value) for key, value in inputs.items()})
            tf.train.AdamOptimizer().minimize(tf.reduce_sum(answers), tf.train.get_global_step())
            session.run([tf.global_variables_initializer(), tf.tables_initializer()])
            for number, variable in enumerate(tf.global_variables()):
                if variable.dtype.base_dtype == tf.float32:
                    low = 0.5 if "variance" in variable.name else -0.5
                    values = np.random.default_rng(number).uniform(low, 1.0, variable.shape.as_list())
                    variable.load(values, session)
            expected[name] = session.run(answers)
            tf.train.Saver().save(session, str(folder / name / "model.ckpt"), 5)
    done = run("tests/keras_models.py", str(folder), environment={"PYTHONPATH": str(REPOSITORY)})
    assert done.returncode == 0, done.stderr
    return {
        name: (expected[name], np.load(folder / name / "answers.npy"), (folder / name / "report.txt").read_text())
        for name in GRAPHS
    }


@pytest.mark.process
@pytest.mark.parametrize("name", GRAPHS)
def test_the_keras_model_answers_as_the_graph(loaded, name):
    expected, answers, report = loaded[name]
    np.testing.assert_allclose(answers, expected, rtol=1e-5, atol=1e-5)
    assert np.ptp(expected) > 0.01  # the comparison of constants would show nothing
    assert report.endswith("left in the checkpoint: nothing")


CALLS = """
import keras
from keras import layers
from cnn_estimator.keras_weights import calls

def orders(model):
    return calls.orders(model, [getattr(weight, "path", weight.name) for weight in model.weights])

def dense():
    return layers.Dense(8, use_bias=False)

assert {"dense", "conv2d", "lstm", "lstm_cell", "batch_normalization"} <= calls.automatic_names(keras.Sequential())
first, second = dense(), dense()
assert orders(keras.Sequential([keras.Input((8,)), second, first])) == [0, 1]

inputs = keras.Input((8,))
shortcut = dense()(inputs)
inner = dense()(inputs)
model = keras.Model(inputs, shortcut + dense()(inner))
numbers = orders(model)
assert sorted(numbers) == list(range(min(numbers), min(numbers) + 3))

outer = dense()
model = keras.Model(inputs, outer(dense()(inputs)))
assert orders(model) == [None, None]
model = keras.Model(inputs, layers.Dense(8, use_bias=False, name="mine")(inputs))
assert orders(model) == [None]

class Subclass(keras.Model):
    def __init__(self):
        super().__init__()
        self.layer = dense()

    def call(self, inputs):
        return self.layer(inputs)

model = Subclass()
model(keras.ops.zeros((1, 8)) if hasattr(keras, "ops") else __import__("tensorflow").zeros((1, 8)))
assert orders(model) == [None]
"""


@pytest.mark.process
def test_the_order_of_the_calls_is_known_where_the_graph_agrees():
    done = run("-c", CALLS, environment={"PYTHONPATH": str(REPOSITORY)})
    assert done.returncode == 0, done.stderr


@pytest.fixture
def two_layers(tmp_path):
    """A checkpoint of two scopes without numbers and of the same shapes."""
    from cnn_estimator.tf1 import tf

    with tf.Graph().as_default(), tf.Session() as session:
        for scope in ("left", "right"):
            tf.layers.dense(tf.ones([1, 4]), 4, name=scope)
        session.run(tf.global_variables_initializer())
        return tf.train.Saver().save(session, str(tmp_path / "model.ckpt"))


def model(**shapes):
    """Returns what load() reads of a Keras model."""
    paths = {path.replace("__", "/"): shape for path, shape in shapes.items()}
    weights = [types.SimpleNamespace(name=path, path=path, shape=shape) for path, shape in paths.items()]
    return types.SimpleNamespace(name="model", weights=weights)


@pytest.mark.integration
def test_an_ambiguous_weight_is_an_error_with_its_candidates(two_layers):
    with pytest.raises(UserError) as raised:
        keras_weights.load(model(model__hidden__kernel=(4, 4), model__logits__kernel=(4, 3)), two_layers)
    line, _, *rows, left = str(raised.value).splitlines()
    assert line.startswith("2 of 2 weights have no certain variable, the first is hidden/kernel: give names")
    assert [" ".join(row.split()) for row in rows] == [
        "hidden/kernel (4, 4) ? one of left/kernel, right/kernel",
        "logits/kernel (4, 3) ? none has this shape",
    ]
    assert left.strip() == "left: left/bias, left/kernel, right/bias, right/kernel"


@pytest.mark.integration
@pytest.mark.parametrize(
    ("shapes", "path", "names", "message"),
    [
        ({}, "{}", None, "the model has no weights yet: call the model once"),
        (
            {"a__kernel": (4, 4)},
            "{}",
            {"b": "left"},
            "names has 'b', and the model has no such layer or weight: it has a/k",
        ),
        ({"a__kernel": (4, 4)}, "{}.missing", None, "model.ckpt.missing has no checkpoint: name a model_dir, or a"),
    ],
)
def test_what_cannot_be_loaded_is_an_error_that_says_why(two_layers, shapes, path, names, message):
    with pytest.raises(UserError) as raised:
        keras_weights.load(model(**shapes), path.format(two_layers), names)
    assert message in str(raised.value)


@pytest.mark.integration
def test_a_checkpoint_of_tensorflow_2_is_named(tmp_path):
    from cnn_estimator.tf1 import tf

    with tf.Graph().as_default(), tf.Session() as session:
        variable = tf.Variable([1.0], name="x")
        session.run(variable.initializer)
        path = tf.train.Checkpoint(x=variable).save(str(tmp_path / "ckpt"), session=session)
    with pytest.raises(UserError, match=r"ckpt-1 is no checkpoint of TensorFlow 1: load it with tf\.train\.Ch"):
        keras_weights.load(model(a__kernel=(1,)), path)


@pytest.mark.process
def test_the_command_writes_a_keras_file_and_prints_the_table(tmp_path, two_layers):
    (tmp_path / "models.py").write_text(
        "import keras\n"
        "def build():\n"
        "    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(4, name='last')])\n"
    )
    (tmp_path / "names.json").write_text('{"last": "right"}')
    flags = [f"--checkpoint={two_layers}", "--model=models:build", "--names=names.json", "--output=model.keras"]
    command = ("-m", "cnn_estimator", "keras_weights", *flags)
    done = run(*command, environment={"PYTHONPATH": str(REPOSITORY)}, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[-1].endswith("wrote model.keras")
    assert [line.split() for line in done.stdout.splitlines()[1:3]] == [
        ["last/kernel", "right/kernel", "(4,", "4)", "names"],
        ["last/bias", "right/bias", "(4,)", "names"],
    ]
    assert zipfile.is_zipfile(tmp_path / "model.keras")
