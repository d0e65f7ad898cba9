"""Where a training runs, by its options and TF_CONFIG."""

from cnn_estimator.distributed import tf_config
from cnn_estimator.distributed.mirrored import Mirrored
from cnn_estimator.distributed.multi_worker import InStep
from cnn_estimator.distributed.parameter_servers import ParameterServers
from cnn_estimator.distributed.placement import Local, Placement
from cnn_estimator.errors import UserError
from cnn_estimator.settings import TrainOptions


def choose_placement(options: TrainOptions) -> Placement:
    """Returns where this process trains, by the options and TF_CONFIG.

    Raises:
      UserError: TF_CONFIG is damaged or does not fit the strategy, or the options do not fit where training runs.
    """
    task = tf_config.read_task(options.strategy)
    if task and options.devices is not None:
        raise UserError(f"devices {options.devices}: a task of a cluster uses all of its GPUs", "leave {devices} out")
    if task and task.parameter_servers:
        return ParameterServers(task, options)
    if task:
        return InStep(task, options.cluster_timeout)
    if options.strategy == "mirrored":
        return Mirrored(options.devices)
    if options.devices is not None:
        raise UserError(
            f"devices {options.devices}: without a strategy there is one device", "name the {strategy} mirrored"
        )
    return Local()
