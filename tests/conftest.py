import gzip
import os
import pathlib
import struct
import subprocess
import sys

import numpy as np
import pytest

from cnn_estimator import datasets

REPOSITORY = pathlib.Path(__file__).parent.parent


def images_content(images):
    """An IDX file's content for images uint8 [N, H, W]."""
    return struct.pack(">4I", 0x803, *images.shape) + images.tobytes()


def labels_content(labels):
    """An IDX file's content for labels uint8 [N]."""
    return struct.pack(">2I", 0x801, len(labels)) + labels.tobytes()


def ten_bars(count):
    """Ten classes that every network learns at once: a bright bar at a height of its own, on dim noise."""
    generator = np.random.default_rng(count)
    labels = np.arange(count, dtype=np.uint8) % 10
    images = generator.integers(0, 60, (count, 28, 28), dtype=np.uint8)
    for image, label in zip(images, labels, strict=True):
        image[4 + 2 * label : 6 + 2 * label] = 255
    return images, labels


def write_idx_folder(folder, *, train=300, test=130, zipped=False):
    """Writes the four IDX files of ten_bars into a folder."""
    for prefix, count in (("train", train), ("t10k", test)):
        images, labels = ten_bars(count)
        for name, content in (
            (f"{prefix}-images-idx3-ubyte", images_content(images)),
            (f"{prefix}-labels-idx1-ubyte", labels_content(labels)),
        ):
            if zipped:
                (folder / f"{name}.gz").write_bytes(gzip.compress(content))
            else:
                (folder / name).write_bytes(content)


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory):
    """A folder with 300 training and 130 test images in IDX files."""
    folder = tmp_path_factory.mktemp("data")
    write_idx_folder(folder)
    return str(folder)


def load_public(dataset, split):
    """datasets.load of the real data: where no source has it the test is skipped, but never in CI."""
    try:
        return datasets.load(dataset, split)
    except datasets.DatasetError as error:
        if "CI" in os.environ:
            raise
        pytest.skip(str(error))


def run(*command, environment=None):
    """Runs a Python script of the repository, or `-c CODE`, as a user would; returns the CompletedProcess."""
    # The door set TensorFlow's variables for this process: a user's shell does not have them.
    users = {name: value for name, value in os.environ.items() if not name.startswith("TF_")}
    return subprocess.run(
        [sys.executable, *command],
        cwd=REPOSITORY,
        env=users | (environment or {}),
        capture_output=True,
        text=True,
        timeout=600,
    )


def error_of(done):
    """The one error line that a failed command ends in."""
    assert done.returncode == 1
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    *before, last = done.stderr.splitlines()
    assert not [line for line in before if line.startswith("error:")]
    assert last.startswith("error: ")
    return last.removeprefix("error: ")
