"""run_train.py and run_eval.py as processes, on ten_bars."""

import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios

import pytest
from conftest import (
    REPOSITORY,
    error_and_table_of,
    error_of,
    evaluate,
    run,
    started,
    steps_in,
    train,
    wait_for,
    write_idx_folder,
)

from cnn_estimator.tf1 import tf


@pytest.fixture(scope="module")
def trained(tmp_path_factory, data_dir):
    """(model_dir, the CompletedProcess) of fashion_dense trained for 120 steps."""
    model_dir = tmp_path_factory.mktemp("runs") / "dense"
    done = train(
        model_dir, data_dir, "--recipe=fashion_dense", "--steps=120", "--learning_rate=0.005", "--log_every=40",
        "--save_every=50", "--keep_checkpoints=2", "--seed=1",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return model_dir, done


def scalars(folder):
    """{tag: [(step, value)]} of the event files in a folder."""
    found = {}
    for name in sorted(os.listdir(folder)):
        if "tfevents" in name:
            for event in tf.train.summary_iterator(os.path.join(folder, name)):
                for value in event.summary.value:
                    if value.WhichOneof("value") == "simple_value":
                        found.setdefault(value.tag, []).append((event.step, value.simple_value))
    return found


def test_training_says_what_it_does(trained, data_dir):
    model_dir, done = trained
    assert done.stdout == ""
    said = [line for line in done.stderr.splitlines() if line.startswith("INFO:cnn_estimator:")]
    patterns = [
        r"recipe fashion_dense with learning_rate=0.005: network dense_128, adam at 0.005, batches of 32, seed 1",
        rf"fashion_mnist: 300 training images from {data_dir}",
        rf"model_dir {model_dir}: from step 0 to step 120",
        r"trained to step 120: loss \d\.\d{4}, 120 steps in \d+ s",
        rf"evaluate it: python run_eval.py --model_dir={model_dir}",
    ]
    assert len(said) == len(patterns)
    for line, pattern in zip(said, patterns, strict=True):
        assert re.fullmatch(f"INFO:cnn_estimator:{pattern}", line)


def test_every_line_is_a_log_record_and_comes_once(trained):
    _, done = trained
    lines = done.stderr.splitlines()
    assert all(re.match(r"INFO:(cnn_estimator|tensorflow):\S", line) for line in lines), done.stderr
    for step in (1, 41, 81):
        pattern = rf"INFO:tensorflow:accuracy = \S+, loss = \S+, step = {step}( \([\d.]+ sec\))?"
        (logged,) = [line for line in lines if f"step = {step}" in line.split(" (")[0].split(", ")]
        assert re.fullmatch(pattern, logged)
    for step in (0, 50, 100, 120):
        assert sum(f"Saving checkpoints for {step} into" in line for line in lines) == 1


def test_a_terminal_shows_a_progress_bar_below_the_log_lines(tmp_path, data_dir):
    terminal, stderr = pty.openpty()
    fcntl.ioctl(stderr, termios.TIOCSWINSZ, struct.pack("4H", 40, 120, 0, 0))
    flags = (f"--model_dir={tmp_path}", f"--data_dir={data_dir}", "--steps=30", "--log_every=10")
    command = [sys.executable, "run_train.py", *flags]
    with subprocess.Popen(command, cwd=REPOSITORY, stderr=stderr, stdout=subprocess.PIPE) as process:
        os.close(stderr)
        shown = b""
        while chunk := _read(terminal):
            shown += chunk
        assert process.stdout.read() == b""
    os.close(terminal)
    assert process.returncode == 0
    pieces = shown.decode().replace("\r", "\n").split("\n")
    bars = [piece for piece in pieces if re.search(r"\d+%\|.*\| \d+/30 \[\d\d:\d\d<.*(step/s|s/step)\]", piece)]
    assert bars
    assert "| 30/30 [" in bars[-1]
    for step in (1, 11, 21):
        assert sum(bool(re.match(rf"INFO:tensorflow:.*step = {step}\b", piece)) for piece in pieces) == 1


def _read(terminal):
    try:
        return os.read(terminal, 4096)
    except OSError:  # how Linux says that the other end is closed
        return b""


def test_the_model_dir_after_training(trained, data_dir):
    model_dir, _ = trained
    assert json.loads((model_dir / "settings.json").read_text()) == {
        "version": 2,
        "recipe": "fashion_dense",
        "dataset": "fashion_mnist",
        "network": "dense_128",
        "optimizer": "adam",
        "learning_rate": 0.005,
        "batch_size": 32,
        "seed": 1,
        "data_dir": data_dir,
        "class_names": list("0123456789"),
    }
    assert steps_in(model_dir) == [100, 120]


def test_evaluation_prints_one_json_line_and_nothing_else(trained):
    model_dir, _ = trained
    done = evaluate(model_dir)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert set(result) == {"accuracy", "loss", "global_step", "images", "checkpoint"}
    assert result["accuracy"] > 0.95
    assert (result["global_step"], result["images"]) == (120, 130)
    assert result["checkpoint"] == str(model_dir / "model.ckpt-120")
    log_lines = [line for line in done.stderr.splitlines() if line.startswith("INFO:")]
    assert done.stderr.startswith("\n".join(log_lines) + "\nclass ")


def test_tensorboard_lays_evaluation_over_training(trained):
    model_dir, _ = trained
    assert evaluate(model_dir).returncode == 0
    training, evaluation = scalars(model_dir), scalars(model_dir / "eval")
    assert set(training) == {"accuracy", "loss", "learning_rate", "global_step/sec"}
    assert {"accuracy", "loss"} <= set(evaluation)
    assert [step for step, _ in training["accuracy"]] == [1, 41, 81]
    assert [value for _, value in training["learning_rate"]] == pytest.approx([0.005] * 3)
    assert {step for step, _ in evaluation["accuracy"]} == {120}


@pytest.mark.slow
def test_steps_count_on_and_max_steps_is_where_it_ends(tmp_path, data_dir):
    dense = "--recipe=fashion_dense"

    def step_range(*flags):
        done = train(tmp_path, data_dir, dense, *flags)
        assert done.returncode == 0, done.stderr
        return re.findall(r"from step (\d+) to step (\d+)", done.stderr), done.stderr

    assert step_range("--steps=3")[0] == [("0", "3")]
    assert step_range("--steps=3")[0] == [("3", "6")]
    assert step_range("--max_steps=8")[0] == [("6", "8")]
    reached, said = step_range("--max_steps=8")
    assert reached == []
    assert f"nothing to train: {tmp_path} is at step 8 of 8. --steps=N trains on" in said
    assert json.loads(evaluate(tmp_path).stdout)["global_step"] == 8


@pytest.mark.slow
def test_without_steps_the_same_command_completes_the_recipe(tmp_path, data_dir):
    flags = ("--recipe=fashion_dense", "--batch_size=1", "--log_every=5000")
    assert train(tmp_path, data_dir, *flags, "--max_steps=9360").returncode == 0
    done = train(tmp_path, data_dir, *flags)
    assert "from step 9360 to step 9375" in done.stderr
    assert "trained to step 9375" in done.stderr


def test_named_tensors_are_logged(tmp_path, data_dir):
    flags = ("--recipe=fashion_dense", "--batch_size=1", "--steps=1")
    done = train(tmp_path, data_dir, *flags, "--log_tensors=probabilities=softmax_tensor,hidden=dense/Relu:0")
    assert done.returncode == 0, done.stderr
    assert re.search(r"accuracy = .*, hidden = \[\[.*, loss = .*, probabilities = \[\[0\.", done.stderr, re.DOTALL)


def test_batches_are_shuffled(tmp_path, data_dir):
    """In the files the labels come in turn: 0, 1, 2, …"""
    flags = ("--recipe=fashion_dense", "--batch_size=10", "--steps=1", "--log_tensors=labels=IteratorGetNext:1")
    done = train(tmp_path, data_dir, *flags)
    labels = re.search(r"labels = \[([\d ]+)\]", done.stderr)[1].split()
    assert len(labels) == 10
    assert labels != list("0123456789")


def test_without_a_seed_one_is_drawn_and_kept(tmp_path, data_dir):
    seeds = set()
    for name in ("one", "two"):
        assert train(tmp_path / name, data_dir, "--recipe=fashion_dense", "--steps=1").returncode == 0
        seeds.add(json.loads((tmp_path / name / "settings.json").read_text())["seed"])
    assert len(seeds) == 2


# A user's mistakes. TensorFlow must not be needed to find those that the flags alone show.


@pytest.fixture
def without_tensorflow(tmp_path):
    """An environment in which loading TensorFlow fails."""
    (tmp_path / "tensorflow.py").write_text("raise AssertionError('TensorFlow was loaded')")
    return {"PYTHONPATH": str(tmp_path)}


WHOLE = "not a whole number from 1 to"


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--recipe=fashion_cmn"], "recipe 'fashion_cmn': no such name, did you mean fashion_cnn?"),
        (["--optimizer=adan"], "optimizer 'adan': no such name, did you mean adam?"),
        (["--steps=5", "--max_steps=9"], "--steps=5 and --max_steps=9 exclude each other: give one"),
        (["--log_tensors=softmax"], "--log_tensors=softmax is not LABEL=TENSOR: try probabilities=softmax_tensor"),
        (["--log_tensors=loss=x"], "--log_tensors=loss=x: the line has a 'loss' already, choose another label"),
        (["--log_tensors=a=x,a=y"], "--log_tensors=a=y: the line has a 'a' already, choose another label"),
        (["steps=5"], "unexpected argument 'steps=5': every option is a flag, --name=value"),
        (["--model_dir=\udcff"], "flag --model_dir=\\udcff: not UTF-8, which TensorFlow needs"),
        (["--model_dir="], "flag --model_dir=: not a path"),
        (["--model_dir=setup.py"], "flag --model_dir=setup.py: a file, name a folder"),
        (["--data_dir=setup.py"], "flag --data_dir=setup.py: a file, name a folder"),
        (["--seed=-1"], "flag --seed=-1: not a whole number from 0 to 2147483647"),
        (["--seed=2147483648"], "flag --seed=2147483648: not a whole number from 0 to 2147483647"),
        *(
            ([f"--{name}={value}"], f"flag --{name}={value}: {WHOLE} {most}")
            for name, most in {
                "steps": 10**9,
                "max_steps": 10**9,
                "log_every": 10**9,
                "save_every": 10**9,
                "keep_checkpoints": 10**6,
                "batch_size": 60_000,
            }.items()
            for value in ("0", "-1", "nan", "inf", str(most + 1), "9" * 5000, "1.5", "")
        ),
        *(
            (
                [f"--learning_rate={value}"],
                f"flag --learning_rate={value}: not a number from 1.2e-38 to 3.4e+38, try 0.001",
            )
            for value in ("0", "-1", "nan", "inf", "-inf", "1e39", "1e-46", "1e400", "fast")
        ),
    ],
    ids=lambda value: None if isinstance(value, str) else " ".join(value)[:40],
)
def test_a_mistake_in_the_flags_gets_one_line_at_once(without_tensorflow, flags, message):
    done = run("run_train.py", *flags, environment=without_tensorflow)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"error: {message}\n")


@pytest.mark.parametrize("flag", ["--model_dir=setup.py", "--batch_size=0", "--recipe=fashion_cmn"])
def test_a_mistake_in_run_evals_flags_gets_one_line_at_once(without_tensorflow, flag):
    done = run("run_eval.py", flag, environment=without_tensorflow)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert done.stderr.startswith("error: ")


def test_absl_refuses_what_is_no_flag(without_tensorflow):
    done = run("run_train.py", "--stepz=5", environment=without_tensorflow)
    assert done.returncode == 1
    assert done.stderr.startswith("FATAL Flags parsing error: Unknown command line flag 'stepz'. Did you mean: steps ?")


@pytest.mark.parametrize(
    ("script", "own", "others"),
    [
        ("run_train.py", ["model_dir", "steps", "recipe", "keep_checkpoints", "fresh"], []),
        ("run_eval.py", ["model_dir", "data_dir", "recipe", "batch_size", "checkpoint"], ["steps", "optimizer"]),
    ],
)
def test_help_lists_the_commands_own_flags_without_tensorflow(without_tensorflow, script, own, others):
    listed = re.findall(r"^  --(?:\[no\])?(\w+)", run(script, "--help", environment=without_tensorflow).stdout, re.M)
    assert set(own) <= set(listed)
    assert not set(others) & set(listed)


def test_evaluating_a_folder_without_a_checkpoint_is_an_error(tmp_path):
    advice = "holds no checkpoint: train there first, or name another --model_dir"
    assert error_of(evaluate(tmp_path)) == f"model_dir {tmp_path} {advice}"
    assert error_of(evaluate(tmp_path / "typo")) == f"model_dir {tmp_path / 'typo'} {advice}"


def test_evaluating_as_another_recipe_is_an_error(trained):
    model_dir, _ = trained
    message = error_of(evaluate(model_dir, "--recipe=fashion_cnn"))
    assert message.startswith(f"model_dir {model_dir} holds recipe fashion_dense, not fashion_cnn")


@pytest.mark.parametrize(
    ("flags", "rows"),
    [
        (
            ["--recipe=mnist_cnn"],
            [
                ["recipe", "fashion_dense", "mnist_cnn"],
                ["dataset", "fashion_mnist", "mnist"],
                ["network", "dense_128", "two_conv"],
                ["optimizer", "adam", "sgd"],
            ],
        ),
        (
            ["--recipe=fashion_cnn"],
            [["recipe", "fashion_dense", "fashion_cnn"], ["network", "dense_128", "three_conv_dropout"]],
        ),
        (["--recipe=fashion_dense", "--optimizer=sgd"], [["optimizer", "adam", "sgd"]]),
    ],
)
def test_training_another_run_in_the_model_dir_is_refused_with_what_differs(trained, flags, rows):
    model_dir, _ = trained
    before = sorted(path.name for path in model_dir.iterdir())
    message, table = error_and_table_of(train(model_dir, "/nowhere", *flags, "--steps=1"))
    advice = "choose another --model_dir, or set that run aside with --fresh"
    assert message == f"model_dir {model_dir} holds another run: {advice}"
    assert [line.split() for line in table] == [["setting", "there", "now"], *rows]
    assert sorted(path.name for path in model_dir.iterdir()) == before


def test_another_learning_rate_batch_and_recipe_of_the_same_network_are_recorded(tmp_path, data_dir):
    flags = ("--log_every=1", "--batch_size=10")
    assert train(tmp_path, data_dir, *flags, "--recipe=fashion_ladder_3", "--steps=2", "--seed=5").returncode == 0
    changed = ("--recipe=fashion_ladder_4", "--learning_rate=0.01", "--batch_size=20", "--max_steps=3")
    done = train(tmp_path, data_dir, *changed)
    assert done.returncode == 0, done.stderr
    assert re.findall(r"WARNING:cnn_estimator:(.*)", done.stderr) == [
        "recipe is fashion_ladder_4 from here on, and was fashion_ladder_3",
        "learning_rate is 0.01 from here on, and was 0.001",
        "batch_size is 20 from here on, and was 10",
    ]
    settings = json.loads((tmp_path / "settings.json").read_text())
    assert (settings["recipe"], settings["learning_rate"], settings["batch_size"]) == ("fashion_ladder_4", 0.01, 20)
    history = [json.loads(line) for line in (tmp_path / "history.jsonl").read_text().splitlines()]
    fields = ("first_step", "max_steps", "recipe", "learning_rate", "batch_size", "seed")
    assert [[line[field] for field in fields] for line in history] == [
        [0, 2, "fashion_ladder_3", 0.001, 10, 5],
        [2, 3, "fashion_ladder_4", 0.01, 20, 5],
    ]
    assert {line["tensorflow"] for line in history} == {tf.__version__}


def test_the_data_of_a_run_is_that_of_its_beginning(tmp_path, data_dir):
    flags = (f"--model_dir={tmp_path}", "--recipe=fashion_dense")
    assert run("run_train.py", *flags, f"--data_dir={data_dir}", "--steps=1").returncode == 0
    done = run("run_train.py", *flags, "--steps=1")
    assert done.returncode == 0, done.stderr
    assert f"fashion_mnist: 300 training images from {data_dir}" in done.stderr


@pytest.mark.slow
def test_beside_a_trainer_one_evaluates_and_does_not_train(tmp_path, data_dir):
    """The trainer saves at every step and keeps one: what is being evaluated is soon deleted."""
    flags = ("--recipe=fashion_dense", "--save_every=1", "--keep_checkpoints=1", "--max_steps=1000000")
    with started("run_train.py", f"--model_dir={tmp_path}", f"--data_dir={data_dir}", *flags) as (trainer, stderr):
        wait_for("step = 1", trainer, stderr)
        for more in ((), ("--fresh",)):
            message = error_of(train(tmp_path, data_dir, "--recipe=fashion_dense", "--steps=1", *more))
            assert message.startswith(f"model_dir {tmp_path}: process {trainer.pid} is training there. ")
        steps = []
        for _ in range(3):
            done = evaluate(tmp_path)
            assert done.returncode == 0, done.stderr
            steps.append(json.loads(done.stdout)["global_step"])
        assert 0 < steps[0] < steps[1] < steps[2]
        assert trainer.poll() is None
        trainer.kill()
    # After the crash nothing is locked any more.
    done = train(tmp_path, data_dir, "--recipe=fashion_dense", "--steps=1")
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_fresh_sets_the_run_aside_and_begins_anew(tmp_path, data_dir):
    model_dir = tmp_path / "run"
    for recipe, steps in (("fashion_dense", 3), ("fashion_ladder_3", 2), ("fashion_dense", 1)):
        flags = (f"--recipe={recipe}", f"--steps={steps}", "--batch_size=10", "--fresh")
        done = train(f"{model_dir}/", data_dir, *flags)
        assert done.returncode == 0, done.stderr
        assert f"from step 0 to step {steps}" in done.stderr
    assert f"is set aside: it is {model_dir}.2 now" in done.stderr
    message = error_of(train(model_dir, tmp_path / "nowhere", "--recipe=fashion_dense", "--fresh"))
    assert message.startswith(f"data_dir {tmp_path}/nowhere is no folder")
    assert sorted(os.listdir(tmp_path)) == ["run", "run.1", "run.2"]
    evaluated = [json.loads(evaluate(folder).stdout) for folder in (f"{model_dir}.1", f"{model_dir}.2", model_dir)]
    assert [result["global_step"] for result in evaluated] == [3, 2, 1]
    assert evaluated[0]["checkpoint"] == f"{model_dir}.1/model.ckpt-3"


def test_fresh_leaves_a_folder_alone_that_holds_no_run(tmp_path, data_dir):
    (tmp_path / "photo.jpg").write_text("mine")
    done = train(tmp_path, data_dir, "--recipe=fashion_dense", "--steps=1", "--fresh")
    assert done.returncode == 0, done.stderr
    assert steps_in(tmp_path) == [0, 1]
    assert (tmp_path / "photo.jpg").exists()


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("softmax", "The name 'softmax:0' refers to a Tensor which does not exist."),
        ("IteratorGetNext", "Name IteratorGetNext is ambiguous"),
        ("Adam/update", "The name 'Adam/update:0' refers to a Tensor which does not exist."),
    ],
)
def test_a_tensor_that_the_graph_lacks_is_an_error(tmp_path, data_dir, name, problem):
    flags = ("--recipe=fashion_dense", "--steps=1")
    assert train(tmp_path, data_dir, *flags, "--seed=1").returncode == 0
    message = error_of(train(tmp_path, data_dir, *flags, "--seed=2", f"--log_tensors=p={name}"))
    assert message.startswith(f"log_tensors: {problem}")
    assert message.endswith("Try probabilities=softmax_tensor")
    # The run in the model_dir is as it was.
    assert json.loads((tmp_path / "settings.json").read_text())["seed"] == 1
    assert steps_in(tmp_path) == [0, 1]


def test_bad_data_is_an_error(tmp_path):
    write_idx_folder(tmp_path, train=20)
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(b"\0\0\x08\x01")
    message = error_of(train(tmp_path / "model", tmp_path, "--steps=1"))
    assert message.startswith(f"{tmp_path / 'train-labels-idx1-ubyte'}: truncated")
    assert not (tmp_path / "model").exists()


def test_an_installation_that_does_not_fit_is_an_error(tmp_path):
    (tmp_path / "tensorflow.py").write_text("__version__ = '2.14.0'")
    message = error_of(run("run_eval.py", environment={"PYTHONPATH": str(tmp_path)}))
    assert message.startswith("TensorFlow 2.14.0 is not supported")
