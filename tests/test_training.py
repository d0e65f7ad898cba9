import gc
import json
import os
import pathlib
import re
import shutil
import signal
import sys
import threading

import numpy as np
import pytest
from helpers import steps_in, stop_training_after, variable_values, variables

import cnn_estimator
from cnn_estimator import evaluation, exporting, hardware, prediction, recipes, stopping, training
from cnn_estimator.data import datasets
from cnn_estimator.distributed.placement import Local
from cnn_estimator.errors import Stopped, UserError
from cnn_estimator.run_dir import events
from cnn_estimator.tf1 import tf

pytestmark = pytest.mark.integration


FIRST_OF_NETWORK = {recipe.network: name for name, recipe in reversed(recipes.RECIPES.items())}.values()


@pytest.mark.parametrize(
    "name",
    [name if name in FIRST_OF_NETWORK else pytest.param(name, marks=pytest.mark.newest) for name in recipes.RECIPES],
)
def test_every_recipe_trains_and_evaluates(tmp_path, data_dir, name):
    training.train(str(tmp_path), name, steps=2, batch_size=10, seed=1, data_dir=data_dir)
    result = evaluation.evaluate(str(tmp_path)).metrics
    assert (result["global_step"], result["images"]) == (2, 130)


def test_a_process_keeps_no_graph_or_session_of_its_trainings(tmp_path, data_dir):
    def graphs_and_sessions():
        return sum(isinstance(kept, tf.Graph | tf.Session) for kept in gc.get_objects())

    gc.collect()
    gc.disable()
    try:
        before = graphs_and_sessions()
        training.train(str(tmp_path), "fashion_dense", steps=1, data_dir=data_dir)
        assert graphs_and_sessions() == before
        evaluation.evaluate(str(tmp_path))
        assert graphs_and_sessions() == before
    finally:
        gc.enable()


@pytest.mark.parametrize("save_every", [1, 500])
def test_a_run_that_diverges_ends_with_its_step_and_learning_rate(tmp_path, data_dir, save_every):
    options = {"optimizer": "sgd", "learning_rate": 1e30, "seed": 1, "data_dir": data_dir}
    with pytest.raises(UserError) as caught:
        training.train(str(tmp_path), "fashion_dense", steps=20, save_every=save_every, **options)
    message = re.fullmatch(
        r"(?:loss is (?:nan|inf)|weights are no longer finite) at step (\d+) with (.+?): .+", str(caught.value)
    )
    assert message[2] == "learning_rate 1e+30"
    assert steps_in(tmp_path) == list(range(0, int(message[1]), save_every))[-5:]
    for step in steps_in(tmp_path):
        reader = tf.train.load_checkpoint(str(tmp_path / f"model.ckpt-{step}"))
        assert all(np.isfinite(reader.get_tensor(name)).all() for name in reader.get_variable_to_shape_map())


@pytest.mark.newest
def test_the_result_says_what_was_done(tmp_path, data_dir):
    """The facade's train is this one."""
    options = {"recipe": "fashion_dense", "seed": 1, "data_dir": data_dir}
    first = cnn_estimator.train(model_dir=str(tmp_path), max_steps=3, batch_size=10, **options)
    assert (first.model_dir, first.step, first.steps, first.max_steps) == (str(tmp_path), 3, 3, 3)
    assert first.checkpoint == str(tmp_path / "model.ckpt-3")
    assert 0 < first.loss < 10
    assert 0 < first.seconds < 100
    assert first.settings.overrides() == {"batch_size": 10}
    second = cnn_estimator.train(str(tmp_path), steps=2, batch_size=10, **options)
    assert (second.step, second.steps, second.max_steps) == (5, 2, 5)
    before = variables(tmp_path)
    third = cnn_estimator.train(str(tmp_path), max_steps=5, batch_size=10, **options)
    assert (third.step, third.steps, third.loss, third.seconds) == (5, 0, None, 0)
    assert variables(tmp_path) == before


def test_epochs_are_passes_over_the_images_that_are_not_held_out(tmp_path, data_dir):
    """Of 300 images 40 are held out: 260 are four batches of 64 and a smaller one."""
    chosen = {"recipe": "fashion_dense", "batch_size": 64, "data_dir": data_dir, "schedule": "linear"}
    first = cnn_estimator.train(tmp_path / "run", epochs=2, validation=40, **chosen)
    assert (first.steps, first.max_steps, first.settings.schedule_steps) == (10, 10, 10)
    again = cnn_estimator.train(tmp_path / "run", epochs=1, **chosen)
    assert (again.steps, again.max_steps, again.settings.schedule_steps) == (5, 15, 10)
    with pytest.raises(UserError, match=r"^validation 300: .* has 300 training images, and some must be left: "):
        cnn_estimator.train(tmp_path / "other", epochs=1, validation=300, **chosen)
    with pytest.raises(UserError, match=r"^data_dir /nowhere is not a folder: "):
        cnn_estimator.train(tmp_path / "other", epochs=1, **chosen | {"data_dir": "/nowhere"})
    assert steps_in(tmp_path / "other") == []


@pytest.mark.newest
def test_a_stop_request_ends_training_after_the_step_with_a_result(tmp_path, data_dir, monkeypatch):
    stop_training_after(monkeypatch, 4)
    with pytest.raises(Stopped, match=r"^stopped by SIGTERM$") as caught:
        training.train(str(tmp_path), "fashion_dense", max_steps=100, seed=1, data_dir=data_dir)
    result = caught.value.result
    assert (result.step, result.steps, result.max_steps) == (4, 4, 100)
    assert result.checkpoint == str(tmp_path / "model.ckpt-4")
    assert steps_in(tmp_path) == [0, 4]


@pytest.mark.newest
def test_a_stop_request_before_the_first_step_changes_nothing(tmp_path, data_dir, monkeypatch):
    training.train(str(tmp_path / "run"), "fashion_dense", max_steps=1, seed=1, data_dir=data_dir)
    monkeypatch.setattr(stopping, "_requested", signal.SIGINT)
    for fresh in (False, True):
        with pytest.raises(Stopped) as caught:
            training.train(str(tmp_path / "run"), "fashion_dense", max_steps=2, fresh=fresh, data_dir=data_dir)
        assert caught.value.result is None
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    assert steps_in(tmp_path / "run") == [0, 1]


@pytest.mark.newest
def test_a_stop_request_that_ends_training_in_the_first_step_is_no_success(tmp_path, data_dir, monkeypatch):
    monkeypatch.setattr(stopping, "_requested", None)
    monkeypatch.setattr(Local, "train", lambda *arguments: stopping.request(signal.SIGTERM))
    with pytest.raises(Stopped) as caught:
        training.train(str(tmp_path), "fashion_dense", max_steps=2, data_dir=data_dir)
    assert caught.value.result is None


@pytest.mark.newest
def test_a_damaged_run_is_moved_away_by_a_fresh_one(tmp_path, data_dir):
    options = {"recipe": "fashion_dense", "max_steps": 1, "validation": 100, "data_dir": data_dir}
    training.train(str(tmp_path / "run"), **options)
    (tmp_path / "run" / "validation.jsonl").write_text("damaged\n")
    training.train(str(tmp_path / "run"), fresh=True, **options)
    assert (tmp_path / "run.1" / "validation.jsonl").read_text() == "damaged\n"


@pytest.mark.newest
def test_missing_data_is_an_error_and_changes_nothing(tmp_path, data_dir):
    own = shutil.copytree(data_dir, tmp_path / "data")
    (own / "class_names.txt").write_text("\n".join("abcdefghij"))
    training.train(str(tmp_path / "run"), "fashion_dense", max_steps=1, data_dir=str(own))
    shutil.rmtree(own)
    before = (tmp_path / "run" / "settings.json").read_bytes()
    with pytest.raises(UserError, match=r"^data_dir .*/data is not a folder"):
        training.train(str(tmp_path / "run"), "fashion_dense", max_steps=2)
    assert steps_in(tmp_path / "run") == [0, 1]
    assert (tmp_path / "run" / "settings.json").read_bytes() == before


def test_threads_decide_the_bits_in_one_process_too(tmp_path, data_dir):
    """Every session has its own, though TensorFlow by itself gives all of them the first session's."""
    options = {"steps": 2, "batch_size": 20, "seed": 1, "data_dir": data_dir}
    runs = [  # with convolutions: some CPUs split the sums of dense layers in the same way for any number of threads
        training.train(tmp_path / f"run{number}", "fashion_ladder_2", threads=threads, **options)
        for number, threads in enumerate((2, 1, 2))
    ]
    assert [run.settings.threads for run in runs] == [2, 1, 2]
    first, other, repeated = (variables(run.checkpoint) for run in runs)
    assert first == repeated != other


@pytest.mark.newest
def test_a_run_continues_with_its_threads(tmp_path, data_dir, caplog):
    training.train(tmp_path / "run", "fashion_dense", steps=2, threads=3, data_dir=data_dir)
    assert training.train(tmp_path / "run", "fashion_dense", steps=1).settings.threads == 3
    assert "threads" not in "".join(record.message for record in caplog.records if record.levelname == "WARNING")
    assert training.train(tmp_path / "run", "fashion_dense", steps=1, threads=2).settings.threads == 2
    assert "threads changed from 3 to 2" in caplog.text
    assert json.loads((tmp_path / "run" / "settings.json").read_text())["threads"] == 2


@pytest.mark.newest
def test_threads_that_tensorflow_may_not_use_are_reported(tmp_path, data_dir, caplog, monkeypatch):
    monkeypatch.setattr(sys.modules["cnn_estimator.training.fit"], "OWN_THREADS", False)
    options = {"recipe": "fashion_dense", "steps": 1, "data_dir": data_dir}
    training.train(tmp_path, threads=hardware.available_threads(), **options)
    assert "may have no effect" not in caplog.text
    training.train(tmp_path, threads=hardware.available_threads() + 1, **options)
    assert f"threads {hardware.available_threads() + 1} may have no effect" in caplog.text


def test_a_bad_argument_is_refused_before_anything_is_made(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for arguments, problem in (
        ({"steps": 3, "max_steps": 5}, "steps 3 and max_steps 5 exclude each other: give one"),
        ({"optimizer": "adan"}, "optimizer 'adan': no such name, did you mean adam"),
        ({"save_every": 0}, "save_every 0: not an integer from 1 to 1000000000"),
        ({"model_dir": None}, "model_dir None: not a path"),
        ({"data_dir": 3}, "data_dir 3: not a path"),
        ({"devices": 2}, "devices 2: without a strategy there is one device"),
    ):
        with pytest.raises(UserError, match=f"^{re.escape(problem)}"):
            training.train(**{"model_dir": "run"} | arguments)
    assert not list(tmp_path.iterdir())


@pytest.mark.newest
def test_a_path_object_is_as_good_as_a_str(tmp_path, data_dir):
    folder = pathlib.Path(data_dir)
    trained = training.train(tmp_path, "fashion_dense", max_steps=1, seed=1, data_dir=folder)
    assert (trained.model_dir, trained.settings.data_dir) == (str(tmp_path), data_dir)
    newest = tmp_path / "model.ckpt-1"
    assert evaluation.evaluate(tmp_path, checkpoint=newest, data_dir=folder).metrics["checkpoint"] == str(newest)
    done = exporting.export(tmp_path, format="saved_model", output=tmp_path / "export", data_dir=folder)
    assert done.output == str(tmp_path / "export")
    assert datasets.load("fashion_mnist", "test", folder).source == data_dir


def test_the_arguments_of_the_other_verbs_are_refused_by_name():
    for call, problem in (
        (lambda: evaluation.evaluate("a", batch_size=0), "batch_size 0: not an integer from 1"),
        (lambda: evaluation.evaluate("s3://a"), "model_dir 's3://a': paths that begin with s3:// are not supported"),
        (lambda: prediction.predict("a", [], [-1]), "test_indices -1: not an integer from 0"),
        (lambda: prediction.predict("a", [], [1], invert="maybe"), "invert 'maybe': no such name"),
        (lambda: prediction.Predictor(None), "model_dir None: not a path"),
        (lambda: exporting.export("a", format="onnx", output=None), "output None: not a path"),
        (lambda: datasets.load("mnist", "test", "gs://a"), "data_dir 'gs://a': paths that begin with gs:// are not"),
    ):
        with pytest.raises(UserError, match=f"^{re.escape(problem)}"):
            call()


def events_in(folder):
    """How many values the event files in a folder have."""
    paths = pathlib.Path(folder).glob("events.out.tfevents.*")
    return sum(len(event.summary.value) for path in paths for event in tf.train.summary_iterator(str(path)))


@pytest.mark.newest
@pytest.mark.parametrize("remove", [None, shutil.rmtree], ids=["fresh", "removed"])
def test_every_run_of_one_process_has_its_own_event_files(tmp_path, data_dir, remove):
    folder = tmp_path / "run"
    for _ in range(2):
        options = {"seed": 1, "data_dir": data_dir, "log_every": 1}
        training.train(str(folder), "fashion_dense", max_steps=3, fresh=remove is None, **options)
        evaluation.evaluate(str(folder))
        assert events_in(folder) == 1 + 3 * 3 + 2  # the first is for the HParams tab
        assert events_in(folder / "eval") == 4
        if remove:
            remove(folder)


@pytest.mark.newest
def test_a_run_that_continues_loses_no_events(tmp_path, data_dir):
    for steps in (2, 4):
        training.train(str(tmp_path), "fashion_dense", max_steps=steps, log_every=1, seed=1, data_dir=data_dir)
    (loss,) = [curve for curve in events.curves(tmp_path) if curve.tag == "loss"]
    assert loss.steps == [1, 2, 3, 4]


@pytest.mark.newest
def test_runs_leave_no_descriptors_and_threads_in_their_process(tmp_path, data_dir):
    counts = []
    for number in range(3):
        options = {"seed": 1, "data_dir": data_dir, "validation": 10, "eval_every": 2, "eval_on_test": True}
        training.train(tmp_path / str(number), "fashion_dense", max_steps=2, **options)
        evaluation.evaluate(tmp_path / str(number), plot=True)
        counts.append((len(os.listdir("/proc/self/fd")), threading.active_count()))  # TensorFlow's pools may grow
    assert counts[2] == counts[1]


@pytest.mark.parametrize("name", ["validation", "eval"])
def test_a_file_in_the_place_of_a_folder_is_one_line(tmp_path, data_dir, name):
    (tmp_path / name).touch()
    options = {"seed": 1, "data_dir": data_dir, "validation": 10, "eval_every": 1, "eval_on_test": True}
    with pytest.raises(UserError, match=rf"^{tmp_path}/{name} cannot be written: File exists: fix that"):
        training.train(tmp_path, "fashion_dense", max_steps=2, **options)


@pytest.mark.parametrize("options", [{}, {"strategy": "mirrored", "devices": 2}])
@pytest.mark.filterwarnings("ignore:To make it possible to preserve tf.data options:UserWarning")
def test_histograms_of_the_weights_change_no_bit_of_training(tmp_path, data_dir, options):
    options = options | {"recipe": "fashion_dense", "seed": 1, "threads": 2, "data_dir": data_dir}
    training.train(tmp_path / "without", max_steps=5, **options)
    for max_steps in (3, 5):
        training.train(tmp_path / "with", max_steps=max_steps, histograms=True, log_every=2, **options)
    assert variables(tmp_path / "with") == variables(tmp_path / "without")
    found = {}
    for folder in ("with", "without"):
        found[folder] = {}
        for file in sorted((tmp_path / folder).glob("*tfevents*")):
            for event in tf.train.summary_iterator(str(file)):
                for value in event.summary.value:
                    if value.WhichOneof("value") == "histo":
                        found[folder].setdefault(value.tag, {})[event.step] = value.histo
    assert found["without"] == {}
    assert {tag: sorted(steps) for tag, steps in found["with"].items()} == {
        f"{layer}/{part}": [1, 3, 4] for layer in ("dense", "dense_1") for part in ("kernel", "bias")
    }
    saved = variable_values(tmp_path / "with" / "model.ckpt-3")["dense/kernel"]
    histogram = found["with"]["dense/kernel"][3]
    assert (histogram.num, histogram.max) == (saved.size, pytest.approx(saved.max()))
    assert histogram.sum == pytest.approx(saved.sum(dtype=np.float64), rel=1e-5)


def test_fewer_checkpoints_are_kept_from_the_next_one_on(tmp_path, data_dir):
    options = {"recipe": "fashion_dense", "seed": 1, "data_dir": data_dir}
    training.train(tmp_path, steps=4, save_every=1, **options)
    assert steps_in(tmp_path) == [0, 1, 2, 3, 4]
    training.train(tmp_path, steps=1, keep_checkpoints=2, **options)
    assert steps_in(tmp_path) == [4, 5]
    state = tf.train.get_checkpoint_state(str(tmp_path))
    assert [os.path.basename(path) for path in state.all_model_checkpoint_paths] == ["model.ckpt-4", "model.ckpt-5"]
