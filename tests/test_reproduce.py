import fcntl
import json
import re

import numpy as np
import pytest
from helpers import steps_in, stop_training_after, variables

from cnn_estimator import evaluation, hardware, recipes, training
from cnn_estimator import reproduction as reproduce
from cnn_estimator.data import datasets
from cnn_estimator.errors import Stopped, UserError
from cnn_estimator.prediction import Predictor
from cnn_estimator.reproduction import Reproduction, Run

NAMES = ("fashion_cnn_3x3", "fashion_dense")
SCALE = 0.001  # 19 and 9 steps
PLACE = {"tensorflow": "2.21.0", "hardware": "2 CPUs of a processor", "precision": "float32"}


@pytest.fixture(scope="module")
def root(tmp_path_factory, data_dir):
    """A root with two recipes and two seeds, to read only."""
    folder = tmp_path_factory.mktemp("reproduced") / "root"
    reproduce.reproduce(str(folder), NAMES, (1, 2), scale=SCALE, data_dir=data_dir)
    return folder


def results(folder):
    return json.loads((folder / "results.json").read_text())


@pytest.mark.integration
def test_every_recipe_is_trained_and_evaluated_with_every_seed(root):
    content = results(root)
    assert (content["scale"], content["rehearsal"], content["precision"]) == (SCALE, True, None)
    assert [(run["recipe"], run["seed"], run["step"], run["timed_steps"]) for run in content["runs"]] == [
        (name, seed, steps, steps) for name, steps in (("fashion_dense", 9), ("fashion_cnn_3x3", 19)) for seed in (1, 2)
    ]
    for run in content["runs"]:
        model_dir = str(root / f"{run['recipe']}-seed{run['seed']}")
        assert run["accuracy"] == evaluation.evaluate(model_dir).metrics["accuracy"]
        assert run["seconds"] > 0
        assert run["precision"] == "float32"
    assert {path.name for path in root.iterdir() if path.is_dir()} == {
        f"{name}-seed{seed}" for name in NAMES for seed in (1, 2)
    }


@pytest.mark.integration
def test_the_training_set_is_evaluated_where_its_tutorial_did_that(root, data_dir):
    content = results(root)
    found = {(run["recipe"], run["seed"]): run["accuracy_in_training"] for run in content["runs"]}
    assert found["fashion_dense", 1] is found["fashion_dense", 2] is None
    data = datasets.load("fashion_mnist", "train", data_dir)
    with Predictor(str(root / "fashion_cnn_3x3-seed2")) as predictor:
        hits = predictor.predict(data.images).classes == data.labels
    assert found["fashion_cnn_3x3", 2] == pytest.approx(np.mean(hits), abs=1e-6)
    (summary,) = [summary for summary in content["recipes"] if summary["recipe"] == "fashion_cnn_3x3"]
    assert (summary["reported"], summary["reported_in_training"]) == (None, "0.9745")
    assert summary["lowest"] <= summary["mean"] <= summary["highest"]


@pytest.mark.integration
def test_what_is_finished_is_not_done_again(root, data_dir, monkeypatch):
    """Also where the numbers of the call are others; what is in the root already stays in its table."""
    monkeypatch.setattr(reproduce, "train", None)
    monkeypatch.setattr(reproduce, "evaluate", None)
    before = (root / "results.md").read_text()
    found = reproduce.reproduce(str(root), ["fashion_dense"], [2, 2], scale=SCALE)
    assert (found.data_dir, len(found.runs)) == (data_dir, 4)
    assert (root / "results.md").read_text() == before


@pytest.mark.integration
def test_what_was_stopped_goes_on_in_the_same_bits(tmp_path, root, data_dir, monkeypatch):
    """Once in its training, and once before the evaluation."""
    options = {"recipes": ["fashion_dense"], "seeds": [1], "scale": SCALE}
    for reached in (4, 8):
        with monkeypatch.context() as patched:
            stop_training_after(patched, 4)
            with pytest.raises(Stopped) as caught:
                reproduce.reproduce(str(tmp_path), **options, data_dir=data_dir)
        (run,) = caught.value.result.runs
        assert (run.step, run.timed_steps, run.accuracy) == (reached, reached, None)
        assert results(tmp_path)["runs"][0]["step"] == reached
        assert "fashion_dense" not in (tmp_path / "results.md").read_text()
    training.train(str(tmp_path / "fashion_dense-seed1"), "fashion_dense", max_steps=9)
    (run,) = reproduce.reproduce(str(tmp_path), **options).runs
    assert (run.step, run.timed_steps) == (9, 8)
    assert run.accuracy == reproduce.reproduce(str(root), **options).find("fashion_dense", 1).accuracy
    assert variables(tmp_path / "fashion_dense-seed1") == variables(root / "fashion_dense-seed1")


@pytest.mark.integration
def test_a_root_holds_runs_of_one_kind(root, tmp_path, monkeypatch):
    advice = "which one table cannot hold: choose another root"
    for given, problem in (
        ({"scale": 0.5}, f"scale 0.5: the runs in root {root} have 0.001"),
        ({"data_dir": str(tmp_path)}, f"data_dir {tmp_path}: the runs in root {root} have "),
    ):
        with pytest.raises(UserError, match=rf"^{re.escape(problem)}.*, {advice}$"):
            reproduce.reproduce(str(root), NAMES, **{"scale": SCALE} | given)
    monkeypatch.setattr(reproduce, "resolve_precision", lambda precision: precision)
    with pytest.raises(UserError, match=r"^precision bfloat16: the runs in root .* have the default, "):
        reproduce.reproduce(str(root), NAMES, scale=SCALE, precision="bfloat16")


@pytest.mark.integration
def test_a_model_dir_that_was_trained_further_is_not_evaluated_as_less(tmp_path, data_dir):
    folder = tmp_path / "fashion_dense-seed1"
    training.train(str(folder), "fashion_dense", max_steps=12, seed=1, data_dir=data_dir)
    with pytest.raises(UserError, match=r"is at step 12, and a run of fashion_dense there has 9: move it away, "):
        reproduce.reproduce(str(tmp_path), ["fashion_dense"], [1], scale=SCALE, data_dir=data_dir)
    assert steps_in(folder) == [0, 12]


@pytest.mark.integration
@pytest.mark.parametrize(
    ("trained", "asked", "row"),
    [
        ({"seed": 2}, {}, ("seed", 2, 1)),
        ({"validation": 100}, {}, ("validation", 100, 0)),
        ({"learning_rate": 0.01}, {}, ("learning_rate", 0.01, 0.003)),
        ({}, {"scale": 0.003}, ("schedule_steps", 3, 4)),
    ],
)
def test_a_model_dir_that_was_trained_otherwise_is_another_run(tmp_path, data_dir, trained, asked, row):
    """Also one of the same root, where the results were lost; with what it was trained with it goes on."""
    training.train(
        str(tmp_path / "fashion_fast-seed1"), "fashion_fast", max_steps=3, data_dir=data_dir, **{"seed": 1} | trained
    )
    options = {"recipes": ["fashion_fast"], "seeds": [1], "data_dir": data_dir}
    with pytest.raises(UserError, match="holds another run: move it away, or choose another root") as caught:
        reproduce.reproduce(str(tmp_path), **options, **{"scale": 0.002} | asked)
    assert row in caught.value.differences
    if not trained:
        (run,) = reproduce.reproduce(str(tmp_path), **options, scale=0.002).runs
        assert (run.step, run.timed_steps, run.tensorflow, run.precision) == (3, 0, None, "float32")
        assert "1 run: trained earlier, precision float32" in (tmp_path / "results.md").read_text()


# Without a session


HEAD = {"version": 1, "scale": 1, "precision": "float32", "data_dir": None}


@pytest.mark.unit
@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "Expecting property name"),
        ("[]", "list indices"),
        ('{"version": 9}', "version 9, not 1"),
        (json.dumps(HEAD), "'runs'"),
        (json.dumps(HEAD | {"scale": 7, "runs": []}), "scale 7: not a number"),
        (json.dumps(HEAD | {"runs": [{"recipe": "x", "seed": 1}]}), "recipe 'x': no such name"),
        (
            json.dumps(HEAD | {"runs": [{"recipe": "fashion_cnn", "seed": 1, "accuracy": "0.9"}]}),
            "accuracy '0.9': not a number",
        ),
        (
            json.dumps(HEAD | {"runs": [{"recipe": "fashion_cnn", "seed": 1, "accuracy": float("nan")}]}),
            "accuracy nan: not a number",
        ),
        (
            json.dumps(HEAD | {"runs": [{"recipe": "fashion_cnn", "seed": 1, "seconds": None}]}),
            "seconds None: not a number",
        ),
        (json.dumps(HEAD | {"runs": [{"recipe": "fashion_cnn", "seed": 1}] * 2}), "a run twice"),
    ],
)
def test_damaged_results_are_an_error_and_stay(tmp_path, content, said):
    (tmp_path / "results.json").write_text(content)
    with pytest.raises(UserError, match=rf"results\.json cannot be read: .*{re.escape(said)}.*: move it away"):
        reproduce.reproduce(str(tmp_path), [])
    assert (tmp_path / "results.json").read_text() == content


@pytest.mark.unit
@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"recipes": ["fashion_cn"]}, "recipe 'fashion_cn': no such name, did you mean fashion_cnn?"),
        ({"seeds": [-1]}, "seed -1: not an integer"),
        ({"scale": 0}, "scale 0: not a number from 1e-06 to 1"),
        ({"precision": "half"}, "precision 'half': no such name"),
    ],
)
def test_bad_arguments_are_refused_before_anything_is_written(tmp_path, given, said):
    with pytest.raises(UserError, match=f"^{re.escape(said)}"):
        reproduce.reproduce(str(tmp_path / "root"), **given)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.unit
def test_a_root_in_which_tensorflow_finds_no_checkpoints_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"^root '.*/x\*': TensorFlow reads .* as patterns: choose another root$"):
        reproduce.reproduce(tmp_path / "x*")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.unit
def test_a_root_in_bfloat16_is_refused_where_the_processor_has_none(tmp_path, monkeypatch):
    (tmp_path / "results.json").write_text(json.dumps(HEAD | {"precision": "bfloat16", "runs": []}))
    monkeypatch.setattr(reproduce, "has_bfloat16", lambda: False)
    with pytest.raises(UserError, match=r"in bfloat16, which this processor lacks: choose another root$"):
        reproduce.reproduce(tmp_path)


@pytest.mark.unit
def test_a_root_is_one_processs(tmp_path):
    with open(tmp_path / "train.lock", "w") as file:
        file.write("1")
        file.flush()
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(UserError, match=rf"^root {tmp_path}: .*, or choose another root$"):
            reproduce.reproduce(str(tmp_path), [])


@pytest.mark.unit
def test_steps_are_scaled_and_at_least_one():
    recipe = recipes.RECIPES["fashion_cnn"]
    assert [Reproduction(root="r", scale=scale).steps(recipe) for scale in (1, 0.01, 1e-6)] == [1500, 15, 1]


@pytest.mark.unit
def test_the_table_has_the_tutorials_figures_beside_those_of_all_seeds():
    found = Reproduction(root="r")
    for seed, accuracy, seconds in ((3, 0.89, 50.0), (1, 0.91, 100.0), (2, None, 20.0)):
        timing = {"timed_steps": 1500, "seconds": seconds}
        found = found.replace(Run(recipe="fashion_cnn", seed=seed, accuracy=accuracy, **timing, **PLACE))
    found = found.replace(
        Run(
            recipe="fashion_cnn_64", seed=1, accuracy=0.9, accuracy_in_training=0.99, timed_steps=10, seconds=1, **PLACE
        )
    )
    lines = reproduce.page(found).splitlines()
    rows = [re.split(r" *\| *", line.strip("| ")) for line in lines if line.startswith("| fashion")]
    assert rows == [
        ["fashion_cnn", "0.89 to 0.90", "0.9000", "0.8900", "0.9100", "2", "", "", "1500", "20.0", "1.2"],
        ["fashion_cnn_64", "0.9060", "0.9000", "0.9000", "0.9000", "1", "0.9945", "0.9900", "93750", "10.0", "156.2"],
    ]
    assert lines[-1] == "3 runs: TensorFlow 2.21.0, 2 CPUs of a processor, precision float32."
    assert "rehearsal" not in reproduce.page(found)


@pytest.mark.unit
def test_a_rehearsal_is_marked_as_one():
    found = Reproduction(root="r", scale=0.01, data_dir="/d").replace(
        Run(recipe="mnist_cnn", seed=1, accuracy=0.5, **PLACE)
    )
    assert "**A rehearsal: each run has 0.01 of its recipe's steps. " in reproduce.page(found)
    assert reproduce.page(found).endswith(", precision float32, data of /d.\n")


@pytest.mark.unit
def test_the_hardware_is_the_processor_and_how_much_of_it():
    assert re.fullmatch(rf"{hardware.available_threads()} CPUs? of \S.*", reproduce.hardware())
