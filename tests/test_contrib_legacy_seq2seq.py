"""tf.contrib.legacy_seq2seq. The expected numbers and names are TensorFlow 1.15.5's for the same weights."""

import numpy as np
import pytest
from graphs import load_variables, near, new_session

from cnn_estimator.tf1 import tf
from cnn_estimator.tf1.contrib import legacy_seq2seq

pytestmark = pytest.mark.integration

VECTORS = [np.cos(np.arange(6) + step).reshape(2, 3).astype(np.float32) for step in range(3)]
SYMBOLS = [np.array([step % 4, (step * 3 + 1) % 4], np.int32) for step in range(3)]
WEIGHTS = [np.array(weights, np.float32) for weights in ([1, 0.5], [1, 0], [0, 1])]
PROJECTION = (np.sin(np.arange(15)).reshape(3, 5).astype(np.float32), np.zeros(5, np.float32))


session = pytest.fixture(new_session)


def fill(session):
    load_variables(session, enumerate(sorted(tf.global_variables(), key=lambda variable: variable.name)))


def vectors():
    return [tf.constant(values) for values in VECTORS]


def symbols():
    return [tf.constant(values) for values in SYMBOLS]


def gru():
    return tf.nn.rnn_cell.GRUCell(3)


def lstm():
    return tf.nn.rnn_cell.LSTMCell(3)


def start():
    return gru().zero_state(2, tf.float32)


def states():
    return tf.stack(vectors()[:2], 1)


def test_losses_are_those_of_1_15(session):
    targets = [np.array([step % 3, (step + 1) % 3], np.int32) for step in range(3)]
    steps = vectors(), targets, WEIGHTS
    near(session.run(legacy_seq2seq.sequence_loss_by_example(*steps)), [1.02752, 1.4963])
    total = legacy_seq2seq.sequence_loss_by_example(*steps, average_across_timesteps=False)
    near(session.run(total), [2.05505, 2.24445])
    near(session.run(legacy_seq2seq.sequence_loss(*steps)), 1.26191)
    near(session.run(legacy_seq2seq.sequence_loss(*steps, average_across_batch=False)), 2.52382)


def test_a_loss_function_gets_labels_and_logits(session):
    def count(labels, logits):
        return tf.cast(labels, tf.float32) + logits[:, 0] * 0

    near(
        session.run(legacy_seq2seq.sequence_loss_by_example(vectors(), SYMBOLS, WEIGHTS, softmax_loss_function=count)),
        [0.5, (0.5 * 1 + 3) / 1.5],
    )


def test_lists_of_different_lengths_raise_an_error():
    with pytest.raises(ValueError, match="3 logits, 3 targets and 2 weights"):
        legacy_seq2seq.sequence_loss_by_example(VECTORS, SYMBOLS, WEIGHTS[:2])


DECODERS = {
    "rnn_decoder": (
        lambda: legacy_seq2seq.rnn_decoder(vectors(), start(), gru()),
        [[0.01815, 0.27219, 0.27182], [0.00748, 0.34055, 0.3267]],
    ),
    "rnn_decoder with a loop function": (
        lambda: legacy_seq2seq.rnn_decoder(vectors(), start(), gru(), lambda output, step: output * 2 + step),
        [[0.50026, 0.45034, 0.16079], [0.52195, 0.4921, 0.27353]],
    ),
    "basic_rnn_seq2seq": (
        lambda: legacy_seq2seq.basic_rnn_seq2seq(vectors(), vectors(), lstm()),
        [[-0.02496, -0.01738, -0.04318], [-0.17673, -0.19986, -0.01983]],
    ),
    "tied_rnn_seq2seq": (
        lambda: legacy_seq2seq.tied_rnn_seq2seq(vectors(), vectors(), lstm()),
        [[-0.14692, -0.10121, 0.05354], [0.02184, -0.23669, -0.22283]],
    ),
    "embedding_rnn_seq2seq": (
        lambda: legacy_seq2seq.embedding_rnn_seq2seq(symbols(), symbols(), lstm(), 4, 5, 3),
        [[0.32586, 0.42472, 0.1331], [0.34501, 0.38895, 0.0753]],
    ),
    "embedding_rnn_seq2seq with feed_previous": (
        lambda: legacy_seq2seq.embedding_rnn_seq2seq(symbols(), symbols(), lstm(), 4, 5, 3, feed_previous=True),
        [[0.32513, 0.40592, 0.1135], [0.33954, 0.38026, 0.07137]],
    ),
    "embedding_rnn_seq2seq with a tensor as feed_previous": (
        lambda: legacy_seq2seq.embedding_rnn_seq2seq(
            symbols(), symbols(), lstm(), 4, 5, 3, feed_previous=tf.constant(True)
        ),
        [[0.32513, 0.40592, 0.1135], [0.33954, 0.38026, 0.07137]],
    ),
    "attention_decoder with two heads": (
        lambda: legacy_seq2seq.attention_decoder(vectors(), start(), states(), gru(), 4, num_heads=2),
        [[-0.43086, -1.07664, -0.73256], [0.01408, 0.54294, 0.57263]],
    ),
    "attention_decoder with initial attention": (
        lambda: legacy_seq2seq.attention_decoder(vectors(), start(), states(), gru(), initial_state_attention=True),
        [[0.42564, 0.11952, -0.29649], [0.3051, -0.03943, -0.3477]],
    ),
    "embedding_attention_seq2seq": (
        lambda: legacy_seq2seq.embedding_attention_seq2seq(symbols(), symbols(), lstm(), 4, 5, 3),
        [[0.6774, 0.02916, -0.64589], [0.69063, -0.00354, -0.69446]],
    ),
    "embedding_attention_seq2seq with an output projection": (
        lambda: legacy_seq2seq.embedding_attention_seq2seq(
            symbols(), symbols(), gru(), 4, 5, 3, output_projection=PROJECTION, feed_previous=True
        ),
        [[0.36082, 0.07062, -0.28451], [0.36162, 0.07146, -0.2844]],
    ),
}


@pytest.mark.parametrize("name", DECODERS)
def test_decoders_compute_the_numbers_of_1_15(session, name):
    decode, expected = DECODERS[name]
    outputs, _ = decode()
    fill(session)
    assert len(outputs) == 3
    near(session.run(outputs[-1])[:, :3], expected)


def test_variables_have_the_names_of_1_15(session):
    legacy_seq2seq.embedding_attention_seq2seq(symbols(), symbols(), lstm(), 4, 5, 3)
    encoder = "rnn/embedding_wrapper"
    decoder = "embedding_attention_decoder/attention_decoder"
    expected = [
        f"{encoder}/embedding",
        *(f"{encoder}/lstm_cell/{name}" for name in ("kernel", "bias")),
        "embedding_attention_decoder/embedding",
        f"{decoder}/AttnW_0",
        f"{decoder}/AttnV_0",
        *(
            f"{decoder}/{scope}{name}"
            for scope in (
                "",
                "output_projection_wrapper/lstm_cell/",
                "output_projection_wrapper/",
                "Attention_0/",
                "AttnOutputProjection/",
            )
            for name in ("kernel", "bias")
        ),
    ]
    prefix = "embedding_attention_seq2seq"
    assert [variable.op.name for variable in tf.global_variables()] == [f"{prefix}/{name}" for name in expected]


def test_buckets_share_variables(session):
    def seq2seq(sources, targets):
        return legacy_seq2seq.embedding_rnn_seq2seq(sources, targets, lstm(), 4, 4, 3)

    ones, buckets = [tf.ones([2])] * 3, [(1, 2), (3, 3)]
    outputs, losses = legacy_seq2seq.model_with_buckets(symbols(), symbols(), symbols(), ones, buckets, seq2seq)
    fill(session)
    assert [len(steps) for steps in outputs] == [2, 3]
    near(session.run(losses), [1.19465, 1.32633])
    assert len(tf.global_variables()) == 8

    with pytest.raises(ValueError, match="4 encoder inputs and 3 targets"):
        legacy_seq2seq.model_with_buckets(symbols(), symbols(), symbols(), ones, [(4, 3)], seq2seq)


def test_gradients_flow_through_decoders(session):
    outputs, _ = legacy_seq2seq.embedding_attention_seq2seq(symbols(), symbols(), lstm(), 4, 4, 3)
    loss = legacy_seq2seq.sequence_loss(outputs, symbols(), WEIGHTS)
    train = tf.train.AdamOptimizer(0.1).minimize(loss)
    session.run(tf.global_variables_initializer())
    before = session.run(loss)
    for _ in range(20):
        session.run(train)
    assert session.run(loss) < before / 2


@pytest.mark.parametrize(
    ("function", "feed_previous", "expected"),
    [
        (
            legacy_seq2seq.embedding_rnn_seq2seq,
            True,
            [[-0.00697, 0.02887, 0.00819], [0.00895, 0.02418, 0.02651], [0.07589, 0.03437, 0.09788]],
        ),
        (
            legacy_seq2seq.embedding_rnn_seq2seq,
            None,
            [[-0.00697, 0.02887, 0.00819], [0.00895, 0.02418, 0.02651], [0, 0, 0]],
        ),
        (
            legacy_seq2seq.embedding_attention_seq2seq,
            True,
            [[0.05904, -0.0484, -0.00357], [-0.06414, 0.09627, 0.11466], [0, 0, 0]],
        ),
        (
            legacy_seq2seq.embedding_attention_seq2seq,
            None,
            [[0.02895, -0.03151, -0.01842], [-0.06414, 0.09627, 0.11466], [0, 0, 0]],
        ),
    ],
)
def test_gradients_of_the_decoders_embedding_are_those_of_1_15(session, function, feed_previous, expected):
    """With a tensor, here for None, only the first symbols' embeddings get gradients."""
    feed = tf.constant(True) if feed_previous is None else feed_previous
    steps = [tf.constant(ids) for ids in ([1, 2], [0, 3], [2, 1])]
    outputs, _ = function(steps, steps, gru(), 4, 5, 3, feed_previous=feed)
    (embedding,) = (variable for variable in tf.trainable_variables() if "decoder/embedding" in variable.name)
    generator = np.random.RandomState(0)
    for variable in sorted(tf.global_variables(), key=lambda variable: variable.name):
        variable.load(generator.uniform(-1, 1, variable.shape.as_list()).astype(np.float32), session)
    loss = tf.add_n([tf.reduce_sum(tf.nn.softmax(output) ** 2) for output in outputs])
    gradients = session.run(tf.convert_to_tensor(tf.gradients(loss, embedding)[0]))
    np.testing.assert_allclose(gradients, [[0, 0, 0], *expected, [0, 0, 0]], atol=1e-5)
