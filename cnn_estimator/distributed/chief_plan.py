"""What the chief tells the workers to train, with the strategy multi_worker.

With parameter servers each task resolves its options by itself.
"""

import dataclasses
import importlib.metadata
import json
import os
from collections.abc import Mapping

from cnn_estimator import waiting
from cnn_estimator.data.datasets import Split
from cnn_estimator.distributed.tf_config import Task
from cnn_estimator.errors import UserError
from cnn_estimator.files import UNFINISHED_PREFIX, read_if_exists
from cnn_estimator.settings import Settings, Start, TrainOptions
from cnn_estimator.tf1 import tf

TOKEN_FILE = f"{UNFINISHED_PREFIX}token"  # in the model_dir, while the tasks compare what they have

_MAX_SHARED_DISK_SECONDS = 10.0  # until a shared disk shows on one machine what another one has written


def _versions() -> dict[str, str]:
    """Returns {package: version} of what all tasks must have in one version; a package may run from a checkout."""
    try:
        own = importlib.metadata.version("cnn-estimator")
    except importlib.metadata.PackageNotFoundError:
        own = "from a checkout"
    return {"TensorFlow": tf.__version__, "cnn_estimator": own}


@dataclasses.dataclass(frozen=True, kw_only=True)
class ChiefPlan:
    """What all tasks train.

    Attributes:
      start: the settings, the checkpoint to continue from, the first and the last step.
      eval_every: steps between two evaluations by the chief; None for no evaluations.
      data: the fingerprint of the training images; None if there is nothing to train.
      cluster: {job: addresses}, as the chief's TF_CONFIG has it.
      token: a text that the chief has written into the model_dir.
      versions: {package: version}.
    """

    start: Start
    eval_every: int | None
    data: str | None
    cluster: Mapping[str, tuple[str, ...]]
    token: str
    versions: Mapping[str, str] = dataclasses.field(default_factory=_versions)

    def text(self) -> str:
        """Returns the plan as JSON."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def read(cls, text: str) -> "ChiefPlan":
        """Returns the plan that the chief has published.

        Raises:
          UserError: the chief has another version of TensorFlow or of this package.
        """
        fields = json.loads(text)
        for name, version in _versions().items():
            of_the_chief = fields.get("versions", {}).get(name)
            if of_the_chief != version:
                raise UserError(
                    f"the chief has {name} {of_the_chief}, and this task {version}",
                    "install one version for all tasks",
                )
        fields["cluster"] = {job: tuple(addresses) for job, addresses in fields["cluster"].items()}
        start = fields.pop("start")
        settings = Settings(**start.pop("settings"))
        return cls(start=Start(settings=settings, **start), **fields)

    def check_cluster(self, task: Task) -> None:
        """Raises UserError if this task's TF_CONFIG lists another cluster than the chief's."""
        if dict(task.cluster) != self.cluster:
            raise UserError(
                f"TF_CONFIG lists the cluster {dict(task.cluster)} for this task, and {self.cluster} for the chief",
                "give all tasks one cluster",
            )

    def check_options(self, options: TrainOptions) -> None:
        """Raises UserError if this task was started with other options than the chief."""
        requested = {"recipe": options.recipe, **options.overrides}
        for name in ("data_dir", "init_from"):  # each machine has its own folder; the chief alone reads init_from
            requested.pop(name, None)
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

    def is_replaced(self, model_dir: str) -> bool:
        """Returns whether a chief that was started again waits for the tasks, with another plan."""
        return read_if_exists(os.path.join(model_dir, TOKEN_FILE)) not in (None, self.token.encode())

    def check_model_dir(self, model_dir: str) -> None:
        """Waits until this task's model_dir has the chief's token and the planned checkpoint as its newest one.

        Raises:
          UserError: after some seconds it has not.
          Stopped: a stop signal came.
        """
        path = os.path.join(model_dir, TOKEN_FILE)
        if not waiting.wait_for(lambda: read_if_exists(path) == self.token.encode(), seconds=_MAX_SHARED_DISK_SECONDS):
            raise UserError(
                f"model_dir {model_dir} of this task is not the chief's",
                "name one {model_dir} for all tasks, on a disk that they share",
            )
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
