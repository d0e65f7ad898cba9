"""What a run leaves on disk beside its checkpoints: lock, settings, history and metrics. Imports no TensorFlow."""

import contextlib
import dataclasses
import fcntl
import json
import logging
import os
import reprlib
import time
from collections.abc import Iterator, Mapping
from typing import Any

from cnn_estimator import hardware, stopping
from cnn_estimator.errors import UserError
from cnn_estimator.files import append_line, atomic_write, open_own, open_regular, writing
from cnn_estimator.run_dir import lock
from cnn_estimator.settings import Settings, check_optional, find_recipe, make_settings

log = logging.getLogger("cnn_estimator")

SETTINGS_FILE = "settings.json"
HISTORY_FILE = "history.jsonl"
EVALUATION_FOLDER = "eval"
METRICS_FILE = "metrics.json"
HISTORY_FACTS = ("first_step", "max_steps", "tensorflow", "strategy", "replicas")  # of a line, beside the settings
# {setting: the version of the settings file that added it}; all others are of version 1
ADDED_IN = {"class_names": 2, "threads": 3, "validation": 4, "precision": 4}
ADDED_IN |= dict.fromkeys(("schedule", "warmup_steps", "schedule_steps", "augment", "average_decay"), 5)
ADDED_IN |= {"adam_beta2": 6}
VERSION = max(ADDED_IN.values())
MAX_BYTES = 2**16  # of a settings file
_METRICS_WAIT_SECONDS = 10.0  # for other evaluations, each of which takes milliseconds


class RunDir:
    """A model_dir. Attribute `path`: the folder, as its user wrote it."""

    def __init__(self, path: str) -> None:
        self.path = path

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps other trainers out of the folder, which is made where it is missing, and removed if it is left empty.

        The system drops the lock when the process ends, however it ends.

        Raises:
          UserError: another process trains there, or the folder cannot be written.
          Stopped: a stop signal came meanwhile.
        """
        with contextlib.ExitStack() as self._locks:
            self._lock_folder()
            yield

    def check_locked(self) -> None:
        """Raises UserError unless the folder is still the one that was locked: nothing may be written into another."""
        if not self._lock.is_in_place():
            raise UserError(
                f"model_dir {self.path} was moved, removed or emptied while this run trained there",
                "nothing more is saved; train again, in that folder or where it is now",
            )

    def archive(self) -> str:
        """Renames the locked folder to the first free one of path.1, path.2, … and returns that name.

        The lock of the old run is held until that of the new one, in a new folder, is held too.

        Raises:
          UserError: another process was quicker to train in the new folder, or the folder cannot be renamed.
        """
        path = os.path.normpath(self.path)
        number = 1
        while os.path.lexists(f"{path}.{number}"):
            number += 1
        archived = f"{path}.{number}"
        self.check_locked()
        try:
            os.rename(path, archived)
        except OSError as error:
            raise UserError(
                f"model_dir {self.path} cannot be renamed to {archived}: {error.strerror}",
                "the current folder and a mounted disk keep their names; move the files in it away, or choose another "
                "{model_dir}",
            ) from error
        log.info("the run that was in model_dir %s is archived as %s", self.path, archived)
        self._lock_folder()
        return archived

    def _lock_folder(self) -> None:
        with writing(f"model_dir {self.path}"):
            self._lock = self._locks.enter_context(lock.locked(self.path))

    def write_settings(self, settings: Settings) -> None:
        """Writes the settings as JSON, all of them or none."""
        # dataset and network follow from the recipe: they are there for people, and for a check when they are read.
        fields = {"dataset": settings.dataset, "network": settings.network} | dataclasses.asdict(settings)
        first = ("recipe", "dataset", "network")
        ordered = {name: fields[name] for name in (*first, *(name for name in fields if name not in first))}
        with atomic_write(os.path.join(self.path, SETTINGS_FILE)) as file:
            json.dump({"version": VERSION} | ordered, file, indent=2)
            file.write("\n")

    def read_settings(self, data_dir: str | None = None) -> Settings | None:
        """Returns the Settings of the run, or None where there is no settings file.

        Args:
          data_dir: the data whose class names to take, instead of the settings' own, where the file is of version 1.

        Raises:
          UserError: the file is damaged, of a later version, or edited into something that was never trained.
        """
        path = os.path.join(self.path, SETTINGS_FILE)
        try:
            content = _read(path, MAX_BYTES + 1)
            if content is None:
                return None
            if not content.strip(b"\0") and (line := self._last_in_history()):
                log.warning("%s is empty, as after a power failure: the last line of %s is used", path, HISTORY_FILE)
                path, content = os.path.join(self.path, HISTORY_FILE), line
            return _parse_settings(content, data_dir)
        except UserError as error:
            raise UserError(
                f"{path} cannot be read: {error}", "fix it, or move it away and name the {recipe}"
            ) from error
        except OSError as error:
            raise UserError(f"{path} cannot be read: {error.strerror}") from error

    def _last_in_history(self) -> bytes | None:
        """Returns what a settings file would be for the last line of the history that is complete."""
        for line in reversed((_read(os.path.join(self.path, HISTORY_FILE)) or b"").splitlines()):
            with contextlib.suppress(ValueError, RecursionError, AttributeError):
                fields = {name: value for name, value in json.loads(line).items() if name not in HISTORY_FACTS}
                return json.dumps({"version": 1} | fields).encode()  # version 1 asks for the fewest settings
        return None

    def last_goal(self) -> int | None:
        """Returns the global step that training was last begun to reach, None where it is not known."""
        for line in reversed((_read(os.path.join(self.path, HISTORY_FILE)) or b"").splitlines()):
            with contextlib.suppress(ValueError, RecursionError, LookupError, TypeError):
                return int(json.loads(line)["max_steps"])
        return None

    def load_settings(self, recipe: str | None = None, data_dir: str | None = None) -> Settings:
        """Returns the Settings that the run was trained with.

        Args:
          recipe: the name of the recipe that it holds, where there is no settings file.
          data_dir: the data whose class names to take where the run does not know them, see datasets.load.

        Raises:
          UserError: there is no settings file and no recipe, or they are of different models.
        """
        settings = self.read_settings(data_dir)
        if settings is None:
            if recipe is None:
                raise UserError(f"model_dir {self.path} has no {SETTINGS_FILE}", "name the {recipe} that it holds")
            names = _class_names(find_recipe(recipe).dataset, data_dir)
            return make_settings(recipe, seed=0, class_names=names)
        if recipe is not None:
            wanted = find_recipe(recipe)
            if (wanted.network, wanted.dataset) != (settings.network, settings.dataset):
                raise UserError(
                    f"model_dir {self.path} holds recipe {settings.recipe}, not {recipe}",
                    "leave {recipe} out, or name another {model_dir}",
                )
        return settings

    def add_to_history(self, settings: Settings, facts: Mapping[str, Any]) -> None:
        """Adds a line to the history: a JSON object for each time that training began, with its settings and facts."""
        names = {"dataset": settings.dataset, "network": settings.network}
        line = json.dumps({"version": VERSION, **facts, **names, **dataclasses.asdict(settings)})
        append_line(os.path.join(self.path, HISTORY_FILE), line)

    def check_same_run(self, saved: Settings, settings: Settings) -> None:
        """Raises UserError, with a table, where a run with `settings` cannot go on from one with `saved` settings."""
        rows = saved.differences(settings, ("recipe", "dataset", "network", "optimizer", "validation"))
        if bool(saved.average_decay) != bool(settings.average_decay):  # there are averages, or there are none
            rows.append(("average_decay", saved.average_decay, settings.average_decay))
        if settings.validation and saved.seed != settings.seed:  # it chose the images that are held out
            rows.append(("seed", saved.seed, settings.seed))
        if any(name != "recipe" for name, _, _ in rows):
            raise UserError(
                f"model_dir {self.path} holds another run",
                "choose another {model_dir}, or archive that run with {fresh}",
                [("setting", "saved", "requested"), *rows],
            )

    def add_metrics(self, record: Mapping[str, Any]) -> None:
        """Adds a record to eval/metrics.json, in place of an earlier one of the same global_step.

        Where that cannot be done it is logged: the metrics themselves are worth more.
        """
        path = os.path.join(self.path, EVALUATION_FOLDER, METRICS_FILE)
        try:
            with _locked_metrics(f"{path}.lock"):
                content = _read(path)
                records = {} if content is None else {kept["global_step"]: kept for kept in json.loads(content)}
                records[record["global_step"]] = record
                with atomic_write(path) as file:
                    json.dump([records[step] for step in sorted(records)], file, indent=2, ensure_ascii=False)
                    file.write("\n")
        except OSError as error:
            log.warning("%s cannot be written: %s. This evaluation is not kept there", path, error.strerror)
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            log.warning("%s is not a list of records: %r. This evaluation is not kept there: move it away", path, error)


@contextlib.contextmanager
def _locked_metrics(path: str) -> Iterator[None]:
    """Keeps other evaluations out of the metrics; raises OSError where one does not leave them within seconds."""
    with open(open_own(path, os.O_RDWR | os.O_CREAT), "rb") as file:
        waited_until = time.monotonic() + _METRICS_WAIT_SECONDS
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() > waited_until:
                    raise OSError(error.errno, f"another process holds {path}") from error
                stopping.check()
                time.sleep(0.01)
        yield


def _parse_settings(content: bytes, data_dir: str | None) -> Settings:
    if len(content) > MAX_BYTES:
        raise UserError(f"more than {MAX_BYTES} bytes")
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
    known = ["recipe", "dataset", "network", *(field.name for field in dataclasses.fields(Settings))]
    missing = [name for name in known if name not in fields]
    for name in missing:
        if version >= ADDED_IN.get(name, 1):
            raise UserError(f"{name} is missing")
    for name in fields:
        if name not in known:
            raise UserError(f"{reprlib.repr(name)} is not a setting")
    recipe = find_recipe(fields["recipe"])
    fields |= {name: getattr(recipe, name, None) for name in missing}
    if "threads" in missing:  # it took as many as there were CPUs
        fields["threads"] = hardware.available_threads()
    for name, value in {"validation": 0, "precision": "float32"}.items():
        if name in missing:
            fields[name] = value
    for name in ("dataset", "network"):
        value = fields.pop(name)
        if value != getattr(recipe, name):
            raise UserError(f"{name} {reprlib.repr(value)}: recipe {recipe.name} has {getattr(recipe, name)}")
    if type(fields["class_names"]) is list:
        fields["class_names"] = tuple(fields["class_names"])
    elif fields["class_names"] is None:  # version 1 did not know them
        check_optional("data_dir", fields["data_dir"])
        fields["class_names"] = _class_names(recipe.dataset, data_dir or fields["data_dir"])
    return Settings(**fields)


def _class_names(dataset: str, data_dir: str | None) -> tuple[str, ...]:
    from cnn_estimator.data import datasets

    return datasets.class_names(dataset, data_dir)


def _read(path: str, size: int = -1) -> bytes | None:
    """Returns the first bytes of a file, -1 for all of them; None where there is no file."""
    try:
        with open_regular(path) as file:
            return file.read(size)
    except (FileNotFoundError, NotADirectoryError):
        return None
