import contextlib
import dataclasses
import fcntl
import json
import os
import signal

import pytest
from helpers import give_to_another_user
from hypothesis import given
from hypothesis import strategies as st

from cnn_estimator import run_dir, stopping
from cnn_estimator.data import datasets
from cnn_estimator.errors import Stopped, UserError
from cnn_estimator.run_dir import lock
from cnn_estimator.run_dir.run import ADDED_IN, VERSION, RunDir
from cnn_estimator.settings import make_settings

pytestmark = pytest.mark.unit


NAMES = tuple("abcdefghij")
SETTINGS = make_settings("fashion_dense", seed=5, threads=2, class_names=NAMES)
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


@pytest.mark.parametrize("version", [1, 2])
def test_settings_before_version_3_had_a_thread_for_each_cpu(tmp_path, monkeypatch, version):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 1, 2})
    older = {name: value for name, value in KEPT.items() if name != "threads"} | {"version": version}
    (tmp_path / "settings.json").write_text(json.dumps(older))
    assert RunDir(str(tmp_path)).read_settings() == dataclasses.replace(SETTINGS, threads=3)


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
        ({"threads": 0}, "threads 0: not an integer"),
        ({"threads": None}, "threads None: not an integer"),
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


def history_line(**changes):
    """A line of the history, as it was written before lines had a version."""
    facts = {
        "first_step": 0,
        "max_steps": 9,
        "tensorflow": "2.21.0",
        "dataset": "fashion_mnist",
        "network": "dense_128",
    }
    return json.dumps(facts | dataclasses.asdict(SETTINGS) | changes)


@pytest.mark.parametrize("content", [b"", bytes(500)], ids=["empty", "zeros"])
@pytest.mark.parametrize("end", ["\n", "\n" + history_line(seed=7)[:-20], "\nnull\n[]\n"], ids=["whole", "cut", "odd"])
def test_settings_that_a_power_failure_emptied_come_from_the_history(tmp_path, caplog, content, end):
    (tmp_path / "settings.json").write_bytes(content)
    (tmp_path / "history.jsonl").write_text(f"{history_line(seed=5)}\n{history_line(seed=6)}{end}")
    assert RunDir(str(tmp_path)).load_settings() == dataclasses.replace(SETTINGS, seed=6)
    assert f"{tmp_path}/settings.json is empty, as after a power failure" in caplog.text


def test_what_the_history_gets_is_what_it_gives_back(tmp_path):
    run = RunDir(str(tmp_path))
    run.add_to_history(SETTINGS, {"first_step": 0, "max_steps": 9, "tensorflow": "2.21.0"})
    (tmp_path / "settings.json").touch()
    assert run.load_settings() == SETTINGS


def test_a_history_that_is_of_no_use_leaves_the_error(tmp_path):
    (tmp_path / "settings.json").touch()
    (tmp_path / "history.jsonl").write_text("{\n")
    with refused(rf"^{tmp_path}/settings\.json cannot be read: not JSON"):
        RunDir(str(tmp_path)).load_settings()
    (tmp_path / "history.jsonl").write_text(history_line(seed="x"))
    with refused(rf"^{tmp_path}/history\.jsonl cannot be read: seed 'x': not an integer"):
        RunDir(str(tmp_path)).load_settings()


@pytest.mark.parametrize("name", ["settings.json", "history.jsonl"])
def test_a_pipe_is_not_waited_for(tmp_path, name):
    (tmp_path / "settings.json").touch()
    (tmp_path / name).unlink(missing_ok=True)
    os.mkfifo(tmp_path / name)
    with refused("cannot be read: not a regular file"):
        RunDir(str(tmp_path)).load_settings()


def refused(match):
    return pytest.raises(UserError, match=match)


def make_pipe(path):
    os.mkfifo(path)


def make_link(path):
    path.with_name("victim").write_text("kept")
    path.symlink_to("victim")


@pytest.mark.parametrize(
    ("make", "problem"), [(make_pipe, "is not a regular file"), (make_link, "is a symbolic link")], ids=["pipe", "link"]
)
def test_a_lock_that_is_not_a_file_of_its_own_is_refused(tmp_path, caplog, make, problem):
    (tmp_path / "eval").mkdir()
    for path in (tmp_path / "train.lock", tmp_path / "eval" / "metrics.json.lock"):
        make(path)
    with (
        refused(f"^model_dir {tmp_path} cannot be written: train.lock {problem}: fix that"),
        RunDir(str(tmp_path)).locked(),
    ):
        pass
    RunDir(str(tmp_path)).add_metrics({"global_step": 1})
    assert f"metrics.json cannot be written: metrics.json.lock {problem}" in caplog.text
    for victim in tmp_path.rglob("victim"):
        assert victim.read_text() == "kept"


def test_metrics_that_are_not_a_file_are_left_alone(tmp_path, caplog):
    (tmp_path / "eval").mkdir()
    os.mkfifo(tmp_path / "eval" / "metrics.json")
    RunDir(str(tmp_path)).add_metrics({"global_step": 1})
    assert "metrics.json cannot be written: not a regular file" in caplog.text


def test_metrics_that_are_locked_for_long_are_given_up(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(run_dir, "_METRICS_WAIT_SECONDS", 0.1)
    (tmp_path / "eval").mkdir()
    with open(tmp_path / "eval" / "metrics.json.lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        RunDir(str(tmp_path)).add_metrics({"global_step": 1})
        assert "another process holds" in caplog.text
        monkeypatch.setattr(stopping, "_requested", signal.SIGTERM)
        with pytest.raises(Stopped):
            RunDir(str(tmp_path)).add_metrics({"global_step": 1})


def test_a_lock_that_no_trainer_holds_is_not_waited_for(tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "_WAIT_SECONDS", 0.1)
    for content, problem in (
        ("", "another process holds its train.lock"),
        ("text", "another process holds its train.lock"),
        (str(2**30), f"a process that process {2**30} started holds its train.lock"),
    ):
        with open(tmp_path / "train.lock", "w") as file:
            file.write(content)
            file.flush()
            fcntl.flock(file, fcntl.LOCK_EX)
            with refused(f"^model_dir {tmp_path}: {problem}: wait for it"), RunDir(str(tmp_path)).locked():
                pass
            assert (tmp_path / "train.lock").read_text() == content


def test_a_stop_request_ends_the_wait_for_a_lock(tmp_path, monkeypatch):
    monkeypatch.setattr(stopping, "_requested", signal.SIGTERM)
    with open(tmp_path / "train.lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(Stopped), RunDir(str(tmp_path)).locked():
            pass


def test_another_users_folder_is_not_trained_in(tmp_path, monkeypatch):
    folder = tmp_path / "run"
    folder.mkdir()
    give_to_another_user(monkeypatch, folder)
    tmp_path.chmod(0o1777)
    with refused(f"^model_dir {folder} cannot be written: it belongs to user"), RunDir(str(folder)).locked():
        pass
    assert os.listdir(folder) == []


def moved(folder):
    folder.rename(f"{folder}.old")


def moved_and_made_again(folder):
    folder.rename(f"{folder}.old")
    with RunDir(str(folder)).locked():
        (folder / "checkpoint").touch()


def emptied(folder):
    (folder / "train.lock").unlink()


def emptied_and_locked_again(folder):
    (folder / "train.lock").unlink()
    with RunDir(str(folder)).locked():
        pass


@pytest.mark.parametrize("change", [moved, moved_and_made_again, emptied, emptied_and_locked_again])
def test_a_folder_that_was_exchanged_is_no_longer_locked(tmp_path, change):
    folder = tmp_path / "run"
    run = RunDir(str(folder))
    with run.locked():
        run.check_locked()
        change(folder)
        for write in (run.check_locked, run.archive):
            with refused(f"^model_dir {folder} was moved, removed or emptied while this run trained there: "):
                write()
    assert not (tmp_path / "run.1").exists()
    assert folder.exists() == (change is not moved)


def test_the_current_folder_cannot_be_archived(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = RunDir(".")
    with run.locked(), refused(r"^model_dir \. cannot be renamed to \.\.1: .*: the current folder and a mounted disk"):
        run.archive()


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
