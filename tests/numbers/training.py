"""Variables, optimizers, learning rates, metrics, saving, summaries and queues."""

import glob
import os
import tempfile

import cases
import numpy as np
import tensorflow as tf

START = np.sin(np.arange(12.0) * 1.7).astype(np.float32).reshape(4, 3)
TARGET = np.cos(np.arange(12.0)).astype(np.float32).reshape(4, 3)
LABELS = np.array([0, 1, 1, 0, 1, 1, 0, 1], np.int32)
SCORES = np.array([0.1, 0.8, 0.35, 0.4, 0.9, 0.55, 0.6, 0.2], np.float32)
TRUTHS = LABELS.astype(np.float32)
WEIGHTS = np.array([1, 0.5, 2, 1, 0, 1, 1.5, 1], np.float32)
CLASSES = np.array([0, 2, 1, 2, 1, 0, 2, 2], np.int64)
GUESSES = np.array([0, 2, 2, 2, 1, 1, 0, 2], np.int64)


def optimized(make, sparse=False, resource=False):
    """Returns a variable, the optimizer's variables and their names after 5 steps."""
    variable = tf.get_variable("x", initializer=START, use_resource=resource)
    optimizer = make()
    used = tf.gather(variable, [0, 2, 0]) if sparse else variable
    target = tf.gather(TARGET, [0, 2, 0]) if sparse else TARGET
    loss = tf.reduce_sum(tf.square(used - target) + 0.1 * tf.square(used) * tf.square(used))
    train_op = optimizer.minimize(loss, tf.train.get_or_create_global_step())
    variables = sorted(tf.global_variables(), key=lambda each: each.name)
    return [cases.after(train_op, 5, variables), [each.name for each in variables], optimizer.get_slot_names()]


OPTIMIZERS = [
    ("GradientDescent", lambda: tf.train.GradientDescentOptimizer(0.1)),
    ("Momentum", lambda: tf.train.MomentumOptimizer(0.05, 0.9)),
    ("Momentum nesterov", lambda: tf.train.MomentumOptimizer(0.05, 0.9, use_nesterov=True)),
    ("Adam", lambda: tf.train.AdamOptimizer(0.1)),
    ("Adam of other betas", lambda: tf.train.AdamOptimizer(0.1, 0.8, 0.99, 0.1)),
    ("Adagrad", lambda: tf.train.AdagradOptimizer(0.5)),
    ("AdagradDA", lambda: adagrad_da()),
    ("Adadelta", lambda: tf.train.AdadeltaOptimizer(1.0, 0.9, 1e-4)),
    ("RMSProp", lambda: tf.train.RMSPropOptimizer(0.1)),
    ("RMSProp centered", lambda: tf.train.RMSPropOptimizer(0.05, 0.8, 0.5, 1e-3, centered=True)),
    ("Ftrl", lambda: tf.train.FtrlOptimizer(0.5)),
    (
        "Ftrl l1 l2",
        lambda: tf.train.FtrlOptimizer(0.5, -0.4, 0.2, 0.05, 0.1, l2_shrinkage_regularization_strength=0.02),
    ),
    ("ProximalGradientDescent", lambda: tf.train.ProximalGradientDescentOptimizer(0.1, 0.05, 0.1)),
    ("ProximalAdagrad", lambda: tf.train.ProximalAdagradOptimizer(0.5, 0.2, 0.05, 0.1)),
    ("SyncReplicas", lambda: tf.train.SyncReplicasOptimizer(tf.train.GradientDescentOptimizer(0.1), 1)),
]


def adagrad_da():
    return tf.train.AdagradDAOptimizer(0.5, tf.train.get_or_create_global_step(), 0.1, 0.01, 0.02)


STEPS = [
    (name + kind, lambda make=make, options=options: optimized(make, **options))
    for name, make in OPTIMIZERS
    for kind, options in [
        ("", {}),
        (" sparse", {"sparse": True}),
        (" resource", {"resource": True}),
        (" sparse resource", {"sparse": True, "resource": True}),
    ]
    if name != "SyncReplicas"
]


def clipped():
    variable = tf.get_variable("x", initializer=START)
    optimizer = tf.train.GradientDescentOptimizer(0.5)
    pairs = optimizer.compute_gradients(tf.reduce_sum(tf.square(variable - TARGET)))
    gradients = tf.clip_by_global_norm([gradient for gradient, _ in pairs], 1.0)[0]
    return cases.after(optimizer.apply_gradients([(gradients[0], variable)]), 4, variable)


def moving_average(**options):
    variable = tf.get_variable("x", initializer=START[0])
    average = tf.train.ExponentialMovingAverage(0.8, **options)
    with tf.control_dependencies([tf.assign_add(variable, [1.0, 2.0, 3.0])]):
        update = average.apply([variable])
    names = [variable.name for variable in tf.global_variables()]
    return [cases.after(update, 4, average.average(variable)), names, average.average_name(variable)]


def loss_by_name():
    a = tf.get_variable("a", initializer=1.0)
    b = tf.get_variable("b", initializer=2.0)
    train_op = tf.train.AdamOptimizer(0.1).minimize((a * b - 1) ** 2, var_list=[b])
    return cases.after(train_op, 3, [a, b])


def gated():
    variable = tf.get_variable("x", initializer=START)
    optimizer = tf.train.GradientDescentOptimizer(0.1)
    gates = [tf.train.Optimizer.GATE_NONE, tf.train.Optimizer.GATE_OP, tf.train.Optimizer.GATE_GRAPH]
    return [optimizer.compute_gradients(tf.reduce_sum(variable**2), gate_gradients=gate)[0][0] for gate in gates]


def second_optimizer():
    variable = tf.get_variable("x", initializer=START[0])
    loss = tf.reduce_sum(variable**2)
    both = tf.group(*[tf.train.AdamOptimizer(rate).minimize(loss) for rate in (0.1, 0.2)])
    names = [each.name for each in tf.global_variables()]
    return [names, cases.after(both, 1, [each for each in tf.global_variables() if each.shape == []])]


STEPS += [
    ("clipped gradients", clipped),
    ("moving average", moving_average),
    ("moving average zero_debias", lambda: moving_average(zero_debias=True)),
    ("moving average num_updates", lambda: moving_average(num_updates=3)),
    ("var_list", loss_by_name),
    ("gate_gradients", gated),
    ("two optimizers", second_optimizer),
]

LEARNING_RATES = [
    (name, lambda schedule=schedule: [schedule(tf.constant(step)) for step in (0, 1, 7, 10, 25, 60)])
    for name, schedule in [
        ("exponential_decay", lambda step: tf.train.exponential_decay(0.1, step, 10, 0.9)),
        ("exponential_decay staircase", lambda step: tf.train.exponential_decay(0.1, step, 10, 0.9, staircase=True)),
        ("natural_exp_decay", lambda step: tf.train.natural_exp_decay(0.1, step, 10, 0.9)),
        ("natural_exp_decay staircase", lambda step: tf.train.natural_exp_decay(0.1, step, 10, 0.9, True)),
        ("inverse_time_decay", lambda step: tf.train.inverse_time_decay(0.1, step, 10, 0.9)),
        ("inverse_time_decay staircase", lambda step: tf.train.inverse_time_decay(0.1, step, 10, 0.9, True)),
        ("polynomial_decay", lambda step: tf.train.polynomial_decay(0.1, step, 20, 0.01, 2.0)),
        ("polynomial_decay cycle", lambda step: tf.train.polynomial_decay(0.1, step, 20, 0.01, cycle=True)),
        ("piecewise_constant", lambda step: tf.train.piecewise_constant(step, [1, 10], [0.1, 0.05, 0.01])),
        ("cosine_decay", lambda step: tf.train.cosine_decay(0.1, step, 50, 0.1)),
        ("cosine_decay_restarts", lambda step: tf.train.cosine_decay_restarts(0.1, step, 10, 2.0, 0.9, 0.01)),
        ("linear_cosine_decay", lambda step: tf.train.linear_cosine_decay(0.1, step, 50)),
        ("noisy_linear_cosine_decay", lambda step: tf.shape(tf.train.noisy_linear_cosine_decay(0.1, step, 50))),
    ]
]


def metric(make):
    """Returns a metric's value and variables after two batches."""
    value, update = make()
    cases.initialize()
    updates = [tf.get_default_session().run(update) for _ in range(2)]
    return [updates, tf.get_default_session().run([value, sorted_metric_variables()])]


def sorted_metric_variables():
    return sorted(tf.get_collection(tf.GraphKeys.METRIC_VARIABLES), key=lambda each: each.name)


def constants(*arrays):
    return [tf.constant(array) for array in arrays]


THRESHOLDS = (
    "precision_at_thresholds recall_at_thresholds true_positives_at_thresholds true_negatives_at_thresholds "
    "false_positives_at_thresholds false_negatives_at_thresholds"
)
METRICS = [
    (name, lambda make=make: metric(make))
    for name, make in [
        ("accuracy", lambda: tf.metrics.accuracy(CLASSES, GUESSES)),
        ("accuracy weighted", lambda: tf.metrics.accuracy(CLASSES, GUESSES, WEIGHTS)),
        ("precision", lambda: tf.metrics.precision(LABELS, SCORES > 0.5, WEIGHTS)),
        ("recall", lambda: tf.metrics.recall(LABELS, SCORES > 0.5, WEIGHTS)),
        ("auc", lambda: tf.metrics.auc(LABELS, SCORES)),
        ("auc weighted", lambda: tf.metrics.auc(LABELS, SCORES, WEIGHTS, num_thresholds=20)),
        (
            "auc pr",
            lambda: tf.metrics.auc(
                LABELS, SCORES, curve="PR", num_thresholds=20, summation_method="careful_interpolation"
            ),
        ),
        ("auc pr trapezoidal", lambda: tf.metrics.auc(LABELS, SCORES, curve="PR", num_thresholds=20)),
        ("auc minoring", lambda: tf.metrics.auc(LABELS, SCORES, num_thresholds=20, summation_method="minoring")),
        ("mean", lambda: tf.metrics.mean(SCORES, WEIGHTS)),
        ("mean_tensor", lambda: tf.metrics.mean_tensor(SCORES)),
        ("mean_absolute_error", lambda: tf.metrics.mean_absolute_error(*constants(TRUTHS, SCORES, WEIGHTS))),
        ("mean_squared_error", lambda: tf.metrics.mean_squared_error(*constants(TRUTHS, SCORES, WEIGHTS))),
        ("root_mean_squared_error", lambda: tf.metrics.root_mean_squared_error(*constants(TRUTHS, SCORES))),
        ("mean_relative_error", lambda: tf.metrics.mean_relative_error(*constants(TRUTHS, SCORES, SCORES * 2))),
        ("mean_cosine_distance", lambda: tf.metrics.mean_cosine_distance(TARGET, START, 1)),
        ("mean_iou", lambda: tf.metrics.mean_iou(*constants(CLASSES, GUESSES), 3)),
        ("mean_per_class_accuracy", lambda: tf.metrics.mean_per_class_accuracy(*constants(CLASSES, GUESSES), 3)),
        ("percentage_below", lambda: tf.metrics.percentage_below(SCORES, 0.5)),
        ("true_positives", lambda: tf.metrics.true_positives(LABELS, SCORES > 0.5)),
        ("true_negatives", lambda: tf.metrics.true_negatives(LABELS, SCORES > 0.5)),
        ("false_positives", lambda: tf.metrics.false_positives(LABELS, SCORES > 0.5, WEIGHTS)),
        ("false_negatives", lambda: tf.metrics.false_negatives(LABELS, SCORES > 0.5)),
        *[
            (name, lambda name=name: getattr(tf.metrics, name)(LABELS, SCORES, [0.25, 0.5, 0.75]))
            for name in THRESHOLDS.split()
        ],
        *[
            (name, lambda name=name: getattr(tf.metrics, name)(LABELS, SCORES, 0.6, num_thresholds=50))
            for name in ["sensitivity_at_specificity", "specificity_at_sensitivity"]
        ],
        *[
            (name, lambda name=name: getattr(tf.metrics, name)(CLASSES[:4], START, 2))
            for name in ["precision_at_k", "recall_at_k", "average_precision_at_k"]
        ],
        ("precision_at_k of a class", lambda: tf.metrics.precision_at_k(CLASSES[:4], START, 2, class_id=2)),
        (
            "precision_at_top_k",
            lambda: tf.metrics.precision_at_top_k(
                *constants(CLASSES[:4, np.newaxis], np.argsort(-START)[:, :2].astype(np.int64))
            ),
        ),
        (
            "recall_at_top_k",
            lambda: tf.metrics.recall_at_top_k(
                *constants(CLASSES[:4, np.newaxis], np.argsort(-START)[:, :2].astype(np.int64))
            ),
        ),
        ("keras accuracy", lambda: keras_metric(tf.keras.metrics.Accuracy(), CLASSES, GUESSES)),
        ("keras AUC", lambda: keras_metric(tf.keras.metrics.AUC(num_thresholds=20), LABELS, SCORES)),
        ("keras Precision", lambda: keras_metric(tf.keras.metrics.Precision(), LABELS, SCORES)),
        ("keras MeanIoU", lambda: keras_metric(tf.keras.metrics.MeanIoU(3), CLASSES, GUESSES)),
    ]
]


def keras_metric(metric, labels, predictions):
    update = metric.update_state(labels, predictions)
    for variable in metric.weights:
        tf.add_to_collection(tf.GraphKeys.METRIC_VARIABLES, variable)
        tf.add_to_collection(tf.GraphKeys.LOCAL_VARIABLES, variable)
    return metric.result(), tf.group(update)


def names():
    return [variable.name for variable in tf.global_variables()]


def scopes():
    with tf.variable_scope("outer", initializer=tf.constant_initializer(0.5)) as scope:
        a = tf.get_variable("a", [2])
        with tf.variable_scope("inner", regularizer=lambda value: tf.reduce_sum(value) * 0.1):
            tf.get_variable("b", [3])
        with tf.variable_scope(scope, reuse=True):
            same = tf.get_variable("a") is a
        with tf.variable_scope(None, "default"):
            tf.get_variable("c", [1])
        with tf.variable_scope(None, "default"):
            tf.get_variable("c", [1])
    with tf.variable_scope(scope, auxiliary_name_scope=False):
        d = tf.get_variable("d", [1])
    with tf.name_scope("named"):
        e = tf.Variable([1.0, 2.0], name="e")
        f = tf.get_variable("f", [1], collections=["mine", "variables"], trainable=False)
        add = tf.add(e, 1.0, name="add")
    texts = [same, names(), d.op.name, f.name, add.name, e.name, tf.get_collection("mine")[0].name]
    return [texts, tf.losses.get_regularization_losses(), tf.trainable_variables()]


def reuse(**options):
    with tf.variable_scope("s", **options):
        tf.get_variable("v", [1])
    with tf.variable_scope("s", **options):
        tf.get_variable("v", [1])
    return names()


def partitioned(partitioner):
    with tf.variable_scope("p", partitioner=partitioner, initializer=tf.constant_initializer(np.arange(20.0))):
        variable = tf.get_variable("v", [5, 4], initializer=tf.ones_initializer())
        looked_up = tf.nn.embedding_lookup(variable, [0, 3, 4], partition_strategy="div")
    return [names(), [part.shape.as_list() for part in variable], tf.convert_to_tensor(variable), looked_up]


def name_scopes():
    with tf.name_scope("a") as first, tf.name_scope("b"):
        tf.constant(1, name="c")
        tf.constant(1, name="c")
        with tf.name_scope("/absolute"):
            pass
    with tf.name_scope("a"):
        x = tf.constant(2.0)
        x * 2 + 1
        tf.reduce_mean([x, x])
        tf.nn.relu(x)
        tf.layers.dense(tf.ones([1, 2]), 1)
    return [first, [operation.name for operation in tf.get_default_graph().get_operations()][:16]]


def template():
    scale = tf.make_template("scale", lambda x: x * tf.get_variable("w", [], initializer=tf.constant_initializer(3.0)))
    return [scale(tf.constant(2.0)), scale(tf.constant(5.0)), names()]


def assigned(**options):
    variable = tf.get_variable("x", initializer=START, **options)
    updates = [
        tf.assign_add(variable, START),
        tf.assign_sub(variable, START * 0.5),
        tf.scatter_add(variable, [0, 2], START[:2]),
        tf.scatter_sub(variable, [1], START[:1]),
        tf.scatter_mul(variable, [3], START[1:2]),
        tf.scatter_update(variable, [1], START[2:3]),
        tf.scatter_max(variable, [0], START[1:2]),
        tf.scatter_nd_add(variable, [[0, 1]], [5.0]),
        tf.scatter_nd_update(variable, [[3, 2]], [7.0]),
        variable[2:3, :].assign([[1.0, 2.0, 3.0]]),
        tf.assign(variable, START * 2),
    ]
    cases.initialize()
    return [cases.run(update, variable) for update in updates]


def custom_getter():
    with tf.variable_scope(
        "s", custom_getter=lambda getter, name, *args, **keywords: getter(name, *args, **keywords) * 2
    ):
        return tf.get_variable("v", initializer=START)


def initialized(initial):
    with tf.variable_scope("s"):
        return [tf.get_variable("v", initializer=initial), tf.report_uninitialized_variables(), names()]


def dependent():
    first = tf.Variable(tf.constant(2.0), name="first")
    second = tf.Variable(first.initialized_value() * 3, name="second")
    return [first, second, tf.is_variable_initialized(second)]


VARIABLES = [
    ("scopes", scopes),
    ("reuse refused", reuse),
    ("reuse missing", lambda: reuse(reuse=True)),
    ("AUTO_REUSE", lambda: reuse(reuse=tf.AUTO_REUSE)),
    ("fixed_size_partitioner", lambda: partitioned(tf.fixed_size_partitioner(2))),
    ("fixed_size_partitioner axis 1", lambda: partitioned(tf.fixed_size_partitioner(2, 1))[:2]),
    ("min_max_variable_partitioner", lambda: partitioned(tf.min_max_variable_partitioner(3, 0, 16))),
    ("variable_axis_size_partitioner", lambda: partitioned(tf.variable_axis_size_partitioner(32))),
    ("name scopes", name_scopes),
    ("template", template),
    ("assignments", assigned),
    ("assignments of resources", lambda: assigned(use_resource=True)),
    ("custom_getter", custom_getter),
    ("initial tensors", lambda: initialized(tf.constant(START))),
    ("initialized_value", dependent),
    ("count_up_to", lambda: cases.each(tf.count_up_to(tf.Variable(0), 3), 3)),
    ("count_up_to its limit", lambda: cases.each(tf.count_up_to(tf.Variable(0), 3), 4)),
    (
        "dtype and shape",
        lambda: [tf.Variable(1).dtype.name, tf.Variable(1.0).dtype.name, str(tf.Variable([1.0]).shape)],
    ),
    ("operators of variables", lambda: [tf.Variable(START) + 1, tf.Variable(START)[1], -tf.Variable(START)]),
    ("global step", lambda: [tf.train.get_or_create_global_step().name, tf.train.get_global_step().dtype.name]),
    (
        "local variables",
        lambda: [
            tf.get_local_variable("l", [2], initializer=tf.ones_initializer()),
            [v.name for v in tf.local_variables()],
        ],
    ),
    (
        "collections",
        lambda: [
            tf.add_to_collection("c", 1),
            tf.add_to_collections(["c", "d"], 2),
            tf.get_collection("c"),
            tf.get_collection("d"),
        ][2:],
    ),
]


def folder():
    return tempfile.mkdtemp()


def read_checkpoint(path):
    reader = tf.train.load_checkpoint(path)
    return [[name, reader.get_tensor(name)] for name in sorted(reader.get_variable_to_shape_map())]


def saved(**options):
    directory = folder()
    variable = tf.get_variable("x", initializer=START)
    tf.get_variable("y", initializer=np.int64(7))
    saver = tf.train.Saver(**options)
    cases.initialize()
    session = tf.get_default_session()
    for step in range(4):
        saver.save(session, os.path.join(directory, "model.ckpt"), step)
        session.run(tf.assign(variable, variable * 2))
    newest = tf.train.latest_checkpoint(directory)
    kept = [os.path.basename(path) for path in saver.last_checkpoints]
    files = sorted(name for name in os.listdir(directory) if name.endswith(".index"))
    saver.restore(session, saver.last_checkpoints[0])
    state = tf.train.get_checkpoint_state(directory)
    return [read_checkpoint(newest), kept, files, session.run(variable), os.path.basename(state.model_checkpoint_path)]


def saved_optimizer():
    directory = folder()
    variable = tf.get_variable("x", initializer=START)
    train_op = tf.train.AdamOptimizer(0.1).minimize(tf.reduce_sum(variable**2), tf.train.get_or_create_global_step())
    cases.after(train_op, 3, variable)
    return read_checkpoint(tf.train.Saver().save(tf.get_default_session(), os.path.join(directory, "a")))


def warm_started():
    directory = folder()
    with tf.Graph().as_default(), tf.Session() as session:
        tf.get_variable("old/x", initializer=START)
        tf.get_variable("old/table", initializer=START)
        session.run(tf.global_variables_initializer())
        path = tf.train.Saver().save(session, os.path.join(directory, "a"))
    with tf.variable_scope("new"):
        x = tf.get_variable("x", [4, 3])
        table = tf.get_variable("table", [4, 3], partitioner=tf.fixed_size_partitioner(2))
    tf.train.init_from_checkpoint(path, {"old/": "new/"})
    return [x, tf.convert_to_tensor(table), tf.train.list_variables(path), tf.train.load_variable(path, "old/x")]


def meta_graph():
    directory = folder()
    x = tf.placeholder(tf.float32, [None], name="x")
    tf.multiply(x, tf.get_variable("w", initializer=3.0), name="y")
    cases.initialize()
    path = tf.train.Saver().save(tf.get_default_session(), os.path.join(directory, "a"))
    with tf.Graph().as_default(), tf.Session() as session:
        tf.train.import_meta_graph(path + ".meta").restore(session, path)
        return session.run("y:0", {"x:0": [1.0, 2.0]})


def frozen():
    x = tf.placeholder(tf.float32, [None], name="x")
    tf.multiply(x, tf.get_variable("w", initializer=3.0), name="y")
    cases.initialize()
    graph_def = tf.graph_util.convert_variables_to_constants(
        tf.get_default_session(), tf.get_default_graph().as_graph_def(), ["y"]
    )
    with tf.Graph().as_default(), tf.Session() as session:
        (y,) = tf.import_graph_def(graph_def, return_elements=["y:0"], name="frozen")
        return [y.name, session.run(y, {"frozen/x:0": [1.0, 2.0]})]


def saved_model():
    directory = os.path.join(folder(), "export")
    x = tf.placeholder(tf.float32, [None], name="x")
    y = x * tf.get_variable("w", initializer=3.0)
    cases.initialize()
    tf.saved_model.simple_save(tf.get_default_session(), directory, {"x": x}, {"y": y})
    with tf.Graph().as_default(), tf.Session() as session:
        meta = tf.saved_model.load(session, ["serve"], directory)
        signature = meta.signature_def["serving_default"]
        result = session.run(signature.outputs["y"].name, {signature.inputs["x"].name: [1.0, 2.0]})
    return [result, sorted(os.listdir(directory)), signature.method_name]


def monitored_session():
    directory = folder()
    variable = tf.get_variable("x", initializer=1.0)
    step = tf.train.get_or_create_global_step()
    train_op = tf.group(tf.assign(variable, variable * 2), tf.assign_add(step, 1))
    hooks = [tf.train.StopAtStepHook(last_step=5), tf.train.NanTensorHook(variable)]
    with tf.train.MonitoredTrainingSession(
        checkpoint_dir=directory, hooks=hooks, save_checkpoint_steps=2, log_step_count_steps=None
    ) as session:
        while not session.should_stop():
            session.run(train_op)
    return [
        read_checkpoint(tf.train.latest_checkpoint(directory)),
        sorted(name for name in os.listdir(directory) if name.endswith(".index")),
    ]


SAVING = [
    ("Saver", saved),
    ("Saver max_to_keep", lambda: saved(max_to_keep=2)),
    ("Saver of version 1", lambda: saved(write_version=tf.train.SaverDef.V1)[:2]),
    ("Saver of an optimizer", saved_optimizer),
    ("init_from_checkpoint", warm_started),
    ("import_meta_graph", meta_graph),
    ("convert_variables_to_constants", frozen),
    ("saved_model", saved_model),
    ("MonitoredTrainingSession", monitored_session),
]


def summary(*serialized):
    """Returns the tags and values of serialized summaries."""
    values = [
        value for text in tf.get_default_session().run(list(serialized)) for value in tf.Summary.FromString(text).value
    ]
    return [[value.tag, value.WhichOneof("value"), contents(value)] for value in values]


def contents(value):
    kind = value.WhichOneof("value")
    if kind == "simple_value":
        return value.simple_value
    if kind == "histo":
        histogram = value.histo
        return [
            histogram.min,
            histogram.max,
            histogram.num,
            histogram.sum,
            histogram.sum_squares,
            list(histogram.bucket),
        ]
    if kind == "image":
        return [value.image.height, value.image.width, value.image.colorspace]
    if kind == "audio":
        return [value.audio.sample_rate, value.audio.num_channels, value.audio.length_frames]
    return tf.make_ndarray(value.tensor)


def event_file():
    directory = folder()
    with tf.summary.FileWriter(directory, tf.get_default_graph()) as writer:
        scalar = tf.summary.scalar("loss", tf.constant(1.5))
        for step in range(3):
            writer.add_summary(tf.get_default_session().run(scalar), step)
        writer.add_summary(tf.Summary(value=[tf.Summary.Value(tag="mine", simple_value=2.5)]), 7)
    (path,) = glob.glob(os.path.join(directory, "events*"))
    events = list(tf.train.summary_iterator(path))
    return [[event.step, [[value.tag, value.simple_value] for value in event.summary.value]] for event in events]


def summary_in_scopes():
    with tf.name_scope("s"):
        return summary(tf.summary.scalar("x y", tf.constant(1.5), family="f"), tf.summary.scalar("x", tf.constant(2.5)))


SUMMARIES = [
    ("scalar", lambda: summary(tf.summary.scalar("a", tf.constant(1.5)), tf.summary.scalar("a", tf.constant(2.5)))),
    ("scalar in scopes", summary_in_scopes),
    ("histogram", lambda: summary(tf.summary.histogram("h", START))),
    ("image", lambda: summary(tf.summary.image("i", np.resize(START, [2, 3, 4, 1])))),
    ("audio", lambda: summary(tf.summary.audio("s", np.resize(START, [1, 12]), 8000))),
    ("text", lambda: summary(tf.summary.text("t", tf.constant(["a", "b"])))),
    ("tensor_summary", lambda: summary(tf.summary.tensor_summary("t", tf.constant(START)))),
    (
        "merge_all",
        lambda: [
            tf.summary.scalar("a", tf.constant(1.0)),
            tf.summary.scalar("b", tf.constant(2.0)),
            summary(tf.summary.merge_all()),
        ][2:],
    ),
    ("event file", event_file),
]


def queued(make, fetch, runs):
    """Returns the values of some runs while one thread fills the queue."""
    tensors = make()
    coordinator = tf.train.Coordinator()
    cases.initialize()
    threads = tf.train.start_queue_runners(coord=coordinator)
    values = []
    try:
        for _ in range(runs):
            values.append(tf.get_default_session().run(fetch(tensors)))
    except tf.errors.OutOfRangeError:
        values.append("end")
    coordinator.request_stop()
    coordinator.join(threads)
    return values


def whole(tensors):
    return tensors


def text_files():
    directory = folder()
    paths = [os.path.join(directory, name) for name in ("a.csv", "b.csv")]
    for path in paths:
        with open(path, "w") as file:
            file.write("# header\n1,2.5,x\n3,,y\n")
    reader = tf.TextLineReader(skip_header_lines=1)
    _, line = reader.read(tf.train.string_input_producer(paths, num_epochs=1, shuffle=False))
    return tf.train.batch(tf.decode_csv(line, [[0], [0.5], [""]]), 3, allow_smaller_final_batch=True)


def records():
    path = os.path.join(folder(), "a.tfrecord")
    with tf.python_io.TFRecordWriter(path) as writer:
        for i in range(4):
            feature = {"i": tf.train.Feature(int64_list=tf.train.Int64List(value=[i, i + 1][: 1 + i % 2]))}
            writer.write(tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString())
    _, example = tf.TFRecordReader().read(tf.train.string_input_producer([path], num_epochs=1, shuffle=False))
    parsed = tf.parse_single_example(example, {"i": tf.VarLenFeature(tf.int64)})
    return [len(list(tf.python_io.tf_record_iterator(path))), tf.sparse_tensor_to_dense(parsed["i"])]


def fifo(queue, count):
    session = tf.get_default_session()
    session.run(queue.enqueue_many([np.arange(6, dtype=np.float32)]))
    return [[session.run(queue.dequeue()), session.run(queue.size())] for _ in range(count)]


def conditional_accumulator():
    accumulator = tf.ConditionalAccumulator(tf.float32, [2])
    session = tf.get_default_session()
    for value in ([1.0, 2.0], [3.0, 8.0]):
        session.run(accumulator.apply_grad(value))
    return [session.run(accumulator.num_accumulated()), session.run(accumulator.take_grad(2))]


QUEUES = [
    ("FIFOQueue", lambda: fifo(tf.FIFOQueue(10, tf.float32, []), 4)),
    ("RandomShuffleQueue", lambda: fifo(tf.RandomShuffleQueue(10, 0, tf.float32, [], seed=1), 6)),
    ("PriorityQueue", lambda: [tf.PriorityQueue(10, tf.float32, []).name]),
    ("PaddingFIFOQueue", lambda: fifo(tf.PaddingFIFOQueue(10, tf.float32, [[]]), 2)),
    (
        "batch",
        lambda: queued(
            lambda: tf.train.batch(
                [tf.train.range_input_producer(5, num_epochs=1, shuffle=False).dequeue()], 2, num_threads=1
            ),
            whole,
            3,
        ),
    ),
    (
        "batch with a smaller last one",
        lambda: queued(
            lambda: tf.train.batch(
                [tf.train.range_input_producer(5, num_epochs=1, shuffle=False).dequeue()],
                2,
                allow_smaller_final_batch=True,
            ),
            whole,
            4,
        ),
    ),
    (
        "batch enqueue_many",
        lambda: queued(lambda: tf.train.batch([tf.constant(START)], 3, enqueue_many=True), whole, 3),
    ),
    (
        "slice_input_producer",
        lambda: queued(
            lambda: tf.train.slice_input_producer(
                [tf.constant(START), tf.constant([1, 2, 3, 4])], num_epochs=1, shuffle=False
            ),
            whole,
            5,
        ),
    ),
    (
        "slice_input_producer shuffled",
        lambda: queued(
            lambda: tf.train.slice_input_producer([tf.constant([1, 2, 3, 4])], num_epochs=2, shuffle=True, seed=3),
            whole,
            8,
        ),
    ),
    (
        "range_input_producer shuffled",
        lambda: queued(
            lambda: tf.train.range_input_producer(6, num_epochs=1, shuffle=True, seed=2).dequeue(), whole, 6
        ),
    ),
    (
        "string_input_producer",
        lambda: queued(
            lambda: tf.train.string_input_producer(["a", "b"], num_epochs=2, shuffle=False).dequeue(), whole, 5
        ),
    ),
    ("limit_epochs", lambda: queued(lambda: tf.train.limit_epochs(tf.constant(5), 2), whole, 3)),
    (
        "batch_join dynamic_pad",
        lambda: queued(
            lambda: tf.train.batch(
                [tf.range(tf.train.range_input_producer(5, num_epochs=1, shuffle=False).dequeue())], 2, dynamic_pad=True
            ),
            whole,
            2,
        ),
    ),
    ("maybe_batch", lambda: queued(lambda: tf.train.maybe_batch([tf.constant(1)], tf.constant(False), 2), whole, 0)),
    ("TextLineReader", lambda: queued(text_files, whole, 3)),
    ("TFRecordReader", lambda: [records()[0], queued(lambda: records()[1], whole, 5)]),
    ("ConditionalAccumulator", conditional_accumulator),
]

GROUPS = [
    ("optimizer", STEPS),
    ("learning rate", LEARNING_RATES),
    ("metric", METRICS),
    ("variable", VARIABLES),
    ("saving", SAVING),
    ("summary", SUMMARIES),
    ("queue", QUEUES),
]

if __name__ == "__main__":
    cases.main([case for group, entries in GROUPS for case in cases.prefixed(group + ":", entries)])
