import dataclasses
import fcntl
import functools
import json
import os
import subprocess
import sys

import pytest
from conftest import REPOSITORY
from hypothesis import given
from hypothesis import strategies as st

from cnn_estimator import datasets, model_dir, recipes
from cnn_estimator.errors import UserError

NAMES = tuple("abcdefghij")
SETTINGS = recipes.Settings("fashion_dense", "fashion_mnist", "dense_128", "adam", 0.001, 32, 5, None, NAMES)
KEPT = {"version": 2, **dataclasses.asdict(SETTINGS)}


def test_settings_come_back_as_they_were_written(tmp_path):
    for settings in (SETTINGS, dataclasses.replace(SETTINGS, data_dir="/a/ä", learning_rate=1e-7, seed=0)):
        model_dir.write_settings(str(tmp_path), settings)
        assert model_dir.read_settings(str(tmp_path)) == settings
    assert os.listdir(tmp_path) == ["settings.json"]


def test_settings_of_version_1_had_no_class_names(tmp_path):
    first = {name: value for name, value in KEPT.items() if name != "class_names"} | {"version": 1}
    (tmp_path / "settings.json").write_text(json.dumps(first))
    assert model_dir.read_settings(str(tmp_path)) == dataclasses.replace(SETTINGS, class_names=None)
    assert model_dir.settings_of(str(tmp_path)).class_names == datasets.FASHION_MNIST.class_names
    # Somebody's own data may be anything.
    (tmp_path / "settings.json").write_text(json.dumps(first | {"data_dir": "/own"}))
    assert model_dir.settings_of(str(tmp_path)).class_names == tuple("0123456789")


def test_a_run_without_settings_is_what_the_recipe_says(tmp_path):
    names = model_dir.settings_of(str(tmp_path), recipes.find("mnist_cnn")).class_names
    assert names == tuple("0123456789")
    with pytest.raises(UserError, match=r"has no settings\.json: say with --recipe=NAME what it holds"):
        model_dir.settings_of(str(tmp_path))


def test_a_folder_without_settings_has_none(tmp_path):
    assert model_dir.read_settings(str(tmp_path)) is None
    assert model_dir.read_settings(str(tmp_path / "missing")) is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "not JSON: Expecting value"),
        ("{", "not JSON: "),
        ("\x00", "not JSON: "),
        (b"\xff", "not JSON: "),
        ("[" * 60_000, "not JSON: "),
        ("9" * 60_000, "not JSON: |not a JSON object"),
        ("[]", "not a JSON object"),
        ("3", "not a JSON object"),
        (" " * 70_000, "more than 65536 bytes"),
        ({"version": 3}, "version 3: this program reads versions 1 to 2"),
        ({"version": 0}, "version 0: "),
        ({"version": True}, "version True: "),
        ({"version": "1"}, "version '1': "),
        ({"version": None}, "version None: "),
        ({"colour": 1}, "'colour' is no setting"),
        ({"recipe": "fashion_cmn"}, "recipe 'fashion_cmn': no such name, did you mean fashion_cnn"),
        ({"recipe": []}, r"recipe \[\]: no such name"),
        ({"dataset": "mnist"}, "dataset 'mnist': recipe fashion_dense has fashion_mnist"),
        ({"network": "two_conv"}, "network 'two_conv': recipe fashion_dense has dense_128"),
        ({"optimizer": "__import__('os')"}, r"optimizer \"__import__\('os'\)\": no such name"),
        ({"learning_rate": float("nan")}, "learning_rate nan: not a number"),
        ({"batch_size": 0}, "batch_size 0: not a whole number"),
        ({"seed": "5"}, "seed '5': not a whole number"),
        ({"seed": None}, "seed None: a run has one"),
        ({"data_dir": {}}, r"data_dir \{\}: not a path"),
        ({"class_names": "abcdefghij"}, "class_names 'abcdefghij': not the names of ten classes"),
        ({"class_names": [*NAMES[:9], "a"]}, "class_names .*: not the names of ten classes"),
        ({"class_names": [*NAMES, "k"]}, "class_names .*: not the names of ten classes"),
        ({"class_names": [*NAMES[:9], 7]}, "class_names .*: not the names of ten classes"),
        ({"class_names": [*NAMES[:9], "a\nb"]}, "class_names .*: a class name must have 1 to 40 printable"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_settings_that_are_damaged_or_edited_are_refused_by_field(tmp_path, text, problem):
    content = json.dumps(KEPT | text) if isinstance(text, dict) else text
    (tmp_path / "settings.json").write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(UserError, match=rf"^{tmp_path}/settings.json cannot be read: ({problem})") as caught:
        model_dir.read_settings(str(tmp_path))
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("field", dataclasses.asdict(SETTINGS))
def test_a_setting_that_is_missing_is_named(tmp_path, field):
    (tmp_path / "settings.json").write_text(json.dumps({name: KEPT[name] for name in KEPT if name != field}))
    with pytest.raises(UserError, match=f"cannot be read: {field} is missing"):
        model_dir.read_settings(str(tmp_path))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(st.text(max_size=8), values, max_size=3),
    max_leaves=6,
)
CHANGED = st.dictionaries(st.sampled_from([*KEPT, "x"]), JSON, max_size=3).map(lambda fields: KEPT | fields)


@given(
    st.binary(max_size=200)
    | JSON.map(lambda value: json.dumps(value).encode())
    | CHANGED.map(lambda fields: json.dumps(fields).encode())
    | st.builds(
        lambda content, start, end, middle: content[:start] + middle + content[end:],
        st.just(json.dumps(KEPT).encode()),
        st.integers(0, 250),
        st.integers(0, 250),
        st.binary(max_size=5),
    )
)
def test_whatever_the_bytes_settings_come_or_the_error_of_this_module(tmp_path_factory, content):
    folder = tmp_path_factory.getbasetemp() / "settings"
    folder.mkdir(exist_ok=True)
    (folder / "settings.json").write_bytes(content)
    try:
        settings = model_dir.read_settings(str(folder))
    except UserError as error:
        message = str(error)
    else:
        model_dir.write_settings(str(folder), settings)
        assert model_dir.read_settings(str(folder)) == settings
        return
    assert message.startswith(f"{folder}/settings.json cannot be read: ")


HOLDER = """
import sys
from cnn_estimator.model_dir import locked
with locked(sys.argv[1]):
    print("locked", flush=True)
    input()
"""


def test_a_second_trainer_is_refused_with_the_firsts_process_id(tmp_path):
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    refused = functools.partial(pytest.raises, UserError)
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], cwd=REPOSITORY, **pipes) as first:
        assert first.stdout.readline() == "locked\n"
        message = f"^model_dir {tmp_path}: process {first.pid} is training there"
        with refused(match=message), model_dir.locked(str(tmp_path)):
            pass
        with refused(match=message):
            model_dir.set_aside(str(tmp_path))
        first.kill()
    message = f"process {os.getpid()} is training there"
    with model_dir.locked(str(tmp_path)), refused(match=message), model_dir.locked(str(tmp_path)):
        pass
    assert (tmp_path / "train.lock").read_text() == ""
    with model_dir.locked(str(tmp_path)):
        assert (tmp_path / "train.lock").read_text() == str(os.getpid())


def test_a_lock_does_not_follow_the_run_that_is_set_aside(tmp_path):
    folder = str(tmp_path / "run")
    os.mkdir(folder)
    assert model_dir.set_aside(f"{folder}/") == f"{folder}.1"
    with model_dir.locked(folder), model_dir.locked(f"{folder}.1"):
        assert model_dir.set_aside(str(tmp_path / "other")) == str(tmp_path / "other.1")


def test_a_lock_that_was_set_aside_before_it_was_taken_is_none(tmp_path, monkeypatch):
    """Between the opening of the lock file and the locking of it, another process sets the run aside."""
    folder = tmp_path / "run"
    folder.mkdir()

    def late_flock(file, operation):
        monkeypatch.undo()
        folder.rename(f"{folder}.1")
        folder.mkdir()
        fcntl.flock(file, operation)

    monkeypatch.setattr(fcntl, "flock", late_flock)
    with model_dir.locked(str(folder)):
        with pytest.raises(UserError, match="is training there"), model_dir.locked(str(folder)):
            pass
        with model_dir.locked(f"{folder}.1"):
            pass


def test_a_folder_that_the_lock_made_goes_if_nothing_was_put_there(tmp_path):
    folder = tmp_path / "new" / "run"
    with pytest.raises(KeyError), model_dir.locked(str(folder)):
        raise KeyError
    assert not folder.exists()
    with model_dir.locked(str(folder)):
        (folder / "checkpoint").write_text("")
    assert (folder / "checkpoint").exists()


def test_the_first_free_number_is_taken(tmp_path):
    for name in ("run", "run.1", "run.3"):
        (tmp_path / name).mkdir()
    assert model_dir.set_aside(str(tmp_path / "run")) == str(tmp_path / "run.2")
    assert sorted(os.listdir(tmp_path)) == ["run.1", "run.2", "run.3"]
