"""tf.contrib.learn.Experiment, for estimators on one machine."""

import os
import time
from collections.abc import Callable, Iterable
from typing import Any

import tensorflow.compat.v1 as tf  # type: ignore[import-untyped]

# The library itself: tf.estimator has other names on other releases of TensorFlow.
from tensorflow_estimator._api.v1 import estimator as tf_estimator  # type: ignore[import-untyped]

_DEFAULT_STEPS_PER_ITERATION = 1000


class _EvaluateAtCheckpoints(tf.train.CheckpointSaverListener):
    """Evaluates new checkpoints that are at least `every` steps apart, and with export=True exports them."""

    def __init__(self, experiment: "Experiment", every: int, export: bool) -> None:
        self._experiment = experiment
        self._every = every
        self._export = export
        self.step: int | None = None
        self.outcome: tuple = (None, [])

    def begin(self) -> None:
        self._first = True

    def after_save(self, session: object, global_step_value: int) -> None:
        is_first = self._first
        self._first = False
        if is_first or (self.step is not None and global_step_value - self.step < self._every):
            return  # the first checkpoint is saved before training
        self.step = global_step_value
        result = self._experiment._evaluate(None)
        self.outcome = (result, self._experiment._run_exports(result) if self._export else [])


class Experiment:
    """An estimator, its data for training and evaluation, and how to run them."""

    def __init__(
        self,
        estimator: Any,
        train_input_fn: Callable,
        eval_input_fn: Callable,
        eval_metrics: dict | None = None,
        train_steps: int | None = None,
        eval_steps: int | None = 100,
        train_monitors: Iterable | None = None,
        eval_hooks: Iterable | None = None,
        local_eval_frequency: int | None = None,
        eval_delay_secs: float = 120,
        continuous_eval_throttle_secs: float = 60,
        min_eval_frequency: int | None = None,
        delay_workers_by_global_step: bool = False,
        export_strategies: object = None,
        train_steps_per_iteration: int | None = None,
        checkpoint_and_export: bool = False,
        saving_listeners: Iterable | None = None,
        check_interval_secs: float = 5,
    ) -> None:
        """Raises ValueError for a cluster, and for eval_metrics with an estimator of tf.estimator.

        Args:
          estimator: an estimator of tf.estimator or tf.contrib.learn.
          eval_metrics: the metrics argument of tf.contrib.learn.Estimator.evaluate.
          train_steps: the global step at which training ends. None: when train_input_fn ends.
          eval_steps: number of batches to evaluate. None: all batches.
          train_monitors, eval_hooks: hooks.
          min_eval_frequency: minimum number of steps between evaluations in train_and_evaluate(), which evaluates
            checkpoints. None: 1. 0: evaluate only at the end.
          export_strategies: ExportStrategies that run after the last evaluation.
          checkpoint_and_export: if True, they run after each evaluation.
        """
        if eval_metrics is not None and isinstance(estimator, tf_estimator.Estimator):
            raise ValueError("eval_metrics is not supported: return the metrics in EstimatorSpec(eval_metric_ops=…)")
        if estimator.config.num_worker_replicas > 1 or estimator.config.num_ps_replicas:
            raise ValueError("Experiment runs on one machine: use tf.estimator.train_and_evaluate for a cluster")
        self.estimator = estimator
        self.train_steps = train_steps
        self.eval_steps = eval_steps
        self._metrics = {} if eval_metrics is None else {"metrics": eval_metrics}
        self._train_input_fn = train_input_fn
        self._eval_input_fn = eval_input_fn
        self._train_hooks = list(train_monitors or [])
        self._eval_hooks = list(eval_hooks or [])
        self._eval_delay_secs = eval_delay_secs
        self._throttle_secs = continuous_eval_throttle_secs
        frequency = local_eval_frequency if min_eval_frequency is None else min_eval_frequency
        self._eval_frequency = 1 if frequency is None else frequency
        self._steps_per_iteration = train_steps_per_iteration
        self._export_at_checkpoints = checkpoint_and_export
        self._saving_listeners = list(saving_listeners or [])
        self.reset_export_strategies(export_strategies)

    def extend_train_hooks(self, additional_hooks: Iterable) -> None:
        """Adds hooks to the training."""
        self._train_hooks.extend(additional_hooks)

    def reset_export_strategies(self, new_export_strategies: object = None) -> object:
        """Sets the export strategies: None, one or several. Returns the previous strategies."""
        previous = getattr(self, "_export_strategies", None)
        strategies: Any = new_export_strategies or []
        self._export_strategies: list[Any] = [strategies] if hasattr(strategies, "export") else list(strategies)
        return previous

    def train(self, delay_secs: float | None = None) -> object:
        """Trains up to train_steps. Returns the estimator."""
        time.sleep(delay_secs or 0)
        return self._train(max_steps=self.train_steps)

    def evaluate(self, delay_secs: float | None = None, name: str | None = None) -> dict:
        """Waits delay_secs, by default eval_delay_secs. Returns the metrics of the newest checkpoint."""
        time.sleep(self._eval_delay_secs if delay_secs is None else delay_secs)
        return self._evaluate(name or "one_pass")

    def train_and_evaluate(self) -> tuple[dict, list]:
        """Trains up to train_steps, evaluates at checkpoints and at the end, and exports.

        Returns:
          (metrics of the last evaluation, results of the export strategies)
        """
        listeners = []
        if self._eval_frequency or self._export_at_checkpoints:
            every = 0 if self._export_at_checkpoints else self._eval_frequency
            listeners = [_EvaluateAtCheckpoints(self, every, self._export_at_checkpoints)]
        self._train(listeners, max_steps=self.train_steps)
        newest = tf.train.latest_checkpoint(self.estimator.model_dir)
        if listeners and listeners[0].step is not None and newest and newest.endswith(f"-{listeners[0].step}"):
            result, exports = listeners[0].outcome
            return result, exports if self._export_at_checkpoints else self._run_exports(result)
        result = self._evaluate(None)
        return result, self._run_exports(result)

    local_run = train_and_evaluate

    def continuous_eval(
        self,
        delay_secs: float | None = None,
        throttle_delay_secs: float | None = None,
        evaluate_checkpoint_only_once: bool = True,
        continuous_eval_predicate_fn: Callable | None = None,
        name: str = "continuous",
    ) -> tuple[dict | None, list]:
        """Evaluates and exports each new checkpoint until train_steps is reached.

        Returns (last metrics, last exports). Ends early if the predicate returns False for the last metrics.
        """
        time.sleep(self._eval_delay_secs if delay_secs is None else delay_secs)
        throttle = self._throttle_secs if throttle_delay_secs is None else throttle_delay_secs
        result = None
        exports: list = []
        evaluated = None
        while not continuous_eval_predicate_fn or continuous_eval_predicate_fn(result):
            start = time.monotonic()
            newest = tf.train.latest_checkpoint(self.estimator.model_dir)
            if newest and (newest != evaluated or not evaluate_checkpoint_only_once):
                result = self._evaluate(name, newest)
                evaluated = newest
                exports = self._run_exports(result, newest)
                if self._is_finished(result):
                    break
            time.sleep(max(0.0, throttle - (time.monotonic() - start)))
        return result, exports

    def continuous_train_and_eval(
        self, continuous_eval_predicate_fn: Callable | None = None
    ) -> tuple[dict | None, list]:
        """Trains train_steps_per_iteration steps and evaluates, again and again, until train_steps is reached.

        Returns (last metrics, last exports). Ends early if the predicate returns False for the last metrics.
        """
        steps = self._steps_per_iteration
        if steps is None:
            steps = _DEFAULT_STEPS_PER_ITERATION if self.train_steps is None else int(self.train_steps / 10)
        result = None
        exports: list = []
        while not continuous_eval_predicate_fn or continuous_eval_predicate_fn(result):
            if self._is_finished(result):
                break
            self._train(steps=steps)
            result = self._evaluate("one_pass")
            exports = self._run_exports(result)
        return result, exports

    def test(self) -> dict:
        """Trains, evaluates and exports with one step each. Returns the metrics."""
        self._train(steps=1)
        result = self.estimator.evaluate(input_fn=self._eval_input_fn, steps=1, name="one_pass", **self._metrics)
        self._run_exports(result)
        return result

    def _is_finished(self, result: dict | None) -> bool:
        return bool(result and self.train_steps and result["global_step"] >= self.train_steps)

    def _train(self, listeners: Iterable = (), **limit: int | None) -> object:
        listeners = [*self._saving_listeners, *listeners]
        return self.estimator.train(
            self._train_input_fn, hooks=self._train_hooks, saving_listeners=listeners or None, **limit
        )

    def _evaluate(self, name: str | None, checkpoint_path: str | None = None) -> dict:
        return self.estimator.evaluate(
            input_fn=self._eval_input_fn,
            steps=self.eval_steps,
            hooks=self._eval_hooks,
            checkpoint_path=checkpoint_path,
            name=name,
            **self._metrics,
        )

    def _run_exports(self, result: dict | None, checkpoint_path: str | None = None) -> list:
        folder = os.path.join(self.estimator.model_dir, "export")
        return [
            strategy.export(self.estimator, os.path.join(folder, strategy.name), checkpoint_path, result)
            for strategy in self._export_strategies
        ]
