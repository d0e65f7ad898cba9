"""Parts of tf.contrib that TensorFlow has under other names. The expected numbers are TensorFlow 1.15.5's."""

import numpy as np
import pytest

from cnn_estimator.tf1 import contrib, tf

pytestmark = pytest.mark.integration

O = contrib.optimizer_v2  # noqa: E741
E = contrib.estimator


@pytest.fixture(autouse=True)
def graph():
    with tf.Graph().as_default():
        yield


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: O.AdamOptimizer(0.1), [[0.70159, -1.70062], [2.70032, 3.70024]]),
        (lambda: O.AdagradOptimizer(0.1), [[0.7823, -1.7763], [2.77411, 3.7735]]),
        (lambda: O.AdadeltaOptimizer(0.1), [[0.99986, -1.99986], [2.99986, 3.99986]]),
        (lambda: O.MomentumOptimizer(0.1, 0.9, use_nesterov=True), [[-0.10835, 0.2167], [-0.87923, -0.98758]]),
    ],
)
def test_optimizers_update_weights_as_1_15(make, expected):
    weights = tf.get_variable("w", initializer=[[1.0, -2.0], [3.0, 4.0]], use_resource=True)
    update = make().minimize(tf.reduce_sum(tf.square(weights)) + tf.reduce_sum(tf.gather(weights, [1])))
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        for _ in range(3):
            session.run(update)
        np.testing.assert_allclose(session.run(weights), expected, atol=2e-5)


def test_an_optimizer_that_computes_other_numbers_is_an_error():
    with pytest.raises(NotImplementedError, match=r"use tf\.train\.RMSPropOptimizer, whose first steps are smaller"):
        O.RMSPropOptimizer(0.1)


def _model_fn(features, labels, mode, params):
    weight = tf.get_variable("w", initializer=1.0)
    loss = tf.reduce_mean(tf.square(weight * features["x"] - labels))
    optimizer = E.TowerOptimizer(lambda: tf.train.MomentumOptimizer(0.1, 0.9))
    train_op = optimizer.minimize(loss, tf.train.get_global_step())
    return tf.estimator.EstimatorSpec(
        mode, loss=loss, train_op=train_op, eval_metric_ops={"w": tf.metrics.mean(weight)}
    )


def _input_fn():
    examples = {"x": np.ones([2], np.float32)}, np.array([3.0, 4.0], np.float32)
    return tf.data.Dataset.from_tensors(examples).repeat(3)


def test_a_replicated_model_fn_trains_on_one_device(tmp_path):
    estimator = tf.estimator.Estimator(E.replicate_model_fn(_model_fn, devices=["/cpu:0"]), str(tmp_path), params={})
    estimator.train(_input_fn)
    result = estimator.evaluate(_input_fn)
    np.testing.assert_allclose([result["loss"], result["w"]], [0.27403, 3.345], atol=2e-5)
    assert sorted(estimator.get_variable_names()) == ["global_step", "w", "w/Momentum"]
    assert E.TowerOptimizer(optimizer := tf.train.AdamOptimizer()) is optimizer
    with pytest.raises(NotImplementedError, match=r"several devices .*tf\.distribute\.MirroredStrategy"):
        E.replicate_model_fn(_model_fn, devices=["/gpu:0", "/gpu:1"])


def test_the_model_analyzer_counts_parameters_and_operations(graph, capfd):
    analyzer = contrib.tfprof.model_analyzer
    tf.layers.dense(tf.placeholder(tf.float32, [4, 5]), 3)
    tf.get_variable("n", [7], trainable=False)
    counts = [
        analyzer.print_model_analysis(tf.get_default_graph(), tfprof_options=options | {"output": "none"})
        for options in (analyzer.TRAINABLE_VARS_PARAMS_STAT_OPTIONS, analyzer.FLOAT_OPS_OPTIONS)
    ]
    assert (counts[0].total_parameters, counts[1].total_float_ops) == (18, 178)
    with pytest.raises(NotImplementedError, match=r"use tf\.profiler\.Profiler"):
        contrib.tfprof.ProfileContext("folder")


def test_classes_of_checkpoints_and_their_hook(tmp_path):
    checkpoint = contrib.checkpoint
    assert checkpoint.NoDependency(3).value == 3
    model = checkpoint.Checkpointable()
    model.parts = checkpoint.List()
    assert isinstance(model, checkpoint.CheckpointableBase)
    assert contrib.tpu.AsyncCheckpointSaverHook is tf.train.CheckpointSaverHook


def test_tables_have_the_argument_mapping():
    table = contrib.lookup.index_to_string_table_from_tensor(mapping=["a", "b"], default_value="z")
    with tf.Session() as session:
        session.run(tf.tables_initializer())
        assert session.run(table.lookup(tf.constant([1, 5], tf.int64))).tolist() == [b"b", b"z"]
