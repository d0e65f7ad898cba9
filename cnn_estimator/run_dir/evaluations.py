"""What evaluations during training found, and the best checkpoint of them. Imports no TensorFlow.

A run that was stopped or killed goes on from its newest checkpoint, so everything here follows from the records up to
that step: which step is best, and how many evaluations since then brought nothing better.
"""

import contextlib
import dataclasses
import json
import os
from collections.abc import Sequence
from typing import Any

from cnn_estimator.errors import UserError
from cnn_estimator.files import atomic_write, open_regular

RECORDS_FILE = "validation.jsonl"
BEST_FOLDER = "best"
BEST_FILE = "best.json"


@dataclasses.dataclass(frozen=True)
class Record:
    """One evaluation, on the images held out or the test set. loss: the mean cross entropy of an image."""

    step: int
    accuracy: float
    loss: float

    def __str__(self) -> str:
        return f"step {self.step}, accuracy {self.accuracy:.4f}, loss {self.loss:.4f}"


def read(model_dir: str, *, last_step: int) -> list[Record]:
    """Returns the records up to a step, in their order.

    Raises:
      UserError: the file is damaged.
    """
    path = os.path.join(model_dir, RECORDS_FILE)
    try:
        with open_regular(path) as file:
            records = [Record(**json.loads(line)) for line in file.read().splitlines()]
            return [record for record in records if record.step <= last_step]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, TypeError, RecursionError) as error:
        raise UserError(f"{path} is damaged: {error}", "move it away: the best step is then chosen anew") from error


def write(model_dir: str, records: Sequence[Record]) -> None:
    """Writes the records, all of them or none."""
    with atomic_write(os.path.join(model_dir, RECORDS_FILE)) as file:
        file.writelines(f"{json.dumps(dataclasses.asdict(record))}\n" for record in records)


def best(records: Sequence[Record]) -> Record | None:
    """Returns the first record with the highest accuracy, None where there are no records."""
    return max(records, key=lambda record: record.accuracy, default=None)


def out_of_patience(records: Sequence[Record], patience: int) -> bool:
    """Whether the last `patience` evaluations brought nothing better than one before them."""
    found = best(records)
    return found is not None and len(records) - 1 - records.index(found) >= patience


def write_best(model_dir: str, record: Record, checkpoint: str) -> None:
    """Says in best/best.json which checkpoint is the best, by its name, and with which accuracy."""
    with atomic_write(os.path.join(model_dir, BEST_FOLDER, BEST_FILE)) as file:
        json.dump({"checkpoint": checkpoint, **dataclasses.asdict(record)}, file, indent=2)
        file.write("\n")


def best_checkpoint(model_dir: str) -> str:
    """Returns the name of the checkpoint in model_dir/best; raises UserError where none is kept there."""
    path = os.path.join(model_dir, BEST_FOLDER, BEST_FILE)
    found: Any = None
    try:
        with open_regular(path) as file, contextlib.suppress(ValueError, RecursionError):
            found = json.loads(file.read())
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(f"model_dir {model_dir} keeps no best checkpoint", "train there with {keep_best}") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from error
    name = found.get("checkpoint") if isinstance(found, dict) else None
    if not isinstance(name, str) or os.path.basename(name) != name:
        raise UserError(f"{path} is damaged", "name a checkpoint by its step or path")
    return name
