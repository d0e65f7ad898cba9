# pip: trfl==1.2.0 tensorflow-probability==0.25.0 dm-tree==0.1.10 cloudpickle==3.1.3 decorator==5.3.1
# prints: values of the first state 0\.\d+ 0\.\d+, expected 0\.73 0\.81
"""Learns a chain of four states by trfl's Q-learning: moving right three times gives a reward of 1."""

import numpy as np
import tensorflow as tf
import trfl

DISCOUNT = 0.9
values = tf.get_variable("values", [4, 2], initializer=tf.zeros_initializer())
state = tf.placeholder(tf.int32, [None])
action = tf.placeholder(tf.int32, [None])
reward = tf.placeholder(tf.float32, [None])
discount = tf.placeholder(tf.float32, [None])
next_state = tf.placeholder(tf.int32, [None])
loss = trfl.qlearning(tf.gather(values, state), action, reward, discount, tf.gather(values, next_state)).loss
train_op = tf.train.GradientDescentOptimizer(0.5).minimize(tf.reduce_sum(loss))
random = np.random.RandomState(1)
with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    for _ in range(300):
        states = np.arange(3)
        actions = random.randint(2, size=3)
        next_states = np.maximum(states + 2 * actions - 1, 0)
        ends = next_states == 3
        step = {state: states, action: actions, reward: ends, discount: DISCOUNT * ~ends, next_state: next_states}
        session.run(train_op, step)
    learned = session.run(values)[0]
print(f"values of the first state {learned[0]:.4f} {learned[1]:.4f}, expected {DISCOUNT**3:.2f} {DISCOUNT**2:.2f}")
