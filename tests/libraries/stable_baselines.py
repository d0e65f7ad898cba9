# pip: stable-baselines==2.10.0 gym==0.17.3 cloudpickle==1.3.0 pyglet==1.5.0 future==1.0.0 joblib==1.5.2
# pip: pandas==2.3.3 pytz==2025.2 python-dateutil==2.9.0.post0 opencv-python-headless==4.12.0.88
# run: --api=1
# prints: steps before CartPole falls \d+\.\d, after training \d+\.\d
"""Trains PPO2 of Stable Baselines to balance gym's CartPole."""

from stable_baselines import PPO2
from stable_baselines.common.evaluation import evaluate_policy

model = PPO2("MlpPolicy", "CartPole-v1", learning_rate=0.002, seed=1, n_cpu_tf_sess=1)
before = evaluate_policy(model, model.get_env(), n_eval_episodes=10)[0]
model.learn(4000)
after = evaluate_policy(model, model.get_env(), n_eval_episodes=10)[0]
print(f"steps before CartPole falls {before:.1f}, after training {after:.1f}")
