"""`run` with unmodified TF 1 programs: they behave as with plain Python and TensorFlow 1."""

import os
import re
import shutil
import signal
import subprocess
import sys

import pytest
from helpers import REPOSITORY, run, run_one_after_another, users_environment

from cnn_estimator.errors import UserError
from cnn_estimator.tf1 import script

ENVIRONMENT = {"PYTHONPATH": str(REPOSITORY)}

IMPORTS = """
import os, sys
import tensorflow as tf
import tensorflow.compat.v1 as v1
import tensorflow.keras as keras_module
from tensorflow import estimator, keras
from tensorflow.compat.v1 import estimator as v1_estimator
from tensorflow.keras.layers import Dense
from tensorflow.python.estimator.estimator import Estimator
from tensorflow.python.keras.layers import Dense as PythonDense
from tensorflow.python.layers import base, convolutional, core, normalization, pooling
import tensorflow.estimator
import keras as own_keras
from keras.optimizers import Adam
import helper
import numpy

assert v1 is tf.compat.v1 and v1.Session is tf.Session
assert estimator is v1_estimator is tf.estimator is v1.estimator
assert estimator.inputs.numpy_input_fn and tf.layers.dense and tf.placeholder and tf.logging.info
assert issubclass(tf.estimator.Estimator, Estimator)
assert Dense is tf.keras.layers.Dense is keras.layers.Dense is keras_module.layers.Dense is own_keras.layers.Dense
assert Adam is tf.keras.optimizers.Adam is own_keras.optimizers.Adam
assert Dense is PythonDense
assert base.Layer is tf.layers.Layer and base.InputSpec is tf.layers.InputSpec
assert core.Dense is tf.layers.Dense and convolutional.Conv2D is tf.layers.Conv2D
assert pooling.MaxPooling2D is tf.layers.MaxPooling2D
assert normalization.BatchNormalization is tf.layers.BatchNormalization
assert helper.tf is tf

import tensorflow.nn, tensorflow.summary, tensorflow.distribute as distribute, tensorflow.saved_model.builder
from tensorflow.layers import dense
from tensorflow.nn import dropout
from tensorflow.nn.rnn_cell import LSTMCell
from tensorflow.python.ops import gen_nn_ops
from tensorflow.python.training import training_ops
from tensorflow.python.util import nest
from tensorflow.train import AdamOptimizer
assert dense is tf.layers.dense and dropout is tf.nn.dropout and LSTMCell is tf.nn.rnn_cell.LSTMCell
assert AdamOptimizer is tf.train.AdamOptimizer and tf.summary.FileWriter and distribute is tf.distribute
assert nest.is_sequence((1,)) and gen_nn_ops._relu_grad and training_ops.apply_adam
assert tf.pywrap_tensorflow.NewCheckpointReader and tf.python.ops.rnn.dynamic_rnn
stars = {}
exec("from tensorflow import *", stars)
assert stars["Session"] is tf.Session and stars["contrib"] is tf.contrib and stars["argmax"] is tf.argmax
assert stars["__version__"] == "1.15.5"
from tensorflow.python.keras.wrappers import scikit_learn
from tensorflow.python.feature_column.dense_features import DenseFeatures
from tensorflow.python.keras.saving import saving_utils
from tensorflow.python.keras.utils import multi_gpu_model, tf_utils
from tensorflow.keras.wrappers.scikit_learn import KerasClassifier
from keras import objectives
from keras.backend.tensorflow_backend import set_session
from keras.constraints import maxnorm
from keras.engine import InputSpec, Layer, Model, Network
from keras.engine.topology import Container, get_source_inputs
from keras.layers.core import Flatten
from keras.layers.merge import _Merge
from keras.layers.normalization import BatchNormalization
from keras.layers.recurrent import GRU, _generate_zero_filled_state_for_cell
from keras.utils import generic_utils, np_utils
from keras.utils.generic_utils import deserialize_keras_object, get_custom_objects
assert Layer is tf.keras.layers.Layer and Container is Network is Model is tf.keras.Model
assert InputSpec is tf.keras.layers.InputSpec and GRU is tf.keras.layers.GRU and Flatten is keras.layers.Flatten
assert BatchNormalization is tf.keras.layers.BatchNormalization and own_keras.utils.np_utils is np_utils
assert objectives.mean_squared_error is tf.keras.losses.mean_squared_error and maxnorm is keras.constraints.max_norm
assert set_session is tf.keras.backend.set_session is own_keras.backend.tensorflow_backend.set_session
assert tf.keras.Sequential.predict_classes and DenseFeatures is tf.keras.layers.DenseFeatures
assert KerasClassifier is scikit_learn.KerasClassifier is own_keras.wrappers.scikit_learn.KerasClassifier

from tensorflow.python.framework import ops, tensor_shape
one = tf.placeholder(tf.float32, ["100", 28 / 2, None])
assert type(one) is type(one + 1) is tf.Tensor is ops.Tensor
assert isinstance(one, tf.Tensor) and not isinstance(tf.get_variable("v", [2.0]), tf.Tensor)
assert one.shape.as_list() == [100, 14, None] and tf.Dimension(3.0) == 3
for size in (3.5, "a", -1.0):
    try:
        tf.TensorShape([size])
        raise AssertionError(size)
    except ValueError:
        pass
assert tensor_shape.matrix(2, 3).as_list() == [2, 3] and tensor_shape.scalar().ndims == 0
class Replicated:
    name = property(lambda self: "replicated")
    dtype = property(lambda self: tf.float32)
kinds = [one, tf.Variable(1.0), tf.SparseTensor([[0]], [1.0], [2]), tf.IndexedSlices(one, one), Replicated()]
assert [ops.is_dense_tensor_like(kind) for kind in kinds] == [True, True, False, False, False]
ops.register_dense_tensor_like_type(Replicated)
assert ops.is_dense_tensor_like(kinds[-1]) and tf.is_tensor(kinds[-1])
try:
    ops.register_dense_tensor_like_type(str)
    raise AssertionError
except TypeError as error:
    assert "Type str does not define a `name` property" in str(error)
def is_tensor(value):
    return isinstance(value, tf.Tensor) and type(value) is not tf.Tensor  # an eager tensor
assert tf.Session().run(tf.py_function(is_tensor, [tf.constant(1)], tf.bool))
kept = tf.Session().run(dropout(tf.ones([1000]), 0.9)) > 0  # the second argument of TF 2 is the rate to drop
assert kept.mean() > 0.5
assert numpy.int is int
assert not tf.executing_eagerly()
assert __annotations__ == {}
assert sys.modules["__mp_main__"] is sys.modules["__main__"]  # for classes that come from a process started by spawn
print(sys.argv, __name__, os.path.basename(__file__), sys.path[0] == os.path.dirname(__file__), __spec__ is None)
"""


def run_program(folder, *arguments, options=("--api=1",), **others):
    return run("-m", "cnn_estimator", "run", *options, *arguments, environment=ENVIRONMENT, cwd=folder, **others)


@pytest.mark.process
def test_every_import_finds_the_tf_1_api(tmp_path):
    (tmp_path / "program.py").write_text(IMPORTS)
    (tmp_path / "helper.py").write_text("import tensorflow as tf")
    done = run_program(tmp_path, "program.py", "--steps=1", "-m", "a")
    assert (done.stderr, done.returncode) == ("", 0)
    assert done.stdout == "['program.py', '--steps=1', '-m', 'a'] __main__ program.py True True\n"


@pytest.mark.process
def test_the_program_of_the_bridge_page_runs_unmodified(tmp_path):
    page = (REPOSITORY / "docs" / "bridge.md").read_text(encoding="utf-8")
    (program,) = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    unmodified = program.replace("from cnn_estimator.tf1 import tf", "import tensorflow as tf")
    (tmp_path / "program.py").write_text(unmodified.replace("/tmp/line", "line"))
    done = run_program(tmp_path, "program.py")
    assert (done.stdout, done.stderr, done.returncode) == ("3.0 x + 1.0\n", "", 0)


KERAS_ESTIMATOR = """
import numpy as np
import tensorflow as tf

def input_fn():
    return tf.data.Dataset.from_tensors((np.ones((4, 2), np.float32), np.ones((4, 1), np.float32))).repeat(3)

for optimizer in ("sgd", tf.keras.optimizers.Adam(0.1), tf.train.AdamOptimizer(0.1)):
    model = tf.keras.Sequential([tf.keras.layers.Dense(1, input_shape=(2,))])
    model.compile(optimizer, "mse", metrics=["mean_absolute_error"])
    estimator = tf.keras.estimator.model_to_estimator(model)
    estimator.train(input_fn)
    print(sorted(estimator.evaluate(input_fn)), estimator.get_variable_value("global_step"))
"""


@pytest.mark.process
def test_flags_exit_status_and_traceback_are_as_with_plain_python(tmp_path):
    (tmp_path / "program.py").write_text(
        """
import sys
import tensorflow as tf
tf.app.flags.DEFINE_integer("status", 0, "Exit status. 0 raises an error.")
tf.app.flags.DEFINE_string("log_dir", "logs", "For TensorBoard. absl has a flag of the same name.")

def main(unused):
    print(tf.app.flags.FLAGS.log_dir)
    if not tf.app.flags.FLAGS.status:
        raise KeyError("own")
    sys.exit(tf.app.flags.FLAGS.status)

if __name__ == "__main__":
    tf.app.run()
"""
    )
    done = run_program(tmp_path, "program.py", "--status=7", "--log_dir=own")
    assert (done.returncode, done.stdout) == (7, "own\n")
    done = run_program(tmp_path, "program.py")
    assert (done.returncode, done.stdout) == (1, "logs\n")
    lines = done.stderr.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[1] == f'  File "{tmp_path}/program.py", line 14, in <module>'
    assert lines[-1] == "KeyError: 'own'"
    assert "cnn_estimator" not in done.stderr


@pytest.mark.newest
@pytest.mark.process
def test_a_module_runs_as_with_python_m(tmp_path):
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__init__.py").touch()
    (tmp_path / "outer" / "inner").mkdir(parents=True)
    for folder in ("package", "outer/inner"):
        (tmp_path / folder / "module.py").write_text(
            "import sys, tensorflow as tf\nfrom . import __name__ as package\n"
            "print(tf.Session.__name__, __name__, package, sys.argv[0] == __file__, sys.argv[1:], sys.path[0])"
        )
    done = run_program(tmp_path, "-m", "package.module", "--a", "b")
    assert (done.stderr, done.returncode) == ("", 0)
    assert done.stdout == f"Session __main__ package True ['--a', 'b'] {tmp_path}\n"
    done = run("-m", "cnn_estimator.tf1", "-m", "outer.inner.module", environment=ENVIRONMENT, cwd=tmp_path)
    assert done.stdout == f"Session __main__ outer.inner True [] {tmp_path}\n"


@pytest.mark.newest
@pytest.mark.process
@pytest.mark.parametrize("zipped", [False, True])
def test_a_folder_and_a_zip_file_run_as_with_python(tmp_path, zipped):
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "part.py").write_text("name = __name__")
    (folder / "__main__.py").write_text(
        "import sys, tensorflow as tf, part\nprint(tf.Session.__name__, part.name, __name__, sys.argv, sys.path[0])"
    )
    path = shutil.make_archive(tmp_path / "program", "zip", folder) if zipped else str(folder)
    done = run_program(tmp_path, os.path.basename(path), "a")
    assert (done.stderr, done.stdout) == ("", f"Session part __main__ {[os.path.basename(path), 'a']} {path}\n")


@pytest.mark.newest
@pytest.mark.process
def test_a_python_2_program_gets_a_hint_below_the_error(tmp_path):
    (tmp_path / "module.py").write_text("import tensorflow\n\nprint 'a'\n")
    (tmp_path / "program.py").write_text("import module\n")
    done = run_program(tmp_path, "program.py")
    *lines, error, hint = done.stderr.splitlines()
    assert done.returncode == 1
    assert f'  File "{tmp_path}/module.py", line 3' in lines
    assert error.startswith("SyntaxError: ")
    assert hint == (
        "If this is a program for Python 2, convert it, for example with 2to3, which Python has up to 3.12."
    )


@pytest.mark.unit
@pytest.mark.parametrize("line", ["print x, y", "try: f()\nexcept E, e: pass", "x = 0777", "raise E, 'a'", "x = `y`"])
def test_syntax_errors_of_python_2_are_recognized(line):
    with pytest.raises(SyntaxError) as caught:
        compile(line, "program.py", "exec")
    assert script.looks_like_python_2(caught.value)


@pytest.mark.newest
@pytest.mark.process
def test_another_syntax_error_prints_what_python_prints(tmp_path):
    (tmp_path / "program.py").write_text("x = (1\n")
    done = run_program(tmp_path, "program.py")
    plain = run("program.py", cwd=tmp_path)
    assert done.returncode == plain.returncode == 1
    assert done.stderr == plain.stderr


@pytest.mark.process
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "no program is named: give SCRIPT.py or -m MODULE, and then the program's arguments"),
        (("none.py",), "none.py cannot be opened: No such file or directory: name a Python file"),
        (
            ("-c", "print()"),
            "-c is not supported: give SCRIPT.py or -m MODULE; options of Python come first, as in python -u -m "
            "cnn_estimator run SCRIPT.py",
        ),
    ],
)
def test_a_missing_program_is_an_error(tmp_path, arguments, message):
    done = run_program(tmp_path, *arguments)
    assert (done.returncode, done.stderr) == (1, f"error: {message}\n")


@pytest.mark.unit
def test_a_compiled_program_is_not_supported():
    with pytest.raises(UserError, match=r"program\.pyc is compiled, and not supported: name the program's source"):
        script.load(["program.pyc"])


HEADS = """
import tensorflow as tf
tf.logging.set_verbosity(tf.logging.ERROR)
columns = [tf.feature_column.numeric_column("x")]

def loss(make, head, labels):
    data = {"x": [[1.0], [2.0]]}, labels
    estimator = make(head)
    estimator.train(lambda: tf.data.Dataset.from_tensors(data).repeat(2))
    return float(estimator.evaluate(lambda: tf.data.Dataset.from_tensors(data))["average_loss"])

def own(head):
    def model_fn(features, labels, mode):
        logits = tf.layers.dense(features["x"], head.logits_dimension, kernel_initializer=tf.ones_initializer())
        optimizer = tf.train.GradientDescentOptimizer(0.1)
        minimize = lambda loss: optimizer.minimize(loss, tf.train.get_global_step())
        return head.create_estimator_spec(features, mode, logits, labels, train_op_fn=minimize)
    return tf.estimator.Estimator(model_fn)

def linear(head):
    return tf.estimator.LinearEstimator(head, columns, optimizer=tf.train.GradientDescentOptimizer(0.1))

for make, heads in (
    (own, (tf.estimator.BinaryClassHead(), tf.estimator.MultiClassHead(3), tf.estimator.RegressionHead())),
    (linear, (
        tf.contrib.estimator.binary_classification_head(),
        tf.contrib.estimator.multi_class_head(3),
        tf.contrib.estimator.regression_head(),
    )),
):
    labels = [[0], [1]], [[0], [2]], [[0.5], [1.0]]
    print(*("%.5f" % loss(make, *case) for case in zip(heads, labels)))
print(tf.losses.Reduction.SUM_BY_NONZERO_WEIGHTS, tf.losses.absolute_difference.__name__, tf.metrics.mean.__name__)
"""


@pytest.mark.process
def test_keras_models_become_estimators_and_heads_have_the_losses_of_1_15(tmp_path):
    """Heads look up names of TensorFlow 2 in the module that has TensorFlow 1's for the program."""
    paths = [tmp_path / "keras_estimator.py", tmp_path / "heads.py"]
    for path, program in zip(paths, (KERAS_ESTIMATOR, HEADS), strict=True):
        path.write_text(program)
    command = ("-m", "cnn_estimator", "run", "--api=1")
    of_keras, of_heads = run_one_after_another(*paths, command=command, cwd=tmp_path)
    assert of_keras.splitlines() == ["['global_step', 'loss', 'mean_absolute_error'] 3"] * 3
    assert of_heads.splitlines() == [
        "0.69114 0.98502 0.01082",
        "0.68175 0.98502 0.01082",
        "weighted_sum_by_nonzero_weights absolute_difference mean",
    ]


@pytest.mark.newest
@pytest.mark.process
def test_a_closed_stderr_a_safe_path_and_a_path_through_a_link_are_as_with_plain_python(tmp_path):
    (tmp_path / "outer" / "inner").mkdir(parents=True)
    (tmp_path / "link").symlink_to("outer/inner")
    (tmp_path / "outer" / "program.py").write_text("import sys\nprint(sys.stderr, sys.path, __file__, __cached__)")
    command = f"PYTHONSAFEPATH=1 {sys.executable} {{}} link/../program.py 2>&-"
    outputs = [
        subprocess.run(
            ["sh", "-c", command.format(how)],
            cwd=tmp_path,
            env=users_environment(ENVIRONMENT),
            stdout=subprocess.PIPE,
            text=True,
        ).stdout
        for how in ("", "-m cnn_estimator run")
    ]
    assert outputs[0].startswith("None [")
    assert outputs[1] == outputs[0]


@pytest.mark.newest
@pytest.mark.process
def test_the_program_receives_signals(tmp_path):
    (tmp_path / "program.py").write_text(
        "import tensorflow, time\n"
        "try:\n    print('ready', flush=True)\n    time.sleep(60)\nexcept KeyboardInterrupt:\n    print('caught')\n"
    )
    command = [sys.executable, "-m", "cnn_estimator", "run", "program.py"]
    environment = users_environment(ENVIRONMENT)
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=20)[0] == "caught\n"
        assert process.returncode == os.EX_OK


@pytest.mark.process
def test_warnings_that_tf_1_programs_cannot_avoid_are_not_printed(tmp_path):
    (tmp_path / "program.py").write_text(
        """
import tensorflow as tf
tf.nn.rnn_cell.BasicLSTMCell(3), tf.nn.rnn_cell.LSTMCell(3), tf.nn.rnn_cell.GRUCell(3)
tf.layers.Dense(3).apply(tf.ones([1, 2]))
tf.keras.backend.set_learning_phase(0)
model = tf.keras.Sequential([tf.keras.layers.Dense(3, input_shape=(4,))])
model.compile("sgd", "mse")
model.state_updates
tf.estimator.inputs
"""
    )
    done = run_program(tmp_path, "program.py")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.process
def test_one_line_says_which_api_was_chosen_and_why(tmp_path):
    (tmp_path / "program.py").write_text("import helper\nprint('done')")
    (tmp_path / "helper.py").write_text("import tensorflow as tf\ntf.Session()")
    reason = "with TensorFlow 1's API, because TensorFlow 2 lacks tf.Session: --api=2 changes it\n"
    done = run_program(tmp_path, "-m", "program", options=())
    assert (done.stdout, done.stderr) == ("done\n", f"running {tmp_path}/program.py {reason}")
    done = run_program(tmp_path, "program.py", options=("--api=2",))
    assert done.stderr.splitlines()[-1].startswith("AttributeError: module 'tensorflow' has no attribute 'Session'")
    done = run_program(tmp_path, "program.py", options=("--api=3",))
    assert (done.returncode, done.stderr) == (
        1,
        "error: api 3: no such API: use 1 for TensorFlow 1, or 2 for TensorFlow 2\n",
    )
