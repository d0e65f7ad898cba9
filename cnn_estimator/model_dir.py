"""What a run leaves on disk beside its checkpoints: settings, history and lock; and how it is set aside."""

import contextlib
import dataclasses
import fcntl
import json
import os
import reprlib
import time

from tabulate import tabulate

from cnn_estimator import datasets, recipes
from cnn_estimator.disk import whole
from cnn_estimator.errors import UserError
from cnn_estimator.recipes import Settings

SETTINGS_FILE = "settings.json"
HISTORY_FILE = "history.jsonl"
LOCK_FILE = "train.lock"
VERSION = 2  # of the settings file
MOST_BYTES = 2**16  # of a settings file


def write_settings(model_dir, settings):
    """Keeps the settings in a model_dir, as JSON: whole, or as they were."""
    with whole(os.path.join(model_dir, SETTINGS_FILE)) as file:
        json.dump({"version": VERSION, **dataclasses.asdict(settings)}, file, indent=2)
        file.write("\n")


def read_settings(model_dir):
    """Returns the Settings that are kept in a model_dir, or None where there are none.

    Raises:
      UserError: the file is damaged, of a later version, or edited into something that was never trained.
    """
    path = os.path.join(model_dir, SETTINGS_FILE)
    try:
        with open(path, "rb") as file:
            content = file.read(MOST_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from error
    try:
        return _parse_settings(content)
    except UserError as error:
        raise UserError(f"{path} cannot be read: {error}. Mend it, or move it away and name the --recipe") from error


def _parse_settings(content):
    if len(content) > MOST_BYTES:
        raise UserError(f"more than {MOST_BYTES} bytes")
    try:
        fields = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise UserError(f"not JSON: {error}") from error
    if type(fields) is not dict:
        raise UserError("not a JSON object")
    version = fields.pop("version", None)
    if type(version) is not int or not 1 <= version <= VERSION:
        raise UserError(
            f"version {reprlib.repr(version)}: this program reads versions 1 to {VERSION}, another one wrote it"
        )
    if version == 1:  # it knew no names
        fields.setdefault("class_names", None)
    known = [field.name for field in dataclasses.fields(Settings)]
    for name in known:
        if name not in fields:
            raise UserError(f"{name} is missing")
    for name in fields:
        if name not in known:
            raise UserError(f"{reprlib.repr(name)} is no setting")
    if fields["seed"] is None:
        raise UserError("seed None: a run has one")
    if type(fields["class_names"]) is list:
        fields["class_names"] = tuple(fields["class_names"])
    return Settings(**fields)


def settings_of(model_dir, recipe=None, data_dir=None):
    """Returns the Settings that a model_dir was trained with, always with class_names.

    Args:
      recipe: the recipes.Recipe that it holds, where it has no settings file.
      data_dir: the data whose class_names to take where it knows none, see datasets.load.

    Raises:
      UserError: there is no settings file and no recipe, or they are of different models.
    """
    settings = read_settings(model_dir)
    if settings is None:
        if recipe is None:
            raise UserError(f"model_dir {model_dir} has no {SETTINGS_FILE}: say with --recipe=NAME what it holds")
        settings = recipes.settings(recipe)
    elif recipe and (recipe.network, recipe.dataset) != (settings.network, settings.dataset):
        raise UserError(
            f"model_dir {model_dir} holds recipe {settings.recipe}, not {recipe.name}: leave --recipe away, "
            "or name another --model_dir"
        )
    if settings.class_names:
        return settings
    names = datasets.class_names(settings.dataset, data_dir or settings.data_dir)
    return dataclasses.replace(settings, class_names=names)


def add_to_history(model_dir, settings, **facts):
    """Adds a line to the history: one JSON object for each time that training began, with its settings and facts."""
    with open(os.path.join(model_dir, HISTORY_FILE), "a", encoding="utf-8") as file:
        file.write(json.dumps(facts | dataclasses.asdict(settings)) + "\n")


def check_same_run(model_dir, kept, settings):
    """Raises UserError, with a table, where a run with `settings` cannot go on from one with the settings `kept`."""
    rows = [
        (field, getattr(kept, field), getattr(settings, field))
        for field in ("recipe", "dataset", "network", "optimizer")
        if getattr(kept, field) != getattr(settings, field)
    ]
    if any(field != "recipe" for field, _, _ in rows):
        raise UserError(
            f"model_dir {model_dir} holds another run: choose another --model_dir, or set that run aside with --fresh\n"
            + tabulate(rows, ["setting", "there", "now"], tablefmt="plain")
        )


@contextlib.contextmanager
def locked(model_dir):
    """Keeps other trainers out of a model_dir, which it makes where it is missing, and removes if it is left empty.

    The system drops the lock when the process ends, however it ends.

    Raises:
      UserError: another process trains there.
    """
    made = not os.path.isdir(model_dir)
    os.makedirs(model_dir, exist_ok=True)
    path = os.path.join(model_dir, LOCK_FILE)
    with contextlib.ExitStack() as stack:
        while True:
            file = stack.enter_context(open(path, "a+", encoding="utf-8"))
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.seek(0)
                holder = file.read()
                file.close()
                if not holder:  # it is about to write
                    time.sleep(0.01)
                    continue
                raise UserError(
                    f"model_dir {model_dir}: process {holder} is training there. Wait for it, stop it, or choose "
                    "another --model_dir"
                ) from None
            # Not the file of a run that was set aside, or of a folder that was removed, since it was opened.
            if os.path.exists(path) and os.path.samestat(os.fstat(file.fileno()), os.stat(path)):
                break
            file.close()
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        try:
            yield
        finally:
            file.truncate(0)
            if made and os.path.isdir(model_dir) and os.listdir(model_dir) == [LOCK_FILE]:
                os.remove(path)
                os.rmdir(model_dir)


def set_aside(model_dir):
    """Renames a model_dir to the first free one of model_dir.1, .2, …; returns that name.

    Raises:
      UserError: another process trains there.
    """
    model_dir = os.path.normpath(model_dir)
    with locked(model_dir):
        number = 1
        while os.path.lexists(f"{model_dir}.{number}"):
            number += 1
        os.rename(model_dir, f"{model_dir}.{number}")
    return f"{model_dir}.{number}"
