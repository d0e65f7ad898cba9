# git: bearcatt/slim 37f58346729f464386af86922fc5cdd0c140fc1d
# run: --api=1
# prints: loss \d+\.\d+, after 100 steps 0\.\d+, (9\d|100) of 100 pictures right
"""Trains LeNet with train_image_classifier.py of tensorflow/models' research/slim on made-up pictures."""

import contextlib
import os
import sys

import numpy as np
import tensorflow as tf
import train_image_classifier
from datasets import dataset_utils
from nets import nets_factory
from preprocessing import preprocessing_factory

TRAIN = """
    --dataset_name=mnist --dataset_dir=data --dataset_split_name=train --model_name=lenet --train_dir=model
    --optimizer=adam --learning_rate=0.002 --max_number_of_steps=100 --batch_size=32 --num_readers=2
    --num_preprocessing_threads=1 --log_every_n_steps=10 --clone_on_cpu=True
"""


def picture(label):
    """Returns a picture of noise with a bar whose height tells the label."""
    pixels = random.randint(0, 60, (28, 28, 1)).astype(np.uint8)
    pixels[2 * label + 2 : 2 * label + 6, 4:24] += 180
    return pixels


def write_pictures(path, count):
    with tf.Graph().as_default(), tf.Session() as session, tf.python_io.TFRecordWriter(path) as writer:
        pixels = tf.placeholder(tf.uint8, [28, 28, 1])
        png = tf.image.encode_png(pixels)
        for number in range(count):
            encoded = session.run(png, {pixels: picture(number % 10)})
            example = dataset_utils.image_to_tfexample(encoded, b"png", 28, 28, number % 10)
            writer.write(example.SerializeToString())


def loss_and_right(checkpoint):
    """Returns the mean loss of 100 pictures, and how many of them are classified right."""
    labels = np.arange(100) % 10
    with tf.Graph().as_default(), tf.Session() as session:
        prepare = preprocessing_factory.get_preprocessing("lenet", is_training=False)
        pictures = tf.stack([prepare(tf.constant(picture(label)), 28, 28) for label in labels])
        logits, _ = nets_factory.get_network_fn("lenet", 10, is_training=False)(pictures)
        loss = tf.losses.sparse_softmax_cross_entropy(labels, logits)
        right = tf.reduce_sum(tf.cast(tf.equal(tf.argmax(logits, 1), labels), tf.int32))
        tf.train.Saver().restore(session, checkpoint)
        return session.run([loss, right])


random = np.random.RandomState(0)
os.makedirs("data")
write_pictures("data/mnist_train.tfrecord", 500)
sys.argv[1:] = TRAIN.split()
with contextlib.suppress(SystemExit):  # tf.app.run ends the program
    tf.app.run(train_image_classifier.main)
before, _ = loss_and_right("model/model.ckpt-0")
after, right = loss_and_right(tf.train.latest_checkpoint("model"))
print(f"loss {before:.4f}, after 100 steps {after:.4f}, {right} of 100 pictures right")
