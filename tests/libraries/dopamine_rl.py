# pip: dopamine-rl==3.0.1 gin-config==0.3.0 gym==0.26.2 gym-notices==0.1.0 cloudpickle==3.1.3 atari-py==0.2.9
# pip: opencv-python-headless==5.0.0.93
# run: --api=1
# prints: return while training -?\d\.\d\d and 0\.[67]\d, at the end 0\.80
"""Trains a DQN agent to walk to the end of a corridor."""

import collections
import pickle

import numpy as np
import tensorflow as tf
from dopamine.agents.dqn import dqn_agent
from dopamine.discrete_domains import run_experiment

Values = collections.namedtuple("Values", ["q_values"])


class Corridor:
    """Five places in a row. Each step costs 0.1, and the last place is worth 1."""

    def __init__(self):
        self.action_space = collections.namedtuple("Space", ["n"])(2)
        self.game_over = False

    def reset(self):
        self.place = 1
        self.steps = 0
        self.game_over = False
        return np.eye(5)[1]

    def step(self, action):
        self.place = max(0, self.place + (1 if action == 1 else -1))
        self.steps += 1
        arrived = self.place == 4
        self.game_over = arrived or self.steps == 20
        return np.eye(5)[self.place], 1.0 if arrived else -0.1, self.game_over, {}


class Network(tf.keras.Model):
    def __init__(self, num_actions, name=None):
        super().__init__(name=name)
        self.flatten = tf.keras.layers.Flatten()
        self.hidden = tf.keras.layers.Dense(32, activation="relu")
        self.values = tf.keras.layers.Dense(num_actions)

    def call(self, state):
        return Values(self.values(self.hidden(self.flatten(tf.cast(state, tf.float32)))))


def create_agent(session, environment, summary_writer=None):
    return dqn_agent.DQNAgent(
        session,
        num_actions=2,
        observation_shape=(5,),
        observation_dtype=tf.float64,
        stack_size=1,
        network=Network,
        gamma=0.9,
        min_replay_history=100,
        update_period=1,
        target_update_period=50,
        epsilon_decay_period=500,
        epsilon_train=0.05,
        epsilon_eval=0.0,
        tf_device="/cpu:*",
        optimizer=tf.train.AdamOptimizer(0.003),
        summary_writer=summary_writer,
    )


tf.set_random_seed(1)
np.random.seed(1)
run_experiment.Runner(
    "run", create_agent, Corridor, num_iterations=2, training_steps=500, evaluation_steps=60, max_steps_per_episode=20
).run_experiment()
with open("run/logs/log_1", "rb") as file:
    log = pickle.load(file)
train = [log[f"iteration_{number}"]["train_average_return"][0] for number in range(2)]
end = log["iteration_1"]["eval_average_return"][0]
print("\nreturn while training {:.2f} and {:.2f}, at the end {:.2f}".format(*train, end))
