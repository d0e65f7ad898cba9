"""The tutorial's own program, run by the command run: python benchmarks/tutorial.py train"""

import pathlib
import tempfile

import measuring
from measuring import Task

SCRIPT = pathlib.Path(__file__).resolve().parent / "tutorial_script.py"


def train(task: Task) -> dict[str, float]:
    """The time is that between two log lines. There is no checkpoint in it: Estimator saves one every ten minutes."""
    size = task.size
    with tempfile.TemporaryDirectory() as folder:
        command = ["-m", "cnn_estimator", "run", str(SCRIPT), f"{1 + size.warm_up + size.steps}", f"{size.warm_up}"]
        finished = measuring.run(command, cwd=folder)
    return {"steps_per_second": finished.steps_per_second(size, size.warm_up), "peak_mb": finished.peak_mb}


if __name__ == "__main__":
    measuring.main(train=train)
