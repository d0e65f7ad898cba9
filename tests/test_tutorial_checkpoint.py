"""A model_dir that this project did not write: plain tf.compat.v1 code, with the names that TF 1.15's layers gave."""

import json

import pytest
from conftest import error_and_table_of, error_of, run

from cnn_estimator.tf1 import tf

# three_conv under Adam, as the original script's graph and tf.train.Saver leave it on disk.
PLAIN = """
import json, sys
import tensorflow.compat.v1 as tf
from cnn_estimator import datasets
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


def test_without_the_recipe_it_is_not_guessed_at(tutorial, data_dir):
    folder, *_ = tutorial
    message = error_of(run("run_eval.py", f"--model_dir={folder}", f"--data_dir={data_dir}"))
    assert message == f"model_dir {folder} has no settings.json: say with --recipe=NAME what it holds"


def test_another_recipe_is_refused_with_what_does_not_fit(tutorial, data_dir):
    folder, *_ = tutorial
    flags = (f"--model_dir={folder}", f"--data_dir={data_dir}", "--recipe=fashion_dense")
    for script in ("run_eval.py", "run_train.py"):
        message, table = error_and_table_of(run(script, *flags))
        assert message.startswith("model.ckpt-2 does not fit network dense_128 with optimizer adam: ")
        rows = [" ".join(line.split()) for line in table]
        assert rows[0] == "variable there now"
        assert "dense/kernel reshaped float32 [1152, 1024] float32 [784, 128]" in rows
        assert "dense_1/bias" not in "".join(rows).replace("dense_1/bias/", "")  # [10] in both
        assert "conv2d_2/bias extra float32 [128]" in rows


def test_a_larger_network_lacks_variables(tutorial, data_dir):
    folder, *_ = tutorial
    flags = (f"--model_dir={folder}", f"--data_dir={data_dir}", "--recipe=mnist_cnn", "--optimizer=momentum")
    _, table = error_and_table_of(run("run_train.py", *flags))
    rows = [" ".join(line.split()) for line in table]
    assert "conv2d/bias/Momentum missing float32 [32]" in rows
    assert "dense/kernel reshaped float32 [1152, 1024] float32 [3136, 1024]" in rows
    assert "beta1_power extra float32 []" in rows


def test_another_optimizer_is_refused(tutorial, data_dir):
    """With sgd TensorFlow would go on, and lose Adam's variables in silence."""
    folder, *_ = tutorial
    flags = (f"--model_dir={folder}", f"--data_dir={data_dir}", "--recipe=fashion_ladder_4")
    _, table = error_and_table_of(run("run_train.py", *flags, "--optimizer=sgd"))
    assert {line.split()[1] for line in table[1:]} == {"extra"}
    assert "conv2d/bias/Adam" in "".join(table)


def test_it_evaluates_to_the_same_and_trains_on(tutorial, data_dir):
    folder, accuracy, loss = tutorial
    assert 0.1 < accuracy < 1
    flags = (f"--model_dir={folder}", f"--data_dir={data_dir}", "--recipe=fashion_ladder_4")
    done = run("run_eval.py", *flags)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["accuracy"] == pytest.approx(accuracy, abs=1e-6)
    assert result["loss"] == pytest.approx(loss, rel=1e-4)
    assert result["global_step"] == 2

    done = run("run_train.py", *flags, "--steps=3")
    assert done.returncode == 0, done.stderr
    assert "from step 2 to step 5" in done.stderr
    # Adam multiplies beta1_power, 0.9 at first, by 0.9 a step: its slots went on where they were.
    assert tf.train.load_variable(str(folder), "beta1_power") == pytest.approx(0.9**6, rel=1e-4)
