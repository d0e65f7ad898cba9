"""Feeds damaged files to the readers: python tests/fuzz.py --minutes=5 --seed=1 [--targets=index,events] [--out=FOLDER]

Each reader runs in a process by itself. An abort, a hang, and an exception other than UserError are findings, and their
input is saved. The same seed makes the same inputs.
"""

import argparse
import contextlib
import fnmatch
import gzip
import json
import os
import pathlib
import random
import resource
import select
import struct
import subprocess
import sys
import time
import traceback

import numpy as np
from PIL import Image

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from helpers import write_idx_folder

from cnn_estimator.data import datasets, pictures
from cnn_estimator.errors import UserError
from cnn_estimator.run_dir import checkpoints, events, settings_file
from cnn_estimator.settings import make_settings
from cnn_estimator.tf1 import tf

TIMEOUT_SECONDS = 20  # of one reading
MAX_MEMORY_BYTES = 8 * 2**30
NUMBERS = (0, 1, 2, 20, 127, 128, 255, 256, 2**15, 2**16, 2**31, 2**32, 2**40, 2**62, 2**63, 2**64 - 1)
TOKENS = (b"", b"\0", b"\xff", b'"', b"null", b"1e999", b"-1", b"model.ckpt-7", b"/", b"[")


def mutate(content, generator):
    """Flips, cuts, overwrites, inserts and repeats bytes, once or a few times."""
    content = bytearray(content)
    for _ in range(generator.choice([1, 1, 2, 5])):
        start = generator.randrange(len(content) + 1)
        place = generator.randrange(len(content) + 1)
        length = generator.choice([1, 2, 4, 8, 100])
        number = generator.choice(NUMBERS)
        new = generator.choice(
            [
                bytes(byte ^ 1 << generator.randrange(8) for byte in content[place : place + 1]),
                generator.randbytes(length),
                struct.pack("<Q", number),
                struct.pack(">I", number % 2**32),
                generator.choice(TOKENS),
                content[start : start + length],
            ]
        )
        content[place : place + generator.choice([0, len(new), length])] = new
    if generator.random() < 0.05:
        del content[generator.randrange(len(content) + 1) :]
    return bytes(content)


def prepare_checkpoint(folder):
    with tf.Graph().as_default(), tf.Session() as session:
        tf.get_variable("kernel", [20, 30], tf.float32, tf.ones_initializer())
        tf.get_variable("names", initializer=tf.constant([b"a", b"b" * 300]))
        partitioner = tf.variable_axis_size_partitioner(24)
        tf.get_variable("parts", [4, 3], tf.float32, tf.ones_initializer(), partitioner=partitioner)
        tf.train.get_or_create_global_step()
        session.run(tf.global_variables_initializer())
        tf.train.Saver().save(session, str(folder / "model.ckpt"), global_step=7)


def prepare_events(folder):
    with tf.Graph().as_default(), tf.summary.FileWriter(str(folder)) as writer:
        writer.add_graph(tf.constant(1.0).graph)
        for step in range(5):
            writer.add_session_log(tf.SessionLog(status=tf.SessionLog.START), step)
            writer.add_summary(tf.Summary(value=[tf.Summary.Value(tag="loss", simple_value=step)]), step)


def prepare_idx(folder):
    write_idx_folder(folder, train=5, test=5)
    (folder / "class_names.txt").write_text("\n".join("abcdefghij"))
    labels = folder / datasets.TEST_LABELS
    labels.with_suffix(".gz").write_bytes(gzip.compress(labels.read_bytes(), mtime=0))
    labels.unlink()


def prepare_images(folder):
    image = Image.fromarray(np.random.default_rng(1).integers(0, 256, (40, 30, 3), dtype=np.uint8))
    for kind in pictures.FORMATS:
        with contextlib.suppress(KeyError, OSError):  # Pillow may have been built without it
            image.save(folder / f"image.{kind.lower()}", kind)


def prepare_settings(folder):
    settings_file.write(str(folder), make_settings("fashion_cnn", seed=1, class_names=tuple("abcdefghij")))


def read_checkpoint(folder, name):
    checkpoints.verify(f"{folder}/model.ckpt-7")


def read_state(folder, name):
    checkpoints.rebuild_state(folder, checkpoints.newest_intact(folder))


def read_idx(folder, name):
    datasets.class_names("fashion_mnist", folder)
    datasets.load("fashion_mnist", "test", folder)


def read_image(folder, name):
    pictures.read(f"{folder}/{name}", dataset=datasets.FASHION_MNIST, invert="auto")


# {name: (function that writes a folder, pattern of the files to damage, function that reads the folder and the file)}
TARGETS = {
    "index": (prepare_checkpoint, "*.index", read_checkpoint),
    "data": (prepare_checkpoint, "*.data-*", read_checkpoint),
    "state": (prepare_checkpoint, "checkpoint", read_state),
    "events": (prepare_events, "*", lambda folder, name: events.curves(folder)),
    "idx": (prepare_idx, "[!t]*", read_idx),
    "images": (prepare_images, "*", read_image),
    "settings": (prepare_settings, "*", lambda folder, name: settings_file.read(folder)),
}


def serve(target, folder):
    """Reads the folder for each line of stdin, which names the damaged file. Prints "" or a traceback, as JSON."""
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))
    read = TARGETS[target][-1]
    for line in sys.stdin:
        problem = ""
        try:
            read(folder, line.rstrip("\n"))
        except UserError:
            pass
        except BaseException:
            problem = traceback.format_exc()
        print(json.dumps(problem), flush=True)


class Reader:
    """A process that reads."""

    def __init__(self, target, folder):
        command = [sys.executable, __file__, f"--serve={target}", f"--out={folder}"]
        self._process = subprocess.Popen(command, stdin=-1, stdout=-1, stderr=subprocess.DEVNULL, text=True)

    def read(self, name, seconds=TIMEOUT_SECONDS):
        """Returns (what went wrong when it read a damaged file, whether the process still runs)."""
        print(name, file=self._process.stdin, flush=True)
        answered, _, _ = select.select([self._process.stdout], [], [], seconds)
        line = self._process.stdout.readline() if answered else ""
        if line:
            return json.loads(line), True
        self._process.kill()
        status = self._process.wait()
        return f"exit status {status}" if answered else f"no answer in {seconds} s", False


def fuzz(target, seed, seconds, out):
    """Returns ({the last line of a problem: how often it came}, number of inputs)."""
    prepare, pattern, _ = TARGETS[target]
    folder = out / target
    folder.mkdir(parents=True)
    prepare(folder)
    intact = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
    problems = {}
    count = 0
    alive = False
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not alive:
            reader = Reader(target, folder)
            _, alive = reader.read(next(iter(intact)), 10 * TIMEOUT_SECONDS)  # the process imports TensorFlow
        generator = random.Random(f"{seed} {target} {count}")
        count += 1
        name = generator.choice(fnmatch.filter(intact, pattern))
        damaged = mutate(intact[name], generator)
        (folder / name).write_bytes(damaged)
        problem, alive = reader.read(name)
        if problem:
            last_line = problem.splitlines()[-1][:150]
            problems[last_line] = problems.get(last_line, 0) + 1
            (out / f"{target}-{count}-{name}").write_bytes(damaged)
            (out / f"{target}-{count}.txt").write_text(problem)
        (folder / name).write_bytes(intact[name])
    return problems, count


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=5, help="of all targets together")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--targets", default=",".join(TARGETS), help="some of %(default)s")
    parser.add_argument("--out", type=pathlib.Path, default="fuzz-findings", help="a new folder for the findings")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve, str(options.out))
        return
    if options.out.exists():
        parser.error(f"--out {options.out} exists: move it away, or name another")
    targets = options.targets.split(",")
    failed = False
    for target in targets:
        problems, count = fuzz(target, options.seed, 60 * options.minutes / len(targets), options.out)
        failed = failed or bool(problems)
        print(f"{target}: {count} inputs, {sum(problems.values())} findings", flush=True)
        for last_line, times in problems.items():
            print(f"  {times} times: {last_line}", flush=True)
    sys.exit(failed)


if __name__ == "__main__":
    main()
