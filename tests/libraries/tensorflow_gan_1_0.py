# pip: tensorflow-gan==1.0.0.dev0
# run: --api=1
# prints: generated mean \S+ \S+, after 400 steps (2\.[5-9]|3\.[0-5])\d* -(0\.[5-9]|1\.[0-5])\d*
"""Trains a Wasserstein GAN with gradient penalty by gan_model, gan_loss and gan_train."""

import numpy as np
import tensorflow as tf
import tensorflow_gan as tfgan

points = tf.constant(np.random.RandomState(1).normal((3, -1), 0.5, (200, 2)).astype(np.float32))
noise = tf.constant(np.random.RandomState(2).normal(size=(200, 4)).astype(np.float32))


def generator_fn(noise):
    return tf.layers.dense(tf.layers.dense(noise, 16, tf.nn.relu), 2)


def discriminator_fn(points, conditioning):
    return tf.layers.dense(tf.layers.dense(points, 16, tf.nn.relu), 1)


tf.set_random_seed(1)
model = tfgan.gan_model(generator_fn, discriminator_fn, real_data=points, generator_inputs=noise)
loss = tfgan.gan_loss(
    model,
    tfgan.losses.wasserstein_generator_loss,
    tfgan.losses.wasserstein_discriminator_loss,
    gradient_penalty_weight=1.0,
)
tf.train.get_or_create_global_step()
train_ops = tfgan.gan_train_ops(model, loss, tf.train.AdamOptimizer(0.01, 0.5), tf.train.AdamOptimizer(0.01, 0.5))
mean = tf.reduce_mean(model.generated_data, axis=0)


class ReadMean(tf.train.SessionRunHook):
    def after_create_session(self, session, coord):
        self.before = session.run(mean)

    def end(self, session):
        self.after = session.run(mean)


means = ReadMean()
tfgan.gan_train(train_ops, logdir="model", hooks=[tf.train.StopAtStepHook(num_steps=400), means])
before, after = means.before, means.after
print(f"generated mean {before[0]:.3f} {before[1]:.3f}, after 400 steps {after[0]:.3f} {after[1]:.3f}")
