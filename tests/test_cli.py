"""The command line without TensorFlow: verbs, flags, --help and error lines."""

import dataclasses
import errno
import logging
import math
import os
import re
import shlex
import signal
import sys
import tempfile
from types import SimpleNamespace

import pytest
from absl import flags
from helpers import REPOSITORY, command, error_of

from cnn_estimator import cli, environment, stopping
from cnn_estimator.cli import process
from cnn_estimator.errors import Stopped
from cnn_estimator.settings import HELP, HYPERPARAMETERS, RULES, Choice, Integer, make_settings

pytestmark = pytest.mark.unit

NAMES = ("train", "eval", "predict", "samples", "curves", "export", "reproduce", "doctor")
WITHOUT_TENSORFLOW = ("datasets", "plots", "preprocessing")  # what verbs load before they need TensorFlow, or instead


@pytest.fixture(autouse=True)
def without_tensorflow(monkeypatch):
    """A command fails when it loads a module that needs TensorFlow."""
    load = process.load

    def load_or_fail(module, *, tensorflow=False):
        assert module in WITHOUT_TENSORFLOW
        assert not tensorflow
        return load(module)

    monkeypatch.setattr(process, "load", load_or_fail)


def state_of_the_process():
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
    before = state_of_the_process()
    for arguments in (["predict", "--verbosity=1", "-"], ["train", "--help"], ["train", "--steps=x"], ["x"]):
        assert command(*arguments, input="").returncode == 1
        assert command(*arguments[1:], "now", script="run_train.py").returncode == 1
        assert state_of_the_process() == before


# The verbs


def test_the_verbs_are_listed():
    listings = [command(*arguments) for arguments in ((), ("--help",), ("-h",))]
    assert command("run", "--help").stdout.splitlines()[0].endswith(" run SCRIPT.py [ARGUMENTS]")
    assert {(done.returncode, done.stderr) for done in listings} == {(0, "")}
    (listing,) = {done.stdout for done in listings}
    assert tuple(re.findall(r"^  (\w+)  +\S", listing, re.M)) == (*NAMES, "run") == (*cli.VERBS, cli.RUN)


@pytest.mark.parametrize(
    ("typo", "advice"),
    [
        ("trian", "did you mean train?"),
        ("exprot", "did you mean export?"),
        ("x", f"choose one of {', '.join(NAMES)}, run"),
    ],
)
def test_a_mistyped_verb_gets_the_nearest(typo, advice):
    assert error_of(command(typo)) == f"verb {typo!r}: no such name, {advice}"


@pytest.mark.parametrize("name", NAMES)
def test_every_verb_lists_its_flags(name):
    done = command(name, "--help")
    assert done.stderr == ""
    assert done.stdout.startswith(f"python -m cnn_estimator {name}")
    assert ("--model_dir" in done.stdout) == (name not in ("samples", "reproduce", "doctor"))
    assert ("--steps" in done.stdout) == (name == "train")
    assert ("--figure:" in done.stdout) == (name in ("predict", "samples", "curves"))


@pytest.mark.parametrize(
    ("script", "own", "others"),
    [
        ("run_train.py", ["model_dir", "steps", "recipe", "keep_checkpoints", "fresh"], []),
        ("run_eval.py", ["model_dir", "data_dir", "recipe", "batch_size", "checkpoint"], ["steps", "optimizer"]),
    ],
)
def test_help_lists_the_flags_of_a_script(script, own, others):
    done = command("--help", script=script)
    listed = re.findall(r"^  --(?:\[no\])?(\w+)", done.stdout, re.M)
    assert set(own) <= set(listed)
    assert not set(others) & set(listed)
    assert done.stderr == ""


def test_the_installed_command_is_the_same(tmp_path):
    """What pip writes: a script that calls the entry point."""
    assert '"cnn-estimator=cnn_estimator.__main__:main"' in (REPOSITORY / "setup.py").read_text()
    script = tmp_path / "cnn-estimator"
    script.write_text("import sys\nfrom cnn_estimator.__main__ import main\nsys.exit(main())\n")
    assert command(script=str(script)).stdout.startswith("cnn-estimator VERB [flags]\n")
    done = command("eval", "--help", script=str(script))
    assert done.stdout.startswith("cnn-estimator eval [flags]\n\nEvaluates a checkpoint")
    assert "--checkpoint" in done.stdout
    del sys.modules["cnn_estimator.__main__"]  # python -m warns of it


# Mistakes in the flags

INTEGER_BOUNDS = {
    "steps": 10**9,
    "max_steps": 10**9,
    "log_every": 10**9,
    "save_every": 10**9,
    "keep_checkpoints": 10**6,
    "batch_size": 60_000,
    "threads": 1024,
    "devices": 64,
    "cluster_timeout": 86400,
}
LOG_TENSORS = "--log_tensors=softmax is not LABEL=TENSOR: try probabilities=softmax_tensor"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--recipe=fashion_cmn"], "flag --recipe=fashion_cmn: no such name, did you mean fashion_cnn?"),
        (["--optimizer=adan"], "flag --optimizer=adan: no such name, did you mean adam?"),
        (["--steps=5", "--max_steps=9"], "--steps=5 and --max_steps=9 exclude each other: give one"),
        (["--log_tensors=softmax"], LOG_TENSORS),
        *(
            (
                [f"--log_tensors={label}=x"],
                f"--log_tensors={label}=x: the line has a {label!r} already, choose another label",
            )
            for label in ("accuracy", "loss", "step")
        ),
        (["--log_tensors=a=x,a=y"], "--log_tensors=a=y: the line has a 'a' already, choose another label"),
        (["steps=5"], "unexpected argument 'steps=5': every option is a flag, --name=value"),
        (["--model_dir=\udcff"], "flag --model_dir=\\udcff: not UTF-8, which TensorFlow needs"),
        (["--model_dir="], "flag --model_dir=: not a path"),
        (["--model_dir=setup.py"], "flag --model_dir=setup.py: a file, name a folder"),
        (["--data_dir=setup.py"], "flag --data_dir=setup.py: a file, name a folder"),
        (["--seed=-1"], "flag --seed=-1: -1 is not an integer in the range [0, 2147483647]"),
        (["--seed=2147483648"], "flag --seed=2147483648: 2147483648 is not an integer in the range [0, 2147483647]"),
        *(
            ([f"--{name}={value}"], f"flag --{name}={value}: {value} is not an integer in the range [1, {bound}]")
            for name, bound in INTEGER_BOUNDS.items()
            for value in ("0", "-1", str(bound + 1), "9" * 4000)
        ),
        *(
            ([f"--{name}={value}"], f"flag --{name}={value}: cannot be read as an integer")
            for name in INTEGER_BOUNDS
            for value in ("nan", "inf", "1.5", "", "x")
        ),
        *(
            (
                [f"--learning_rate={value}"],
                f"flag --learning_rate={value}: {float(value)} is not a number in the range [1.2e-38, 3.4e+38]",
            )
            for value in ("0", "-1", "inf", "-inf", "nan", "1e39", "1e-46", "1e400")
        ),
        (["--learning_rate=fast"], "flag --learning_rate=fast: cannot be read as a number"),
    ],
    ids=lambda value: None if isinstance(value, str) else " ".join(value)[:40],
)
def test_a_mistake_in_the_flags_gets_one_line_at_once(arguments, message):
    done = command(*arguments, script="run_train.py")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"error: {message}\n")


@pytest.mark.parametrize("name", INTEGER_BOUNDS)
def test_more_digits_than_python_reads_get_one_line_too(name):
    value = "9" * 5000
    done = command(f"--{name}={value}", script="run_train.py")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert done.stderr.startswith(f"error: flag --{name}={value}: ")


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--model_dir=setup.py", "flag --model_dir=setup.py: a file, name a folder"),
        ("--batch_size=0", "flag --batch_size=0: 0 is not an integer in the range [1, 60000]"),
        ("--recipe=fashion_cmn", "flag --recipe=fashion_cmn: no such name, did you mean fashion_cnn?"),
    ],
)
def test_a_mistake_in_the_flags_of_run_eval_gets_one_line_at_once(flag, message):
    done = command(flag, script="run_eval.py")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"error: {message}\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["samples", "--count=0"], "flag --count=0: 0 is not an integer in the range [1, 400]"),
        (["samples", "--figure=a.jpg"], "flag --figure=a.jpg: plots are PNG files, name it NAME.png"),
        (["samples", "--recipe=mnist"], "flag --recipe=mnist: no such name, did you mean mnist_cnn?"),
        (["curves", "--model_dir=a,setup.py"], "flag --model_dir=a,setup.py: a file, name a folder"),
        (["predict"], "nothing to predict: name image files, folders, - for a list on stdin, or --test_index=0"),
        (["predict", "--test_index=0,x"], "flag --test_index=0,x: cannot be read as an integer"),
        (["predict", "--test_index=0,-1"], "flag --test_index=0,-1: -1 is not an integer in the range [0, 1000000000]"),
        (["predict", "--invert=maybe"], "flag --invert=maybe: no such name, choose one of yes, no, auto"),
        (["export", "--format=onxx"], "flag --format=onxx: no such name, did you mean onnx?"),
        (["export"], "--output is missing: name what to write, --output=/tmp/fashion_model"),
        (["eval", "now"], "unexpected argument 'now': every option is a flag, --name=value"),
    ],
    ids=" ".join,
)
def test_a_mistake_in_the_flags_of_a_verb_gets_one_line_at_once(arguments, message):
    done = command(*arguments)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"error: {message}\n")


def test_absl_refuses_an_unknown_flag():
    done = command("--stepz=5", script="run_train.py")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("FATAL Flags parsing error: Unknown command line flag 'stepz'. Did you mean: steps ?")


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--logger_levels=x:FOO", "--logger_levels=x:FOO: Unknown level: 'FOO'"),
        ("--stderrthreshold=bogus", "--stderrthreshold=bogus: --stderrthreshold must be one of "),
        ("--profile_file=/proc/none/p", "flag --profile_file=/proc/none/p: No such file or directory\n"),
        ("--verbosity=abc", "flag --verbosity=abc: "),
    ],
)
def test_a_bad_value_of_a_flag_of_absl_gets_one_line(flag, message):
    assert f"{error_of(command(flag, script='run_train.py'))}\n".startswith(message)


def test_missing_docstrings_are_an_error_of_every_verb(monkeypatch):
    monkeypatch.setattr(environment, "__doc__", None)
    for name in NAMES:
        assert error_of(command(name, "--help")).startswith("python -OO (PYTHONOPTIMIZE=2) removes the docstrings")


def test_an_error_of_the_machine_gets_one_line_and_one_of_the_program_does_not(monkeypatch):
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
    fail_with(FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/a']"))
    monkeypatch.setattr(tempfile, "gettempdir", cli.VERBS["samples"].main)
    message = "No usable temporary directory found in ['/a']: set TMPDIR to a folder that can be written"
    assert error_of(command("samples")) == message


def test_an_empty_list_of_images_and_a_closed_stdin_are_errors(monkeypatch):
    assert error_of(command("predict", "-", input="\n")) == "nothing to predict: the list on stdin is empty"
    monkeypatch.setattr(sys, "stdin", None)
    assert error_of(command("predict", "-")) == "-: stdin is closed, so there is no list on it"


# Flags and settings


def accepts(flag):
    """Whether the verb train takes a flag with its value."""
    return error_of(command("train", flag, "now")).startswith("unexpected argument 'now'")


@pytest.mark.parametrize("name", HELP)
def test_every_setting_with_a_help_text_is_a_flag_of_train_with_the_bounds_of_its_rule(name):
    rule = RULES[name]
    if isinstance(rule, Choice):
        good, bad = rule.names, [f"{rule.names[0]}x", ""]
    elif isinstance(rule, Integer):
        good, bad = [rule.min, rule.max], [rule.min - 1, rule.max + 1]
    else:
        good, bad = [rule.min, rule.max], [math.nextafter(rule.min, -math.inf), math.nextafter(rule.max, math.inf)]
    assert [accepts(f"--{name}={value}") for value in good] == [True] * len(good)
    assert [accepts(f"--{name}={value}") for value in bad] == [False] * len(bad)
    assert HELP[name] in " ".join(command("train", "--help").stdout.split())


def test_all_hyperparameters_are_flags():
    assert {*HYPERPARAMETERS, "seed", "threads", "schedule_steps", "validation"} == {*HELP}


def test_a_new_setting_needs_no_more_than_its_declaration(monkeypatch):
    trainer = FakeTrainer(monkeypatch)
    monkeypatch.setitem(RULES, "warmup", Integer(0, 9))
    monkeypatch.setitem(HELP, "warmup", "Steps with a smaller rate.")
    assert "--warmup: Steps with a smaller rate." in command("train", "--help").stdout
    assert [accepts(f"--warmup={value}") for value in (0, 9, 10)] == [True, True, False]
    trainer.run(["train", "--warmup=9"])
    assert trainer.options["warmup"] == 9


# What train is called with, and what it is reported to have done


class FakeTrainer:
    """Stands in for the module training. `options`: what its train() was called with."""

    def __init__(
        self, monkeypatch, *, step=3, max_steps=3, steps=3, stopped=None, best=None, stopped_early=False, **overrides
    ):
        settings = make_settings("fashion_dense", seed=1, class_names=tuple("0123456789"), **overrides)
        self._result = SimpleNamespace(
            model_dir="/runs/a b",
            settings=settings,
            step=step,
            max_steps=max_steps,
            steps=steps,
            checkpoint=f"/runs/a b/model.ckpt-{step}",
            best=best,
            stopped_early=stopped_early,
        )
        self._stopped = stopped
        monkeypatch.setattr(process, "load", lambda module, **options: {"training": self}[module])

    def train(self, model_dir, recipe, **options):
        self.options = {"model_dir": model_dir, "recipe": recipe, **options}
        if self._stopped:
            raise Stopped(self._stopped, self._result if self._result.steps else None)
        return self._result

    def run(self, arguments):
        """Returns the CompletedProcess of a command line that begins with a script, or with a verb."""
        if arguments[0].endswith(".py"):
            return command(*arguments[1:], script=arguments[0])
        return command(*arguments)


def test_train_is_called_with_the_flags(monkeypatch):
    trainer = FakeTrainer(monkeypatch)
    assert trainer.run(["run_train.py"]).returncode == 0
    defaults = {
        "model_dir": "/tmp/fashion",
        "recipe": "fashion_cnn",
        "steps": None,
        "max_steps": None,
        "fresh": False,
        "log_every": 50,
        "log_tensors": {},
        "save_every": 500,
        "keep_checkpoints": 5,
        "eval_every": None,
        "eval_on_test": False,
        "keep_best": False,
        "early_stopping": None,
        "precision": None,
        "strategy": None,
        "devices": None,
        "cluster_timeout": 300,
        "data_dir": None,
        **dict.fromkeys(HELP),
    }
    assert trainer.options == defaults
    given = {
        "model_dir": "/a",
        "recipe": "mnist_cnn",
        "max_steps": 7,
        "log_every": 1,
        "save_every": 2,
        "keep_checkpoints": 3,
        "eval_every": 4,
        "eval_on_test": True,
        "keep_best": True,
        "early_stopping": 5,
        "precision": "auto",
        "strategy": "mirrored",
        "devices": 2,
        "cluster_timeout": 60,
        "data_dir": "/b",
        "optimizer": "momentum",
        "learning_rate": 0.5,
        "adam_beta2": 0.99,
        "batch_size": 4,
        "schedule": "one_cycle",
        "warmup_steps": 3,
        "schedule_steps": 9,
        "augment": "shifts",
        "average_decay": 0.25,
        "seed": 0,
        "threads": 8,
        "validation": 100,
    }
    texts = [f"--{name}={value}" for name, value in given.items()]
    assert trainer.run(["train", *texts, "--fresh", "--log_tensors=p=softmax_tensor,h=a=b"]).returncode == 0
    assert trainer.options == defaults | given | {"fresh": True, "log_tensors": {"p": "softmax_tensor", "h": "a=b"}}


@pytest.mark.parametrize(
    ("verb", "function", "given", "options"),
    [
        (
            "eval",
            "evaluate",
            ["--batch_size=4", "--figures", "--precision=auto"],
            {"batch_size": 4, "plot": True, "precision": "auto"},
        ),
        (
            "predict",
            "predict",
            ["--test_index=3,0", "--invert=no", "--precision=bfloat16", "a.png"],
            {"invert": "no", "precision": "bfloat16"},
        ),
        ("export", "export", ["--format=onnx", "--output=b"], {"format": "onnx", "output": "b"}),
    ],
)
def test_what_uses_a_model_is_called_with_the_flags(monkeypatch, verb, function, given, options):
    calls = []

    def record(*arguments, **options):
        calls.append((arguments, options))
        raise Stopped(signal.SIGTERM)

    load = process.load

    def fake_load(name, **options):
        return load(name) if name == "preprocessing" else SimpleNamespace(**{function: record})

    monkeypatch.setattr(process, "load", fake_load)
    trained = {"checkpoint": "7", "recipe": "mnist_cnn", "data_dir": "/b"}
    arguments = ["--model_dir=/a", *(f"--{name}={value}" for name, value in trained.items()), *given]
    assert command(verb, *arguments).returncode == 143
    images = (["a.png"], [3, 0]) if verb == "predict" else ()
    assert calls == [(("/a", *images), trained | options)]
    named = {argument[2:].partition("=")[0] for argument in arguments}
    own = re.findall(r"^  --(?:\[no\])?(\w+)", command(verb, "--help").stdout, re.M)
    assert {*own} - named <= {"json", "figure"}  # how predict shows its results


def test_reproduce_is_called_with_the_flags_and_says_how_to_go_on(monkeypatch):
    calls = []
    finished, begun = SimpleNamespace(accuracy=0.9), SimpleNamespace(accuracy=None)

    def record(root, recipes, seeds, **options):
        calls.append({"root": root, "recipes": recipes, "seeds": seeds, **options})
        raise Stopped(signal.SIGTERM, SimpleNamespace(root=root, runs=[finished, begun]))

    monkeypatch.setattr(process, "load", lambda name, **options: SimpleNamespace(**{name: record}))
    done = command("reproduce")
    assert (done.returncode, done.stdout) == (143, "")
    assert done.stderr == (
        "stopped by SIGTERM: 1 of the runs in /tmp/reproduce are finished. "
        "Go on: python -m cnn_estimator reproduce --root=/tmp/reproduce\n"
    )
    given = ["--recipes=mnist_cnn,fashion_cnn", "--seeds=4,0", "--scale=0.5"]
    done = command("reproduce", "--root=/a", *given, "--precision=auto", "--data_dir=/b")
    assert shlex.split(done.stderr.partition("Go on: ")[2])[3:] == ["reproduce", "--root=/a", *given]
    defaults = {"root": "/tmp/reproduce", "recipes": None, "seeds": [1, 2, 3], "scale": 1.0}
    own = {"root": "/a", "recipes": ["mnist_cnn", "fashion_cnn"], "seeds": [4, 0], "scale": 0.5}
    assert calls == [
        defaults | {"precision": None, "data_dir": None},
        own | {"precision": "auto", "data_dir": "/b"},
    ]


def test_a_path_may_begin_with_the_home_folder(monkeypatch):
    trainer = FakeTrainer(monkeypatch)
    trainer.run(["train", "--model_dir=~/run"])
    assert trainer.options["model_dir"] == os.path.expanduser("~/run")


@pytest.mark.parametrize(
    ("form", "words"),
    [(["run_train.py"], "python run_eval.py"), (["train"], "python -m cnn_estimator eval")],
)
def test_after_training_the_command_that_evaluates_is_named(monkeypatch, form, words):
    done = FakeTrainer(monkeypatch).run(form)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == f"INFO:cnn_estimator:evaluate it: {words} '--model_dir=/runs/a b'\n"


@pytest.mark.parametrize(
    ("steps", "stopped_early", "lines"),
    [
        (3, False, ["{best}", "evaluate it: {evaluate} --checkpoint=best"]),
        (3, True, ["stopped early at step 3: {best}", "evaluate it: {evaluate} --checkpoint=best"]),
        (0, True, ["stopped early at step 3: {best}"]),
    ],
)
def test_after_evaluations_the_best_step_is_named(monkeypatch, steps, stopped_early, lines):
    best = SimpleNamespace(step=2, accuracy=0.875)
    trainer = FakeTrainer(monkeypatch, steps=steps, best=best, stopped_early=stopped_early)
    said = {
        "best": "step 2 is the best, with a validation accuracy of 0.8750",
        "evaluate": "python run_eval.py '--model_dir=/runs/a b'",
    }
    done = trainer.run(["run_train.py", "--keep_best", "--eval_every=1", "--validation=9"])
    assert done.stderr.splitlines() == [f"INFO:cnn_estimator:{line.format(**said)}" for line in lines]


def test_where_nothing_was_left_to_train_it_is_said(monkeypatch):
    done = FakeTrainer(monkeypatch, step=9, max_steps=8, steps=0).run(["train"])
    assert (done.returncode, done.stdout) == (0, "")
    said = "nothing to train: /runs/a b is at step 9 of 8. --steps=N trains on"
    assert done.stderr == f"INFO:cnn_estimator:{said}\n"


@pytest.mark.parametrize(
    ("form", "words"),
    [(["run_train.py"], ["python", "run_train.py"]), (["train"], ["python", "-m", "cnn_estimator", "train"])],
)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_training_names_the_command_that_goes_on(monkeypatch, form, words, number):
    trainer = FakeTrainer(monkeypatch, max_steps=10, stopped=number, learning_rate=0.5)
    flags_given = [
        "--steps=9",
        "--learning_rate=0.5",
        "--save_every=7",
        "--strategy=mirrored",
        "--devices=2",
        "--log_tensors=p=a b,q=c",
        "--fresh",
        "--seed=1",
    ]
    done = trainer.run([*form, *flags_given])
    assert (done.returncode, done.stdout) == (128 + number, "")
    saved = f"stopped by {number.name}: step 3 is saved as /runs/a b/model.ckpt-3. Go on: "
    assert done.stderr.startswith(saved)
    line = shlex.split(done.stderr.removeprefix(saved))
    assert line[: len(words)] == words
    assert line[len(words) :] == [
        "--model_dir=/runs/a b",
        "--recipe=fashion_dense",
        "--learning_rate=0.5",
        "--save_every=7",
        "--strategy=mirrored",
        "--devices=2",
        "--log_tensors=p=a b,q=c",
        "--max_steps=10",
    ]
    # It works as it stands.
    before = trainer.options
    trainer.run([*form, *line[len(words) :]])
    goes_on = {"model_dir": "/runs/a b", "recipe": "fashion_dense", "steps": None, "max_steps": 10, "fresh": False}
    assert trainer.options == before | goes_on | {"seed": None}


@pytest.mark.parametrize("end", [{}, {"max_steps": 10, "stopped_early": True}])
def test_a_training_that_was_stopped_at_its_last_step_has_nothing_to_go_on_with(monkeypatch, end):
    done = FakeTrainer(monkeypatch, stopped=signal.SIGTERM, **end).run(["train"])
    assert (done.returncode, done.stdout) == (143, "")
    assert done.stderr == "stopped by SIGTERM: step 3 is saved as /runs/a b/model.ckpt-3, the last\n"


def test_a_training_that_was_stopped_before_its_first_step_has_nothing_saved(monkeypatch):
    done = FakeTrainer(monkeypatch, steps=0, stopped=signal.SIGINT).run(["run_train.py"])
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "stopped by SIGINT: nothing was trained\n")


@pytest.mark.parametrize("name", NAMES)
def test_every_verb_that_is_stopped_says_what_was_not_done(monkeypatch, name):
    def stop(*names):
        raise Stopped(signal.SIGTERM)

    monkeypatch.setitem(cli.VERBS, name, dataclasses.replace(cli.VERBS[name], main=stop))
    done = command(name)
    assert (done.returncode, done.stdout) == (143, "")
    assert done.stderr == f"stopped by SIGTERM: {cli.VERBS[name].nothing_done}\n"


def test_samples_are_the_first_images_with_their_names(monkeypatch, data_dir):
    """What the verb hands over to be plotted."""
    from cnn_estimator import plots

    plotted = []
    monkeypatch.setattr(plots, "samples", lambda images, names, title: plotted.append((images, names, title)))
    monkeypatch.setattr(plots, "save", lambda figure, path: plotted.append(path))
    done = command("samples", f"--data_dir={data_dir}", "--count=4")
    assert (done.returncode, done.stdout, done.stderr) == (0, "samples.png\n", "")
    (images, names, title), path = plotted
    assert (len(images), images[3].argmax() // 28, names) == (4, 10, ["0", "1", "2", "3"])
    assert title == f"{data_dir}: the first 4 of 300 training images"
    assert path == "samples.png"
