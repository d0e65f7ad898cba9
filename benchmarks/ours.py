"""run_train.py, run_eval.py's function and predict: python benchmarks/ours.py train"""

import shutil
import tempfile
import time

import measuring
from measuring import QUICK, REPOSITORY, SEED, Task

_LOG_EVERY, _QUICK_LOG_EVERY = 50, 2  # the flag's default is the first


def train(task: Task) -> dict[str, float]:
    """The command as it is, with its hooks, summaries, progress, log lines and checkpoints at their defaults.

    The time is that between the log lines of two steps, so whatever the command does in between is in it: with the
    full size that is one checkpoint, ten log lines and ten summaries in 500 steps, as in the whole run.
    """
    size = task.size
    finished = _run_train(task, 1 + size.warm_up + size.steps)
    log_every = _QUICK_LOG_EVERY if size == QUICK else _LOG_EVERY
    return {"steps_per_second": finished.steps_per_second(size, log_every), "peak_mb": finished.peak_mb}


def first_step(task: Task) -> dict[str, float]:
    """The same command, from its start to the log line of its first step."""
    return {"seconds": _run_train(task, 1).step_times()[0]}


def _run_train(task: Task, steps: int) -> measuring.Finished:
    with tempfile.TemporaryDirectory() as folder:
        model_dir = f"{folder}/run"
        command = [
            str(REPOSITORY / "run_train.py"),
            f"--model_dir={model_dir}",
            f"--steps={steps}",
            f"--seed={SEED}",
            f"--precision={task.precision}",
        ]
        if task.size == QUICK:
            command += [f"--log_every={_QUICK_LOG_EVERY}", "--save_every=10"]
        finished = measuring.run(command)
        if task.model:
            shutil.rmtree(task.model, ignore_errors=True)
            shutil.move(model_dir, task.model)
    return finished


def evaluate(task: Task) -> dict[str, float]:
    """cnn_estimator.evaluate: copies and verifies the checkpoint, and counts each class besides."""
    from cnn_estimator import evaluation

    assert task.model
    started = time.perf_counter()
    result = evaluation.evaluate(task.model, precision=task.precision)
    return {"seconds": time.perf_counter() - started, "accuracy": result.accuracy}


def predict(task: Task) -> dict[str, float]:
    """The command predict for one image, from its start to its end."""
    command = ["-m", "cnn_estimator", "predict", f"--model_dir={task.model}", "--test_indices=0"]
    return {"seconds": measuring.run(command, cwd=str(REPOSITORY)).seconds}


def import_tensorflow(task: Task) -> dict[str, float]:
    """TensorFlow's import alone, as a process."""
    return {"seconds": measuring.run(["-c", "import tensorflow"]).seconds}


if __name__ == "__main__":
    measuring.main(
        train=train, first_step=first_step, evaluate=evaluate, predict=predict, import_tensorflow=import_tensorflow
    )
