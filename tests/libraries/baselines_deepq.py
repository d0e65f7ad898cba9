# pip: gym==0.26.2 gym-notices==0.1.0 cloudpickle==3.1.3 opencv-python-headless==5.0.0.93
# git: openai/baselines ea25b9e8b234e6ee1bca43083f8f3cf974143998
# run: --api=1
# prints: mean return of the first 20 episodes -?\d\.\d\d, at the end 0\.80
"""Trains a dueling deep Q network with a prioritized replay buffer to walk to the end of a corridor."""

import gym
import numpy as np
from baselines import deepq


class Corridor(gym.Env):
    """Five places in a row. Each step costs 0.1, and the last place is worth 1."""

    observation_space = gym.spaces.Box(0.0, 1.0, shape=(5,), dtype=np.float32)
    action_space = gym.spaces.Discrete(2)

    def reset(self):
        self.place = 1
        self.steps = 0
        return self.observe()

    def observe(self):
        return np.eye(5, dtype=np.float32)[self.place]

    def step(self, action):
        self.place = max(0, self.place + (1 if action == 1 else -1))
        self.steps += 1
        arrived = self.place == 4
        return self.observe(), 1.0 if arrived else -0.1, arrived or self.steps == 20, {}


def keep_returns(local_names, _):
    """Keeps the list of the returns of all episodes."""
    returns[:] = local_names["episode_rewards"]


def play(act):
    """Returns the return of one episode."""
    observation = env.reset()
    rewards = []
    finished = False
    while not finished:
        observation, reward, finished, _ = env.step(act(observation[None])[0])
        rewards.append(reward)
    return sum(rewards)


env = Corridor()
returns = []
act = deepq.learn(
    env,
    network="mlp",
    seed=1,
    lr=1e-3,
    total_timesteps=1500,
    exploration_fraction=0.5,
    learning_starts=100,
    target_network_update_freq=100,
    print_freq=None,
    prioritized_replay=True,
    hiddens=[32],
    callback=keep_returns,
)
print(f"mean return of the first 20 episodes {np.mean(returns[:20]):.2f}, at the end {play(act):.2f}")
