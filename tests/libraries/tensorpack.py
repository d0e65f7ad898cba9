# pip: tensorpack==0.11 msgpack==1.2.4 msgpack-numpy==0.4.8
# run: --api=1
# prints: accuracy on other pictures after 2 epochs (0\.9\d+|1\.0+), loss 0\.\d+
"""Trains a convolutional network on pictures with a bright band, with callbacks for summaries and inference."""

import json

import numpy as np
import tensorflow as tf
import tensorpack
from tensorpack.tfutils import summary


class Pictures(tensorpack.DataFlow):
    """Pictures of noise with a bright band, and which of the four bands it is."""

    def __init__(self, seed):
        self.seed = seed

    def __len__(self):
        return 320

    def __iter__(self):
        random = np.random.RandomState(self.seed)
        for number in range(len(self)):
            picture = random.rand(16, 16, 1).astype(np.float32)
            picture[4 * (number % 4) : 4 * (number % 4) + 4] += 1
            yield [picture, number % 4]


class Model(tensorpack.ModelDesc):
    def inputs(self):
        return [tf.TensorSpec([None, 16, 16, 1], tf.float32, "picture"), tf.TensorSpec([None], tf.int32, "label")]

    def build_graph(self, picture, label):
        with tensorpack.argscope(tensorpack.Conv2D, kernel_size=3, activation=tf.nn.relu, filters=8):
            layers = tensorpack.LinearWrap(picture).Conv2D("conv0").BatchNorm("norm").MaxPooling("pool", 2)
            logits = layers.Conv2D("conv1").FullyConnected("logits", 4)()
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(logits=logits, labels=label)
        loss = tf.reduce_mean(losses, name="loss")
        accuracy = tf.reduce_mean(tf.cast(tf.nn.in_top_k(logits, label, 1), tf.float32), name="accuracy")
        summary.add_moving_summary(loss, accuracy)
        return loss

    def optimizer(self):
        return tf.train.AdamOptimizer(0.003)


tensorpack.logger.set_logger_dir("log")
statistics = tensorpack.ScalarStats(["loss", "accuracy"])
config = tensorpack.TrainConfig(
    model=Model(),
    dataflow=tensorpack.BatchData(Pictures(0), 32),
    callbacks=[
        tensorpack.ModelSaver(),
        tensorpack.InferenceRunner(tensorpack.BatchData(Pictures(1), 32), statistics),
    ],
    steps_per_epoch=10,
    max_epoch=2,
)
tensorpack.launch_train_with_config(config, tensorpack.SimpleTrainer())
with open("log/stats.json") as file:
    last = json.load(file)[-1]
print(
    f"accuracy on other pictures after 2 epochs {last['validation_accuracy']:.4f}, loss {last['validation_loss']:.6f}"
)
