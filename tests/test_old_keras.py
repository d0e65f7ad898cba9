"""Keras under `run`: what its classes could do in TensorFlow 1.15.5, whose numbers the expected ones are."""

import importlib

import numpy as np
import pytest

from cnn_estimator.tf1 import aliases, keras_wrappers, old_keras, tf

pytestmark = pytest.mark.integration

L = tf.keras.layers
X = np.array([[[1.0, 2], [0, 0], [3, 5]], [[0, 0], [2, 2], [0, 0]]], np.float32)
ROWS = X.reshape(6, 2)
RANDOM = ("random_rotation", "random_shift", "random_shear", "random_zoom")
IMAGES = (*RANDOM, "apply_affine_transform", "apply_brightness_shift")
CHANGED = {
    "engine.sequential.Sequential": ("predict_classes", "predict_proba", "input_spec"),
    "engine.functional.Functional": ("input_spec",),
    "engine.base_layer.Layer": ("add_update",),
    "engine.base_layer_v1.Layer": ("add_update",),
    "backend": ("batch_dot", "ctc_decode", "switch"),
    "api.backend": ("batch_dot", "ctc_decode", "switch"),
    "api.losses": ("cosine", "cosine_proximity", "cosine_similarity"),
    "api.metrics": ("cosine", "cosine_proximity"),
    "api.preprocessing.image": IMAGES,
    "metrics": ("cosine_proximity", "cosine_similarity"),
    "metrics.confusion_metrics.SensitivityAtSpecificity": ("_find_max_under_constraint",),
    "metrics.confusion_metrics.SpecificityAtSensitivity": ("_find_max_under_constraint",),
    "optimizers.legacy.adagrad.Adagrad": ("from_config",),
    "premade_models.linear.LinearModel": ("__init__",),
    "preprocessing.image": (*IMAGES, "transform_matrix_offset_center"),
    "preprocessing.image.ImageDataGenerator": ("fit",),
    "layers.normalization.batch_normalization.BatchNormalizationBase": ("_moments", "__init_subclass__"),
    "layers.reshaping.reshape.Reshape": ("call",),
    "engine.training_v1": ("losses_utils",),
    "layers.rnn.base_rnn": ("backend",),
    "layers.rnn.stacked_rnn_cells": ("backend",),
    "losses": ("cosine_proximity", "cosine_similarity", "losses_utils"),
    "metrics.base_metric": ("losses_utils",),
    "utils.generic_utils": ("to_snake_case",),
}


def _changed(path):
    package = aliases.keras_package()
    source = f"{package}.api._v1.keras" if path.startswith("api.") else f"{package}.src"
    path = path.removeprefix("api.")
    folder, _, name = path.rpartition(".")
    module = importlib.import_module(f"{source}.{folder}".rstrip("."))
    return getattr(module, name) if hasattr(module, name) else importlib.import_module(f"{source}.{path}")


@pytest.fixture(autouse=True)
def old_classes():
    """Calls restore(), and undoes its changes."""
    before = [
        (_changed(path), name, vars(_changed(path)).get(name)) for path, names in CHANGED.items() for name in names
    ]
    old_keras.restore(aliases.keras_package())
    tf.keras.backend.clear_session()
    with tf.Graph().as_default():
        yield
    for owner, name, value in before:
        if value is None:
            delattr(owner, name)
        else:
            setattr(owner, name, value)


def values(tensor):
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        return session.run(tensor)


class _Cell(L.Layer):
    state_size = output_size = 2

    def build(self, shape):
        self.k = self.add_weight("k", (shape[-1], 2))
        self.built = True

    def call(self, x, states):
        return states[0], [states[0]]


WEIGHTS = ("kernel", "recurrent_kernel", "bias")


@pytest.mark.parametrize(
    ("make", "names"),
    [
        (lambda: L.LSTM(2), [f"lstm/{name}" for name in WEIGHTS]),
        (lambda: L.GRU(2), [f"gru/{name}" for name in WEIGHTS]),
        (lambda: L.SimpleRNN(2, name="a"), [f"a/{name}" for name in WEIGHTS]),
        (lambda: L.RNN(_Cell()), ["rnn/k"]),
        (
            lambda: L.RNN([L.LSTMCell(2), L.GRUCell(2)]),
            [f"rnn/{name}" for name in WEIGHTS] + [f"rnn/{name}_1" for name in WEIGHTS],
        ),
        (
            lambda: L.Bidirectional(L.LSTM(2)),
            [f"bidirectional/{way}_lstm/{name}" for way in ("forward", "backward") for name in WEIGHTS],
        ),
    ],
)
def test_recurrent_layers_have_the_variables_of_1_15(make, names):
    make()(tf.keras.Input((4, 3)))
    assert [variable.op.name for variable in tf.global_variables()] == names


def test_the_default_names_of_layers_are_those_of_1_15():
    assert L.ConvLSTM2D(2, 3).name == "conv_lst_m2d"
    assert L.Conv2DTranspose(2, 3).name == "conv2d_transpose"


def test_batch_normalization_ignores_masks():
    layer = L.BatchNormalization()
    expected = [
        [[0, 0.27731], [-0.8657, -0.83192], [1.7314, 1.94115]],
        [[-0.8657, -0.83192], [0.8657, 0.27731], [-0.8657, -0.83192]],
    ]
    np.testing.assert_allclose(values(layer(L.Masking()(tf.constant(X)), training=True)), expected, atol=2e-5)


def test_reshape_builds_a_model_whose_declared_input_does_not_fit():
    layers = [L.Reshape((2, 3, 2), input_shape=(4,)), L.Flatten(), L.Dense(2, kernel_initializer="ones")]
    model = tf.keras.Sequential(layers)
    assert model.layers[0].output_shape == (None, 2, 3, 2)
    outputs = model(tf.constant(np.arange(24, dtype=np.float32).reshape(2, 2, 3, 2)))
    np.testing.assert_allclose(values(outputs), [[66, 66], [210, 210]])
    message = "12 values, but the requested shape has 36"
    with tf.Session() as session, pytest.raises(tf.errors.InvalidArgumentError, match=message):
        session.run(model.layers[0].output, {model.input: np.ones((3, 4))})


@pytest.mark.parametrize(
    ("target", "inputs", "shape"),
    [((-1, 3), [None, 6], [None, None, 3]), ((-1, 4), [None, 6], [None, None, 4]), ((4,), [None, 6], [None, 4])],
)
def test_reshape_knows_as_much_of_the_shape_as_in_1_15(target, inputs, shape):
    assert L.Reshape(target)(tf.placeholder(tf.float32, inputs)).shape.as_list() == shape


def test_a_model_that_is_called_checks_its_inputs_as_in_1_15():
    sequential = tf.keras.Sequential([L.Dense(2, input_shape=(4,))])
    assert sequential(tf.zeros([5, 3, 4])).shape.as_list() == [5, 3, 2]
    with pytest.raises(ValueError, match="expected axis -1 of input shape to have value 4"):
        sequential(tf.zeros([5, 3]))
    inputs = tf.keras.Input((6,))
    model = tf.keras.Model(inputs, L.Reshape((-1, 2))(inputs))
    assert model(tf.zeros([5, 8])).shape.as_list() == [5, 4, 2]


TARGETS = X.sum(-1, keepdims=True) * 2 + 1


@pytest.mark.parametrize(
    ("weights", "losses", "kernel", "evaluation"),
    [
        (None, [20.333334, 14.238586], [1.2510555, 1.3855333], [9.9750948, 4.2309222]),
        ([[1, 2, 3], [4, 5, 6]], [64, 15.485332], [1.6718779, 1.9570667], [3.8379276, 1.5052109]),
    ],
)
def test_masked_elements_count_in_the_mean_of_a_loss(weights, losses, kernel, evaluation):
    with tf.Session().as_default():
        model = tf.keras.Sequential([L.Masking(input_shape=(3, 2)), L.Dense(1, kernel_initializer="ones")])
        mode = "temporal" if weights else None
        model.compile(tf.keras.optimizers.SGD(0.01), "mse", metrics=["mae"], sample_weight_mode=mode)
        sample_weight = np.array(weights) if weights else None
        history = model.fit(X, TARGETS, epochs=2, batch_size=2, shuffle=False, sample_weight=sample_weight, verbose=0)
        np.testing.assert_allclose(history.history["loss"], losses, rtol=1e-5)
        np.testing.assert_allclose(model.get_weights()[0].ravel(), kernel, rtol=1e-5)
        np.testing.assert_allclose(model.evaluate(X, TARGETS, sample_weight=sample_weight, verbose=0), evaluation, 1e-5)


def test_a_loss_ignores_the_mask_of_the_predictions():
    with tf.Session().as_default():
        predictions = L.Dense(1, kernel_initializer="ones")(L.Masking()(tf.constant(X)))
        loss = tf.keras.losses.MeanSquaredError()(tf.constant(TARGETS), predictions)
        assert values(loss) == pytest.approx(20.833334)


@pytest.mark.parametrize("base", [L.BatchNormalization, tf.layers.BatchNormalization])
def test_batch_normalization_may_have_its_own_moments(base):
    class Shifted(base):
        def _moments(self, inputs, reduction_axes, keep_dims):
            mean, variance = super()._moments(inputs, reduction_axes, keep_dims=keep_dims)
            return mean + 1, variance

    layer = Shifted(fused=False) if base is tf.layers.BatchNormalization else Shifted()
    expected = [
        *([-0.8657, -0.27731], [-1.7314, -1.38654], [0.8657, 1.38654]),
        *([-1.7314, -1.38654], [0, -0.27731], [-1.7314, -1.38654]),
    ]
    np.testing.assert_allclose(values(layer(tf.constant(ROWS), training=True)), expected, atol=2e-5)


class _Counter(L.Layer):
    def build(self, shape):
        self.n = self.add_weight("n", (), initializer="zeros", trainable=False)
        self.built = True

    def call(self, x):
        self.add_update(tf.assign_add(self.n, 1.0), inputs=x)
        self.add_loss(tf.reduce_sum(x), inputs=x)
        return x * 2


def test_updates_and_losses_may_name_their_inputs():
    with tf.Session().as_default():
        model = tf.keras.Sequential([_Counter(input_shape=(2,)), L.Dense(1, kernel_initializer="ones")])
        model.compile(tf.train.GradientDescentOptimizer(0.0), "mse")
        history = model.fit(np.ones((4, 2)), np.zeros((4, 1)), epochs=3, batch_size=2, verbose=0)
        assert model.layers[0].get_weights() == [6]
    assert history.history["loss"] == [20, 20, 20]


EXAMPLES = np.array([[0.0, 1], [1, 0], [2, 3], [-4, -1]])


def _model(units=4, out=2, loss="categorical_crossentropy"):
    activation = {"categorical_crossentropy": "softmax", "binary_crossentropy": "sigmoid", "mse": None}[loss]
    weights = tf.constant_initializer(np.linspace(-1, 1, units * out))
    layers = [
        L.Dense(units, input_shape=(2,), kernel_initializer="ones"),
        L.Dense(out, activation, kernel_initializer=weights),
    ]
    model = tf.keras.Sequential(layers)
    model.compile(tf.keras.optimizers.SGD(0.01), loss, metrics=["accuracy"])
    return model


def test_a_model_predicts_classes():
    with tf.Session().as_default():
        model = _model(3)
        assert model.predict_classes(EXAMPLES).tolist() == [1, 1, 1, 0]
        np.testing.assert_array_equal(model.predict_proba(EXAMPLES), model.predict(EXAMPLES))
        binary = _model(4, 1, "binary_crossentropy")
        binary.set_weights([weights * 0 + 1 for weights in binary.get_weights()])
        assert binary.predict_classes(EXAMPLES).tolist() == [[1], [1], [1], [0]]


def test_a_classifier_of_scikit_learn_trains_and_scores():
    labels = np.array([5, 7, 5, 7])
    with tf.Session().as_default():
        classifier = keras_wrappers.KerasClassifier(_model, units=3, epochs=2, batch_size=4, verbose=0, shuffle=False)
        history = classifier.fit(EXAMPLES, labels)
        np.testing.assert_allclose(history.history["loss"], [3.432879, 3.005324], rtol=1e-5)
        assert classifier.predict(EXAMPLES).tolist() == [7, 7, 7, 5]
        expected = [[0.29461, 0.70539], [0.29495, 0.70505], [0.0123, 0.9877], [0.9878, 0.0122]]
        np.testing.assert_allclose(classifier.predict_proba(EXAMPLES), expected, atol=2e-5)
        assert classifier.score(EXAMPLES, labels) == 0.25
        binary = keras_wrappers.KerasClassifier(_model, out=1, loss="binary_crossentropy", epochs=1, verbose=0)
        binary.fit(EXAMPLES, np.array(["a", "b", "a", "b"]))
        assert binary.predict(EXAMPLES).tolist() == [["a"], ["a"], ["a"], ["b"]]
        assert binary.predict_proba(EXAMPLES).shape == (4, 2)
        assert binary.score(EXAMPLES, np.array(["a", "b", "a", "b"])) == 0.75


def test_a_regressor_of_scikit_learn_trains_and_scores():
    with tf.Session().as_default():
        regressor = keras_wrappers.KerasRegressor(build_fn=_model, out=1, loss="mse", epochs=1, verbose=0)
        regressor.fit(EXAMPLES, np.arange(4.0))
        np.testing.assert_allclose(regressor.predict(EXAMPLES), [0.05, -0.06111, -0.35889, 0.77444], atol=2e-5)
        assert regressor.score(EXAMPLES, np.arange(4.0)) == pytest.approx(-2.91148, abs=2e-5)
    assert sorted(regressor.get_params()) == ["build_fn", "epochs", "loss", "out", "verbose"]
    assert regressor.set_params(units=2).get_params()["units"] == 2
    with pytest.raises(ValueError, match="nonsense is not a legal parameter"):
        keras_wrappers.KerasClassifier(_model, nonsense=3)


def test_the_old_names_of_the_data_formats():
    assert old_keras.image_dim_ordering() == "tf"
    old_keras.set_image_dim_ordering("th")
    assert tf.keras.backend.image_data_format() == "channels_first"
    old_keras.set_image_dim_ordering("tf")
    assert tf.keras.backend.image_data_format() == "channels_last"


@pytest.mark.parametrize("name", ["HDF5Matrix", "multi_gpu_model"])
def test_what_keras_has_removed_raises_an_error_with_advice(name):
    with pytest.raises(NotImplementedError, match=rf"^tf\.keras\.utils\.{name} is not available"):
        getattr(old_keras, name)(None, 2)


K = tf.keras
IMAGE = np.arange(12.0).reshape(3, 4, 1)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (
            {"theta": 30},
            [[6.0718, 4.2728, 3.1388, 2.0048], [8, 8.2369, 7.1029, 5.9689], [8.3349, 9.201, 10.067, 9.933]],
        ),
        ({"tx": 1, "ty": 0.5}, [[4.5, 5.5, 6.5, 7], [8.5, 9.5, 10.5, 11], [8.5, 9.5, 10.5, 11]]),
        (
            {"shear": 20, "zx": 0.5, "zy": 0.8, "fill_mode": "constant", "cval": -1},
            [[7.3568, 7.0141, 6.6714, 6.3286], [-1, 9.0141, 8.6714, 8.3286], [-1, -1, -1, 10.3286]],
        ),
    ],
)
def test_images_are_transformed_as_in_1_15(arguments, expected):
    transform = K.preprocessing.image.apply_affine_transform
    np.testing.assert_allclose(transform(IMAGE, **arguments)[..., 0], expected, atol=1e-4)
    axes = {"row_axis": 1, "col_axis": 2, "channel_axis": 0}
    np.testing.assert_allclose(transform(IMAGE.transpose(2, 0, 1), **arguments, **axes)[0], expected, atol=1e-4)
    assert transform(IMAGE) is IMAGE


@pytest.mark.parametrize(
    ("name", "amounts", "expected", "by_default"),
    [
        (
            "random_rotation",
            [40],
            [[0.6996, 1.2945, 2.0197, 2.8626], [4.6903, 5.3533, 6.0786, 6.8038], [8.0058, 9.0035, 10.0012, 10.8626]],
            [[0.1749, 1.1726, 2.1703, 3], [4.1749, 5.1726, 6.1703, 7], [8.1749, 9.1726, 10.1703, 11]],
        ),
        (
            "random_shift",
            [0.4, 0.2],
            [[0.4846, 1.4846, 2.4846, 3.3124], [4.4846, 5.4846, 6.4846, 7.3124], [8.1722, 9.1722, 10.1722, 11]],
            [[0.0781, 1.0781, 2.0781, 3], [4.0781, 5.0781, 6.0781, 7], [8.0781, 9.0781, 10.0781, 11]],
        ),
        (
            "random_shear",
            [40],
            [[0.6868, 1.4121, 2.1374, 2.9988], [4.6868, 5.4121, 6.1374, 6.8626], [8.0058, 9.0035, 10.0012, 10.8626]],
            [[0.1703, 1.1703, 2.1703, 3], [4.1703, 5.1703, 6.1703, 7], [8.1703, 9.1703, 10.1703, 11]],
        ),
        (
            "random_zoom",
            [(0.5, 1.5)],
            [[0, 0.6772, 1.8924, 3], [3.8047, 4.482, 5.6972, 6.8047], [8, 8.6772, 9.8924, 11]],
            [[0, 0.9512, 2, 3], [4, 4.9512, 6, 7], [8, 8.9512, 10, 11]],
        ),
    ],
)
def test_random_transformations_are_those_of_1_15(name, amounts, expected, by_default):
    transform = getattr(K.preprocessing.image, name)
    np.random.seed(0)
    np.testing.assert_allclose(transform(IMAGE, *amounts, channel_axis=2)[..., 0], expected, atol=1e-4)
    np.random.seed(0)
    np.testing.assert_allclose(transform(IMAGE, *amounts)[..., 0], by_default, atol=1e-4)


def test_a_generator_augments_as_in_1_15():
    generator = K.preprocessing.image.ImageDataGenerator(
        rotation_range=30, width_shift_range=0.2, height_shift_range=0.3, zoom_range=0.2, brightness_range=(0.5, 1.2)
    )
    np.random.seed(3)
    expected = [[0, 17, 42, 66], [77, 94, 118, 143], [143, 152, 170, 189]]
    np.testing.assert_allclose(generator.random_transform(IMAGE, seed=1)[..., 0], expected, atol=1)


def test_a_generator_whitens_as_in_1_15():
    images = np.sin(np.arange(32) ** 2).astype(np.float32).reshape(8, 2, 2, 1)
    generator = K.preprocessing.image.ImageDataGenerator(zca_whitening=True, featurewise_center=True, rescale=0.5)
    generator.fit(images)
    expected = [
        [3.3236, 0.8943, 0.8455, -0.3616],
        [0.8943, 4.1866, 1.0309, -0.9365],
        [0.8455, 1.0309, 3.3637, 0.0172],
        [-0.3616, -0.9365, 0.0172, 3.0548],
    ]
    np.testing.assert_allclose(generator.principal_components, expected, atol=2e-4)
    first, second = next(generator.flow(images, batch_size=2, shuffle=False))
    np.testing.assert_allclose(first.ravel(), [0.2997, 1.5283, -0.4801, 0.3489], atol=2e-4)
    np.testing.assert_allclose(second.ravel(), [-0.4665, -0.1204, -1.5106, -1.2313], atol=2e-4)
    with pytest.raises(NotImplementedError, match="leave augment=True out"):
        generator.fit(images, augment=True)


A = np.arange(16, dtype=np.float32).reshape(1, 2, 2, 4)
B = np.arange(8, dtype=np.float32).reshape(1, 2, 1, 4)


@pytest.mark.parametrize(
    ("x", "y", "axes", "expected"),
    [
        (A, B, [3, 3], [[[[14], [38]], [[214], [302]]]]),
        (A[0], B[0, :, 0], [2, 1], [[14, 38], [214, 302]]),
        (A[0, :, 0], A[0], [1, 2], [[14, 38], [366, 518]]),
        (B[0, :, 0], B[0, :, 0], 1, [[14], [126]]),
        (np.float32([[1, 2], [3, 5]]), np.float32([[1, 2], [3, 4]]), [0, 1], [[7], [26]]),
        (A[0], A[0].transpose(0, 2, 1), None, [[[14, 38], [38, 126]], [[366, 518], [518, 734]]]),
    ],
)
def test_batch_dot_multiplies_matrices(x, y, axes, expected):
    np.testing.assert_allclose(values(K.backend.batch_dot(tf.constant(x), tf.constant(y), axes)), expected)


@pytest.mark.parametrize(("greedy", "expected"), [(True, [[[0]]]), (False, [[[0]], [[1, 0]]])])
def test_decoded_sequences_are_as_long_as_the_longest(greedy, expected):
    probabilities = tf.constant([[[0.1, 0.2, 0.7], [0.8, 0.1, 0.1], [0.1, 0.1, 0.8]]])
    decoded, _ = K.backend.ctc_decode(probabilities, tf.constant([3]), greedy, beam_width=3, top_paths=2)
    assert [each.tolist() for each in values(decoded)] == expected


@pytest.mark.parametrize("expression", [lambda value: tf.constant(value), lambda value: lambda: tf.constant(value)])
def test_a_vector_switches_rows(expression):
    then, other = expression([[1.0, 2], [3, 4]]), expression([[5.0, 6], [7, 8]])
    np.testing.assert_allclose(values(K.backend.switch(tf.constant([True, False]), then, other)), [[1, 2], [7, 8]])
    np.testing.assert_allclose(values(K.backend.switch(tf.constant(False), then, other)), [[5, 6], [7, 8]])


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        (lambda: K.losses.cosine_similarity, [0.6, 0.7071]),
        (lambda: K.losses.cosine, [0.6, 0.7071]),
        (lambda: K.losses.get("cosine_proximity"), [0.6, 0.7071]),
        (lambda: K.metrics.get("cosine_similarity"), [0.6, 0.7071]),
        (lambda: K.losses.CosineSimilarity(), 0.65355),
    ],
)
def test_the_cosine_is_positive_for_equal_directions(loss, expected):
    labels, predictions = tf.constant([[1.0, 0], [1, 1]]), tf.constant([[0.6, 0.8], [1, 0]])
    np.testing.assert_allclose(values(loss()(labels, predictions)), expected, atol=1e-4)


@pytest.mark.parametrize(("name", "expected"), [("SensitivityAtSpecificity", 1), ("SpecificityAtSensitivity", 2 / 3)])
def test_specificity_and_sensitivity_are_at_the_nearest_threshold(name, expected):
    metric = getattr(K.metrics, name)(0.6, num_thresholds=5)
    update = metric.update_state(tf.constant([0.0, 1, 1, 0, 1, 0]), tf.constant([0.2, 0.7, 0.4, 0.6, 0.9, 0.1]))
    with tf.Session() as session:
        session.run([variable.initializer for variable in metric.variables])
        session.run(update)
        assert session.run(metric.result()) == pytest.approx(expected)


def test_adagrad_by_name_begins_with_empty_accumulators():
    assert K.optimizers.Adagrad().get_config()["initial_accumulator_value"] == 0.1
    layer = L.Dense(1, kernel_initializer="ones", input_shape=(2,))
    with tf.Session() as session:
        K.backend.set_session(session)
        model = K.Sequential([layer])
        model.compile("adagrad", "mse", metrics=["cosine_similarity"])
        history = model.fit(np.ones((4, 2)), np.ones((4, 1)), epochs=3, verbose=0).history
    np.testing.assert_allclose(history["loss"], [1, 0.994009, 0.98979], atol=1e-6)
    assert history["cosine_proximity"] == [1, 1, 1]


def test_a_linear_model_begins_with_random_weights():
    assert "Glorot" in type(K.experimental.LinearModel().kernel_initializer).__name__
    assert type(K.experimental.LinearModel(kernel_initializer="zeros").kernel_initializer).__name__ == "Zeros"
