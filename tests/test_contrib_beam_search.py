"""Beam search of tf.contrib.seq2seq. The expected numbers are TensorFlow 1.15.5's for the same weights."""

import numpy as np
import pytest
from graphs import load_variables, near, new_session
from helpers import REPOSITORY, run

from cnn_estimator.tf1 import tf
from cnn_estimator.tf1.contrib import seq2seq

MEMORY = np.cos(np.arange(24)).reshape(2, 3, 4).astype(np.float32)
EMBEDDINGS = np.sin(np.arange(15) * 1.3).reshape(5, 3).astype(np.float32)
END = 3

session = pytest.fixture(new_session)


def fill(session):
    load_variables(session, ((sum(map(ord, variable.op.name)) % 7, variable) for variable in tf.trainable_variables()))


def luong(memory, lengths):
    return seq2seq.LuongAttention(4, memory, memory_sequence_length=lengths)


def bahdanau(memory, lengths):
    return seq2seq.BahdanauAttention(6, memory, memory_sequence_length=lengths, normalize=True)


def both(memory, lengths):
    return [luong(memory, lengths), bahdanau(memory, lengths)]


def cell_and_state(mechanism, lengths, width, make_cell, wrapped):
    """Returns a cell with attention to the memory, or a cell whose first state is made of the memory."""
    cell = make_cell(4)
    zeros = cell.zero_state(2 * width, tf.float32)
    if mechanism is None:
        first = seq2seq.tile_batch(tf.constant(MEMORY[:, 0]), width) * 0.5
        return cell, tf.nest.map_structure(lambda state: state + first, zeros)
    if lengths is not None:
        lengths = seq2seq.tile_batch(tf.constant(lengths), width)
    cell = seq2seq.AttentionWrapper(cell, mechanism(seq2seq.tile_batch(tf.constant(MEMORY), width), lengths), **wrapped)
    return cell, cell.zero_state(2 * width, tf.float32)


def search(
    mechanism=None,
    lengths=None,
    width=3,
    scale=3,
    steps=6,
    start=(1, 2),
    cell=tf.nn.rnn_cell.GRUCell,
    wrapped=None,
    **options,
):
    cell, state = cell_and_state(mechanism, lengths, width, cell, wrapped or {})
    decoder = seq2seq.BeamSearchDecoder(
        cell,
        tf.constant(EMBEDDINGS * scale),
        start,
        END,
        state,
        width,
        output_layer=tf.layers.Dense(5, name="proj"),
        **options,
    )
    return seq2seq.dynamic_decode(decoder, maximum_iterations=steps)


ATTENTION = {"attention_layer_size": 5}
TWO = {"attention_layer_size": [5, 3], "alignment_history": True}
# {name: (options of search, ids of the best beams of both examples, last scores, log probabilities, lengths of beams,
# lengths that dynamic_decode returns)}
RUNS = {
    "without attention": (
        {},
        [
            [[3, 2, 4], [3, 2, 2], [3, 2, 2], [3, 2, 2], [3, 3, 2], [3, 3, 2]],
            [[3, 2, 2], [3, 3, 2], [3, 3, 3], [3, 3, 3], [3, 3, 3], [3, 3, 3]],
        ],
        [[-1.4895, -6.0771, -7.11], [-1.131, -2.2041, -3.2729]],
        [[-1.4895, -6.0771, -7.11], [-1.131, -2.2041, -3.2729]],
        [[1, 5, 6], [1, 2, 3]],
        [[1, 6, 5], [2, 3, 2]],
    ),
    "LSTM, until all beams have ended": (
        {"cell": tf.nn.rnn_cell.LSTMCell},
        [[[3, 2, 2], [3, 3, 2], [3, 3, 3]]] * 2,
        [[-1.2944, -2.5927, -3.8767], [-1.2565, -2.5558, -3.8423]],
        [[-1.2944, -2.5927, -3.8767], [-1.2565, -2.5558, -3.8423]],
        [[1, 2, 3]] * 2,
        [[1, 2, 3]] * 2,
    ),
    "penalty of short beams": (
        {"length_penalty_weight": 1.0},
        [
            [[4, 2, 1], [2, 2, 4], [2, 2, 2], [2, 2, 2], [2, 2, 2], [2, 2, 2]],
            [[3, 2, 2], [3, 3, 2], [3, 3, 2], [3, 3, 2], [3, 3, 2], [3, 3, 2]],
        ],
        [[-3.8782, -3.9279, -4.2138], [-1.131, -1.8892, -3.5729]],
        [[-7.11, -7.2011, -7.7253], [-1.131, -2.2041, -6.5504]],
        [[6, 6, 6], [1, 2, 6]],
        [[6, 6, 6], [2, 3, 6]],
    ),
    "penalty of long beams": (
        {"length_penalty_weight": -0.5, "scale": 20, "steps": 20},
        [
            [[1, 1, 1], [1, 1, 1], [1, 1, 1], [0, 1, 1], [0, 0, 0], [3, 0, 0], [3, 3, 0], [3, 3, 3]],
            [[3, 2, 2], [3, 3, 2], *[[3, 3, 3]] * 6],
        ],
        [[-10.8997, -13.1861, -15.0044], [-1.1586, -2.3818, -3.7632]],
        [[-8.0499, -9.324, -10.6097], [-1.1586, -2.2052, -3.259]],
        [[6, 7, 8], [1, 2, 3]],
        [[7, 8, 6], [1, 2, 3]],
    ),
    "Luong": (
        {"mechanism": luong, "lengths": [3, 2], "wrapped": ATTENTION},
        [
            [[3, 2, 2], [3, 1, 1], [3, 3, 2], [3, 3, 1], [3, 3, 2], [3, 3, 1]],
            [[3, 2, 2], [3, 1, 1], [3, 3, 2], [3, 3, 2], [3, 3, 1], [3, 3, 3]],
        ],
        [[-1.2969, -4.3377, -8.6539], [-1.4901, -4.4315, -8.8526]],
        [[-1.2969, -4.3377, -8.6539], [-1.4901, -4.4315, -8.8526]],
        [[1, 3, 6], [1, 3, 6]],
        [[1, 4, 6], [1, 3, 6]],
    ),
    "Bahdanau, with both penalties": (
        {
            "mechanism": bahdanau,
            "lengths": [3, 2],
            "wrapped": ATTENTION,
            "length_penalty_weight": 0.6,
            "coverage_penalty_weight": 0.4,
        },
        [
            [[2, 2, 2], [1, 0, 2], [2, 2, 0], [1, 1, 2], [2, 2, 1], [1, 1, 2]],
            [[3, 1, 2], [3, 2, 1], [3, 2, 2], [3, 1, 2], [3, 2, 1], [3, 2, 2]],
        ],
        [[-5.7782, -5.7792, -5.7816], [-2.0978, -5.9318, -5.9535]],
        [[-8.3126, -8.3141, -8.3174], [-1.5302, -8.5336, -8.5647]],
        [[6, 6, 6], [1, 6, 6]],
        [[6, 6, 6], [2, 6, 6]],
    ),
    "two mechanisms": (
        {"mechanism": both, "lengths": [3, 1], "wrapped": TWO, "steps": 5, "coverage_penalty_weight": 0.2},
        [
            [[3, 2, 2], [3, 1, 2], [3, 2, 1], [3, 1, 2], [3, 2, 1]],
            [[1, 1, 1], [2, 2, 1], [1, 1, 2], [2, 1, 1], [1, 2, 2]],
        ],
        [[-1.9213, -6.9032, -6.9229], [-5.6352, -5.7287, -5.7525]],
        [[-1.2553, -6.9032, -6.9229], [-5.6352, -5.7287, -5.7525]],
        [[1, 5, 5], [5, 5, 5]],
        [[1, 5, 5], [5, 5, 5]],
    ),
    "four beams": (
        {"mechanism": luong, "width": 4, "scale": 6, "steps": 8, "length_penalty_weight": 0.3},
        [[[3, 2, 2, 2], [3, 3, 2, 2], *[[3, 3, 3, 2]] * 6]] * 2,
        [[-1.3623, -2.5922, -3.7918, -9.0771], [-1.2727, -2.5335, -3.7016, -8.7954]],
        [[-1.3623, -2.7149, -4.1336, -11.4468], [-1.2727, -2.6534, -4.0352, -11.0916]],
        [[1, 2, 3, 8]] * 2,
        [[2, 3, 4, 8], [1, 3, 4, 8]],
    ),
    "one beam": (
        {"mechanism": luong, "width": 1},
        [[[3]], [[3]]],
        [[-1.3547], [-1.2761]],
        [[-1.3547], [-1.2761]],
        [[1], [1]],
        [[1], [1]],
    ),
}


@pytest.mark.integration
@pytest.mark.parametrize("name", RUNS)
def test_beams_are_the_beams_of_1_15(session, name):
    options, ids, scores, log_probs, lengths, decoded_lengths = RUNS[name]
    outputs, state, decoded = search(**options)
    assert isinstance(outputs, seq2seq.FinalBeamSearchDecoderOutput)
    assert isinstance(outputs.beam_search_decoder_output, seq2seq.BeamSearchDecoderOutput)
    assert isinstance(state, seq2seq.BeamSearchDecoderState)
    assert outputs.predicted_ids.shape.as_list() == [2, None, options.get("width", 3)]
    fill(session)
    found, steps, last, ends = session.run(
        (outputs.predicted_ids, outputs.beam_search_decoder_output.scores, state[1:4], decoded)
    )
    assert (found.dtype, found.tolist()) == (np.int32, ids)
    np.testing.assert_allclose(steps[:, -1], scores, atol=2e-4)
    np.testing.assert_allclose(last[0], log_probs, atol=2e-4)
    assert (last[2].dtype, last[2].tolist(), ends.tolist()) == (np.int64, lengths, decoded_lengths)
    assert last[1].tolist() == (found[:, -1] == END).tolist(), "a beam has finished when it ends with the end token"


@pytest.mark.integration
def test_variables_have_the_names_of_1_15(session):
    search(both, wrapped=TWO)
    cell = "decoder/attention_wrapper/"
    assert [variable.op.name for variable in tf.global_variables()] == [
        "memory_layer/kernel",
        "memory_layer_1/kernel",
        *(f"{cell}gru_cell/{part}/{name}" for part in ("gates", "candidate") for name in ("kernel", "bias")),
        f"{cell}attention_layer/kernel",
        *(f"{cell}bahdanau_attention/{name}" for name in ("query_layer/kernel", "attention_v", "attention_g")),
        f"{cell}bahdanau_attention/attention_b",
        f"{cell}attention_layer_1/kernel",
        "decoder/proj/kernel",
        "decoder/proj/bias",
    ]


@pytest.mark.integration
def test_histories_follow_the_beams_if_the_batch_size_is_unknown(session, caplog):
    start = tf.placeholder_with_default([1, 2], [None])
    outputs, state, _ = search(luong, start=start, wrapped={"alignment_history": True})
    fill(session)
    history, ids = session.run((state.cell_state.alignment_history, outputs.predicted_ids))
    assert ids.tolist() == [[[3, 2, 2], [3, 3, 2], [3, 3, 3]]] * 2
    expected = [
        [0.3166, 0.3166, 0.3166, 0.3899, 0.3899, 0.3899],
        [0.2856, 0.3399, 0.3515, 0.3024, 0.402, 0.3954],
        [0.2745, 0.3067, 0.3417, 0.2739, 0.3069, 0.4107],
    ]
    np.testing.assert_allclose(history[:, :, 0], expected, atol=1e-4)
    assert not caplog.records


@pytest.mark.integration
def test_histories_stay_as_they_are_if_the_batch_size_is_known(session, caplog):
    _, state, _ = search(luong, wrapped={"alignment_history": True})
    assert "does not sort a TensorArray of the state, whose elements have the shape (6, 3)" in caplog.text
    fill(session)
    assert session.run(state.cell_state.alignment_history.stack()).shape == (3, 6, 3)
    caplog.clear()
    start = tf.placeholder_with_default([1, 2], [None])
    _, state, _ = search(luong, start=start, wrapped={"alignment_history": True}, reorder_tensor_arrays=False)
    assert isinstance(state.cell_state.alignment_history, tf.TensorArray)
    assert not caplog.records


STEP_IDS = np.random.RandomState(0).randint(0, 6, (5, 2, 3)).astype(np.int32)
PARENT_IDS = np.random.RandomState(1).randint(0, 3, (5, 2, 3)).astype(np.int32)


@pytest.mark.integration
@pytest.mark.parametrize(
    ("lengths", "end", "expected"),
    [
        (
            [5, 3],
            4,
            [
                [[4, 5, 5], [3, 3, 3]],
                [[4, 3, 3], [0, 4, 0]],
                [[4, 0, 0], [1, 4, 1]],
                [[4, 5, 1], [4, 4, 4]],
                [[4, 0, 3], [4, 4, 4]],
            ],
        ),
        (
            [9, 0],
            10,
            [
                [[4, 5, 5], [10, 10, 10]],
                [[1, 3, 3], [10, 10, 10]],
                [[2, 0, 0], [10, 10, 10]],
                [[5, 5, 1], [10, 10, 10]],
                [[3, 0, 3], [10, 10, 10]],
            ],
        ),
    ],
)
def test_beams_are_followed_back_as_in_1_15(session, lengths, end, expected):
    beams = seq2seq.gather_tree(
        step_ids=STEP_IDS, parent_ids=PARENT_IDS, max_sequence_lengths=lengths, end_token=tf.constant(end)
    )
    assert session.run(beams).tolist() == expected


@pytest.mark.integration
def test_parents_behind_the_end_are_not_read(session):
    parents = PARENT_IDS.copy()
    parents[3:] = 99
    beams = [seq2seq.gather_tree(STEP_IDS, ids, [3, 3], 10) for ids in (PARENT_IDS, parents)]
    before, after = session.run(beams)
    assert before.tolist() == after.tolist()
    parents[1] = 99
    with pytest.raises(tf.errors.InvalidArgumentError):
        session.run(seq2seq.gather_tree(STEP_IDS, parents, [3, 3], 10))


@pytest.mark.integration
def test_a_memory_or_a_state_that_is_not_tiled_is_an_error():
    with tf.Graph().as_default():
        memory = tf.constant(MEMORY)
        cell = seq2seq.AttentionWrapper(tf.nn.rnn_cell.GRUCell(4), luong(memory, None))
        with pytest.raises((ValueError, tf.errors.InvalidArgumentError), match="tile_batch"):
            cell.zero_state(6, tf.float32)
        with pytest.raises(ValueError, match="coverage_penalty_weight needs a cell with attention"):
            search(coverage_penalty_weight=0.5)
        with pytest.raises(ValueError, match="start_tokens must be a vector"):
            search(start=1)
        untiled = tf.zeros([4, 4])
        with pytest.raises(ValueError, match=r"use tile_batch|Cannot reshape|[Dd]imension"):
            seq2seq.BeamSearchDecoder(tf.nn.rnn_cell.GRUCell(4), tf.constant(EMBEDDINGS), [1, 2], END, untiled, 3)
        with pytest.raises(ValueError, match="tensors with a batch axis"):
            seq2seq.tile_batch(tf.constant(5), 2)


@pytest.mark.integration
def test_the_private_functions_of_the_decoder_can_be_imported(session):
    from tensorflow.contrib.seq2seq.python.ops import beam_search_decoder, beam_search_ops
    from tensorflow.contrib.seq2seq.python.ops.beam_search_decoder import _length_penalty, _mask_probs

    assert beam_search_decoder._beam_search_step
    assert beam_search_ops.gather_tree is seq2seq.gather_tree
    near(session.run(_length_penalty([1, 7], 0.5)), [1, 2**0.5])
    masked = session.run(_mask_probs(tf.zeros([1, 2, 3]), 1, tf.constant([[True, False]])))
    lowest = np.finfo(np.float32).min
    assert masked.tolist() == [[[lowest, 0, lowest], [0, 0, 0]]]


# What the programs of tensorflow/nmt and keithito/tacotron import, in this order.
PROGRAM = """
import tensorflow as tf
hparams = tf.contrib.training.HParams(beam_width=3)
from tensorflow.python.ops import lookup_ops
from tensorflow.contrib.seq2seq import Helper
from tensorflow.contrib.rnn import GRUCell, RNNCell
from tensorflow.contrib.rnn import GRUCell, MultiRNNCell, OutputProjectionWrapper, ResidualWrapper
from tensorflow.contrib.seq2seq import BasicDecoder, BahdanauAttention, AttentionWrapper
from tensorflow.contrib.seq2seq.python.ops.attention_wrapper import *

memory = tf.contrib.seq2seq.tile_batch(tf.ones([2, 4, 5]), hparams.beam_width)
cell = AttentionWrapper(MultiRNNCell([GRUCell(6), ResidualWrapper(GRUCell(6))]), LuongAttention(6, memory), 3)
cell = tf.contrib.rnn.DeviceWrapper(cell, "/cpu:0")
decoder = tf.contrib.seq2seq.BeamSearchDecoder(
    cell, tf.ones([7, 3]), [1, 1], 2, cell.zero_state(6, tf.float32), hparams.beam_width, tf.layers.Dense(7)
)
outputs, _, _ = tf.contrib.seq2seq.dynamic_decode(decoder, maximum_iterations=1, output_time_major=True)
with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    print(session.run(outputs.predicted_ids).shape)
"""


@pytest.mark.process
def test_a_program_may_import_what_nmt_and_tacotron_import(tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM)
    done = run(
        "-m",
        "cnn_estimator",
        "run",
        "program.py",
        environment={"PYTHONPATH": str(REPOSITORY)},
        cwd=tmp_path,
    )
    assert (done.returncode, done.stdout) == (0, "(1, 2, 3)\n"), done.stderr
