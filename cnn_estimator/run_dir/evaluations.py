"""The evaluations while training that a model_dir records, and the best checkpoint.

A run that was stopped or killed continues from its newest checkpoint. So everything here follows from the records up
to that step: which step is best, and how many evaluations since then brought no higher accuracy.
"""

import dataclasses
import json
import os
from collections.abc import Callable, Sequence

from cnn_estimator.errors import UserError
from cnn_estimator.files import atomic_write, read_if_exists
from cnn_estimator.run_dir import checkpoints

RECORDS_FILE = "validation.jsonl"


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
        self._path = os.path.join(model_dir, RECORDS_FILE)
        content = read_if_exists(self._path) or b""
        try:
            records = [EvaluationRecord(**json.loads(line)) for line in content.splitlines()]
            self.records = [record for record in records if record.step <= last_step]
        except (ValueError, TypeError) as error:
            advice = "move it away: the best step is then chosen again"
            raise UserError(f"{self._path} is damaged: {error}", advice) from error

    @property
    def best(self) -> EvaluationRecord | None:
        """The first record with the highest accuracy, None where there are no records."""
        return _best(self.records)

    def out_of_patience(self, early_stopping: int | None) -> bool:
        """Returns True if the last early_stopping evaluations brought no higher accuracy; None never stops."""
        best = self.best
        if best is None or early_stopping is None:
            return False
        return len(self.records) - 1 - self.records.index(best) >= early_stopping

    def rewrite(self) -> None:
        """Writes the records, so that the file loses the records of later steps."""
        with atomic_write(self._path) as file:
            file.writelines(f"{json.dumps(dataclasses.asdict(record))}\n" for record in self.records)

    def take_up_best(self) -> None:
        """Makes best.json name the best of the records whose checkpoints are kept in the folder best/."""
        best = _best(self._kept())
        if best:
            self._write_best(best)

    def add(self, record: EvaluationRecord, save_best: Callable[[str], object] | None) -> None:
        """Adds a record, after its checkpoint is saved if that is the best.

        Args:
          save_best: called with a path, saves the checkpoint of the record there. None keeps no best checkpoint.
        """
        best = _best(self._kept())
        self.records.append(record)
        # The record is written last: if the process is killed in between, the step is evaluated again.
        if save_best and (best is None or record.accuracy > best.accuracy):
            self._keep(record, save_best)
        self.rewrite()

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
        before = _best([kept for kept in self._kept() if kept.step <= saved_step])
        checkpoints.remove_others(folder, {kept.step for kept in (record, before) if kept})

    def _kept(self) -> list[EvaluationRecord]:
        """Returns the records whose checkpoints are in the folder best/."""
        return [record for record in self.records if os.path.exists(f"{self._checkpoint_path(record)}.index")]

    def _checkpoint_path(self, record: EvaluationRecord) -> str:
        return os.path.join(self.model_dir, checkpoints.BEST_FOLDER, f"{checkpoints.BASENAME}-{record.step}")

    def _write_best(self, record: EvaluationRecord) -> None:
        facts = {"checkpoint": os.path.basename(self._checkpoint_path(record))} | dataclasses.asdict(record)
        with atomic_write(os.path.join(self.model_dir, checkpoints.BEST_FOLDER, checkpoints.BEST_FILE)) as file:
            json.dump(facts, file, indent=2)
            file.write("\n")


def _best(records: Sequence[EvaluationRecord]) -> EvaluationRecord | None:
    """Returns the first record with the highest accuracy, None where there are no records."""
    return max(records, key=lambda record: record.accuracy, default=None)
