"""The tutorials' network with three convolutions, as an Estimator."""

import data
import estimators
import tensorflow as tf


def model_fn(features, labels, mode):
    x = features["x"]
    for filters in (32, 64, 128):
        x = tf.layers.conv2d(x, filters, 5, padding="same", activation=tf.nn.relu)
        x = tf.layers.max_pooling2d(x, 2, 2)
    x = tf.layers.dense(tf.layers.flatten(x), 1024, activation=tf.nn.relu)
    logits = tf.layers.dense(tf.layers.dropout(x, 0.4, training=True), 10)
    loss = tf.losses.sparse_softmax_cross_entropy(labels, logits)
    train_op = tf.train.AdamOptimizer(0.001).minimize(loss, tf.train.get_global_step())
    return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=train_op)


images, labels = data.images()
input_fn = tf.estimator.inputs.numpy_input_fn({"x": images}, labels, data.BATCH, num_epochs=None, shuffle=True)
estimators.train(tf.estimator.Estimator(model_fn), input_fn)
