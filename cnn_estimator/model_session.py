"""Whether a checkpoint has the variables of a network."""

import logging
from collections.abc import Collection

from cnn_estimator import model
from cnn_estimator.errors import UserError
from cnn_estimator.run_dir.checkpoints import Checkpoint
from cnn_estimator.settings import Settings
from cnn_estimator.tf1 import tf

log = logging.getLogger("cnn_estimator")

_AVERAGE = "ExponentialMovingAverage"  # of a weight, beside it


def check_fits(checkpoint: Checkpoint, settings: Settings, mode: str) -> None:
    """Raises UserError, with a table, unless the checkpoint's variables are those of the model in that mode.

    Variables that the model does not have are refused where training would lose them. Evaluation logs that it leaves
    them out, except the optimizer's.
    """
    reader = tf.train.load_checkpoint(checkpoint.path)
    dtypes, shapes = reader.get_variable_to_dtype_map(), reader.get_variable_to_shape_map()
    saved = {name: (dtypes[name].name, shapes[name]) for name in sorted(shapes)}
    expected = model.variables(settings, mode)
    training = mode == tf.estimator.ModeKeys.TRAIN
    missing = [(name, "missing", "", _kind(expected[name])) for name in expected if name not in saved]
    reshaped = [
        (name, "reshaped", _kind(saved[name]), _kind(expected[name]))
        for name in expected
        if name in saved and saved[name] != expected[name]
    ]
    extra = [
        (name, "extra", _kind(saved[name]), "")
        for name in saved
        if name not in expected and (training or not _is_optimizers(name, saved))
    ]
    if extra and not training:
        log.warning("variables that network %s does not have: %s", settings.network, ", ".join(row[0] for row in extra))
    if missing or reshaped or (training and extra):
        raise UserError(
            f"{checkpoint.name} does not fit network {settings.network} with optimizer {settings.optimizer}",
            f"name the {'{recipe}, {optimizer} and {average_decay}' if training else '{recipe}'} that it holds, or "
            "choose another {model_dir}",
            [("variable", "", "saved", "requested"), *missing, *reshaped, *extra],
        )


def _kind(variable: tuple[str, list[int]]) -> str:
    dtype, shape = variable
    return f"{dtype} {shape}"


def _is_optimizers(name: str, names: Collection[str]) -> bool:
    """Whether it is one of Adam's own variables, or a slot beside another variable: dense/kernel/Momentum."""
    variable, _, slot = name.rpartition("/")
    return name in ("beta1_power", "beta2_power") or (variable in names and slot != _AVERAGE)
