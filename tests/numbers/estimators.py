"""Canned estimators, heads and estimators with a model_fn: training, evaluation, prediction and variables."""

import os
import tempfile

import cases
import numpy as np
import tensorflow as tf

estimator = tf.estimator
column = tf.feature_column

AGES = (20 + 40 * np.sin(np.arange(12.0))).astype(np.float32).reshape(12, 1)
COLORS = np.array([["red"], ["blue"], ["green"]] * 4)
HOURS = (5 * np.cos(np.arange(24.0))).astype(np.float32).reshape(12, 2)
BINARY = np.array([[0], [1], [1], [0], [1], [0]] * 2)
CLASSES = np.array([[0], [2], [1], [2], [1], [0]] * 2)
REAL = (AGES / 20 + HOURS[:, :1]).astype(np.float32)
PAIRS = np.concatenate([REAL, -REAL], 1)
SEVERAL = np.array([[1, 0, 1], [0, 1, 1], [0, 0, 1]] * 4)
WEIGHTS = np.array([[1.0], [0.5], [2.0]] * 4, np.float32)
SIZE = 4


def input_fn(labels, weights=False, epochs=None):
    features = {"age": AGES, "color": COLORS, "hours": HOURS}
    if weights:
        features["weight"] = WEIGHTS

    def batches():
        dataset = tf.data.Dataset.from_tensor_slices((features, labels))
        return dataset.repeat(epochs).batch(SIZE)

    return batches


class SetVariables(tf.train.SessionRunHook):
    """Sets the trainable variables to values that do not depend on random numbers."""

    def after_create_session(self, session, coord):
        variables = sorted(tf.trainable_variables(), key=lambda each: each.name)
        values = {}
        for number, variable in enumerate(variables):
            shape = variable.shape.as_list()
            value = 0.3 * np.sin(np.arange(np.prod(shape)) * 1.3 + number).reshape(shape)
            values[variable.initializer.inputs[1]] = value
        session.run([variable.initializer for variable in variables], values)


def age():
    return column.numeric_column("age", normalizer_fn=lambda x: x / 40)


def wide():
    buckets = column.bucketized_column(column.numeric_column("age"), [0, 20, 40])
    color = column.categorical_column_with_vocabulary_list("color", ["red", "blue"], num_oov_buckets=1)
    return [age(), buckets, color, column.crossed_column([buckets, "color"], 11)]


def deep():
    hashed = column.categorical_column_with_hash_bucket("color", 5)
    return [
        age(),
        column.numeric_column("hours", [2]),
        column.embedding_column(hashed, 2),
        column.indicator_column(hashed),
    ]


def config():
    return estimator.RunConfig(
        tempfile.mkdtemp(), save_summary_steps=2, log_step_count_steps=None, session_config=cases.unoptimized()
    )


def fitted(make, labels, weights=False, steps=5, predicts=False, hooks=True):
    """Trains an estimator; returns its metrics, variables and predictions."""
    model = make()
    model.train(input_fn(labels, weights), [SetVariables()] if hooks else None, steps=steps)
    result = [sorted(model.evaluate(input_fn(labels, weights, 1)).items())]
    result += [[name, model.get_variable_value(name)] for name in sorted(model.get_variable_names())]
    if predicts:
        result.append([sorted(each.items()) for each in list(model.predict(input_fn(labels, weights, 1)))[:2]])
    return result


def sgd(rate=0.1):
    return tf.train.GradientDescentOptimizer(rate)


CANNED = [
    (
        "LinearClassifier",
        lambda: fitted(lambda: estimator.LinearClassifier(wide(), config=config()), BINARY, predicts=True),
    ),
    (
        "LinearRegressor",
        lambda: fitted(
            lambda: estimator.LinearRegressor(wide(), optimizer="Adam", config=config(), sparse_combiner="mean"),
            REAL,
            predicts=True,
        ),
    ),
    (
        "DNNClassifier",
        lambda: fitted(
            lambda: estimator.DNNClassifier(
                [4],
                deep(),
                n_classes=3,
                optimizer=tf.train.AdamOptimizer(0.05),
                activation_fn=tf.nn.tanh,
                batch_norm=True,
                config=config(),
            ),
            CLASSES,
        ),
    ),
    (
        "DNNRegressor",
        lambda: fitted(
            lambda: estimator.DNNRegressor([4], deep(), optimizer="RMSProp", weight_column="weight", config=config()),
            REAL,
            True,
        ),
    ),
    (
        "DNNLinearCombinedClassifier",
        lambda: fitted(
            lambda: estimator.DNNLinearCombinedClassifier(
                linear_feature_columns=wide(), dnn_feature_columns=deep(), dnn_hidden_units=[4, 2], config=config()
            ),
            BINARY,
            predicts=True,
        ),
    ),
    (
        "DNNLinearCombinedRegressor",
        lambda: fitted(
            lambda: estimator.DNNLinearCombinedRegressor(
                linear_feature_columns=wide(),
                linear_optimizer=sgd(),
                dnn_feature_columns=deep(),
                dnn_hidden_units=[3],
                dnn_optimizer="SGD",
                config=config(),
                linear_sparse_combiner="sqrtn",
            ),
            REAL,
        ),
    ),
    (
        "BaselineClassifier",
        lambda: fitted(
            lambda: estimator.BaselineClassifier(n_classes=3, config=config()), CLASSES, predicts=True, hooks=False
        ),
    ),
    (
        "BaselineRegressor",
        lambda: fitted(lambda: estimator.BaselineRegressor(optimizer="Adagrad", config=config()), REAL, hooks=False),
    ),
    (
        "LinearClassifier of texts",
        lambda: fitted(
            lambda: estimator.LinearClassifier(
                [age()], n_classes=3, label_vocabulary=["red", "blue", "green"], config=config()
            ),
            COLORS,
            predicts=True,
        ),
    ),
]

LOGITS = np.float32([[1.0], [-2.0], [0.5], [3.0]])
MANY = np.float32([[1.0, 0.5, -1.0], [-2.0, 2.0, 0.1], [0.5, 0.4, 0.3], [3.0, -3.0, 1.0]])
FEATURES = {"weight": WEIGHTS[:4]}


def head(make, logits, labels):
    """Returns the loss, metrics and predictions of a head."""
    features = {name: tf.constant(value) for name, value in FEATURES.items()}
    made = make()
    options = {"features": features, "labels": labels, "logits": logits, "regularization_losses": [tf.constant(0.5)]}
    evaluation = made.create_estimator_spec(mode="eval", **options)
    training = made.create_estimator_spec(mode="train", train_op_fn=lambda loss: tf.identity(loss) * 2, **options)
    prediction = made.create_estimator_spec(features, "infer", logits)
    cases.initialize()
    tf.get_default_session().run([update for _, update in evaluation.eval_metric_ops.values()])
    metrics = {name: value for name, (value, _) in evaluation.eval_metric_ops.items()}
    values = tf.get_default_session().run([evaluation.loss, metrics, training.train_op, prediction.predictions])
    return [sorted(metrics), sorted(prediction.export_outputs), values]


def multi_head():
    heads = [estimator.RegressionHead(name="a"), estimator.BinaryClassHead(name="b")]
    labels = {"a": tf.constant(REAL[:4]), "b": tf.constant(BINARY[:4])}
    spec = estimator.MultiHead(heads, [1.0, 0.5]).create_estimator_spec(
        {"x": tf.ones([4, 1])}, "eval", {"a": tf.constant(LOGITS), "b": tf.constant(-LOGITS)}, labels
    )
    cases.initialize()
    tf.get_default_session().run([update for _, update in spec.eval_metric_ops.values()])
    metrics = {name: value for name, (value, _) in spec.eval_metric_ops.items()}
    return [sorted(metrics), tf.get_default_session().run([spec.loss, metrics])]


HEADS = [
    (name, lambda make=make, logits=logits, labels=labels: head(make, tf.constant(logits), tf.constant(labels)))
    for name, make, logits, labels in [
        ("BinaryClassHead", lambda: estimator.BinaryClassHead(), LOGITS, BINARY[:4]),
        (
            "BinaryClassHead weights",
            lambda: estimator.BinaryClassHead("weight", thresholds=[0.3, 0.7]),
            LOGITS,
            BINARY[:4],
        ),
        ("MultiClassHead", lambda: estimator.MultiClassHead(3), MANY, CLASSES[:4]),
        ("MultiClassHead weights", lambda: estimator.MultiClassHead(3, "weight"), MANY, CLASSES[:4]),
        ("MultiLabelHead", lambda: estimator.MultiLabelHead(3, thresholds=[0.4]), MANY, SEVERAL[:4]),
        ("RegressionHead", lambda: estimator.RegressionHead(), LOGITS, REAL[:4]),
        (
            "RegressionHead of three labels",
            lambda: estimator.RegressionHead(3, "weight"),
            MANY,
            SEVERAL[:4].astype(np.float32),
        ),
        ("PoissonRegressionHead", lambda: estimator.PoissonRegressionHead(), LOGITS, np.abs(REAL[:4])),
        (
            "LogisticRegressionHead",
            lambda: estimator.LogisticRegressionHead(),
            LOGITS,
            np.float32([[0.1], [0.9], [0.5], [1.0]]),
        ),
    ]
] + [("MultiHead", multi_head)]


def model_fn(features, labels, mode, params):
    hidden = tf.layers.dense(features["hours"], 3, tf.nn.relu)
    hidden = tf.layers.dropout(hidden, 0.3, seed=4, training=mode == "train")
    hidden = tf.layers.batch_normalization(hidden, training=mode == "train", momentum=0.9)
    output = tf.layers.dense(hidden, 1)
    if mode == estimator.ModeKeys.PREDICT:
        return estimator.EstimatorSpec(mode, predictions={"y": output})
    loss = tf.losses.mean_squared_error(labels, output)
    if mode == estimator.ModeKeys.EVAL:
        metrics = {"error": tf.metrics.mean_absolute_error(labels, output)}
        return estimator.EstimatorSpec(mode, loss=loss, eval_metric_ops=metrics)
    tf.summary.scalar("loss_of_batch", loss)
    rate = tf.train.exponential_decay(params["rate"], tf.train.get_global_step(), 2, 0.5)
    with tf.control_dependencies(tf.get_collection(tf.GraphKeys.UPDATE_OPS)):
        train_op = tf.train.MomentumOptimizer(rate, 0.9).minimize(loss, tf.train.get_global_step())
    return estimator.EstimatorSpec(mode, loss=loss, train_op=train_op)


def own_estimator():
    return estimator.Estimator(model_fn, config=config(), params={"rate": 0.1})


def resumed():
    """Trains twice, warm starts another estimator; returns the steps and its variables."""
    first = own_estimator()
    first.train(input_fn(REAL), [SetVariables()], steps=3)
    first.train(input_fn(REAL), max_steps=5)
    settings = estimator.WarmStartSettings(first.model_dir, "dense.*")
    second = estimator.Estimator(model_fn, config=config(), params={"rate": 0.0}, warm_start_from=settings)
    second.train(input_fn(REAL), steps=1)
    names = [name for name in sorted(second.get_variable_names()) if name.startswith("dense")]
    return [
        first.get_variable_value("global_step"),
        os.path.basename(first.latest_checkpoint()),
        names,
        [second.get_variable_value(name) for name in names],
    ]


def events():
    """Returns the summaries that training and evaluation write."""
    model = own_estimator()
    train = estimator.TrainSpec(input_fn(REAL), max_steps=4, hooks=[SetVariables()])
    estimator.train_and_evaluate(
        model, train, estimator.EvalSpec(input_fn(REAL, epochs=1), steps=None, start_delay_secs=0)
    )
    folders = [model.model_dir, model.eval_dir()]
    values = []
    for folder in folders:
        for name in sorted(os.listdir(folder)):
            if name.startswith("events"):
                for event in tf.train.summary_iterator(os.path.join(folder, name)):
                    values += [
                        [event.step, value.tag, value.simple_value]
                        for value in event.summary.value
                        if value.HasField("simple_value")
                    ]
    return values


def exported():
    model = estimator.LinearRegressor([age()], config=config())
    model.train(input_fn(REAL), [SetVariables()], steps=2)
    spec = column.make_parse_example_spec([age()])
    receiver = estimator.export.build_parsing_serving_input_receiver_fn(spec)
    path = model.export_saved_model(tempfile.mkdtemp(), receiver)
    example = tf.train.Example(
        features=tf.train.Features(feature={"age": tf.train.Feature(float_list=tf.train.FloatList(value=[30.0]))})
    )
    with tf.Graph().as_default(), tf.Session() as session:
        meta = tf.saved_model.load(session, ["serve"], path)
        results = []
        for name in sorted(meta.signature_def):
            signature = meta.signature_def[name]
            fetches = {key: info.name for key, info in signature.outputs.items()}
            (feed,) = [info.name for info in signature.inputs.values()]
            results.append(
                [
                    name,
                    signature.method_name,
                    sorted(fetches),
                    session.run(fetches, {feed: [example.SerializeToString()]}),
                ]
            )
    return results


def added_metrics():
    model = estimator.LinearRegressor([age()], config=config())
    extra = estimator.add_metrics(
        model, lambda labels, predictions: {"mine": tf.metrics.mean(predictions["predictions"] - labels)}
    )
    extra.train(input_fn(REAL), [SetVariables()], steps=2)
    return sorted(extra.evaluate(input_fn(REAL, epochs=1)).items())


def keras_estimator():
    layers = tf.keras.layers
    model = tf.keras.Sequential(
        [
            layers.Dense(2, "tanh", kernel_initializer="ones", input_shape=[2], name="first"),
            layers.Dense(1, kernel_initializer="ones"),
        ]
    )
    model.compile(tf.train.GradientDescentOptimizer(0.01), "mse", ["mae"])
    keras = (
        estimator.model_to_estimator
        if hasattr(estimator, "model_to_estimator")
        else tf.keras.estimator.model_to_estimator
    )
    trained = keras(model, model_dir=tempfile.mkdtemp())
    dataset = lambda: tf.data.Dataset.from_tensor_slices((HOURS, REAL)).batch(SIZE).repeat(5)  # noqa: E731
    trained.train(dataset, steps=3)
    return sorted(trained.evaluate(dataset, steps=3).items())


OWN = [
    ("model_fn", lambda: fitted(own_estimator, REAL, predicts=True)),
    ("continued and warm started", resumed),
    ("event files", events),
    ("exported", exported),
    ("add_metrics", added_metrics),
    ("model_to_estimator", keras_estimator),
]

GROUPS = [("canned", CANNED), ("head", HEADS), ("estimator", OWN)]

if __name__ == "__main__":
    cases.main([case for group, entries in GROUPS for case in cases.prefixed(group + ":", entries)])
