"""tf.contrib.eager, in a separate process because of eager execution."""

import textwrap

import numpy as np
import pytest
from helpers import REPOSITORY, run

from cnn_estimator.tf1 import tf
from cnn_estimator.tf1.contrib import eager

EAGER = """
import tensorflow as tf
import tensorflow.contrib.eager as tfe

tfe.enable_eager_execution()
model = tf.keras.Sequential([tf.keras.layers.Dense(2, input_shape=(3,), kernel_initializer="ones")])
print(model(tf.ones([1, 3])).numpy().tolist())
weight = tfe.Variable(1.0, name="weight")

def loss(x):
    return (weight * x - 6.0) ** 2

value, gradients = tfe.implicit_value_and_gradients(loss)(2.0)
(slope,) = tfe.gradients_function(lambda x: x * x)(3.0)
(same, variable), = tfe.implicit_gradients(loss)(2.0)
assert variable is weight
print(value.numpy(), gradients[0][0].numpy(), same.numpy(), slope.numpy())

optimizer = tf.train.GradientDescentOptimizer(0.1)
for batch in tfe.Iterator(tf.data.Dataset.from_tensor_slices([2.0, 2.0]).batch(1)):
    optimizer.apply_gradients(tfe.implicit_gradients(loss)(batch))
accuracy = tfe.metrics.Accuracy()
accuracy([1, 2, 0, 1], [1, 0, 0, 1])
accuracy([1], [0])
print(accuracy.name, accuracy.numer.name, accuracy.result().numpy(), accuracy.value()().numpy())
accuracy.init_variables()
accuracy([1, 2], [1, 2])
print(accuracy.result().numpy())
print(round(float(weight), 2), tfe.defun(lambda x: x + 1)(1).numpy(), tfe.num_gpus(), tfe.executing_eagerly())

class TwoLayers(tfe.Network):
    def __init__(self, name=None):
        super(TwoLayers, self).__init__(name)
        constant = tf.constant_initializer
        self.hidden = self.track_layer(tf.layers.Dense(3, tf.nn.relu, kernel_initializer=constant(0.1)))
        self.last = self.track_layer(tf.layers.Dense(2, kernel_initializer=constant(0.2), name="out"))

    def call(self, x):
        return self.last(self.hidden(x))

networks = [TwoLayers(), TwoLayers(), TwoLayers("given")]
print([round(float(network(tf.constant([[1.0, 2.0]]))[0, 0]), 4) for network in networks])
print(*[variable.name for network in networks for variable in network.variables])
print(networks[1].get_layer(index=0).name, networks[1].get_layer("out") is networks[1].last, len(networks[0].layers))
"""
NETWORKS = """[0.18, 0.18, 0.18]
two_layers/dense/kernel:0 two_layers/dense/bias:0 two_layers/out/kernel:0 two_layers/out/bias:0 \
two_layers_1/dense/kernel:0 two_layers_1/dense/bias:0 two_layers_1/out/kernel:0 two_layers_1/out/bias:0 \
given/dense/kernel:0 given/dense/bias:0 given/out/kernel:0 given/out/bias:0
dense True 2
"""


@pytest.mark.process
def test_a_program_with_eager_execution_runs(tmp_path):
    program = f"from absl import app\n\ndef main(_):\n{textwrap.indent(EAGER, '    ')}\napp.run(main)\n"
    (tmp_path / "program.py").write_text(program)
    environment = {"PYTHONPATH": str(REPOSITORY), "CUDA_VISIBLE_DEVICES": ""}
    done = run("-m", "cnn_estimator", "run", "--api=1", "program.py", environment=environment, cwd=tmp_path)
    assert (done.stderr, done.returncode) == ("", 0)
    printed = "[[3.0, 3.0]]\n16.0 -16.0 -16.0 6.0\nAccuracy Accuracy/numer:0 0.6 0.6\n1.0\n2.92 2 0 True\n"
    assert done.stdout == printed + NETWORKS


@pytest.mark.unit
def test_a_missing_class_raises_an_error_with_advice():
    with pytest.raises(NotImplementedError, match=r"tf\.contrib\.eager\.Saver .*: use tf\.train\.Checkpoint"):
        eager.Saver()


LABELS, PREDICTIONS = [1, 2, 0, 1], [1, 0, 0, 1]
SCORES = [[0.1, 0.7, 0.2], [0.3, 0.4, 0.3], [0.9, 0.05, 0.05], [0.2, 0.5, 0.3]]
ONE_HOT = np.eye(3, dtype=np.float32)[LABELS]
BINARY, BINARY_SCORES = [1.0, 0.0, 1.0, 0.0], [0.7, 0.6, 0.2, 0.1]
WEIGHTS = [1.0, 2.0, 3.0, 4.0]


@pytest.mark.integration
@pytest.mark.parametrize(
    ("metric", "options", "arguments", "name", "value"),
    [
        ("Mean", {}, ([1.0, 2.0, 5.0],), "Mean", 2.6666666666666665),
        ("Mean", {"name": "m"}, ([1.0, 2.0, 5.0, 7.0], WEIGHTS), "m", 4.8),
        ("Mean", {}, ([3, 4],), "Mean", 3.5),
        ("Accuracy", {}, (LABELS, PREDICTIONS), "Accuracy", 0.75),
        ("Accuracy", {"name": "w x"}, (LABELS, PREDICTIONS, WEIGHTS), "w x", 0.8),
        ("CategoricalAccuracy", {}, (ONE_HOT, SCORES), "CategoricalAccuracy", 0.75),
        ("BinaryAccuracy", {"threshold": 0.5}, (BINARY, BINARY_SCORES), "BinaryAccuracy", 0.5),
        ("SparseAccuracy", {"dtype": tf.float32}, (LABELS, SCORES), "SparseAccuracy", 0.75),
    ],
)
def test_metrics_in_a_graph_have_the_values_and_names_of_1_15(metric, options, arguments, name, value):
    with tf.Graph().as_default(), tf.Session() as session:
        first = getattr(eager.metrics, metric)(**options)
        update = first(*map(tf.constant, arguments))
        result = first.value()
        session.run(first.init_variables())
        session.run(update)
        session.run(update)
        assert session.run(result) == pytest.approx(value, abs=1e-9)
        assert result.dtype == options.get("dtype", tf.float64)
        scope = name.replace(" ", "_")
        assert [variable.name for variable in tf.local_variables()] == [f"{scope}/numer:0", f"{scope}/denom:0"]
        assert tf.get_collection(tf.GraphKeys.METRIC_VARIABLES) == first.variables
        assert first.name == name


@pytest.mark.integration
def test_shapes_of_labels_and_predictions_must_be_equal():
    with tf.Graph().as_default(), pytest.raises((ValueError, tf.errors.InvalidArgumentError), match="are unequal"):
        eager.metrics.Accuracy()(tf.constant([1, 2]), tf.constant([1, 2, 3]))
