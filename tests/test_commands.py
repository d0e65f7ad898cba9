"""The commands on ten_bars: as processes where stdout, stderr, exit status or signals matter, otherwise called."""

import dataclasses
import fcntl
import json
import os
import pty
import re
import shutil
import signal
import struct
import subprocess
import sys
import termios
import time

import numpy as np
import pytest
from helpers import (
    REPOSITORY,
    called,
    called_train,
    command,
    error_and_table_of,
    error_of,
    run,
    started,
    steps_in,
    train,
    users_environment,
    wait_for,
)
from PIL import Image

from cnn_estimator import recipes
from cnn_estimator.data import datasets
from cnn_estimator.model_session import ModelSession
from cnn_estimator.tf1 import tf

DENSE = "--recipe=fashion_dense"


def verb(name, *arguments, **options):
    """Runs a verb as a process."""
    return run("-m", "cnn_estimator", name, *arguments, **options)


def settings_in(model_dir):
    return json.loads((model_dir / "settings.json").read_text())


def scalars(folder):
    """Returns {tag: [(step, value)]} of the event files in a folder."""
    found = {}
    for name in sorted(os.listdir(folder)):
        if "tfevents" in name:
            for event in tf.train.summary_iterator(os.path.join(folder, name)):
                for value in event.summary.value:
                    if value.WhichOneof("value") == "simple_value":
                        found.setdefault(value.tag, []).append((event.step, value.simple_value))
    return found


@pytest.fixture(scope="module")
def first_run(tmp_path_factory, data_dir):
    """(model_dir, the CompletedProcess) of fashion_dense after run_train.py, 120 steps."""
    model_dir = tmp_path_factory.mktemp("runs") / "dense"
    done = train(
        model_dir, data_dir, DENSE, "--steps=120", "--learning_rate=0.005", "--log_every=40", "--save_every=50",
        "--keep_checkpoints=2", "--seed=1",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return model_dir, done


@pytest.fixture(scope="module")
def evaluated(first_run):
    """(model_dir, the CompletedProcess) of run_eval.py --plot after it."""
    model_dir, _ = first_run
    done = run("run_eval.py", f"--model_dir={model_dir}", "--plot")
    assert done.returncode == 0, done.stderr
    return model_dir, done


@pytest.fixture
def photos(tmp_path, data_dir):
    """A folder with a test image of each class as a large photo on white: 0.png to 9.png."""
    data = datasets.load("fashion_mnist", "test", data_dir)
    folder = tmp_path / "photos"
    folder.mkdir()
    for label in range(10):
        # A frame of grey around it keeps the bar at its height when the object is cut out.
        pixels = np.round(data.images[label] * 255).astype(np.uint8)
        pixels[[0, -1]], pixels[:, [0, -1]] = 60, 60
        canvas = Image.new("L", (400, 300), 255)
        canvas.paste(Image.fromarray(255 - pixels).resize((280, 280), Image.Resampling.NEAREST), (60, 10))
        canvas.save(folder / f"{label}.png")
    return folder


# Without TensorFlow. What the flags alone show is in test_cli.py.


@pytest.fixture
def without_tensorflow(tmp_path):
    """An environment in which loading TensorFlow fails."""
    (tmp_path / "tensorflow.py").write_text("raise AssertionError('TensorFlow was loaded')")
    return {"PYTHONPATH": str(tmp_path)}


@pytest.mark.process
def test_a_mistake_is_found_without_tensorflow(without_tensorflow):
    done = run("run_train.py", "--batch_size=0", environment=without_tensorflow)
    message = "flag --batch_size=0: not an integer from 1 to 60000"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"error: {message}\n")


@pytest.mark.process
def test_the_verbs_are_listed_without_loading_slow_modules(tmp_path):
    for name in ("tensorflow", "numpy", "matplotlib", "PIL", "pooch", "tabulate"):
        (tmp_path / f"{name}.py").write_text(f"raise AssertionError('{name} was loaded')")
    done = run("-m", "cnn_estimator", environment={"PYTHONPATH": str(tmp_path)})
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("python -m cnn_estimator VERB [flags]\n")


@pytest.mark.process
def test_a_signal_ends_the_wait_for_a_list():
    arguments = [sys.executable, "-m", "cnn_estimator", "predict", "-"]
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with subprocess.Popen(arguments, **pipes, cwd=REPOSITORY, text=True, env=users_environment()) as process:
        process.stdin.write("one.png\n")
        process.stdin.flush()
        while struct.unpack("i", fcntl.ioctl(process.stdin, termios.FIONREAD, bytes(4))) != (0,):
            assert process.poll() is None
            time.sleep(0.01)
        time.sleep(0.3)  # it has read the line, and waits for another
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=10) == 130
        assert process.stderr.read() == "stopped by SIGINT: nothing was predicted\n"


@pytest.mark.newest
@pytest.mark.process
def test_samples_are_plotted_without_tensorflow(tmp_path, data_dir, without_tensorflow):
    path = tmp_path / "new" / "samples.png"
    flags = (f"--data_dir={data_dir}", "--count=7", f"--plot={path}")
    first_run = {"MPLCONFIGDIR": str(tmp_path / "matplotlib")}
    done = verb("samples", *flags, environment=without_tensorflow | first_run)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{path}\n", "")
    assert Image.open(path).format == "PNG"
    assert list(tmp_path.glob("matplotlib/fontlist*"))  # matplotlib has listed the fonts, and said nothing of it


# train


@pytest.mark.process
def test_training_logs_its_settings_data_steps_and_result_each_once(first_run, data_dir):
    model_dir, done = first_run
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert all(re.match(r"INFO:(cnn_estimator|tensorflow):\S", line) for line in lines), done.stderr
    shown = re.compile(r"(accuracy = |global_step/sec: |Saving checkpoints for |Loss for final step: )")
    assert all(shown.match(line.removeprefix("INFO:tensorflow:")) for line in lines if ":tensorflow:" in line)
    for step in (1, 41, 81):
        pattern = rf"INFO:tensorflow:accuracy = \S+, loss = \S+, step = {step}( \([\d.]+ sec\))?"
        (logged,) = [line for line in lines if f"step = {step}" in line.split(" (")[0].split(", ")]
        assert re.fullmatch(pattern, logged)
    for step in (0, 50, 100, 120):
        assert sum(f"Saving checkpoints for {step} into" in line for line in lines) == 1
    logged = [line for line in lines if line.startswith("INFO:cnn_estimator:")]
    patterns = [
        rf"training {model_dir} from step 0 to step 120",
        r"using recipe fashion_dense with learning_rate=0.005: network dense_128, optimizer adam, learning_rate 0.005, "
        r"batch_size 32, seed 1, threads \d+",
        rf"loaded 300 training images of 10 classes from {data_dir}",
        r"trained to step 120: loss \d\.\d{4}, 120 steps in \d+ s",
        rf"evaluate it: python run_eval.py --model_dir={model_dir}",
    ]
    assert len(logged) == len(patterns)
    for line, pattern in zip(logged, patterns, strict=True):
        assert re.fullmatch(f"INFO:cnn_estimator:{pattern}", line)
    chosen = {"recipe": "fashion_dense", "learning_rate": 0.005, "seed": 1, "data_dir": data_dir}
    assert chosen.items() <= settings_in(model_dir).items()
    assert steps_in(model_dir) == [100, 120]  # the newest two


@pytest.mark.newest
@pytest.mark.process
def test_a_terminal_shows_a_progress_bar_below_the_log_lines(tmp_path, data_dir):
    terminal, stderr = pty.openpty()
    fcntl.ioctl(stderr, termios.TIOCSWINSZ, struct.pack("4H", 40, 120, 0, 0))
    flags = (f"--model_dir={tmp_path}", f"--data_dir={data_dir}", DENSE, "--steps=30", "--log_every=10")
    flags += ("--strategy=mirrored", "--devices=2", "--schedule=linear", "--schedule_steps=29")
    arguments = [sys.executable, "run_train.py", *flags]
    environment = users_environment({"TERM": "xterm", "NO_COLOR": ""})
    options = {"cwd": REPOSITORY, "env": environment, "stdout": subprocess.PIPE}
    with subprocess.Popen(arguments, stderr=stderr, **options) as process:
        os.close(stderr)
        shown = b""
        while chunk := _read(terminal):
            shown += chunk
        assert process.stdout.read() == b""
    os.close(terminal)
    assert process.returncode == 0
    pieces = shown.decode().replace("\r", "\n").split("\n")
    shown_by_the_bar = r"\d+%\|.*\| \d+/30 \[\d\d:\d\d<.*(step/s|s/step), loss \d\.\d{4}, accuracy [01]\.\d\d\]"
    bars = [piece for piece in pieces if re.search(shown_by_the_bar, piece)]
    assert bars
    assert "| 30/30 [" in bars[-1]
    for step in (1, 11, 21):
        assert sum(bool(re.match(rf"INFO:tensorflow:.*step = {step}\b", piece)) for piece in pieces) == 1
    assert "\n\033[33mWARNING\033[0m:cnn_estimator:schedule linear ends at step 29: " in "\n".join(pieces)
    # What TensorFlow says of its own workings while the bar is there.
    assert "The `input_fn` accepts an `input_context`" not in shown.decode()


def _read(terminal):
    try:
        return os.read(terminal, 4096)
    except OSError:  # how Linux says that the other end is closed
        return b""


@pytest.mark.newest
@pytest.mark.integration
def test_without_steps_the_same_command_completes_the_recipe(tmp_path, data_dir, monkeypatch):
    shorter = dataclasses.replace(recipes.RECIPES["fashion_dense"], steps=8)
    monkeypatch.setitem(recipes.RECIPES, "fashion_dense", shorter)
    called_train(tmp_path, data_dir, DENSE, "--max_steps=5")
    done = called_train(tmp_path, data_dir, DENSE)
    assert "from step 5 to step 8" in done.stderr
    assert "trained to step 8" in done.stderr


@pytest.mark.integration
def test_named_tensors_are_logged_and_batches_are_shuffled(tmp_path, data_dir):
    tensors = "probabilities=softmax_tensor,hidden=dense/Relu:0,labels=IteratorGetNext:1"
    done = called_train(tmp_path, data_dir, DENSE, "--batch_size=10", "--steps=1", f"--log_tensors={tensors}")
    logged = re.search(
        r"accuracy = .*, hidden = \[\[.*, labels = \[([\d ]+)\], loss = .*, probabilities = \[\[0\.",
        done.stderr,
        re.DOTALL,
    )
    labels = logged[1].split()
    assert len(labels) == 10
    assert labels != list("0123456789")  # which is their order in the files


@pytest.mark.newest
@pytest.mark.integration
def test_another_learning_rate_batch_and_recipe_of_the_same_network_are_recorded(tmp_path, data_dir):
    called_train(tmp_path, data_dir, "--batch_size=10", "--recipe=fashion_ladder_3", "--steps=2", "--seed=5")
    changed = ("--recipe=fashion_ladder_4", "--learning_rate=0.01", "--batch_size=20", "--max_steps=3")
    done = called_train(tmp_path, data_dir, *changed)
    assert re.findall(r"WARNING:cnn_estimator:(.*)", done.stderr) == [
        "learning_rate changed from 0.001 to 0.01",
        "batch_size changed from 10 to 20",
        "recipe changed from fashion_ladder_3 to fashion_ladder_4",
    ]
    settings = settings_in(tmp_path)
    assert (settings["recipe"], settings["learning_rate"], settings["batch_size"]) == ("fashion_ladder_4", 0.01, 20)
    history = [json.loads(line) for line in (tmp_path / "history.jsonl").read_text().splitlines()]
    fields = ("first_step", "max_steps", "recipe", "learning_rate", "batch_size", "seed")
    assert [[line[field] for field in fields] for line in history] == [
        [0, 2, "fashion_ladder_3", 0.001, 10, 5],
        [2, 3, "fashion_ladder_4", 0.01, 20, 5],
    ]
    assert {line["tensorflow"] for line in history} == {tf.__version__}


@pytest.mark.integration
def test_another_run_in_the_model_dir_is_refused_with_the_differences(model_dir):
    before = sorted(path.name for path in model_dir.iterdir())
    done = command("train", f"--model_dir={model_dir}", "--data_dir=/nowhere", "--recipe=mnist_cnn", "--steps=1")
    message, table = error_and_table_of(done)
    advice = "choose another --model_dir, or archive that run with --fresh"
    assert message == f"model_dir {model_dir} holds another run: {advice}"
    assert [line.split() for line in table] == [
        ["setting", "saved", "requested"],
        ["recipe", "fashion_dense", "mnist_cnn"],
        ["dataset", "fashion_mnist", "mnist"],
        ["network", "dense_128", "two_conv"],
        ["optimizer", "adam", "sgd"],
    ]
    assert sorted(path.name for path in model_dir.iterdir()) == before


@pytest.mark.integration
def test_an_unknown_tensor_is_an_error(model_dir):
    flags = (f"--model_dir={model_dir}", DENSE, "--steps=1", "--seed=2", "--log_tensors=p=softmax")
    message = error_of(command("train", *flags))
    assert message.startswith("log_tensors: The name 'softmax:0' refers to a Tensor which does not exist.")
    assert message.endswith(": name a tensor of the graph, such as softmax_tensor")
    # The run in the model_dir is as it was.
    assert settings_in(model_dir)["seed"] == 1
    assert steps_in(model_dir) == [0, 30, 60, 90, 120]


@pytest.mark.newest
@pytest.mark.process
def test_while_one_process_trains_others_evaluate_and_may_not_train(tmp_path, data_dir):
    """The trainer saves at every step and keeps one: what is being evaluated is soon deleted."""
    flags = (DENSE, "--save_every=1", "--keep_checkpoints=1", "--max_steps=1000000")
    with started("run_train.py", f"--model_dir={tmp_path}", f"--data_dir={data_dir}", *flags) as (trainer, stderr):
        wait_for("Saving checkpoints for 2 into", trainer, stderr)
        for more in ((), ("--fresh",)):
            message = error_of(command("train", f"--model_dir={tmp_path}", DENSE, "--steps=1", *more))
            holder = f"process {trainer.pid} on {os.uname().nodename}"
            assert message.startswith(f"model_dir {tmp_path}: {holder} is training there: ")
        steps = [json.loads(called("eval", f"--model_dir={tmp_path}").stdout)["global_step"] for _ in range(3)]
        assert 0 < steps[0] < steps[1] < steps[2]
        assert trainer.poll() is None
        trainer.kill()
    # After the crash nothing is locked any more.
    called_train(tmp_path, data_dir, DENSE, "--steps=1")


@pytest.mark.newest
@pytest.mark.integration
def test_fresh_archives_the_run_and_starts_over(tmp_path, data_dir):
    """In one process, which keeps writers of event files open."""
    model_dir = tmp_path / "run"
    for recipe, steps in (("fashion_dense", 3), ("fashion_ladder_3", 2), ("fashion_dense", 1)):
        flags = (f"--recipe={recipe}", f"--steps={steps}", "--batch_size=10", "--log_every=1", "--fresh")
        done = called_train(f"{model_dir}/", data_dir, *flags)
        assert f"from step 0 to step {steps}" in done.stderr
    assert f"as {model_dir}.2" in done.stderr
    flags = (f"--model_dir={model_dir}", f"--data_dir={tmp_path}/nowhere", DENSE, "--fresh")
    assert error_of(command("train", *flags)).startswith(f"data_dir {tmp_path}/nowhere is not a folder")
    assert sorted(os.listdir(tmp_path)) == ["run", "run.1", "run.2"]
    folders = (f"{model_dir}.1", f"{model_dir}.2", str(model_dir))
    evaluations = [json.loads(called("eval", f"--model_dir={folder}").stdout) for folder in folders]
    assert [result["global_step"] for result in evaluations] == [3, 2, 1]
    assert evaluations[0]["checkpoint"] == f"{model_dir}.1/model.ckpt-3"
    assert [[step for step, _ in scalars(folder)["loss"]] for folder in folders] == [[1, 2, 3], [1, 2], [1]]


# eval


@pytest.mark.newest
@pytest.mark.process
def test_evaluation_prints_one_json_line_on_stdout_and_the_report_on_stderr(evaluated):
    model_dir, done = evaluated
    result = json.loads(done.stdout)
    assert set(result) == {"accuracy", "loss", "global_step", "images", "checkpoint"}
    assert result["accuracy"] > 0.95
    assert (result["global_step"], result["images"]) == (120, 130)
    assert result["checkpoint"] == str(model_dir / "model.ckpt-120")
    log_lines = [line for line in done.stderr.splitlines() if line.startswith("INFO:")]
    assert done.stderr.startswith("\n".join(log_lines) + "\nclass ")
    assert not re.search("Calling model_fn|Graph was finalized|running local_init_op|checkpoint_path", done.stderr)
    rows = dict(re.findall(r"^(\d) +(\d+) +[\d.]+ +[\d.]+ +[\d.]+$", done.stderr, re.M))
    assert rows == {str(number): "13" for number in range(10)}


@pytest.mark.newest
@pytest.mark.process
def test_event_files_have_training_and_evaluation(evaluated):
    model_dir, _ = evaluated
    training, evaluation = scalars(model_dir), scalars(model_dir / "eval")
    assert set(training) == {"accuracy", "loss", "learning_rate", "global_step/sec"}
    assert {"accuracy", "loss"} <= set(evaluation)
    # Every 40 steps. TensorFlow's hook reads the step while it is being increased, so each may come one step early.
    steps = [step for step, _ in training["accuracy"]]
    assert [round(step / 40) for step in steps][:3] == [0, 1, 2]
    assert {step % 40 for step in steps} <= {0, 1}
    assert [value for _, value in training["learning_rate"]] == pytest.approx([0.005] * len(steps))
    assert {step for step, _ in evaluation["accuracy"]} == {120}


@pytest.mark.integration
def test_without_its_flag_nothing_is_plotted(model_dir):
    called("eval", f"--model_dir={model_dir}")
    assert not (model_dir / "plots").exists()
    # What cannot be written is an error before any work.
    (model_dir / "plots").write_text("a file")
    done = command("eval", f"--model_dir={model_dir}", "--plot")
    assert error_of(done).startswith(f"folder {model_dir}/plots cannot be written: ")
    assert "Restoring parameters" not in done.stderr


@pytest.mark.integration
def test_a_model_dir_without_a_checkpoint_or_of_another_recipe_is_an_error(tmp_path, trained):
    advice = "holds no checkpoint: train there first, or name another --model_dir"
    for folder in (tmp_path, tmp_path / "typo"):
        assert error_of(command("eval", f"--model_dir={folder}")) == f"model_dir {folder} {advice}"
    message = error_of(command("eval", f"--model_dir={trained}", "--recipe=fashion_cnn"))
    advice = "leave --recipe out, or name another --model_dir"
    assert message == f"model_dir {trained} holds recipe fashion_dense, not fashion_cnn: {advice}"


# curves and export


@pytest.mark.newest
@pytest.mark.process
def test_curves_of_several_model_dirs(tmp_path, evaluated):
    model_dir, _ = evaluated
    shutil.copytree(model_dir, tmp_path / "other", ignore=shutil.ignore_patterns("eval"))
    path = tmp_path / "curves.png"
    done = verb("curves", f"--model_dir={model_dir},{tmp_path}/other", f"--plot={path}")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{path}\n", "")
    assert Image.open(path).width > 1000
    missing = error_of(command("curves", f"--model_dir={model_dir},{tmp_path}/nowhere", f"--plot={path}"))
    assert missing.startswith(f"model_dir {tmp_path}/nowhere holds no event files")


# predict


@pytest.mark.integration
def test_the_photos_of_a_folder_are_predicted(trained, photos):
    done = called("predict", f"--model_dir={trained}", str(photos))
    head, *rows = [re.split(r"  +", line.strip()) for line in done.stdout.splitlines()]
    assert head == ["image", "class", "probability", "runners-up"]
    assert [row[0] for row in rows] == [f"{photos}/{label}.png" for label in range(10)]
    assert sum(row[1] == str(label) for label, row in enumerate(rows)) >= 8
    assert all(re.fullmatch(r"\d+\.\d%", row[2]) and row[-1] == "inverted" for row in rows)
    assert "inverted 10 of 10 files, which are dark on bright: --invert=no leaves them as they are" in done.stderr
    done = called("predict", f"--model_dir={trained}", f"{photos}/4.png", "--json", "--invert=no")
    assert json.loads(done.stdout)["inverted"] is False
    assert "inverted" not in done.stderr


@pytest.mark.newest
@pytest.mark.process
def test_a_list_on_stdin_and_test_images_are_predicted_as_json_lines(tmp_path, trained, photos):
    (tmp_path / "matplotlib.py").write_text("raise AssertionError('matplotlib was loaded')")  # which takes a while
    listed = "".join(f"{photos}/{label}.png\r\n\n" for label in (3, 1))
    flags = (f"--model_dir={trained}", "--json", f"{photos}/2.png", "--test_indices=5")
    done = verb("predict", "-", *flags, input=listed, environment={"PYTHONPATH": str(tmp_path)})
    assert done.returncode == 0, done.stderr
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert [record["image"] for record in records] == [
        *(f"{photos}/{label}.png" for label in (3, 1, 2)),
        "test image 5",
    ]
    for record in records:
        shares = record["probabilities"]
        assert set(shares) == set("0123456789")
        assert sum(shares.values()) == pytest.approx(1, abs=1e-5)
        assert record["probability"] == shares[record["class"]] == max(shares.values())
    assert [record["inverted"] for record in records] == [True, True, True, False]
    assert (records[3]["class"], records[3]["true_class"]) == ("5", "5")
    assert "true_class" not in records[0]
    assert all(re.match("INFO:", line) for line in done.stderr.splitlines()), done.stderr


@pytest.mark.integration
def test_a_photo_whose_background_is_not_plain_gets_a_note(trained, photos, tmp_path):
    photo = np.asarray(Image.open(photos / "4.png")).copy()
    photo[:, :200] //= 2
    paths = [tmp_path / f"{number}.png" for number in range(5)]
    for path in paths:
        Image.fromarray(photo).save(path)
    note = "the background of {} is not plain, and more than the object may be cut out: crop the image, "
    done = called("predict", f"--model_dir={trained}", f"{photos}/4.png", str(paths[0]))
    assert done.stderr.count(note.format(paths[0])) == 1
    done = called("predict", f"--model_dir={trained}", *map(str, paths))
    assert done.stderr.count(note.format(f"{paths[0]}, {paths[1]}, {paths[2]} and 2 more")) == 1
    done = called("predict", f"--model_dir={trained}", f"{photos}/4.png", "--test_indices=1")
    assert "not plain" not in done.stderr


@pytest.mark.integration
def test_a_bad_file_gets_an_error_line_and_the_other_files_are_predicted(trained, photos, tmp_path):
    (tmp_path / "text.png").write_text("hello")
    (tmp_path / "empty.jpg").touch()
    odd = os.fsdecode(os.fsencode(tmp_path) + b"/\xff\n.png")
    names = ["text.png", "empty.jpg", "missing.png"]
    done = command(
        "predict", *(str(tmp_path / name) for name in names), odd, f"{photos}/4.png", f"--model_dir={trained}", "--json"
    )
    assert done.returncode == 1
    assert [json.loads(line)["image"] for line in done.stdout.splitlines()] == [f"{photos}/4.png"]
    errors = [line.removeprefix("error: ") for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert errors[0].startswith(f"{tmp_path}/text.png: not an image in one of the formats")
    assert errors[1:] == [
        f"{tmp_path}/empty.jpg: not an image in one of the formats AVIF, BMP, GIF, JPEG, PNG, PPM, TIFF, WEBP",
        f"{tmp_path}/missing.png: no such file",
        f"'{tmp_path}/\\udcff\\n.png': no such file",
    ]


@pytest.mark.newest
@pytest.mark.integration
def test_many_images_go_through_one_session(monkeypatch, trained, photos, tmp_path):
    restored = []
    restore = ModelSession.restore
    monkeypatch.setattr(ModelSession, "restore", lambda *arguments: restored.append(restore(*arguments)))
    listed = "".join(f"{photos}/{number % 10}.png\n" for number in range(300))
    flags = (f"--model_dir={trained}", "-", "--json", f"--plot={tmp_path}/a.png")
    done = called("predict", *flags, input=listed)
    assert len(restored) == 1
    predicted = [json.loads(line)["class"] for line in done.stdout.splitlines()]
    assert len(predicted) == 300
    assert predicted == predicted[:10] * 30
    assert f"{tmp_path}/a.png shows the first 40 of 300 images" in done.stderr
    assert Image.open(tmp_path / "a.png").height > 1500
