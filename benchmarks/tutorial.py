"""The tutorial's own program, run by the command run or as it is: python benchmarks/tutorial.py train|train_as_it_is"""

import pathlib
import tempfile

import measuring
from measuring import Task

SCRIPT = pathlib.Path(__file__).resolve().parent / "tutorial_script.py"


def train(task: Task) -> dict[str, float]:
    """Measures the program by the command run."""
    return _measure(task, ["-m", "cnn_estimator", "run", str(SCRIPT)])


def train_as_it_is(task: Task) -> dict[str, float]:
    """Measures the program on TensorFlow 1."""
    return _measure(task, [str(SCRIPT)])


def _measure(task: Task, command: list[str]) -> dict[str, float]:
    """The time is that between two log lines. There is no checkpoint in it: Estimator saves one every ten minutes."""
    size = task.size
    sizes = [f"{1 + size.warm_up + size.steps}", f"{size.warm_up}"]
    with tempfile.TemporaryDirectory() as folder:
        finished = measuring.run([*command, *sizes], cwd=folder, python=task.python)
    return {"steps_per_second": finished.steps_per_second(size, size.warm_up), "peak_mb": finished.peak_mb}


if __name__ == "__main__":
    measuring.main(train=train, train_as_it_is=train_as_it_is)
