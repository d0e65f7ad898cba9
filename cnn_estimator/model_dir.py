"""What a run leaves on disk: its settings and its checkpoints."""

import dataclasses
import json
import os

from cnn_estimator import model
from cnn_estimator.errors import UserError
from cnn_estimator.recipes import Settings
from cnn_estimator.tf1 import tf

SETTINGS_FILE = "settings.json"


def latest_checkpoint(model_dir):
    """Returns (path, global_step) of the newest checkpoint, or (None, 0) where there is none."""
    if set(model_dir) & set("*?["):
        raise UserError(f"model_dir {model_dir!r}: TensorFlow reads *, ? and [ as patterns, choose another name")
    path = tf.train.latest_checkpoint(model_dir)
    if path is None:
        return None, 0
    reader = tf.train.load_checkpoint(path)
    if not reader.has_tensor(tf.GraphKeys.GLOBAL_STEP):
        raise UserError(f"{path} has no global_step, so Estimator did not write it: choose another --model_dir")
    return path, int(reader.get_tensor(tf.GraphKeys.GLOBAL_STEP))


def write_settings(model_dir, settings):
    """Keeps the settings beside the checkpoints, as JSON; makes the folder where it is missing."""
    path = os.path.join(model_dir, SETTINGS_FILE)
    try:
        os.makedirs(model_dir, exist_ok=True)
        with open(f"{path}.new", "w", encoding="utf-8") as file:
            json.dump(dataclasses.asdict(settings), file, indent=2)
            file.write("\n")
        os.replace(f"{path}.new", path)
    except OSError as error:
        raise UserError(
            f"model_dir {model_dir} cannot be written: {error.strerror}. Choose another --model_dir"
        ) from error


def read_settings(model_dir):
    """Returns the Settings that were kept in a model_dir, or None where there are none."""
    path = os.path.join(model_dir, SETTINGS_FILE)
    try:
        with open(path, encoding="utf-8") as file:
            return Settings(**json.load(file))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, TypeError) as error:
        raise UserError(f"{path} cannot be read: {error}. Mend it, or move it away and name the --recipe") from error


def check_same_model(model_dir, kept, settings):
    """Raises UserError where a run with `settings` would go on from a checkpoint of another model, `kept`."""
    for field in ("dataset", "network", "optimizer"):
        there, here = getattr(kept, field), getattr(settings, field)
        if there != here:
            raise UserError(
                f"model_dir {model_dir} holds a run of recipe {kept.recipe} with {field} {there}, not {here}: "
                "choose another --model_dir, or the flags of that run"
            )


def check_variables(checkpoint, settings, mode):
    """Raises UserError unless the checkpoint holds the variables, name and shape, that the model has in that mode."""
    there = dict(tf.train.list_variables(checkpoint))
    wrong = []
    for name, shape in model.variable_shapes(settings, mode).items():
        if name not in there:
            wrong.append(f"{name} is missing")
        elif there[name] != shape:
            wrong.append(f"{name} is {there[name]}, not {shape}")
    if wrong:
        raise UserError(
            f"{checkpoint} does not fit network {settings.network} with optimizer {settings.optimizer}: "
            f"{'; '.join(wrong)}. Say with --recipe what it holds, or choose another --model_dir"
        )
