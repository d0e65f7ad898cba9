"""The commands of benchmarks/ run, and the table has every row of what is installed."""

import importlib.util
import re

import pytest
from helpers import REPOSITORY, called, load_public, run

from benchmarks import measuring

OURS, BARE, TUTORIAL = "cnn_estimator", "the same graph in a bare session", "the tutorial's script"
PRODUCTS = "the matrix products alone"


def rows(markdown):
    """Returns {title of a table: {name of a row: its cells}}."""
    found = {}
    for line in markdown.splitlines():
        if title := re.fullmatch(r"\*\*(.*)\*\*", line):
            table = found[title[1]] = {}
        elif line.startswith("| ") and not line.startswith("| ---"):
            name, *cells = line[2:-2].split(" | ")
            table[name] = cells
    return found


@pytest.mark.newest
@pytest.mark.process
def test_the_quick_benchmarks_have_their_rows():
    load_public("fashion_mnist", "train")
    done = run("benchmarks/run.py", "--quick", environment={"PYTHONPATH": str(REPOSITORY)})
    assert done.returncode == 0, done.stderr
    assert re.search(r"\d+ cores, .*bfloat16.*; Python 3\.\d+.*, TensorFlow 2\.\d+.*, Keras \d", done.stdout)
    found = rows(done.stdout)
    peers = ["Keras", *(["PyTorch"] if importlib.util.find_spec("torch") else [])]
    trained = [f"{name}, float32" for name in (OURS, BARE, TUTORIAL, *peers, PRODUCTS)]
    assert [*found["Training, steps a second"]] == ["", *trained]
    assert [*found["Training, peak memory in MB"]] == ["", *(f"{name}, float32" for name in (OURS, TUTORIAL, *peers))]
    assert [*found["Evaluation of the test set, seconds"]] == ["", *(f"{name}, float32" for name in (OURS, *peers))]
    assert [*found["Start, seconds"]] == [
        "",
        "import tensorflow",
        "run_train.py to its first step",
        "predict, one image",
    ]
    for table in found.values():
        heading, *cells = table.values()
        assert all(float(row[0]) > 0 and len(row) == len(heading) for row in cells), table


@pytest.mark.unit
def test_the_layers_of_the_benchmarks_are_those_of_the_network():
    """By the number of their variables, and the operations of a step that the manual names."""
    assert sum((inputs + 1) * outputs for _, inputs, outputs in measuring.LAYERS) == 1_447_946
    assert round(measuring.step_flops() / 1e9, 1) == 13.0


@pytest.mark.newest
@pytest.mark.integration
@pytest.mark.parametrize(
    ("change", "steps", "lowest_loss"),
    [
        ("unscaled_pixels", 1, 5),  # 2.3 otherwise, that of guessing
        ("softmax_before_loss", 30, 1.46),  # the least that it can be; 0.82 otherwise
    ],
)
def test_the_ladder_is_trained_with_one_thing_changed(change, steps, lowest_loss):
    for split in ("train", "test"):
        load_public("fashion_mnist", split)
    arguments = [change, "--recipes=fashion_ladder_2", f"--steps={steps}"]
    done = called(*arguments, script="benchmarks/ladder.py")
    line = rf"fashion_ladder_2, {change}, seed 1, {steps} steps: 0\.\d{{4}}, loss of the last batch (\d+\.\d{{4}})\n"
    assert float(re.fullmatch(line, done.stdout)[1]) > lowest_loss
