"""The session hooks, on a graph with known weights and loss."""

import os

import pytest
from helpers import steps_in
from tqdm import tqdm

from cnn_estimator import hooks, model
from cnn_estimator.errors import UserError
from cnn_estimator.run_dir.run import RunDir
from cnn_estimator.tf1 import tf

pytestmark = pytest.mark.integration


def train(model_dir, *, factor, loss=1.0, every=1, steps=4, keep=5, minutes=None, more=()):
    """Trains one weight, 1e30 at first, that each step multiplies by a factor; the loss is what is given."""

    def model_fn(features, labels, mode):
        weight = tf.get_variable("weight", initializer=1e30)
        tf.constant(loss, name=model.BATCH_LOSS)
        train_op = tf.group(weight.assign(weight * factor), tf.train.get_global_step().assign_add(1))
        return tf.estimator.EstimatorSpec(mode, loss=tf.constant(1.0), train_op=train_op)

    run_dir = RunDir(str(model_dir))
    guards = [
        hooks.Progress(tqdm(disable=True), learning_rate=0.5),
        *more,
        hooks.SaveCheckpoints(run_dir, every=every, restored_step=None, learning_rate=0.5, minutes=minutes),
    ]
    estimator = tf.estimator.Estimator(model_fn, str(model_dir), tf.estimator.RunConfig(keep_checkpoint_max=keep))
    with run_dir.locked():
        estimator.train(lambda: tf.data.Dataset.from_tensors(0.0).repeat(), hooks=guards, max_steps=steps)


def test_weights_that_are_no_longer_finite_have_no_histogram(tmp_path):
    histograms = hooks.WriteHistograms(str(tmp_path), every=1, learning_rate=0.5)
    with pytest.raises(UserError, match=r"^weights are no longer finite at step 2 with learning_rate 0\.5: "):
        train(tmp_path, factor=1e5, every=1000, more=[histograms])


@pytest.mark.parametrize("every", [1, 1000])
def test_weights_that_are_no_longer_finite_are_not_saved(tmp_path, every):
    """1e30, 1e35, and 1e40 is infinite in float32, while the loss says nothing."""
    with pytest.raises(UserError, match=r"^weights are no longer finite at step [24] with learning_rate 0\.5: "):
        train(tmp_path, factor=1e5, every=every)
    assert steps_in(tmp_path) == ([0, 1] if every == 1 else [0])


@pytest.mark.parametrize("loss", [float("nan"), float("inf")])
def test_a_non_finite_loss_ends_training_before_a_save(tmp_path, loss):
    with pytest.raises(UserError, match=rf"^loss is {loss} at step 1 with learning_rate 0\.5: "):
        train(tmp_path, factor=1.0, loss=loss)
    assert steps_in(tmp_path) == [0]


def test_a_step_that_is_read_twice_gets_no_warning(tmp_path, caplog):
    with tf.Graph().as_default(), tf.Session() as session:
        tf.train.create_global_step()
        hook = hooks.CountSteps(every_n_steps=100, output_dir=str(tmp_path))
        hook.begin()
        context = tf.train.SessionRunContext(None, session)
        for _ in range(2):
            hook.after_run(context, tf.train.SessionRunValues(5, None, None))
    assert not caplog.records


def test_the_bar_shows_the_loss_and_the_accuracy_of_the_last_logged_batch():
    bar = tqdm(disable=True)
    with tf.Graph().as_default():
        step = tf.train.create_global_step()
        tf.multiply(0.5, tf.cast(step, tf.float32), name=model.BATCH_LOSS)
        tf.constant(0.25, name=model.BATCH_ACCURACY)
        more_steps = step.assign_add(1)
        shown = []
        with tf.train.MonitoredSession(hooks=[hooks.LogTensors(every=2, tensors={}, bar=bar)]) as session:
            for _ in range(3):
                session.run(step)
                shown.append(bar.postfix)
                session.run(more_steps)
                shown.append(bar.postfix)
    first = "loss 0.0000, accuracy 0.25"
    assert shown == [first, first, *["loss 0.5000, accuracy 0.25"] * 2, *["loss 1.0000, accuracy 0.25"] * 2]


def test_finite_weights_are_saved_at_intervals_and_at_the_end(tmp_path):
    train(tmp_path, factor=1.0, every=3, steps=7)
    assert steps_in(tmp_path) == [0, 3, 6, 7]


def test_checkpoints_are_saved_when_minutes_have_passed_too(tmp_path):
    train(tmp_path, factor=1.0, every=1000, steps=3, minutes=1e-9)
    assert steps_in(tmp_path) == [0, 1, 2, 3]
    train(tmp_path / "other", factor=1.0, every=1000, steps=3, minutes=1000)
    assert steps_in(tmp_path / "other") == [0, 3]


def test_a_checkpoint_is_on_the_disk_before_an_older_one_is_deleted(tmp_path, monkeypatch):
    synced = {}  # {name of a file: the checkpoints that there were when it was synced first}
    real = os.fsync

    def fsync(descriptor):
        name = os.path.relpath(os.readlink(f"/proc/self/fd/{descriptor}"), tmp_path)
        synced.setdefault(name, steps_in(tmp_path))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    train(tmp_path, factor=1.0, every=1000, steps=2, keep=1)
    assert steps_in(tmp_path) == [2]
    for step, there in ((0, [0]), (2, [0, 2])):
        assert synced[f"model.ckpt-{step}.index"] == there
        assert synced[f"model.ckpt-{step}.data-00000-of-00001"] == there
    assert {"checkpoint", ".", "model.ckpt-2.meta"} <= synced.keys()
