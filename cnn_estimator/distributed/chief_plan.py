"""What the chief tells the workers to train, with the strategy multi_worker.

With parameter servers each task resolves its options by itself.
"""

import dataclasses
import json
import os

from cnn_estimator import waiting
from cnn_estimator.data.datasets import Split
from cnn_estimator.errors import UserError
from cnn_estimator.settings import Settings, Start, TrainOptions
from cnn_estimator.tf1 import tf

_MAX_SHARED_DISK_SECONDS = 10.0  # until a shared disk shows on one machine what another one has written


@dataclasses.dataclass(frozen=True, kw_only=True)
class ChiefPlan:
    """What all tasks train.

    Attributes:
      start: the settings, the checkpoint to continue from, the first and the last step.
      eval_every: steps between two evaluations by the chief; None for no evaluations.
      data: the fingerprint of the training images; None if there is nothing to train.
      tensorflow: the version of TensorFlow.
    """

    start: Start
    eval_every: int | None
    data: str | None
    tensorflow: str = tf.__version__

    def text(self) -> str:
        """Returns the plan as JSON."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def read(cls, text: str) -> "ChiefPlan":
        """Returns the plan that the chief has published.

        Raises:
          UserError: the chief has another version of TensorFlow.
        """
        fields = json.loads(text)
        if fields.get("tensorflow") != tf.__version__:
            raise UserError(
                f"the chief has TensorFlow {fields.get('tensorflow')}, and this task {tf.__version__}",
                "install one version for all tasks",
            )
        start = fields.pop("start")
        settings = Settings(**start.pop("settings"))
        return cls(start=Start(settings=settings, **start), **fields)

    def check_options(self, options: TrainOptions) -> None:
        """Raises UserError if this task was started with other options than the chief."""
        requested = {"recipe": options.recipe, **options.overrides}
        requested.pop("data_dir", None)  # each machine has its own folder
        if requested.get("precision") == "auto":  # the chief's processor decides
            del requested["precision"]
        for name, value in requested.items():
            planned = getattr(self.start.settings, name)
            if value != planned:
                raise UserError(
                    f"{name} is {value} for this task, and {planned} for the chief",
                    "start all tasks with the same options",
                )

    def start_on_this_machine(self, options: TrainOptions) -> Start:
        """Returns the planned start with this task's data_dir."""
        data_dir = options.overrides.get("data_dir", self.start.settings.data_dir)
        return dataclasses.replace(self.start, settings=dataclasses.replace(self.start.settings, data_dir=data_dir))

    def check_data(self, images: Split) -> None:
        """Raises UserError if this task's training images differ from the chief's."""
        data = images.fingerprint()
        if data != self.data:
            raise UserError(
                f"the training images differ: this task has {data}, the chief has {self.data}",
                "name the {data_dir} with the same data on each machine",
            )

    def wait_for_checkpoint(self, model_dir: str) -> None:
        """Waits until the planned checkpoint is the newest one in this task's model_dir.

        Raises:
          UserError: after some seconds it is not.
          Stopped: a stop signal came.
        """
        if not waiting.wait_for(
            lambda: _newest_name(model_dir) == self.start.checkpoint, seconds=_MAX_SHARED_DISK_SECONDS
        ):
            raise UserError(
                f"model_dir {model_dir} has {_newest_name(model_dir) or 'no checkpoint'} for this task, and "
                f"{self.start.checkpoint or 'none'} for the chief",
                "name one {model_dir} for all tasks, on a disk that they share",
            )


def _newest_name(model_dir: str) -> str | None:
    path = tf.train.latest_checkpoint(model_dir)
    return os.path.basename(path) if path else None
