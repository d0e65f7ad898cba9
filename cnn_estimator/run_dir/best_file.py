"""The folder best/ of a model_dir, where best.json names the checkpoint with the highest validation accuracy.

Imports no TensorFlow.
"""

import contextlib
import json
import os
from collections.abc import Mapping
from typing import Any

from cnn_estimator.errors import UserError
from cnn_estimator.files import atomic_write, read_if_exists, reading

BEST_FOLDER = "best"
BEST_FILE = "best.json"


def write_best(model_dir: str, checkpoint: str, facts: Mapping[str, Any]) -> None:
    """Makes best.json name a checkpoint in the folder best/, with facts about it."""
    with atomic_write(os.path.join(model_dir, BEST_FOLDER, BEST_FILE)) as file:
        json.dump({"checkpoint": checkpoint, **facts}, file, indent=2)
        file.write("\n")


def best_checkpoint(model_dir: str) -> str:
    """Returns the name of the checkpoint that best.json names.

    Raises:
      UserError: the model_dir keeps no best checkpoint, or best.json is damaged.
    """
    path = os.path.join(model_dir, BEST_FOLDER, BEST_FILE)
    with reading(path):
        content = read_if_exists(path)
    if content is None:
        raise UserError(f"model_dir {model_dir} keeps no best checkpoint", "train there with {keep_best}")
    record: Any = None
    with contextlib.suppress(ValueError, RecursionError):
        record = json.loads(content)
    name = record.get("checkpoint") if isinstance(record, dict) else None
    if not isinstance(name, str) or os.path.basename(name) != name:
        raise UserError(f"{path} is damaged", "name a checkpoint by its step or path")
    return name
