"""The completion of the command line, in a real bash and a real zsh."""

import os
import pty
import re
import select
import shlex
import shutil
import subprocess
import time

import pytest
from helpers import command, error_of

from cnn_estimator import cli
from cnn_estimator.recipes import RECIPES
from cnn_estimator.settings import OPTIMIZERS, Switch

pytestmark = pytest.mark.process


@pytest.fixture(scope="module")
def script(tmp_path_factory):
    """A function that returns the path of a shell's script."""
    folder = tmp_path_factory.mktemp("completion")

    def path(shell):
        (folder / shell).write_text(command("completion", shell).stdout)
        return str(folder / shell)

    return path


@pytest.fixture
def complete(script, tmp_path):
    """A function that returns what bash offers after some words; the last one is being completed."""
    for folder in ("photos of cats", "models"):
        (tmp_path / folder).mkdir()
    (tmp_path / "photo.jpg").touch()

    def run(*words):
        array = " ".join(map(shlex.quote, ["cnn-estimator", *words]))
        code = (
            f"source {script('bash')}; COMP_WORDS=({array}); COMP_CWORD={len(words)}; _cnn_estimator; "
            'printf "%s\\n" "${COMPREPLY[@]}"'
        )
        options = {"capture_output": True, "text": True, "cwd": tmp_path}
        done = subprocess.run(["bash", "--norc", "-u", "-c", code], check=True, **options)
        assert done.stderr == ""
        return sorted(done.stdout.split("\n")[:-1])

    return run


def test_bash_completes_verbs(complete):
    assert complete("") == sorted([*cli.VERBS, cli.RUN, "help"])
    assert complete("e") == ["eval", "explain", "export"]
    assert complete("help", "ru") == ["run"]
    assert complete("completion", "") == ["bash", "zsh"]


@pytest.mark.parametrize("verb", ["train", "predict", "keras_weights"])
def test_bash_completes_every_flag_of_a_verb(complete, verb):
    names = []
    for flag in cli.VERBS[verb].flags:
        names += [f"--{flag.name}", f"--no{flag.name}"] if isinstance(flag.rule, Switch) else [f"--{flag.name}="]
    assert complete(verb, "--") == sorted(names)
    assert complete("train", "--keep_b") == ["--keep_best"]
    assert complete("run", "--a") == ["--api="]


def test_bash_completes_values(complete):
    assert complete("train", "--recipe", "=") == sorted(RECIPES)
    assert complete("train", "--recipe", "=", "mnist_c") == ["mnist_cnn"]
    assert complete("train", "--steps=9", "--optimizer", "=", "") == sorted(OPTIMIZERS)
    assert complete("reproduce", "--recipes", "=", "fashion_cnn,mnist_c") == ["fashion_cnn,mnist_cnn"]
    assert complete("train", "--steps", "=", "") == [""]
    assert complete("run", "--api", "=") == ["1", "2"]


def test_bash_completes_paths(complete):
    assert complete("train", "--model_dir", "=", "") == ["models", "photos of cats"]
    assert complete("predict", "--plot", "=", "photo") == ["photo.jpg", "photos of cats"]
    assert complete("predict", "photo") == ["photo.jpg", "photos of cats"]
    assert complete("run", "ph") == ["photo.jpg", "photos of cats"]
    assert complete("train", "ph") == [""]


@pytest.mark.skipif(not shutil.which("zsh"), reason="zsh is not installed")
def test_zsh_completes_verbs_flags_and_values(script, tmp_path):
    (tmp_path / "models").mkdir()
    (tmp_path / "photo.jpg").touch()
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(tmp_path)
        os.environ.update(TERM="dumb", HOME=str(tmp_path))
        os.execlp("zsh", "zsh", "-f", "-i")
    try:
        show = "show() { print -r -- \"<$BUFFER>\"; BUFFER= }; zle -N show; bindkey '^X' show"
        os.write(terminal, f"autoload -Uz compinit; compinit -u -D; source {script('zsh')}; {show}\n".encode())
        for typed, completed in (
            ("tra", "train "),
            ("help expo", "help export "),
            ("reproduce --rec", "reproduce --recipes="),
            ("train --keep_b", "train --keep_best "),
            ("train --recipe=mnist_c", "train --recipe=mnist_cnn "),
            ("train --recipe=mnist_cnn --optimizer=ad", "train --recipe=mnist_cnn --optimizer=adam "),
            (
                "reproduce --recipes=fashion_cnn,mnist_c",
                "reproduce --recipes=fashion_cnn,mnist_cnn,",
            ),  # a space removes the comma
            ("train --model_dir=mo", "train --model_dir=models/"),
            ("predict ph", "predict photo.jpg "),
        ):
            os.write(terminal, f"cnn-estimator {typed}\t\x18".encode())
            assert _shown_buffer(terminal) == f"cnn-estimator {completed}"
    finally:
        os.close(terminal)
        os.waitpid(child, 0)


def _shown_buffer(terminal):
    """Returns the line between < and > that the widget show prints."""
    shown = ""
    deadline = time.monotonic() + 60
    while not re.search(r"<(cnn-.*)>\r?\n", shown):
        assert time.monotonic() < deadline, shown
        if select.select([terminal], [], [], 1)[0]:
            shown += os.read(terminal, 4096).decode()
    return re.search(r"<(cnn-.*)>\r?\n", shown)[1]


def test_an_unknown_shell_is_an_error():
    assert error_of(command("completion", "fish")) == "no script for fish: name bash or zsh"
    assert error_of(command("completion")) == "no script for an unnamed shell: name bash or zsh"
