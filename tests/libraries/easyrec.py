# git: alibaba/EasyRec bd230cb1a3eeb1112f35597aede4c23880804d88
# pip: grpcio-tools==1.75.1 pandas==2.3.3 pytz==2025.2 python-dateutil==2.9.0.post0 future==1.0.0
# run: --api=1
# prints: auc 0\.\d+, after 100 steps 0\.[6-9]\d*
"""Trains EasyRec's DeepFM on made-up clicks by a configuration file."""

import glob
import os
import shutil
import subprocess
import sys

import numpy as np

CONFIG = """
train_input_path: "train.csv"
eval_input_path: "test.csv"
model_dir: "model"
train_config {
  num_steps: 100
  save_checkpoints_steps: 50
  log_step_count_steps: 50
  optimizer_config {
    adam_optimizer { learning_rate { constant_learning_rate { learning_rate: 0.01 } } }
    use_moving_average: false
  }
}
eval_config { metrics_set { auc {} } }
data_config {
  input_fields { input_name: "label" input_type: INT32 }
  input_fields { input_name: "user" input_type: STRING }
  input_fields { input_name: "item" input_type: STRING }
  input_fields { input_name: "price" input_type: FLOAT }
  label_fields: "label"
  batch_size: 100
  input_type: CSVInput
  shuffle: false
}
feature_config {
  features { input_names: "user" feature_type: IdFeature embedding_dim: 4 hash_bucket_size: 50 }
  features { input_names: "item" feature_type: IdFeature embedding_dim: 4 hash_bucket_size: 50 }
  features { input_names: "price" feature_type: RawFeature embedding_dim: 4 boundaries: [0.25, 0.5, 0.75] }
}
model_config {
  model_class: "DeepFM"
  feature_groups { group_name: "wide" feature_names: ["user", "item", "price"] wide_deep: WIDE }
  feature_groups { group_name: "deep" feature_names: ["user", "item", "price"] wide_deep: DEEP }
  deepfm { dnn { hidden_units: [16, 8] } final_dnn { hidden_units: [16, 8] } wide_output_dim: 4 }
}
"""


def compile_protos():
    """Copies the package to this folder, because protoc writes into it."""
    source = next(path for path in sys.path if os.path.isdir(os.path.join(path, "easy_rec")))
    shutil.copytree(os.path.join(source, "easy_rec"), "easy_rec")
    protos = glob.glob("easy_rec/python/protos/*.proto")
    subprocess.check_call([sys.executable, "-m", "grpc_tools.protoc", "-I.", "--python_out=.", *protos])


def write_clicks(path, seed):
    random = np.random.RandomState(seed)
    with open(path, "w") as file:
        for _ in range(2000):
            user, item, price = random.randint(20), random.randint(30), random.rand()
            file.write(f"{int(user % 2 + item % 3 + 2 * price > 2.5)},u{user},i{item},{price:.3f}\n")


compile_protos()
write_clicks("train.csv", 1)
write_clicks("test.csv", 2)
with open("deepfm.config", "w") as file:
    file.write(CONFIG)
import easy_rec  # noqa: E402  after the modules that protoc has written

easy_rec.train_and_evaluate("deepfm.config")
aucs = [easy_rec.evaluate("deepfm.config", eval_checkpoint_path=f"model/model.ckpt-{step}")["auc"] for step in (0, 100)]
print(f"auc {aucs[0]:.4f}, after 100 steps {aucs[1]:.4f}")
