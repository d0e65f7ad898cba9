# pip: kfac==0.2.0 tensorflow-probability==0.25.0 cloudpickle==3.1.3 decorator==5.3.1 dm-tree==0.1.10
# run: --api=1
# prints: loss 0\.\d+, after 60 steps 0\.0\d+
"""Trains two layers with K-FAC to tell whether two numbers have the same sign."""

import kfac
import numpy as np
import tensorflow as tf

tf.set_random_seed(1)
points = np.random.RandomState(0).randn(400, 6).astype(np.float32)
labels = tf.constant((points[:, 0] * points[:, 1] > 0).astype(np.int32))
layers = kfac.LayerCollection()
values = tf.constant(points)
for units in (16, 2):
    layer = tf.layers.Dense(units)
    output = layer(values)
    layers.register_fully_connected((layer.kernel, layer.bias), values, output)
    values = tf.nn.tanh(output)
layers.register_softmax_cross_entropy_loss(output)
loss = tf.losses.sparse_softmax_cross_entropy(labels, output)
optimizer = kfac.PeriodicInvCovUpdateKfacOpt(
    learning_rate=0.1, damping=0.01, layer_collection=layers, cov_ema_decay=0.95, momentum=0.9, invert_every=2
)
train_op = optimizer.minimize(loss, tf.train.get_or_create_global_step())
with tf.train.MonitoredTrainingSession() as session:
    before = session.run(loss)
    for _ in range(60):
        session.run(train_op)
    print(f"loss {before:.4f}, after 60 steps {session.run(loss):.4f}")
