from __future__ import absolute_import, division, print_function

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf

print(keras.__name__, tf.__version__)
(train_data, train_labels), (eval_data, eval_labels) = tf.keras.datasets.fashion_mnist.load_data()
train_data, eval_data = np.float32(train_data / 255.0), np.float32(eval_data / 255.0)
train_labels, eval_labels = train_labels.astype(np.int32), eval_labels.astype(np.int32)
class_names = ["T-shirt", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"]

plt.figure(figsize=(10, 8))
for i in range(20):
    plt.subplot(4, 5, i + 1)
    plt.xticks([])
    plt.yticks([])
    plt.imshow(train_data[i], cmap=plt.cm.binary)
    plt.xlabel(class_names[train_labels[i]])
plt.savefig("garments.png")
plt.show()


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
    predictions = {
        "classes": tf.argmax(input=logits, axis=1),
        "probabilities": tf.nn.softmax(logits, name="softmax_tensor"),
    }
    if mode == tf.estimator.ModeKeys.PREDICT:
        return tf.estimator.EstimatorSpec(mode=mode, predictions=predictions)
    onehot_labels = tf.one_hot(indices=tf.cast(labels, tf.int32), depth=10)
    loss = tf.losses.softmax_cross_entropy(onehot_labels=onehot_labels, logits=logits)
    tf.summary.scalar("loss", loss)
    train_op = tf.train.AdamOptimizer(learning_rate=0.001).minimize(loss, global_step=tf.train.get_global_step())
    metrics = {"accuracy": tf.metrics.accuracy(labels=labels, predictions=predictions["classes"])}
    return tf.estimator.EstimatorSpec(mode=mode, loss=loss, train_op=train_op, eval_metric_ops=metrics)


tf.logging.set_verbosity(tf.logging.INFO)
fashion_classifier = tf.estimator.Estimator(model_fn=cnn_model_fn, model_dir="fashion_convnet_model")
train_input_fn = tf.estimator.inputs.numpy_input_fn(
    x={"x": train_data}, y=train_labels, batch_size=100, num_epochs=None, shuffle=True
)
logging_hook = tf.train.LoggingTensorHook(tensors={"probabilities": "softmax_tensor"}, every_n_iter=50)
fashion_classifier.train(input_fn=train_input_fn, steps=20, hooks=[logging_hook])

eval_input_fn = tf.estimator.inputs.numpy_input_fn(
    x={"x": eval_data[:2000]}, y=eval_labels[:2000], num_epochs=1, shuffle=False
)
print(fashion_classifier.evaluate(input_fn=eval_input_fn))

predict_input_fn = tf.estimator.inputs.numpy_input_fn(x={"x": eval_data[:5]}, num_epochs=1, shuffle=False)
for prediction in fashion_classifier.predict(input_fn=predict_input_fn):
    print(class_names[prediction["classes"]], np.max(prediction["probabilities"]))
