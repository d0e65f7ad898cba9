"""tf.contrib: layers, recurrent networks, sequences, random fields, optimizers, metrics and other parts."""

import cases
import numpy as np
import tensorflow as tf

contrib = tf.contrib
slim = tf.contrib.slim

IMAGES = np.sin(np.arange(2 * 5 * 5 * 2) * 0.7).astype(np.float32).reshape(2, 5, 5, 2)
SERIES = np.sin(np.arange(2 * 6 * 3) * 0.9).astype(np.float32).reshape(2, 6, 3)
VECTORS = np.cos(np.arange(20.0)).astype(np.float32).reshape(4, 5)
LOGITS = (3 * np.sin(np.arange(12.0) * 1.7)).astype(np.float32).reshape(4, 3)
TRUTHS = np.array([[1, 0, 1], [0, 0, 1], [1, 1, 0], [0, 1, 0]], np.float32)
CLASSES = np.array([0, 2, 1, 2], np.int64)
START = np.sin(np.arange(12.0) * 1.7).astype(np.float32).reshape(4, 3)
TAGS = np.array([[0, 1, 2, 1, 0, 2], [2, 2, 1, 0, 1, 1]], np.int32)
TRANSITIONS = np.cos(np.arange(9.0) * 0.8).astype(np.float32).reshape(3, 3)
LENGTHS = np.array([6, 4], np.int32)


def trained(output):
    """Returns an output, the gradients of its squares by all variables, and the names of the variables."""
    variables = tf.trainable_variables()
    names = [variable.name for variable in tf.global_variables()]
    return [output, tf.gradients(tf.reduce_sum(output**2), variables), names]


def with_l2():
    contrib.layers.fully_connected(
        VECTORS, 2, weights_initializer=cases.wave, weights_regularizer=contrib.layers.l2_regularizer(0.1)
    )
    return [tf.losses.get_regularization_losses(), [loss.op.name for loss in tf.losses.get_regularization_losses()]]


def with_arg_scope():
    with slim.arg_scope(
        [slim.conv2d, slim.fully_connected], weights_initializer=cases.wave, activation_fn=tf.nn.tanh
    ) as outer:
        output = slim.conv2d(IMAGES, 2, [2, 2])
    with slim.arg_scope(outer), slim.arg_scope([slim.conv2d], padding="VALID"):
        output = slim.repeat(output, 2, slim.conv2d, 2, [2, 2], scope="conv")
        output = slim.stack(slim.flatten(output), slim.fully_connected, [3, 2], scope="fc")
    return trained(output)


def batch_norm(**options):
    output = contrib.layers.batch_norm(tf.constant(IMAGES), decay=0.8, scale=True, **options)
    updates = tf.get_collection(tf.GraphKeys.UPDATE_OPS)
    variables = tf.global_variables()
    return [cases.after(updates, 2, [output, variables]), [variable.name for variable in variables]]


def optimize_loss(**options):
    variable = tf.get_variable("x", initializer=START)
    step = tf.train.get_or_create_global_step()
    train_op = contrib.layers.optimize_loss(tf.reduce_sum(variable**2), step, **options)
    return cases.after(train_op, 4, [variable, step])


LAYERS = [
    ("fully_connected", lambda: trained(contrib.layers.fully_connected(VECTORS, 3, weights_initializer=cases.wave))),
    (
        "fully_connected normalized",
        lambda: trained(
            contrib.layers.fully_connected(VECTORS, 3, None, contrib.layers.layer_norm, weights_initializer=cases.wave)
        ),
    ),
    (
        "linear and relu",
        lambda: [
            contrib.layers.linear(VECTORS, 2, weights_initializer=cases.wave),
            contrib.layers.relu(VECTORS, 2, weights_initializer=cases.wave),
        ],
    ),
    ("conv2d", lambda: trained(contrib.layers.conv2d(IMAGES, 2, 3, weights_initializer=cases.wave))),
    (
        "conv2d atrous",
        lambda: trained(
            contrib.layers.conv2d(IMAGES, 2, [2, 2], rate=2, padding="VALID", weights_initializer=cases.wave)
        ),
    ),
    ("convolution1d", lambda: trained(contrib.layers.conv1d(SERIES, 2, 3, stride=2, weights_initializer=cases.wave))),
    (
        "conv2d_transpose",
        lambda: trained(contrib.layers.conv2d_transpose(IMAGES, 2, 2, 2, weights_initializer=cases.wave)),
    ),
    (
        "conv2d_in_plane",
        lambda: trained(contrib.layers.conv2d_in_plane(tf.constant(IMAGES), 2, weights_initializer=cases.wave)),
    ),
    (
        "separable_conv2d",
        lambda: trained(contrib.layers.separable_conv2d(IMAGES, 2, 3, 1, weights_initializer=cases.wave)),
    ),
    (
        "separable_conv2d depthwise",
        lambda: trained(contrib.layers.separable_conv2d(IMAGES, None, 3, 2, weights_initializer=cases.wave)),
    ),
    ("pools", lambda: [contrib.layers.max_pool2d(IMAGES, 2), contrib.layers.avg_pool2d(IMAGES, [3, 3], 2, "SAME")]),
    (
        "flatten and one_hot_encoding",
        lambda: [contrib.layers.flatten(tf.constant(IMAGES)), contrib.layers.one_hot_encoding(CLASSES, 3)],
    ),
    ("batch_norm", lambda: batch_norm()),
    ("batch_norm fused", lambda: batch_norm(fused=True)),
    ("batch_norm for inference", lambda: batch_norm(is_training=False)),
    (
        "batch_norm updates_collections",
        lambda: contrib.layers.batch_norm(tf.constant(IMAGES), updates_collections=None),
    ),
    ("layer_norm", lambda: trained(contrib.layers.layer_norm(tf.constant(IMAGES)))),
    ("instance_norm", lambda: trained(contrib.layers.instance_norm(tf.constant(IMAGES)))),
    ("group_norm", lambda: trained(contrib.layers.group_norm(tf.constant(IMAGES), 2))),
    ("bias_add", lambda: contrib.layers.bias_add(tf.constant(VECTORS), initializer=cases.wave)),
    ("unit_norm", lambda: contrib.layers.unit_norm(tf.constant(VECTORS), 1)),
    ("maxout", lambda: contrib.layers.maxout(tf.constant(VECTORS[:, :4]), 2)),
    ("softmax", lambda: contrib.layers.softmax(tf.constant(IMAGES))),
    ("spatial_softmax", lambda: contrib.layers.spatial_softmax(tf.constant(IMAGES), 0.7)),
    ("dropout", lambda: contrib.layers.dropout(VECTORS, 0.6, seed=3)),
    ("embed_sequence", lambda: trained(contrib.layers.embed_sequence(TAGS, 3, 2, initializer=cases.wave))),
    ("bow_encoder", lambda: trained(contrib.layers.bow_encoder(TAGS, 3, 2, initializer=cases.wave))),
    (
        "regularizers",
        lambda: [
            regularizer(tf.constant(LOGITS))
            for regularizer in (
                contrib.layers.l1_regularizer(0.1),
                contrib.layers.l2_regularizer(0.2),
                contrib.layers.l1_l2_regularizer(0.1, 0.2),
                contrib.layers.sum_regularizer(
                    [contrib.layers.l1_regularizer(0.1), contrib.layers.l2_regularizer(0.2)]
                ),
            )
        ],
    ),
    ("regularized layers", with_l2),
    (
        "apply_regularization",
        lambda: contrib.layers.apply_regularization(contrib.layers.l1_regularizer(0.5), [tf.constant(LOGITS)]),
    ),
    ("arg_scope repeat stack", with_arg_scope),
    (
        "xavier_initializer",
        lambda: [
            contrib.layers.xavier_initializer(seed=1)([4, 3]),
            contrib.layers.xavier_initializer(False, seed=1)([4, 3]),
        ],
    ),
    (
        "variance_scaling_initializer",
        lambda: [
            contrib.layers.variance_scaling_initializer(seed=1)([4, 3]),
            contrib.layers.variance_scaling_initializer(1.5, "FAN_AVG", True, seed=2)([4, 3]),
        ],
    ),
    ("optimize_loss", lambda: optimize_loss(learning_rate=0.1, optimizer="SGD")),
    ("optimize_loss adam", lambda: optimize_loss(learning_rate=0.1, optimizer="Adam", clip_gradients=1.0)),
    (
        "optimize_loss momentum",
        lambda: optimize_loss(
            learning_rate=0.1,
            optimizer=lambda rate: tf.train.MomentumOptimizer(rate, 0.9),
            learning_rate_decay_fn=lambda rate, step: tf.train.exponential_decay(rate, step, 2, 0.5),
        ),
    ),
    (
        "optimize_loss multipliers",
        lambda: optimize_loss(learning_rate=0.1, optimizer="SGD", gradient_multipliers={"x": 0.5}),
    ),
    (
        "sequence_to_images",
        lambda: contrib.layers.sequence_to_images(contrib.layers.images_to_sequence(tf.constant(IMAGES)), 5),
    ),
    ("dense_to_sparse", lambda: contrib.layers.dense_to_sparse(tf.constant(TAGS))),
    ("legacy layers", lambda: contrib.layers.legacy_fully_connected(VECTORS, 2, weight_init=cases.wave)),
    (
        "safe_embedding_lookup_sparse",
        lambda: contrib.layers.safe_embedding_lookup_sparse(
            [tf.constant(START)], tf.SparseTensor([[0, 0], [2, 0]], [1, 3], [3, 2])
        ),
    ),
    ("embedding_lookup_unique", lambda: contrib.layers.embedding_lookup_unique(tf.constant(START), [1, 3, 1])),
    (
        "slim losses",
        lambda: [
            slim.losses.softmax_cross_entropy(tf.constant(LOGITS), tf.constant(TRUTHS)),
            slim.losses.get_total_loss(),
        ],
    ),
    (
        "slim variables",
        lambda: [
            slim.variable("v", [2], initializer=tf.ones_initializer()),
            slim.model_variable("m", [2], initializer=tf.zeros_initializer()),
            [v.name for v in slim.get_model_variables()],
            [v.name for v in slim.get_variables()],
        ],
    ),
]


CELLS = [
    ("LSTMBlockCell", lambda: cases.recurrent("rnn", SERIES, lambda: contrib.rnn.LSTMBlockCell(2))),
    (
        "LSTMBlockCell peephole",
        lambda: cases.recurrent("rnn", SERIES, lambda: contrib.rnn.LSTMBlockCell(2, use_peephole=True, cell_clip=0.5)),
    ),
    ("LayerNormBasicLSTMCell", lambda: cases.recurrent("rnn", SERIES, lambda: contrib.rnn.LayerNormBasicLSTMCell(4))),
    (
        "BasicLSTMCell",
        lambda: cases.recurrent("rnn", SERIES, lambda: contrib.rnn.BasicLSTMCell(2, activation=tf.nn.relu)),
    ),
    (
        "OutputProjectionWrapper",
        lambda: cases.recurrent("rnn", SERIES, lambda: contrib.rnn.OutputProjectionWrapper(contrib.rnn.GRUCell(2), 3)),
    ),
    (
        "InputProjectionWrapper",
        lambda: cases.recurrent("rnn", SERIES, lambda: contrib.rnn.InputProjectionWrapper(contrib.rnn.GRUCell(2), 4)),
    ),
    ("fused LSTM", lambda: fused()),
    ("stack_bidirectional_dynamic_rnn", lambda: stacked()),
    ("static_rnn", lambda: static()),
]


def fused():
    with tf.variable_scope("fused", initializer=cases.wave):
        return contrib.rnn.LSTMBlockFusedCell(2)(
            tf.constant(SERIES.transpose(1, 0, 2)), dtype=tf.float32, sequence_length=LENGTHS
        )


def stacked():
    with tf.variable_scope("stacked", initializer=cases.wave):
        cells = [[contrib.rnn.GRUCell(2) for _ in range(2)] for _ in range(2)]
        outputs = contrib.rnn.stack_bidirectional_dynamic_rnn(
            *cells, tf.constant(SERIES), dtype=tf.float32, sequence_length=LENGTHS
        )
    return [outputs, [variable.name for variable in tf.global_variables()]]


def static():
    with tf.variable_scope("static", initializer=cases.wave):
        return contrib.rnn.static_rnn(
            contrib.rnn.BasicLSTMCell(2), tf.unstack(tf.constant(SERIES), axis=1), dtype=tf.float32
        )


TABLE = np.sin(np.arange(15.0)).astype(np.float32).reshape(5, 3)


def decoded(helper, attention=None, steps=None):
    """Returns the outputs, the lengths and the names of the variables of a decoder."""
    with tf.variable_scope("decoder", initializer=cases.wave):
        cell = tf.nn.rnn_cell.GRUCell(4)
        if attention:
            cell = contrib.seq2seq.AttentionWrapper(cell, attention(), attention_layer_size=3)
        layer = tf.layers.Dense(5, kernel_initializer=cases.wave)
        state = cell.zero_state(2, tf.float32)
        decoder = contrib.seq2seq.BasicDecoder(cell, helper(), state, layer)
        outputs, _, lengths = contrib.seq2seq.dynamic_decode(decoder, maximum_iterations=steps)
    return [outputs.rnn_output, outputs.sample_id, lengths, sorted(v.name for v in tf.global_variables())]


def training_helper():
    return contrib.seq2seq.TrainingHelper(tf.constant(SERIES), LENGTHS)


def greedy_helper():
    return contrib.seq2seq.GreedyEmbeddingHelper(tf.constant(TABLE), [1, 2], 0)


def sample_helper():
    return contrib.seq2seq.SampleEmbeddingHelper(tf.constant(TABLE), tf.constant([1, 2]), 0, seed=5)


SEQUENCES = [
    ("training decoder", lambda: decoded(training_helper)),
    ("greedy decoder", lambda: decoded(greedy_helper, steps=5)),
    ("sampling decoder", lambda: decoded(sample_helper, steps=5)),
    (
        "Bahdanau attention",
        lambda: decoded(training_helper, lambda: contrib.seq2seq.BahdanauAttention(4, tf.constant(SERIES), LENGTHS)),
    ),
    (
        "Bahdanau attention normalized",
        lambda: decoded(
            training_helper, lambda: contrib.seq2seq.BahdanauAttention(4, tf.constant(SERIES), normalize=True)
        ),
    ),
    (
        "Luong attention",
        lambda: decoded(training_helper, lambda: contrib.seq2seq.LuongAttention(4, tf.constant(SERIES), LENGTHS)),
    ),
    (
        "Luong attention scaled",
        lambda: decoded(greedy_helper, lambda: contrib.seq2seq.LuongAttention(4, tf.constant(SERIES), scale=True), 4),
    ),
    (
        "sequence_loss",
        lambda: contrib.seq2seq.sequence_loss(
            tf.constant(SERIES), tf.constant(TAGS), tf.sequence_mask(LENGTHS, 6, tf.float32)
        ),
    ),
    (
        "sequence_loss by step",
        lambda: contrib.seq2seq.sequence_loss(
            tf.constant(SERIES), tf.constant(TAGS), tf.sequence_mask(LENGTHS, 6, tf.float32), average_across_batch=False
        ),
    ),
    ("tile_batch", lambda: contrib.seq2seq.tile_batch(tf.constant(VECTORS), 2)),
    ("hardmax", lambda: contrib.seq2seq.hardmax(tf.constant(LOGITS))),
    (
        "legacy basic_rnn_seq2seq",
        lambda: legacy(
            lambda: contrib.legacy_seq2seq.basic_rnn_seq2seq(steps(), steps()[:3], tf.nn.rnn_cell.GRUCell(2))
        ),
    ),
    (
        "legacy rnn_decoder",
        lambda: legacy(
            lambda: contrib.legacy_seq2seq.rnn_decoder(steps(), tf.zeros([2, 2]), tf.nn.rnn_cell.GRUCell(2))
        ),
    ),
    (
        "legacy attention_decoder",
        lambda: legacy(
            lambda: contrib.legacy_seq2seq.attention_decoder(
                steps()[:3], tf.zeros([2, 2]), tf.constant(SERIES), tf.nn.rnn_cell.GRUCell(2)
            )
        ),
    ),
    (
        "legacy embedding_attention_seq2seq",
        lambda: legacy(
            lambda: contrib.legacy_seq2seq.embedding_attention_seq2seq(
                tokens(), tokens()[:3], tf.nn.rnn_cell.GRUCell(2), 3, 3, 2
            )
        ),
    ),
    (
        "legacy sequence_loss",
        lambda: contrib.legacy_seq2seq.sequence_loss(steps(), tokens(), [tf.constant([1.0, 0.5])] * 6),
    ),
]


def steps():
    return tf.unstack(tf.constant(SERIES), axis=1)


def tokens():
    return tf.unstack(tf.constant(TAGS), axis=1)


def legacy(make):
    with tf.variable_scope("legacy", initializer=cases.wave):
        result = make()
    return [result, [variable.name for variable in tf.global_variables()]]


def likelihood():
    scores = tf.constant(SERIES)
    transitions = tf.constant(TRANSITIONS)
    value, _ = contrib.crf.crf_log_likelihood(scores, tf.constant(TAGS), tf.constant(LENGTHS), transitions)
    return [value, tf.gradients(value, [scores, transitions])]


FIELDS = [
    ("crf_log_likelihood", likelihood),
    ("crf_log_likelihood of a variable", lambda: crf_variable()),
    ("crf_log_norm", lambda: contrib.crf.crf_log_norm(SERIES, tf.constant(LENGTHS), TRANSITIONS)),
    (
        "crf_sequence_score",
        lambda: contrib.crf.crf_sequence_score(
            tf.constant(SERIES), tf.constant(TAGS), LENGTHS, tf.constant(TRANSITIONS)
        ),
    ),
    ("crf_unary_score", lambda: contrib.crf.crf_unary_score(tf.constant(TAGS), LENGTHS, tf.constant(SERIES))),
    ("crf_binary_score", lambda: contrib.crf.crf_binary_score(tf.constant(TAGS), LENGTHS, tf.constant(TRANSITIONS))),
    (
        "crf_multitag_sequence_score",
        lambda: contrib.crf.crf_multitag_sequence_score(
            tf.constant(SERIES), tf.one_hot(TAGS, 3, True, False), LENGTHS, tf.constant(TRANSITIONS)
        ),
    ),
    ("crf_decode", lambda: contrib.crf.crf_decode(tf.constant(SERIES), tf.constant(TRANSITIONS), tf.constant(LENGTHS))),
    (
        "crf_decode of one step",
        lambda: contrib.crf.crf_decode(tf.constant(SERIES[:, :1]), tf.constant(TRANSITIONS), tf.constant([1, 1])),
    ),
    ("viterbi_decode", lambda: contrib.crf.viterbi_decode(SERIES[0], TRANSITIONS)),
]


def crf_variable():
    with tf.variable_scope("crf", initializer=cases.wave):
        value, transitions = contrib.crf.crf_log_likelihood(
            tf.constant(SERIES), tf.constant(TAGS), tf.constant(LENGTHS)
        )
    return [value, transitions.name, tf.gradients(value, transitions)]


def optimized(make, sparse=False):
    variable = tf.get_variable("x", initializer=START)
    used = tf.gather(variable, [0, 2, 0]) if sparse else variable
    train_op = make().minimize(tf.reduce_sum((used - 0.5) ** 2), tf.train.get_or_create_global_step())
    variables = sorted(tf.global_variables(), key=lambda each: each.name)
    return [cases.after(train_op, 5, variables), [each.name for each in variables]]


OPTIMIZERS = [
    (name + (" sparse" if sparse else ""), lambda make=make, sparse=sparse: optimized(make, sparse))
    for name, make in [
        ("LazyAdam", lambda: contrib.opt.LazyAdamOptimizer(0.1)),
        ("AdaMax", lambda: contrib.opt.AdaMaxOptimizer(0.1)),
        ("Nadam", lambda: contrib.opt.NadamOptimizer(0.1)),
        ("AdamW", lambda: contrib.opt.AdamWOptimizer(0.01, 0.1)),
        ("MomentumW", lambda: contrib.opt.MomentumWOptimizer(0.01, 0.1, 0.9)),
        ("MovingAverage", lambda: contrib.opt.MovingAverageOptimizer(tf.train.GradientDescentOptimizer(0.1), 0.9)),
    ]
    for sparse in (False, True)
    if not (sparse and name == "MomentumW")
]


def metric(make):
    value, update = make()
    cases.initialize()
    updates = [tf.get_default_session().run(update) for _ in range(2)]
    return [updates, tf.get_default_session().run(value)]


LABELS = np.array([0, 1, 1, 0, 1, 1, 0, 1], np.int64)
SCORES = np.array([0.1, 0.8, 0.35, 0.4, 0.9, 0.55, 0.6, 0.2], np.float32)
METRICS = [
    (
        " ".join(["streaming_" + name, *map(str, options.values())]),
        lambda name=name, arguments=arguments, options=options: metric(
            lambda: getattr(contrib.metrics, "streaming_" + name)(*[tf.constant(each) for each in arguments], **options)
        ),
    )
    for name, arguments, options in [
        ("accuracy", (LABELS, 1 - LABELS // 2), {}),
        ("mean", (SCORES,), {}),
        ("precision", (SCORES > 0.5, LABELS > 0), {}),
        ("recall", (SCORES > 0.5, LABELS > 0), {}),
        ("auc", (SCORES, LABELS), {"num_thresholds": 30}),
        ("auc", (SCORES, LABELS), {"curve": "PR", "num_thresholds": 30}),
        ("dynamic_auc", (SCORES, LABELS), {}),
        ("mean_squared_error", (SCORES, SCORES**2), {}),
        ("mean_absolute_error", (SCORES, SCORES**2), {}),
        ("root_mean_squared_error", (SCORES, SCORES**2), {}),
        ("covariance", (SCORES, SCORES**2), {}),
        ("pearson_correlation", (SCORES, SCORES**2), {}),
        ("mean_cosine_distance", (VECTORS, VECTORS**2), {"dim": 1}),
        ("percentage_less", (SCORES, np.float32(0.5)), {}),
        ("mean_iou", (LABELS, 1 - LABELS // 2, np.int64(2)), {}),
        ("false_positives", (SCORES > 0.5, LABELS > 0), {}),
        ("recall_at_k", (LOGITS, CLASSES), {"k": 2}),
        ("sparse_recall_at_k", (LOGITS, CLASSES[:, np.newaxis]), {"k": 2}),
        ("sparse_precision_at_k", (LOGITS, CLASSES[:, np.newaxis]), {"k": 2}),
        ("sensitivity_at_specificity", (SCORES, LABELS), {"specificity": 0.6}),
        ("precision_at_thresholds", (SCORES, LABELS), {"thresholds": [0.3, 0.6]}),
        ("concat", (SCORES,), {}),
    ]
] + [
    ("accuracy", lambda: contrib.metrics.accuracy(tf.constant(LABELS), tf.constant(1 - LABELS // 2))),
    (
        "f1_score",
        lambda: metric(lambda: contrib.metrics.f1_score(tf.constant(LABELS), tf.constant(SCORES), num_thresholds=20)),
    ),
    (
        "cohen_kappa",
        lambda: metric(lambda: contrib.metrics.cohen_kappa(tf.constant(LABELS), tf.constant(1 - LABELS // 2), 2)),
    ),
    ("count", lambda: metric(lambda: contrib.metrics.count(tf.constant(SCORES)))),
    (
        "precision_recall_at_equal_thresholds",
        lambda: metric(
            lambda: contrib.metrics.precision_recall_at_equal_thresholds(
                tf.constant(LABELS > 0), tf.constant(SCORES), num_thresholds=5
            )
        ),
    ),
    ("confusion_matrix", lambda: contrib.metrics.confusion_matrix([0, 1, 1], [0, 1, 0])),
    (
        "set_intersection",
        lambda: [
            contrib.metrics.set_intersection([[1, 2]], [[2, 3]]),
            contrib.metrics.set_size(tf.SparseTensor([[0, 0]], [1], [1, 2])),
        ],
    ),
    (
        "aggregate_metric_map",
        lambda: sorted(contrib.metrics.aggregate_metric_map({"a": (1, 2), "b": (3, 4)})[1].items()),
    ),
]


def batches(dataset):
    return cases.elements(dataset, 20)


def features():
    return {
        "age": tf.constant([[15.0], [42.0], [67.0]]),
        "color": tf.SparseTensor([[0, 0], [1, 0], [2, 0]], ["red", "blue", "x"], [3, 1]),
    }


def old_columns():
    layers = contrib.layers
    age = layers.real_valued_column("age")
    color = layers.sparse_column_with_keys("color", ["red", "blue", "x"])
    hashed = layers.sparse_column_with_hash_bucket("color", 7)
    buckets = layers.bucketized_column(age, [18, 65])
    return [age, buckets, layers.one_hot_column(color), layers.embedding_column(hashed, 2, initializer=cases.wave)]


def hparams():
    values = contrib.training.HParams(rate=0.1, layers=[8, 4], name="a", use=True)
    values.parse("rate=0.5,layers=[1,2,3],use=false")
    return [
        sorted((name, str(value)) for name, value in values.values().items()),
        values.to_json(sort_keys=True) if hasattr(values, "to_json") else "",
    ]


OTHERS = [
    ("input_from_feature_columns", lambda: contrib.layers.input_from_feature_columns(features(), old_columns())),
    (
        "weighted_sum_from_feature_columns",
        lambda: contrib.layers.weighted_sum_from_feature_columns(features(), old_columns()[:2], 1)[0],
    ),
    (
        "data.batch_and_drop_remainder",
        lambda: batches(tf.data.Dataset.range(7).apply(contrib.data.batch_and_drop_remainder(3))),
    ),
    (
        "data.sliding_window_batch",
        lambda: batches(tf.data.Dataset.range(7).apply(contrib.data.sliding_window_batch(3, window_shift=2))),
    ),
    (
        "data.map_and_batch",
        lambda: batches(tf.data.Dataset.range(7).apply(contrib.data.map_and_batch(lambda n: n * 2, 3))),
    ),
    (
        "data.shuffle_and_repeat",
        lambda: batches(tf.data.Dataset.range(5).apply(contrib.data.shuffle_and_repeat(5, 2, seed=1))),
    ),
    (
        "data.group_by_window",
        lambda: batches(
            tf.data.Dataset.range(7).apply(
                contrib.data.group_by_window(lambda n: n % 2, lambda key, data: data.batch(2), 2)
            )
        ),
    ),
    (
        "data.scan",
        lambda: batches(
            tf.data.Dataset.range(5).apply(contrib.data.scan(np.int64(0), lambda state, n: (state + n, state)))
        ),
    ),
    (
        "data.bucket_by_sequence_length",
        lambda: batches(
            tf.data.Dataset.range(5)
            .map(lambda n: tf.fill([n], n))
            .apply(contrib.data.bucket_by_sequence_length(tf.size, [2, 4], [2, 2, 2]))
        ),
    ),
    (
        "lookup.index_table_from_tensor",
        lambda: contrib.lookup.index_table_from_tensor(["a", "b"], 2).lookup(tf.constant(["b", "x", "y"])),
    ),
    (
        "lookup.index_to_string_table_from_tensor",
        lambda: contrib.lookup.index_to_string_table_from_tensor(["a", "b"], "?").lookup(tf.constant([1, 5], tf.int64)),
    ),
    (
        "lookup.HashTable",
        lambda: contrib.lookup.HashTable(contrib.lookup.KeyValueTensorInitializer(["a", "b"], [1, 2]), -1).lookup(
            tf.constant(["b", "x"])
        ),
    ),
    ("lookup.string_to_index", lambda: contrib.lookup.string_to_index(tf.constant(["b", "x"]), ["a", "b"])),
    ("lookup.MutableHashTable", lambda: mutable(contrib.lookup.MutableHashTable(tf.string, tf.int64, -1))),
    (
        "losses",
        lambda: [
            contrib.losses.log_loss(tf.sigmoid(LOGITS), tf.constant(TRUTHS)),
            [
                getattr(contrib.losses, name)(tf.constant(LOGITS), tf.constant(TRUTHS))
                for name in (
                    "hinge_loss",
                    "mean_squared_error",
                    "absolute_difference",
                    "mean_pairwise_squared_error",
                    "sigmoid_cross_entropy",
                )
            ],
            contrib.losses.cosine_distance(tf.constant(LOGITS), tf.constant(TRUTHS), 1),
        ],
    ),
    (
        "metric learning",
        lambda: [
            contrib.losses.metric_learning.triplet_semihard_loss(tf.constant(CLASSES), tf.constant(LOGITS)),
            contrib.losses.metric_learning.npairs_loss(tf.constant(CLASSES), tf.constant(LOGITS), tf.constant(TRUTHS)),
            contrib.losses.metric_learning.contrastive_loss(
                tf.constant([1, 0, 1, 0]), tf.constant(LOGITS), tf.constant(TRUTHS)
            ),
            contrib.losses.metric_learning.lifted_struct_loss(tf.constant(CLASSES % 2), tf.constant(LOGITS)),
        ],
    ),
    (
        "framework.sort",
        lambda: [contrib.framework.sort(tf.constant(SCORES)), contrib.framework.argsort(tf.constant(SCORES))],
    ),
    (
        "framework.variables",
        lambda: [
            contrib.framework.get_or_create_global_step().name,
            contrib.framework.local_variable(3.0, name="l").name,
            [v.name for v in contrib.framework.get_variables()],
        ],
    ),
    ("framework.nest", lambda: contrib.framework.nest.flatten({"b": [1, 2], "a": (3,)})),
    ("framework.reduce_sum_n", lambda: contrib.framework.reduce_sum_n([tf.constant(SCORES), tf.constant(LOGITS)])),
    (
        "framework.remove_squeezable_dimensions",
        lambda: contrib.framework.remove_squeezable_dimensions(tf.constant(LOGITS[:, :1]), tf.constant(CLASSES)),
    ),
    ("training.HParams", hparams),
    (
        "training.clip_gradient_norms",
        lambda: contrib.training.clip_gradient_norms([(tf.constant(LOGITS), tf.constant(0.0))], 1.0)[0][0],
    ),
    ("training.create_train_op", lambda: created_train_op()),
    (
        "signal",
        lambda: [
            contrib.signal.frame(tf.constant(SCORES), 4, 2),
            contrib.signal.hann_window(5),
            contrib.signal.stft(tf.constant(SCORES), 4, 2),
        ],
    ),
    (
        "stateless",
        lambda: [
            contrib.stateless.stateless_random_uniform([3], [1, 2]),
            contrib.stateless.stateless_random_normal([3], [1, 2]),
        ],
    ),
    (
        "util",
        lambda: [
            contrib.util.constant_value(tf.constant([1, 2])),
            contrib.util.make_ndarray(contrib.util.make_tensor_proto(LOGITS)),
        ],
    ),
    ("factorization.KMeans", lambda: clustered()),
]


def created_train_op():
    variable = tf.get_variable("x", initializer=START)
    train_op = contrib.training.create_train_op(tf.reduce_sum(variable**2), tf.train.GradientDescentOptimizer(0.1))
    return cases.after(train_op, 3, [variable, tf.train.get_global_step()])


def mutable(table):
    session = tf.get_default_session()
    session.run(table.insert(tf.constant(["a", "b"]), tf.constant([5, 7], tf.int64)))
    return session.run([table.lookup(tf.constant(["b", "x"])), table.size()])


def clustered():
    points = np.float32([[0, 0], [0, 1], [5, 5], [5, 6]])

    def input_fn():
        return tf.train.limit_epochs(tf.constant(points), num_epochs=3)

    model = contrib.factorization.KMeansClustering(2, initial_clusters=points[:3:2], use_mini_batch=False)
    model.train(input_fn)
    return [model.cluster_centers(), model.score(lambda: tf.train.limit_epochs(tf.constant(points), 1))]


GROUPS = [
    ("layers", LAYERS),
    ("rnn", CELLS),
    ("seq2seq", SEQUENCES),
    ("crf", FIELDS),
    ("opt", OPTIMIZERS),
    ("metrics", METRICS),
    ("contrib", OTHERS),
]

if __name__ == "__main__":
    cases.main([case for group, entries in GROUPS for case in cases.prefixed(group + ":", entries)])
