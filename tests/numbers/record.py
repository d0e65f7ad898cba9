"""Records what the programs print: `python3.7 tests/numbers/record.py [PROGRAM.py ...]`, with TensorFlow 1.15.5."""

import pathlib
import subprocess
import sys

FOLDER = pathlib.Path(__file__).resolve().parent
PROGRAMS = ("operations", "networks", "training", "input_data", "estimators", "contrib_parts")


def main():
    """Writes a JSON file beside each program."""
    for program in sys.argv[1:] or [name + ".py" for name in PROGRAMS]:
        path = FOLDER / program
        done = subprocess.run([sys.executable, str(path)], stdout=subprocess.PIPE, check=True)
        lines = done.stdout.decode().splitlines()
        path.with_suffix(".json").write_text("[\n" + ",\n".join(lines) + "\n]\n")
        print(path.name, len(lines), "cases")


if __name__ == "__main__":
    main()
