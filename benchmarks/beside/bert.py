"""A small BERT with a classifier, as an Estimator."""

import data
import estimators
import numpy as np
import tensorflow as tf
from data import HEADS, HIDDEN, LAYERS, LENGTH, VOCABULARY


def gelu(x):
    return 0.5 * x * (1 + tf.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * tf.pow(x, 3))))


def norm(x):
    return tf.contrib.layers.layer_norm(x, begin_norm_axis=-1, begin_params_axis=-1)


def heads(x):
    return tf.transpose(tf.reshape(x, [-1, LENGTH, HEADS, HIDDEN // HEADS]), [0, 2, 1, 3])


def model_fn(features, labels, mode):
    x = tf.gather(tf.get_variable("words", [VOCABULARY, HIDDEN]), features["words"])
    x = norm(x + tf.get_variable("positions", [LENGTH, HIDDEN]))
    for _ in range(LAYERS):
        query = heads(tf.layers.dense(x, HIDDEN))
        key = heads(tf.layers.dense(x, HIDDEN))
        value = heads(tf.layers.dense(x, HIDDEN))
        scores = tf.matmul(query, key, transpose_b=True) / np.sqrt(HIDDEN // HEADS)
        context = tf.transpose(tf.matmul(tf.nn.softmax(scores), value), [0, 2, 1, 3])
        x = norm(x + tf.layers.dense(tf.reshape(context, [-1, LENGTH, HIDDEN]), HIDDEN))
        x = norm(x + tf.layers.dense(tf.layers.dense(x, 4 * HIDDEN, gelu), HIDDEN))
    logits = tf.layers.dense(x[:, 0], 2)
    loss = tf.losses.sparse_softmax_cross_entropy(labels, logits)
    train_op = tf.train.AdamOptimizer(0.0001).minimize(loss, tf.train.get_global_step())
    return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=train_op)


words, labels = data.texts()
input_fn = tf.estimator.inputs.numpy_input_fn({"words": words}, labels, data.BATCH, num_epochs=None, shuffle=True)
estimators.train(tf.estimator.Estimator(model_fn), input_fn)
