# pip: tensorflow-gan==2.1.0 tensorflow-probability==0.25.0 tensorflow-hub==0.12.0 cloudpickle==3.1.3 decorator==5.2.1
# pip: dm-tree==0.1.9
# run: --api=1
# prints: losses 0.3403 0.9599 -1.2835 1.9418 1.0694 1.9333, norm 3.2215, distance 3.6847; step 10: 1.8254 0.9006 0.9247
"""Trains tf.contrib.gan's GANEstimator. TensorFlow 1.14, the last release with tf.contrib.gan, prints the same."""

import tempfile

import numpy as np
import tensorflow as tf

gan = tf.contrib.gan
wargs = gan.losses.wargs
random = np.random.RandomState(1)
real = random.randn(6, 1).astype(np.float32)
generated = random.randn(6, 1).astype(np.float32)
weights = [[0.0], [1.0], [2.0], [1.0], [0.5], [1.0]]
first = tf.constant(random.randn(30, 3).astype(np.float32))
second = tf.constant(random.randn(30, 3).astype(np.float32) + 1)
matrix = tf.constant(np.arange(12, dtype=np.float32).reshape(4, 3) - 4)
with tf.variable_scope("scope", initializer=tf.ones_initializer()):
    normalized = gan.features.spectral_normalize(matrix, 1, "norm")
u = tf.global_variables()[0]
tensors = [
    wargs.wasserstein_generator_loss(generated, weights),
    wargs.wasserstein_discriminator_loss(real, generated, weights, 0.5),
    wargs.minimax_generator_loss(generated, label_smoothing=0.1),
    wargs.minimax_discriminator_loss(real, generated, label_smoothing=0.2),
    wargs.modified_generator_loss(generated, weights=weights),
    wargs.modified_discriminator_loss(real, generated),
    tf.reduce_sum(tf.abs(normalized)),
    gan.eval.frechet_classifier_distance_from_activations(real_activations=first, generated_activations=second),
]
with tf.Session() as session:
    session.run(u.assign(tf.ones_like(u)))
    numbers = [f"{number:.4f}" for number in session.run(tensors)]


def dense(inputs, size, seed, **options):
    initializer = tf.random_normal_initializer(stddev=0.3, seed=seed)
    return tf.layers.dense(inputs, size, kernel_initializer=initializer, **options)


def generator_fn(noise):
    return dense(dense(noise, 8, 1, activation=tf.nn.relu), 2, 2, kernel_regularizer=tf.nn.l2_loss)


def discriminator_fn(points, _, mode):
    return dense(dense(points, 8, 3, activation=tf.nn.relu), 1, 4)


def input_fn():
    noise = np.random.RandomState(2).randn(50, 4).astype(np.float32)
    points = (np.random.RandomState(3).randn(50, 2) * 0.5 + [3, -1]).astype(np.float32)
    return tf.data.Dataset.from_tensors((noise, points)).repeat()


estimator = gan.estimator.GANEstimator(
    tempfile.mkdtemp(),
    generator_fn,
    discriminator_fn,
    gan.losses.modified_generator_loss,
    gan.losses.modified_discriminator_loss,
    lambda: tf.train.GradientDescentOptimizer(0.05),
    tf.train.AdamOptimizer(0.02, 0.5),
    add_summaries=gan.estimator.SummaryType.VARIABLES,
)
estimator.train(input_fn, steps=10)
results = estimator.evaluate(input_fn, steps=1)
names = ("loss", "generator_loss", "discriminator_loss")
losses = " ".join(f"{results[name]:.4f}" for name in names)
step = estimator.get_variable_value("global_step")
print("losses {}, norm {}, distance {}; step {}: {}".format(" ".join(numbers[:6]), *numbers[6:], step, losses))
