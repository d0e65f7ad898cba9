"""The evaluations while training that a model_dir records, and the best checkpoint.

A run that was stopped or killed continues from its newest checkpoint. So everything here follows from the records up
to that step: which step is best, and how many evaluations since then brought no higher accuracy.
"""

import dataclasses
import json
import logging
import os
import sys
from collections.abc import Callable, Sequence

from cnn_estimator.errors import UserError
from cnn_estimator.files import atomic_write, read_if_exists
from cnn_estimator.run_dir import checkpoints
from cnn_estimator.settings import MAX_STEPS, Integer, Number

log = logging.getLogger("cnn_estimator")

RECORDS_FILE = "validation.jsonl"
_FIELDS = {"step": Integer(0, MAX_STEPS), "accuracy": Number(0, 1), "loss": Number(0, sys.float_info.max)}


@dataclasses.dataclass(frozen=True)
class EvaluationRecord:
    """One evaluation while training. loss: the mean cross entropy of an image."""

    step: int
    accuracy: float
    loss: float

    def __str__(self) -> str:
        return f"step {self.step}, accuracy {self.accuracy:.4f}, loss {self.loss:.4f}"


class ValidationLog:
    """The evaluations of a run on the images that are held out, in validation.jsonl, and the best checkpoint.

    Args:
      last_step: records of later steps are left out: the run continues from this step.

    Attributes:
      model_dir: the folder.
      records: the EvaluationRecords, in the order of their steps.

    Raises:
      UserError: validation.jsonl is damaged or cannot be read.
    """

    def __init__(self, model_dir: str, *, last_step: int) -> None:
        self.model_dir = model_dir
        self._last_step = last_step
        self._path = os.path.join(model_dir, RECORDS_FILE)
        content = read_if_exists(self._path) or b""
        try:
            records = [_read_record(line) for line in content.splitlines()]
        except (ValueError, TypeError, KeyError) as error:
            advice = "move it away: the best step is then chosen again"
            raise UserError(f"{self._path} is damaged: {error}", advice) from error
        self.records = [record for record in records if record.step <= last_step]

    @property
    def best(self) -> EvaluationRecord | None:
        """The first record with the highest accuracy, None where there are no records."""
        return _best(self.records)

    @property
    def best_checkpoint(self) -> str | None:
        """The path of the best record's checkpoint in the folder best/, None where it is not there."""
        path = self.best and self._checkpoint_path(self.best)
        return path if path and os.path.exists(f"{path}.index") else None

    @property
    def keeps_best(self) -> bool:
        """Whether the run keeps its best checkpoint, as it does from the first call with keep_best on."""
        return os.path.isdir(os.path.join(self.model_dir, checkpoints.BEST_FOLDER))

    def out_of_patience(self, early_stopping: int | None) -> bool:
        """Returns True if the last early_stopping evaluations brought no higher accuracy; None never stops."""
        best = self.best
        if best is None or early_stopping is None:
            return False
        return len(self.records) - 1 - self.records.index(best) >= early_stopping

    def cut_back(self, *, keep_best: bool) -> None:
        """Removes the records of later steps, and makes the folder best/ hold the best checkpoint of the others.

        A run that continues loses what it recorded after its newest checkpoint.

        Args:
          keep_best: whether the run is to keep its best checkpoint from now on.
        """
        if os.path.exists(self._path):
            self._write_records()
        if not (keep_best or self.keeps_best):
            return
        best = self.best
        if best is None:
            checkpoints.forget_best(self.model_dir)
        elif self.best_checkpoint:
            self._write_best(best)
        elif best.step == self._last_step:  # the run continues from this checkpoint
            saved = checkpoints.path_in(self.model_dir, best.step)
            self._keep(best, lambda path: checkpoints.copy(saved, path))
        else:
            log.warning(
                "step %d has the highest validation accuracy, %.4f, and its checkpoint was not kept: only a better one "
                "will be kept as the best",
                best.step,
                best.accuracy,
            )
            checkpoints.forget_best(self.model_dir)

    def add(self, record: EvaluationRecord, save_best: Callable[[str], object] | None) -> None:
        """Adds a record, after its checkpoint is saved if that is the best.

        Args:
          save_best: called with a path, saves the checkpoint of the record there. None keeps no best checkpoint.
        """
        best = self.best
        self.records.append(record)
        # The record is written last: if the process is killed in between, the step is evaluated again.
        if save_best and (best is None or record.accuracy > best.accuracy):
            self._keep(record, save_best)
        self._write_records()

    def _write_records(self) -> None:
        with atomic_write(self._path) as file:
            file.writelines(f"{json.dumps(dataclasses.asdict(record))}\n" for record in self.records)

    def _keep(self, record: EvaluationRecord, save: Callable[[str], object]) -> None:
        """Saves the checkpoint of the best record in the folder best/ and removes others there."""
        path = self._checkpoint_path(record)
        folder = os.path.dirname(path)
        os.makedirs(folder, exist_ok=True)
        save(path)
        checkpoints.sync_files(path)
        self._write_best(record)
        # If the run is killed now, it continues from its last saved step: the best up to there stays.
        saved_step = checkpoints.last_saved_step(self.model_dir)
        before = _best([earlier for earlier in self.records if earlier.step <= saved_step])
        checkpoints.remove_others(folder, {kept.step for kept in (record, before) if kept})

    def _checkpoint_path(self, record: EvaluationRecord) -> str:
        return checkpoints.path_in(os.path.join(self.model_dir, checkpoints.BEST_FOLDER), record.step)

    def _write_best(self, record: EvaluationRecord) -> None:
        facts = {"checkpoint": os.path.basename(self._checkpoint_path(record))} | dataclasses.asdict(record)
        with atomic_write(os.path.join(self.model_dir, checkpoints.BEST_FOLDER, checkpoints.BEST_FILE)) as file:
            json.dump(facts, file, indent=2)
            file.write("\n")


def _read_record(line: bytes) -> EvaluationRecord:
    """Returns the record in a line of the file; raises ValueError, TypeError or KeyError where there is none."""
    fields = json.loads(line)
    return EvaluationRecord(**{name: rule.check(fields[name]) for name, rule in _FIELDS.items()})


def _best(records: Sequence[EvaluationRecord]) -> EvaluationRecord | None:
    """Returns the first record with the highest accuracy, None where there are no records."""
    return max(records, key=lambda record: record.accuracy, default=None)
