"""Layers, losses, recurrent networks and images."""

import cases
import numpy as np
import tensorflow as tf

LOGITS = (3 * np.sin(np.arange(12.0) * 1.7)).astype(np.float32).reshape(4, 3)
CLASSES = np.array([0, 2, 1, 2], np.int32)
TRUTHS = np.array([[1, 0, 1], [0, 0, 1], [1, 1, 0], [0, 1, 0]], np.float32)
VECTORS = np.cos(np.arange(20.0)).astype(np.float32).reshape(4, 5)
WEIGHTS = np.array([[0.5], [1.0], [2.0], [0.0]], np.float32)
IMAGES = np.sin(np.arange(2 * 5 * 5 * 2) * 0.7).astype(np.float32).reshape(2, 5, 5, 2)
SERIES = np.sin(np.arange(2 * 7 * 3) * 0.9).astype(np.float32).reshape(2, 7, 3)
VOLUMES = np.sin(np.arange(4 * 4 * 4 * 2) * 0.3).astype(np.float32).reshape(1, 4, 4, 4, 2)
FILTERS = np.cos(np.arange(3 * 3 * 2 * 2) * 1.1).astype(np.float32).reshape(3, 3, 2, 2)
PICTURE = (np.sin(np.arange(4 * 5 * 3) * 1.9) * 0.5 + 0.5).astype(np.float32).reshape(4, 5, 3)
BYTES = (PICTURE * 255).astype(np.uint8)


def trained(output):
    """Returns an output, the gradients of its squares by all variables, and the names of the variables."""
    variables = tf.trainable_variables()
    return [output, tf.gradients(tf.reduce_sum(output**2), variables), [variable.name for variable in variables]]


CONVOLUTIONS = [
    *[
        (
            "conv2d " + padding + f" {stride}",
            lambda padding=padding, stride=stride: tf.nn.conv2d(IMAGES, FILTERS, [1, stride, stride, 1], padding),
        )
        for padding in ("SAME", "VALID")
        for stride in (1, 2)
    ],
    ("conv2d explicit padding", lambda: tf.nn.conv2d(IMAGES, FILTERS, 1, [[0, 0], [1, 0], [0, 2], [0, 0]])),
    (
        "conv2d dilated",
        lambda: [
            tf.nn.conv2d(IMAGES, FILTERS, 1, "SAME", dilations=[1, 2, 2, 1]),
            tf.nn.atrous_conv2d(IMAGES, FILTERS, 2, "SAME"),
        ],
    ),
    ("conv1d", lambda: tf.nn.conv1d(SERIES, FILTERS.reshape(3, 3, 4), 2, "SAME")),
    ("conv3d", lambda: tf.nn.conv3d(VOLUMES, np.resize(FILTERS, [2, 2, 2, 2, 2]), [1, 2, 2, 2, 1], "SAME")),
    ("conv2d_transpose", lambda: tf.nn.conv2d_transpose(IMAGES, FILTERS, [2, 10, 10, 2], [1, 2, 2, 1])),
    (
        "conv3d_transpose",
        lambda: tf.nn.conv3d_transpose(
            VOLUMES[:, :2, :2, :2], np.resize(FILTERS, [2, 2, 2, 2, 2]), [1, 4, 4, 4, 2], [1, 2, 2, 2, 1]
        ),
    ),
    ("depthwise_conv2d", lambda: tf.nn.depthwise_conv2d(IMAGES, FILTERS, [1, 1, 1, 1], "SAME")),
    (
        "separable_conv2d",
        lambda: tf.nn.separable_conv2d(IMAGES, FILTERS, FILTERS[0, :2].reshape(1, 1, 4, 2), [1, 1, 1, 1], "VALID"),
    ),
    ("convolution", lambda: tf.nn.convolution(IMAGES, FILTERS, "VALID", dilation_rate=[2, 2])),
    (
        "conv2d_backprop",
        lambda: [
            tf.nn.conv2d_backprop_input([2, 5, 5, 2], FILTERS, IMAGES, [1, 1, 1, 1], "SAME"),
            tf.nn.conv2d_backprop_filter(IMAGES, [3, 3, 2, 2], IMAGES, [1, 1, 1, 1], "SAME"),
        ],
    ),
    ("gradients of conv2d", lambda: gradients(lambda x, f: tf.nn.conv2d(x, f, [1, 2, 2, 1], "SAME"), IMAGES, FILTERS)),
    (
        "gradients of depthwise_conv2d",
        lambda: gradients(lambda x, f: tf.nn.depthwise_conv2d(x, f, [1, 1, 1, 1], "SAME"), IMAGES, FILTERS),
    ),
    (
        "dilation2d and erosion2d",
        lambda: [
            tf.nn.dilation2d(IMAGES, FILTERS[..., 0], [1, 1, 1, 1], [1, 1, 1, 1], "SAME"),
            tf.nn.erosion2d(IMAGES, FILTERS[..., 0], [1, 1, 1, 1], [1, 1, 1, 1], "SAME"),
        ],
    ),
    *cases.calls("nn.max_pool nn.avg_pool", IMAGES, [1, 2, 2, 1], [1, 2, 2, 1], "SAME"),
    *cases.calls("nn.max_pool nn.avg_pool", IMAGES, [1, 3, 3, 1], [1, 1, 1, 1], padding="VALID"),
    *cases.calls("nn.max_pool3d nn.avg_pool3d", VOLUMES, [1, 2, 2, 2, 1], [1, 2, 2, 2, 1], "SAME"),
    ("max_pool_with_argmax", lambda: tf.nn.max_pool_with_argmax(IMAGES, [1, 2, 2, 1], [1, 2, 2, 1], "SAME")),
    ("nn.pool", lambda: tf.nn.pool(IMAGES, [2, 2], "AVG", "SAME", strides=[2, 2])),
    (
        "fractional_max_pool",
        lambda: tf.nn.fractional_max_pool(IMAGES, [1.0, 1.5, 1.5, 1.0], deterministic=True, seed=1, seed2=2),
    ),
    (
        "gradients of pools",
        lambda: [
            gradients(lambda x, pool=pool: pool(x, [1, 3, 3, 1], [1, 2, 2, 1], "SAME"), IMAGES)
            for pool in (tf.nn.max_pool, tf.nn.avg_pool)
        ],
    ),
]


def gradients(function, *inputs):
    tensors = [tf.constant(value) for value in inputs]
    return tf.gradients(tf.reduce_sum(function(*tensors) ** 2), tensors)


MOMENTS = np.float32([[0.1, 0.2], [1.5, 0.5], [0.3, -0.3], [2.0, 1.0]])
NORMALIZATIONS = [
    ("batch_normalization", lambda: tf.nn.batch_normalization(*map(tf.constant, (IMAGES, *MOMENTS)), 1e-3)),
    ("fused_batch_norm", lambda: tf.nn.fused_batch_norm(IMAGES, [1.0, 2.0], [0.5, -0.5])[:3]),
    (
        "fused_batch_norm for inference",
        lambda: tf.nn.fused_batch_norm(IMAGES, [1.0, 2.0], [0.5, -0.5], [0.1, 0.2], [1.5, 0.5], is_training=False)[0],
    ),
    (
        "batch_norm_with_global_normalization",
        lambda: tf.nn.batch_norm_with_global_normalization(*map(tf.constant, (IMAGES, *MOMENTS)), 1e-3, True),
    ),
    (
        "local_response_normalization",
        lambda: [tf.nn.local_response_normalization(IMAGES), tf.nn.lrn(IMAGES, 1, bias=1.0, alpha=0.5, beta=0.75)],
    ),
    ("nn.dropout of everything", lambda: tf.nn.dropout(VECTORS, keep_prob=1.0)),
    (
        "bias_add",
        lambda: [
            tf.nn.bias_add(VECTORS, [1.0, 2.0, 3.0, 4.0, 5.0]),
            tf.nn.xw_plus_b(VECTORS, VECTORS.T, [1.0, 2.0, 3.0, 4.0]),
            tf.nn.relu_layer(VECTORS, VECTORS.T, [0.0, 1.0, 2.0, 3.0]),
        ],
    ),
    (
        "gradients of fused_batch_norm",
        lambda: gradients(
            lambda x, scale, offset: tf.nn.fused_batch_norm(x, scale, offset)[0],
            IMAGES,
            np.float32([1, 2]),
            np.float32([0.5, -0.5]),
        ),
    ),
    ("nn.softmax of an axis", lambda: [tf.nn.softmax(IMAGES[0], axis=1), tf.nn.log_softmax(LOGITS, 0)]),
    ("nn.normalize_moments", lambda: tf.nn.normalize_moments(4.0, [1.0, 2.0], [3.0, 4.0], None)),
]


def sampled():
    """Returns the weights, biases, labels and inputs of a loss that samples ten classes."""
    labels = CLASSES.reshape(4, 1).astype(np.int64)
    return [
        tf.constant(value) for value in (np.resize(VECTORS, [10, 5]), np.arange(10, dtype=np.float32), labels, VECTORS)
    ]


LOSSES = [
    (
        "softmax_cross_entropy_with_logits",
        lambda: tf.nn.softmax_cross_entropy_with_logits(labels=TRUTHS, logits=LOGITS),
    ),
    (
        "softmax_cross_entropy_with_logits_v2",
        lambda: gradients(
            lambda labels, logits: tf.nn.softmax_cross_entropy_with_logits_v2(labels=labels, logits=logits),
            TRUTHS,
            LOGITS,
        ),
    ),
    (
        "sparse_softmax_cross_entropy_with_logits",
        lambda: tf.nn.sparse_softmax_cross_entropy_with_logits(labels=CLASSES, logits=LOGITS),
    ),
    (
        "sparse_softmax of a bad label",
        lambda: tf.nn.sparse_softmax_cross_entropy_with_logits(labels=[5, 0, 0, 0], logits=LOGITS),
    ),
    (
        "sigmoid_cross_entropy_with_logits",
        lambda: tf.nn.sigmoid_cross_entropy_with_logits(labels=TRUTHS, logits=LOGITS),
    ),
    ("weighted_cross_entropy_with_logits", lambda: tf.nn.weighted_cross_entropy_with_logits(TRUTHS, LOGITS, 2.5)),
    (
        "log_poisson_loss",
        lambda: [
            tf.nn.log_poisson_loss(TRUTHS, LOGITS),
            tf.nn.log_poisson_loss(TRUTHS * 3, LOGITS, compute_full_loss=True),
        ],
    ),
    *[
        (
            name + " " + reduction,
            lambda name=name, reduction=reduction: getattr(tf.losses, name)(
                TRUTHS, LOGITS, WEIGHTS, reduction=reduction
            ),
        )
        for name in ["absolute_difference", "mean_squared_error", "huber_loss", "hinge_loss"]
        for reduction in sorted(set(tf.losses.Reduction.all()))
    ],
    ("losses.log_loss", lambda: tf.losses.log_loss(TRUTHS, tf.sigmoid(LOGITS), WEIGHTS)),
    (
        "losses.cosine_distance",
        lambda: [
            tf.losses.cosine_distance(TRUTHS, LOGITS, axis=1),
            tf.losses.cosine_distance(TRUTHS, LOGITS, dim=1, weights=WEIGHTS),
        ],
    ),
    (
        "losses.mean_pairwise_squared_error",
        lambda: tf.losses.mean_pairwise_squared_error(TRUTHS, LOGITS, np.float32([[1], [2], [0], [0.5]])),
    ),
    (
        "losses.softmax_cross_entropy",
        lambda: [
            tf.losses.softmax_cross_entropy(TRUTHS, LOGITS),
            tf.losses.softmax_cross_entropy(TRUTHS, LOGITS, WEIGHTS[:, 0], label_smoothing=0.2),
        ],
    ),
    (
        "losses.sparse_softmax_cross_entropy",
        lambda: tf.losses.sparse_softmax_cross_entropy(CLASSES, LOGITS, WEIGHTS[:, 0]),
    ),
    ("losses.sigmoid_cross_entropy", lambda: tf.losses.sigmoid_cross_entropy(TRUTHS, LOGITS, label_smoothing=0.1)),
    ("losses.huber_loss of a delta", lambda: tf.losses.huber_loss(TRUTHS, LOGITS, delta=0.4)),
    ("losses.compute_weighted_loss", lambda: tf.losses.compute_weighted_loss(LOGITS, WEIGHTS)),
    (
        "losses.get_total_loss",
        lambda: [
            tf.losses.mean_squared_error(TRUTHS, LOGITS),
            tf.losses.absolute_difference(TRUTHS, LOGITS),
            tf.losses.get_total_loss(),
            [loss.name for loss in tf.losses.get_losses()],
        ],
    ),
    ("nn.sampled_softmax_loss", lambda: tf.nn.sampled_softmax_loss(*sampled(), 4, 10, seed=1)),
    (
        "nn.nce_loss",
        lambda: tf.nn.nce_loss(
            *sampled(), 4, 10, sampled_values=tf.nn.uniform_candidate_sampler(sampled()[2], 1, 4, True, 10, seed=2)
        ),
    ),
    (
        "nn.ctc_loss",
        lambda: tf.nn.ctc_loss(
            tf.SparseTensor([[0, 0], [0, 1], [1, 0]], [0, 1, 2], [2, 2]), np.resize(LOGITS, [6, 2, 4]), [6, 5]
        ),
    ),
    (
        "nn.ctc_loss with merging",
        lambda: tf.nn.ctc_loss(
            tf.SparseTensor([[0, 0], [0, 1], [1, 0]], [1, 1, 2], [2, 2]),
            np.resize(LOGITS, [2, 6, 4]),
            [6, 5],
            preprocess_collapse_repeated=True,
            time_major=False,
        ),
    ),
    (
        "nn.ctc_loss_v2",
        lambda: tf.nn.ctc_loss_v2([[1, 2], [3, 1]], tf.constant(np.resize(LOGITS, [6, 2, 4])), [2, 1], [6, 5]),
    ),
    ("nn.ctc_greedy_decoder", lambda: tf.nn.ctc_greedy_decoder(np.resize(LOGITS, [6, 2, 4]), [6, 5])),
    (
        "nn.ctc_beam_search_decoder",
        lambda: tf.nn.ctc_beam_search_decoder(np.resize(LOGITS, [6, 2, 4]), [6, 5], beam_width=4, top_paths=2),
    ),
    (
        "gradients of ctc_loss",
        lambda: gradients(
            lambda x: tf.nn.ctc_loss(tf.SparseTensor([[0, 0], [0, 1], [1, 0]], [0, 1, 2], [2, 2]), x, [6, 5]),
            np.resize(LOGITS, [6, 2, 4]),
        ),
    ),
]


def batch_norm_in_training():
    layer = tf.layers.batch_normalization(tf.constant(IMAGES), training=True, momentum=0.9)
    updates = tf.get_collection(tf.GraphKeys.UPDATE_OPS)
    return [
        cases.after(updates, 3, [layer, tf.global_variables()]),
        [variable.name for variable in tf.global_variables()],
    ]


def layer_reuse():
    first = tf.layers.dense(VECTORS, 2, kernel_initializer=cases.wave, name="shared")
    second = tf.layers.dense(VECTORS * 2, 2, name="shared", reuse=True)
    return [first, second, [variable.name for variable in tf.global_variables()]]


def layer_losses():
    tf.layers.dense(
        VECTORS,
        2,
        kernel_initializer=cases.wave,
        kernel_regularizer=tf.keras.regularizers.l2(0.1),
        activity_regularizer=tf.nn.l2_loss,
    )
    return [tf.losses.get_regularization_losses(), tf.losses.get_regularization_loss()]


def layer_object():
    layer = tf.layers.Dense(2, kernel_initializer=cases.wave, activation=tf.nn.tanh)
    return [
        layer(tf.constant(VECTORS)),
        layer.apply(tf.constant(VECTORS * 2)),
        layer.kernel,
        layer.bias,
        layer.name,
        len(layer.trainable_weights),
        layer.count_params(),
    ]


LAYERS = [
    ("dense", lambda: trained(tf.layers.dense(VECTORS, 3, tf.nn.relu, kernel_initializer=cases.wave))),
    (
        "dense of rank 3",
        lambda: trained(tf.layers.dense(SERIES, 2, kernel_initializer=cases.wave, bias_initializer=cases.wave)),
    ),
    ("dense without bias", lambda: trained(tf.layers.dense(VECTORS, 2, use_bias=False, kernel_initializer=cases.wave))),
    (
        "dense twice",
        lambda: trained(
            tf.layers.dense(
                tf.layers.dense(VECTORS, 2, kernel_initializer=cases.wave), 2, kernel_initializer=cases.wave
            )
        ),
    ),
    (
        "dense with a constraint",
        lambda: trained(
            tf.layers.dense(VECTORS, 2, kernel_initializer=cases.wave, kernel_constraint=lambda w: w * 0.5)
        ),
    ),
    (
        "dense with the default initializer",
        lambda: tf.layers.dense(VECTORS, 2, kernel_initializer=tf.glorot_uniform_initializer(seed=3)),
    ),
    ("conv1d", lambda: trained(tf.layers.conv1d(SERIES, 2, 3, kernel_initializer=cases.wave))),
    ("conv2d", lambda: trained(tf.layers.conv2d(IMAGES, 2, 3, kernel_initializer=cases.wave))),
    (
        "conv2d same",
        lambda: trained(
            tf.layers.conv2d(
                IMAGES, 3, [3, 2], strides=2, padding="same", activation=tf.nn.relu, kernel_initializer=cases.wave
            )
        ),
    ),
    (
        "conv2d channels_first",
        lambda: tf.layers.conv2d(
            IMAGES, 1, 1, data_format="channels_last", dilation_rate=1, kernel_initializer=cases.wave
        ),
    ),
    ("conv2d dilated", lambda: trained(tf.layers.conv2d(IMAGES, 1, 2, dilation_rate=2, kernel_initializer=cases.wave))),
    ("conv3d", lambda: trained(tf.layers.conv3d(VOLUMES, 1, 2, strides=2, kernel_initializer=cases.wave))),
    ("conv2d_transpose", lambda: trained(tf.layers.conv2d_transpose(IMAGES, 1, 2, 2, kernel_initializer=cases.wave))),
    (
        "conv3d_transpose",
        lambda: tf.layers.conv3d_transpose(VOLUMES[:, :2, :2, :2], 1, 2, kernel_initializer=cases.wave),
    ),
    (
        "separable_conv2d",
        lambda: trained(
            tf.layers.separable_conv2d(
                IMAGES, 2, 3, depth_multiplier=2, depthwise_initializer=cases.wave, pointwise_initializer=cases.wave
            )
        ),
    ),
    (
        "separable_conv1d",
        lambda: trained(
            tf.layers.separable_conv1d(SERIES, 2, 3, depthwise_initializer=cases.wave, pointwise_initializer=cases.wave)
        ),
    ),
    *cases.calls("layers.max_pooling2d layers.average_pooling2d", IMAGES, 2, 2),
    *cases.calls("layers.max_pooling2d layers.average_pooling2d", IMAGES, 3, 2, padding="same"),
    *cases.calls("layers.max_pooling1d layers.average_pooling1d", SERIES, 2, 2),
    *cases.calls("layers.max_pooling3d layers.average_pooling3d", VOLUMES, 2, 2),
    ("flatten", lambda: tf.layers.flatten(tf.constant(IMAGES))),
    (
        "dropout",
        lambda: [
            tf.layers.dropout(tf.constant(VECTORS), 0.4, seed=1, training=True),
            tf.layers.dropout(tf.constant(VECTORS), 0.4),
        ],
    ),
    ("dropout with noise_shape", lambda: tf.layers.dropout(tf.constant(SERIES), 0.4, [2, 1, 3], seed=2, training=True)),
    ("batch_normalization", lambda: trained(tf.layers.batch_normalization(tf.constant(IMAGES), training=True))),
    (
        "batch_normalization unfused",
        lambda: trained(tf.layers.batch_normalization(tf.constant(VECTORS), training=True, fused=False)),
    ),
    ("batch_normalization for inference", lambda: tf.layers.batch_normalization(tf.constant(IMAGES))),
    (
        "batch_normalization renorm",
        lambda: tf.layers.batch_normalization(tf.constant(IMAGES), training=True, renorm=True),
    ),
    ("batch_normalization moving averages", batch_norm_in_training),
    ("a shared layer", layer_reuse),
    ("regularizers of layers", layer_losses),
    ("a layer object", layer_object),
]


def keras_layer(layer, value):
    layer = layer()
    return [layer(tf.constant(value)), layer.weights]


KERAS_LOSSES = (
    "mse mae mape msle kld poisson hinge squared_hinge categorical_hinge logcosh cosine_similarity "
    "binary_crossentropy categorical_crossentropy"
)
K = tf.keras.layers
KERAS = [
    (name, lambda layer=layer, value=value: keras_layer(layer, value))
    for name, layer, value in [
        ("Dense", lambda: K.Dense(2, "relu", kernel_initializer=cases.wave), VECTORS),
        ("Conv1D", lambda: K.Conv1D(2, 3, padding="causal", kernel_initializer=cases.wave), SERIES),
        ("Conv2D", lambda: K.Conv2D(2, 3, padding="same", kernel_initializer=cases.wave), IMAGES),
        ("Conv2DTranspose", lambda: K.Conv2DTranspose(1, 3, strides=2, kernel_initializer=cases.wave), IMAGES),
        (
            "SeparableConv2D",
            lambda: K.SeparableConv2D(1, 3, depthwise_initializer=cases.wave, pointwise_initializer=cases.wave),
            IMAGES,
        ),
        ("DepthwiseConv2D", lambda: K.DepthwiseConv2D(3, depthwise_initializer=cases.wave), IMAGES),
        ("MaxPooling2D", lambda: K.MaxPooling2D(), IMAGES),
        ("AveragePooling2D", lambda: K.AveragePooling2D(padding="same"), IMAGES),
        ("GlobalAveragePooling2D", lambda: K.GlobalAveragePooling2D(), IMAGES),
        ("GlobalMaxPooling1D", lambda: K.GlobalMaxPooling1D(), SERIES),
        ("BatchNormalization", lambda: K.BatchNormalization(), IMAGES),
        ("LayerNormalization", lambda: K.LayerNormalization(), VECTORS),
        ("Embedding", lambda: K.Embedding(5, 2, embeddings_initializer=cases.wave), CLASSES),
        ("SimpleRNN", lambda: K.SimpleRNN(2, kernel_initializer=cases.wave, recurrent_initializer=cases.wave), SERIES),
        ("LSTM", lambda: K.LSTM(2, kernel_initializer=cases.wave, recurrent_initializer=cases.wave), SERIES),
        (
            "LSTM sequences",
            lambda: K.LSTM(
                2,
                kernel_initializer=cases.wave,
                recurrent_initializer=cases.wave,
                return_sequences=True,
                go_backwards=True,
            ),
            SERIES,
        ),
        ("GRU", lambda: K.GRU(2, kernel_initializer=cases.wave, recurrent_initializer=cases.wave), SERIES),
        (
            "Bidirectional",
            lambda: K.Bidirectional(K.SimpleRNN(2, kernel_initializer="ones", recurrent_initializer="ones")),
            SERIES,
        ),
        ("TimeDistributed", lambda: K.TimeDistributed(K.Dense(2, kernel_initializer=cases.wave)), SERIES),
        (
            "ConvLSTM2D",
            lambda: K.ConvLSTM2D(1, 2, kernel_initializer=cases.wave, recurrent_initializer=cases.wave),
            IMAGES[np.newaxis],
        ),
        ("PReLU", lambda: K.PReLU(alpha_initializer=cases.wave), VECTORS),
        ("LeakyReLU", lambda: K.LeakyReLU(0.2), VECTORS),
        ("ELU", lambda: K.ELU(0.5), VECTORS),
        ("Softmax", lambda: K.Softmax(), VECTORS),
        ("ThresholdedReLU", lambda: K.ThresholdedReLU(0.3), VECTORS),
        ("Flatten", lambda: K.Flatten(), IMAGES),
        ("Permute", lambda: K.Permute([2, 1]), SERIES),
        ("RepeatVector", lambda: K.RepeatVector(2), VECTORS),
        ("Reshape", lambda: K.Reshape([5, 1]), VECTORS),
        ("ZeroPadding2D", lambda: K.ZeroPadding2D(), IMAGES[..., :1]),
        ("Cropping2D", lambda: K.Cropping2D([[1, 0], [0, 2]]), IMAGES),
        ("UpSampling2D", lambda: K.UpSampling2D(), IMAGES[:1, :2, :2]),
        ("UpSampling2D bilinear", lambda: K.UpSampling2D(interpolation="bilinear"), IMAGES[:1, :2, :2]),
        ("LocallyConnected1D", lambda: K.LocallyConnected1D(1, 2, kernel_initializer=cases.wave), SERIES),
        ("Lambda", lambda: K.Lambda(lambda x: x * 2), VECTORS),
    ]
] + [
    (
        "Add Multiply Average Maximum",
        lambda: [
            layer()([tf.constant(VECTORS), tf.constant(VECTORS**2)])
            for layer in (K.Add, K.Subtract, K.Multiply, K.Average, K.Maximum, K.Minimum, K.Concatenate)
        ],
    ),
    ("Dot", lambda: K.Dot(1)([tf.constant(VECTORS), tf.constant(VECTORS**2)])),
    ("model fit", lambda: keras_fit(lambda: "sgd", "mse")),
    ("model fit adam", lambda: keras_fit(lambda: tf.keras.optimizers.Adam(0.01), "mae")),
    ("model fit rmsprop", lambda: keras_fit(lambda: tf.keras.optimizers.RMSprop(0.01), "mse")),
    ("model fit adagrad", lambda: keras_fit(lambda: tf.keras.optimizers.Adagrad(0.01), "mse")),
    ("model fit adadelta", lambda: keras_fit(lambda: tf.keras.optimizers.Adadelta(0.5), "mse")),
    ("model fit nadam", lambda: keras_fit(lambda: tf.keras.optimizers.Nadam(0.01), "mse")),
    ("model fit adamax", lambda: keras_fit(lambda: tf.keras.optimizers.Adamax(0.01), "mse")),
    ("model fit ftrl", lambda: keras_fit(lambda: tf.keras.optimizers.Ftrl(0.1), "mse")),
    (
        "model fit momentum decay",
        lambda: keras_fit(lambda: tf.keras.optimizers.SGD(0.01, 0.9, nesterov=True, decay=0.1), "mse"),
    ),
    ("model fit tf.train", lambda: keras_fit(lambda: tf.train.AdamOptimizer(0.01), "mse")),
    (
        "keras losses",
        lambda: [
            getattr(tf.keras.losses, name)(tf.constant(TRUTHS), tf.sigmoid(LOGITS)) for name in KERAS_LOSSES.split()
        ],
    ),
    (
        "keras loss objects",
        lambda: [
            loss()(TRUTHS, tf.sigmoid(LOGITS))
            for loss in (
                tf.keras.losses.MeanSquaredError,
                tf.keras.losses.BinaryCrossentropy,
                tf.keras.losses.Huber,
                tf.keras.losses.CosineSimilarity,
            )
        ],
    ),
    (
        "keras backend",
        lambda: [
            tf.keras.backend.softmax(tf.constant(LOGITS)),
            tf.keras.backend.hard_sigmoid(tf.constant(LOGITS)),
            tf.keras.backend.batch_dot(tf.constant(SERIES), tf.constant(SERIES), 2),
            tf.keras.backend.epsilon(),
        ],
    ),
    ("keras regularizers", lambda: [tf.keras.regularizers.l1_l2(0.1, 0.2)(tf.constant(LOGITS))]),
    (
        "keras constraints",
        lambda: [
            tf.keras.constraints.max_norm(1.0)(tf.constant(LOGITS)),
            tf.keras.constraints.non_neg()(tf.constant(LOGITS)),
            tf.keras.constraints.unit_norm()(tf.constant(LOGITS)),
        ],
    ),
    ("to_categorical", lambda: tf.keras.utils.to_categorical(CLASSES, 4)),
    ("pad_sequences", lambda: tf.keras.preprocessing.sequence.pad_sequences([[1, 2, 3], [4]], maxlen=2)),
    ("Tokenizer", lambda: tokenizer().texts_to_sequences(["deep wide deep", "wide?"])),
]


def tokenizer():
    tokens = tf.keras.preprocessing.text.Tokenizer(num_words=5)
    tokens.fit_on_texts(["wide and deep", "deep, deep!"])
    return tokens


def keras_fit(optimizer, loss):
    tf.keras.backend.set_session(tf.get_default_session())
    layers = [
        K.Dense(3, "tanh", kernel_initializer=cases.wave, input_shape=[5]),
        K.Dense(1, kernel_initializer=cases.wave),
    ]
    model = tf.keras.Sequential(layers)
    model.compile(optimizer(), loss, metrics=["mae"])
    labels = VECTORS.sum(1, keepdims=True)
    history = model.fit(VECTORS, labels, batch_size=2, epochs=3, shuffle=False, verbose=0)
    evaluation = [float(value) for value in model.evaluate(VECTORS, labels, verbose=0)]
    return [history.history["loss"], evaluation, model.predict(VECTORS), model.get_weights()]


def cell(name, **options):
    return getattr(tf.nn.rnn_cell, name)(2, **options)


def bidirectional():
    with tf.variable_scope("two", initializer=cases.wave):
        outputs, states = tf.nn.bidirectional_dynamic_rnn(
            cell("GRUCell"), cell("GRUCell"), SERIES, [7, 4], dtype=tf.float32
        )
    return [outputs, states, [variable.name for variable in tf.trainable_variables()]]


def static(make):
    with tf.variable_scope("static", initializer=cases.wave):
        return tf.nn.static_rnn(
            make(), tf.unstack(tf.constant(SERIES), axis=1), dtype=tf.float32, sequence_length=[7, 3]
        )


def raw_rnn():
    array = tf.TensorArray(tf.float32, 7).unstack(SERIES.transpose(1, 0, 2))
    rnn_cell = cell("BasicRNNCell")

    def loop(time, output, state, loop_state):
        state = tf.zeros([2, 2]) if output is None else state
        finished = time >= [7, 4]
        return (
            finished,
            tf.cond(tf.reduce_all(finished), lambda: tf.zeros([2, 3]), lambda: array.read(time)),
            state,
            output,
            None,
        )

    with tf.variable_scope("raw", initializer=cases.wave):
        outputs, state, _ = tf.nn.raw_rnn(rnn_cell, loop)
    return [outputs.stack(), state]


RECURRENT = [
    ("BasicRNNCell", lambda: cases.recurrent("rnn_test", SERIES, lambda: cell("BasicRNNCell"))),
    (
        "BasicRNNCell relu",
        lambda: cases.recurrent("rnn_test", SERIES, lambda: cell("BasicRNNCell", activation=tf.nn.relu)),
    ),
    ("BasicLSTMCell", lambda: cases.recurrent("rnn_test", SERIES, lambda: cell("BasicLSTMCell"))),
    (
        "BasicLSTMCell forget_bias",
        lambda: cases.recurrent("rnn_test", SERIES, lambda: cell("BasicLSTMCell", forget_bias=0.5)),
    ),
    ("LSTMCell", lambda: cases.recurrent("rnn_test", SERIES, lambda: cell("LSTMCell"))),
    (
        "LSTMCell peepholes",
        lambda: cases.recurrent(
            "rnn_test", SERIES, lambda: cell("LSTMCell", use_peepholes=True, initializer=cases.wave)
        ),
    ),
    (
        "LSTMCell projection",
        lambda: cases.recurrent("rnn_test", SERIES, lambda: cell("LSTMCell", num_proj=1, cell_clip=0.5, proj_clip=0.3)),
    ),
    ("GRUCell", lambda: cases.recurrent("rnn_test", SERIES, lambda: cell("GRUCell"))),
    (
        "GRUCell initializers",
        lambda: cases.recurrent(
            "rnn_test", SERIES, lambda: cell("GRUCell", kernel_initializer=cases.wave, bias_initializer=cases.wave)
        ),
    ),
    (
        "MultiRNNCell",
        lambda: cases.recurrent(
            "rnn_test", SERIES, lambda: tf.nn.rnn_cell.MultiRNNCell([cell("GRUCell"), cell("BasicLSTMCell")])
        ),
    ),
    (
        "ResidualWrapper",
        lambda: cases.recurrent("rnn_test", SERIES, lambda: tf.nn.rnn_cell.ResidualWrapper(tf.nn.rnn_cell.GRUCell(3))),
    ),
    (
        "DropoutWrapper",
        lambda: cases.recurrent(
            "rnn_test",
            SERIES,
            lambda: tf.nn.rnn_cell.DropoutWrapper(cell("GRUCell"), 0.7, seed=5),
            parallel_iterations=1,
        ),
    ),
    (
        "DropoutWrapper variational",
        lambda: cases.recurrent(
            "rnn_test",
            SERIES,
            lambda: tf.nn.rnn_cell.DropoutWrapper(
                cell("GRUCell"), 0.7, variational_recurrent=True, input_size=3, dtype=tf.float32, seed=5
            ),
        ),
    ),
    (
        "DeviceWrapper",
        lambda: cases.recurrent("rnn_test", SERIES, lambda: tf.nn.rnn_cell.DeviceWrapper(cell("GRUCell"), "/cpu:0")),
    ),
    (
        "sequence_length",
        lambda: cases.recurrent("rnn_test", SERIES, lambda: cell("BasicLSTMCell"), sequence_length=[3, 7]),
    ),
    (
        "initial_state",
        lambda: cases.recurrent(
            "rnn_test", SERIES, lambda: cell("GRUCell"), initial_state=tf.constant(VECTORS[:2, :2])
        ),
    ),
    ("time_major", lambda: cases.recurrent("rnn_test", SERIES, lambda: cell("GRUCell"), time_major=True)),
    ("bidirectional_dynamic_rnn", bidirectional),
    ("static_rnn", lambda: static(lambda: cell("GRUCell"))),
    ("static_rnn of an LSTM", lambda: static(lambda: cell("BasicLSTMCell"))),
    ("raw_rnn", raw_rnn),
    ("zero_state", lambda: tf.nn.rnn_cell.MultiRNNCell([cell("LSTMCell"), cell("GRUCell")]).zero_state(2, tf.float32)),
]


def resized(method, **options):
    return [
        tf.image.resize_images(PICTURE, [6, 3], method, **options),
        tf.image.resize_images(BYTES, [2, 9], method, **options),
    ]


METHODS = tf.image.ResizeMethod
PICTURES = [
    *[
        (
            "resize_images " + name + f" align_corners={align}",
            lambda method=method, align=align: resized(method, align_corners=align),
        )
        for name, method in [
            ("bilinear", METHODS.BILINEAR),
            ("nearest", METHODS.NEAREST_NEIGHBOR),
            ("bicubic", METHODS.BICUBIC),
            ("area", METHODS.AREA),
        ]
        for align in (False, True)
    ],
    ("resize_images preserve_aspect_ratio", lambda: resized(METHODS.BILINEAR, preserve_aspect_ratio=True)),
    ("image.resize of version 2", lambda: [tf.image.resize(PICTURE, [6, 3]), tf.image.resize_images(PICTURE, [4, 5])]),
    *cases.calls(
        "image.resize_bilinear image.resize_nearest_neighbor image.resize_bicubic image.resize_area",
        PICTURE[np.newaxis],
        [3, 7],
    ),
    (
        "resize_bilinear half_pixel_centers",
        lambda: [
            tf.image.resize_bilinear(PICTURE[np.newaxis], [3, 7], half_pixel_centers=True),
            tf.image.resize_nearest_neighbor(PICTURE[np.newaxis], [3, 7], half_pixel_centers=True),
        ],
    ),
    (
        "gradients of resize",
        lambda: [
            gradients(lambda x, f=f: f(x, [3, 7]), PICTURE[np.newaxis])
            for f in (tf.image.resize_bilinear, tf.image.resize_nearest_neighbor, tf.image.resize_bicubic)
        ],
    ),
    (
        "resize_image_with_crop_or_pad",
        lambda: [
            tf.image.resize_image_with_crop_or_pad(PICTURE, 6, 3),
            tf.image.resize_image_with_crop_or_pad(PICTURE, 2, 8),
        ],
    ),
    ("resize_image_with_pad", lambda: tf.image.resize_image_with_pad(PICTURE, 6, 6)),
    *cases.calls(
        "image.flip_left_right image.flip_up_down image.transpose_image image.rot90 image.rgb_to_grayscale "
        "image.rgb_to_hsv image.rgb_to_yiq image.rgb_to_yuv image.per_image_standardization",
        PICTURE,
    ),
    ("per_image_standardization of bytes", lambda: tf.image.per_image_standardization(BYTES)),
    ("hsv_to_rgb", lambda: [tf.image.hsv_to_rgb(PICTURE), tf.image.yiq_to_rgb(PICTURE), tf.image.yuv_to_rgb(PICTURE)]),
    (
        "grayscale_to_rgb",
        lambda: [
            tf.image.grayscale_to_rgb(tf.constant(PICTURE[..., :1])),
            tf.image.total_variation(tf.constant(PICTURE)),
        ],
    ),
    ("adjust_brightness", lambda: [tf.image.adjust_brightness(PICTURE, 0.2), tf.image.adjust_brightness(BYTES, 0.2)]),
    ("adjust_contrast", lambda: [tf.image.adjust_contrast(PICTURE, 1.7), tf.image.adjust_contrast(BYTES, 0.6)]),
    ("adjust_hue", lambda: [tf.image.adjust_hue(PICTURE, 0.2), tf.image.adjust_hue(BYTES, -0.1)]),
    ("adjust_saturation", lambda: [tf.image.adjust_saturation(PICTURE, 1.6), tf.image.adjust_saturation(BYTES, 0.4)]),
    ("adjust_gamma", lambda: [tf.image.adjust_gamma(PICTURE, 0.8, 1.1), tf.image.adjust_gamma(BYTES, 0.8, 1.1)]),
    ("adjust_jpeg_quality", lambda: tf.shape(tf.image.adjust_jpeg_quality(tf.constant(PICTURE), 80))),
    (
        "convert_image_dtype",
        lambda: [
            tf.image.convert_image_dtype(BYTES, tf.float32),
            tf.image.convert_image_dtype(PICTURE, tf.uint8),
            tf.image.convert_image_dtype(PICTURE, tf.uint8, saturate=True),
            tf.image.convert_image_dtype(BYTES, tf.uint16),
        ],
    ),
    ("central_crop", lambda: tf.image.central_crop(PICTURE, 0.5)),
    (
        "crop_to_bounding_box",
        lambda: [tf.image.crop_to_bounding_box(PICTURE, 1, 1, 2, 3), tf.image.pad_to_bounding_box(PICTURE, 1, 1, 6, 7)],
    ),
    (
        "crop_and_resize",
        lambda: [
            tf.image.crop_and_resize(
                PICTURE[np.newaxis], [[0.1, 0.2, 0.9, 0.8], [0.5, 0.5, 1.2, 1.1]], [0, 0], [3, 3], method
            )
            for method in ("bilinear", "nearest")
        ],
    ),
    ("extract_glimpse", lambda: tf.image.extract_glimpse(PICTURE[np.newaxis], [3, 3], [[0.0, 0.5]])),
    ("draw_bounding_boxes", lambda: tf.image.draw_bounding_boxes(PICTURE[np.newaxis], [[[0.1, 0.2, 0.7, 0.9]]])),
    (
        "non_max_suppression",
        lambda: tf.image.non_max_suppression(
            [[0.0, 0.0, 1.0, 1.0], [0.0, 0.1, 1.0, 1.1], [0.0, 2.0, 1.0, 3.0]], [0.7, 0.9, 0.5], 3, 0.5
        ),
    ),
    (
        "combined_non_max_suppression",
        lambda: tf.image.combined_non_max_suppression(
            np.float32([[[[0, 0, 1, 1]], [[0, 0.1, 1, 1.1]], [[0, 2, 1, 3]]]]),
            np.float32([[[0.7], [0.9], [0.5]]]),
            2,
            2,
        ),
    ),
    (
        "sobel and gradients",
        lambda: [
            tf.image.sobel_edges(tf.constant(PICTURE[np.newaxis])),
            tf.image.image_gradients(tf.constant(PICTURE[np.newaxis])),
        ],
    ),
    (
        "psnr and ssim",
        lambda: [
            tf.image.psnr(PICTURE, PICTURE * 0.9, 1.0),
            tf.image.ssim(
                tf.constant(np.resize(PICTURE, [16, 16, 1])), tf.constant(np.resize(PICTURE * 0.9, [16, 16, 1])), 1.0
            ),
        ],
    ),
    (
        "random_flip",
        lambda: [
            tf.image.random_flip_left_right(PICTURE, seed=1),
            tf.image.random_flip_up_down(PICTURE, seed=2),
            tf.image.random_flip_left_right(np.stack([PICTURE] * 3), seed=3),
        ],
    ),
    (
        "random_brightness",
        lambda: [tf.image.random_brightness(PICTURE, 0.3, seed=1), tf.image.random_contrast(PICTURE, 0.5, 1.5, seed=2)],
    ),
    (
        "random_hue",
        lambda: [tf.image.random_hue(PICTURE, 0.3, seed=1), tf.image.random_saturation(PICTURE, 0.5, 1.5, seed=2)],
    ),
    (
        "sample_distorted_bounding_box",
        lambda: tf.image.sample_distorted_bounding_box([20, 30, 3], [[[0.1, 0.2, 0.7, 0.9]]], seed=1, seed2=2),
    ),
    ("encode and decode png", lambda: tf.image.decode_png(tf.image.encode_png(BYTES))),
    ("decode_image", lambda: tf.image.decode_image(tf.image.encode_png(BYTES))),
    (
        "encode and decode jpeg",
        lambda: [
            tf.image.decode_jpeg(tf.image.encode_jpeg(np.full([8, 8, 3], 77, np.uint8))),
            tf.image.extract_jpeg_shape(tf.image.encode_jpeg(BYTES)),
        ],
    ),
    ("image size errors", lambda: tf.image.crop_to_bounding_box(PICTURE, 3, 3, 4, 4)),
]

GROUPS = [
    ("convolution", CONVOLUTIONS),
    ("normalization", NORMALIZATIONS),
    ("loss", LOSSES),
    ("layer", LAYERS),
    ("keras", KERAS),
    ("rnn", RECURRENT),
    ("image", PICTURES),
]

if __name__ == "__main__":
    cases.main([case for group, entries in GROUPS for case in cases.prefixed(group + ":", entries)])
