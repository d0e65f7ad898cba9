"""How the tasks of a cluster agree on what to train, before the first step: in the memory of the chief's server."""

import contextlib
import dataclasses
import json
from collections.abc import Iterator

from cnn_estimator import waiting
from cnn_estimator.distributed.tasks import LOST_ERRORS, listens
from cnn_estimator.distributed.tf_config import Task
from cnn_estimator.errors import TaskLost, UserError
from cnn_estimator.tf1 import tf

_MAX_CALL_SECONDS = 2.0  # how long a worker waits for one answer of the chief's server, before it looks for signals
_MAX_REFUSAL_SECONDS = 30.0  # how long a worker tries to tell the chief's server why it refuses


@dataclasses.dataclass(frozen=True)
class Decision:
    """Whether the tasks train. refusal: the (problem, advice) of a task that cannot follow the plan; None to train."""

    refusal: tuple[str, str] | None

    def check(self) -> None:
        """Raises the UserError of the task that cannot follow the plan."""
        if self.refusal:
            raise UserError(*self.refusal)


class Board:
    """The chief's plan and what the workers answer, in the memory of the chief's server.

    The board of a chief that was started again is empty. A worker needs no server to read it.

    Args:
      task: the task of this process.
      call_seconds: seconds that one method may take.
    """

    def __init__(self, task: Task, call_seconds: float = _MAX_CALL_SECONDS) -> None:
        device = f"/job:{'chief' if 'chief' in task.cluster else 'worker'}/task:0"
        with tf.Graph().as_default() as graph, tf.device(f"{device}/cpu:0"):
            self._plan = _Text("plan")
            self._refusal = _Text("refusal")
            self._decision = _Text("decision")
            self._accepted = {address: _Text(f"accepted_by_{address}") for address in task.training_addresses[1:]}
            self._read = {address: _Text(f"decision_read_by_{address}") for address in task.training_addresses[1:]}
        self._address = task.address
        self._chief_address = task.chief_address
        # Without the filter a session waits until all tasks of the cluster run.
        config = tf.ConfigProto(device_filters=[device], operation_timeout_in_ms=round(1000 * call_seconds))
        self._session = tf.Session(f"grpc://{task.chief_address}", graph, config)

    def __enter__(self) -> "Board":
        return self

    def __exit__(self, *exception: object) -> None:
        with contextlib.suppress(*LOST_ERRORS):
            self._session.close()

    # Methods of the chief.

    def write(self, plan: str) -> None:
        """Writes the plan."""
        self._plan.write(self._session, plan)

    def refusal(self) -> tuple[str, str] | None:
        """Returns the (problem, advice) of a worker that cannot follow the plan."""
        text = self._refusal.read(self._session)
        return tuple(json.loads(text)) if text else None

    def without_answer(self) -> list[str]:
        """Returns the addresses of the workers that have not accepted the plan."""
        return [address for address, text in self._accepted.items() if not text.read(self._session)]

    def decide(self, decision: Decision) -> None:
        """Writes the decision for the workers."""
        self._decision.write(self._session, json.dumps(decision.refusal))

    def without_decision(self) -> list[str]:
        """Returns the addresses of the workers that have not read the decision. A worker that refuses is not listed."""
        return [address for address, text in self._read.items() if not text.read(self._session)]

    def clear(self) -> None:
        """Removes all texts, so that a task that is started again waits for the next plan."""
        for text in (self._plan, self._refusal, self._decision, *self._accepted.values(), *self._read.values()):
            text.remove(self._session)

    # Methods of a worker.

    def read(self) -> str | None:
        """Returns the plan, or None while there is no plan or no server."""
        with contextlib.suppress(*LOST_ERRORS):
            return self._plan.read(self._session)
        return None

    @contextlib.contextmanager
    def refusing(self, task: Task) -> Iterator[None]:
        """Tells the chief about a UserError other than TaskLost, and raises it."""
        try:
            yield
        except TaskLost:
            raise
        except UserError as error:
            text = json.dumps([f"{task}: {error.problem}", error.advice])
            waiting.wait_for(
                lambda: self._refuse(text) or not listens(self._chief_address), seconds=_MAX_REFUSAL_SECONDS
            )
            raise

    def _refuse(self, text: str) -> bool:
        """Writes a refusal; returns False if the chief's server did not answer."""
        with contextlib.suppress(*LOST_ERRORS):
            self._refusal.write(self._session, text)
            self._read[self._address].write(self._session, "yes")
            return True
        return False

    def accept(self) -> bool:
        """Tells the chief that this task can follow the plan; returns False if its server did not answer in time."""
        with contextlib.suppress(tf.errors.DeadlineExceededError):
            self._accepted[self._address].write(self._session, "yes")
            return True
        return False

    def read_decision(self) -> Decision | None:
        """Returns the chief's decision, or None while there is none, or no answer of its server."""
        with contextlib.suppress(tf.errors.DeadlineExceededError):
            text = self._decision.read(self._session)
            if text is not None:
                self._read[self._address].write(self._session, "yes")
                refusal = json.loads(text)
                return Decision(tuple(refusal) if refusal else None)
        return None


class _Text:
    """A text of this package in the memory of the current device's server."""

    def __init__(self, name: str) -> None:
        handle = tf.raw_ops.VarHandleOp(dtype=tf.string, shape=[], shared_name=f"cnn_estimator/{name}")
        self._exists = tf.raw_ops.VarIsInitializedOp(resource=handle)
        self._value = tf.raw_ops.ReadVariableOp(resource=handle, dtype=tf.string)
        self._new_value = tf.placeholder(tf.string, [])
        self._write = tf.raw_ops.AssignVariableOp(resource=handle, value=self._new_value)
        self._remove = tf.raw_ops.DestroyResourceOp(resource=handle)

    def read(self, session: tf.Session) -> str | None:
        """Returns the text, None while there is none."""
        return session.run(self._value).decode() if session.run(self._exists) else None

    def write(self, session: tf.Session, text: str) -> None:
        session.run(self._write, {self._new_value: text})

    def remove(self, session: tf.Session) -> None:
        session.run(self._remove)
