"""A text classifier with an LSTM, as an Estimator."""

import data
import estimators
import tensorflow as tf


def model_fn(features, labels, mode):
    words = tf.nn.embedding_lookup(tf.get_variable("embeddings", [data.VOCABULARY, 64]), features["words"])
    _, state = tf.nn.dynamic_rnn(tf.nn.rnn_cell.BasicLSTMCell(64), words, dtype=tf.float32)
    logits = tf.layers.dense(state.h, 2)
    loss = tf.losses.sparse_softmax_cross_entropy(labels, logits)
    train_op = tf.train.AdamOptimizer(0.001).minimize(loss, tf.train.get_global_step())
    return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=train_op)


words, labels = data.texts()
input_fn = tf.estimator.inputs.numpy_input_fn({"words": words}, labels, data.BATCH, num_epochs=None, shuffle=True)
estimators.train(tf.estimator.Estimator(model_fn), input_fn)
