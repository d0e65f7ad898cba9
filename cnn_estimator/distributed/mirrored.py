"""Training on several devices of one machine, by tf.distribute.MirroredStrategy."""

import logging
from typing import Any

from cnn_estimator.data.datasets import TrainingData
from cnn_estimator.distributed import shares
from cnn_estimator.distributed.placement import InputFn, Local
from cnn_estimator.errors import UserError
from cnn_estimator.run_dir.run import RunDir
from cnn_estimator.settings import Start
from cnn_estimator.tf1 import tf

log = logging.getLogger("cnn_estimator")


class Mirrored(Local):
    """One process with several devices, GPUs or parts of the CPU, that share each batch.

    Args:
      devices: the number of devices; None takes every GPU, or the CPU as one device.

    Raises:
      UserError: there are fewer GPUs than devices.
    """

    strategy = "mirrored"

    def __init__(self, devices: int | None) -> None:
        gpus = len(tf.config.list_physical_devices("GPU"))
        if gpus and devices is not None and devices > gpus:
            raise UserError(f"devices {devices}: this machine has {gpus} GPUs", "ask for no more {devices}")
        names = [f"/{'gpu' if gpus else 'cpu'}:{number}" for number in range(devices or gpus or 1)]
        log.info("strategy mirrored: %s", ", ".join(names))
        # TensorFlow chooses the best reduction for GPUs. For CPUs it would choose this one too, with a warning.
        reduction = None if gpus else tf.distribute.ReductionToOneDevice()
        self._strategy = tf.distribute.MirroredStrategy(names, reduction)
        self._cpus = 0 if gpus else len(names)
        self.replicas = len(names)
        if self.replicas > 1:
            self.model_fn = shares.model_fn  # type: ignore[method-assign]

    def run_config(self, **arguments: Any) -> tf.estimator.RunConfig:
        if self._cpus:
            arguments["session_config"].device_count["CPU"] = self._cpus
        return super().run_config(train_distribute=self._strategy, **arguments)

    def wait_until_ready(self, run_dir: RunDir, start: Start, data: TrainingData | None) -> None:
        if self.replicas > 1:
            shares.check_network(start.settings)

    def input_fn(self, input_fn: InputFn) -> InputFn:
        return shares.input_fn(input_fn) if self.replicas > 1 else input_fn
