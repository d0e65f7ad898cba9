"""settings.json and history.jsonl in a model_dir: what was trained there, and how. Imports no TensorFlow."""

import dataclasses
import json
import os
from collections.abc import Mapping
from typing import Any

from cnn_estimator.data import datasets
from cnn_estimator.errors import UserError
from cnn_estimator.files import atomic_write, read_if_exists
from cnn_estimator.hardware import available_threads
from cnn_estimator.settings import SETTINGS, Settings, check_optional_path, find_recipe, hyperparameters

SETTINGS_FILE = "settings.json"
HISTORY_FILE = "history.jsonl"
_TRAINING_IMAGES = "training_images"
VERSION = 7  # earlier releases of this package refuse a file without a version


def write(model_dir: str, settings: Settings, *, training_images: str | None = None) -> None:
    """Writes settings.json; on an error the old file stays.

    Args:
      training_images: the fingerprint of the training set, where images are held out.
    """
    fields = {"version": VERSION, "recipe": settings.recipe} | _fields(settings)
    if training_images:
        fields[_TRAINING_IMAGES] = training_images
    with atomic_write(os.path.join(model_dir, SETTINGS_FILE)) as file:
        json.dump(fields, file, indent=2)
        file.write("\n")


def add_to_history(model_dir: str, settings: Settings, facts: Mapping[str, Any]) -> None:
    """Adds a JSON object with facts and settings to history.jsonl, which has a line for each start of training."""
    line = f"{json.dumps({**facts, **_fields(settings)})}\n".encode()
    with open(os.path.join(model_dir, HISTORY_FILE), "ab+") as file:
        if file.tell():
            file.seek(-1, os.SEEK_END)
            if file.read() != b"\n":  # a full disk may have cut off the last line
                line = b"\n" + line
        file.write(line)
        file.flush()
        os.fsync(file.fileno())


def _fields(settings: Settings) -> dict[str, Any]:
    # The recipe decides the dataset and the network. They are written for people, and not read again.
    return {"dataset": settings.dataset, "network": settings.network} | dataclasses.asdict(settings)


def read(model_dir: str, data_dir: str | None = None) -> Settings | None:
    """Returns the Settings in settings.json, or None where there is no such file.

    A field that the file does not have, because an earlier release wrote it, takes the recipe's value or the default.

    Args:
      data_dir: the folder of the data that the class names come from if the file has none; None takes the file's
        data_dir.

    Raises:
      UserError: the file cannot be read, or was edited into something that cannot be trained.
    """
    path = os.path.join(model_dir, SETTINGS_FILE)
    content = read_if_exists(path)
    if content is None:
        return None
    try:
        return _parse(content, data_dir)
    except UserError as error:
        advice = "fix it, or move it away and name the {recipe}"
        raise UserError(f"{path} cannot be read: {error}", advice) from error


def read_training_images(model_dir: str) -> str | None:
    """Returns the fingerprint of the training set in an intact settings.json, None where there is none."""
    content = read_if_exists(os.path.join(model_dir, SETTINGS_FILE))
    return json.loads(content).get(_TRAINING_IMAGES) if content else None


def _parse(content: bytes, data_dir: str | None) -> Settings:
    """Returns the Settings in the content of a settings file."""
    try:
        fields = json.loads(content)
    except ValueError as error:
        raise UserError(f"not JSON: {error}") from error
    if not isinstance(fields, dict):
        raise UserError("not a JSON object")
    for name in ("version", "dataset", "network", _TRAINING_IMAGES):
        fields.pop(name, None)
    for name in ("recipe", "seed"):
        if name not in fields:
            raise UserError(f"{name} is missing")
    recipe = find_recipe(fields["recipe"])
    unknown = [name for name in fields if name not in SETTINGS]
    if unknown:
        raise UserError(f"{unknown[0]!r} is not a setting")
    if "class_names" not in fields:
        folder = data_dir or check_optional_path("data_dir", fields.get("data_dir"))
        fields["class_names"] = datasets.class_names(recipe.dataset, folder)
    defaults = {"threads": available_threads(), "precision": "float32", "validation": 0, "data_dir": None}
    return Settings(**dataclasses.asdict(hyperparameters(recipe)) | defaults | fields)
