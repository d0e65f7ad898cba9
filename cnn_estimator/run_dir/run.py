"""What a run leaves on disk beside its checkpoints: lock, settings, history and metrics. Imports no TensorFlow."""

import contextlib
import json
import logging
import os
from collections.abc import Iterator, Mapping
from typing import Any

from cnn_estimator.data import datasets
from cnn_estimator.errors import UserError
from cnn_estimator.files import atomic_write, read_if_exists, writing
from cnn_estimator.run_dir import lock, settings_file
from cnn_estimator.settings import Settings, find_recipe, make_settings

log = logging.getLogger("cnn_estimator")

EVALUATION_FOLDER = "eval"
METRICS_FILE = "metrics.json"
# Settings without which a run with other values is another run.
_IDENTITY = ("dataset", "network", "classes", "optimizer", "validation", "crop")


class RunDir:
    """A model_dir. Attribute `path`: the folder, as the user wrote it."""

    def __init__(self, path: str) -> None:
        self.path = path

    @contextlib.contextmanager
    def locked(self, seconds: float = 0) -> Iterator[None]:
        """Keeps other trainers out of the folder; see lock.locked.

        Args:
          seconds: how long to wait for another trainer.

        Raises:
          UserError: another process trains there, or the folder cannot be written.
          TaskLost: another process still trained there after `seconds`.
          Stopped: a stop signal came.
        """
        with contextlib.ExitStack() as self._locks:
            self._lock_folder(seconds)
            yield

    def check_locked(self) -> None:
        """Raises UserError unless the locked folder is still in its place: nothing may be written into another one."""
        if not self._lock.is_in_place():
            raise UserError(
                f"model_dir {self.path} was moved, removed or emptied while this run trained there",
                "nothing more is saved; train again, in that folder or where it is now",
            )

    def archive(self) -> str:
        """Renames the locked folder to the first free one of path.1, path.2, … and returns the new name.

        The lock of the old run is held until the lock of the new run, in a new folder, is held too.

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
        log.info("archived the run in model_dir %s as %s", self.path, archived)
        self._lock_folder()
        return archived

    def _lock_folder(self, seconds: float = 0) -> None:
        with writing(f"model_dir {self.path}"):
            self._lock = self._locks.enter_context(lock.locked(self.path, seconds=seconds))

    def load_settings(self, recipe: str | None = None, data_dir: str | None = None) -> Settings:
        """Returns the Settings that the run was trained with.

        Args:
          recipe: the recipe that the run holds, where there is no settings file.
          data_dir: the folder of the data that the class names come from where the run does not have them; see
            datasets.load.

        Raises:
          UserError: the settings file is damaged or holds another recipe, or there is neither a file nor a recipe.
        """
        settings = settings_file.read(self.path, data_dir)
        if settings is None:
            if recipe is None:
                problem = f"model_dir {self.path} has no {settings_file.SETTINGS_FILE}"
                raise UserError(problem, "name the {recipe} that it holds")
            class_names = datasets.class_names(find_recipe(recipe).dataset, data_dir)
            return make_settings(recipe, seed=0, class_names=class_names)
        if recipe is not None:
            wanted = find_recipe(recipe)
            if (wanted.network, wanted.dataset) != (settings.network, settings.dataset):
                raise UserError(
                    f"model_dir {self.path} holds recipe {settings.recipe}, not {recipe}",
                    "leave {recipe} out, or name another {model_dir}",
                )
        return settings

    def check_same_run(self, saved: Settings, settings: Settings) -> None:
        """Raises UserError, with a table, if training with `settings` cannot continue a run with `saved` settings."""
        rows = saved.differences(settings, _IDENTITY)
        if bool(saved.average_decay) != bool(settings.average_decay):  # the checkpoint has averages, or has none
            rows.append(("average_decay", saved.average_decay, settings.average_decay))
        if settings.validation and saved.seed != settings.seed:  # the seed chooses the images that are held out
            rows.append(("seed", saved.seed, settings.seed))
        rows += _classes_in_another_order(saved, settings)
        if rows:
            raise UserError(
                f"model_dir {self.path} holds another run",
                "choose another {model_dir}, or archive that run with {fresh}",
                [("setting", "saved", "requested"), *saved.differences(settings, ("recipe",)), *rows],
            )

    def add_metrics(self, record: Mapping[str, Any]) -> None:
        """Adds a record to eval/metrics.json, in place of an earlier record with the same global_step.

        An error is only logged: the evaluation that made the record was worth more.
        """
        try:
            records = self._read_metrics() | {record["global_step"]: record}
            self._write_metrics(records)
        except (OSError, UserError, ValueError, TypeError, KeyError) as error:
            log.warning("this evaluation is not kept in %s: %s", self._metrics_path, error)

    def cut_back_metrics(self, last_step: int) -> None:
        """Removes the records of steps after the step that training continues from. A damaged file stays as it is."""
        with contextlib.suppress(UserError, ValueError, TypeError, KeyError):
            records = self._read_metrics()
            if max(records, default=0) > last_step:
                self._write_metrics({step: record for step, record in records.items() if step <= last_step})

    @property
    def _metrics_path(self) -> str:
        return os.path.join(self.path, EVALUATION_FOLDER, METRICS_FILE)

    def _read_metrics(self) -> dict[int, Any]:
        """Returns {global step: record}. A NaN of an earlier release becomes None, which is JSON."""
        content = read_if_exists(self._metrics_path) or b"[]"
        return {record["global_step"]: record for record in json.loads(content, parse_constant=lambda name: None)}

    def _write_metrics(self, records: Mapping[int, Any]) -> None:
        with atomic_write(self._metrics_path) as file:
            json.dump([records[step] for step in sorted(records)], file, indent=2, ensure_ascii=False)
            file.write("\n")


def _classes_in_another_order(saved: Settings, settings: Settings) -> list[tuple[str, str, str]]:
    """Returns rows of the classes that have other names, if a name belongs to another label than before.

    The labels of the images would then be wrong for the trained network. A class that is only renamed keeps its label.
    """
    pairs = list(zip(saved.class_names, settings.class_names, strict=False))
    differing = [(f"class {label}", before, now) for label, (before, now) in enumerate(pairs) if before != now]
    moved = {before for _, before, _ in differing} & set(settings.class_names)
    return differing if moved else []
