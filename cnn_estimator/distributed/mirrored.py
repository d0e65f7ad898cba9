"""Strategies that train on several devices, as tf.distribute has them."""

import dataclasses
import logging

from cnn_estimator.errors import UserError
from cnn_estimator.settings import check_optional
from cnn_estimator.tf1 import tf

log = logging.getLogger("cnn_estimator")


@dataclasses.dataclass(frozen=True)
class Distribution:
    """A strategy under its name here; both None for one device without a strategy."""

    name: str | None = None
    strategy: tf.distribute.Strategy | None = None

    @property
    def replicas(self) -> int:
        """How many copies of the model train together."""
        return int(self.strategy.num_replicas_in_sync) if self.strategy else 1

    def add_logical_devices(self, config: tf.ConfigProto) -> None:
        """Has sessions with this configuration split the CPU into the devices that the strategy needs."""
        names = self.strategy.extended.worker_devices if self.strategy else ()
        cpus = sum(tf.DeviceSpec.from_string(name).device_type == "CPU" for name in names)
        if cpus:
            config.device_count["CPU"] = cpus


def create(name: str | None, devices: int | None) -> Distribution:
    """Returns the Distribution that train() describes for its arguments strategy and devices.

    Raises UserError for a value that is none of theirs, a number without a strategy, and more GPUs than there are.
    """
    check_optional("strategy", name)
    check_optional("devices", devices)
    if name is None:
        if devices is not None:
            raise UserError(f"devices {devices}: without a strategy there is one device", "name the {strategy}")
        return Distribution()
    gpus = len(tf.config.list_physical_devices("GPU"))
    if gpus and devices is not None and devices > gpus:
        raise UserError(f"devices {devices}: this machine has {gpus} GPUs", "ask for no more {devices}")
    places = [f"/{'gpu' if gpus else 'cpu'}:{number}" for number in range(devices or gpus or 1)]
    log.info("strategy %s: %s", name, ", ".join(places))
    # For GPUs, TensorFlow finds the best way itself; for CPUs this is it, and it would log a warning.
    reduction = None if gpus else tf.distribute.ReductionToOneDevice()
    return Distribution(name, tf.distribute.MirroredStrategy(places, reduction))
