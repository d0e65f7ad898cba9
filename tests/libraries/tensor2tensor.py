# pip: tensor2tensor==1.15.7 mesh-tensorflow==0.1.13 tensorflow-gan==2.1.0 tensorflow-hub==0.12.0 kfac==0.2.0
# pip: tensorflow-probability==0.25.0 cloudpickle==3.1.3 decorator==5.3.1 dm-tree==0.1.10 sympy==1.14.0 mpmath==1.3.0
# pip: gym==0.17.3 gin-config==0.5.0 pypng==0.20220715.0 future==1.0.0 tensorflow-datasets==1.3.0 promise==2.3
# pip: dill==0.4.0 tensorflow-metadata==0.15.0 googleapis-common-protos==1.70.0 requests==2.34.2 tqdm==4.70.1
# pip: google-api-python-client==1.7.12 oauth2client==4.1.3 httplib2==0.22.0 google-auth==2.40.3
# pip: google-auth-httplib2==0.2.0 uritemplate==3.0.1 pyasn1==0.6.1 pyasn1-modules==0.4.2 rsa==4.9.1 cachetools==5.5.2
# pip: pyparsing==3.2.3
# prints: loss \d\.\d+, evaluated after 30 steps \d\.\d+
"""Generates data for the problem of reversing binary numbers, and trains a small Transformer on it with t2t-trainer."""

import glob
import subprocess
import sys

import tensorflow as tf

PROBLEM = "algorithmic_reverse_binary40_test"


def run_command(name, *flags):
    """Runs a command of tensor2tensor as `run` runs this program."""
    module = f"tensor2tensor.bin.{name}"
    subprocess.check_call([sys.executable, "-m", "cnn_estimator", "run", "-m", module, *flags])


def losses(folder):
    events = [event for path in sorted(glob.glob(f"{folder}/events*")) for event in tf.train.summary_iterator(path)]
    return [value.simple_value for event in events for value in event.summary.value if value.tag == "loss"]


run_command("t2t_datagen", f"--problem={PROBLEM}", "--data_dir=data", "--tmp_dir=tmp")
run_command(
    "t2t_trainer",
    f"--problem={PROBLEM}",
    "--data_dir=data",
    "--output_dir=model",
    "--model=transformer",
    "--hparams_set=transformer_tiny",
    "--hparams=batch_size=512,learning_rate_warmup_steps=20",
    "--train_steps=30",
    "--eval_steps=1",
    "--random_seed=1",
)
print(f"loss {losses('model')[0]:.4f}, evaluated after 30 steps {losses('model/eval')[-1]:.4f}")
