"""tf.contrib.learn.monitors: objects with methods that training calls at each step. A hook calls them.

Steps are counted from 1: the step of a monitor is the global step after it.
"""

import copy
import inspect
import time
from collections.abc import Iterable
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from cnn_estimator.tf1.unavailable import module_getattr

NanLossDuringTrainingError = tf.train.NanLossDuringTrainingError


class BaseMonitor:
    """A monitor that does nothing."""

    def __init__(self) -> None:
        self._begun = False
        self._max_steps: int | None = None
        self._estimator: Any = None

    @property
    def run_on_all_workers(self) -> bool:
        """False: only the chief calls the monitor."""
        return False

    def set_estimator(self, estimator: Any) -> None:
        """Sets the estimator that is trained."""
        if estimator is None:
            raise ValueError("Missing estimator.")
        self._estimator = estimator

    def begin(self, max_steps: int | None = None) -> None:
        """Is called before the first step."""
        if self._begun:
            raise ValueError("begin called twice without end.")
        self._max_steps = max_steps
        self._begun = True

    def end(self, session: Any = None) -> None:
        """Is called after the last step."""
        if not self._begun:
            raise ValueError("end called without begin.")
        self._begun = False

    def step_begin(self, step: int) -> list:
        """Returns the tensors, or their names, that the step must also compute."""
        return []

    def step_end(self, step: int, output: dict) -> bool:
        """Gets {tensor or name: value}. Returns True to stop training."""
        return False

    def post_step(self, step: int, session: Any) -> None:
        """Is called after all monitors had step_end."""


class EveryN(BaseMonitor):
    """Calls its own methods in the first steps, then in every n-th step, and every_n_post_step at the end too."""

    def __init__(self, every_n_steps: int = 100, first_n_steps: int = 1) -> None:
        super().__init__()
        self._every_n_steps = every_n_steps
        self._first_n_steps = first_n_steps
        self._last_step: int | None = None
        self._last_active_step = 0
        self._active = False

    def every_n_step_begin(self, step: int) -> list:
        """Is step_begin of some steps."""
        return []

    def every_n_step_end(self, step: int, outputs: dict) -> bool:
        """Is step_end of some steps."""
        return False

    def every_n_post_step(self, step: int | None, session: Any) -> None:
        """Is post_step of some steps."""

    def step_begin(self, step: int) -> list:
        super().step_begin(step)
        due = step >= self._every_n_steps + self._last_active_step
        self._active = step <= self._first_n_steps or due or step == self._max_steps
        return self.every_n_step_begin(step) if self._active else []

    def step_end(self, step: int, output: dict) -> bool:
        super().step_end(step, output)
        return self._active and self.every_n_step_end(step, output)

    def post_step(self, step: int, session: Any) -> None:
        super().post_step(step, session)
        if self._active:
            self.every_n_post_step(step, session)
            self._last_active_step = step
        self._last_step = step

    def end(self, session: Any = None) -> None:
        super().end(session)
        if self._last_step != self._last_active_step:
            self.every_n_post_step(self._last_step, session)


class StopAtStep(BaseMonitor):
    """Stops training after num_steps steps, or at last_step."""

    def __init__(self, num_steps: int | None = None, last_step: int | None = None) -> None:
        super().__init__()
        if (num_steps is None) == (last_step is None):
            raise ValueError("give either num_steps or last_step")
        self._num_steps = num_steps
        self._last_step = last_step

    @property
    def run_on_all_workers(self) -> bool:
        return True

    def step_begin(self, step: int) -> list:
        super().step_begin(step)
        if self._last_step is None:
            self._last_step = step + (self._num_steps or 0) - 1
        return []

    def step_end(self, step: int, output: dict) -> bool:
        super().step_end(step, output)
        return self._last_step is not None and step >= self._last_step


def _value(outputs: dict, request: Any) -> Any:
    return outputs[request] if request in outputs else outputs[request.name]


class PrintTensor(EveryN):
    """Logs the values of tensors. tensor_names: {label: name of the tensor}, or names."""

    def __init__(self, tensor_names: dict | Iterable, every_n: int = 100, first_n: int = 1) -> None:
        super().__init__(every_n, first_n)
        self._tensor_names = tensor_names if isinstance(tensor_names, dict) else {name: name for name in tensor_names}

    def every_n_step_begin(self, step: int) -> list:
        super().every_n_step_begin(step)
        return list(self._tensor_names.values())

    def every_n_step_end(self, step: int, outputs: dict) -> bool:
        values = (f"{tag} = {_value(outputs, name)}" for tag, name in self._tensor_names.items() if name in outputs)
        tf.logging.info("Step %d: %s", step, ", ".join(values))
        return super().every_n_step_end(step, outputs)


class NanLoss(EveryN):
    """Stops training, or raises NanLossDuringTrainingError, when the loss is NaN."""

    def __init__(self, loss_tensor: Any, every_n_steps: int = 100, fail_on_nan_loss: bool = True) -> None:
        super().__init__(every_n_steps)
        self._loss_tensor = loss_tensor
        self._fail_on_nan_loss = fail_on_nan_loss

    def every_n_step_begin(self, step: int) -> list:
        super().every_n_step_begin(step)
        return [self._loss_tensor]

    def every_n_step_end(self, step: int, outputs: dict) -> bool:
        super().every_n_step_end(step, outputs)
        if not np.isnan(_value(outputs, self._loss_tensor)):
            return False
        if self._fail_on_nan_loss:
            raise NanLossDuringTrainingError
        tf.logging.warning("Model diverged with loss = NaN.")
        return True


class ValidationMonitor(EveryN):
    """Evaluates new checkpoints while training, and may stop training early."""

    def __init__(
        self,
        x: Any = None,
        y: Any = None,
        input_fn: Any = None,
        batch_size: int | None = None,
        eval_steps: int | None = None,
        every_n_steps: int = 100,
        metrics: Any = None,
        hooks: Any = None,
        early_stopping_rounds: int | None = None,
        early_stopping_metric: str = "loss",
        early_stopping_metric_minimize: bool = True,
        name: str | None = None,
        check_interval_secs: float | None = 5,
    ) -> None:
        """x to eval_steps, metrics, hooks and name: arguments of the estimator's evaluate.

        Args:
          every_n_steps: looks for a new checkpoint every so many steps, if check_interval_secs have passed too.
          early_stopping_rounds: stops training when the metric has not improved for so many steps.
        """
        super().__init__(every_n_steps, first_n_steps=-1)
        if x is None and input_fn is None:
            raise ValueError("Either x or input_fn should be provided.")
        self._arrays = {"x": x, "y": y, "batch_size": batch_size, "metrics": metrics}
        self._arguments = {"input_fn": input_fn, "steps": eval_steps, "hooks": hooks, "name": name}
        self.early_stopping_rounds = early_stopping_rounds
        self.early_stopping_metric = early_stopping_metric
        self.early_stopping_metric_minimize = early_stopping_metric_minimize
        self.best_step: int | None = None
        self.best_value: Any = None
        self.best_metrics: dict | None = None
        self.early_stopped = False
        self._latest_path: str | None = None
        self._last_check: float | None = None
        self._check_interval_secs = check_interval_secs

    def _is_due(self) -> bool:
        now = time.time()
        interval = self._check_interval_secs
        if interval is not None and self._last_check is not None and now - self._last_check <= interval:
            return False
        self._last_check = now
        return True

    def every_n_step_end(self, step: int, outputs: dict) -> bool:
        super().every_n_step_end(step, outputs)
        if self._estimator is None:
            raise ValueError("Missing call to set_estimator.")
        if not self._is_due():
            return False
        path = tf.train.latest_checkpoint(self._estimator.model_dir)
        if path is None or path == self._latest_path:
            return False
        self._latest_path = path
        arrays = {name: value for name, value in self._arrays.items() if value is not None}
        metrics = self._estimator.evaluate(**self._arguments, **arrays)
        values = ", ".join(f"{name} = {value}" for name, value in metrics.items())
        tf.logging.info("Validation (step %d): %s", step, values)
        return self.early_stopping_rounds is not None and self._stops(step, metrics)

    def _stops(self, step: int, metrics: dict) -> bool:
        """Notes the best metrics. Returns True if they are too old."""
        if self.early_stopping_metric not in metrics:
            raise ValueError(f"Metric {self.early_stopping_metric} missing from outputs {set(metrics)}.")
        value = metrics[self.early_stopping_metric]
        is_better = self.best_value is None or (
            value < self.best_value if self.early_stopping_metric_minimize else value > self.best_value
        )
        if is_better:
            self.best_value = value
            self.best_metrics = copy.deepcopy(metrics)
            self.best_step = step
        self.early_stopped = step - (self.best_step or 0) >= (self.early_stopping_rounds or 0)
        if self.early_stopped:
            best = (self.best_step, self.early_stopping_metric, self.best_value)
            tf.logging.info("Stopping. Best step: %s with %s = %s.", *best)
        return self.early_stopped


class RunHookAdapterForMonitors(tf.train.SessionRunHook):
    """The hook that calls monitors."""

    def __init__(self, monitors: list[BaseMonitor]) -> None:
        self._monitors = monitors
        self._step: int | None = None

    def begin(self) -> None:
        self._step = None
        self._global_step = tf.train.get_global_step()
        for monitor in self._monitors:
            monitor.begin(max_steps=None)

    def before_run(self, run_context: Any) -> Any:
        if self._step is None:
            self._step = run_context.session.run(self._global_step) + 1
        requests = [request for monitor in self._monitors for request in monitor.step_begin(self._step) or []]
        return tf.train.SessionRunArgs([self._global_step, {request: _tensor(request) for request in requests}])

    def after_run(self, run_context: Any, run_values: Any) -> None:
        step, outputs = run_values.results
        stops = [monitor.step_end(self._step, outputs) for monitor in self._monitors]  # type: ignore[arg-type]
        if any(stops):
            run_context.request_stop()
        for monitor in self._monitors:
            monitor.post_step(self._step, run_context.session)  # type: ignore[arg-type]
        self._step = step + 1

    def end(self, session: Any) -> None:
        self._step = None
        for monitor in self._monitors:
            takes_session = "session" in inspect.signature(monitor.end).parameters
            monitor.end(session=session) if takes_session else monitor.end()


def _tensor(request: Any) -> Any:
    """Returns the tensor of a request. A name without a number is the first output of an operation."""
    if not isinstance(request, str):
        return request
    return tf.get_default_graph().as_graph_element(request if ":" in request else f"{request}:0")


def replace_monitors_with_hooks(monitors_or_hooks: Iterable | None, estimator: Any) -> list:
    """Returns hooks: those in the list, and one that calls the monitors in the list."""
    both = list(monitors_or_hooks or [])
    hooks = [each for each in both if isinstance(each, tf.train.SessionRunHook)]
    monitors = [each for each in both if not isinstance(each, tf.train.SessionRunHook)]
    if not estimator.config.is_chief:
        monitors = [monitor for monitor in monitors if monitor.run_on_all_workers]
    for monitor in monitors:
        monitor.set_estimator(estimator)
    return [*hooks, RunHookAdapterForMonitors(monitors)] if monitors else hooks


__getattr__ = module_getattr(
    "tf.contrib.learn.monitors",
    (),
    "use a tf.train.SessionRunHook",
    {
        "CheckpointSaver": "use tf.train.CheckpointSaverHook",
        "StepCounter": "use tf.train.StepCounterHook",
        "SummarySaver": "use tf.train.SummarySaverHook",
    },
    "CaptureVariable ExportMonitor GraphDump LoggingTrainable SessionLog get_default_monitors",
)
