"""tf.contrib.eager, in a separate process because of eager execution."""

import textwrap

import pytest
from helpers import REPOSITORY, run

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
print(round(float(weight), 2), tfe.defun(lambda x: x + 1)(1).numpy(), tfe.num_gpus(), tfe.executing_eagerly())
"""


@pytest.mark.process
def test_a_program_with_eager_execution_runs(tmp_path):
    program = f"from absl import app\n\ndef main(_):\n{textwrap.indent(EAGER, '    ')}\napp.run(main)\n"
    (tmp_path / "program.py").write_text(program)
    environment = {"PYTHONPATH": str(REPOSITORY), "CUDA_VISIBLE_DEVICES": ""}
    done = run("-m", "cnn_estimator", "run", "--api=1", "program.py", environment=environment, cwd=tmp_path)
    assert (done.stderr, done.returncode) == ("", 0)
    assert done.stdout == "[[3.0, 3.0]]\n16.0 -16.0 -16.0 6.0\n2.92 2 0 True\n"


@pytest.mark.unit
def test_a_missing_class_raises_an_error_with_advice():
    with pytest.raises(NotImplementedError, match=r"tf\.contrib\.eager\.Network .*: use tf\.keras\.Model"):
        eager.Network()
