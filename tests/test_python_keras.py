"""tensorflow.python.keras under `run`: the Keras behind tf.keras, as in TensorFlow 1."""

import importlib
import sys

import numpy as np
import pytest

from cnn_estimator.tf1 import aliases, python_keras, tf

K = "tensorflow.python.keras"


def copies():
    return {name: module for name, module in sys.modules.items() if f"{name}.".startswith(f"{K}.")}


@pytest.fixture(autouse=True)
def loaded_copies():
    """Calls install(), yields {name: module} of TensorFlow's copy, and undoes the changes."""
    before, finders = copies(), list(sys.meta_path)
    python_keras.install(aliases.keras_package(), 1)
    yield before
    for name in copies():
        del sys.modules[name]
    sys.modules.update(before)
    sys.meta_path[:] = finders
    sys.modules["tensorflow.python"].keras = before[K]


@pytest.mark.unit
@pytest.mark.parametrize(
    ("line", "public"),
    [
        ("from tensorflow.python import keras; Dense = keras.layers.Dense", "layers.Dense"),
        (f"from {K} import Input", "Input"),
        (f"from {K} import backend as K; Dense = K.clear_session", "backend.clear_session"),
        (f"from {K} import initializers; Dense = initializers.Zeros", "initializers.Zeros"),
        (f"from {K}.applications.vgg16 import VGG16", "applications.VGG16"),
        (f"from {K}.callbacks import TensorBoard", "callbacks.TensorBoard"),
        (f"from {K}.engine.base_layer import Layer", "layers.Layer"),
        (f"from {K}.engine.input_spec import InputSpec", "layers.InputSpec"),
        (f"from {K}.layers import LSTM", "layers.LSTM"),
        (f"from {K}.layers import BatchNormalization", "layers.BatchNormalization"),
        (f"from {K}.layers.core import Dropout", "layers.Dropout"),
        (f"from {K}.layers.normalization import BatchNormalization", "layers.BatchNormalization"),
        (f"from {K}.layers.recurrent import GRU", "layers.GRU"),
        (f"from {K}._impl.keras.layers.convolutional import Conv2D", "layers.Conv2D"),
        (f"from {K}.models import Sequential", "Sequential"),
        (f"import {K}.models as models; Dense = models.load_model", "models.load_model"),
        (f"from {K}.optimizer_v2.adam import Adam", "optimizers.Adam"),
        (f"from {K}.preprocessing.sequence import pad_sequences", "preprocessing.sequence.pad_sequences"),
        (f"from {K}.preprocessing.text import Tokenizer", "preprocessing.text.Tokenizer"),
        (f"from {K}.utils import to_categorical", "utils.to_categorical"),
        (f"from {K}.utils.np_utils import to_categorical", "utils.to_categorical"),
    ],
)
def test_names_lead_to_tf_keras(line, public):
    names = {}
    exec(line, names)
    expected = tf.keras
    for name in public.split("."):
        expected = getattr(expected, name)
    assert names.get("Dense", names.get(public.rpartition(".")[2])) is expected


@pytest.mark.integration
@pytest.mark.parametrize(
    ("name", "losses"),
    [
        ("Adagrad", [24.666666, 24.1099, 23.722366]),
        ("Adadelta", [24.666666, 24.587538, 24.507597]),
        ("Adam", [24.666666, 24.610695, 24.5548]),
        ("Own", [24.666666, 20.600933, 16.917252]),
    ],
)
def test_optimizers_train_as_in_1_15(name, losses):
    optimizers = importlib.import_module(f"{K}.optimizers")

    class Own(optimizers.Optimizer):
        def get_updates(self, loss, params):
            gradients = self.get_gradients(loss, params)
            self.updates = [tf.assign_sub(param, 0.1 * each) for param, each in zip(params, gradients, strict=True)]
            return self.updates

    with tf.Graph().as_default(), tf.Session().as_default():
        optimizer = Own(clipnorm=1.0) if name == "Own" else getattr(optimizers, name)()
        model = tf.keras.Sequential([tf.keras.layers.Dense(1, input_shape=(2,), kernel_initializer="ones")])
        model.compile(optimizer, "mse")
        x = np.array([[1.0, 2], [3, 5], [-1, 0]])
        history = model.fit(x, x.sum(1, keepdims=True) * 2, epochs=3, batch_size=3, verbose=0)
    np.testing.assert_allclose(history.history["loss"], losses, rtol=1e-5)


@pytest.mark.integration
def test_functions_and_names_of_the_package_keras():
    keras = tf.keras
    backend = keras.backend
    x = tf.constant([[1.0, 2, 3], [4, 5, 6]])
    variable = backend.variable(1.0)
    with tf.Session() as session, backend.control_dependencies([x]):
        assert session.run(backend.identity(x, "same")).tolist() == [[1, 2, 3], [4, 5, 6]]
        assert session.run(backend.slice(x, start=[0, 1], size=[2, 1])).tolist() == [[2], [5]]
        assert session.run(backend.size(x)) == 6
        np.testing.assert_allclose(session.run(backend.logsumexp(x, 1)), [3.4076059, 6.407606], rtol=1e-6)
    assert [backend.is_tensor(each) for each in (x, variable, 1)] == [True, True, False]
    assert [backend.is_variable(each) for each in (x, variable, 1)] == [False, True, False]
    assert backend.is_placeholder(tf.placeholder(tf.float32))
    assert not backend.is_placeholder(x)
    assert backend.normalize_data_format(None) == "channels_last"
    assert backend.symbolic(len) is backend.eager(len) is len
    assert keras.optimizers.rmsprop is keras.optimizers.RMSprop
    assert keras.initializers.zero is keras.initializers.Zeros
    assert keras.utils.print_summary
    for line in (
        f"from {K}.engine.saving import load_model, preprocess_weights_for_loading",
        f"from {K}.callbacks.callbacks import EarlyStopping",
        f"from {K}.datasets.cifar import load_batch",
        f"from {K}.engine import get_source_inputs",
        f"from {K}.backend import is_tensor, size",
    ):
        exec(line, {})


@pytest.mark.unit
def test_modules_that_only_the_copy_has_stay_the_same(loaded_copies):
    name = f"{K}.layers.legacy_rnn.rnn_cell_impl"
    assert importlib.import_module(name) is loaded_copies[name]
    exec("from tensorflow.python.keras.layers import legacy_rnn", {})
    assert loaded_copies[name].__spec__.name == name
    with pytest.raises(ModuleNotFoundError, match="never_heard"):
        importlib.import_module(f"{K}.never_heard")


@pytest.mark.unit
def test_the_package_of_keras_stays_unchanged():
    importlib.import_module(f"{K}.layers")
    package = importlib.import_module(f"{aliases.keras_package()}.src")
    assert package.layers.__name__ == f"{package.__name__}.layers"


@pytest.mark.integration
def test_a_model_may_mix_layers_of_both_names():
    names = {}
    exec(
        "from tensorflow.python.keras import models\n"
        "from tensorflow.python.keras.layers import Dense\n"
        "from tensorflow.python.keras.optimizers import SGD",
        names,
    )
    with tf.Graph().as_default(), tf.Session().as_default():
        model = names["models"].Sequential([tf.keras.layers.Dense(2, input_shape=(3,)), names["Dense"](1)])
        model.compile(names["SGD"](0.01), "mse")
        history = model.fit(np.ones((8, 3)), np.ones((8, 1)), epochs=2, verbose=0)
    assert history.history["loss"][1] < history.history["loss"][0]
