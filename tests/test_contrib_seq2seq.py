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


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"sum_over_timesteps": True, "sum_over_batch": True}, 1.600263),
        ({"sum_over_timesteps": True}, [1.319999, 2.441055]),
        ({"sum_over_batch": True}, [1.769444, 1.542883, 1.319281]),
    ],
)
def test_sums_of_sequence_losses_are_those_of_1_15(session, options, expected):
    logits = tf.constant(np.sin(np.arange(24)).reshape(2, 3, 4).astype(np.float32))
    targets, weights = tf.constant([[1, 2, 3], [0, 3, 1]]), tf.constant([[1, 1, 0.5], [1, 0, 0]])
    near(session.run(seq2seq.sequence_loss(logits, targets, weights, False, False, **options)), expected)
    with pytest.raises(ValueError, match="averaged or summed, not both"):
        seq2seq.sequence_loss(logits, targets, weights, **options)
    with pytest.raises(ValueError, match=r"needs logits \[B, T, classes\]"):
        seq2seq.sequence_loss(logits, targets, tf.constant([1.0]))


def test_tile_batch_and_hardmax_compute_the_values_of_1_15(session):
    tiled = seq2seq.tile_batch((tf.constant([[1, 2], [3, 4]]), tf.constant([5, 6])), 2)
    assert [value.shape.as_list() for value in tiled] == [[4, 2], [4]]
    assert [value.tolist() for value in session.run(tiled)] == [[[1, 2], [1, 2], [3, 4], [3, 4]], [5, 5, 6, 6]]
    assert session.run(seq2seq.hardmax([[1.0, 3.0, 2.0]])).tolist() == [[0, 1, 0]]


def test_wrong_sizes_raise_errors():
    with tf.Graph().as_default():
        memory = tf.constant(MEMORY)
        mechanism = seq2seq.LuongAttention(3, memory)
        with pytest.raises(ValueError, match="the query has 4 features, and the attention num_units=3"):
            mechanism(memory[:, 0], None)
        for options in ({"attention_layer_size": 1, "attention_layer": 1}, {"attention_layer_size": [1, 2]}):
            with pytest.raises(ValueError, match="attention"):
                seq2seq.AttentionWrapper(tf.nn.rnn_cell.GRUCell(4), mechanism, **options)
        with pytest.raises(TypeError, match="must be an AttentionMechanism"):
            seq2seq.AttentionWrapper(tf.nn.rnn_cell.GRUCell(4), memory)
        with pytest.raises(TypeError, match="must be a Decoder"):
            seq2seq.dynamic_decode(memory)
        state = decoder(luong()).initialize()[-1]
        with pytest.raises(ValueError, match="shape"):
            state.clone(cell_state=tf.zeros([2, 5]))
        for wrong in ({"sampling_probability": [[0.5]]}, {"sequence_length": 3}):
            options = {"sequence_length": [4, 2], "sampling_probability": 0.5} | wrong
            with pytest.raises(ValueError, match="vector"):
                seq2seq.ScheduledOutputTrainingHelper(tf.constant(INPUTS), **options)
    with pytest.raises(AttributeError):
        seq2seq.NeverHeardDecoder  # noqa: B018


PROBABILITIES = np.array([[0.2, 0.5, 0.9], [0.7, 0.0, 1.0]], np.float32)
BEFORE = np.array([[0.1, 0.6, 0.3], [0, 1, 0]], np.float32)


def test_monotonic_attention_computes_the_numbers_of_1_15(session):
    for mode in ("recursive", "parallel"):
        near(session.run(seq2seq.monotonic_attention(PROBABILITIES, BEFORE, mode)), [[0.02, 0.34, 0.576], [0, 0, 1]])
    hard = seq2seq.monotonic_attention(np.round(PROBABILITIES), np.round(BEFORE), "hard")
    assert session.run(hard).tolist() == [[0, 0, 1], [0, 0, 1]]
    with pytest.raises(ValueError, match="mode must be"):
        seq2seq.monotonic_attention(PROBABILITIES, BEFORE, "soft")
    near(session.run(seq2seq.safe_cumprod(PROBABILITIES, axis=1)), [[0.2, 0.1, 0.09], [0.7, 0, 0]])
    near(session.run(seq2seq.safe_cumprod(PROBABILITIES, axis=1, exclusive=True)), [[1, 0.2, 0.1], [1, 0.7, 0]])
    numbers = tf.constant(PROBABILITIES)
    assert np.isfinite(session.run(tf.gradients(seq2seq.safe_cumprod(numbers, axis=1), numbers)[0])).all()


def monotonic(kind, **options):
    return lambda memory: kind(4, memory, **options)


def doubled(keys, values):
    return keys * 2, values + 1


# {name: (mechanism, options of the wrapper, last outputs, sum of all outputs, ids, last alignments)}
MECHANISMS = {
    "monotonic Bahdanau": (
        monotonic(seq2seq.BahdanauMonotonicAttention, memory_sequence_length=[3, 2], score_bias_init=-0.5),
        {"attention_layer_size": 5, "alignment_history": True},
        [[-0.1498, -0.0083, 0.1408, 0.1604, 0.0326], [-0.2528, -0.0662, 0.1812, 0.2621, 0.1019]],
        3.8917,
        [[2, 2, 2, 3], [2, 3, 3, 3]],
        [[0.113, 0.1843, 0.2442], [0.0988, 0.2055, 0.0]],
    ),
    "monotonic Bahdanau, normalized and recursive": (
        monotonic(seq2seq.BahdanauMonotonicAttention, normalize=True, mode="recursive"),
        {"attention_layer_size": 5},
        [[-0.1701, -0.0056, 0.164, 0.1829, 0.0336], [-0.1259, 0.031, 0.1594, 0.1413, -0.0068]],
        3.913,
        [[2, 2, 2, 3], [2, 2, 2, 2]],
        [[0.1211, 0.1987, 0.2037], [0.1211, 0.1987, 0.2037]],
    ),
    "monotonic Bahdanau with noise": (
        monotonic(seq2seq.BahdanauMonotonicAttention, sigmoid_noise=1.0, sigmoid_noise_seed=3),
        {},
        [[-0.3386, -0.2332, 0.0866, 0.3268, 0.2665], [-0.3368, 0.2444, 0.6008, 0.4049, -0.1633]],
        4.7951,
        [[2, 3, 3, 3], [3, 2, 2, 2]],
        [[0.0121, 0.2589, 0.1519], [0.2005, 0.0489, 0.5238]],
    ),
    "monotonic Luong": (
        monotonic(seq2seq.LuongMonotonicAttention, memory_sequence_length=[3, 2], scale=True, score_bias_init=0.2),
        {"attention_layer_size": 5},
        [[-0.1748, -0.0064, 0.1678, 0.1878, 0.0351], [-0.1919, -0.0098, 0.1814, 0.2058, 0.041]],
        3.5553,
        [[2, 3, 2, 3], [2, 3, 3, 3]],
        [[0.0315, 0.0773, 0.1044], [0.0323, 0.0761, 0.0]],
    ),
    "monotonic Luong, hard": (
        monotonic(seq2seq.LuongMonotonicAttention, mode="hard", score_mask_value=-9.0),
        {},
        [[-0.3836, -0.1118, 0.2628, 0.3957, 0.1648]] * 2,
        2.6244,
        [[3, 3, 3, 3], [3, 3, 3, 3]],
        [[0, 0, 0], [0, 0, 0]],
    ),
    "Luong with other keys and values": (
        luong(memory_sequence_length=[3, 1], score_mask_value=-1.0, custom_key_value_fn=doubled),
        {},
        [[-0.7896, -0.4426, 0.3114, 0.7791, 0.5305], [-1.0794, -0.2693, 0.7884, 1.1213, 0.4232]],
        5.3407,
        [[3, 3, 3, 3], [3, 3, 3, 3]],
        [[0.3432, 0.4379, 0.2188], [0.6166, 0.1917, 0.1917]],
    ),
    "hardmax": (
        monotonic(seq2seq.BahdanauAttention, probability_fn=seq2seq.hardmax),
        {},
        [[0.1497, 0.2762, 0.1488, -0.1154, -0.2735], [-0.1645, -0.7813, -0.6798, 0.0468, 0.7303]],
        -2.6512,
        [[1, 1, 1, 1], [4, 4, 4, 4]],
        [[0, 0, 1], [0, 1, 0]],
    ),
    "state of an encoder": (
        luong(),
        {"initial_cell_state": MEMORY[:, 1]},
        [[-0.3884, -0.0677, 0.3152, 0.4084, 0.126], [-0.4186, -0.0705, 0.3425, 0.4406, 0.1336]],
        3.5819,
        [[3, 3, 3, 3], [3, 3, 3, 3]],
        None,
    ),
}


@pytest.mark.parametrize("name", MECHANISMS)
def test_mechanisms_compute_the_numbers_of_1_15(session, name):
    mechanism, wrapped, last, total, ids, alignments = MECHANISMS[name]
    tf.set_random_seed(None)
    outputs, state, _ = seq2seq.dynamic_decode(decoder(mechanism, **wrapped), parallel_iterations=1)  # for the noise
    fill(session)
    numbers, found, weights = session.run((outputs.rnn_output, outputs.sample_id, state.alignments))
    near_4(numbers[:, -1], last)
    assert (numbers.sum(), found.tolist()) == (pytest.approx(total, abs=2e-4), ids)
    if alignments:
        near_4(weights, alignments)


def near_4(actual, expected):
    np.testing.assert_allclose(actual, expected, atol=6e-5)


def test_monotonic_mechanisms_have_the_variables_of_1_15(session):
    for kind in (seq2seq.BahdanauMonotonicAttention, seq2seq.LuongMonotonicAttention):
        with tf.variable_scope(kind.__name__):
            seq2seq.dynamic_decode(decoder(lambda memory, kind=kind: kind(4, memory, score_bias_init=0.25)))
    fill(session)
    names = [variable.op.name for variable in tf.global_variables() if "monotonic" in variable.op.name]
    cells = [
        f"{name}MonotonicAttention/decoder/attention_wrapper/{name.lower()}_monotonic_attention"
        for name in ("Bahdanau", "Luong")
    ]
    assert names == [
        *(f"{cells[0]}/{name}" for name in ("query_layer/kernel", "attention_v", "attention_score_bias")),
        f"{cells[1]}/attention_score_bias",
    ]
    session.run(tf.global_variables_initializer())
    assert session.run(f"{cells[1]}/attention_score_bias:0") == 0.25


def scheduled_embedding(probability):
    return lambda: seq2seq.ScheduledEmbeddingTrainingHelper(
        tf.constant(INPUTS), [4, 2], tf.constant(EMBEDDINGS), probability, seed=3, scheduling_seed=5
    )


def scheduled_output(probability=0.5, **options):
    return lambda: seq2seq.ScheduledOutputTrainingHelper(tf.constant(INPUTS), [4, 2], probability, seed=5, **options)


def inference():
    return seq2seq.InferenceHelper(
        lambda outputs: outputs[:, :3] * 2, [3], tf.float32, tf.constant(INPUTS[:, 0]), lambda ids: ids[:, 0] > 0.3
    )


def inference_of_ids():
    return seq2seq.InferenceHelper(
        lambda outputs: tf.argmax(outputs, -1, output_type=tf.int32),
        [],
        tf.int32,
        tf.constant(INPUTS[:, 0]),
        lambda ids: tf.equal(ids, 0),
        lambda ids: tf.gather(EMBEDDINGS, ids),
    )


def sampling():
    return seq2seq.SampleEmbeddingHelper(tf.constant(EMBEDDINGS), [1, 2], 3, softmax_temperature=0.7, seed=11)


AUXILIARY = np.cos(np.arange(16)).reshape(2, 4, 2).astype(np.float32)
# {name: (helper, units of a cell without an output layer or None, last outputs, sum of all outputs, ids)}
HELPERS = {
    "embeddings, never": (scheduled_embedding(0.0), None, None, 2.2490, [[-1] * 4] * 2),
    "embeddings, always": (
        scheduled_embedding(1.0),
        None,
        [[-0.3876, -0.4744, -0.1251, 0.3393, 0.4917], [-0.4281, -0.423, -0.029, 0.3917, 0.4522]],
        0.5732,
        [[0, 3, 3, 3], [4, 0, 3, 3]],
    ),
    "embeddings": (scheduled_embedding(0.6), None, None, None, [[0, 3, -1, 2], [-1, -1, 3, 3]]),
    "outputs": (
        scheduled_output(),
        3,
        [[-0.0147, 0.2784, 0.3154], [0.005, 0.3297, 0.3512]],
        4.864,
        [[1, 1, 0, 1], [0, 0, 1, 1]],
    ),
    "functions of outputs": (
        scheduled_output(next_inputs_fn=lambda outputs: outputs[:, :3] * 2),
        None,
        [[-0.5606, -0.1964, 0.3483, 0.5728, 0.2707], [-0.4103, -0.3254, 0.0587, 0.3888, 0.3614]],
        1.3614,
        [[1, 1, 0, 1], [0, 0, 1, 1]],
    ),
    "outputs and other inputs": (
        scheduled_output(0.6, auxiliary_inputs=AUXILIARY),
        3,
        [[0.0046, 0.2941, 0.3367], [-0.1173, 0.2201, 0.4163]],
        4.4443,
        [[1, 1, 0, 1], [0, 0, 1, 1]],
    ),
    "functions of outputs, and other inputs": (
        scheduled_output(0.6, auxiliary_inputs=AUXILIARY, next_inputs_fn=lambda outputs: outputs[:, 1:4]),
        None,
        None,
        None,
        [[1, 1, 0, 1], [0, 0, 1, 1]],
    ),
    "inference": (
        inference,
        None,
        [[-0.4056, -0.3372, 0.0412, 0.3817, 0.3713], [-0.4056, -0.3368, 0.0416, 0.3818, 0.3709]],
        0.6377,
        None,
    ),
    "inference of ids": (
        inference_of_ids,
        None,
        [[-0.4893, -0.1939, 0.2797, 0.4962, 0.2565], [-0.4883, -0.1937, 0.279, 0.4952, 0.2561]],
        1.3339,
        [[3, 4, 3, 4, 3]] * 2,
    ),
    "samples": (
        sampling,
        None,
        [[-0.3641, -0.3801, -0.0467, 0.3297, 0.4029], [-0.5855, -0.2936, 0.2682, 0.5834, 0.3622]],
        1.0979,
        [[3, 0], [0, 3]],
    ),
}


@pytest.mark.parametrize("name", HELPERS)
def test_helpers_choose_the_inputs_of_1_15(session, name):
    helper, units, last, total, ids = HELPERS[name]
    tf.set_random_seed(None)
    if units is None:
        decodes = decoder(helper=helper)
    else:
        cell = tf.nn.rnn_cell.GRUCell(units)
        decodes = seq2seq.BasicDecoder(cell, helper(), cell.zero_state(2, tf.float32))
    outputs, _, _ = seq2seq.dynamic_decode(decodes, maximum_iterations=5)
    fill(session)
    numbers, found = session.run((outputs.rnn_output, outputs.sample_id))
    if ids is not None:
        assert found.tolist() == ids
    if last is not None:
        near_4(numbers[:, -1], last)
    if total is not None:
        assert numbers.sum() == pytest.approx(total, abs=2e-4)


def test_decoding_for_no_step_returns_empty_outputs(session):
    outputs, _, lengths = seq2seq.dynamic_decode(decoder(), maximum_iterations=0)
    fill(session)
    assert session.run(outputs.rnn_output).shape == (2, 0, 5)
    assert session.run(lengths).tolist() == [0, 0]


def location_sensitive(memory):
    """Returns the attention of Tacotron 2, which derives from the library's class."""
    from tensorflow.contrib.seq2seq.python.ops.attention_wrapper import BahdanauAttention

    class Location(BahdanauAttention):
        def __init__(self):
            super().__init__(num_units=6, memory=memory, memory_sequence_length=[3, 2], probability_fn=None, name="L")
            self.convolution = tf.layers.Conv1D(2, 3, padding="same", name="location_features")
            self.layer = tf.layers.Dense(6, use_bias=False, name="location_layer")

        def __call__(self, query, state):
            with tf.variable_scope(None, "Location_Sensitive_Attention", [query]):
                processed = tf.expand_dims(self.query_layer(query) if self.query_layer else query, 1)
                location = self.layer(self.convolution(tf.expand_dims(state, 2)))
                vector = tf.get_variable("attention_variable", [self._num_units])
                energy = tf.reduce_sum(vector * tf.tanh(self.keys + processed + location), [2])
            alignments = self._probability_fn(energy, state)
            return alignments, alignments + state

    return Location()


def test_an_attention_that_derives_from_the_library_computes_the_numbers_of_1_15(session):
    cell = seq2seq.AttentionWrapper(
        tf.nn.rnn_cell.GRUCell(4),
        location_sensitive(tf.constant(MEMORY)),
        alignment_history=True,
        output_attention=False,
    )
    decodes = seq2seq.BasicDecoder(cell, training_helper(), cell.zero_state(2, tf.float32))
    outputs, state, _ = seq2seq.dynamic_decode(decodes)
    fill(session)
    numbers, total, history = session.run((outputs.rnn_output, state.attention_state, state.alignment_history.stack()))
    near(numbers[:, -1], [[0.12876, -0.21023, -0.30061, 0.07769], [0.20465, -0.18997, -0.31842, 0.0938]])
    near(total[-1], [2.15779, 1.84221, 0])
    near(history[:, -1, 0], [0.6472, 0.57129, 0.50191, 0.4374])


def own_cell():
    """Returns a cell with a mechanism of its own, made of the library's private names."""
    from tensorflow.contrib.seq2seq.python.ops.attention_wrapper import (
        _bahdanau_score,
        _BaseAttentionMechanism,
        _compute_attention,
    )
    from tensorflow.python.ops import rnn_cell_impl

    class Own(_BaseAttentionMechanism):
        def __call__(self, query, state):
            score = _bahdanau_score(self.query_layer(query), self.keys, tf.get_variable("v", [3]))
            alignments = self._probability_fn(score, state)
            return alignments, alignments

    class Cell(rnn_cell_impl.RNNCell):
        output_size = 5
        state_size = (4, 3)

        def __init__(self):
            super().__init__(name="my_cell")
            self._cell = tf.nn.rnn_cell.GRUCell(4)

        def call(self, inputs, state):
            output, cell_state = self._cell(inputs, state[0])
            layer = tf.layers.Dense(2, name="att")
            attention, _, new = _compute_attention(mechanism, output, state[1], layer)
            return tf.concat([output, attention], 1)[:, :5], (cell_state, new)

    mechanism = Own(
        query_layer=tf.layers.Dense(3, name="query"),
        memory_layer=tf.layers.Dense(3, name="memory"),
        memory=tf.constant(MEMORY),
        probability_fn=lambda score, _: tf.sigmoid(score),
        memory_sequence_length=[3, 2],
        score_mask_value=-1.0,
        name="own",
    )
    return Cell()


def test_a_cell_made_of_private_names_computes_the_numbers_of_1_15(session):
    outputs, state = tf.nn.dynamic_rnn(own_cell(), tf.constant(INPUTS), dtype=tf.float32)
    fill(session)
    expected = [[-0.2707, -0.29408, 0.14379, 0.43413, 0.09066], [-0.26588, -0.30539, 0.19827, 0.44177, 0.26403]]
    near(session.run(outputs)[:, -1], expected)
    near(session.run(state[1])[-1], [0.58136, 0.60989, 0.26894])


def test_memory_and_scores_are_masked_as_in_1_15(session):
    from tensorflow.contrib.seq2seq.python.ops.attention_wrapper import _maybe_mask_score, _prepare_memory

    memory = _prepare_memory((tf.ones([2, 3, 1]), tf.ones([2, 3, 1, 2])), tf.constant([3, 1]))
    flat = [session.run(tensor)[1].ravel().tolist() for tensor in memory]
    assert flat == [[1, 0, 0], [1, 1, 0, 0, 0, 0]]
    masked = _prepare_memory(tf.ones([1, 2, 1]), memory_mask=tf.constant([[True, False]]))
    assert session.run(masked).ravel().tolist() == [1, 0]
    score = tf.constant([[1.0, 2.0]])
    assert session.run(_maybe_mask_score(score, tf.constant([1]), score_mask_value=-9.0)).tolist() == [[1, -9]]
    assert _maybe_mask_score(score) is score
    with pytest.raises(tf.errors.InvalidArgumentError, match="must be positive"):
        session.run(_maybe_mask_score(score, tf.placeholder_with_default([0], [1]), score_mask_value=-9.0))
    for function in (_prepare_memory, _maybe_mask_score):
        with pytest.raises(ValueError, match="one of memory_sequence_length and memory_mask"):
            function(tf.ones([1, 2, 1]), tf.constant([1]), tf.constant([[True, False]]))
    with pytest.raises(ValueError, match="needs known dimensions"):
        _prepare_memory(tf.placeholder(tf.float32, [2, 3, None]))


@pytest.mark.parametrize(
    ("file", "names"),
    [
        ("attention_wrapper", "AttentionWrapper BahdanauAttention _zero_state_tensors hardmax _luong_score"),
        ("basic_decoder", "BasicDecoder BasicDecoderOutput"),
        ("decoder", "Decoder dynamic_decode _transpose_batch_time"),
        ("helper", "Helper TrainingHelper bernoulli_sample categorical_sample"),
        ("loss", "sequence_loss"),
    ],
)
def test_files_have_the_names_that_programs_import(file, names):
    found = {}
    exec(f"from tensorflow.contrib.seq2seq.python.ops import {file}", found)
    exec(f"from tensorflow.contrib.seq2seq.python.ops.{file} import {', '.join(names.split())}", found)
    assert all(getattr(found[file], name) is found[name] for name in names.split())
