"""The README's Python runs as it stands, with a model of the real data."""

import re

import pytest
from conftest import REPOSITORY, load_public, run

from cnn_estimator import datasets

PROGRAMS = re.findall(r"^```python\n(.*?)^```$", (REPOSITORY / "README.md").read_text(), re.MULTILINE | re.DOTALL)
EXPORTS = {
    "saved_model": "/tmp/models/fashion/1",
    "tflite": "/tmp/fashion.tflite",
    "keras": "/tmp/fashion.keras",
    "onnx": "/tmp/fashion.onnx",
}


@pytest.mark.slow
def test_every_program_says_what_the_first_test_images_show(tmp_path):
    load_public("fashion_mnist", "train")
    names = datasets.FASHION_MNIST.class_names
    programs = [program for program in PROGRAMS if "images" in program]
    assert len(programs) == 1 + len(EXPORTS)
    model_dir = f"--model_dir={tmp_path}/fashion"
    assert run("run_train.py", model_dir, "--recipe=fashion_dense", "--steps=300", "--seed=1").returncode == 0
    for format, path in EXPORTS.items():
        output = path.replace("/tmp/", f"{tmp_path}/")
        done = run("-m", "cnn_estimator", "export", model_dir, f"--format={format}", f"--output={output}")
        assert done.returncode == 0, done.stderr
        assert '"images": 1000' in done.stdout
    for program in programs:
        done = run("-c", program.replace("/tmp/", f"{tmp_path}/"))
        assert done.returncode == 0, done.stderr
        assert done.stdout == f"{[names[9], names[2], names[1]]}\n"
