"""tf.contrib.learn.learn_runner: runs Experiments."""

from collections.abc import Callable
from typing import Any

from cnn_estimator.tf1.contrib.learn.experiment import Experiment


def run(
    experiment_fn: Callable,
    output_dir: str | None = None,
    schedule: str | None = None,
    run_config: Any = None,
    hparams: object = None,
) -> object:
    """Makes an Experiment and calls its method `schedule`, by default train_and_evaluate. Returns the method's result.

    Args:
      experiment_fn: called with (run_config, hparams), or with (output_dir).
      run_config: a RunConfig with a model_dir.

    Raises:
      ValueError: output_dir and run_config are both given or both missing, or the schedule is unknown.
      TypeError: experiment_fn does not return an Experiment.
    """
    if (output_dir is None) == (run_config is None):
        raise ValueError("exactly one of output_dir and run_config must be given")
    if run_config is not None and not run_config.model_dir:
        raise ValueError("run_config must have a model_dir")
    if run_config is None and hparams is not None:
        raise ValueError("hparams needs run_config instead of output_dir")
    experiment = experiment_fn(output_dir) if run_config is None else experiment_fn(run_config, hparams)
    if not isinstance(experiment, Experiment):
        raise TypeError(f"experiment_fn must return an Experiment, not {experiment!r}")
    method = getattr(experiment, schedule or "train_and_evaluate", None)
    if not callable(method):
        raise ValueError(f"schedule {schedule!r} is not a method of Experiment")
    return method()


def tune(experiment_fn: Callable, tuner: Any) -> None:
    """Calls tuner.run_experiment(experiment_fn) as long as tuner.next_trial() is true."""
    while tuner.next_trial():
        tuner.run_experiment(experiment_fn)
