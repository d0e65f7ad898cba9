"""tf.contrib.distribute: the strategies of tf.distribute, with the old arguments."""

from collections.abc import Sequence
from typing import Any

import tensorflow.compat.v1 as tf  # type: ignore[import-untyped]
from tensorflow.python.distribute import (  # type: ignore[import-untyped]
    cross_device_ops,
    distribute_config,
    distribute_lib,
)

from cnn_estimator.tf1.unavailable import module_getattr

AllReduceCrossDeviceOps = cross_device_ops.AllReduceCrossDeviceOps
AllReduceCrossTowerOps = AllReduceCrossDeviceOps  # the name up to TensorFlow 1.12
DistributeConfig = distribute_config.DistributeConfig
DistributionStrategy = tf.distribute.Strategy
OneDeviceStrategy = tf.distribute.OneDeviceStrategy
get_cross_replica_context = distribute_lib.get_cross_replica_context
get_distribution_strategy = tf.distribute.get_strategy
has_distribution_strategy = tf.distribute.has_strategy
require_replica_context = distribute_lib.require_replica_context


class MirroredStrategy(tf.distribute.MirroredStrategy):
    """tf.distribute.MirroredStrategy. num_gpus or num_gpus_per_worker selects the first GPUs, 0 selects the CPU."""

    def __init__(
        self,
        devices: Sequence[str] | None = None,
        num_gpus: int | None = None,
        num_gpus_per_worker: int | None = None,
        cross_device_ops: Any = None,
        auto_shard_dataset: bool = False,
        cross_tower_ops: Any = None,
    ) -> None:
        """cross_tower_ops: old name of cross_device_ops; auto_shard_dataset: not used on one machine.

        Raises:
          ValueError: two arguments have the same meaning.
        """
        counts = [count for count in (num_gpus, num_gpus_per_worker) if count is not None]
        if len(counts) + (devices is not None) > 1:
            raise ValueError("give one of devices, num_gpus and num_gpus_per_worker")
        if cross_device_ops is not None and cross_tower_ops is not None:
            raise ValueError("cross_device_ops and cross_tower_ops are the same: give one of them")
        if counts:
            devices = [f"/gpu:{number}" for number in range(counts[0])] or ["/cpu:0"]
        super().__init__(devices, cross_device_ops if cross_device_ops is not None else cross_tower_ops)


class CollectiveAllReduceStrategy(tf.distribute.experimental.MultiWorkerMirroredStrategy):
    """tf.distribute.experimental.MultiWorkerMirroredStrategy."""

    def __init__(self, num_gpus_per_worker: int = 0) -> None:
        """num_gpus_per_worker: not used. The strategy uses all visible GPUs, see CUDA_VISIBLE_DEVICES."""
        super().__init__()


class ParameterServerStrategy(tf.distribute.experimental.ParameterServerStrategy):
    """tf.distribute.experimental.ParameterServerStrategy."""

    def __init__(self, num_gpus_per_worker: int = 0) -> None:
        """num_gpus_per_worker: not used. The strategy uses all visible GPUs, see CUDA_VISIBLE_DEVICES."""
        super().__init__()


__getattr__ = module_getattr(
    "tf.contrib.distribute",
    (tf.distribute,),
    "use tf.distribute",
    {
        "TPUStrategy": "TPUs are not supported, use MirroredStrategy",
        "initialize_tpu_system": "there is no TPU support here",
        "run_standard_tensorflow_server": "use tf.train.Server",
    },
    "Monitor MultiWorkerAllReduce StandardInputStep StandardSingleLossStep Step UpdateContext",
)
