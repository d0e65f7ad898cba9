"""Images a second of one process, several devices and clusters on this machine: python benchmarks/scaling.py

Each way trains fashion_cnn with 100 images per device or worker. Up to as many workers as there are cores have a core
each; more of them share all cores. The ideal is what one process on one core does, times the cores that are in use.
Rounds of all ways in turn; the figures are medians. Parameter servers have no core of their own: they compute little.
"""

import contextlib
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile

ROUNDS, STEPS, LOG_EVERY, BATCH = 3, 100, 20, 100
WORKERS = (2, 3)
CORES = os.cpu_count()
TRAIN = [sys.executable, "-m", "cnn_estimator", "train", f"--max_steps={STEPS}", f"--log_every={LOG_EVERY}", "--seed=1"]


def free_addresses(count):
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [f"127.0.0.1:{each.getsockname()[1]}" for each in sockets]


def rate(stderr):
    """Returns the steps a second in a log, the median without the first lines."""
    found = [float(text) for text in re.findall(r"global_step/sec: ([\d.]+)", stderr)]
    return statistics.median(found[1:])


def start(folder, cores, *flags, tf_config=None, stderr=subprocess.DEVNULL):
    """Starts a training process on some cores, with a thread for each operation."""
    return subprocess.Popen(
        [*TRAIN, f"--model_dir={folder}/run", "--threads=1", *flags],
        env=os.environ | ({"TF_CONFIG": json.dumps(tf_config)} if tf_config else {}),
        stdout=subprocess.DEVNULL,
        stderr=stderr,
        preexec_fn=lambda: os.sched_setaffinity(0, cores),
    )


def images_per_second(cores, *flags, batch, jobs=None):
    """Returns the images a second of one process, or of a cluster.

    Args:
      cores: for each process that trains, those that it may use.
      batch: images of one global step.
      jobs: {job: number of its tasks} of a cluster.
    """
    tasks = [(job, index) for job, count in (jobs or {}).items() for index in range(count)]
    addresses = {job: free_addresses(count) for job, count in (jobs or {}).items()}
    places = zip(tasks or [None], [*cores, *([range(CORES)] * len(tasks))], strict=False)
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile("w+") as log:
        processes = []
        for task, own_cores in places:
            tf_config = {"cluster": addresses, "task": {"type": task[0], "index": task[1]}} if task else None
            stderr = subprocess.DEVNULL if processes else log
            processes.append(
                start(folder, own_cores, f"--batch_size={batch}", *flags, tf_config=tf_config, stderr=stderr)
            )
        statuses = [process.wait() for process in processes]
        log.seek(0)
        text = log.read()
    if any(statuses):
        raise RuntimeError(f"exit statuses {statuses}: {text}")
    return rate(text) * batch


def ways():
    """Yields (name, cores in use, arguments of images_per_second, its keyword arguments)."""
    yield "one process, one core", 1, ([[0]],), {"batch": BATCH}
    for count in WORKERS:
        used = min(count, CORES)
        own = [[number] for number in range(count)] if count <= CORES else [range(CORES)] * count
        jobs = {"chief": 1, "worker": count - 1}
        yield (
            f"mirrored, {count} devices",
            used,
            ([range(used)], "--strategy=mirrored", f"--devices={count}"),
            {"batch": BATCH * count},
        )
        yield (
            f"multi_worker, {count} workers",
            used,
            (own, "--strategy=multi_worker"),
            {
                "batch": BATCH * count,
                "jobs": jobs,
            },
        )
        yield f"parameter server, {count} workers", used, (own,), {"batch": BATCH, "jobs": {**jobs, "ps": 1}}


def main():
    found = {name: [] for name, *_ in ways()}
    for number in range(ROUNDS):
        for name, _, arguments, options in ways():
            found[name].append(images_per_second(*arguments, **options))
        print(f"round {number + 1} of {ROUNDS}", file=sys.stderr)
    alone, *_ = (statistics.median(rates) for rates in found.values())
    for name, used, *_ in ways():
        median = statistics.median(found[name])
        print(f"{name:30} {median:6.0f} images/s, {median / alone / used:.2f} of the ideal")


if __name__ == "__main__":
    main()
