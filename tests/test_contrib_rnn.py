"""tf.contrib.rnn and tf.contrib.crf. The expected numbers are TensorFlow 1.15.5's for the same weights."""

import importlib

import numpy as np
import pytest
from graphs import load_variables, near, new_session

from cnn_estimator.tf1 import tf
from cnn_estimator.tf1.contrib import crf, rnn

pytestmark = pytest.mark.integration

SCORES = (np.arange(36).reshape(3, 4, 3) * 7 % 11 / 4 - 1).astype(np.float32)
TRANSITIONS = (np.arange(9).reshape(3, 3) * 5 % 7 / 3 - 1).astype(np.float32)
TAGS = np.array([[0, 1, 2, 1], [2, 2, 0, 0], [1, 0, 0, 0]], np.int32)
LENGTHS = np.array([4, 2, 0], np.int32)
INPUTS = np.cos(np.arange(24)).reshape(3, 2, 4).astype(np.float32)


session = pytest.fixture(new_session)


def fill(session):
    load_variables(session, enumerate(tf.global_variables()))


@pytest.mark.parametrize("integers", [np.int32, np.int64])
def test_crf_scores_are_those_of_tf_115(session, integers):
    scores, transitions = tf.constant(SCORES), tf.constant(TRANSITIONS)
    tags, lengths = tf.constant(TAGS.astype(integers)), tf.constant(LENGTHS.astype(integers))
    near(session.run(crf.crf_unary_score(tags, lengths, scores)), [-1.25, 2.75, 0])
    near(session.run(crf.crf_binary_score(tags, lengths, transitions)), [0, 0.66667, 0])
    near(session.run(crf.crf_sequence_score(scores, tags, lengths, transitions)), [-1.25, 3.41667, 0])
    near(session.run(crf.crf_log_norm(scores, lengths, transitions)), [6.09827, 3.98291, 0])
    likelihood, same = crf.crf_log_likelihood(scores, tags, lengths, transitions)
    near(session.run(likelihood), [-7.34827, -0.56625, 0])
    assert same is transitions
    allowed = tf.constant(SCORES > -0.5)
    near(session.run(crf.crf_multitag_sequence_score(scores, allowed, lengths, transitions)), [5.70172, 3.88954, 0])


def test_crf_transitions_have_the_gradient_of_tf_115(session):
    likelihood, transitions = crf.crf_log_likelihood(tf.constant(SCORES), tf.constant(TAGS), tf.constant(LENGTHS))
    assert (transitions.name, transitions.shape.as_list()) == ("transitions:0", [3, 3])
    (gradient,) = tf.gradients(tf.reduce_sum(likelihood), transitions)
    near(
        session.run(gradient, {transitions: TRANSITIONS}),
        [[-0.20813, 0.51768, -0.20103], [-0.53879, -1.3096, 0.75639], [-0.31078, 0.92997, 0.36429]],
    )


def test_crf_decodes_as_tf_115(session):
    tags, best = session.run(crf.crf_decode(tf.constant(SCORES), tf.constant(TRANSITIONS), tf.constant(LENGTHS)))
    assert (tags.dtype, tags.tolist()) == (np.int32, [[1, 1, 1, 1], [2, 2, 0, 0], [1, 0, 0, 0]])
    near(best, [4.5, 3.41667, 1.5])
    assert crf.viterbi_decode(SCORES[0], TRANSITIONS) == ([1, 1, 1, 1], 4.5)


def test_crf_accepts_sequences_of_one_step_and_unknown_length(session):
    scores = tf.placeholder(tf.float32, [None, None, 3])
    ones = tf.constant([1, 1, 1])
    tags, best = session.run(crf.crf_decode(scores, tf.constant(TRANSITIONS), ones), {scores: SCORES[:, :1]})
    assert tags.tolist() == [[1], [2], [1]]
    near(best, [0.75, 1.5, 1.5])
    likelihood, _ = crf.crf_log_likelihood(scores, tf.constant(TAGS[:, :1]), tf.constant([1, 1, 0]), TRANSITIONS)
    near(session.run(likelihood, {scores: SCORES[:, :1]}), [-2.18286, -0.49843, 0])


def dynamic(cell):
    return tf.nn.dynamic_rnn(cell, tf.constant(INPUTS), dtype=tf.float32, time_major=True)


LAST = [[-0.25734, -0.22835, -0.0154], [-0.15272, -0.19338, -0.15747]]
CELLS = {
    "fused": (lambda: rnn.LSTMBlockFusedCell(3)(tf.constant(INPUTS), dtype=tf.float32), LAST),
    "fused_peephole": (
        lambda: rnn.LSTMBlockFusedCell(3, forget_bias=0.5, cell_clip=0.3, use_peephole=True)(
            tf.constant(INPUTS), dtype=tf.float32, sequence_length=tf.constant([3, 1])
        ),
        [[-0.05446, -0.04393, 0.01642], [0.08921, 0.02933, -0.07025]],
    ),
    "fused_state": (
        lambda: rnn.LSTMBlockFusedCell(3)(
            tf.constant(INPUTS),
            initial_state=(tf.fill([2, 3], 0.2), tf.fill([2, 3], 0.3)),
            sequence_length=tf.constant([3, 1]),
        ),
        [[-0.20236, -0.11196, 0.08754], [0.16686, 0.17075, 0.07434]],
    ),
    "reversed": (
        lambda: rnn.TimeReversedFusedRNN(rnn.LSTMBlockFusedCell(3))(
            tf.constant(INPUTS), dtype=tf.float32, sequence_length=tf.constant([3, 2])
        ),
        [[-0.25124, -0.14091, -0.03067], [0.03213, -0.19687, -0.21618]],
    ),
    "block": (lambda: dynamic(rnn.LSTMBlockCell(3)), LAST),
    "block_peephole": (
        lambda: dynamic(rnn.LSTMBlockCell(3, use_peephole=True, cell_clip=0.3)),
        [[-0.07247, -0.06432, 0.00149], [-0.09033, -0.08906, -0.06972]],
    ),
    "norm": (
        lambda: dynamic(rnn.LayerNormBasicLSTMCell(3)),
        [[-0.00781, -0.24654, 0.10439], [-0.12168, -0.0689, -0.30973]],
    ),
    "no_norm": (
        lambda: dynamic(rnn.LayerNormBasicLSTMCell(3, layer_norm=False, activation=tf.nn.relu)),
        [[0.04425, 0.07974, 0.11329], [0.03031, 0.0118, 0.05098]],
    ),
}


@pytest.mark.parametrize("name", CELLS)
def test_cells_compute_the_numbers_of_tf_115(session, name):
    make, expected = CELLS[name]
    outputs, state = make()
    fill(session)
    outputs, state = session.run((outputs, state))
    near(state.h, expected)
    if "fused_" not in name and name != "reversed":
        near(outputs[-1], expected)
    elif name != "reversed":
        assert not outputs[1:, 1].any(), "outputs after the end are 0"


def test_variables_have_the_names_of_tf_115(session):
    with tf.variable_scope("a"):
        dynamic(rnn.LSTMBlockCell(3, use_peephole=True))
        rnn.LSTMBlockFusedCell(3)(tf.constant(INPUTS))
        dynamic(rnn.LayerNormBasicLSTMCell(3))
    norms = [
        f"{gate}/{part}" for gate in ("input", "transform", "forget", "output", "state") for part in ("gamma", "beta")
    ]
    assert {variable.op.name for variable in tf.global_variables()} == {
        *(f"a/rnn/lstm_cell/{name}" for name in ("kernel", "bias", "w_i_diag", "w_f_diag", "w_o_diag")),
        *(f"a/lstm_fused_cell/{name}" for name in ("kernel", "bias")),
        *(f"a/rnn/layer_norm_basic_lstm_cell/{name}" for name in ("kernel", *norms)),
    }


def test_block_cells_share_variables_as_layers_do(session):
    inputs, state = tf.constant(INPUTS), (tf.zeros([2, 3]),) * 2
    fused, cell = rnn.LSTMBlockFusedCell(3, name="fused"), rnn.LSTMBlockCell(3, name="cell")
    for _ in range(2):
        fused(inputs)
        cell(inputs[0], state)
    assert [variable.op.name for variable in fused.trainable_variables] == ["fused/kernel", "fused/bias"]
    assert [variable.op.name for variable in cell.trainable_variables] == ["cell/kernel", "cell/bias"]
    rnn.LSTMBlockFusedCell(3, name="fused")(inputs)
    rnn.LSTMBlockFusedCell(3, name="fused", reuse=True)(inputs)
    rnn.LSTMBlockCell(3, name="cell")(inputs[0], state)
    rnn.LSTMBlockFusedCell(3)(inputs, scope="scope")
    scopes = ("fused", "cell", "fused_1", "cell_1", "scope")
    assert [variable.op.name for variable in tf.global_variables()] == [
        f"{scope}/{name}" for scope in scopes for name in ("kernel", "bias")
    ]


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: dynamic(rnn.LSTMBlockCell(3)), [0.04058, 0.25812, 0.00055, 0.02279]),
        (
            lambda: rnn.LSTMBlockFusedCell(3)(tf.constant(INPUTS), sequence_length=tf.constant([3, 1])),
            [0.01363, 0.04028, -0.00172, 0.01121],
        ),
    ],
)
def test_block_cells_have_the_gradients_of_tf_115(session, make, expected):
    outputs, _ = make()
    kernel, bias = tf.trainable_variables()
    first = 0.1 if "rnn" in kernel.name else 0.12
    session.run(tf.global_variables_initializer())
    kernel.load(np.full(kernel.shape.as_list(), first), session)
    bias.load(np.full(bias.shape.as_list(), first + 0.01), session)
    gradient = session.run(tf.gradients(tf.reduce_sum(outputs**2), kernel)[0])
    near(gradient.sum(0), np.repeat(expected, 3))


def test_the_layer_norm_cell_drops_a_part_of_its_input(session):
    outputs, _ = dynamic(rnn.LayerNormBasicLSTMCell(50, layer_norm=False, dropout_keep_prob=0.5))
    fill(session)
    share = np.mean(session.run(outputs)[0] == 0)
    assert 0.3 < share < 0.7


def test_dynamic_bidirectional_layers_are_stacked(session):
    lstm = rnn.BasicLSTMCell
    outputs, forward, backward = rnn.stack_bidirectional_dynamic_rnn(
        [lstm(2), lstm(3)],
        [lstm(2), lstm(3)],
        tf.constant(INPUTS),
        dtype=tf.float32,
        sequence_length=tf.constant([2, 1, 2]),
    )
    fill(session)
    outputs, forward, backward = session.run((outputs, forward, backward))
    near(outputs[0, 0], [0.09804, 0.00423, -0.09631, -0.13956, -0.15896, -0.05901])
    assert not outputs[1, 1].any()
    near(forward[0].c, [[-0.00903, -0.39054], [0.22065, 0.00304], [0.22175, -0.17642]])
    near(backward[1].h, [[-0.13956, -0.15896, -0.05901], [-0.07823, -0.10581, -0.05166], [-0.1365, -0.18456, -0.09217]])


def test_static_bidirectional_layers_are_stacked(session):
    lstm = rnn.BasicLSTMCell
    outputs, forward, backward = rnn.stack_bidirectional_rnn(
        [lstm(2), lstm(2)], [lstm(2), lstm(2)], tf.unstack(tf.constant(INPUTS)), dtype=tf.float32
    )
    fill(session)
    outputs, forward, backward = session.run((outputs, forward, backward))
    near(outputs[0], [[0.02265, 0.07173, 0.16199, -0.08123], [0.03957, 0.07924, 0.15603, -0.1133]])
    near(forward[0].c, [[0.22866, -0.09025], [0.20107, -0.43491]])
    near(backward[1].h, [[0.16199, -0.08123], [0.15603, -0.1133]])
    with pytest.raises(ValueError, match="same length"):
        rnn.stack_bidirectional_rnn([lstm(2)], [], outputs)


def test_names_are_aliases_of_tf_nn_rnn_cell_or_errors_with_advice():
    assert rnn.LSTMCell is tf.nn.rnn_cell.LSTMCell
    assert rnn.static_rnn is tf.nn.static_rnn
    with pytest.raises(NotImplementedError, match=r"tf\.contrib\.rnn\.GridLSTMCell .*use a cell of tf\.nn\.rnn_cell"):
        rnn.GridLSTMCell(3)
    names = {}
    exec("from tensorflow.contrib.rnn import *", names)
    assert {"DropoutWrapper", "GridLSTMCell", "LSTMStateTuple", "NASCell", "static_rnn"} < set(names)
    assert len(names.keys() - {"__builtins__"}) == 50


LINEAR_FILES = (
    "tensorflow.contrib.rnn.python.ops.core_rnn_cell",
    "tensorflow.contrib.rnn.python.ops.rnn_cell",
    "tensorflow.contrib.rnn.python.ops.core_rnn_cell_impl",
    "tensorflow.python.ops.rnn_cell_impl",
)


@pytest.mark.parametrize("file", LINEAR_FILES)
def test_the_private_linear_layer_that_programs_import_works(session, file):
    _linear = importlib.import_module(file)._linear
    kernel = tf.constant_initializer(np.arange(8.0).reshape(4, 2))
    with tf.variable_scope("x"):
        outputs = _linear([tf.constant([[1.0, 2.0, 3.0]]), tf.constant([[-1.0]])], 2, True, None, kernel)
    with tf.variable_scope("y"):
        _linear(tf.constant([[1.0]]), 1, False)
    assert [variable.op.name for variable in tf.global_variables()] == ["x/kernel", "x/bias", "y/kernel"]
    session.run(tf.global_variables_initializer())
    near(session.run(outputs), [[10, 15]])
    with pytest.raises(ValueError, match="at least one input"):
        _linear([], 1, True)
    with pytest.raises(ValueError, match=r"needs inputs \[batch, features\]"):
        _linear(tf.zeros([1, 2, 3]), 1, True)


def test_a_linear_layer_keeps_its_variables(session):
    from tensorflow.contrib.rnn.python.ops.core_rnn_cell import _BIAS_VARIABLE_NAME, _WEIGHTS_VARIABLE_NAME, _Linear

    inputs = [tf.constant([[1.0, 2.0]]), tf.constant([[-1.0]])]
    with tf.variable_scope("x", partitioner=tf.fixed_size_partitioner(2)):
        layer = _Linear(inputs, 2, True, tf.ones_initializer(), tf.ones_initializer())
    outputs = [layer(inputs), layer(inputs[::-1])]
    session.run(tf.global_variables_initializer())
    near(session.run(outputs), [[[3, 3]]] * 2)
    names = [variable.op.name for variable in tf.global_variables()]
    assert names == [
        f"x/{_WEIGHTS_VARIABLE_NAME}/part_0",
        f"x/{_WEIGHTS_VARIABLE_NAME}/part_1",
        f"x/{_BIAS_VARIABLE_NAME}",
    ]


def test_the_internal_modules_of_cells_have_the_cells_of_tf_nn():
    from tensorflow.python.ops import rnn_cell, rnn_cell_impl

    for module in (rnn_cell, rnn_cell_impl):
        assert module.RNNCell is tf.nn.rnn_cell.RNNCell
        assert module.LayerRNNCell is rnn.LayerRNNCell
        assert module._like_rnncell(tf.nn.rnn_cell.GRUCell(2))
        assert not module._like_rnncell(tf.layers.Dense(2))
    assert (rnn_cell_impl._WEIGHTS_VARIABLE_NAME, rnn_cell_impl._BIAS_VARIABLE_NAME) == ("kernel", "bias")
    rnn_cell_impl.assert_like_rnncell("cell", rnn.NASCell(3))
    with pytest.raises(AttributeError, match="never_heard"):
        rnn_cell_impl.never_heard  # noqa: B018


@pytest.mark.parametrize(
    ("wrap", "expected", "name"),
    [
        (
            lambda cell: rnn.OutputProjectionWrapper(cell, 2),
            [[-0.4649, -0.24142], [-0.58395, -0.30514], [-0.4804, -0.25861]],
            "rnn/output_projection_wrapper/kernel",
        ),
        (
            lambda cell: rnn.InputProjectionWrapper(cell, 2, tf.nn.relu),
            [[-0.3225, -0.08972, 0.15895], [-0.33829, -0.0779, 0.16738], [-0.2706, -0.02043, 0.18085]],
            "rnn/input_projection_wrapper/kernel",
        ),
    ],
)
def test_cells_with_projections_compute_the_numbers_of_tf_115(session, wrap, expected, name):
    outputs, _ = tf.nn.dynamic_rnn(wrap(tf.nn.rnn_cell.GRUCell(3)), tf.constant(INPUTS), dtype=tf.float32)
    fill(session)
    near(session.run(outputs)[:, -1], expected)
    assert name in [variable.op.name for variable in tf.global_variables()]
