# pip: dm-sonnet==1.36 tensorflow-probability==0.25.0 dm-tree==0.1.10 cloudpickle==3.1.3 decorator==5.3.1
# pip: semantic-version==2.10.0 contextlib2==21.6.0
# run: --api=1
# prints: loss [1-9]\d?\.\d+, after 200 steps 0\.\d+
"""Trains Sonnet's LSTM and MLP to add the numbers of short sequences."""

import numpy as np
import sonnet as snt
import tensorflow as tf

numbers = np.random.RandomState(1).rand(64, 8, 1).astype(np.float32)
sums = numbers.sum(axis=1)
tf.set_random_seed(1)
core = snt.LSTM(16)
outputs, _ = tf.nn.dynamic_rnn(core, tf.constant(numbers), initial_state=core.initial_state(64))
predictions = snt.nets.MLP([16, 1])(outputs[:, -1])
loss = tf.reduce_mean(tf.squared_difference(predictions, sums))
train_op = tf.train.AdamOptimizer(0.01).minimize(loss)
with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    before = session.run(loss)
    for _ in range(200):
        session.run(train_op)
    after = session.run(loss)
print(f"loss {before:.4f}, after 200 steps {after:.4f}")
