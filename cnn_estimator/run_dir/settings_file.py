"""settings.json and history.jsonl in a model_dir: what was trained there, and how. Imports no TensorFlow."""

import contextlib
import dataclasses
import json
import logging
import os
import reprlib
from collections.abc import Mapping
from typing import Any

from cnn_estimator.data import datasets
from cnn_estimator.errors import UserError
from cnn_estimator.files import append_line, atomic_write, read_if_exists, reading
from cnn_estimator.hardware import available_threads
from cnn_estimator.settings import SETTINGS, Settings, check_optional_path, find_recipe, hyperparameters

log = logging.getLogger("cnn_estimator")

SETTINGS_FILE = "settings.json"
HISTORY_FILE = "history.jsonl"
MAX_SETTINGS_BYTES = 2**16
VERSION = 6  # earlier releases of this package refuse a file without a version


def write(model_dir: str, settings: Settings) -> None:
    """Writes settings.json; on an error the old file stays."""
    fields = {"version": VERSION, "recipe": settings.recipe} | _fields(settings)
    with atomic_write(os.path.join(model_dir, SETTINGS_FILE)) as file:
        json.dump(fields, file, indent=2)
        file.write("\n")


def add_to_history(model_dir: str, settings: Settings, facts: Mapping[str, Any]) -> None:
    """Adds a JSON object with facts and settings to history.jsonl, which has a line for each start of training."""
    append_line(os.path.join(model_dir, HISTORY_FILE), json.dumps({**facts, **_fields(settings)}))


def _fields(settings: Settings) -> dict[str, Any]:
    # The recipe decides the dataset and the network. They are written for people, and checked when they are read.
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
    with reading(path):
        content = read_if_exists(path, MAX_SETTINGS_BYTES + 1)
    if content is None:
        return None
    if not content.strip(b"\0"):
        history_path = os.path.join(model_dir, HISTORY_FILE)
        line = _last_complete_line(history_path)
        if line:
            log.warning("%s is empty, as after a power failure: the last line of %s is used", path, HISTORY_FILE)
            path = history_path
            content = line
    try:
        return _parse(content, data_dir)
    except UserError as error:
        advice = "fix it, or move it away and name the {recipe}"
        raise UserError(f"{path} cannot be read: {error}", advice) from error


def _last_complete_line(path: str) -> bytes | None:
    """Returns the settings in the last complete line of the history, as the content of a settings file."""
    with reading(path):
        lines = (read_if_exists(path) or b"").splitlines()
    for line in reversed(lines):
        with contextlib.suppress(ValueError, RecursionError):
            record = json.loads(line)
            if isinstance(record, dict):
                names = ("dataset", "network", *SETTINGS)
                return json.dumps({name: record[name] for name in names if name in record}).encode()
    return None


def _parse(content: bytes, data_dir: str | None) -> Settings:
    """Returns the Settings in the content of a settings file."""
    if len(content) > MAX_SETTINGS_BYTES:
        raise UserError(f"more than {MAX_SETTINGS_BYTES} bytes")
    try:
        fields = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise UserError(f"not JSON: {error}") from error
    if not isinstance(fields, dict):
        raise UserError("not a JSON object")
    fields.pop("version", None)
    for name in ("recipe", "seed"):
        if name not in fields:
            raise UserError(f"{name} is missing")
    recipe = find_recipe(fields["recipe"])
    for name in ("dataset", "network"):
        value = fields.pop(name, getattr(recipe, name))
        if value != getattr(recipe, name):
            raise UserError(f"{name} {reprlib.repr(value)}: recipe {recipe.name} has {getattr(recipe, name)}")
    unknown = [name for name in fields if name not in SETTINGS]
    if unknown:
        raise UserError(f"{reprlib.repr(unknown[0])} is not a setting")
    if "class_names" not in fields:
        folder = data_dir or check_optional_path("data_dir", fields.get("data_dir"))
        fields["class_names"] = datasets.class_names(recipe.dataset, folder)
    defaults = {"threads": available_threads(), "precision": "float32", "validation": 0, "data_dir": None}
    return Settings(**dataclasses.asdict(hyperparameters(recipe)) | defaults | fields)
