"""The command line without TensorFlow: verbs, flags, --help, error lines, and what the library is called with."""

import dataclasses
import errno
import importlib.metadata
import logging
import os
import platform
import re
import runpy
import shlex
import signal
import sys
import traceback
from types import SimpleNamespace

import pytest
from absl import flags
from helpers import REPOSITORY, command, error_of

from cnn_estimator import cli, stopping
from cnn_estimator.cli import process
from cnn_estimator.cli.flags import TRAIN
from cnn_estimator.errors import Stopped, UserError
from cnn_estimator.recipes import MEASURED_ON, RECIPES
from cnn_estimator.settings import SETTING_OPTIONS, TRAIN_OPTIONS, Choice, Integer, Number, Path, Switch, Tensors

pytestmark = pytest.mark.unit

WITHOUT_TENSORFLOW = ("data.datasets", "data.pictures", "plots")  # modules that verbs load before TensorFlow


@pytest.fixture(autouse=True)
def without_tensorflow(monkeypatch):
    """A command fails when it loads a module that needs TensorFlow."""
    load = process.load

    def load_or_fail(module, *, tensorflow=False):
        assert module in WITHOUT_TENSORFLOW
        assert not tensorflow
        return load(module)

    monkeypatch.setattr(process, "load", load_or_fail)


def process_state():
    loggers = [logging.getLogger(name) for name in (None, "absl", "tensorflow", "cnn_estimator")]
    return (
        {name: flags.FLAGS[name].value for name in flags.FLAGS},
        (flags.FLAGS.is_parsed(), flags.FLAGS["verbosity"].default),
        (sys.argv, list(sys.argv), sys.stdin, sys.stdout, sys.stderr),
        (sys.modules["__main__"], sys.modules["__main__"].__doc__),
        [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)],
        [(logger.level, list(logger.handlers)) for logger in loggers],
        (stopping.requested(), os.getcwd()),
    )


def test_a_command_in_this_process_leaves_no_trace():
    command("samples", "--count=0")  # absl defines its flags for help once in a process
    before = process_state()
    for arguments in (["predict", "--verbosity=1", "-"], ["train", "--help"], ["train", "--steps=x"], ["x"]):
        assert command(*arguments, input="").returncode == 1
        assert command(*arguments[1:], "now", script="run_train.py").returncode == 1
        assert process_state() == before


# Verbs and help


def test_the_verbs_are_listed():
    listings = [command(*arguments) for arguments in ((), ("--help",), ("-h",))]
    assert {(done.returncode, done.stderr) for done in listings} == {(0, "")}
    (listing,) = {done.stdout for done in listings}
    assert re.findall(r"^  (\w+)  +\S", listing, re.M) == [*cli.VERBS, cli.RUN]
    help_text = command("run", "--help").stdout
    assert re.findall(r"\[--(\w+)=.*\[--(\w+)=.* SCRIPT.py \[ARGUMENTS\]$", help_text, re.M) == [("api", "tf_version")]
    assert re.findall(r"^  --(\w+) ", help_text, re.M) == ["api", "tf_version"]


@pytest.mark.parametrize(
    ("typo", "advice"),
    [("trian", "did you mean train?"), ("x", f"choose one of {', '.join(cli.VERBS)}, run")],
)
def test_a_mistyped_verb_gets_the_nearest(typo, advice):
    assert error_of(command(typo)) == f"verb {typo!r}: no such name, {advice}"


def listed_flags(done):
    return {*re.findall(r"^  --(?:\[no\])?(\w+)", done.stdout, re.M)}


@pytest.mark.parametrize("name", cli.VERBS)
def test_help_lists_the_flags_of_the_verb(name):
    done = command(name, "--help")
    assert done.stderr == ""
    assert done.stdout.startswith(f"python -m cnn_estimator {name}")
    declared = cli.VERBS[name].flags
    assert listed_flags(done) == {flag.name for flag in declared} | {flag.old_name for flag in declared} - {None}
    text = " ".join(done.stdout.split())
    for flag in declared:
        assert f"{flag.name}: {flag.help}" in text


@pytest.mark.parametrize("name", [*cli.VERBS, cli.RUN])
def test_help_ends_with_examples_whose_flags_exist(name):
    examples = command(name, "--help").stdout.partition("\nExamples:\n")[2].splitlines()
    declared = {flag.name: flag for flag in cli.VERBS[name].flags} if name in cli.VERBS else {}
    assert len(examples) in ((1,) if name in ("recipes", "doctor") else (2, 3))
    for example in examples:
        program, words = example.split(f"cnn_estimator {name}")
        assert program == "  python -m "
        given = [word for word in shlex.split(words) if word.startswith("--")]
        for word in given if declared else ():
            flag_name, _, text = word.removeprefix("--").partition("=")
            flag = declared[flag_name]
            if flag.rule and not isinstance(flag.rule, Switch):
                assert [flag.rule.read(value) for value in (text.split(",") if flag.several else [text])]


def test_the_help_of_a_script_has_the_examples_of_its_verb():
    assert command("--help", script="run_eval.py").stdout.endswith(
        "\nExamples:\n"
        "  python run_eval.py --model_dir=/tmp/fashion\n"
        "  python run_eval.py --model_dir=/tmp/validated --checkpoint=best --plot\n"
    )
    assert command("eval", "--helpxml").stdout.endswith("</AllFlags>\n")


def test_a_script_has_the_flags_of_its_verb():
    for script, verb in (("run_train.py", "train"), ("run_eval.py", "eval")):
        assert listed_flags(command("--help", script=script)) == listed_flags(command(verb, "--help"))


def test_the_installed_command_is_the_same(tmp_path):
    """What pip writes: a script that calls the entry point."""
    assert '"cnn-estimator=cnn_estimator.__main__:main"' in (REPOSITORY / "setup.py").read_text()
    script = tmp_path / "cnn-estimator"
    script.write_text("import sys\nfrom cnn_estimator.__main__ import main\nsys.exit(main())\n")
    assert command(script=str(script)).stdout.startswith("cnn-estimator VERB [flags]\n")
    done = command("eval", "--help", script=str(script))
    assert done.stdout.startswith("cnn-estimator eval [flags]\n\nEvaluates a checkpoint")
    del sys.modules["cnn_estimator.__main__"]  # python -m warns of it


# Mistakes


BAD_TEXTS = {Choice: "x", Integer: "1.5", Number: "nan", Path: "https://x", Tensors: "softmax"}


@pytest.mark.parametrize("verb", [name for name, verb in cli.VERBS.items() if verb.flags])
def test_every_flag_refuses_what_its_rule_refuses_with_the_text_of_the_rule(verb):
    for flag in cli.VERBS[verb].flags:
        rule = flag.rule
        if rule is None or isinstance(rule, Switch):
            continue
        text = BAD_TEXTS[type(rule)]
        with pytest.raises(ValueError, match=r".") as refusal:
            rule.read(text)
        done = command(verb, f"--{flag.name}={text}")
        expected = f"error: flag --{flag.name}={text}: {refusal.value}\n"
        assert (done.returncode, done.stdout, done.stderr) == (1, "", expected)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "--recipe=fashion_cmn"], "flag --recipe=fashion_cmn: no such name, did you mean fashion_cnn?"),
        (["train", "steps=5"], "unexpected argument 'steps=5': every option is a flag, --name=value"),
        (["predict", "--test_indices=0,-1"], "flag --test_indices=0,-1: not an integer from 0 to 1000000000"),
        (["predict"], "nothing to predict: name image files, folders, - for a list on stdin, or --test_indices=0"),
        (["explain"], "nothing to explain: name image files, folders, - for a list on stdin, or --test_indices=0"),
        (["export"], "no output is named: say what to write, --output=/tmp/fashion_model"),
    ],
    ids=" ".join,
)
def test_a_mistake_on_the_command_line_gets_one_line_at_once(arguments, message):
    done = command(*arguments)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"error: {message}\n")


def test_more_digits_than_python_reads_get_one_line():
    assert error_of(command("train", f"--steps={'9' * 5000}")).endswith(": not an integer from 1 to 1000000000")


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--stepz=5", "flag --stepz: no such flag, did you mean --steps?"),
        ("--qqq", "flag --qqq: no such flag, --help lists the flags"),
        ("--steps", "Missing value for flag --steps"),
    ],
)
def test_an_unknown_flag_gets_one_line(flag, message):
    done = command(flag, script="run_train.py")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"error: {message}\n")


def test_help_and_version_stand_before_the_verb():
    assert command("help", "eval").stdout == command("eval", "--help").stdout
    assert command("help").stdout == command("--help").stdout
    assert error_of(command("help", "trian")) == "verb 'trian': no such name, did you mean train?"
    versions = dict(version.split() for version in command("--version").stdout.split(", "))
    assert versions["tensorflow"] == importlib.metadata.version("tensorflow")
    assert versions["Python"] == platform.python_version()


def test_an_error_of_the_environment_gets_one_line_and_a_bug_does_not(monkeypatch):
    def fail_with(error):
        def fail():
            raise error

        monkeypatch.setitem(cli.VERBS, "samples", dataclasses.replace(cli.VERBS["samples"], main=fail))

    fail_with(OSError(errno.ENAMETOOLONG, "File name too long", "/tmp/a"))
    assert error_of(command("samples")) == "/tmp/a: File name too long"
    for error in (FileNotFoundError(errno.ENOENT, "No such file", "a"), OSError("x"), OSError(errno.EINVAL, "bad")):
        fail_with(error)
        with pytest.raises(OSError, match=re.escape(str(error))):
            command("samples")


def test_the_lines_on_tensorflows_internals_are_logged_at_verbosity_1_alone(monkeypatch):
    def log_lines():
        log = logging.getLogger("tensorflow")
        for line in ("Calling model_fn.", "Calling checkpoint listeners before saving checkpoint %d...", "loss = %d"):
            log.info(line, *([7] if "%" in line else []))
        log.debug("a detail")
        log.warning("Graph was finalized.")
        logging.getLogger("cnn_estimator").info("training")

    monkeypatch.setitem(cli.VERBS, "samples", dataclasses.replace(cli.VERBS["samples"], main=log_lines))
    shown = ["INFO:tensorflow:loss = 7", "WARNING:tensorflow:Graph was finalized.", "INFO:cnn_estimator:training"]
    assert command("samples").stderr.splitlines() == shown
    assert command("samples", "--verbosity=-1").stderr.splitlines() == shown[1:2]
    everything = command("samples", "--verbosity=1").stderr.splitlines()
    assert everything == [
        "INFO:tensorflow:Calling model_fn.",
        "INFO:tensorflow:Calling checkpoint listeners before saving checkpoint 7...",
        shown[0],
        "DEBUG:tensorflow:a detail",
        *shown[1:],
    ]


def test_errors_and_warnings_are_coloured_on_a_terminal_that_shows_colours(monkeypatch):
    def write_lines():
        log = logging.getLogger("cnn_estimator")
        log.info("training")
        log.warning("a WARNING")
        process.report("class  images")
        raise UserError("x")

    monkeypatch.setitem(cli.VERBS, "samples", dataclasses.replace(cli.VERBS["samples"], main=write_lines))
    lines = ["INFO:cnn_estimator:training", "WARNING:cnn_estimator:a WARNING", "class  images", "error: x"]
    assert command("samples").stderr.splitlines() == lines
    monkeypatch.setattr(process, "_shows_colours", lambda stream: True)
    lines[1] = f"\033[33mWARNING\033[0m{lines[1][7:]}"
    lines[3] = "\033[31merror:\033[0m x"
    assert command("samples").stderr.splitlines() == lines


@pytest.mark.parametrize(
    ("terminal", "environment", "colours"),
    [
        (True, {"TERM": "xterm"}, True),
        (True, {"TERM": "xterm", "NO_COLOR": ""}, True),
        (True, {"TERM": "xterm", "NO_COLOR": "0"}, False),
        (True, {"TERM": "dumb"}, False),
        (True, {}, False),
        (False, {"TERM": "xterm"}, False),
    ],
)
def test_colours_are_for_terminals_that_have_them(monkeypatch, terminal, environment, colours):
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert process._shows_colours(SimpleNamespace(isatty=lambda: terminal)) == colours


def test_an_empty_list_of_images_is_an_error():
    assert error_of(command("predict", "-", input="\n")) == "nothing to predict: the list on stdin is empty"


# train


class FakeTraining:
    """Replaces the module training.

    Attributes:
      options: the arguments of the last call of train().
      stack: the names of this package's functions that were active in the call.
    """

    def __init__(self, monkeypatch, *, stopped=None, **result):
        values = {"step": 3, "max_steps": 3, "steps": 3, "stopped_early": False} | result
        values = {"best": None, "best_checkpoint": None} | values
        checkpoint = f"/runs/a b/model.ckpt-{values['step']}"
        self._result = SimpleNamespace(model_dir="/runs/a b", checkpoint=checkpoint, **values)
        self._stopped = stopped
        monkeypatch.setattr(process, "load", lambda module, **options: {"training": self}[module])

    def train(self, model_dir, **options):
        self.options = {"model_dir": model_dir, **options}
        frames = traceback.extract_stack()[:-1]
        ours = (str(REPOSITORY / "cnn_estimator"), "run_train.py", str(REPOSITORY / "run_train.py"))
        self.stack = [frame.name for frame in frames if frame.filename.startswith(ours)]
        if self._stopped:
            raise Stopped(self._stopped, self._result)
        return self._result


def other_text(flag):
    """Returns a text for a flag that stands for another value than the flag's default."""
    rule = flag.rule
    if isinstance(rule, Choice):
        return next(name for name in rule.names if name != flag.default)
    if isinstance(rule, Integer):
        return str(rule.min + 1)
    if isinstance(rule, Number):
        return str(rule.max / 2)
    return {Switch: "true", Path: "/b", Tensors: "p=a b,q=c"}[type(rule)]


OTHER_TEXTS = {flag.name: other_text(flag) for flag in TRAIN}


def test_every_option_of_train_is_a_flag_and_reaches_the_library(monkeypatch):
    training = FakeTraining(monkeypatch)
    assert command("train").returncode == 0
    assert training.options == {flag.name: flag.default for flag in TRAIN}
    assert {*training.options} == {"model_dir", *TRAIN_OPTIONS, *SETTING_OPTIONS}
    command("train", *(f"--{name}={text}" for name, text in OTHER_TEXTS.items()))
    for flag in TRAIN:
        value = True if isinstance(flag.rule, Switch) else flag.rule.read(OTHER_TEXTS[flag.name])
        assert training.options[flag.name] == value != flag.default


def test_the_way_from_the_script_to_the_library_is_short(monkeypatch):
    training = FakeTraining(monkeypatch)
    command(script="run_train.py")
    assert training.stack == ["<module>", "run", "main", "train"]


def logged(done):
    assert (done.returncode, done.stdout) == (0, "")
    return [line.removeprefix("INFO:cnn_estimator:") for line in done.stderr.splitlines()]


def test_after_training_the_command_that_evaluates_is_named(monkeypatch):
    FakeTraining(monkeypatch)
    assert logged(command(script="run_train.py")) == ["evaluate it: python run_eval.py '--model_dir=/runs/a b'"]
    assert logged(command("train")) == ["evaluate it: python -m cnn_estimator eval '--model_dir=/runs/a b'"]


@pytest.mark.parametrize(
    ("steps", "stopped_early", "kept", "lines"),
    [
        (3, False, "best/2", ["{best}", "evaluate it: {evaluate} --checkpoint=best"]),
        (3, False, None, ["{best}", "evaluate it: {evaluate}"]),
        (
            3,
            True,
            "best/model.ckpt-2",
            ["stopped early at step 3: {best}", "evaluate it: {evaluate} --checkpoint=best"],
        ),
        (0, True, None, ["stopped early at step 3: {best}"]),
    ],
)
def test_after_evaluations_the_best_step_is_named(monkeypatch, steps, stopped_early, kept, lines):
    best = SimpleNamespace(step=2, accuracy=0.875)
    FakeTraining(monkeypatch, steps=steps, best=best, best_checkpoint=kept, stopped_early=stopped_early)
    texts = {
        "best": "step 2 is the best, with a validation accuracy of 0.8750",
        "evaluate": "python run_eval.py '--model_dir=/runs/a b'",
    }
    done = command("--keep_best", "--eval_every=1", "--validation=9", script="run_train.py")
    assert logged(done) == [line.format(**texts) for line in lines]


def test_a_training_without_steps_says_how_to_add_some(monkeypatch):
    FakeTraining(monkeypatch, step=9, max_steps=8, steps=0)
    assert logged(command("train")) == ["nothing to train: /runs/a b is at step 9 of 8. Add steps with --steps=N"]


def test_a_stopped_training_names_the_command_that_continues_it_with_every_flag(monkeypatch):
    training = FakeTraining(monkeypatch, max_steps=10, stopped=signal.SIGINT)
    texts = OTHER_TEXTS | {"max_steps": "10"}
    done = command("train", *(f"--{name}={text}" for name, text in texts.items()))
    assert (done.returncode, done.stdout) == (130, "")
    saved = "stopped by SIGINT: step 3 is saved as /runs/a b/model.ckpt-3. Continue: "
    assert done.stderr.startswith(saved)
    line = shlex.split(done.stderr.removeprefix(saved))
    assert line[:4] == ["python", "-m", "cnn_estimator", "train"]
    assert line[4:6] == ["--model_dir=/runs/a b", f"--recipe={OTHER_TEXTS['recipe']}"]
    assert line[-1] == "--max_steps=10"
    before = training.options
    command(*line[3:])
    assert training.options == before | {
        "model_dir": "/runs/a b",
        "steps": None,
        "epochs": None,
        "max_steps": 10,
        "fresh": False,
    }


def test_the_command_that_continues_a_training_has_no_flag_that_was_not_given(monkeypatch):
    FakeTraining(monkeypatch, max_steps=10, stopped=signal.SIGTERM)
    for given in ("--steps=9", "--epochs=9"):
        next_command = command(given, "--fresh", script="run_train.py").stderr.partition("Continue: ")[2]
        assert next_command == "python run_train.py '--model_dir=/runs/a b' --recipe=fashion_cnn --max_steps=10\n"


@pytest.mark.parametrize(
    ("result", "line"),
    [
        ({}, "step 3 is saved as /runs/a b/model.ckpt-3, the last"),
        ({"max_steps": 10, "stopped_early": True}, "step 3 is saved as /runs/a b/model.ckpt-3, the last"),
        ({"step": 0, "steps": 0}, "nothing was trained"),
    ],
)
def test_a_stopped_training_that_nothing_continues(monkeypatch, result, line):
    FakeTraining(monkeypatch, stopped=signal.SIGTERM, **result)
    done = command("train")
    assert (done.returncode, done.stdout, done.stderr) == (143, "", f"stopped by SIGTERM: {line}\n")


def test_the_flag_file_of_the_manual_has_the_flags_that_its_page_explains(monkeypatch, tmp_path):
    page = (REPOSITORY / "docs" / "train.md").read_text(encoding="utf-8")
    section = page.partition("## Keep the flags in a file")[2]
    (content,) = re.findall(r"^```\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)[:1]
    (line,) = re.findall(r"^\$ python run_train.py (--flagfile=my.flags .*)$", section, re.MULTILINE)
    (tmp_path / "my.flags").write_text(content)
    training = FakeTraining(monkeypatch, max_steps=10, stopped=signal.SIGTERM)
    done = command(*line.replace("my.flags", f"{tmp_path}/my.flags").split(), script="run_train.py")
    chosen = {"recipe": "fashion_fast", "batch_size": 128, "validation": 5000, "eval_every": 250, "keep_best": True}
    assert training.options == {flag.name: flag.default for flag in TRAIN} | chosen | {"model_dir": "/tmp/b", "seed": 2}
    # The command that continues the training needs no file.
    assert "flagfile" not in done.stderr
    assert "--batch_size=128" in done.stderr
    (tmp_path / "my.flags").write_text("--batch_size=128\n--stepz=9\n")
    message = error_of(command("train", f"--flagfile={tmp_path}/my.flags"))
    assert message == "flag --stepz: no such flag, did you mean --steps?"
    assert error_of(command("train", "--flagfile=/nowhere")).startswith("Unable to open flagfile: ")


# The other verbs


def test_the_recipes_are_listed_with_their_figures():
    done = command("recipes")
    table, _, hardware = done.stdout.partition("\n\n")
    head, *rows = [re.split(r"  +", line) for line in table.splitlines()]
    assert head == ["recipe", "dataset", "network", "parameters", "steps", "accuracy", "minutes"]
    assert [row[0] for row in rows] == list(RECIPES)
    expected = ["fashion_cnn", "fashion_mnist", "three_conv_dropout", "1,447,946", "1500", "0.8968 to 0.8981", "2.3"]
    assert rows[0] == expected
    assert hardware == f"Accuracy and minutes: on {MEASURED_ON}.\n"


@pytest.mark.parametrize("name", cli.VERBS)
def test_every_verb_that_is_stopped_says_what_was_not_done(monkeypatch, name):
    def stop():
        raise Stopped(signal.SIGTERM)

    monkeypatch.setitem(cli.VERBS, name, dataclasses.replace(cli.VERBS[name], main=stop))
    done = command(name)
    line = f"stopped by SIGTERM: {cli.VERBS[name].nothing_done}\n"
    assert (done.returncode, done.stdout, done.stderr) == (143, "", line)


@pytest.mark.parametrize(
    ("verb", "function", "given", "options"),
    [
        (
            "eval",
            "evaluate",
            ["--batch_size=4", "--plot", "--precision=auto"],
            {"batch_size": 4, "plot": True, "precision": "auto"},
        ),
        ("eval", "evaluate", ["--figures"], {"batch_size": 500, "plot": True, "precision": "float32"}),
        (
            "predict",
            "predict",
            ["--test_indices=3,0", "--invert=no", "--precision=bfloat16", "a.png"],
            {"paths": ["a.png"], "test_indices": [3, 0], "invert": "no", "precision": "bfloat16"},
        ),
        (
            "explain",
            "explain_images",
            ["--test_indices=3,0", "--method=grad_cam", "--class_name=Bag", "--precision=bfloat16", "a.png"],
            {
                "paths": ["a.png"],
                "test_indices": [3, 0],
                "invert": "auto",
                "precision": "bfloat16",
                "method": "grad_cam",
                "class_name": "Bag",
            },
        ),
        ("export", "export", ["--format=onnx", "--output=b"], {"format": "onnx", "output": "b"}),
    ],
)
def test_what_uses_a_model_is_called_with_the_flags(monkeypatch, verb, function, given, options):
    calls = []
    load = process.load

    def record(**options):
        calls.append(options)
        raise Stopped(signal.SIGTERM)

    def fake_load(module, **options):
        return load(module) if module == "data.pictures" else SimpleNamespace(**{function: record})

    monkeypatch.setattr(process, "load", fake_load)
    model = {"checkpoint": "7", "recipe": "mnist_cnn", "data_dir": "/b"}
    arguments = ["--model_dir=/a", *(f"--{name}={value}" for name, value in model.items()), *given]
    assert command(verb, *arguments).returncode == 143
    assert calls == [{"model_dir": "/a"} | model | options]


def test_reproduce_is_called_with_the_flags_and_names_the_command_that_continues_it(monkeypatch):
    calls = []

    def record(**options):
        calls.append(options)
        raise Stopped(signal.SIGTERM, SimpleNamespace(root=options["root"], runs=("a run",)))

    monkeypatch.setattr(process, "load", lambda name, **options: SimpleNamespace(reproduce=record))
    done = command("reproduce")
    assert (done.returncode, done.stdout) == (143, "")
    assert done.stderr == (
        "stopped by SIGTERM: finished runs in /tmp/reproduce: 1. "
        "Continue: python -m cnn_estimator reproduce --root=/tmp/reproduce\n"
    )
    given = ["--recipes=mnist_cnn,fashion_cnn", "--seeds=4,0", "--scale=0.5"]
    done = command("reproduce", "--root=/a", *given, "--precision=auto", "--data_dir=/b")
    assert shlex.split(done.stderr.partition("Continue: ")[2])[3:] == ["reproduce", "--root=/a", *given]
    defaults = {"root": "/tmp/reproduce", "recipes": None, "seeds": [1, 2, 3], "scale": 1.0}
    chosen = {"root": "/a", "recipes": ["mnist_cnn", "fashion_cnn"], "seeds": [4, 0], "scale": 0.5}
    assert calls == [
        defaults | {"precision": None, "data_dir": None},
        chosen | {"precision": "auto", "data_dir": "/b"},
    ]


def test_samples_are_the_first_images_with_their_names(monkeypatch, data_dir):
    from cnn_estimator import plots

    plotted = []
    monkeypatch.setattr(plots, "samples", lambda images, names, title: plotted.append((images, names, title)))
    monkeypatch.setattr(plots, "save", lambda figure, path: plotted.append(path))
    done = command("samples", f"--data_dir={data_dir}", "--count=4", "--figure=b.png")
    assert (done.returncode, done.stdout, done.stderr) == (0, "b.png\n", "")
    (images, names, title), path = plotted
    assert (len(images), images[3].argmax() // 28, names) == (4, 10, ["0", "1", "2", "3"])
    assert title == f"{data_dir}: the first 4 of 300 training images"
    assert path == "b.png"


def test_the_page_of_all_flags_is_made_from_the_declarations():
    made = runpy.run_path(str(REPOSITORY / "docs" / "flags_page.py"))["page"]()
    committed = (REPOSITORY / "docs" / "flags.md").read_text()
    assert committed == made, "make it again: python docs/flags_page.py > docs/flags.md"
