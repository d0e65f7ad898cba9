"""What training/ asks of the place where it runs, and the answers for one device."""

import contextlib
from collections.abc import Callable
from typing import Any

from cnn_estimator import hooks, model
from cnn_estimator.data.datasets import TrainingData
from cnn_estimator.distributed import tf_config
from cnn_estimator.run_dir.run import RunDir
from cnn_estimator.settings import Start, TrainOptions
from cnn_estimator.tf1 import tf

InputFn = Callable[..., tf.data.Dataset]
Hooks = list[tf.train.SessionRunHook]
Resolve = Callable[[RunDir, TrainOptions], Start]


class Local:
    """One process with one device. Mirrored, InStep and ParameterServers override what they do differently.

    Attributes:
      writes: whether this process writes the model_dir.
      evaluates: whether this process evaluates while it trains.
      stopped_early: whether another process has decided to stop early; known after train().
      strategy: the name of the strategy; None for one device.
      lock_seconds: how long to wait for another process that trains in the model_dir.
      replicas: how many devices or processes share each batch, or train at their own pace.
      model_fn: the model_fn of the Estimator.
    """

    writes: bool = True
    evaluates: bool = True
    stopped_early: bool = False
    strategy: str | None = None
    replicas: int = 1
    lock_seconds: int = 0
    model_fn = staticmethod(model.model_fn)

    @property
    def facts(self) -> dict[str, Any]:
        """What history.jsonl tells about the place."""
        return {"strategy": self.strategy, "replicas": self.replicas}

    def resolve_start(self, run_dir: RunDir, options: TrainOptions, resolve: Resolve) -> Start:
        """Returns where to begin and end: the result of resolve() in this process, or in the process that decides."""
        return resolve(run_dir, options)

    def telling_errors(self) -> contextlib.AbstractContextManager[None]:
        """Returns a context in which the other processes are told about a UserError."""
        return contextlib.nullcontext()

    def wait_until_ready(self, run_dir: RunDir, start: Start, data: TrainingData | None) -> None:
        """Waits until all processes are ready to train. data: the images; None if there is nothing to train."""

    def run_config(self, **arguments: Any) -> tf.estimator.RunConfig:
        """Returns the RunConfig of the Estimator, with these arguments and others."""
        with tf_config.hidden():
            return tf.estimator.RunConfig(**arguments)

    def input_fn(self, input_fn: InputFn) -> InputFn:
        """Returns the input_fn of this process: its part of the batches of an input_fn for one device."""
        return input_fn

    def hooks(self, start: Start) -> Hooks:
        """Returns the hooks that decide when to stop. They must come last in the list of hooks."""
        return [hooks.StopTraining()]

    def train(self, estimator: tf.estimator.Estimator, input_fn: InputFn, all_hooks: Hooks, max_steps: int) -> None:
        """Trains to the global step max_steps."""
        estimator.train(input_fn, all_hooks, max_steps=max_steps)


Placement = Local  # every placement is a Local that overrides a part of it
