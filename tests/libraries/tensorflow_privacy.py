# pip: tensorflow-privacy==0.2.2 scipy==1.18.1 mpmath==1.3.0
# prints: accuracy 0\.\d+, after 60 steps 0\.[5-9]\d*, epsilon \d+\.\d+
"""Trains an Estimator with differential privacy on made-up digits, and computes the privacy that it has spent."""

import numpy as np
import tensorflow as tf
from tensorflow_privacy.privacy.analysis.rdp_accountant import compute_rdp, get_privacy_spent
from tensorflow_privacy.privacy.optimizers.dp_optimizer import DPGradientDescentGaussianOptimizer

EXAMPLES = 1000
BATCH = 50
STEPS = 60
NOISE = 1.1


def model_fn(features, labels, mode):
    images = tf.reshape(features["x"], [-1, 28, 28, 1])
    layer = tf.layers.conv2d(images, 8, 8, strides=2, padding="same", activation=tf.nn.relu)
    layer = tf.layers.max_pooling2d(layer, 2, 2)
    logits = tf.layers.dense(tf.layers.flatten(layer), 10)
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
    loss = tf.reduce_mean(losses)
    if mode == tf.estimator.ModeKeys.TRAIN:
        optimizer = DPGradientDescentGaussianOptimizer(
            l2_norm_clip=1.0, noise_multiplier=NOISE, num_microbatches=10, learning_rate=0.1
        )
        train_op = optimizer.minimize(losses, global_step=tf.train.get_global_step())
        return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=train_op)
    metrics = {"accuracy": tf.metrics.accuracy(labels, tf.argmax(logits, axis=1))}
    return tf.estimator.EstimatorSpec(mode, loss=loss, eval_metric_ops=metrics)


random = np.random.RandomState(1)
templates = random.rand(10, 28, 28).astype(np.float32)
labels = random.randint(10, size=EXAMPLES)
images = templates[labels] + random.normal(0, 0.3, (EXAMPLES, 28, 28)).astype(np.float32)
inputs = {"x": images}
train_input = tf.estimator.inputs.numpy_input_fn(inputs, labels, BATCH, num_epochs=None, shuffle=False)
test_input = tf.estimator.inputs.numpy_input_fn(inputs, labels, BATCH, num_epochs=1, shuffle=False)
estimator = tf.estimator.Estimator(model_fn, "model", tf.estimator.RunConfig(tf_random_seed=1))
estimator.train(train_input, steps=1)
before = estimator.evaluate(test_input)["accuracy"]
estimator.train(train_input, steps=STEPS - 1)
after = estimator.evaluate(test_input)["accuracy"]
orders = [1 + x / 10.0 for x in range(1, 100)] + list(range(12, 64))
epsilon = get_privacy_spent(orders, compute_rdp(BATCH / EXAMPLES, NOISE, STEPS, orders), target_delta=1e-5)[0]
print(f"accuracy {before:.3f}, after {STEPS} steps {after:.3f}, epsilon {epsilon:.4f}")
