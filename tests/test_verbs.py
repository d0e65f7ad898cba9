"""The verbs as processes: python -m cnn_estimator VERB."""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request

import numpy as np
import pytest
from conftest import error_of, run, started, train, users_environment, variables, wait_for
from PIL import Image

from cnn_estimator import datasets, verbs

NAMES = ("train", "eval", "predict", "samples", "curves", "export", "doctor")


def verb(name, *arguments, **options):
    return run("-m", "cnn_estimator", name, *arguments, **options)


@pytest.fixture(scope="module")
def trained(tmp_path_factory, data_dir):
    """A model_dir of fashion_dense that knows ten_bars, evaluated with its figures, and the evaluation's process."""
    model_dir = tmp_path_factory.mktemp("runs") / "dense"
    flags = ("--recipe=fashion_dense", "--steps=120", "--learning_rate=0.005", "--seed=1")
    assert train(model_dir, data_dir, *flags).returncode == 0
    done = verb("eval", f"--model_dir={model_dir}", "--figures")
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


def test_the_verbs_are_listed_without_loading_anything_that_takes_time(tmp_path):
    for name in ("tensorflow", "numpy", "matplotlib", "PIL", "pooch", "tabulate"):
        (tmp_path / f"{name}.py").write_text(f"raise AssertionError('{name} was loaded')")
    environment = {"PYTHONPATH": str(tmp_path)}
    listings = set()
    for arguments in ((), ("--help",), ("-h",)):
        done = run("-m", "cnn_estimator", *arguments, environment=environment)
        assert (done.returncode, done.stderr) == (0, "")
        listings.add(done.stdout)
    (listing,) = listings
    assert tuple(re.findall(r"^  (\w+)  +\S", listing, re.M)) == NAMES == tuple(verbs.VERBS)


@pytest.mark.parametrize(
    ("typo", "advice"),
    [("trian", "did you mean train?"), ("exprot", "did you mean export?"), ("x", f"choose one of {', '.join(NAMES)}")],
)
def test_a_mistyped_verb_gets_the_nearest(typo, advice):
    assert error_of(verb(typo)) == f"verb {typo!r}: no such name, {advice}"


@pytest.mark.parametrize("name", NAMES)
def test_every_verb_tells_its_flags_without_tensorflow(tmp_path, name):
    (tmp_path / "tensorflow.py").write_text("raise AssertionError('TensorFlow was loaded')")
    done = verb(name, "--help", environment={"PYTHONPATH": str(tmp_path)})
    assert done.stderr == ""
    assert done.stdout.startswith(f"python -m cnn_estimator {name}")
    assert ("--model_dir" in done.stdout) == (name not in ("samples", "doctor"))
    assert ("--steps" in done.stdout) == (name == "train")


def test_the_installed_command_is_the_same(tmp_path):
    """What pip writes: a script that calls the entry point."""
    setup = pathlib.Path(verbs.__file__).parent.parent / "setup.py"
    assert '"cnn-estimator=cnn_estimator.verbs:main"' in setup.read_text()
    (tmp_path / "cnn-estimator").write_text("import sys\nfrom cnn_estimator.verbs import main\nsys.exit(main())\n")
    script = str(tmp_path / "cnn-estimator")
    here = {"PYTHONPATH": str(setup.parent)}
    assert run(script, environment=here).stdout.startswith("cnn-estimator VERB [flags]\n\n  train ")
    done = run(script, "eval", "--help", environment=here)
    assert done.stdout.startswith("cnn-estimator eval [flags]\n\nEvaluates a checkpoint")
    assert "--checkpoint" in done.stdout


@pytest.mark.slow
def test_train_and_eval_are_what_the_scripts_are(tmp_path, data_dir):
    flags = ("--recipe=fashion_dense", "--steps=5", "--seed=1")
    assert train(tmp_path / "script", data_dir, *flags).returncode == 0
    done = verb("train", f"--model_dir={tmp_path}/verb", f"--data_dir={data_dir}", *flags)
    assert done.returncode == 0, done.stderr
    assert f"evaluate it: python -m cnn_estimator eval --model_dir={tmp_path}/verb" in done.stderr
    assert variables(tmp_path / "script") == variables(tmp_path / "verb")
    done = verb("eval", f"--model_dir={tmp_path}/verb", "--checkpoint=5")
    assert json.loads(done.stdout)["global_step"] == 5


# eval


def test_the_report_is_on_stderr_and_the_result_on_stdout(trained):
    _, done = trained
    result = json.loads(done.stdout)
    assert set(result) == {"accuracy", "loss", "global_step", "images", "checkpoint"}
    rows = dict(re.findall(r"^(\d) +(\d+) +[\d.]+ +[\d.]+ +[\d.]+$", done.stderr, re.M))
    assert rows == {str(number): "13" for number in range(10)}


def test_figures_are_written_where_they_are_promised(trained):
    model_dir, done = trained
    assert json.loads(done.stdout)["accuracy"] == 1  # so that there are no mistakes to draw
    names = ["confusion_matrix.png", "test_images.png"]
    assert sorted(os.listdir(model_dir / "figures")) == names
    for name in names:
        assert f"{model_dir}/figures/{name}" in done.stderr
        image = Image.open(model_dir / "figures" / name)
        assert image.width > 800
        assert len(set(image.convert("L").tobytes())) > 100


def test_without_the_flag_nothing_is_drawn(tmp_path, trained):
    model_dir = shutil.copytree(trained[0], tmp_path / "run", ignore=shutil.ignore_patterns("figures", "eval"))
    assert verb("eval", f"--model_dir={model_dir}").returncode == 0
    assert not (model_dir / "figures").exists()
    # What was asked for and cannot be had is an error before any work.
    (model_dir / "figures").write_text("a file")
    message = error_of(verb("eval", f"--model_dir={model_dir}", "--figures"))
    assert message.startswith(f"folder {model_dir}/figures cannot be written: ")


def test_tensorboard_shows_runs_scalars_and_images(trained):
    """Asked over HTTP, as its page in a browser asks."""
    model_dir, _ = trained
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(model_dir), "--port=0", "--host=127.0.0.1"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=users_environment()) as tensorboard:
        try:
            address = next(found[1] for line in tensorboard.stderr if (found := re.search(r"(http://\S+?)/? ", line)))

            def ask(path):
                with urllib.request.urlopen(f"{address}/data/{path}", timeout=60) as answer:
                    return answer.read()

            def ask_until(path, complete):
                deadline = time.monotonic() + 60
                while not complete(answer := json.loads(ask(path))):
                    assert time.monotonic() < deadline, answer
                    time.sleep(0.2)
                return answer

            pictures = {"confusion_matrix", "test_images"}
            images = ask_until("plugin/images/tags", lambda tags: pictures <= set(tags.get("eval", ())))
            scalars = ask_until("plugin/scalars/tags", lambda tags: {".", "eval"} <= set(tags))
            assert sorted(json.loads(ask("runs"))) == [".", "eval"]
            assert {"accuracy", "loss", "learning_rate"} <= set(scalars["."])
            assert {"accuracy", "loss"} <= set(scalars["eval"])
            assert "." not in images
            for name in pictures:
                (shown,) = json.loads(ask(f"plugin/images/images?tag={name}&run=eval&sample=0"))
                assert shown["step"] == 120
                content = ask(f"plugin/images/individualImage?{shown['query']}")
                assert content == (model_dir / "figures" / f"{name}.png").read_bytes()
        finally:
            tensorboard.kill()


# samples and curves


def test_samples_are_drawn_without_tensorflow(tmp_path, data_dir):
    (tmp_path / "tensorflow.py").write_text("raise AssertionError('TensorFlow was loaded')")
    path = tmp_path / "new" / "samples.png"
    done = verb(
        "samples", f"--data_dir={data_dir}", "--count=7", f"--figure={path}", environment={"PYTHONPATH": str(tmp_path)}
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{path}\n", "")
    assert Image.open(path).format == "PNG"


def test_samples_are_the_first_images_with_their_names(tmp_path, data_dir):
    """What the verb hands over to be drawn."""
    code = (
        "from cnn_estimator import figures, verbs\n"
        "figures.samples = lambda images, names, title: print(len(images), images[3].argmax() // 28, names, title)\n"
        "figures.save = lambda figure, path: None\n"
        "verbs.main()"
    )
    done = run("-c", code, "samples", f"--data_dir={data_dir}", "--count=4")
    title = f"{data_dir}: the first 4 of 300 training images"
    assert done.stdout == f"4 10 ['0', '1', '2', '3'] {title}\nsamples.png\n"


def test_curves_of_several_model_dirs(tmp_path, trained):
    model_dir, _ = trained
    shutil.copytree(model_dir, tmp_path / "other", ignore=shutil.ignore_patterns("eval"))
    path = tmp_path / "curves.png"
    done = verb("curves", f"--model_dir={model_dir},{tmp_path}/other", f"--figure={path}")
    assert (done.returncode, done.stdout) == (0, f"{path}\n")
    assert done.stderr == ""
    assert Image.open(path).width > 1000
    missing = error_of(verb("curves", f"--model_dir={model_dir},{tmp_path}/nowhere", f"--figure={path}"))
    assert missing.startswith(f"model_dir {tmp_path}/nowhere holds no event files")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["samples", "--count=0"], "flag --count=0: not a whole number from 1 to 400"),
        (["samples", "--figure=a.jpg"], "flag --figure=a.jpg: pictures are PNG files, name it NAME.png"),
        (["samples", "--recipe=mnist"], "recipe 'mnist': no such name, did you mean mnist_cnn?"),
        (["curves", "--model_dir=a,setup.py"], "flag --model_dir=a,setup.py: a file, name a folder"),
        (["predict"], "nothing to predict: name image files, folders, - for a list on stdin, or --test_index=0"),
        (["predict", "--test_index=0,x"], "flag --test_index=0,x: not a whole number from 0 to 60000"),
        (["predict", "--invert=maybe"], "flag --invert=maybe: no such name, choose one of yes, no, auto"),
        (["export", "--format=onxx"], "flag --format=onxx: no such name, did you mean onnx?"),
        (["export"], "--output is missing: name what to write, --output=/tmp/fashion_model"),
        (["eval", "now"], "unexpected argument 'now': every option is a flag, --name=value"),
    ],
    ids=" ".join,
)
def test_a_mistake_gets_one_line_without_tensorflow(tmp_path, arguments, message):
    (tmp_path / "tensorflow.py").write_text("raise AssertionError('TensorFlow was loaded')")
    done = verb(*arguments, environment={"PYTHONPATH": str(tmp_path)})
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"error: {message}\n")


# export


def test_an_export_prints_what_was_compared(trained, tmp_path):
    model_dir, _ = trained
    done = verb("export", f"--model_dir={model_dir}", f"--output={tmp_path}/saved")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result.pop("largest_difference") < 1e-6
    assert result == {
        "format": "saved_model",
        "output": f"{tmp_path}/saved",
        "images": 130,
        "global_step": 120,
        "checkpoint": f"{model_dir}/model.ckpt-120",
    }
    assert error_of(verb("export", f"--model_dir={model_dir}", f"--output={tmp_path}/saved")).startswith(
        f"output {tmp_path}/saved is there already"
    )


# predict


def classes(done):
    return [json.loads(line)["class"] for line in done.stdout.splitlines()]


def test_a_folder_of_photos_is_answered(trained, photos):
    model_dir, _ = trained
    done = verb("predict", f"--model_dir={model_dir}", str(photos))
    assert done.returncode == 0, done.stderr
    head, *rows = [re.split(r"  +", line.strip()) for line in done.stdout.splitlines()]
    assert head == ["image", "class", "probability", "runners-up"]
    assert [row[0] for row in rows] == [f"{photos}/{label}.png" for label in range(10)]
    assert sum(row[1] == str(label) for label, row in enumerate(rows)) >= 8
    assert all(re.fullmatch(r"\d+\.\d%", row[2]) and row[-1] == "inverted" for row in rows)
    assert "10 of 10 files were inverted, being dark on bright: --invert=no leaves them" in done.stderr


def test_json_lines_from_a_list_on_stdin_with_flags_behind_names(trained, photos):
    model_dir, _ = trained
    listed = "".join(f"{photos}/{label}.png\n" for label in (3, 1))
    done = verb("predict", "-", f"--model_dir={model_dir}", "--json", f"{photos}/2.png", "--test_index=5", input=listed)
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


def test_what_cannot_be_answered_gets_a_line_and_the_others_their_answers(trained, photos, tmp_path):
    model_dir, _ = trained
    (tmp_path / "text.png").write_text("hello")
    (tmp_path / "empty.jpg").touch()
    odd = os.fsdecode(os.fsencode(tmp_path) + b"/\xff\n.png")
    names = ["text.png", "empty.jpg", "missing.png"]
    done = verb(
        "predict", *(str(tmp_path / name) for name in names), odd, f"{photos}/4.png", f"--model_dir={model_dir}",
        "--json",
    )  # fmt: skip
    assert done.returncode == 1
    assert [json.loads(line)["image"] for line in done.stdout.splitlines()] == [f"{photos}/4.png"]
    errors = [line.removeprefix("error: ") for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert errors[0].startswith(f"{tmp_path}/text.png: no image in one of the formats")
    assert errors[1:] == [
        f"{tmp_path}/empty.jpg: an empty file",
        f"{tmp_path}/missing.png: no such file",
        f"'{tmp_path}/\\udcff\\n.png': no such file",
    ]
    assert "Traceback" not in done.stderr


def test_invert_no_is_obeyed(trained, photos):
    model_dir, _ = trained
    done = verb("predict", f"--model_dir={model_dir}", f"{photos}/4.png", "--json", "--invert=no")
    assert json.loads(done.stdout)["inverted"] is False
    assert "inverted" not in done.stderr


def test_a_thousand_images_go_through_one_session(trained, photos, tmp_path):
    model_dir, _ = trained
    listed = "".join(f"{photos}/{number % 10}.png\n" for number in range(1000))
    done = verb("predict", f"--model_dir={model_dir}", "-", "--json", f"--figure={tmp_path}/a.png", input=listed)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("Restoring parameters") == 1
    answers = classes(done)
    assert len(answers) == 1000
    assert answers == answers[:10] * 100
    assert f"{tmp_path}/a.png shows the first 40 of 1000 images" in done.stderr
    assert Image.open(tmp_path / "a.png").height > 1500


def test_a_test_image_that_there_is_not(trained):
    model_dir, _ = trained
    message = error_of(verb("predict", f"--model_dir={model_dir}", "--test_index=130"))
    assert message == "--test_index=130: the test set has images 0 to 129"


def test_a_reader_that_has_had_enough_is_no_failure_to_report(trained, photos):
    model_dir, _ = trained
    listed = "".join(f"{photos}/{number % 10}.png\n" for number in range(400))
    command = [sys.executable, "-m", "cnn_estimator", "predict", f"--model_dir={model_dir}", "-", "--json"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=users_environment()
    ) as process:
        process.stdin.write(listed.encode())
        process.stdin.close()
        process.stdout.readline()
        process.stdout.close()
        said = process.stderr.read().decode()
        assert process.wait() == 141
    assert "Traceback" not in said
    assert "BrokenPipe" not in said


def test_the_list_of_verbs_may_be_cut_off():
    """As by `| head -1`, when it is through before the list is written."""
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run([sys.executable, "-m", "cnn_estimator"], stdout=write, stderr=subprocess.PIPE, check=False)
    os.close(write)
    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_wait_for_a_list(number):
    command = [sys.executable, "-m", "cnn_estimator", "predict", "-"]
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with subprocess.Popen(command, **pipes, text=True, env=users_environment()) as process:
        process.stdin.write("one.png\n")
        process.stdin.flush()
        time.sleep(3)
        process.send_signal(number)
        assert process.wait(timeout=10) == 128 + number
        assert process.stderr.read() == f"stopped by {signal.Signals(number).name}: nothing was predicted\n"


def test_names_in_a_list_may_have_any_character_but_a_line_feed(trained, photos):
    model_dir, _ = trained
    odd = ["form\x0cfeed.png", "line\u2028separator.png", "space at the end .png"]
    for name in odd:
        shutil.copy(photos / "1.png", photos / name)
    listed = "".join(f"{photos}/{name}\r\n\n" for name in odd)
    done = verb("predict", f"--model_dir={model_dir}", "-", "--json", input=listed)
    assert done.returncode == 0, done.stderr
    assert [json.loads(line)["image"] for line in done.stdout.splitlines()] == [f"{photos}/{name}" for name in odd]


def test_nothing_to_predict_is_an_error(tmp_path):
    (tmp_path / "tensorflow.py").write_text("raise AssertionError('TensorFlow was loaded')")
    environment = {"PYTHONPATH": str(tmp_path)}
    done = verb("predict", "-", input="\n", environment=environment)
    assert error_of(done) == "nothing to predict: the list on stdin is empty"
    done = run("-c", "import sys; sys.stdin = None; from cnn_estimator import verbs; verbs.main()", "predict", "-")
    assert error_of(done) == "-: stdin is closed, so that there is no list on it"


def test_a_stdout_that_lacks_characters(trained):
    done = verb("predict", "--help", environment={"PYTHONIOENCODING": "ascii"})
    assert "Traceback" not in done.stderr
    assert done.stdout.startswith("python -m cnn_estimator predict [flags] IMAGE\\u2026")


def test_a_signal_stops_predictions(trained, photos, tmp_path):
    model_dir, _ = trained
    (tmp_path / "list").write_text(f"{photos}/1.png\n" * 100_000)
    code = "import sys; sys.stdin = open(sys.argv.pop()); from cnn_estimator import verbs; verbs.main()"
    with started("-c", code, "predict", f"--model_dir={model_dir}", "-", str(tmp_path / "list")) as (process, stderr):
        wait_for("Restoring parameters", process, stderr)
        process.terminate()
        assert process.wait(timeout=60) == 143
        assert stderr.read_text().splitlines()[-1] == "stopped by SIGTERM: nothing was predicted"
        assert process.stdout.read() == ""
