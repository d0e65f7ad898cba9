"""The tutorial's notebook: it runs from top to bottom, and its file has what a run of these cells shows."""

import base64
import inspect
import os
import re

import nbformat
import pytest
from helpers import load_public
from run_notebook import SOURCES, TUTORIAL, code_cells, digest, execute

from cnn_estimator import model, networks

SHOWN = (networks.three_conv_dropout, model.model_fn, model.train_op, model.minimize)
MAX_BYTES = 600_000  # what a code host shows


def kinds(cell):
    """Returns what the outputs of a cell are: of several streams or MIME types in this order."""
    return [output.get("name") or sorted(output.get("data", ["error"])) for output in cell.outputs]


def texts(notebook):
    """Returns all text that the outputs of a notebook have, without its pictures."""
    found = []
    for output in (output for cell in code_cells(notebook) for output in cell.outputs):
        shown = {"text/plain": output.get("text", ""), **output.get("data", {})}
        found += [text for kind, text in shown.items() if kind.startswith("text/")]
    return "\n".join(found)


@pytest.mark.unit
def test_the_file_has_the_outputs_of_its_cells():
    notebook = nbformat.read(TUTORIAL, as_version=4)
    nbformat.validate(notebook)
    again = "the cells have changed since: python tests/run_notebook.py runs them again"
    assert notebook.metadata.get(SOURCES) == digest(notebook), again
    cells = code_cells(notebook)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    shown = [kind for cell in cells for kind in kinds(cell)]
    assert ["error"] not in shown
    assert "stderr" not in shown
    assert os.path.getsize(TUTORIAL) < MAX_BYTES
    assert not re.search(r"/root|/home|/tmp/(?!fashion_notebook)", texts(notebook))
    (steps,) = re.findall(r"^steps = (\d+)", cells[0].source, re.MULTILINE)
    assert f"trained to step {steps}: loss" in texts(notebook)
    garments, shapes = re.findall(r"accuracy <b>(\d\.\d+)</b>", texts(notebook))
    assert float(garments) > 0.85
    assert float(shapes) > 0.9
    for function in SHOWN:
        assert inspect.getsource(function) in texts(notebook), (
            "python tests/run_notebook.py shows the code as it is now"
        )


@pytest.mark.unit
def test_what_the_notebook_links_to_exists():
    notebook = nbformat.read(TUTORIAL, as_version=4)
    linked = [path for cell in notebook.cells for path in re.findall(r"\]\(([^)\s]+)\)", cell.source)]
    assert linked
    for path in linked:
        assert (TUTORIAL.parent / path).exists(), path


@pytest.mark.newest
@pytest.mark.process
def test_it_runs_from_top_to_bottom(tmp_path):
    load_public("fashion_mnist", "train")
    model_dir = tmp_path / "run"
    notebook = execute(tmp_path, steps=30, model_dir=str(model_dir))
    shown = texts(notebook)
    bars = re.findall(r"^.*\d%\|.*$", shown, re.MULTILINE)
    assert len(bars) == 2  # of the garments and of the shapes
    assert all("100%|" in bar for bar in bars)
    assert "| 30/30 [" in bars[0]
    assert "trained to step 30: loss" in shown
    assert "trained to step 3: loss" in shown
    assert len(re.findall(r"^(?:accuracy|loss) = ", shown, re.MULTILINE)) == 2
    assert "10000 test images" in shown

    for function in SHOWN:
        assert inspect.getsource(function) in shown
    pictures = [
        base64.b64decode(output.data["image/png"])
        for cell in code_cells(notebook)
        for output in cell.outputs
        if "image/png" in output.get("data", {})
    ]
    assert {picture[:8] for picture in pictures} == {b"\x89PNG\r\n\x1a\n"}
    # the data, the curves, the first test images, the mistakes, why, the photo
    assert len(pictures) == 6
    assert "tensorboard-frame" in shown
    assert "ERROR" not in shown
    assert (tmp_path / "run.tflite").stat().st_size > 5_000_000

    kept = nbformat.read(TUTORIAL, as_version=4)
    assert list(map(kinds, code_cells(notebook))) == list(map(kinds, code_cells(kept)))
