"""tf.contrib.seq2seq. The expected numbers are TensorFlow 1.15.5's for the same weights."""

import numpy as np
import pytest
from graphs import load_variables, near, new_session

from cnn_estimator.tf1 import tf
from cnn_estimator.tf1.contrib import seq2seq

pytestmark = pytest.mark.integration

MEMORY = np.cos(np.arange(24)).reshape(2, 3, 4).astype(np.float32)
INPUTS = np.sin(np.arange(24)).reshape(2, 4, 3).astype(np.float32)
EMBEDDINGS = np.sin(np.arange(15) * 1.3).reshape(5, 3).astype(np.float32)


session = pytest.fixture(new_session)


def fill(session):
    load_variables(session, ((sum(map(ord, variable.op.name)) % 7, variable) for variable in tf.trainable_variables()))


def training_helper():
    return seq2seq.TrainingHelper(tf.constant(INPUTS), [4, 2])


def greedy_helper():
    return seq2seq.GreedyEmbeddingHelper(tf.constant(EMBEDDINGS), [1, 2], 3)


def decoder(mechanism=None, helper=training_helper, **options):
    cell = tf.nn.rnn_cell.GRUCell(4)
    if mechanism:
        cell = seq2seq.AttentionWrapper(cell, mechanism(tf.constant(MEMORY)), **options)
    return seq2seq.BasicDecoder(cell, helper(), cell.zero_state(2, tf.float32), tf.layers.Dense(5, name="proj"))


def bahdanau(**options):
    return lambda memory: seq2seq.BahdanauAttention(6, memory, **options)


def luong(**options):
    return lambda memory: seq2seq.LuongAttention(4, memory, **options)


IMPUTED = {"impute_finished": True}
# {name: (mechanism, helper, options of the wrapper, options of dynamic_decode, last outputs, sum of all outputs, ids,
# lengths, last attention, last alignments)}
RUNS = {
    "Bahdanau": (
        bahdanau(memory_sequence_length=[3, 2]),
        training_helper,
        {"attention_layer_size": 5},
        IMPUTED,
        [[-0.03014, 0.24294, 0.29266, 0.07331, -0.21344], [0] * 5],
        3.6286,
        [[2, 2, 2, 2], [2, 2, 0, 0]],
        [4, 2],
        [[0.01798, -0.39365, -0.44336, -0.08545, 0.35103], [0.26389, -0.12609, -0.40014, -0.3063, 0.06915]],
        [[0.4738, 0.26181, 0.26439], [0.68157, 0.31843, 0.0]],
    ),
    "Bahdanau, normalized": (
        bahdanau(normalize=True),
        training_helper,
        {"attention_layer_size": 5, "alignment_history": True},
        {},
        [[-0.07541, 0.1565, 0.24452, 0.10773, -0.12811], [-0.05851, 0.2081, 0.28339, 0.09813, -0.17735]],
        3.8162,
        [[2, 2, 2, 2], [2, 2, 2, 2]],
        [4, 2],
        [[-0.02869, -0.33711, -0.33559, -0.02553, 0.308], [0.00965, -0.3611, -0.39985, -0.07099, 0.32314]],
        [[0.40031, 0.29963, 0.30005], [0.39654, 0.2719, 0.33156]],
    ),
    "Luong": (
        luong(memory_sequence_length=[3, 1]),
        training_helper,
        {},
        IMPUTED,
        [[-0.38503, -0.07561, 0.30332, 0.40338, 0.13257], [0] * 5],
        4.1876,
        [[3, 3, 3, 3], [2, 2, 0, 0]],
        [4, 2],
        [[0.04071, -0.00196, -0.04283, -0.04432], [0.84385, 0.90745, 0.13674, -0.75969]],
        [[0.32498, 0.36615, 0.30886], [1, 0, 0]],
    ),
    "Luong, scaled, whose cell is the output": (
        luong(scale=True),
        training_helper,
        {"attention_layer_size": 5, "output_attention": False},
        IMPUTED,
        [[-0.16432, 0.03658, 0.20385, 0.1837, -0.00535], [0] * 5],
        2.4434,
        [[2, 3, 2, 2], [2, 3, 0, 0]],
        [4, 2],
        [[-0.0709, -0.28405, -0.23604, 0.02898, 0.26736], [-0.02624, -0.24316, -0.23652, -0.01242, 0.22309]],
        [[0.33317, 0.33538, 0.33145], [0.33409, 0.33413, 0.33177]],
    ),
    "greedy": (
        luong(),
        greedy_helper,
        {"attention_layer_size": 5},
        {"maximum_iterations": 6, **IMPUTED},
        [[0] * 5, [-0.04299, 0.10269, 0.15396, 0.06368, -0.08515]],
        1.4692,
        [[3, 0, 0, 0, 0, 0], [2, 2, 2, 1, 2, 2]],
        [1, 6],
        [[0.06895, -0.04216, -0.1145, -0.08158, 0.02635], [-0.12047, -0.36031, -0.26889, 0.06975, 0.34426]],
        [[0.32416, 0.33193, 0.3439], [0.37001, 0.35456, 0.27543]],
    ),
}


@pytest.mark.parametrize("name", RUNS)
def test_decoders_with_attention_compute_the_numbers_of_1_15(session, name):
    mechanism, helper, wrapped, decoded, last, total, ids, lengths, attention, alignments = RUNS[name]
    outputs, state, ends = seq2seq.dynamic_decode(decoder(mechanism, helper, **wrapped), **decoded)
    fill(session)
    numbers, sample_ids, decoded_lengths, last_attention, last_alignments = session.run(
        [outputs.rnn_output, outputs.sample_id, ends, state.attention, state.alignments]
    )
    near(numbers[:, -1], last)
    assert numbers.sum() == pytest.approx(total, abs=1e-4)
    assert (sample_ids.tolist(), decoded_lengths.tolist()) == (ids, lengths)
    near(last_attention, attention)
    near(last_alignments, alignments)
    if wrapped.get("alignment_history"):
        history = session.run(state.alignment_history.stack())
        assert history.shape == (4, 2, 3)
        near(history[-1], alignments)


def test_a_decoder_without_attention_computes_the_numbers_of_1_15(session):
    outputs, state, _ = seq2seq.dynamic_decode(decoder(), impute_finished=True, output_time_major=True)
    fill(session)
    numbers, last = session.run([outputs.rnn_output, state])
    near(numbers[-1], [[-0.59004, -0.20509, 0.36842, 0.60321, 0.28341], [0] * 5])
    near(last, [[0.22882, 0.40561, 0.29726, 0.05304], [0.23074, 0.35495, 0.25593, 0.04992]])


def test_several_mechanisms_have_the_numbers_and_variable_names_of_1_15(session):
    both = decoder(lambda memory: [bahdanau()(memory), luong()(memory)], attention_layer_size=[5, 3])
    outputs, state, _ = seq2seq.dynamic_decode(both, impute_finished=True)
    fill(session)
    near(session.run(outputs.rnn_output)[0, -1], [-0.04439, 0.26897, 0.33503, 0.09307, -0.23446])
    near(session.run(state.attention)[1], [0.11707, -0.3286, -0.47216, -0.18162, 0.2759, 0.01231, 0.00263, -0.00948])
    cell = "decoder/attention_wrapper/"
    assert [variable.op.name for variable in tf.global_variables()] == [
        "memory_layer/kernel",
        "memory_layer_1/kernel",
        *(f"{cell}gru_cell/{part}/{name}" for part in ("gates", "candidate") for name in ("kernel", "bias")),
        f"{cell}bahdanau_attention/query_layer/kernel",
        f"{cell}bahdanau_attention/attention_v",
        f"{cell}attention_layer/kernel",
        f"{cell}attention_layer_1/kernel",
        "decoder/proj/kernel",
        "decoder/proj/bias",
    ]


def test_a_decoder_with_attention_learns(session):
    outputs, _, _ = seq2seq.dynamic_decode(decoder(bahdanau(), attention_layer_size=5))
    targets = tf.constant([[1, 2, 3, 4], [2, 1, 0, 0]])
    loss = seq2seq.sequence_loss(outputs.rnn_output, targets, tf.sequence_mask([4, 2], dtype=tf.float32))
    step = tf.train.AdamOptimizer(0.05).minimize(loss)
    fill(session)
    before = session.run(loss)
    for _ in range(20):
        session.run(step)
    assert session.run(loss) < before / 2


def test_sampling_and_custom_helpers_choose_inputs(session):
    def sampling():
        return seq2seq.SampleEmbeddingHelper(lambda ids: tf.gather(EMBEDDINGS, ids), [1, 2], 3, 0.1, seed=1)

    def custom():
        return seq2seq.CustomHelper(
            lambda: (tf.zeros([2], tf.bool), tf.constant(INPUTS[:, 0])),
            lambda time, outputs, state: tf.fill([2], time),
            lambda time, outputs, state, sample_ids: (tf.fill([2], time >= 2), tf.constant(INPUTS[:, 1]), state),
        )

    samples, _, _ = seq2seq.dynamic_decode(decoder(helper=sampling), maximum_iterations=4, scope="a")
    own, _, lengths = seq2seq.dynamic_decode(decoder(helper=custom), scope="b")
    fill(session)
    assert set(session.run(samples.sample_id).ravel()) <= set(range(5))
    assert [value.tolist() for value in session.run([own.sample_id, lengths])] == [[[0, 1, 2]] * 2, [3, 3]]


def test_the_initial_state_can_be_the_state_of_an_encoder(session):
    memory = tf.constant(MEMORY)
    cell = seq2seq.AttentionWrapper(tf.nn.rnn_cell.GRUCell(4), seq2seq.LuongAttention(4, memory))
    state = cell.zero_state(2, tf.float32).clone(cell_state=memory[:, 0])
    assert isinstance(state, seq2seq.AttentionWrapperState)
    near(session.run(state.cell_state), MEMORY[:, 0])
    assert (cell.output_size, cell.state_size.attention) == (4, 4)


@pytest.mark.parametrize(
    ("averages", "expected"),
    [
        ((True, True), 1.828872),
        ((True, False), [1.583999, 2.441055]),
        ((False, True), [1.769444, 1.542883, 2.638562]),
        ((False, False), [[1.097834, 1.542883, 1.319281], [2.441055, 0, 0]]),
    ],
)
def test_losses_of_sequences_are_those_of_1_15(session, averages, expected):
    logits = tf.constant(np.sin(np.arange(24)).reshape(2, 3, 4).astype(np.float32))
    weights = tf.constant([[1, 1, 0.5], [1, 0, 0]])
    near(session.run(seq2seq.sequence_loss(logits, tf.constant([[1, 2, 3], [0, 3, 1]]), weights, *averages)), expected)


def test_tile_batch_and_hardmax_compute_the_values_of_1_15(session):
    tiled = seq2seq.tile_batch((tf.constant([[1, 2], [3, 4]]), tf.constant(5)), 2)
    assert [value.tolist() for value in session.run(tiled)] == [[[1, 2], [1, 2], [3, 4], [3, 4]], 5]
    assert session.run(seq2seq.hardmax([[1.0, 3.0, 2.0]])).tolist() == [[0, 1, 0]]


def test_wrong_sizes_and_beam_search_raise_errors():
    with tf.Graph().as_default():
        memory = tf.constant(MEMORY)
        mechanism = seq2seq.LuongAttention(3, memory)
        with pytest.raises(ValueError, match="the query has 4 features, and the attention num_units=3"):
            mechanism(memory[:, 0], None)
        for options in ({"attention_layer_size": 1, "attention_layer": 1}, {"attention_layer_size": [1, 2]}):
            with pytest.raises(ValueError, match="attention"):
                seq2seq.AttentionWrapper(tf.nn.rnn_cell.GRUCell(4), mechanism, **options)
    with pytest.raises(NotImplementedError, match="BeamSearchDecoder is not available"):
        seq2seq.BeamSearchDecoder()
