import contextlib
import dataclasses
import fcntl
import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnn_estimator import datasets, recipes
from cnn_estimator.errors import UserError
from cnn_estimator.run_dir import ADDED_IN, VERSION, RunDir

pytestmark = pytest.mark.unit


NAMES = tuple("abcdefghij")
SETTINGS = recipes.settings("fashion_dense", seed=5, class_names=NAMES)
KEPT = {"version": VERSION, "dataset": "fashion_mnist", "network": "dense_128"} | dataclasses.asdict(SETTINGS)


def test_settings_come_back_as_they_were_written(tmp_path):
    for settings in (SETTINGS, dataclasses.replace(SETTINGS, data_dir="/a/ä", learning_rate=1e-7, seed=0)):
        RunDir(str(tmp_path)).write_settings(settings)
        assert RunDir(str(tmp_path)).read_settings() == settings
    assert os.listdir(tmp_path) == ["settings.json"]


def test_settings_of_version_1_had_no_class_names(tmp_path):
    first = {name: value for name, value in KEPT.items() if name != "class_names"} | {"version": 1}
    (tmp_path / "settings.json").write_text(json.dumps(first))
    public = datasets.FASHION_MNIST.class_names
    assert RunDir(str(tmp_path)).read_settings() == dataclasses.replace(SETTINGS, class_names=public)
    assert RunDir(str(tmp_path)).load_settings().class_names == datasets.FASHION_MNIST.class_names
    # Somebody's own data may be anything.
    (tmp_path / "settings.json").write_text(json.dumps(first | {"data_dir": "/own"}))
    assert RunDir(str(tmp_path)).load_settings().class_names == tuple("0123456789")


def test_class_names_of_version_1_may_come_from_data_that_moved(tmp_path):
    first = {name: value for name, value in KEPT.items() if name != "class_names"}
    (tmp_path / "settings.json").write_text(json.dumps(first | {"version": 1, "data_dir": "/gone"}))
    (tmp_path / "moved").mkdir()
    (tmp_path / "moved" / "class_names.txt").write_text("\n".join(NAMES))
    assert RunDir(str(tmp_path)).load_settings(data_dir=str(tmp_path / "moved")).class_names == NAMES


def test_every_setting_that_came_after_version_1_says_when():
    first = {"recipe", "dataset", "network", "optimizer", "learning_rate", "batch_size", "seed", "data_dir"}
    assert KEPT.keys() - {"version"} - first == ADDED_IN.keys()


def test_older_settings_take_the_recipes_value_of_a_hyperparameter_that_came_later(tmp_path, monkeypatch):
    monkeypatch.setitem(ADDED_IN, "batch_size", 2)
    older = {name: value for name, value in KEPT.items() if name != "batch_size"}
    (tmp_path / "settings.json").write_text(json.dumps(older | {"version": 1}))
    assert RunDir(str(tmp_path)).load_settings().batch_size == 32
    (tmp_path / "settings.json").write_text(json.dumps(older | {"version": 2}))
    with pytest.raises(UserError, match="batch_size is missing"):
        RunDir(str(tmp_path)).load_settings()


def test_a_run_without_settings_is_what_the_recipe_says(tmp_path):
    names = RunDir(str(tmp_path)).load_settings("mnist_cnn").class_names
    assert names == tuple("0123456789")
    with pytest.raises(UserError, match=r"has no settings\.json: name the recipe that it holds"):
        RunDir(str(tmp_path)).load_settings()


def test_a_folder_without_settings_has_none(tmp_path):
    assert RunDir(str(tmp_path)).read_settings() is None
    assert RunDir(str(tmp_path / "missing")).read_settings() is None


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
        ({"version": VERSION + 1}, f"version {VERSION + 1}: this program reads versions 1 to {VERSION}"),
        ({"version": 0}, "version 0: "),
        ({"version": True}, "version True: "),
        ({"version": "1"}, "version '1': "),
        ({"version": None}, "version None: "),
        ({"colour": 1}, "'colour' is not a setting"),
        ({"recipe": "fashion_cmn"}, "recipe 'fashion_cmn': no such name, did you mean fashion_cnn"),
        ({"recipe": []}, r"recipe \[\]: no such name"),
        ({"dataset": "mnist"}, "dataset 'mnist': recipe fashion_dense has fashion_mnist"),
        ({"network": "two_conv"}, "network 'two_conv': recipe fashion_dense has dense_128"),
        ({"optimizer": "__import__('os')"}, r"optimizer \"__import__\('os'\)\": no such name"),
        ({"learning_rate": float("nan")}, "learning_rate nan: not a number"),
        ({"batch_size": 0}, "batch_size 0: not an integer"),
        ({"seed": "5"}, "seed '5': not an integer"),
        ({"seed": None}, "seed None: not an integer"),
        ({"data_dir": {}}, r"data_dir \{\}: not a path"),
        ({"class_names": "abcdefghij"}, "class_names 'abcdefghij': not ten different class names"),
        ({"class_names": [*NAMES[:9], "a"]}, "class_names .*: not ten different class names"),
        ({"class_names": [*NAMES, "k"]}, "class_names .*: not ten different class names"),
        ({"class_names": [*NAMES[:9], 7]}, "class_names .*: not ten different class names"),
        ({"class_names": [*NAMES[:9], "a\nb"]}, "class_names .*: a class name must have 1 to 40 printable"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_settings_that_are_damaged_or_edited_are_refused_by_field(tmp_path, text, problem):
    content = json.dumps(KEPT | text) if isinstance(text, dict) else text
    (tmp_path / "settings.json").write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(UserError, match=rf"^{tmp_path}/settings.json cannot be read: ({problem})") as caught:
        RunDir(str(tmp_path)).read_settings()
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    ("field", "version"),
    [(name, version) for name in KEPT if name != "version" for version in range(ADDED_IN.get(name, 1), VERSION + 1)],
)
def test_a_setting_that_is_missing_is_named(tmp_path, field, version):
    fields = {name: value for name, value in KEPT.items() if name != field} | {"version": version}
    (tmp_path / "settings.json").write_text(json.dumps(fields))
    with pytest.raises(UserError, match=f"cannot be read: {field} is missing"):
        RunDir(str(tmp_path)).read_settings()


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
        settings = RunDir(str(folder)).read_settings()
    except UserError as error:
        message = str(error)
    else:
        RunDir(str(folder)).write_settings(settings)
        assert RunDir(str(folder)).read_settings() == settings
        return
    assert message.startswith(f"{folder}/settings.json cannot be read: ")


def refused(match):
    return pytest.raises(UserError, match=match)


def test_a_lock_names_its_process_while_it_is_held(tmp_path):
    run, other = RunDir(str(tmp_path)), RunDir(str(tmp_path))
    with run.locked():
        assert (tmp_path / "train.lock").read_text() == str(os.getpid())
        with refused(f"^model_dir {tmp_path}: process {os.getpid()} is training there"), other.locked():
            pass
        assert (tmp_path / "train.lock").read_text() == str(os.getpid())
    assert (tmp_path / "train.lock").read_text() == ""
    with other.locked():
        pass


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path):
    (tmp_path / "file").touch()
    with (
        refused(f"^model_dir {tmp_path}/file/run cannot be written: Not a directory"),
        RunDir(f"{tmp_path}/file/run").locked(),
    ):
        pass


def test_archiving_takes_the_first_free_number_and_leaves_a_new_folder(tmp_path):
    for name in ("run", "run.1", "run.3"):
        (tmp_path / name).mkdir()
    (tmp_path / "run" / "checkpoint").touch()
    run = RunDir(f"{tmp_path}/run/")
    with run.locked():
        assert run.archive() == f"{tmp_path}/run.2"
        (tmp_path / "run" / "new").touch()
    assert sorted(os.listdir(tmp_path)) == ["run", "run.1", "run.2", "run.3"]
    assert sorted(os.listdir(tmp_path / "run.2")) == ["checkpoint", "train.lock"]
    assert sorted(os.listdir(tmp_path / "run")) == ["new", "train.lock"]


def test_both_the_archived_and_the_new_run_are_locked_until_the_end(tmp_path):
    folder = f"{tmp_path}/run"
    os.mkdir(folder)
    run = RunDir(folder)
    with run.locked():
        archived = run.archive()
        for locked in (folder, archived):
            with refused("is training there"), RunDir(locked).locked():
                pass
        (tmp_path / "run" / "checkpoint").touch()
    for free in (folder, archived):
        with RunDir(free).locked():
            pass


def test_whoever_trains_in_the_new_folder_first_has_it(tmp_path, monkeypatch):
    """Between the renaming of the old run and the making of the new folder."""
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "checkpoint").touch()
    other = RunDir(str(folder))
    with contextlib.ExitStack() as stack:

        def rename(source, target):
            monkeypatch.undo()
            os.rename(source, target)
            stack.enter_context(other.locked())

        run = RunDir(str(folder))
        with run.locked():
            monkeypatch.setattr(os, "rename", rename)
            with refused("is training there"):
                run.archive()
        assert (tmp_path / "run.1" / "checkpoint").exists()


def test_a_lock_file_that_was_archived_before_it_was_locked_does_not_count(tmp_path, monkeypatch):
    """Between the opening of the lock file and the locking of it, another process archives the run."""
    folder = tmp_path / "run"
    folder.mkdir()

    def late_flock(file, operation):
        monkeypatch.undo()
        folder.rename(f"{folder}.1")
        folder.mkdir()
        fcntl.flock(file, operation)

    monkeypatch.setattr(fcntl, "flock", late_flock)
    with RunDir(str(folder)).locked():
        with refused("is training there"), RunDir(str(folder)).locked():
            pass
        with RunDir(f"{folder}.1").locked():
            pass


def test_a_folder_that_the_lock_made_is_removed_if_it_is_left_empty(tmp_path):
    folder = tmp_path / "new" / "run"
    run = RunDir(str(folder))
    with pytest.raises(KeyError), run.locked():
        raise KeyError
    assert not folder.exists()
    with run.locked():
        (folder / "checkpoint").write_text("")
    assert (folder / "checkpoint").exists()
