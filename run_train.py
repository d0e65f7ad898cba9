"""Trains a tutorial's network: python run_train.py --steps=1500 --optimizer=adam

It continues from the newest intact checkpoint in the model_dir. SIGTERM or Ctrl-C stop it after the current step,
which is saved.
"""

from cnn_estimator import cli

if __name__ == "__main__":
    cli.run("train")
