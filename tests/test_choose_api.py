"""Which of TensorFlow's two APIs a program was written for."""

import pytest

from cnn_estimator.tf1 import choose_api, loading, source

pytestmark = pytest.mark.unit


def choose(code):
    choice = choose_api.choose(
        {"program.py": source.parse(f"import tensorflow as tf\n{code}")}, loading.import_tensorflow()
    )
    return choice.api, choice.reason


@pytest.mark.parametrize(
    ("code", "api", "reason"),
    [
        ("tf.Session(), tf.placeholder", 1, "TensorFlow 2 lacks tf.Session and tf.placeholder"),
        ("from tensorflow.contrib import slim", 1, "TensorFlow 2 lacks tf.contrib.slim"),
        ("tf.estimator.inputs.numpy_input_fn", 1, "TensorFlow 2 lacks tf.estimator.inputs.numpy_input_fn"),
        ("tf.data.AUTOTUNE", 2, "TensorFlow 1 lacks tf.data.AUTOTUNE"),
        ("tf.random.set_seed(1)", 2, "TensorFlow 1 lacks tf.random.set_seed"),
        ("tf.random.set_seed, tf.Session, tf.layers.dense", 1, "TensorFlow 2 lacks tf.Session and tf.layers.dense"),
        (
            "tf.a, tf.logging.info, tf.app.run, tf.log, tf.Session, tf.to_float",
            1,
            "TensorFlow 2 lacks tf.logging.info, tf.app.run, tf.log and 2 more",
        ),
        ("if tf.__version__ < '2':\n    tf.Session\ntf.random.set_seed", 2, "TensorFlow 1 lacks tf.random.set_seed"),
        ("@tf.function\ndef f(): pass", 2, "tf.function needs eager execution"),
        ("tf.GradientTape", 2, "tf.GradientTape needs eager execution"),
        ("tf.GradientTape, tf.compat.v1.enable_eager_execution()", 1, choose_api.UNDECIDED),
        ("print(tf.constant(1).numpy())", 2, "tensor.numpy() needs eager execution"),
        ("import torch\nprint(torch.ones(1).numpy(), tf.constant(1))", 1, choose_api.UNDECIDED),
        ("for batch in data().take(1): tf.print(batch)", 2, "a loop over a dataset needs eager execution"),
        ("[tf.print(x) for x in data.as_numpy_iterator()]", 2, "a loop over a dataset needs eager execution"),
        ("tf.estimator.DNNClassifier", 2, choose_api.ALL_IN_TF2),
        ("tf.keras.estimator.model_to_estimator", 2, choose_api.ALL_IN_TF2),
        ("tf.compat.v1.app.run(tf.feature_column)", 2, choose_api.ALL_IN_TF2),
        ("tf.compat.v1.disable_eager_execution(), tf.compat.v1.Session().run(tf.add)", 2, choose_api.ALL_IN_TF2),
        ("tf.Graph().as_default(), tf.compat.v1.Session().run(tf.add)", 2, choose_api.ALL_IN_TF2),
        ("tf.compat.v1.Session().run(tf.add)", 1, choose_api.UNDECIDED),
        ("tf.keras.Sequential", 1, choose_api.UNDECIDED),
        ("import tensorflow.compat.v1 as v1\nv1.Session, v1.estimator.Estimator", 1, choose_api.UNDECIDED),
        ("tf.estimator.Estimator, tf.keras.backend.set_session", 1, "TensorFlow 2 lacks tf.keras.backend.set_session"),
        ("from tensorflow.python import keras\ntf.compat.v1.layers", 1, choose_api.UNDECIDED),
        ("import tensorflow.compat.v2 as v2\nv2.reduce_sum", 2, choose_api.ALL_IN_TF2),
        ("import tensorflow.compat.v2 as v2\ntf.compat.v1.Session().run(v2.add)", 1, choose_api.UNDECIDED),
        (
            "import importlib\nlazy = importlib.import_module('tensorflow')\nlazy.random.set_seed(1)",
            2,
            "TensorFlow 1 lacks tf.random.set_seed",
        ),
        ("lazy = __import__('tensorflow.nn')\nlazy.random.set_seed(1)", 2, "TensorFlow 1 lacks tf.random.set_seed"),
        (
            "tf.estimator.Estimator, data.make_one_shot_iterator()",
            1,
            "TensorFlow 2 lacks dataset.make_one_shot_iterator()",
        ),
        ("tf.estimator.Estimator, tf.compat.v1.data.make_one_shot_iterator(data)", 2, choose_api.ALL_IN_TF2),
    ],
)
def test_the_names_of_a_program_tell_its_api(code, api, reason):
    assert choose(code) == (api, reason)
