"""Speed of the same programs on TensorFlow 1.15.5, on the bridge, and with Keras, as a Markdown table.

    python benchmarks/beside_tf1.py --tf1=PYTHON --rounds=5

PYTHON is a Python 3.7 with tensorflow==1.15.5. The programs are in the folder beside/: each Estimator program runs
unmodified on both, and has a Keras program beside it. A round has each of them once.
"""

import argparse
import collections
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

import table

FOLDER = pathlib.Path(__file__).resolve().parent / "beside"
PROGRAMS = {
    "convolutions": "three convolutions, numpy_input_fn",
    "text": "LSTM text classifier",
    "bert": "BERT with 4 layers of 128",
    "wide_and_deep": "DNNLinearCombinedClassifier",
}
# {key of a measurement: (heading, format)}
COLUMNS = {
    "steps_per_second": ("steps/s", ".1f"),
    "processor_seconds": ("processor seconds of 100 steps", ".3g"),
    "peak_mb": ("peak memory in MB", ".0f"),
    "start_seconds": ("seconds to the first step", ".1f"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tf1", required=True, help="a Python with tensorflow==1.15.5")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    measured = collections.defaultdict(list)
    for _ in range(options.rounds):
        for program in PROGRAMS:
            ways = {
                "TensorFlow 1.15.5": [options.tf1, f"{program}.py"],
                "bridge": [sys.executable, "-m", "cnn_estimator", "run", f"{program}.py"],
                "Keras": [sys.executable, f"{program}_keras.py"],
            }
            for way, command in ways.items():
                measured[program, way].append(measure(command))
                print(program, way, measured[program, way][-1], file=sys.stderr)
    print(table.machine())
    print("\n| program | on |", " | ".join(heading for heading, _ in COLUMNS.values()), "| steps/s beside 1.15.5 |")
    print("| --- | --- |", " | ".join("---" for _ in COLUMNS), "| --- |")
    for (program, way), results in measured.items():
        medians = {column: statistics.median(result[column] for result in results) for column in COLUMNS}
        cells = [format(medians[column], text) for column, (_, text) in COLUMNS.items()]
        pairs = zip(results, measured[program, "TensorFlow 1.15.5"], strict=True)
        ratio = statistics.median(new["steps_per_second"] / old["steps_per_second"] for new, old in pairs)
        print(f"| {PROGRAMS[program]} | {way} |", " | ".join(cells), f"| {ratio:.2f} |")


def measure(command: list[str]) -> dict[str, float]:
    """Runs a program; returns what its clock printed."""
    repository = str(FOLDER.parent.parent)
    environment = os.environ | {"STARTED": str(time.time()), "PYTHONPATH": repository}
    done = subprocess.run(command, cwd=FOLDER, env=environment, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    main()
