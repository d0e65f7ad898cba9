"""tf.contrib.learn.monitors. The expected steps and numbers are TensorFlow 1.15.5's."""

import numpy as np
import pytest

from cnn_estimator.tf1 import contrib, tf

pytestmark = pytest.mark.integration

L = contrib.learn


def _model_fn(features, labels, mode):
    weight = tf.get_variable("w", initializer=1.0)
    x = tf.reshape(tf.cast(features["x"], tf.float32), [-1])
    loss = tf.reduce_mean(tf.square(x * weight - 3.0), name="own_loss")
    return x * weight, loss, tf.train.GradientDescentOptimizer(0.1).minimize(loss, tf.train.get_global_step())


def _input_fn():
    return {"x": tf.constant([[1.0], [1.0]])}, tf.constant([[3.0], [3.0]])


class _Log(L.monitors.EveryN):
    def __init__(self, *args):
        super().__init__(*args)
        self.calls = []

    def every_n_step_begin(self, step):
        self.calls.append(f"begin {step}")
        return ["own_loss", "own_loss:0"] if step % 2 else ["own_loss:0"]

    def every_n_step_end(self, step, outputs):
        self.calls.append(" ".join(["end", str(step), *(f"{value:.4f}" for _, value in sorted(outputs.items()))]))
        return False

    def every_n_post_step(self, step, session):
        self.calls.append(f"post {step}")


def _fit(estimator, *monitors, steps=50):
    estimator.fit(input_fn=_input_fn, monitors=monitors, steps=steps)
    return estimator.get_variable_value("global_step")


def test_monitors_are_called_at_the_steps_of_1_15(tmp_path):
    estimator = L.Estimator(_model_fn, str(tmp_path))
    log = _Log(3, 2)
    assert _fit(estimator, log, steps=7) == 7
    assert log.calls == [
        *("begin 1", "end 1 4.0000 4.0000", "post 1"),
        *("begin 2", "end 2 2.5600", "post 2"),
        *("begin 5", "end 5 0.6711 0.6711", "post 5", "post 7"),
    ]
    log = _Log(3, 1)
    assert _fit(estimator, log, L.monitors.StopAtStep(num_steps=2)) == 9
    assert log.calls == ["begin 8", "end 8 0.1759", "post 8", "post 9"]
    assert _fit(estimator, L.monitors.StopAtStep(last_step=12)) == 12
    with pytest.raises(ValueError, match="either num_steps or last_step"):
        L.monitors.StopAtStep(1, 2)


def test_a_validation_monitor_stops_training_early(tmp_path):
    config = L.RunConfig(save_checkpoints_steps=2, save_checkpoints_secs=None)
    estimator = L.Estimator(_model_fn, str(tmp_path), config=config)
    monitor = L.monitors.ValidationMonitor(
        input_fn=_input_fn,
        eval_steps=1,
        every_n_steps=2,
        early_stopping_rounds=4,
        early_stopping_metric_minimize=False,
        check_interval_secs=None,
    )
    assert _fit(estimator, monitor) == 6
    assert (monitor.best_step, monitor.early_stopped, sorted(monitor.best_metrics)) == (
        2,
        True,
        ["global_step", "loss"],
    )
    np.testing.assert_allclose(monitor.best_value, 1.6384, rtol=1e-5)
    with pytest.raises(ValueError, match="x or input_fn"):
        L.monitors.ValidationMonitor()
    other = L.monitors.ValidationMonitor(
        input_fn=_input_fn, eval_steps=1, every_n_steps=1, early_stopping_rounds=1, early_stopping_metric="none"
    )
    with pytest.raises(ValueError, match="Metric none missing"):
        _fit(estimator, other)


def test_a_nan_loss_ends_training(tmp_path):
    def model_fn(features, labels, mode):
        weight = tf.get_variable("w", initializer=1.0)
        step = tf.train.get_global_step()
        tf.where(step > 2, np.nan * weight, weight, name="checked")
        return weight, weight, tf.assign_add(step, 1).op

    estimator = L.Estimator(model_fn, str(tmp_path))
    with pytest.raises(L.monitors.NanLossDuringTrainingError):
        _fit(estimator, L.monitors.NanLoss("checked:0", every_n_steps=1))
    assert _fit(estimator, L.monitors.NanLoss("checked:0", 1, fail_on_nan_loss=False)) < 10


def test_tensors_are_logged(tmp_path, monkeypatch):
    lines = []
    monkeypatch.setattr(tf.logging, "info", lambda text, *values: lines.append(text % values))
    monitor = L.monitors.PrintTensor({"the loss": "own_loss"}, every_n=2, first_n=1)
    _fit(L.Estimator(_model_fn, str(tmp_path)), monitor, steps=4)
    logged = [line.split(": the loss = ") for line in lines if line.startswith("Step ")]
    assert [step for step, _ in logged] == ["Step 1", "Step 3"]
    np.testing.assert_allclose([float(value) for _, value in logged], [4, 1.6384], rtol=1e-5)
