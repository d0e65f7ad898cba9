# pip: tensorlayer==1.11.1 progressbar2==4.6.0 python-utils==4.2.0 ImageIO==2.38.1 scikit-image==0.26.0 tqdm==4.70.1
# pip: lazy-loader==0.6 tifffile==2026.11.8 networkx==3.7 lxml==6.1.3
# run: --api=1
# prints: loss \d\.\d+, after 5 epochs 0\.[0-3]\d+, accuracy (0\.9\d+|1\.0+)
"""Trains a convolutional network on pictures with a bright band."""

import numpy as np
import tensorflow as tf
import tensorlayer as tl


def pictures(count):
    """Returns pictures of noise with a bright band, and which of the four bands it is."""
    labels = np.arange(count) % 4
    images = np.random.RandomState(0).rand(count, 16, 16, 1).astype(np.float32)
    for image, label in zip(images, labels):
        image[4 * label : 4 * label + 4] += 1
    return images, labels


tf.set_random_seed(1)
images, labels = pictures(400)
image = tf.placeholder(tf.float32, [None, 16, 16, 1])
label = tf.placeholder(tf.int64, [None])
network = tl.layers.InputLayer(image, name="image")
network = tl.layers.Conv2d(network, 8, (3, 3), act=tf.nn.relu, name="conv")
network = tl.layers.MaxPool2d(network, (2, 2), name="pool")
network = tl.layers.FlattenLayer(network, name="flat")
network = tl.layers.DropoutLayer(network, keep=0.8, name="dropout")
network = tl.layers.DenseLayer(network, 4, name="logits")
loss = tl.cost.cross_entropy(network.outputs, label, name="loss")
accuracy = tf.reduce_mean(tf.cast(tf.equal(tf.argmax(network.outputs, 1), label), tf.float32))
train_op = tf.train.AdamOptimizer(0.003).minimize(loss, var_list=network.all_params)
with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    everything = {image: images, label: labels, **tl.utils.dict_to_one(network.all_drop)}
    before = session.run(loss, everything)
    tl.utils.fit(session, network, train_op, loss, images, labels, image, label, acc=accuracy, batch_size=50, n_epoch=5)
    after = session.run([loss, accuracy], everything)
    tl.files.save_npz(network.all_params, "weights.npz", sess=session)
print(f"loss {before:.4f}, after 5 epochs {after[0]:.4f}, accuracy {after[1]:.4f}")
