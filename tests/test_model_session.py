"""ModelSession, and whether a checkpoint has the variables of a model."""

import numpy as np
import pytest

from cnn_estimator import evaluation, training
from cnn_estimator.data import datasets
from cnn_estimator.errors import UserError
from cnn_estimator.model_session import ModelSession, check_fits, make_session_config
from cnn_estimator.run_dir.checkpoints import Checkpoint
from cnn_estimator.run_dir.run import RunDir
from cnn_estimator.settings import make_settings
from cnn_estimator.tf1 import tf

EVAL = tf.estimator.ModeKeys.EVAL
PREDICT = tf.estimator.ModeKeys.PREDICT


@pytest.fixture(scope="module")
def averaged(tmp_path_factory, data_dir):
    """The model_dir of a run with averages of its weights, after 10 steps."""
    folder = tmp_path_factory.mktemp("averaged") / "run"
    training.train(folder, "fashion_dense", max_steps=10, seed=1, average_decay=0.9, data_dir=data_dir)
    return folder


@pytest.mark.unit
def test_the_session_configuration_has_precision_threads_and_one_pass_of_the_optimizers():
    for precision, threads in (("float32", None), ("bfloat16", 3)):
        config = make_session_config(precision, threads)
        rewrite_options = config.graph_options.rewrite_options
        assert rewrite_options.meta_optimizer_iterations == rewrite_options.ONE
        assert (rewrite_options.auto_mixed_precision_onednn_bfloat16 == rewrite_options.ON) == (precision == "bfloat16")
        assert config.intra_op_parallelism_threads == (threads or 0)
        assert config.allow_soft_placement


@pytest.mark.integration
def test_restored_and_assigned_weights_score_what_evaluate_finds(averaged, data_dir):
    settings = RunDir(str(averaged)).load_settings()
    test_set = datasets.load("fashion_mnist", "test", data_dir)
    path = str(averaged / "model.ckpt-10")
    reader = tf.train.load_checkpoint(path)
    with ModelSession(settings, EVAL) as restored, ModelSession(settings, EVAL) as assigned:
        restored.restore(path)
        assert "dense/kernel/ExponentialMovingAverage" in assigned.variables
        assigned.assign({name: reader.get_tensor(name) for name in assigned.variables})
        accuracy, loss = restored.score(test_set)
        assert (accuracy, loss) == assigned.score(test_set)
    expected = evaluation.evaluate(averaged)
    assert accuracy == pytest.approx(expected.accuracy, abs=1e-6)
    assert loss == pytest.approx(expected.loss, rel=1e-5)


@pytest.mark.integration
def test_predictions_are_the_same_in_each_mode(averaged, data_dir):
    settings = RunDir(str(averaged)).load_settings()
    images = datasets.load("fashion_mnist", "test", data_dir).images
    predictions = []
    for mode in (PREDICT, EVAL):
        with ModelSession(settings, mode) as session:
            session.restore(str(averaged / "model.ckpt-10"))
            predictions.append(session.predict(images, batch_size=60))
    np.testing.assert_array_equal(predictions[0].probabilities, predictions[1].probabilities)
    np.testing.assert_array_equal(predictions[0].classes, predictions[0].probabilities.argmax(axis=1))


@pytest.mark.integration
def test_a_variable_of_another_model_is_logged_for_predictions_and_refused_for_training(tmp_path, data_dir, caplog):
    settings = make_settings("fashion_dense", seed=1, class_names=tuple("0123456789"))
    with tf.Graph().as_default(), tf.Session() as session:
        tf.train.create_global_step()
        for name, shape in {"dense": (784, 128), "dense_1": (128, 10), "conv2d": (5, 5)}.items():
            for part, part_shape in (("kernel", shape), ("bias", shape[-1:]), ("kernel/Adam", shape)):
                tf.get_variable(f"{name}/{part}", part_shape)
        session.run(tf.global_variables_initializer())
        path = tf.train.Saver().save(session, str(tmp_path / "model.ckpt"), global_step=7)
    checkpoint = Checkpoint(path, 7)
    check_fits(checkpoint, settings, PREDICT)
    assert "variables that network dense_128 does not have: conv2d/bias, conv2d/kernel" in caplog.text
    with pytest.raises(UserError, match=r"^model\.ckpt-7 does not fit network dense_128 with optimizer adam") as caught:
        check_fits(checkpoint, settings, tf.estimator.ModeKeys.TRAIN)
    kinds = {row[0]: row[1] for row in caught.value.differences}
    assert (kinds["conv2d/kernel"], kinds["beta1_power"]) == ("extra", "missing")
