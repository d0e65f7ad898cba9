"""The estimators of tf.contrib.learn. The expected numbers are TensorFlow 1.15.5's for the same calls."""

import itertools

import numpy as np
import pytest

from cnn_estimator.tf1 import contrib, tf

pytestmark = pytest.mark.integration

L = contrib.learn
X = np.array([[1, 2], [3, 4], [-1, 0], [2, -2], [0, 1]], np.float32)
Y = np.array([0, 1, 1, 2, 0])
TARGETS = X[:, 0] * 2 - X[:, 1] + 1
NUMBERS = np.arange(5.0)[:, np.newaxis]


def near(actual, expected):
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-6)


class Line:
    """A model_fn with one weight that records its calls and its batches."""

    def __init__(self, returns=tuple):
        self.calls, self.batches, self._returns = [], [], returns

    def __call__(self, features, targets, mode, params):
        x = features["x"] if isinstance(features, dict) else features
        self.calls.append((mode, x.dtype.name, x.shape.as_list(), targets.dtype.name, targets.shape.as_list()))
        x, targets = tf.cast(x, tf.float32), tf.cast(targets, tf.float32)
        weight = tf.get_variable("weight", [], initializer=tf.zeros_initializer())
        predictions = x * weight
        if mode != L.ModeKeys.INFER:  # an exported model has no Python functions
            noted = tf.py_func(lambda batch: self.batches.append(batch.ravel().tolist()), [x], [])
            with tf.control_dependencies([noted]):
                predictions = tf.identity(predictions)
        loss = tf.reduce_mean((predictions[:, 0] - targets) ** 2)
        step = contrib.layers.optimize_loss(loss, tf.train.get_global_step(), params["rate"], "SGD")
        if self._returns is tuple:
            return predictions, loss, step
        shifted = {"y": predictions[:, 0], "shifted": predictions[:, 0] + 1}
        return L.ModelFnOps(mode, shifted, loss, step, {"largest": tf.metrics.mean(tf.reduce_max(targets))})


def line(folder, returns=tuple, **options):
    model_fn = Line(returns)
    return L.Estimator(model_fn, str(folder), params={"rate": 0.01}, **options), model_fn


def test_an_estimator_learns_from_arrays_in_the_order_of_1_15(tmp_path):
    estimator, model = line(tmp_path)
    assert estimator.fit(NUMBERS, 2 * np.arange(5), steps=7, batch_size=2) is estimator
    assert model.batches == [[1, 4], [2, 0], [3], [3, 1], [2, 0], [4], [1, 0]]
    near(estimator.get_variable_value("weight"), 1.2399346)
    model.batches.clear()
    result = estimator.evaluate(NUMBERS, 2 * np.arange(5), batch_size=2)
    assert model.batches == [[0, 1], [2, 3], [4]]
    near([result["loss"], result["global_step"]], [4.4290295, 7])
    rows = estimator.predict(NUMBERS[:2])
    near(list(rows), [[0], [1.2399346]])
    near(estimator.predict(NUMBERS[:2], as_iterable=False), [[0], [1.2399346]])
    seen = ("float64", [None, 1], "int64", [None])
    assert model.calls[:3] == [("train", *seen), ("eval", *seen), ("infer", *seen)]
    assert estimator.partial_fit(NUMBERS, 2 * np.arange(5)).evaluate(NUMBERS, NUMBERS)["global_step"] == 8


def test_an_estimator_learns_from_a_dict_and_evaluates_metrics(tmp_path):
    estimator, model = line(tmp_path, L.ModelFnOps)
    estimator.fit({"x": np.arange(5)}, 2 * NUMBERS, steps=2)
    assert model.batches == [[1, 4, 2, 0, 3], [3, 1, 2, 0, 4]]
    assert model.calls == [("train", "int64", [None, 1], "float64", [None])]

    def input_fn():
        return {"x": tf.constant([[1.0], [2.0]])}, tf.constant([2.0, 4.0])

    metrics = {
        "error": L.MetricSpec(tf.metrics.mean_absolute_error, prediction_key="y"),
        ("mean", "shifted"): lambda predictions, labels: tf.metrics.mean(predictions),
        "positional": L.MetricSpec(lambda p, t: tf.metrics.mean(p - t), "shifted"),
        "weighted": L.MetricSpec(lambda labels, predictions, weights: tf.metrics.mean(weights), "y", weight_key="x"),
    }
    result = estimator.evaluate(input_fn=input_fn, steps=1, metrics=metrics)
    near([result[name] for name in ("error", "mean", "positional", "weighted")], [2.3232, 1.6768, -1.3232, 1.5])
    near([result["loss"], result["largest"]], [5.996953, 4])
    with pytest.raises(ValueError, match=r"prediction_key=None\): there are \['shifted', 'y'\]"):
        estimator.evaluate(input_fn=input_fn, steps=1, metrics={"error": tf.metrics.mean_absolute_error})
    near(estimator.predict({"x": np.arange(2)}, outputs=["shifted"], as_iterable=False)["shifted"], [1, 1.4512])


def test_feature_engineering_and_hooks_are_called(tmp_path):
    ends = []

    class Hook(tf.train.SessionRunHook):
        def end(self, session):
            ends.append(session.run(tf.train.get_global_step()))

    estimator, model = line(tmp_path, feature_engineering_fn=lambda features, labels: (features * 10, labels))
    estimator.fit(NUMBERS, NUMBERS, max_steps=1, monitors=[Hook()])
    assert (ends, model.batches) == ([1], [[10, 40, 20, 0, 30]])


def test_mistakes_raise_errors(tmp_path):
    estimator, _ = line(tmp_path)
    for use in (lambda: estimator.evaluate(NUMBERS, NUMBERS), lambda: next(estimator.predict(NUMBERS))):
        with pytest.raises(L.NotFittedError, match="call fit first"):
            use()
    with pytest.raises(ValueError, match=r"same number of examples, at least 1: \[5, 4\]"):
        estimator.fit(NUMBERS, Y[:4], steps=1)
    with pytest.raises(NotImplementedError, match="use input_fn"):
        estimator.evaluate(NUMBERS, NUMBERS, feed_fn=dict)
    with pytest.raises(ValueError, match="must return ModelFnOps"):
        L.Estimator(lambda features, labels: [], str(tmp_path)).fit(NUMBERS, NUMBERS, steps=1)
    with pytest.raises(NotImplementedError, match=r"CheckpointSaver .*tf\.train\.CheckpointSaverHook"):
        L.monitors.CheckpointSaver(str(tmp_path))


COLUMNS = L.infer_real_valued_columns_from_input(X)
LINEAR = {
    "three classes": (lambda folder: L.LinearClassifier(COLUMNS, folder, n_classes=3), Y, 0.688246, [1, 1, 0, 2, 0]),
    "two classes": (lambda folder: L.LinearClassifier(COLUMNS, folder), Y > 0, 0.587084, [1, 1, 0, 1, 0]),
    "regression": (
        lambda folder: L.LinearRegressor(COLUMNS, folder),
        TARGETS,
        5.188468,
        [0.53693, 1.09001, -0.01615, 2.41262, 0.26039],
    ),
    "clipped": (
        lambda folder: L.LinearRegressor(
            COLUMNS, folder, optimizer=tf.train.GradientDescentOptimizer(0.1), gradient_clip_norm=0.5
        ),
        TARGETS,
        9.512523,
        [0.30276, 0.74479, -0.13928, 0.57793, 0.08174],
    ),
}


@pytest.mark.parametrize("name", LINEAR)
def test_linear_estimators_compute_the_numbers_of_1_15(tmp_path, name):
    make, labels, loss, predictions = LINEAR[name]
    estimator = make(str(tmp_path)).fit(X, labels.astype(int) if labels.dtype == bool else labels, steps=5)
    near(estimator.evaluate(X, labels.astype(np.int64) if labels.dtype == bool else labels)["loss"], loss)
    np.testing.assert_allclose(list(estimator.predict(X)), predictions, atol=1e-5)


def test_a_classifier_computes_the_metrics_and_probabilities_of_1_15(tmp_path):
    classifier = L.SKCompat(L.LinearClassifier(COLUMNS, str(tmp_path), n_classes=3)).fit(X, Y, steps=3)
    key = L.PredictionKey.CLASSES
    metrics = {"same": L.MetricSpec(contrib.metrics.streaming_accuracy, prediction_key=key)}
    result = classifier.score(X, Y, metrics=metrics)
    near([result[name] for name in ("loss", "accuracy", "same", "global_step")], [0.7444941, 0.6, 0.6, 3])
    predictions = classifier.predict(X)
    assert predictions["classes"].tolist() == [1, 1, 0, 2, 0]
    near(predictions["probabilities"][0], [0.40807828, 0.46259576, 0.12932593])
    near(predictions["logits"][0], [0.4953049, 0.62069947, -0.6538183])
    near(next(classifier._estimator.predict_proba(X)), [0.40807828, 0.46259576, 0.12932593])


@pytest.mark.parametrize(
    ("make", "labels"),
    [
        (lambda folder: L.DNNClassifier([8], COLUMNS, folder, n_classes=3, gradient_clip_norm=5.0), Y),
        (lambda folder: L.DNNRegressor([8], COLUMNS, folder, optimizer="Adagrad", dropout=0.1), TARGETS),
        (
            lambda folder: L.DNNLinearCombinedClassifier(
                folder,
                n_classes=3,
                linear_feature_columns=COLUMNS,
                dnn_feature_columns=COLUMNS,
                dnn_hidden_units=[4],
                dnn_optimizer=lambda: tf.train.AdamOptimizer(0.05),
            ),
            Y,
        ),
        (lambda folder: L.DNNLinearCombinedRegressor(folder, linear_feature_columns=COLUMNS), TARGETS),
    ],
)
def test_other_canned_estimators_learn(tmp_path, make, labels):
    estimator = make(str(tmp_path))
    at_zero = np.log(3) if labels is Y else np.mean(TARGETS**2)
    assert estimator.fit(X, labels, steps=40).evaluate(X, labels)["loss"] < at_zero
    assert len(list(estimator.predict(X))) == 5


def test_a_canned_estimator_accepts_input_fns_and_old_columns(tmp_path):
    columns = [contrib.layers.real_valued_column("x", dimension=2)]
    classifier = L.DNNClassifier([4], columns, str(tmp_path), n_classes=3, weight_column_name="w", label_keys=None)

    def input_fn():
        return tf.data.Dataset.from_tensors(({"x": X, "w": np.ones((5, 1), np.float32)}, Y)).repeat(2)

    classifier.fit(input_fn=input_fn, steps=2)
    assert classifier.evaluate(input_fn=input_fn)["global_step"] == 2
    assert (
        len(classifier.predict(input_fn=input_fn, outputs=["probabilities"], as_iterable=False)["probabilities"]) == 10
    )
    with pytest.raises(NotImplementedError, match="embedding_lr_multipliers: not available"):
        L.DNNClassifier([4], columns, embedding_lr_multipliers={})
    with pytest.raises(NotImplementedError, match="enable_centered_bias"):
        L.LinearRegressor(columns, enable_centered_bias=True)


def two_batches():
    return tf.data.Dataset.from_tensors(X).repeat(2)


@pytest.mark.parametrize(
    ("input_fn", "passes"),
    [
        (lambda: X, 1),
        (lambda: tf.constant(X), 1),
        (lambda: {"": tf.constant(X)}, 1),
        (lambda: tf.train.input_producer(X, num_epochs=2, shuffle=False).dequeue_many(5), 2),
        (lambda: tf.data.make_one_shot_iterator(two_batches()).get_next(), 2),
        (two_batches, 2),
    ],
)
def test_predictions_end_with_the_data_or_after_one_batch_of_constants(tmp_path, input_fn, passes):
    classifier = L.LinearClassifier(COLUMNS, str(tmp_path), n_classes=3).fit(X, Y, steps=5)
    for predict in (classifier.predict, classifier.predict_classes):
        rows = predict(input_fn=input_fn)
        assert list(itertools.islice(rows, 100)) == [1, 1, 0, 2, 0] * passes


def test_columns_are_inferred_from_data():
    (column,) = COLUMNS
    assert (column.key, column.shape, column.dtype) == ("", (2,), tf.float32)
    columns = L.infer_real_valued_columns_from_input_fn(lambda: ({"q": tf.zeros([3, 4])}, None))
    assert [(column.key, column.shape) for column in columns] == [("q", (4,))]
    assert L.infer_real_valued_columns_from_input({"q": np.zeros((3, 2), np.int32)})[0].dtype == tf.int32


def test_an_estimator_can_be_exported_and_used_in_an_experiment(tmp_path):
    estimator, _ = line(tmp_path / "model")

    def input_fn():
        return tf.data.Dataset.from_tensors((NUMBERS, np.arange(5.0))).repeat()

    experiment = L.Experiment(
        estimator,
        input_fn,
        input_fn,
        train_steps=2,
        eval_steps=1,
        eval_metrics={"mean": lambda predictions, labels: tf.metrics.mean(labels)},
    )
    result, _ = experiment.train_and_evaluate()
    assert (result["global_step"], result["mean"]) == (2, 2)

    def serving_input_fn():
        x = tf.placeholder(tf.float64, [None, 1])
        return L.InputFnOps(x, None, {"x": x})

    path = estimator.export_savedmodel(str(tmp_path / "export"), serving_input_fn).decode()
    output = contrib.predictor.from_saved_model(path)({"x": NUMBERS[1:2]})["predictions"]
    near(output, [estimator.get_variable_value("weight").reshape(1)])


TEXTS = ["I'm a cat, an HTTPServer cat", "the CAT sat. A-b foo_bar  catDog DogCat ABc", "cat a été 3.5 x"]


@pytest.mark.parametrize(
    ("options", "ids", "words"),
    [
        (
            {},
            [[1, 2, 3, 4, 5, 6, 3, 0], [7, 8, 9, 10, 11, 12, 13, 14], [3, 2, 16, 17, 18, 19, 0, 0]],
            "<UNK> I'm a cat an HTTP Server the CAT sat A-b foo_bar catDog Dog Cat ABc été 3 5 x",
        ),
        ({"min_frequency": 1}, [[0, 2, 1, 0, 0, 0, 1, 0], [0] * 8, [1, 2, 0, 0, 0, 0, 0, 0]], "<UNK> cat a"),
        (
            {"tokenizer_fn": lambda texts: (text.split() for text in texts)},
            [[1, 2, 3, 4, 5, 6, 0, 0], [7, 8, 9, 10, 11, 12, 13, 14], [6, 2, 15, 16, 17, 0, 0, 0]],
            "<UNK> I'm a cat, an HTTPServer cat the CAT sat. A-b foo_bar catDog DogCat ABc été 3.5 x",
        ),
    ],
)
def test_texts_become_the_ids_of_1_15(options, ids, words):
    processor = L.preprocessing.VocabularyProcessor(8, **options)
    rows = list(processor.fit_transform(TEXTS))
    assert (np.array(rows).tolist(), rows[0].dtype) == (ids, np.int64)
    assert list(processor.vocabulary_._mapping) == words.split()
    assert len(processor.vocabulary_) == len(words.split())


def test_a_vocabulary_is_saved_and_reversed(tmp_path):
    processor = L.preprocessing.VocabularyProcessor(4)
    processor.fit(TEXTS)
    processor.save(str(tmp_path / "vocabulary"))
    restored = L.preprocessing.VocabularyProcessor.restore(str(tmp_path / "vocabulary"))
    ids = list(restored.transform(["cat zz foo_bar"]))
    assert np.array(ids).tolist() == [[3, 0, 11, 0]]
    assert list(restored.reverse(ids)) == ["cat <UNK> foo_bar <UNK>"]
    with pytest.raises(ValueError, match="support_reverse"):
        L.preprocessing.CategoricalVocabulary(support_reverse=False).reverse(0)


def test_texts_become_the_bytes_of_1_15():
    processor = L.preprocessing.ByteProcessor(5)
    rows = list(processor.fit(None).fit_transform(["abc", "é中"]))
    assert np.array(rows).tolist() == [[97, 98, 99, 0, 0], [195, 169, 228, 184, 173]]
    assert rows[0].dtype == np.uint8
    assert next(processor.reverse(rows)) == "abc"


@pytest.mark.parametrize(
    ("optimizer", "fixed", "step", "dnn_bias", "bias", "weight"),
    [
        (None, False, 6, 0.0718, 0.2870, 0.3038),
        (None, True, 5, 0.0731, 0.2922, 0.3280),
        ("SGD", False, 6, 0.1368, 0.5471, 1.3188),
        ("SGD", True, 5, 0.2037, 0.8147, 1.9707),
        ("Momentum", False, 6, -0.0282, -0.1129, -0.1012),
        ("Adam", True, 5, 0.1158, 0.4630, 0.5133),
    ],
)
def test_a_combined_estimator_counts_and_learns_as_in_1_15(tmp_path, optimizer, fixed, step, dnn_bias, bias, weight):
    columns = [contrib.layers.real_valued_column("x")]

    def input_fn():
        return {"x": tf.constant([[1.0], [2.0], [3.0]])}, tf.constant([[1.0], [0.0], [2.0]])

    estimator = L.DNNLinearCombinedRegressor(
        str(tmp_path),
        linear_feature_columns=columns,
        linear_optimizer=optimizer,
        dnn_feature_columns=columns,
        dnn_hidden_units=[2],
        dnn_optimizer=optimizer,
        dnn_activation_fn=lambda x: x * 0,  # its random weights do not count
        fix_global_step_increment_bug=fixed,
    ).fit(input_fn=input_fn, steps=5)
    assert estimator.get_variable_value("global_step") == step
    names = ("dnn/logits/bias", "linear/linear_model/bias_weights", "linear/linear_model/x/weights")
    values = [estimator.get_variable_value(name).item() for name in names]
    np.testing.assert_allclose(values, [dnn_bias, bias, weight], atol=1e-4)


def test_a_named_optimizer_has_the_learning_rate_of_1_15(tmp_path):
    def input_fn():
        return {"x": tf.constant([[1.0], [2.0], [3.0]])}, tf.constant([[1.0], [0.0], [2.0]])

    columns = [contrib.layers.real_valued_column("x")]
    regressor = L.LinearRegressor(columns, str(tmp_path), optimizer="SGD").fit(input_fn=input_fn, steps=3)
    names = ("linear/linear_model/bias_weights", "linear/linear_model/x/weights")
    weights = [regressor.get_variable_value(name).item() for name in names]
    np.testing.assert_allclose(weights, [0.4924, 1.1881], atol=1e-4)
