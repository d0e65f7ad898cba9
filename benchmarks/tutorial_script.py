"""The tutorial's program as its readers have it: cnn-estimator run tutorial_script.py STEPS LOG_EVERY"""

import sys

import numpy as np
import tensorflow as tf

steps, log_every = map(int, sys.argv[1:])
(train_data, train_labels), _ = tf.keras.datasets.fashion_mnist.load_data()
train_data = train_data / np.float32(255)
train_labels = train_labels.astype(np.int32)


def cnn_model_fn(features, labels, mode):
    training = mode == tf.estimator.ModeKeys.TRAIN
    x = tf.reshape(features["x"], [-1, 28, 28, 1])
    x = tf.layers.conv2d(x, filters=32, kernel_size=[5, 5], padding="same", activation=tf.nn.relu)
    x = tf.layers.max_pooling2d(x, pool_size=[2, 2], strides=2)
    x = tf.layers.conv2d(x, filters=64, kernel_size=[5, 5], padding="same", activation=tf.nn.relu)
    x = tf.layers.max_pooling2d(x, pool_size=[2, 2], strides=2)
    x = tf.layers.dropout(x, rate=0.25, training=training)
    x = tf.layers.conv2d(x, filters=128, kernel_size=[5, 5], padding="same", activation=tf.nn.relu)
    x = tf.layers.max_pooling2d(x, pool_size=[2, 2], strides=2)
    x = tf.layers.dropout(x, rate=0.25, training=training)
    x = tf.layers.dense(tf.reshape(x, [-1, 3 * 3 * 128]), units=1024, activation=tf.nn.relu)
    x = tf.layers.dropout(x, rate=0.4, training=training)
    logits = tf.layers.dense(x, units=10)
    tf.nn.softmax(logits, name="softmax_tensor")
    loss = tf.losses.sparse_softmax_cross_entropy(labels=labels, logits=logits)
    train_op = tf.train.AdamOptimizer(learning_rate=0.001).minimize(loss, global_step=tf.train.get_global_step())
    return tf.estimator.EstimatorSpec(mode=mode, loss=loss, train_op=train_op)


tf.logging.set_verbosity(tf.logging.INFO)
config = tf.estimator.RunConfig(log_step_count_steps=log_every)
classifier = tf.estimator.Estimator(model_fn=cnn_model_fn, model_dir="model", config=config)
train_input_fn = tf.estimator.inputs.numpy_input_fn(
    x={"x": train_data}, y=train_labels, batch_size=100, num_epochs=None, shuffle=True
)
logging_hook = tf.train.LoggingTensorHook(tensors={"probabilities": "softmax_tensor"}, every_n_iter=50)
classifier.train(input_fn=train_input_fn, steps=steps, hooks=[logging_hook])
