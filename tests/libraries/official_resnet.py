# git: maple-research-lab/CapProNet_tf c61e42a22c175c11ccb8e1db965b4599e0d85852
# pip: requests==2.34.2 psutil==7.2.2
# run: --api=1
# prints: loss \d\.\d+, after 60 steps [0-2]\.\d+, accuracy (0\.[3-9]\d*|1\.0+)
"""Trains a ResNet of eight layers with official/resnet/cifar10_main.py of tensorflow/models on made-up pictures."""

import contextlib
import glob
import os
import sys

import numpy as np
import tensorflow as tf
from absl import app
from official.resnet import cifar10_main

FLAGS = """
    --data_dir=data --model_dir=model --resnet_size=8 --batch_size=16 --train_epochs=1 --epochs_between_evals=1
    --max_train_steps=60 --data_format=channels_last
"""
FOLDER = os.path.join("data", "cifar-10-batches-bin")


def write_pictures(name, count):
    """Writes pictures of noise in CIFAR-10's format. The label, from 1 in this fork, tells the bright channel."""
    labels = np.arange(count) % 3
    pictures = random.randint(0, 60, (count, 3, 32 * 32))
    for picture, label in zip(pictures, labels):
        picture[label] += 180
    records = np.concatenate([labels[:, None] + 1, pictures.reshape(count, -1)], axis=1)
    records.astype(np.uint8).tofile(os.path.join(FOLDER, name))


def summaries(pattern, tag):
    """Returns the values of a summary in the event files that match a pattern."""
    events = (event for path in glob.glob(pattern) for event in tf.train.summary_iterator(path))
    return [value.simple_value for event in events for value in event.summary.value if value.tag == tag]


random = np.random.RandomState(0)
os.makedirs(FOLDER)
for number in range(1, 6):
    write_pictures(f"data_batch_{number}.bin", 200)
write_pictures("test_batch.bin", 48)
cifar10_main.define_cifar_flags()
sys.argv[1:] = FLAGS.split()
with contextlib.suppress(SystemExit):  # app.run ends the program
    app.run(cifar10_main.main)
losses = summaries("model/events*", "loss")
accuracy = summaries("model/eval/events*", "accuracy")[-1]
after = summaries("model/eval/events*", "loss")[-1]
print(f"loss {losses[0]:.4f}, after 60 steps {after:.4f}, accuracy {accuracy:.4f}")
