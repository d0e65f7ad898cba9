"""Runs TensorFlow 1 libraries behind the bridge: python tests/run_libraries.py [NAMES]

Each file in tests/libraries is a program that trains or computes something with one library. `cnn-estimator run` runs a
copy of it in an empty folder. Its first lines are a header:

  # pip: REQUIREMENTS            exact requirements, the library first, installed without their dependencies
  # git: OWNER/NAME COMMIT       a repository to clone from GitHub; its folder is on the program's path
  # run: OPTIONS                 options of `cnn-estimator run`, such as --api=2
  # prints: REGULAR EXPRESSION   matches the whole last line of the output
  # program: FILE                another file beside it, if two versions of a library run the same program

A file has a pip line, a git line or both, and a prints line. A line that does not fit can be written as several ones
with the same keyword.
"""

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent
PROGRAMS = pathlib.Path(__file__).resolve().parent / "libraries"
HEADER_LINE = re.compile(r"# (pip|git|run|prints|program): (.+)")


@dataclass(frozen=True)
class Library:
    """A library and the program that uses it.

    Args:
      name: the declaring file's, without .py.
      path: the program.
      requirements: pip requirements, such as trfl==1.2.0.
      repository: OWNER/NAME on GitHub, or "".
      commit: the repository's commit, or "".
      options: options of `cnn-estimator run`.
      prints: regular expression for the last line that the program prints.
    """

    name: str
    path: pathlib.Path
    requirements: tuple[str, ...]
    repository: str
    commit: str
    options: tuple[str, ...]
    prints: str

    @property
    def version(self) -> str:
        return self.commit[:7] or self.requirements[0].partition("==")[2]


def read_library(path: pathlib.Path) -> Library:
    """Returns the library that a program's header declares."""
    header: dict[str, str] = {}
    for line in path.read_text().splitlines():
        match = HEADER_LINE.fullmatch(line)
        if not match:
            break
        header[match[1]] = f"{header.get(match[1], '')} {match[2]}".strip()
    repository, _, commit = header.get("git", "").partition(" ")
    requirements = tuple(header.get("pip", "").split())
    options = tuple(header.get("run", "").split())
    program = path.with_name(header.get("program", path.name))
    return Library(path.stem, program, requirements, repository, commit, options, header["prints"])


def install(library: Library, site: pathlib.Path) -> pathlib.Path:
    """Installs the library's packages into a folder of the site, unless they are there. Returns the folder."""
    folder = site / library.name
    done = site / f"{library.name}.txt"
    requirements = "\n".join(library.requirements)
    if done.exists() and done.read_text() == requirements:
        return folder
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--ignore-requires-python", "--upgrade"]
    subprocess.run(
        [*command, "--target", str(folder), *library.requirements], check=True, capture_output=True, text=True
    )
    done.write_text(requirements)
    return folder


def clone(library: Library, site: pathlib.Path, sources: pathlib.Path | None) -> pathlib.Path:
    """Returns the folder with the library's repository: in the sources, or cloned from GitHub into the site."""
    name = library.repository.replace("/", "+")
    if sources and (sources / name).is_dir():
        return sources / name
    folder = site / f"{name}+{library.commit[:7]}"
    if not folder.exists():
        clone_command = ["git", "clone", "--quiet", f"https://github.com/{library.repository}", str(folder)]
        subprocess.run(clone_command, check=True, capture_output=True, text=True)
        checkout_command = ["git", "-C", str(folder), "checkout", "--quiet", library.commit]
        subprocess.run(checkout_command, check=True, capture_output=True, text=True)
    return folder


def run(library: Library, folders: list[pathlib.Path], site: pathlib.Path, limit: float) -> tuple[bool, str]:
    """Runs the library's program. Returns whether it printed what it should, and the last line of its output.

    Args:
      library: the library to run.
      folders: folders for the program's path.
      site: folder for a log file with all that the program prints.
      limit: seconds that the program may take.
    """
    search_path = os.pathsep.join(map(str, [REPOSITORY, *folders]))
    environment = os.environ | {"PYTHONPATH": search_path}
    command = [sys.executable, "-m", "cnn_estimator", "run", *library.options, "program.py"]
    log = site / f"{library.name}.log"
    with tempfile.TemporaryDirectory() as folder, log.open("w") as errors:
        shutil.copy(library.path, pathlib.Path(folder) / "program.py")  # its own name may be the library's
        try:
            process = subprocess.run(
                command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=errors, timeout=limit, text=True
            )
        except subprocess.TimeoutExpired:
            return False, f"time limit of {limit:.0f} s"
    log.write_text(log.read_text() + process.stdout)
    output = process.stdout if process.returncode == 0 else log.read_text()
    last_line = output.strip().rpartition("\n")[2] or f"exit status {process.returncode}"
    ran = process.returncode == 0 and re.fullmatch(library.prints, last_line) is not None
    return ran, last_line


def report(library: Library, site: pathlib.Path, sources: pathlib.Path | None, limit: float) -> bool:
    """Installs and runs a library, and prints a row of the table. Returns whether it ran."""
    seconds = 0.0
    try:
        folders = [install(library, site)] if library.requirements else []
        folders += [clone(library, site, sources)] if library.repository else []
    except subprocess.CalledProcessError as error:
        ran = False
        last_line = error.stderr.strip().rpartition("\n")[2]
    else:
        start = time.monotonic()
        ran, last_line = run(library, folders, site, limit)
        seconds = time.monotonic() - start
    print(
        f"| {library.name} | {library.version} | {'ran' if ran else 'failed'} | {seconds:.0f} | {last_line} |",
        flush=True,
    )
    return ran


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="files of tests/libraries without .py; all of them by default")
    parser.add_argument("--site", type=pathlib.Path, default="/tmp/cnn_estimator_libraries", help="installed libraries")
    parser.add_argument("--sources", type=pathlib.Path, help="a folder with repositories as OWNER+NAME, to clone fewer")
    parser.add_argument("--seconds", type=float, default=600, help="time limit for a program")
    options = parser.parse_args()
    options.site.mkdir(parents=True, exist_ok=True)
    names = options.names or sorted(path.stem for path in PROGRAMS.glob("*.py"))
    print("| library | version | result | seconds | last line |\n| --- | --- | --- | --- | --- |")
    site = options.site.resolve()
    ran = [report(read_library(PROGRAMS / f"{name}.py"), site, options.sources, options.seconds) for name in names]
    return 0 if all(ran) else 1


if __name__ == "__main__":
    sys.exit(main())
