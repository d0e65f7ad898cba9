"""A model_dir that this project did not write: plain tf.compat.v1 code, with the names that TF 1.15's layers gave."""

import json

import pytest
from helpers import run

from cnn_estimator.errors import UserError
from cnn_estimator.evaluation import evaluate
from cnn_estimator.tf1 import tf
from cnn_estimator.training import train

pytestmark = pytest.mark.integration

# three_conv under Adam, as the original script's graph and tf.train.Saver leave it on disk.
PLAIN = """
import json, sys
import tensorflow.compat.v1 as tf
from cnn_estimator.data import datasets
tf.disable_v2_behavior()
tf.set_random_seed(1)
data_dir, model_dir = sys.argv[1:]

def variables(name, *shape):
    with tf.variable_scope(name):
        return tf.get_variable("kernel", shape), tf.get_variable("bias", shape[-1:], initializer=tf.zeros_initializer())

images, labels = tf.placeholder(tf.float32, [None, 28, 28]), tf.placeholder(tf.int32, [None])
x = tf.reshape(images, [-1, 28, 28, 1])
for name, shape in ("conv2d", (5, 5, 1, 32)), ("conv2d_1", (5, 5, 32, 64)), ("conv2d_2", (5, 5, 64, 128)):
    kernel, bias = variables(name, *shape)
    x = tf.nn.max_pool(tf.nn.relu(tf.nn.conv2d(x, kernel, 1, "SAME") + bias), 2, 2, "VALID")
kernel, bias = variables("dense", 3 * 3 * 128, 1024)
x = tf.nn.relu(tf.reshape(x, [-1, 3 * 3 * 128]) @ kernel + bias)
kernel, bias = variables("dense_1", 1024, 10)
logits = x @ kernel + bias
loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits))
accuracy = tf.reduce_mean(tf.cast(tf.equal(tf.argmax(logits, 1), tf.cast(labels, tf.int64)), tf.float32))
step = tf.train.get_or_create_global_step()
train_op = tf.train.AdamOptimizer(0.0003).minimize(loss, global_step=step)
with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    split = datasets.load("fashion_mnist", "train", data_dir)
    for k in range(2):
        session.run(train_op, {images: split.images[:100], labels: split.labels[:100]})
    tf.train.Saver().save(session, model_dir + "/model.ckpt", global_step=step)
    split = datasets.load("fashion_mnist", "test", data_dir)
    values = session.run([accuracy, loss], {images: split.images, labels: split.labels})
print(json.dumps([float(value) for value in values]))
"""


@pytest.fixture(scope="module")
def tutorial(tmp_path_factory, data_dir):
    """(model_dir, accuracy, loss): a model that the plain code trained for 2 steps and measured on the test set."""
    folder = tmp_path_factory.mktemp("tutorial")
    script = folder / "plain.py"
    script.write_text(PLAIN)
    done = run(str(script), data_dir, str(folder), environment={"PYTHONPATH": "."})
    assert done.returncode == 0, done.stderr
    return folder, *json.loads(done.stdout)


def differences(error):
    """The rows of the table below an error, each as one text."""
    return [" ".join(map(str, row)).strip() for row in error.value.differences]


def test_without_the_recipe_it_is_not_guessed(tutorial, data_dir):
    folder, *_ = tutorial
    with pytest.raises(UserError, match=rf"^model_dir {folder} has no settings\.json: name the recipe that it holds$"):
        evaluate(str(folder), data_dir=data_dir)


def test_another_recipe_is_refused_with_what_does_not_fit(tutorial, data_dir):
    folder, *_ = tutorial
    for verb in (evaluate, train):
        with pytest.raises(UserError) as error:
            verb(str(folder), recipe="fashion_dense", data_dir=data_dir)
        assert error.value.problem == "model.ckpt-2 does not fit network dense_128 with optimizer adam"
        rows = differences(error)
        assert rows[0] == "variable  saved requested"
        assert "dense/kernel reshaped float32 [1152, 1024] float32 [784, 128]" in rows
        assert "dense_1/bias" not in "".join(rows).replace("dense_1/bias/", "")  # [10] in both
        assert "conv2d_2/bias extra float32 [128]" in rows


def test_a_larger_network_lacks_variables(tutorial, data_dir):
    folder, *_ = tutorial
    with pytest.raises(UserError) as error:
        train(str(folder), "mnist_cnn", optimizer="momentum", data_dir=data_dir)
    rows = differences(error)
    assert "conv2d/bias/Momentum missing  float32 [32]" in rows
    assert "dense/kernel reshaped float32 [1152, 1024] float32 [3136, 1024]" in rows
    assert "beta1_power extra float32 []" in rows


def test_another_optimizer_is_refused(tutorial, data_dir):
    """With sgd TensorFlow would go on, and lose Adam's variables silently."""
    folder, *_ = tutorial
    with pytest.raises(UserError) as error:
        train(str(folder), "fashion_ladder_4", optimizer="sgd", data_dir=data_dir)
    assert {kind for _, kind, *_ in error.value.differences[1:]} == {"extra"}
    assert "conv2d/bias/Adam" in "".join(differences(error))


def test_it_evaluates_to_the_same_and_trains_on(tutorial, data_dir):
    folder, accuracy, loss = tutorial
    assert 0.1 < accuracy < 1
    options = {"recipe": "fashion_ladder_4", "data_dir": data_dir}
    result = evaluate(str(folder), **options).metrics
    assert result["accuracy"] == pytest.approx(accuracy, abs=1e-6)
    assert result["loss"] == pytest.approx(loss, rel=1e-4)
    assert result["global_step"] == 2

    trained = train(str(folder), steps=3, **options)
    assert (trained.step, trained.steps) == (5, 3)
    # Adam multiplies beta1_power, 0.9 at first, by 0.9 a step: its slots went on where they were.
    assert tf.train.load_variable(str(folder), "beta1_power") == pytest.approx(0.9**6, rel=1e-4)
