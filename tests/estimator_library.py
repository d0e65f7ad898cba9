"""Runs the Estimator library's own tests behind the bridge: python tests/estimator_library.py SOURCE --out=FILE

SOURCE is a checkout of the library's repository, at the installed release. Each test file, except those for TPUs, runs
in a separate process on the installed library. With --plain the tests run without the bridge, on TensorFlow 2.15 alone.
With --run they run as programs of `cnn-estimator run`.
The result of each test goes to FILE as JSON. --than=FILE lists the tests that passed in that run but not in this one.
"""

import argparse
import collections
import inspect
import json
import os
import pathlib
import re
import runpy
import subprocess
import sys
import unittest

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent
TEST_FILE = re.compile(r"_test(_v1|_v2|_fc_v2|_fc_v1_v1|_fc_v2_v1)?\.py")
RESULT = re.compile(r"^\[ *(RUN|OK|SKIPPED) *\] (\S+)", re.MULTILINE)
# Names of unittest that Python 3.12 removed.
RENAMED = {
    "assertEquals": "assertEqual",
    "assertRaisesRegexp": "assertRaisesRegex",
    "assertRegexpMatches": "assertRegex",
}


def run_file(path, plain, as_program):
    """Runs a test file as the main program of this process: in graph mode, unless `run` gives it TensorFlow 2's API."""
    if not hasattr(inspect, "getargspec"):  # Python 3.11 removed it
        inspect.getargspec = inspect.getfullargspec
    for old, new in RENAMED.items():
        setattr(unittest.TestCase, old, getattr(unittest.TestCase, new))
    sys.path.insert(0, str(REPOSITORY))
    sys.argv = [path]  # absl reads it
    if as_program:
        from cnn_estimator.tf1 import script

        script.load([path]).run()
        return
    if plain:
        import tensorflow.compat.v1 as tf
    else:
        from cnn_estimator.tf1 import tf
    tf.disable_v2_behavior()
    runpy.run_path(path, run_name="__main__")


def run_alone(path, name, options):
    """Runs a test file in a process. Returns {test: OK, FAILED or SKIPPED}, or {name: FAILED} if it ran no test."""
    command = [sys.executable, __file__, str(path), "--file", *(["--plain"] if options.plain else [])]
    command += ["--run"] if options.run else []
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    try:
        process = subprocess.run(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=options.seconds
        )
        output = process.stdout
        status = process.returncode
    except subprocess.TimeoutExpired as error:
        output = error.stdout or b""
        status = "time limit"
    if options.logs:
        log = options.logs / f"{name}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_bytes(output)
    results = {}
    for result, test in RESULT.findall(output.decode(errors="replace")):
        # A crash or a failed subtest prints no line. So a test counts as failed until its OK appears.
        results[f"{name}:{test}"] = "FAILED" if result == "RUN" else result
    if status and "FAILED" not in results.values():
        results[name] = "FAILED"  # it ended before its tests
    print(name, status, dict(collections.Counter(results.values())), flush=True)
    return results


def main(options):
    package = options.source / "tensorflow_estimator" / "python" / "estimator"
    results = {}
    for path in sorted(package.rglob("*.py")):
        name = path.relative_to(package).with_suffix("").as_posix()
        if TEST_FILE.search(path.name) and "tpu" not in path.parts and options.only in name:
            results |= run_alone(path, name, options)
            if options.out:
                options.out.write_text(json.dumps(results, indent=1))
    print(dict(collections.Counter(results.values())))
    if options.than:
        passed = [test for test, result in json.loads(options.than.read_text()).items() if result == "OK"]
        lost = [test for test in passed if results.get(test) != "OK" and options.only in test]
        print(f"{len(passed) - len(lost)} of {len(passed)} that passed before pass", *lost, sep="\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=pathlib.Path)
    parser.add_argument("--plain", action="store_true", help="without the bridge")
    parser.add_argument("--run", action="store_true", help="as programs of cnn-estimator run")
    parser.add_argument("--out", type=pathlib.Path)
    parser.add_argument("--than", type=pathlib.Path)
    parser.add_argument("--logs", type=pathlib.Path, help="folder for the output of each test file")
    parser.add_argument("--only", default="", help="run only files whose name contains this")
    parser.add_argument("--seconds", type=float, default=1800, help="time limit for a file")
    parser.add_argument("--file", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.file:
        run_file(str(options.source), options.plain, options.run)
    else:
        main(options)
