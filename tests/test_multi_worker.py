"""--strategy=multi_worker: the board of the chief, and processes that train in step."""

import contextlib
import re
import signal
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from helpers import Cluster, free_addresses, steps_in, tf_configs, variable_values, variables

from cnn_estimator import stopping, training
from cnn_estimator.data.datasets import Split, TrainingData
from cnn_estimator.distributed import chief_plan, multi_worker
from cnn_estimator.distributed import tasks as distributed_tasks
from cnn_estimator.distributed.board import Board, Decision
from cnn_estimator.distributed.chief_plan import ChiefPlan
from cnn_estimator.distributed.multi_worker import InStep
from cnn_estimator.distributed.tasks import WatchTasks, explain_silence, start_server
from cnn_estimator.distributed.tf_config import Task
from cnn_estimator.errors import Stopped, TaskLost, UserError
from cnn_estimator.run_dir.run import RunDir
from cnn_estimator.settings import Start, TrainOptions, make_settings
from cnn_estimator.tf1 import tf

CHIEF = ("chief", 0)
WORKER = ("worker", 0)
RESTART = "start all tasks again: they continue from the last checkpoint"


def new_tasks(count):
    addresses = tuple(free_addresses(count))
    return [Task("worker", index, {"worker": addresses}) for index in range(count)]


@pytest.fixture(scope="module")
def tasks():
    """The tasks of a cluster whose chief, worker 0, has a server in this process."""
    tasks = new_tasks(3)
    start_server(tasks[0], tf.ConfigProto())
    return tasks


@pytest.mark.integration
def test_the_board_has_texts_until_it_is_cleared(tasks):
    first = tasks[1].address
    second = tasks[2].address
    with Board(tasks[0], 60) as chief, Board(tasks[1]) as worker, Board(tasks[2]) as other:
        for plan in ("a plän", "another"):
            assert worker.read() is None
            assert worker.read_decision() is None
            chief.write(plan)
            assert worker.read() == plan
            assert chief.without_answer() == [first, second]
            worker.accept()
            assert chief.without_answer() == [second]
            other.accept()
            assert (chief.without_answer(), chief.refusal(), chief.without_decision()) == ([], None, [first, second])
            chief.decide(Decision(None))
            assert worker.read_decision() == Decision(None)
            assert chief.without_decision() == [second]
            chief.clear()
            assert chief.without_answer() == [first, second]


@pytest.mark.integration
def test_the_board_carries_a_refusal_to_all_tasks(tasks):
    with Board(tasks[0], 60) as chief, Board(tasks[1]) as worker, Board(tasks[2]) as other:
        other.accept()
        with pytest.raises(UserError, match=r"^seed 2 differs: name seed$"), worker.refusing(tasks[1]):
            raise UserError("seed 2 differs", "name {seed}")
        decision = Decision(chief.refusal())
        chief.decide(decision)
        with pytest.raises(UserError, match=r"^worker 1 of the cluster: seed 2 differs: name seed$"):
            other.read_decision().check()
        chief.clear()


@pytest.mark.integration
def test_a_worker_looks_for_signals_while_the_chief_does_not_answer():
    with socket.create_server(("127.0.0.1", 0)) as stalled:
        address = f"127.0.0.1:{stalled.getsockname()[1]}"
        with Board(Task("worker", 0, {"chief": (address,), "worker": ("a:1",)}), 0.2) as board:
            assert not board.accept()
            assert board.read_decision() is None


@pytest.mark.integration
def test_a_worker_that_does_not_start_is_named(tmp_path):
    tasks = new_tasks(3)
    settings = make_settings("fashion_dense", seed=1, threads=1, class_names=tuple("abcdefghij"))
    start = Start(settings=settings, checkpoint=None, first_step=0, max_steps=9)
    run_dir = RunDir(str(tmp_path))

    def follow():
        planned = InStep(tasks[1], 60).resolve_start(run_dir, TrainOptions(recipe="fashion_dense"), None)
        with Board(tasks[1]) as board:
            board.accept()
        return planned

    with ThreadPoolExecutor() as threads:
        plan = threads.submit(follow)
        chief = InStep(tasks[0], 4)
        assert chief.resolve_start(run_dir, TrainOptions(), lambda *arguments: start) is start
        with pytest.raises(TaskLost, match=f"^worker 2 at {tasks[2].address} did not start within 4 s: start all"):
            chief.wait_until_ready(run_dir, start, None)
        assert plan.result(60) == start


DATA = TrainingData(Split(np.zeros((3, 28, 28), np.uint8), np.int32([1, 2, 3]), ("a",) * 10, "here"))


@pytest.mark.integration
@pytest.mark.parametrize(
    ("seed", "folder", "taken", "problem"),
    [
        (2, "run", False, "seed is 2 for this task, and 1 for the chief: start all tasks with the same options"),
        (1, "other", False, "model_dir {}/other of this task is not the chief's: name one model_dir for all"),
        (1, "run", True, "TF_CONFIG gives this task the address {}, where it cannot listen: Address already in use"),
    ],
)
def test_the_chief_ends_with_the_error_of_a_task_that_refuses(monkeypatch, tmp_path, seed, folder, taken, problem):
    monkeypatch.setattr(chief_plan, "_MAX_SHARED_DISK_SECONDS", 0.1 if folder == "other" else 60)
    for name in ("run", "other"):
        (tmp_path / name).mkdir()
    tasks = new_tasks(2)
    settings = make_settings("fashion_dense", seed=1, threads=1, class_names=tuple("abcdefghij"))
    start = Start(settings=settings, checkpoint=None, first_step=0, max_steps=9)
    message = f"^{re.escape(problem.format(tasks[1].address if taken else tmp_path))}"

    def follow():
        worker = InStep(tasks[1], 60)
        run_dir = RunDir(str(tmp_path / folder))
        options = TrainOptions(recipe="fashion_dense", overrides={"seed": seed})
        worker.wait_until_ready(run_dir, worker.resolve_start(run_dir, options, None), DATA)

    with contextlib.ExitStack() as stack:
        threads = stack.enter_context(ThreadPoolExecutor())
        if taken:
            stack.enter_context(socket.create_server(("", int(tasks[1].address.rpartition(":")[2]))))
        worker = threads.submit(follow)
        chief = InStep(tasks[0], 60)
        run_dir = RunDir(str(tmp_path / "run"))
        chief.resolve_start(run_dir, TrainOptions(), lambda *arguments: start)
        with pytest.raises(UserError, match=message.replace("^", "^worker 1 of the cluster: ")):
            chief.wait_until_ready(run_dir, start, DATA)
        with pytest.raises(UserError, match=message):
            worker.result(60)


@pytest.mark.integration
def test_a_worker_without_the_token_of_a_chief_that_is_gone_says_that_it_was_lost(monkeypatch, tmp_path):
    monkeypatch.setattr(chief_plan, "_MAX_SHARED_DISK_SECONDS", 0.1)
    monkeypatch.setattr(multi_worker, "MAX_SILENT_SECONDS", 0.1)
    chief, worker = new_tasks(2)
    settings = make_settings("fashion_dense", seed=1, threads=1, class_names=tuple("abcdefghij"))
    start = Start(settings=settings, checkpoint=None, first_step=0, max_steps=9)
    placement = InStep(worker, 60)
    placement._plan = ChiefPlan(start=start, eval_every=None, data=None, cluster=worker.cluster, token="a")
    with pytest.raises(TaskLost, match=f"^the chief at {chief.address} was lost: {RESTART}$"):
        placement.wait_until_ready(RunDir(str(tmp_path)), start, None)


@pytest.mark.integration
@pytest.mark.parametrize("replaced", [False, True])
def test_a_task_that_is_lost_before_there_is_a_session_ends_the_work(monkeypatch, tasks, replaced):
    """TensorFlow waits then until the operation times out."""
    monkeypatch.setattr(distributed_tasks, "MAX_SILENT_SECONDS", 60 if replaced else 0)
    end = threading.Event()
    other = Task("worker", 1, {"worker": tasks[0].cluster["worker"][:2]} if replaced else new_tasks(2)[0].cluster)
    with (
        WatchTasks(other, other.training_addresses, lambda: replaced) as watch,
        pytest.raises(tf.errors.CancelledError),
    ):
        watch.call(lambda: end.wait(60) and None)
    end.set()
    assert watch.lost == f"the chief at {other.chief_address}"
    with pytest.raises(tf.errors.CancelledError, match="too late"):
        watch.after_create_session(None, None)


@pytest.mark.integration
def test_the_error_of_watched_work_is_raised(tasks):
    def fail():
        raise UserError("loss is nan")

    with WatchTasks(tasks[0], ()) as watch, pytest.raises(UserError, match="loss is nan"):
        watch.call(fail)


@pytest.mark.integration
@pytest.mark.parametrize(("closed", "error"), [(False, RuntimeError), (True, tf.errors.CancelledError)])
def test_an_error_of_a_session_that_the_watch_has_closed_is_a_loss(tasks, closed, error):
    """TensorFlow raises a RuntimeError for a closed session."""

    def fail():
        watch.closed = closed
        raise RuntimeError("the session is closed")

    with WatchTasks(tasks[0], []) as watch, pytest.raises(error, match="the session is closed"):
        watch.call(fail)


@pytest.mark.integration
def test_a_chief_that_does_not_start_is_named(monkeypatch, tmp_path):
    chief, worker = new_tasks(2)
    with pytest.raises(TaskLost, match=f"^the chief at {chief.address} did not start within 1 s: start all tasks"):
        InStep(worker, 1).resolve_start(RunDir(str(tmp_path)), TrainOptions(), None)
    monkeypatch.setattr(stopping, "_requested", signal.SIGTERM)
    with pytest.raises(Stopped):
        InStep(worker, 60).resolve_start(RunDir(str(tmp_path)), TrainOptions(), None)


@pytest.mark.integration
@pytest.mark.parametrize(
    ("address", "environment", "reason"),
    [
        ("localhost:1", {}, ""),
        ("no-such-host.invalid:1", {}, ", and the name no-such-host.invalid does not resolve"),
        (
            "127.0.0.1:1",
            {"http_proxy": "http://proxy:3128"},
            ", and http_proxy leads connections to it through a proxy: add 127.0.0.1 to no_proxy",
        ),
        ("127.0.0.1:1", {"http_proxy": "http://proxy:3128", "no_proxy": "127.0.0.1"}, ""),
    ],
)
def test_the_reason_why_a_task_is_not_reached_is_named(monkeypatch, address, environment, reason):
    for name in ("grpc_proxy", "https_proxy", "http_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert explain_silence(address) == reason


@pytest.mark.integration
@pytest.mark.parametrize("job", ["worker", "ps"])
def test_an_address_in_use_is_one_error(job):
    with socket.create_server(("", 0)) as taken:
        task = Task(job, 0, {job: (f"127.0.0.1:{taken.getsockname()[1]}",), "chief": ("127.0.0.1:1",)})
        with pytest.raises(
            UserError, match=f" the address {task.address}, where it cannot listen: Address already in use: end the "
        ):
            start_server(task, tf.ConfigProto())


@pytest.fixture
def new_cluster(tmp_path, data_dir):
    """Returns a function of (model_dir, sizes, flags) that returns a Cluster."""

    def new_cluster(model_dir, sizes, *flags):
        command = ["run_train.py", f"--model_dir={model_dir}", f"--data_dir={data_dir}", "--strategy=multi_worker"]
        common = ["--seed=1", "--threads=1", "--log_every=1", "--cluster_timeout=120"]
        return Cluster(tmp_path, tf_configs(sizes), *command, *common, *flags)

    return new_cluster


@pytest.mark.process
def test_three_workers_train_the_curve_of_one_process_and_only_the_chief_writes(tmp_path, data_dir, new_cluster):
    # 31 images are shared as 10, 10 and 11; the ninth batch has 21 images. The network has dropout.
    options = {"batch_size": 31, "max_steps": 12, "save_every": 5}
    options |= {"schedule": "cosine", "augment": "shifts", "average_decay": 0.5}
    flags = (f"--{name}={value}" for name, value in options.items())
    with new_cluster(tmp_path / "run", {"worker": 3}, "--recipe=fashion_cnn", *flags) as cluster:
        cluster.start()
        cluster.finish()
        outputs = [cluster.output(task) for task in cluster.processes]
    alone = training.train(tmp_path / "alone", "fashion_cnn", seed=1, threads=1, data_dir=data_dir, **options)
    for step in (0, 5, 10, 12):
        values, expected = (variable_values(tmp_path / name / f"model.ckpt-{step}") for name in ("run", "alone"))
        assert values.keys() == expected.keys()
        for name, value in values.items():
            tolerance = 1e-4 * max(1, np.abs(value).max()) if step else 0
            np.testing.assert_allclose(value, expected[name], rtol=0, atol=tolerance, err_msg=name)
    losses = [line.split("loss = ")[1].split(",")[0] for line in outputs[0].splitlines() if "loss = " in line]
    assert len(losses) == 12
    np.testing.assert_allclose(float(losses[-1]), alone.loss, rtol=1e-3)
    names = [{path.name.split(".out.")[0] for path in (tmp_path / name).iterdir()} for name in ("run", "alone")]
    assert names[0] == names[1]
    assert len([*(tmp_path / "run").glob("events*")]) == 1
    assert '"strategy": "multi_worker", "replicas": 3' in (tmp_path / "run" / "history.jsonl").read_text()
    for index, output in enumerate(outputs):
        assert f"worker {index}: INFO:cnn_estimator:trained to step 12" in output


@pytest.mark.newest
@pytest.mark.process
def test_all_tasks_end_with_the_line_of_a_task_that_refuses(tmp_path, new_cluster):
    with new_cluster(tmp_path / "run", {"chief": 1, "worker": 2}, "--recipe=fashion_dense") as cluster:
        cluster.start(CHIEF, WORKER)
        (tmp_path / "empty").mkdir()
        cluster.start(("worker", 1), flags=(f"--data_dir={tmp_path}/empty",))
        assert {*cluster.statuses().values()} == {1}
        (line,) = cluster.errors(("worker", 1))
        assert line.startswith(f"error: data_dir {tmp_path}/empty has neither IDX files nor a folder for each class: ")
        of_the_others = line.replace("error: ", "error: worker 1 of the cluster: ")
        assert cluster.errors(CHIEF) == cluster.errors(WORKER) == [of_the_others]
    assert [*(tmp_path / "run").glob(".*")] == []


@pytest.mark.newest
@pytest.mark.process
def test_a_run_that_is_stopped_and_loses_a_task_ends_in_the_same_bits(tmp_path, new_cluster):
    """It is stopped by a signal to one task, which in the second start waits for the other one."""
    sizes = {"chief": 1, "worker": 1}
    flags = ("--recipe=fashion_dense", "--max_steps=300", "--save_every=30")
    with new_cluster(tmp_path / "run", sizes, *flags) as cluster:
        cluster.start()
        cluster.wait_for("step = 20", CHIEF, WORKER)
        assert cluster.end(WORKER, signal.SIGTERM) == 143
        assert cluster.statuses(CHIEF) == {CHIEF: 143}
        stopped = max(steps_in(tmp_path / "run"))
        assert 20 < stopped < 300
        for task in (CHIEF, WORKER):
            assert f"stopped by SIGTERM: step {stopped} is saved as" in cluster.output(task)
        assert "another task of the cluster was asked to stop" in cluster.output(CHIEF)
        assert "another task of the cluster was asked to stop" not in cluster.output(WORKER)

        cluster.start()
        cluster.wait_for(f"Saving checkpoints for {stopped + 30} into", CHIEF)
        cluster.processes[CHIEF].send_signal(signal.SIGSTOP)
        time.sleep(1)
        assert cluster.end(WORKER, signal.SIGTERM) == 143
        assert "the other tasks did not finish the step" in cluster.output(WORKER)
        cluster.processes[CHIEF].send_signal(signal.SIGCONT)
        assert cluster.statuses(CHIEF) == {CHIEF: 138}
        (error,) = cluster.errors(CHIEF)
        assert error.startswith("error: worker 0 at 127.0.0.1:")
        assert error.endswith(f" was lost: {RESTART}")

        cluster.start()
        cluster.finish()
    with new_cluster(tmp_path / "whole", sizes, *flags) as cluster:
        cluster.start()
        cluster.finish()
    assert variables(tmp_path / "run") == variables(tmp_path / "whole")


@pytest.mark.newest
@pytest.mark.process
def test_early_stopping_ends_all_tasks_after_the_evaluated_step(tmp_path, new_cluster):
    flags = ["--recipe=fashion_dense", "--learning_rate=1e-30", "--validation=50"]  # the accuracy stays the same
    flags += ["--eval_every=3", "--early_stopping=1", "--max_steps=50"]
    with new_cluster(tmp_path / "run", {"chief": 1, "worker": 1}, *flags) as cluster:
        cluster.start()
        cluster.finish()
        assert steps_in(tmp_path / "run") == [0, 6]
        assert all("trained to step 6:" in cluster.output(task) for task in (CHIEF, WORKER))
