import concurrent.futures
import contextlib
import dataclasses
import fcntl
import os
import time

import pytest
from helpers import give_to_another_user

from cnn_estimator.data import datasets
from cnn_estimator.errors import TaskLost, UserError
from cnn_estimator.run_dir import settings_file
from cnn_estimator.run_dir.run import RunDir
from cnn_estimator.settings import make_settings

pytestmark = pytest.mark.unit

SETTINGS = make_settings("fashion_dense", seed=5, threads=2, class_names=tuple("abcdefghij"))


def test_settings_of_a_run_are_loaded(tmp_path):
    run_dir = RunDir(str(tmp_path))
    settings_file.write(run_dir.path, SETTINGS)
    assert run_dir.load_settings() == run_dir.load_settings("fashion_dense") == SETTINGS
    with refused("holds recipe fashion_dense, not fashion_cnn: leave recipe out, or name another model_dir$"):
        run_dir.load_settings("fashion_cnn")


def test_without_a_settings_file_the_recipe_says_what_the_run_is(tmp_path):
    settings = RunDir(str(tmp_path)).load_settings("fashion_dense")
    assert (settings.recipe, settings.class_names) == ("fashion_dense", datasets.FASHION_MNIST.class_names)
    with refused("has no settings.json: name the recipe that it holds$"):
        RunDir(str(tmp_path)).load_settings()


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({}, []),
        ({"seed": 6, "learning_rate": 0.1, "batch_size": 7}, []),
        ({"recipe": "fashion_cnn"}, ["recipe", "network"]),
        ({"optimizer": "sgd"}, ["optimizer"]),
        ({"average_decay": 0.5}, ["average_decay"]),
        ({"validation": 10}, ["validation"]),
        ({"validation": 10, "seed": 6}, ["validation", "seed"]),
        ({"class_names": tuple("xbcdefghiy")}, []),
        ({"class_names": tuple("bacdefghij")}, ["class 0", "class 1"]),
        ({"class_names": tuple("bcdefghijx")}, [f"class {label}" for label in range(10)]),
    ],
)
def test_a_run_continues_unless_its_checkpoints_or_held_out_images_would_not_fit(tmp_path, changes, names):
    requested = dataclasses.replace(SETTINGS, **changes)
    expected = refused("holds another run") if names else contextlib.nullcontext()
    with expected as caught:
        RunDir(str(tmp_path)).check_same_run(SETTINGS, requested)
    if names:
        assert [row[0] for row in caught.value.differences] == ["setting", *names]


def refused(match):
    return pytest.raises(UserError, match=match)


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


@pytest.mark.parametrize("change", [moved, moved_and_made_again, emptied])
def test_a_folder_that_was_exchanged_is_no_longer_locked(tmp_path, change):
    folder = tmp_path / "run"
    run_dir = RunDir(str(folder))
    with run_dir.locked():
        run_dir.check_locked()
        change(folder)
        for write in (run_dir.check_locked, run_dir.archive):
            with refused(f"^model_dir {folder} was moved, removed or emptied while this run trained there: "):
                write()
    assert not (tmp_path / "run.1").exists()
    assert folder.exists() == (change is not moved)


def test_the_current_folder_cannot_be_archived(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run_dir = RunDir(".")
    with (
        run_dir.locked(),
        refused(r"^model_dir \. cannot be renamed to \.\.1: .*: the current folder and a mounted disk"),
    ):
        run_dir.archive()


def test_a_lock_names_its_process_while_it_is_held(tmp_path):
    run_dir = RunDir(str(tmp_path))
    other = RunDir(str(tmp_path))
    with run_dir.locked():
        holder = f"process {os.getpid()} on {os.uname().nodename}"
        assert (tmp_path / "train.lock").read_text() == holder
        with refused(f"^model_dir {tmp_path}: {holder} is training there"), other.locked():
            pass
        (tmp_path / "train.lock").write_text("")
        with refused(f"^model_dir {tmp_path}: another process is training there"), other.locked():
            pass
    assert (tmp_path / "train.lock").read_text() == ""
    with other.locked():
        pass


def test_archiving_takes_the_first_free_number_and_leaves_a_new_folder(tmp_path):
    for name in ("run", "run.1", "run.3"):
        (tmp_path / name).mkdir()
    (tmp_path / "run" / "checkpoint").touch()
    run_dir = RunDir(f"{tmp_path}/run/")
    with run_dir.locked():
        assert run_dir.archive() == f"{tmp_path}/run.2"
        (tmp_path / "run" / "new").touch()
        for folder in (run_dir.path, f"{tmp_path}/run.2"):
            with refused("is training there"), RunDir(folder).locked():
                pass
    assert sorted(os.listdir(tmp_path)) == ["run", "run.1", "run.2", "run.3"]
    assert sorted(os.listdir(tmp_path / "run.2")) == ["checkpoint", "train.lock"]
    assert sorted(os.listdir(tmp_path / "run")) == ["new", "train.lock"]


def test_a_trainer_that_was_quicker_in_the_new_folder_keeps_it(tmp_path, monkeypatch):
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

        run_dir = RunDir(str(folder))
        with run_dir.locked():
            monkeypatch.setattr(os, "rename", rename)
            with refused("is training there"):
                run_dir.archive()
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
    run_dir = RunDir(str(folder))
    with pytest.raises(KeyError), run_dir.locked():
        raise KeyError
    assert not folder.exists()
    with run_dir.locked():
        (folder / "checkpoint").write_text("")
    assert (folder / "checkpoint").exists()


def test_a_task_waits_for_a_process_that_still_trains(tmp_path):
    def lock(seconds):
        with RunDir(str(tmp_path)).locked(seconds):
            return True

    with concurrent.futures.ThreadPoolExecutor() as threads:
        with RunDir(str(tmp_path)).locked():
            with pytest.raises(TaskLost, match=f"^model_dir {tmp_path}: process .* is training there"):
                lock(0.3)
            waiting = threads.submit(lock, 60)
            time.sleep(0.3)
            assert not waiting.done()
        assert waiting.result(60)
