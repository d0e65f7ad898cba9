"""The pages keep their promises: links lead somewhere, flags exist, and every Python program runs as it stands."""

import functools
import os
import re
import shlex

import pytest
from helpers import REPOSITORY, load_public, run

import cnn_estimator
from cnn_estimator import evaluation
from cnn_estimator.cli import RUN, RUN_SUMMARY, VERBS
from cnn_estimator.recipes import RECIPES
from cnn_estimator.settings import OPTIMIZERS

PAGES = {
    str(path.relative_to(REPOSITORY)): path.read_text(encoding="utf-8")
    for path in (REPOSITORY / "README.md", REPOSITORY / "CONTRIBUTING.md", *sorted((REPOSITORY / "docs").glob("*.md")))
}
SCRIPTS = {"run_train.py": "train", "run_eval.py": "eval"}
# TensorFlow Serving's, and those of tests/estimator_library.py
FLAGS_OF_OTHER_PROGRAMS = {"model_base_path", "plain", "out", "than"}


def blocks(page, language):
    """Returns the contents of the code blocks of a language in a page."""
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGES[page], re.MULTILINE | re.DOTALL)


def commands(page):
    """Returns the words of each command in the page's console blocks."""
    lines = [line for block in blocks(page, "console") for line in block.splitlines() if line.startswith("$ ")]
    return [shlex.split(line.removeprefix("$ ")) for line in lines]


def verb_of(words):
    """Returns the verb of this package that a command runs, or None."""
    if words[0] == "python" and words[1] in SCRIPTS:
        return SCRIPTS[words[1]]
    return words[1] if words[0] == "cnn-estimator" and words[1:2] != ["run"] and len(words) > 1 else None


def model_fn_excerpt():
    (excerpt,) = [block for block in blocks("README.md", "python") if block.startswith("def model_fn")]
    return excerpt


def programs():
    """Returns (page, program, the last line that it prints, as the page quotes it) of each complete Python program."""
    found = []
    for page, text in PAGES.items():
        for program in blocks(page, "python"):
            if program == model_fn_excerpt():
                continue
            # Quoted after the program, or once for several programs before the first of them.
            after = text[text.index(program) :]
            printed = re.search(r"prints\s+(?:is\s+)?`(.*?)`", after) or re.search(r"prints\s+`(.*?)`", text)
            assert printed, f"{page} does not quote what this prints:\n{program}"
            found.append((page, program, printed[1]))
    return found


@pytest.mark.unit
def test_the_readme_is_short():
    assert len(PAGES["README.md"].splitlines()) <= 130


@pytest.mark.unit
def test_the_readme_begins_with_the_bridge():
    assert blocks("README.md", "console")[0].startswith("$ cnn-estimator run your_script.py")
    (diff,) = blocks("docs/bridge.md", "diff")
    assert diff == "-import tensorflow as tf\n+from cnn_estimator.tf1 import tf\n"


@pytest.mark.unit
@pytest.mark.parametrize("page", PAGES)
def test_links_and_plots_exist(page):
    targets = re.findall(r"\]\(([^)\s]+)\)", PAGES[page])
    for target in targets:
        if "://" in target:
            continue
        path, _, heading = target.partition("#")
        linked = os.path.normpath(os.path.join(os.path.dirname(page), path)) if path else page
        assert (REPOSITORY / linked).exists(), target
        if heading:
            headings = re.findall(r"^#+ (.*)$", PAGES[linked], re.MULTILINE)
            assert heading in [re.sub(r"[^\w -]", "", text.lower()).replace(" ", "-") for text in headings], target


@pytest.mark.unit
def test_every_image_of_the_pages_is_shown():
    shown = {os.path.basename(path) for text in PAGES.values() for path in re.findall(r"!\[[^]]*\]\((.*?)\)", text)}
    assert shown == set(os.listdir(REPOSITORY / "docs" / "images"))


@pytest.mark.unit
def test_every_page_is_reachable_from_the_readme():
    linked = set(re.findall(r"\]\(([\w/.-]+\.md)\)", PAGES["README.md"]))
    assert PAGES.keys() - {"README.md"} <= linked


@pytest.mark.unit
@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "docs/bridge.md"])
def test_modules_that_a_page_names_exist(page):
    named = re.findall(r"`([\w/.-]+\.py)`", PAGES[page])
    assert named or page != "CONTRIBUTING.md"
    for name in named:
        assert (REPOSITORY / name).exists() or (REPOSITORY / "cnn_estimator" / name).exists(), name


@pytest.mark.unit
def test_contributing_has_a_place_for_every_module():
    named = re.findall(r"`([\w/.-]+(?:\.py|/))`", PAGES["CONTRIBUTING.md"])
    package = REPOSITORY / "cnn_estimator"
    modules = {str(path.relative_to(package)) for path in package.rglob("*.py")}
    assert [module for module in modules if not module.startswith(tuple(named))] == []


@pytest.mark.unit
def test_the_table_of_recipes_is_that_of_the_code():
    rows = re.findall(
        r"^\| (\w+)(?: \(default\))? \| (\w+) \| (\w+) (\S+) \| (\d+) \| (\d+) \| (.*?) \| ", PAGES["README.md"], re.M
    )
    assert rows == [
        (r.name, r.network, r.optimizer, str(r.learning_rate), str(r.batch_size), str(r.steps), reported(r))
        for r in RECIPES.values()
    ]


def reported(recipe):
    """The table's words for what a tutorial reports."""
    in_training = recipe.reported_in_training and f"{recipe.reported_in_training} in training"
    return ", ".join(filter(None, (recipe.reported, in_training)))


@pytest.mark.unit
def test_the_model_fn_of_the_readme_is_that_of_the_code():
    code = [line.strip() for line in (REPOSITORY / "cnn_estimator" / "model.py").read_text().splitlines()]
    lines = iter(code)
    for line in model_fn_excerpt().splitlines()[1:]:  # without the signature, which has annotations in the code
        assert line.strip() in lines, line  # in this order


@pytest.mark.unit
def test_the_list_of_verbs_is_that_of_the_command():
    listed = re.findall(r"^  (\w+) +(.*)$", PAGES["docs/using.md"], re.MULTILINE)
    assert listed == [*((name, verb.summary) for name, verb in VERBS.items()), (RUN, RUN_SUMMARY)]


@pytest.mark.unit
def test_the_manual_names_every_optimizer():
    (named,) = re.findall(r"`--optimizer` takes (.*?)\.", PAGES["docs/using.md"], re.DOTALL)
    assert tuple(re.findall(r"`(\w+)`", named)) == OPTIMIZERS


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


@pytest.mark.process
def test_every_flag_that_a_page_names_exists():
    assert "model_dir" in flags_of("train")
    named_in_commands = 0
    for page in PAGES:
        for words in commands(page):
            verb = verb_of(words)
            if verb:
                named = {word[2:].partition("=")[0] for word in words if word.startswith("--")}
                named_in_commands += len(named)
                assert named - {"help"} <= flags_of(verb), (page, words)
    assert named_in_commands >= 15
    known = set.union(*map(flags_of, VERBS)) | FLAGS_OF_OTHER_PROGRAMS | {"help"}
    for page in PAGES:
        if page != "CONTRIBUTING.md":
            prose = re.sub(r"^```.*?^```$", "", PAGES[page], flags=re.MULTILINE | re.DOTALL)
            for name in re.findall(r"--(\w+)", prose):
                assert name in known, (page, name)


@pytest.mark.process
def test_every_program_prints_what_its_page_says(tmp_path):
    """The README's own program trains the model that the other pages export and use, on the real Fashion-MNIST."""

    def here(text):
        return text.replace("/tmp/", f"{tmp_path}/")

    load_public("fashion_mnist", "train")
    for position, (page, program, printed) in enumerate(programs()):
        done = run("-c", here(program))
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines()[-1] == printed, page
        if position == 0:
            model_dir = (tmp_path / "fashion_200").rename(tmp_path / "fashion")
            result = evaluation.evaluate(str(model_dir)).metrics
            assert (result["global_step"], result["images"]) == (200, 10_000)
            assert result["accuracy"] >= 0.80
            export_all(here)


def export_all(here):
    """Exports what the commands of the page on exports do, in one process."""
    exports = [words for words in commands("docs/export.md") if verb_of(words) == "export"]
    arguments = [dict(word[2:].split("=") for word in words[2:]) for words in exports]
    assert len(arguments) == 4
    calls = [f"print(cnn_estimator.export('/tmp/fashion', **{given}).images)" for given in arguments]
    done = run("-c", here("\n".join(["import cnn_estimator", *calls])))
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["1000"] * 4
