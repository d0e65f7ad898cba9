"""The bridge for TensorFlow 2 code, as an import and under `run`."""

import pytest
from helpers import REPOSITORY, run

pytestmark = pytest.mark.process

PROGRAM = """
import numpy as np
import tensorflow as tf
import keras
from tensorflow.keras.layers import Dense, DenseFeatures
from tensorflow.python.keras.layers import Dense as PythonDense

tf.random.set_seed(1)
assert tf.executing_eagerly() and not hasattr(tf, "contrib") and not hasattr(tf, "Session")
assert Dense is tf.keras.layers.Dense is keras.layers.Dense
assert tf.compat.v1.estimator.Estimator and tf.compat.v2.estimator.Estimator is tf.estimator.Estimator
assert tf.__version__.startswith("2.")
assert tf.keras.__version__ == keras.__version__

def input_fn():
    labels = np.array([0, 1] * 4)
    return tf.data.Dataset.from_tensor_slices(({"x": labels[:, None].astype(np.float32)}, labels)).batch(4)

features, labels = next(iter(input_fn()))
column = tf.feature_column.numeric_column("x")
print(labels.numpy(), DenseFeatures([column])(features).numpy().ravel())

classifier = tf.estimator.LinearClassifier([column], optimizer=tf.keras.optimizers.SGD(1.0))
classifier.train(lambda: input_fn().repeat(30))
print(classifier.evaluate(input_fn)["accuracy"])
decayed = tf.keras.optimizers.SGD(1.0, weight_decay=0.1)
try:
    tf.estimator.LinearClassifier([column], optimizer=decayed).train(input_fn)
except ValueError as error:
    print(str(error).partition(",")[0])

model = tf.keras.Sequential([tf.keras.Input((1,), name="x"), Dense(1, kernel_initializer="zeros")])
model.compile("sgd", "mse")
estimator = tf.keras.estimator.model_to_estimator(model)
estimator.train(input_fn, steps=2)
print(sorted(estimator.evaluate(input_fn)))

def model_fn(features, labels, mode):
    network = tf.keras.Sequential([Dense(1, kernel_initializer="zeros")])
    logits = network(features["x"], training=mode == tf.estimator.ModeKeys.TRAIN)
    loss = tf.reduce_mean((logits[:, 0] - tf.cast(labels, tf.float32)) ** 2)
    optimizer = tf.keras.optimizers.legacy.SGD(0.1)
    optimizer.iterations = tf.compat.v1.train.get_or_create_global_step()
    train_op = optimizer.get_updates(loss, network.trainable_variables)[0]
    return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=train_op)

own = tf.estimator.Estimator(model_fn)
own.train(input_fn, steps=1)
print(round(float(own.evaluate(input_fn)["loss"]), 4))

try:
    tf.estimator.BoostedTreesClassifier()
except NotImplementedError as error:
    print(error)
"""
RESULTS = [
    "[0 1 0 1] [0. 1. 0. 1.]",
    "1.0",
    "Please set your optimizer as an instance of `tf.keras.optimizers.legacy.Optimizer`",
    "['global_step', 'loss']",
    "0.325",
    "tf.estimator.BoostedTreesClassifier is not available on TensorFlow 2: the Estimator library has removed it, use "
    "the package tensorflow-decision-forests",
]


def test_a_tensorflow_2_program_with_estimators_runs_unmodified(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    done = run("-m", "cnn_estimator", "run", "program.py", environment={"PYTHONPATH": str(REPOSITORY)}, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == RESULTS
    reason = "because TensorFlow 1 lacks tf.random.set_seed: --api=1 changes it\n"
    assert done.stderr.startswith(f"running program.py with TensorFlow 2's API, {reason}"), done.stderr


@pytest.mark.newest
def test_the_import_keeps_eager_execution_and_one_process_has_one_bridge():
    done = run(
        "-c",
        """
import tensorflow
before = tensorflow.constant(1)
from cnn_estimator.tf2 import tf
assert tf is tensorflow and tf.executing_eagerly() and (before + 1).numpy() == 2
assert tf.estimator.Estimator and tf.keras.estimator.model_to_estimator and not hasattr(tf, "contrib")
import cnn_estimator
try:
    cnn_estimator.Predictor
except Exception as error:
    print(f"{type(error).__name__}: {error}")
assert tf.executing_eagerly()
""",
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == (
        "UserError: this process has imported cnn_estimator.tf2: use cnn_estimator.tf1 in another process\n"
    )
