import dataclasses
import fcntl
import json
import re

import numpy as np
import pytest
from helpers import stop_training_after, variables

from cnn_estimator import evaluation, hardware, recipes, reproduction, training
from cnn_estimator.data import datasets
from cnn_estimator.errors import Stopped, UserError
from cnn_estimator.prediction import Predictor
from cnn_estimator.reproduction import Reproduction, Run

NAMES = ("fashion_cnn_3x3", "fashion_dense")
SCALE = 0.0005  # 9 and 5 steps


def finished_run(recipe, seed, accuracy, **fields):
    place = {"tensorflow": "2.21.0", "hardware": "2 CPUs of a processor", "precision": "float32"}
    timing = {"step": 1500, "timed_steps": 1500, "seconds": 75.0}
    return Run(recipe=recipe, seed=seed, accuracy=accuracy, **place | timing | {"accuracy_in_training": None} | fields)


@pytest.fixture(scope="module")
def root(tmp_path_factory, data_dir):
    """A root with two recipes and two seeds. Tests only read it."""
    folder = tmp_path_factory.mktemp("reproduced") / "root"
    reproduction.reproduce(folder, NAMES, (1, 2), scale=SCALE, data_dir=data_dir)
    return folder


def results(folder):
    return json.loads((folder / "results.json").read_text())


@pytest.mark.newest
@pytest.mark.integration
def test_every_recipe_is_trained_and_evaluated_with_every_seed(root):
    content = results(root)
    assert (content["scale"], content["rehearsal"], content["precision"]) == (SCALE, True, None)
    assert [(run["recipe"], run["seed"], run["step"], run["timed_steps"]) for run in content["runs"]] == [
        (name, seed, steps, steps) for seed in (1, 2) for name, steps in (("fashion_cnn_3x3", 9), ("fashion_dense", 5))
    ]
    for run in content["runs"]:
        assert run["accuracy"] == evaluation.evaluate(root / f"{run['recipe']}-seed{run['seed']}").accuracy
        assert run["seconds"] > 0
        assert run["precision"] == "float32"
    assert [summary["seeds"] for summary in content["recipes"]] == [[1, 2], [1, 2]]


@pytest.mark.newest
@pytest.mark.integration
def test_the_training_set_is_evaluated_if_the_tutorial_did_that(root, data_dir):
    accuracies = {(run["recipe"], run["seed"]): run["accuracy_in_training"] for run in results(root)["runs"]}
    assert accuracies["fashion_dense", 1] is None
    data = datasets.load("fashion_mnist", "train", data_dir)
    with Predictor(root / "fashion_cnn_3x3-seed2") as predictor:
        hits = predictor.predict(data.images).classes == data.labels
    assert accuracies["fashion_cnn_3x3", 2] == pytest.approx(np.mean(hits), abs=1e-6)


@pytest.mark.newest
@pytest.mark.integration
def test_a_finished_run_is_skipped_and_stays_in_the_table(root, data_dir, monkeypatch):
    monkeypatch.setattr(reproduction, "train", None)
    before = (root / "results.md").read_text()
    result = reproduction.reproduce(root, ["fashion_dense"], [2, 2], scale=SCALE)
    assert (result.data_dir, len(result.runs)) == (data_dir, 4)
    assert (root / "results.md").read_text() == before


@pytest.mark.newest
@pytest.mark.integration
def test_an_interrupted_run_is_resumed_and_ends_in_the_same_bits(tmp_path, root, data_dir, monkeypatch):
    options = {"recipes": ["fashion_dense"], "seeds": [1], "scale": SCALE}
    with monkeypatch.context() as patched:
        stop_training_after(patched, 2)
        with pytest.raises(Stopped) as caught:
            reproduction.reproduce(tmp_path, **options, data_dir=data_dir)
    assert caught.value.result.runs == ()
    (run,) = reproduction.reproduce(tmp_path, **options).runs
    assert (run.step, run.timed_steps) == (5, 3)
    assert run.accuracy == results(root)["runs"][1]["accuracy"]
    assert variables(tmp_path / "fashion_dense-seed1") == variables(root / "fashion_dense-seed1")


@pytest.mark.integration
def test_a_trained_model_dir_is_evaluated_if_it_holds_this_run(tmp_path, data_dir):
    options = {"recipes": ["fashion_dense"], "seeds": [1], "data_dir": data_dir, "scale": 12 / 9375}
    training.train(tmp_path / "fashion_dense-seed1", "fashion_dense", max_steps=12, seed=1, data_dir=data_dir)
    (run,) = reproduction.reproduce(tmp_path, **options).runs
    assert (run.step, run.timed_steps, run.tensorflow) == (12, 0, None)
    assert "1 run: trained earlier, precision float32" in (tmp_path / "results.md").read_text()
    training.train(tmp_path / "fashion_fast-seed1", "fashion_fast", max_steps=3, seed=2, data_dir=data_dir)
    with pytest.raises(UserError, match="holds another run: move it away, or choose another root") as caught:
        reproduction.reproduce(tmp_path, **options | {"recipes": ["fashion_fast"]})
    assert caught.value.differences[1:] == [("seed", 2, 1), ("schedule_steps", 3, 2)]


@pytest.mark.unit
@pytest.mark.parametrize("request_", [{"scale": 0.5}, {"data_dir": "/"}, {"precision": "auto"}])
def test_the_runs_in_a_root_have_one_scale_data_dir_and_precision(tmp_path, request_, monkeypatch):
    monkeypatch.setattr(hardware, "prefers_bfloat16", lambda: True)
    reproduction.reproduce(tmp_path, [], precision="float32")
    ((name, _),) = request_.items()
    message = rf"^{name} .*: root {tmp_path} has .*, and one table cannot hold both: choose another root$"
    with pytest.raises(UserError, match=message):
        reproduction.reproduce(tmp_path, [], **request_)


@pytest.mark.unit
@pytest.mark.parametrize("content", ["{", "[]", json.dumps({"scale": 1, "precision": None, "data_dir": None})])
def test_damaged_results_are_an_error_and_stay(tmp_path, content):
    (tmp_path / "results.json").write_text(content)
    with pytest.raises(UserError, match=r"results\.json cannot be read: .*: move it away"):
        reproduction.reproduce(tmp_path, [])
    assert (tmp_path / "results.json").read_text() == content


@pytest.mark.unit
def test_a_run_that_an_earlier_release_left_unfinished_is_not_in_the_table(tmp_path):
    finished, unfinished = (dataclasses.asdict(finished_run("fashion_cnn", 1, accuracy)) for accuracy in (0.9, None))
    content = {"scale": 1, "precision": None, "data_dir": None, "runs": [finished, unfinished]}
    (tmp_path / "results.json").write_text(json.dumps(content))
    assert [run.accuracy for run in reproduction.reproduce(tmp_path, []).runs] == [0.9]


@pytest.mark.unit
@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"recipes": ["fashion_cn"]}, "recipe 'fashion_cn': no such name, did you mean fashion_cnn?"),
        ({"seeds": [-1]}, "seed -1: not an integer"),
        ({"scale": 0}, "scale 0: not a number from 1e-06 to 1"),
        ({"precision": "half"}, "precision 'half': no such name"),
    ],
)
def test_bad_arguments_are_refused_before_anything_is_written(tmp_path, options, problem):
    with pytest.raises(UserError, match=f"^{re.escape(problem)}"):
        reproduction.reproduce(tmp_path / "root", **options)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.unit
def test_two_processes_cannot_use_one_root(tmp_path):
    with open(tmp_path / "train.lock", "w") as file:
        file.write("1")
        file.flush()
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(UserError, match=rf"^root {tmp_path}: .*, or choose another root$"):
            reproduction.reproduce(tmp_path, [])


@pytest.mark.unit
def test_steps_are_scaled_and_at_least_one():
    recipe = recipes.RECIPES["fashion_cnn"]
    assert [Reproduction(root="r", scale=scale).steps(recipe) for scale in (1, 0.01, 1e-6)] == [1500, 15, 1]


@pytest.mark.unit
def test_the_table_compares_the_tutorials_with_all_seeds():
    runs = (
        finished_run("fashion_cnn_64", 1, 0.9, accuracy_in_training=0.99, timed_steps=10, seconds=1),
        finished_run("fashion_cnn", 3, 0.89, seconds=50.0),
        finished_run("fashion_cnn", 1, 0.91, seconds=100.0),
    )
    lines = reproduction.page(Reproduction(root="r", runs=runs)).splitlines()
    rows = [re.split(r" *\| *", line.strip("| ")) for line in lines if line.startswith("| fashion")]
    assert rows == [
        ["fashion_cnn", "0.89 to 0.90", "0.9", "0.89", "0.91", "2", "", "", "1500", "20.0", "1.2"],
        ["fashion_cnn_64", "0.9060", "0.9", "0.9", "0.9", "1", "0.9945", "0.99", "93750", "10.0", "156.2"],
    ]
    assert lines[-1] == "3 runs: TensorFlow 2.21.0, 2 CPUs of a processor, precision float32."
    assert "rehearsal" not in "".join(lines)
    page = reproduction.page(Reproduction(root="r", scale=0.01, data_dir="/d", runs=runs))
    assert "**A rehearsal: each run has 0.01 of its recipe's steps. " in page
    assert page.endswith(", precision float32, data of /d.\n")
