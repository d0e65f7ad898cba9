"""Feeds damaged files to the readers: python tests/fuzz.py --minutes=5 --seed=1 [--targets=index,events] [--out=FOLDER]

Each reader runs in a process of its own: an abort and a hang are findings, as an exception other than UserError is.
The input of a finding is saved. With the same seed the same inputs come again.
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
import subprocess
import sys
import time
import traceback

import numpy as np
from PIL import Image

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from helpers import write_idx_folder
from mutations import mutate, mutate_events, mutate_index

from cnn_estimator.data import datasets, pictures
from cnn_estimator.errors import UserError
from cnn_estimator.run_dir import checkpoints, events
from cnn_estimator.run_dir.run import RunDir
from cnn_estimator.settings import make_settings
from cnn_estimator.tf1 import tf

SECONDS = 20  # that a reader may take
MEMORY = 8 * 2**30


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
    RunDir(str(folder)).write_settings(make_settings("fashion_cnn", seed=1, class_names=tuple("abcdefghij")))


def read_checkpoint(folder, name):
    checkpoints.verify(f"{folder}/model.ckpt-7")


def read_state(folder, name):
    checkpoints.rebuild_state(folder, checkpoints.newest_intact(folder))


def read_idx(folder, name):
    datasets.class_names("fashion_mnist", folder)
    datasets.load("fashion_mnist", "test", folder)


def read_image(folder, name):
    pictures.read(f"{folder}/{name}", dataset=datasets.FASHION_MNIST, invert="auto")


# {name: (writes a folder, which of its files are changed, how, reads the folder or the changed file)}
TARGETS = {
    "index": (prepare_checkpoint, "*.index", mutate_index, read_checkpoint),
    "data": (prepare_checkpoint, "*.data-*", mutate, read_checkpoint),
    "state": (prepare_checkpoint, "checkpoint", mutate, read_state),
    "events": (prepare_events, "*", mutate_events, lambda folder, name: events.curves(folder)),
    "idx": (prepare_idx, "[!t]*", mutate, read_idx),
    "images": (prepare_images, "*", mutate, read_image),
    "settings": (prepare_settings, "*", mutate, lambda folder, name: RunDir(folder).read_settings()),
}


def serve(target, folder):
    """Reads the folder for each line of stdin, which names the changed file; answers with JSON: "" or a traceback."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    for line in sys.stdin:
        problem = ""
        try:
            TARGETS[target][-1](folder, line.rstrip("\n"))
        except UserError as error:
            problem = "" if len(str(error)) < 5000 else "an error that is too long"
        except BaseException:
            problem = traceback.format_exc()
        print(json.dumps(problem), flush=True)


class Reader:
    """The process that reads."""

    def __init__(self, target, folder):
        command = [sys.executable, __file__, f"--serve={target}", f"--out={folder}"]
        self._process = subprocess.Popen(command, stdin=-1, stdout=-1, stderr=subprocess.DEVNULL, text=True)

    def problem(self, name, seconds=SECONDS):
        """Returns (what is wrong with how it reads a changed file, whether it goes on)."""
        print(name, file=self._process.stdin, flush=True)
        answered, _, _ = select.select([self._process.stdout], [], [], seconds)
        line = self._process.stdout.readline() if answered else ""
        if line:
            return json.loads(line), True
        self._process.kill()
        return f"exit status {self._process.wait()}" if answered else f"no answer in {seconds} s", False


def fuzz(target, seed, seconds, out):
    """Returns ({the last line of a problem: how often}, number of inputs)."""
    prepare, pattern, change, _ = TARGETS[target]
    folder = out / target
    folder.mkdir(parents=True)
    prepare(folder)
    intact = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
    found, count, alive, end = {}, 0, False, time.monotonic() + seconds
    while time.monotonic() < end:
        if not alive:
            reader = Reader(target, folder)
            _, alive = reader.problem(next(iter(intact)), 10 * SECONDS)  # it loads TensorFlow
        generator = random.Random(f"{seed} {target} {count}")
        count += 1
        name = generator.choice(fnmatch.filter(intact, pattern))
        changed = change(intact[name], generator)
        (folder / name).write_bytes(changed)
        problem, alive = reader.problem(name)
        if problem:
            last = problem.splitlines()[-1][:150]
            found[last] = found.get(last, 0) + 1
            (out / f"{target}-{count}-{name}").write_bytes(changed)
            (out / f"{target}-{count}.txt").write_text(problem)
        (folder / name).write_bytes(intact[name])
    return found, count


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=5, help="in all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--targets", default=",".join(TARGETS), help="some of %(default)s")
    parser.add_argument("--out", type=pathlib.Path, default="fuzz-findings", help="a new folder, for the findings")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        return serve(options.serve, str(options.out))
    if options.out.exists():
        parser.error(f"--out {options.out} is there already: move it away, or name another")
    targets, bad = options.targets.split(","), False
    for target in targets:
        found, count = fuzz(target, options.seed, 60 * options.minutes / len(targets), options.out)
        bad |= bool(found)
        print(f"{target}: {count} inputs, {sum(found.values())} findings", flush=True)
        for last, times in found.items():
            print(f"  {times} times: {last}", flush=True)
    sys.exit(bad)


if __name__ == "__main__":
    main()
