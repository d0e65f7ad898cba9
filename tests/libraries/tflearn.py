# pip: tflearn==0.5.0
# run: --api=1
# prints: accuracy 0\.[0-6]\d*, after 3 epochs (0\.9\d+|1\.0+)
"""Trains a convolutional network on pictures with a bright band."""

import numpy as np
import tensorflow as tf
import tflearn


def pictures(count):
    """Returns pictures of noise with a bright band, and which of the four bands it is."""
    labels = np.arange(count) % 4
    images = np.random.RandomState(0).rand(count, 16, 16, 1).astype(np.float32)
    for image, label in zip(images, labels):
        image[4 * label : 4 * label + 4] += 1
    return images, labels


tf.set_random_seed(1)
images, labels = pictures(400)
network = tflearn.input_data(shape=[None, 16, 16, 1])
network = tflearn.conv_2d(network, 8, 3, activation="relu", regularizer="L2")
network = tflearn.local_response_normalization(tflearn.max_pool_2d(network, 2))
network = tflearn.dropout(tflearn.fully_connected(network, 32, activation="tanh"), 0.8)
network = tflearn.fully_connected(network, 4, activation="softmax")
network = tflearn.regression(network, optimizer="adam", learning_rate=0.01, loss="categorical_crossentropy")
model = tflearn.DNN(network)
(before,) = model.evaluate(images, np.eye(4)[labels])
model.fit(images, np.eye(4)[labels], n_epoch=3, validation_set=0.1, show_metric=True, batch_size=32)
(after,) = model.evaluate(images, np.eye(4)[labels])
print(f"\naccuracy {before:.4f}, after 3 epochs {after:.4f}")
