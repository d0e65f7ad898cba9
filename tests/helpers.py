"""What the tests share: data sets to write, commands to run, checkpoints to look into. Imports no TensorFlow."""

import contextlib
import gzip
import io
import json
import logging
import os
import pathlib
import resource
import runpy
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from unittest import mock

import numpy as np
import pytest
from absl import app, flags
from absl import logging as absl_logging
from absl.testing import flagsaver
from PIL import Image

from cnn_estimator import stopping
from cnn_estimator.cli import native_log
from cnn_estimator.data import datasets

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


def write_pictures(folder, classes, count=20):
    """Writes pictures of a bright bar at a height that tells the class, in class folders."""
    generator = np.random.default_rng(1)
    for label, name in enumerate(classes):
        (folder / name).mkdir(parents=True)
        for number in range(count):
            pixels = generator.integers(0, 60, (56, 70), dtype=np.uint8)
            pixels[4 * label + 3 : 4 * label + 7] = 255
            Image.fromarray(pixels).save(folder / name / f"{number}.png")
    return folder


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


def load_public(dataset, split):
    """datasets.load of the real data: where no source has it the test is skipped, but never in CI."""
    try:
        return datasets.load(dataset, split)
    except datasets.DatasetError as error:
        if "CI" in os.environ:
            raise
        pytest.skip(str(error))


def free_addresses(count):
    """Returns HOST:PORT of this machine, for `count` servers."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [f"127.0.0.1:{each.getsockname()[1]}" for each in sockets]


def tf_configs(sizes):
    """Returns {(job, index): TF_CONFIG, as an object} of a cluster on this machine, for {job: number of its tasks}."""
    tasks = [(job, index) for job, size in sizes.items() for index in range(size)]
    cluster = {}
    for (job, _), address in zip(tasks, free_addresses(len(tasks)), strict=True):
        cluster.setdefault(job, []).append(address)
    return {task: {"cluster": cluster, "task": {"type": task[0], "index": task[1]}} for task in tasks}


class Cluster:
    """The tasks of a cluster as processes. At the end of the `with` block the processes are killed.

    Args:
      folder: for the files "JOB INDEX stdout" and "JOB INDEX stderr", of the last start of a task.
      configs: {(job, index): TF_CONFIG, as an object}.
      command: what Python runs in each task.
      prefix: a function of a task, returns what stands before Python in its command line.

    Attributes:
      processes: {task: Popen} of the last starts.
    """

    def __init__(self, folder, configs, *command, prefix=lambda task: ()):
        self._folder = folder
        self._configs = configs
        self._command = command
        self._prefix = prefix
        self.processes = {}

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        for process in self.processes.values():
            process.kill()
            process.wait()

    def start(self, *tasks, flags=()):
        """Starts some tasks, or all of them."""
        for task in tasks or self._configs:
            with self._path(task, "stdout").open("w") as stdout, self._path(task, "stderr").open("w") as stderr:
                self.processes[task] = subprocess.Popen(
                    [*self._prefix(task), sys.executable, *self._command, *flags],
                    cwd=REPOSITORY,
                    env=users_environment({"TF_CONFIG": json.dumps(self._configs[task])}),
                    stdout=stdout,
                    stderr=stderr,
                    start_new_session=True,
                )

    def _path(self, task, stream):
        return self._folder / "{} {} {}".format(*task, stream)

    def output(self, task, stream="stderr"):
        """Returns what a task has printed."""
        return self._path(task, stream).read_text()

    def errors(self, task):
        """Returns the error lines of a task."""
        assert "Traceback" not in self.output(task)
        return [line for line in self.output(task).splitlines() if line.startswith("error: ")]

    def wait_until(self, condition, *running):
        """Waits until condition() is true, while these tasks run."""
        deadline = time.monotonic() + 120
        while not condition():
            assert time.monotonic() < deadline, self._report()
            assert [self.processes[task].poll() for task in running] == [None] * len(running), self._report()
            time.sleep(0.02)

    def wait_for(self, text, *tasks):
        """Waits until these tasks have printed a text."""
        self.wait_until(lambda: all(text in self.output(task) for task in tasks), *tasks)

    def statuses(self, *tasks):
        """Waits for the end of some tasks, or of all of them; returns {task: exit status}."""
        chosen = tasks or self.processes
        self.wait_until(lambda: all(self.processes[task].poll() is not None for task in chosen))
        return {task: self.processes[task].returncode for task in chosen}

    def finish(self):
        """Waits until all tasks have ended with status 0."""
        assert {*self.statuses().values()} == {0}, self._report()

    def end(self, task, number):
        """Sends a signal to a task and returns its exit status."""
        self.processes[task].send_signal(number)
        return self.statuses(task)[task]

    def _report(self):
        return "\n".join(
            f"{task} {process.poll()}:\n{self.output(task)[-2000:]}" for task, process in self.processes.items()
        )


def users_environment(environment=None):
    """What a user's shell has, and `environment`: the bridge set TensorFlow's variables for this process alone."""
    users = {name: value for name, value in os.environ.items() if not name.startswith("TF_")}
    return users | (environment or {})


def run(*command, environment=None, cwd=REPOSITORY, **options):
    """Runs a Python script of the repository, or `-c CODE`, as a user would; returns the CompletedProcess."""
    return subprocess.run(
        [sys.executable, *command],
        cwd=cwd,
        env=users_environment(environment),
        capture_output=True,
        text=True,
        timeout=600,
        **options,
    )


def run_one_after_another(*paths, command=(), **options):
    """Runs programs in one process, which have to succeed; returns a list of what each of them has printed.

    Args:
      command: what stands before the program in the command line, as for run(); () for plain Python.
    """
    program = str(REPOSITORY / "tests" / "one_after_another.py")
    done = run(*command, program, *map(str, paths), environment={"PYTHONPATH": str(REPOSITORY)}, **options)
    assert done.returncode == 0, done.stderr
    *printed, rest = done.stdout.split("\f\n")
    assert (len(printed), rest) == (len(paths), "")
    return printed


def train(model_dir, data_dir, *flags, **options):
    """Runs run_train.py in a model_dir with the data of a folder."""
    return run("run_train.py", f"--model_dir={model_dir}", f"--data_dir={data_dir}", *flags, **options)


def evaluate(model_dir, *flags, **options):
    """Runs run_eval.py."""
    return run("run_eval.py", f"--model_dir={model_dir}", *flags, **options)


def command(*arguments, script=None, input=None):
    """Does in this process what run("-m", "cnn_estimator", *arguments) does, or run(script, *arguments).

    It starts at once and leaves no trace. What a process would print as a traceback is raised.

    Args:
      input: str, what is on stdin; None leaves stdin as it is.

    Returns:
      A CompletedProcess. Its stderr lacks what TensorFlow's C++ side prints.
    """
    stdout, stderr = (
        io.TextIOWrapper(io.BytesIO(), "utf-8", errors, newline="", write_through=True)
        for errors in ("strict", "backslashreplace")
    )
    with (
        contextlib.redirect_stdout(stdout),
        contextlib.redirect_stderr(stderr),
        _process_restored(),
        mock.patch.object(native_log, "filtered", contextlib.nullcontext),  # it starts a process
    ):
        if input is not None:
            sys.stdin = _file_with(input)  # a file of the system, as select needs it
        sys.argv = [script or "", *arguments]
        os.chdir(REPOSITORY)
        try:
            if script:
                runpy.run_path(script, run_name="__main__")
            else:
                runpy.run_module("cnn_estimator", run_name="__main__", alter_sys=True)
            status = None
        except SystemExit as end:
            status = end.code
        if isinstance(status, str):  # Python's own way to exit with an error
            print(status, file=stderr)
            status = 1
    texts = (file.buffer.getvalue().decode() for file in (stdout, stderr))
    return subprocess.CompletedProcess(arguments, status or 0, *texts)


def called(*arguments, **options):
    """Runs a verb in this process, which has to succeed; returns its CompletedProcess."""
    done = command(*arguments, **options)
    assert done.returncode == 0, done.stderr
    return done


def called_train(model_dir, data_dir, *flags):
    """Runs run_train.py in this process, which has to succeed."""
    return called(f"--model_dir={model_dir}", f"--data_dir={data_dir}", *flags, script="run_train.py")


def _file_with(text):
    file = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115  it is closed with the command's end
    file.write(text)
    file.seek(0)
    return file


@contextlib.contextmanager
def _process_restored():
    """Puts back what a command changes in its process: arguments, flags, logging, signals, stdin, folder."""
    app.define_help_flags()  # once in a process: absl would not define them again
    loggers = [logging.getLogger(name) for name in (None, "absl", "tensorflow", "cnn_estimator")]
    levels = [logger.level for logger in loggers]
    absl_handler = absl_logging.get_absl_handler().python_handler
    absl_stream = absl_handler.setStream(sys.stderr)  # the command closes it, unless it is stderr
    handlers, logging.root.handlers = logging.root.handlers, []  # not to be closed by the command's own
    listeners = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    argv, stdin, folder, requested = sys.argv, sys.stdin, os.getcwd(), stopping.requested()
    values, parsed = flagsaver.save_flag_values(), flags.FLAGS.is_parsed()
    try:
        yield
    finally:
        stopping._requested = requested
        os.chdir(folder)
        if sys.stdin is not stdin:
            sys.stdin.close()
        sys.argv, sys.stdin = argv, stdin
        for number, listener in listeners.items():
            signal.signal(number, listener)
        flagsaver.restore_flag_values(values)  # which sets levels too
        logging.root.handlers = handlers
        if absl_stream:
            absl_handler.setStream(absl_stream)
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
        if not parsed:
            flags.FLAGS.unparse_flags()


@contextlib.contextmanager
def started(*command):
    """Starts what run() runs, in a session of its own as a terminal does; yields (the Popen, the file of its stderr).

    What still runs at the end is killed.
    """
    with tempfile.TemporaryDirectory() as folder, open(os.path.join(folder, "stderr"), "w") as stderr:
        options = {"stdout": subprocess.PIPE, "stderr": stderr, "text": True, "start_new_session": True}
        with subprocess.Popen(
            [sys.executable, *command], cwd=REPOSITORY, env=users_environment(), **options
        ) as process:
            try:
                yield process, pathlib.Path(stderr.name)
            finally:
                process.kill()


def wait_for(text, process, stderr):
    """Waits until a started process has printed a text on stderr."""
    while text not in stderr.read_text():
        assert process.poll() is None, stderr.read_text()
        time.sleep(0.005)


def error_and_table_of(done):
    """(message, lines of the table below it) that a failed command ends in."""
    assert done.returncode == 1
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    lines = done.stderr.splitlines()
    (start,) = [number for number, line in enumerate(lines) if line.startswith("error: ")]
    return lines[start].removeprefix("error: "), lines[start + 1 :]


def error_of(done):
    """The one error line that a failed command ends in."""
    message, table = error_and_table_of(done)
    assert table == []
    return message


def stop_training_after(monkeypatch, steps):
    """Has a stop signal come in the step of that number in each call of train()."""
    from cnn_estimator import hooks

    monkeypatch.setattr(stopping, "_requested", None)
    real = hooks.Progress.after_run

    def after_run(progress, *arguments):
        real(progress, *arguments)
        if progress.steps == steps:
            stopping.request(signal.SIGTERM)

    monkeypatch.setattr(hooks.Progress, "after_run", after_run)


def variable_values(checkpoint):
    """Returns {name: array} of all variables in a checkpoint, or in the newest one of a model_dir."""
    from cnn_estimator.tf1 import tf

    reader = tf.train.load_checkpoint(str(checkpoint))
    return {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}


def variables(checkpoint):
    """Returns {name: bytes} of all variables in a checkpoint, or in the newest one of a model_dir."""
    return {name: value.tobytes() for name, value in variable_values(checkpoint).items()}


def steps_in(model_dir):
    """The steps of the checkpoints in a model_dir, in order."""
    return sorted(int(path.stem.partition("-")[2]) for path in pathlib.Path(model_dir).glob("model.ckpt-*.index"))


def no_file_beyond(size):
    """What a process is to do before it begins: forbid itself to write larger files."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def unprivileged(monkeypatch):
    """Has the commands run without root's right to write everywhere."""
    if os.geteuid() == 0:
        real = subprocess.run
        drop = ("setpriv", "--bounding-set=-dac_override,-dac_read_search")
        monkeypatch.setattr(subprocess, "run", lambda command, **options: real([*drop, *command], **options))


def give_to_another_user(monkeypatch, *paths):
    """Has files belong to somebody else, as far as this process can see; those of root belong to nobody else."""
    if os.geteuid() == 0:
        for path in paths:
            os.chown(path, 12345, -1, follow_symlinks=False)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: 12345)
