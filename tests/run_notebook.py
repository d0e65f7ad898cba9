"""Runs the tutorial's notebook from top to bottom; `python tests/run_notebook.py` keeps the outputs in its file."""

import contextlib
import hashlib
import json
import os
import pathlib
import re
import signal
import sys
import tempfile

import nbclient
import nbformat
from helpers import REPOSITORY, users_environment

TUTORIAL = REPOSITORY / "notebooks" / "fashion_cnn.ipynb"
SOURCES = "sha256_of_executed_sources"  # in the notebook's metadata


def code_cells(notebook):
    """Returns the code cells of a notebook."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def parameters_cell(notebook):
    """Returns the cell that is tagged `parameters`."""
    (cell,) = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
    return cell


def digest(notebook):
    """Returns the SHA-256 of the code in a notebook."""
    return hashlib.sha256("\0".join(cell.source for cell in code_cells(notebook)).encode()).hexdigest()


def execute(folder, **parameters):
    """Returns the tutorial's notebook with the outputs of a run, in a new kernel of this Python and in its own folder.

    Args:
      folder: for temporary files.
      parameters: {name: value} to put in place of those in the cell that is tagged `parameters`.
    """
    notebook = nbformat.read(TUTORIAL, as_version=4)
    cell = parameters_cell(notebook)
    for name, value in parameters.items():
        cell.source, found = re.subn(rf"^{name} = [^#\n]*", f"{name} = {value!r}  ", cell.source, flags=re.MULTILINE)
        assert found == 1, name
    # Under pytest a kernel does not show what C++ code prints.
    environment = {name: value for name, value in users_environment().items() if not name.startswith("PYTEST_")}
    # The command `tensorboard` is beside this Python, as in an activated environment.
    path = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])
    environment |= {"PYTHONPATH": str(REPOSITORY), "TMPDIR": str(folder), "PATH": path}
    client = nbclient.NotebookClient(
        notebook,
        timeout=900,
        kernel_name="python3",
        record_timing=False,
        coalesce_streams=True,
        resources={"metadata": {"path": str(TUTORIAL.parent)}},
    )
    try:
        return client.execute(env=environment)
    finally:
        _end_tensorboard(pathlib.Path(folder))


def _end_tensorboard(folder):
    """Ends the TensorBoard that a notebook started, which outlives its kernel."""
    for path in folder.glob(".tensorboard-info/*.info"):
        with contextlib.suppress(ProcessLookupError):
            os.kill(json.loads(path.read_text())["pid"], signal.SIGTERM)


def main():
    source = parameters_cell(nbformat.read(TUTORIAL, as_version=4)).source
    (model_dir,) = re.findall(r'^model_dir = "(.*)"', source, re.MULTILINE)
    if os.path.exists(model_dir):
        sys.exit(f"{model_dir} is there, and training would go on from it: move it away")
    with tempfile.TemporaryDirectory() as folder:
        notebook = execute(folder)
    notebook.metadata[SOURCES] = digest(notebook)
    nbformat.write(notebook, TUTORIAL)


if __name__ == "__main__":
    main()
