"""The pages keep their promises: links lead somewhere, flags exist, and every Python program runs as it stands."""

import functools
import os
import re
import shlex

import pytest
from helpers import REPOSITORY, load_public, run, run_one_after_another

import cnn_estimator
from cnn_estimator import evaluation, summary
from cnn_estimator.cli import RUN, RUN_SUMMARY, VERBS
from cnn_estimator.recipes import MEASURED_ON, RECIPES
from cnn_estimator.settings import HYPERPARAMETERS, RULES, Choice, hyperparameters

PAGES = {
    str(path.relative_to(REPOSITORY)): path.read_text(encoding="utf-8")
    for path in (REPOSITORY / "README.md", REPOSITORY / "CONTRIBUTING.md", *sorted((REPOSITORY / "docs").glob("*.md")))
}
TRAINING_PROGRAM_PAGE = "docs/python.md"  # its program trains the model that the other pages export and use
LEAVING_PAGE = "docs/leaving.md"
SCRIPTS = {"run_train.py": "train", "run_eval.py": "eval"}
# TensorFlow Serving's flag, absl's own, and the flags of the programs in tests/ and benchmarks/
FLAGS_OF_OTHER_PROGRAMS = {
    "tf1",
    "rounds",
    "model_base_path",
    "plain",
    "run",
    "out",
    "than",
    "sources",
    "logs",
    "verbosity",
    "flagfile",
}


def blocks(page, language=""):
    """Returns the contents of the code blocks of a language in a page."""
    found = re.findall(r"^```(\w*)\n(.*?)^```$", PAGES[page], re.MULTILINE | re.DOTALL)
    return [content for name, content in found if name == language]


def commands(page):
    """Returns the words of each command in the page's console blocks."""
    lines = [line for block in blocks(page, "console") for line in block.splitlines() if line.startswith("$ ")]
    return [shlex.split(part) for line in lines for part in line.removeprefix("$ ").split(" && ")]


def verb_of(words):
    """Returns the verb of this package that a command runs, or None."""
    program = words[0].removeprefix(".venv/bin/")
    if program == "python" and words[1] in SCRIPTS:
        return SCRIPTS[words[1]]
    return words[1] if program == "cnn-estimator" and words[1:2] != [RUN] and len(words) > 1 else None


def programs(pages):
    """Returns [(page, program, the last line that it prints)] of the complete Python programs of pages."""
    quoted = []
    for page in pages:
        text = PAGES[page]
        for program in blocks(page, "python"):
            if page == "README.md":  # its programs are compared with the code and with the bridge's page
                continue
            # Quoted after the program, or once for several programs before the first of them.
            after = text[text.index(program) :]
            printed = re.search(r"prints\s+(?:is\s+)?`(.*?)`", after) or re.search(r"prints\s+`(.*?)`", text)
            assert printed, f"{page} does not quote what this prints:\n{program}"
            quoted.append((page, program, printed[1]))
    return quoted


def table_rows(page, columns):
    """Returns the rows of the page's tables that have this number of columns, with their headings."""
    lines = re.findall(r"^\| (?!---)(.*) \|$", PAGES[page], re.MULTILINE)
    rows = [[cell.strip() for cell in line.split(" | ")] for line in lines]
    return [row for row in rows if len(row) == columns]


@pytest.mark.unit
def test_ci_runs_the_test_command_of_the_readme():
    (command,) = [line for line in PAGES["README.md"].splitlines() if line.endswith("pytest -m serial")]
    ci = (REPOSITORY / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    steps = [step.removeprefix(".venv/bin/") for step in command.split(" && ")[1:]]
    assert steps == [line for line in ci if line in steps]


@pytest.mark.unit
@pytest.mark.parametrize("page", PAGES)
def test_links_and_plots_exist(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", PAGES[page]):
        if "://" in target:
            continue
        path, _, heading = target.partition("#")
        linked = os.path.normpath(os.path.join(os.path.dirname(page), path)) if path else page
        assert (REPOSITORY / linked).exists(), target
        if heading:
            headings = re.findall(r"^#+ (.*)$", PAGES[linked], re.MULTILINE)
            assert heading in [re.sub(r"[^\w -]", "", text.lower()).replace(" ", "-") for text in headings], target


@pytest.mark.unit
def test_the_index_lists_every_page_of_the_manual():
    listed = re.findall(r"^\| \[.*?\]\(([\w-]+\.md)\) \|", PAGES["docs/index.md"], re.MULTILINE)
    assert sorted(listed) == sorted(path.name for path in (REPOSITORY / "docs").glob("*.md") if path.name != "index.md")


@pytest.mark.unit
def test_the_tree_of_the_house_has_every_module():
    (tree,) = blocks("CONTRIBUTING.md")
    drawn, folder = set(), ""
    for line in tree.partition("cnn_estimator/\n")[2].partition("\ntests/")[0].splitlines():
        entry = re.match(r"  (?=\S)(\w+/)?", line)
        if entry:
            folder = entry[1] or ""
        drawn |= {folder + name for name in re.findall(r"\w+\.py", line)}
    package = REPOSITORY / "cnn_estimator"
    modules = {str(path.relative_to(package)) for path in package.rglob("*.py")}
    inner = {
        path
        for path in modules
        if path.startswith(("tf1/contrib/", "tf1/old_names/")) or re.search(r"/__(init|main)__\.py$", path)
    }
    assert drawn - inner == modules - inner


@pytest.mark.unit
def test_the_tables_have_the_recipes_of_the_code():
    settings = [row for row in table_rows("docs/tutorials.md", 6) if row[0] in RECIPES]
    assert settings == [settings_row(recipe) for recipe in RECIPES.values()]
    results = [row for row in table_rows("docs/tutorials.md", 8) if row[0] in RECIPES]
    assert [(name, extremes or mean, minutes) for name, _, mean, extremes, _, _, _, minutes in results] == [
        (recipe.name, recipe.measured, str(recipe.minutes)) for recipe in RECIPES.values()
    ]
    for name, network, dataset, steps, reported, measured in table_rows("README.md", 6)[1:]:
        assert (dataset, measured) == (RECIPES[name].dataset, RECIPES[name].measured)
        row = settings_row(RECIPES[name])
        assert [name, network, steps, reported] == [row[0], row[1], row[4], row[5]]


@pytest.mark.unit
def test_the_table_of_layers_is_what_the_verb_prints():
    (block,) = [block for block in blocks("docs/tutorials.md", "console") if " summary " in block]
    assert block.partition("\n")[2] == f"{summary.summarize(recipe='fashion_dense')}\n"


@pytest.mark.unit
def test_the_hardware_of_the_results_is_the_one_that_the_verb_names():
    results = " ".join(PAGES["docs/tutorials.md"].partition("## Results")[2].partition("| recipe |")[0].split())
    hardware, release, precision = re.fullmatch(r"one core of (.*), (TensorFlow .*) and (\w+)", MEASURED_ON).groups()
    for text in (f"on {hardware}, {release}, ", f" and {precision}.", "one core"):
        assert text in results


def settings_row(recipe):
    """Returns the row of a recipe in the table of settings."""
    chosen = hyperparameters(recipe)
    in_training = recipe.reported_in_training and f"{recipe.reported_in_training} in training"
    reported = ", ".join(filter(None, (recipe.reported, in_training)))
    rate = f"{chosen.optimizer} {chosen.learning_rate}"
    return [recipe.name, recipe.network, rate, str(chosen.batch_size), str(recipe.steps), reported]


@pytest.mark.unit
def test_the_model_fn_of_the_readme_is_the_code():
    code = (line.strip() for line in (REPOSITORY / "cnn_estimator" / "model.py").read_text().splitlines())
    excerpt = blocks("README.md", "python")[1]
    for line in excerpt.splitlines()[1:]:  # without the signature, which has annotations in the code
        assert line.strip() in code, line  # in this order


@pytest.mark.unit
def test_the_program_of_the_readme_is_the_one_of_the_bridges_page_as_it_was_under_tensorflow_1():
    """The page's program has the one changed line; tests/test_script.py runs it without the change."""
    program = blocks("README.md", "python")[0].replace("import tensorflow as tf", "from cnn_estimator.tf1 import tf")
    assert program in blocks("docs/bridge.md", "python")


@pytest.mark.unit
def test_the_list_of_verbs_is_complete():
    listed = re.findall(r"^  (\w+) +(.*)$", PAGES["docs/index.md"], re.MULTILINE)
    assert listed == [*((name, verb.summary) for name, verb in VERBS.items()), (RUN, RUN_SUMMARY)]


@pytest.mark.unit
def test_the_manual_describes_every_hyperparameter_and_its_choices():
    described = {row[0].strip("`-"): row[1] for row in table_rows("docs/train.md", 2)[1:]}
    assert list(described) == list(HYPERPARAMETERS)
    for name in HYPERPARAMETERS:
        if isinstance(RULES[name], Choice):
            assert {f"`{choice}`" for choice in RULES[name].names} <= set(re.findall(r"`\w+`", described[name]))


@pytest.mark.unit
def test_the_versions_agree():
    (in_setup,) = re.findall(r'version="(.*?)"', (REPOSITORY / "setup.py").read_text())
    released = re.findall(r"^## (\d\S+)", (REPOSITORY / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert in_setup == released[0] == cnn_estimator.__version__


@functools.cache
def flags_of(verb):
    """Returns the names of a verb's flags."""
    done = run("-m", "cnn_estimator", verb, "--help")
    return set(re.findall(r"^ *(?:-\w,)?--(?:\[no\])?(\w+)", done.stdout, re.MULTILINE))


@pytest.mark.newest
@pytest.mark.process
def test_every_flag_that_a_page_names_exists():
    assert "model_dir" in flags_of("train")
    in_commands = [(verb_of(words), words) for page in PAGES for words in commands(page) if verb_of(words)]
    assert len(in_commands) >= 10
    for verb, words in in_commands:
        named = {word[2:].partition("=")[0] for word in words if word.startswith("--")}
        assert named - {"help", "flagfile"} <= flags_of(verb), words  # absl's own, which every verb has
    known = set.union(*map(flags_of, [*VERBS, "run"])) | FLAGS_OF_OTHER_PROGRAMS | {"help"}
    for page in PAGES:
        if page != "CONTRIBUTING.md":
            prose = re.sub(r"^```.*?^```$", "", PAGES[page], flags=re.MULTILINE | re.DOTALL)
            for name in re.findall(r"--(\w+)", prose):
                assert name in known, (page, name)


@pytest.mark.newest
@pytest.mark.process
def test_every_program_prints_what_its_page_says(tmp_path):
    """The first program trains the model that the other pages export and use, on the real Fashion-MNIST."""

    def here(text):
        return text.replace("/tmp/", f"{tmp_path}/")

    load_public("fashion_mnist", "train")
    ((page, program, printed),) = programs([TRAINING_PROGRAM_PAGE])
    done = run("-c", here(program))
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == printed, page
    model_dir = (tmp_path / "fashion_200").rename(tmp_path / "fashion")
    result = evaluation.evaluate(str(model_dir)).metrics
    assert (result["global_step"], result["images"]) == (200, 10_000)
    assert result["accuracy"] >= 0.80
    export_all(here)
    check_programs(programs(sorted(PAGES.keys() - {TRAINING_PROGRAM_PAGE, LEAVING_PAGE})), tmp_path)


@pytest.mark.process
def test_the_programs_that_leave_estimators_print_what_their_page_says(tmp_path):
    printed = check_programs(programs([LEAVING_PAGE]), tmp_path)
    assert "False" not in "".join(printed)


def check_programs(quoted, folder):
    """Checks the last line of each program, with a folder in place of /tmp; returns what they have printed.

    Those with the bridge run first, in one process, and the others in another one.
    """
    outputs = []
    for bridged in (True, False):
        chosen = [each for each in quoted if bool(re.search(r"cnn_estimator\.(tf1|Explainer)", each[1])) == bridged]
        paths = []
        for number, (_, program, _) in enumerate(chosen):
            paths.append(folder / f"program_{bridged}_{number}.py")
            paths[-1].write_text(program.replace("/tmp/", f"{folder}/"))
        printed = run_one_after_another(*paths)
        for (page, _, last_line), output in zip(chosen, printed, strict=True):
            assert output.splitlines()[-1] == last_line, page
        outputs += printed
    return outputs


def export_all(here):
    """Exports what the commands of the page on exports do, in one process."""
    exports = [words for words in commands("docs/export.md") if verb_of(words) == "export"]
    arguments = [dict(word[2:].split("=") for word in words[2:]) for words in exports]
    assert len(arguments) == 4
    calls = [f"print(cnn_estimator.export('/tmp/fashion', **{given}).images)" for given in arguments]
    done = run("-c", here("\n".join(["import cnn_estimator", *calls])))
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["1000"] * 4
