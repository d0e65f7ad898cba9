# pip: tensorflow-gan==2.1.0 tensorflow-probability==0.25.0 tensorflow-hub==0.12.0 cloudpickle==3.1.3 decorator==5.2.1
# pip: dm-tree==0.1.9
# run: --api=1
# prints: generated mean \S+ \S+, after 500 steps (2\.[5-9]|3\.[0-5])\d* -(0\.[5-9]|1\.[0-5])\d*
"""Trains a GANEstimator to generate points around (3, -1)."""

import numpy as np
import tensorflow as tf
import tensorflow_gan as tfgan

BATCH = 64


def generator_fn(noise, mode):
    return tf.layers.dense(tf.layers.dense(noise, 16, tf.nn.relu), 2)


def discriminator_fn(points, conditioning, mode):
    return tf.layers.dense(tf.layers.dense(points, 16, tf.nn.relu), 1)


def train_input_fn():
    points = np.random.RandomState(1).normal((3, -1), 0.5, (BATCH * 50, 2)).astype(np.float32)
    data = tf.data.Dataset.from_tensor_slices(points).repeat().batch(BATCH, drop_remainder=True)
    noise = np.random.RandomState(2).normal(size=(BATCH * 50, 4)).astype(np.float32)
    return tf.data.Dataset.zip((tf.data.Dataset.from_tensor_slices(noise).repeat().batch(BATCH), data))


def predict_input_fn():
    return tf.data.Dataset.from_tensors(np.random.RandomState(3).normal(size=(500, 4)).astype(np.float32))


def generated_mean():
    return np.mean(list(estimator.predict(predict_input_fn)), axis=0)


estimator = tfgan.estimator.GANEstimator(
    "model",
    generator_fn=generator_fn,
    discriminator_fn=discriminator_fn,
    generator_loss_fn=tfgan.losses.modified_generator_loss,
    discriminator_loss_fn=tfgan.losses.modified_discriminator_loss,
    generator_optimizer=tf.train.AdamOptimizer(0.005, 0.5),
    discriminator_optimizer=tf.train.AdamOptimizer(0.005, 0.5),
    config=tf.estimator.RunConfig(tf_random_seed=1),
)
estimator.train(train_input_fn, steps=1)
before = generated_mean()
estimator.train(train_input_fn, steps=499)
after = generated_mean()
print(f"generated mean {before[0]:.3f} {before[1]:.3f}, after 500 steps {after[0]:.3f} {after[1]:.3f}")
