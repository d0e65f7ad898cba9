"""What the tasks of a cluster agree on, in the memory of the chief's server."""

import signal
import socket
import threading
import time

import pytest
from helpers import free_addresses

from cnn_estimator import stopping
from cnn_estimator.distributed import multi_worker
from cnn_estimator.distributed.tf_config import Task
from cnn_estimator.errors import Stopped, UserError
from cnn_estimator.tf1 import tf

pytestmark = pytest.mark.integration


def new_cluster(count):
    addresses = tuple(free_addresses(count))
    return [Task("worker", index, {"worker": addresses}) for index in range(count)]


class Agreeing(threading.Thread):
    """cluster.agree in a thread of its own."""

    def __init__(self, *arguments):
        super().__init__(daemon=True)
        self._arguments = arguments
        self.result = None
        self.start()

    def run(self):
        self.result = multi_worker.agree(*self._arguments)


@pytest.fixture(scope="module")
def tasks():
    """Those of a cluster whose chief runs."""
    tasks = new_cluster(3)
    multi_worker.start_server(tasks[0], tf.ConfigProto())
    return tasks


def test_all_tasks_get_what_the_chief_gives_and_each_time_what_is_new(tasks):
    for text in ("ä plan", "another"):
        others = [Agreeing(task, None, 60) for task in tasks[1:]]
        assert multi_worker.agree(tasks[0], text, 60) == text
        for other in others:
            other.join(60)
            assert other.result == text


def test_a_task_that_does_not_come_is_named(tasks):
    other = Agreeing(tasks[1], None, 60)
    with pytest.raises(UserError) as error:
        multi_worker.agree(tasks[0], "text", 3)
    assert str(error.value).startswith(f"worker 2 at {tasks[2].address} did not come within 3 s: start all tasks")
    other.join(60)


def test_a_chief_that_does_not_answer_is_named():
    tasks = new_cluster(2)
    started = time.monotonic()
    with pytest.raises(UserError, match=f"^the chief at {tasks[0].address} did not answer within 1 s: start all tasks"):
        multi_worker.agree(tasks[1], None, 1)
    assert time.monotonic() - started < 30


def test_a_stop_signal_ends_the_waiting(monkeypatch):
    monkeypatch.setattr(stopping, "_requested", signal.SIGTERM)
    with pytest.raises(Stopped):
        multi_worker.agree(new_cluster(2)[1], None, 60)


def test_a_port_that_is_in_use_is_one_error():
    with socket.create_server(("", 0)) as taken:
        task = Task("worker", 0, {"worker": (f"127.0.0.1:{taken.getsockname()[1]}", "127.0.0.1:1")})
        with pytest.raises(UserError, match=f"cannot listen at {task.address}: Address already in use"):
            multi_worker.start_server(task, tf.ConfigProto())


def test_a_process_has_one_server_with_one_configuration(tasks):
    target = multi_worker.start_server(tasks[0], tf.ConfigProto())
    assert multi_worker.start_server(tasks[0], tf.ConfigProto()) == target
    with pytest.raises(UserError, match="train in a new process"):
        multi_worker.start_server(tasks[0], tf.ConfigProto(intra_op_parallelism_threads=1))
