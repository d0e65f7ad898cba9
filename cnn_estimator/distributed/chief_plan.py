"""What the chief of a cluster plans to train, for the tasks that train with it."""

import dataclasses
import json
import os
import secrets
import time
import zlib
from collections.abc import Mapping
from typing import Any

from cnn_estimator import stopping
from cnn_estimator.data.datasets import Split
from cnn_estimator.errors import UserError
from cnn_estimator.settings import Settings
from cnn_estimator.tf1 import tf

_DISK_SECONDS = 10.0  # for a shared disk to show in one place what was written in another
_POLL_SECONDS = 0.2


@dataclasses.dataclass(frozen=True, kw_only=True)
class SharedPlan:
    """Attributes:
    settings: what to train, and how.
    checkpoint: the name of the one to go on from; None for a new run.
    first_step, max_steps: the global steps to begin after and to train to.
    evaluate_every: steps between two evaluations by the chief; None for none.
    data: the fingerprint of the training images; None where there is nothing to train.
    tensorflow: the version of TensorFlow.
    start: differs each time that the chief begins.
    """

    settings: Settings
    checkpoint: str | None
    first_step: int
    max_steps: int
    evaluate_every: int | None
    data: str | None
    tensorflow: str = tf.__version__
    start: str = dataclasses.field(default_factory=lambda: secrets.token_hex(8))

    def text(self) -> str:
        """Returns the plan as JSON."""
        return json.dumps(dataclasses.asdict(self))

    @staticmethod
    def read(text: str) -> "SharedPlan":
        """Returns the plan of which another task has the text; raises UserError where its program is another one."""
        fields = json.loads(text)
        if fields.get("tensorflow") != tf.__version__:
            raise UserError(
                f"the chief has TensorFlow {fields.get('tensorflow')}, and this task {tf.__version__}",
                "install one version for all tasks",
            )
        settings = fields.pop("settings")
        try:
            settings = Settings(**settings | {"class_names": tuple(settings["class_names"])})
            return SharedPlan(settings=settings, **fields)
        except TypeError as error:
            raise UserError(
                f"the chief has another version of cnn_estimator: {error}", "install one for all tasks"
            ) from error

    def check_given(self, recipe: str, given: Mapping[str, Any]) -> None:
        """Raises UserError where this task was started for something else than the plan.

        Args:
          given: {setting: value} of those that this task's user gave.
        """
        for name, value in {"recipe": recipe, **given}.items():
            if name != "data_dir" and value != (planned := getattr(self.settings, name)):  # each machine has its own
                raise UserError(
                    f"{name} is {value} for this task, and {planned} for the chief",
                    "start all tasks with the same flags",
                )

    def check_data(self, data: Split) -> None:
        """Raises UserError where this task's training images are not the chief's."""
        if (own := fingerprint(data)) != self.data:
            raise UserError(
                f"the training images differ: this task's are {own}, the chief's {self.data}",
                "name the {data_dir} with the same data on each machine",
            )

    def wait_for_checkpoint(self, model_dir: str) -> None:
        """Returns when TensorFlow would go on from the planned checkpoint here.

        Raises:
          UserError: it does not, also after some seconds.
          Stopped: a stop signal came meanwhile.
        """
        deadline = time.monotonic() + _DISK_SECONDS
        while True:
            newest = tf.train.latest_checkpoint(model_dir)
            found = os.path.basename(newest) if newest else None
            if found == self.checkpoint:
                return
            if time.monotonic() > deadline:
                raise UserError(
                    f"model_dir {model_dir} has {found or 'no checkpoint'} for this task, and "
                    f"{self.checkpoint or 'none'} for the chief",
                    "name one {model_dir} for all tasks, on a disk that they share",
                )
            stopping.check()
            time.sleep(_POLL_SECONDS)


def fingerprint(data: Split) -> str:
    """Returns how many images a split has, and a checksum of them and their labels."""
    checksum = zlib.crc32(data.labels.tobytes(), zlib.crc32(data.pixels.data))
    return f"{len(data.labels)} with checksum {checksum:08x}"
