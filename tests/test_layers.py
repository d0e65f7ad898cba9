"""The rules for all modules, read from their code: layers, who may import TensorFlow, who may know of flags."""

import ast
import re

import pytest
from helpers import REPOSITORY

pytestmark = pytest.mark.unit

WITHOUT_TENSORFLOW = ("datasets", "plots", "preprocessing")  # what verbs load before they need TensorFlow, or instead


def _modules():
    """Returns {name below cnn_estimator: syntax tree}; the package itself is ""."""
    package = REPOSITORY / "cnn_estimator"
    trees = {}
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package).with_suffix("").parts
        trees[".".join(part for part in parts if part != "__init__")] = ast.parse(path.read_text(encoding="utf-8"))
    return trees


MODULES = _modules()
LIBRARY = {name: tree for name, tree in MODULES.items() if not re.search(r"^cli\b|\b__main__$", name)}

# From the top down: a module imports only what is in a row below its own.
LAYERS = (
    ("", "__main__", "tf1.__main__"),
    ("cli",),
    ("cli.verbs",),
    ("cli.doctor",),
    ("cli.flags", "cli.process"),
    ("cli.native_log",),
    ("exporting", "reproduction"),
    ("evaluation", "prediction", "training"),
    ("roles",),
    ("planning",),
    ("evaluator", "fitting"),
    ("parameter_servers",),
    ("validation",),
    ("cluster", "shared_plan"),
    ("event_files", "hooks"),
    ("run_dir.compatibility",),
    ("run_dir.checkpoints",),
    ("run_dir.checkpoint_index", "run_dir.validation_records"),
    ("metrics", "plots", "run_dir"),
    ("run_dir.lock",),
    ("inputs", "model", "run_dir.event_writers", "run_dir.files", "strategies"),
    ("augmentation", "keras_networks", "networks", "schedules"),
    ("tf1.hparams", "tf1.script"),
    ("tf1",),
    ("tf1.contrib.slim",),
    (
        "tf1.contrib.losses",
        "tf1.contrib.cluster_resolver",
        "tf1.contrib.data",
        "tf1.contrib.eager",
        "tf1.contrib.framework",
        "tf1.contrib.layers",
        "tf1.contrib.metrics",
        "tf1.contrib.opt",
        "tf1.contrib.predictor",
        "tf1.contrib.saved_model",
        "tf1.contrib.summary",
        "tf1.contrib.tpu",
        "tf1.contrib.training",
    ),
    ("tf1.contrib.learn",),
    (
        "tf1.contrib.learn.canned",
        "tf1.contrib.learn.datasets",
        "tf1.contrib.learn.learn_runner",
        "tf1.contrib.learn.utils",
    ),
    ("tf1.contrib.learn.estimators",),
    (
        "tf1.contrib.learn.arrays",
        "tf1.contrib.learn.metric_spec",
        "tf1.contrib.learn.monitors",
        "tf1.contrib.learn.preprocessing",
        "tf1.contrib.learn.datasets.mnist",
        "tf1.contrib.learn.datasets.text_datasets",
        "tf1.contrib.learn.experiment",
        "tf1.contrib.learn.run_config",
        "tf1.contrib.learn.utils.saved_model_export_utils",
    ),
    ("tf1.contrib.learn.datasets.base", "tf1.contrib.learn.utils.input_fn_utils"),
    ("tf1.contrib._tf_slim", "tf1.contrib._feature_columns", "tf1.contrib._old_datasets"),
    (
        "tf1.contrib.autograph",
        "tf1.contrib.checkpoint",
        "tf1.contrib.crf",
        "tf1.contrib.distribute",
        "tf1.contrib.distributions",
        "tf1.contrib.estimator",
        "tf1.contrib.factorization",
        "tf1.contrib.feature_column",
        "tf1.contrib.keras",
        "tf1.contrib.legacy_seq2seq",
        "tf1.contrib.linalg",
        "tf1.contrib.lite",
        "tf1.contrib.lookup",
        "tf1.contrib.rnn",
        "tf1.contrib.seq2seq",
        "tf1.contrib.signal",
        "tf1.contrib.staging",
        "tf1.contrib.stateless",
        "tf1.contrib.tensorboard",
        "tf1.contrib.util",
    ),
    ("tf1.contrib.seq2seq.attention_wrapper", "tf1.contrib.seq2seq.decoder"),
    ("tf1.contrib", "tf1.estimator", "tf1.tensor_bundle"),
    ("tf1.contrib._inside", "tf1.python_keras"),
    ("tf1.cluster", "tf1.input_data", "tf1.old_numpy", "tf1.spellings", "tf1.tutorial_mnist", "tf1.unavailable"),
    ("preprocessing",),
    ("datasets",),
    ("fetch",),
    ("precision",),
    ("cluster_config", "environment", "idx", "processor", "progress", "recipes", "stopping"),
    ("rules",),
    ("errors", "regular_files"),
)
TENSORFLOW = {"tensorflow", "tensorflow_estimator", "tensorboard", "tf_keras", "keras"}
# It is run as a program: Keras needs a TensorFlow that tf1/ has not changed.
PROGRAM = "keras_networks"
FLAGS_OF_OTHER_PROGRAMS = {
    "exporting": {"--saved_model_dir", "--output_file", "--saved-model", "--output"},
}


def _nodes(tree, *, at_import=False):
    """Yields the nodes of a syntax tree; at_import: only of what runs when the module is imported."""
    for node in ast.iter_child_nodes(tree):
        if at_import and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if at_import and isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node = ast.Module(node.orelse, [])
        yield node
        yield from _nodes(node, at_import=at_import)


def _imports(name, *, at_import=False):
    """Returns ({modules of this package}, {other packages}) that a module imports."""
    own, others = set(), set()
    for node in _nodes(MODULES[name], at_import=at_import):
        if isinstance(node, ast.Import):
            full = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name} has a relative import"
            full = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for path in full:
            package, _, inside = path.partition(".")
            if package != "cnn_estimator":
                others.add(package)
            else:  # a module, or a name in one
                own.add(inside if inside in MODULES else inside.rpartition(".")[0])
    return own, others


def test_every_module_has_its_row_in_the_drawing():
    assert sorted(MODULES) == sorted(name for row in LAYERS for name in row)


@pytest.mark.parametrize("name", MODULES)
def test_imports_run_downwards_only(name):
    (row,) = [number for number, names in enumerate(LAYERS) if name in names]
    below = {other for names in LAYERS[row + 1 :] for other in names}
    assert _imports(name)[0] <= below


def test_only_tf1_imports_tensorflow():
    importers = {name for name in MODULES if _imports(name)[1] & TENSORFLOW} - {PROGRAM}
    assert {name.split(".")[0] for name in importers} == {"tf1"}


def _loaded_by(name):
    """Returns the modules that are loaded when a module is imported, itself included."""
    found, new = set(), {name}
    while new:
        found |= new
        packages = {module.rpartition(".")[0] for module in new}
        new = (packages.union(*(_imports(module, at_import=True)[0] for module in new))) - found
    return found


@pytest.mark.parametrize(
    "name",
    [
        name
        for name, tree in MODULES.items()
        if name in ("__main__", "cli", "cli.flags", "metrics", *WITHOUT_TENSORFLOW)
        or re.search(r"(Imports|Loads) no TensorFlow|imports no TensorFlow", ast.get_docstring(tree) or "")
    ],
)
def test_no_tensorflow_is_loaded_where_none_is_needed(name):
    loaded = _loaded_by(name)
    assert "tf1" not in loaded
    assert not {package for module in loaded for package in _imports(module, at_import=True)[1]} & TENSORFLOW


@pytest.mark.parametrize("name", ["training", "evaluation", "prediction"])
def test_no_matplotlib_is_loaded_before_something_is_plotted(name):
    packages = {package for module in _loaded_by(name) for package in _imports(module, at_import=True)[1]}
    assert "matplotlib" not in packages


def test_the_door_loads_no_part_of_contrib():
    assert not [module for module in _loaded_by("tf1") if module.startswith("tf1.contrib")]


def test_verbs_load_tensorflow_before_a_module_that_needs_it_and_only_then():
    """As process.load does with tensorflow=True: without its notes on stderr."""
    calls = [node for node in _nodes(MODULES["cli.verbs"]) if isinstance(node, ast.Call)]
    loads = [call for call in calls if ast.unparse(call.func) == "process.load"]
    behind = {call.args[0].value: [ast.unparse(keyword) for keyword in call.keywords] for call in loads}
    assert behind == {name: ["tensorflow=True"] if "tf1" in _loaded_by(name) else [] for name in behind}
    assert {*WITHOUT_TENSORFLOW, "training", "evaluation", "prediction", "exporting", "event_files"} <= {*behind}


@pytest.mark.parametrize("name", MODULES)
def test_no_function_is_longer_than_a_screen(name):
    """Its docstring does not count."""
    for node in _nodes(MODULES[name]):
        if isinstance(node, ast.FunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            assert not body or body[-1].end_lineno - body[0].lineno < 45, node.name


@pytest.mark.parametrize("name", LIBRARY)
def test_the_library_mentions_no_flag(name):
    texts = [
        node.value for node in ast.walk(LIBRARY[name]) if isinstance(node, ast.Constant) if type(node.value) is str
    ]
    mentioned = {flag for text in texts for flag in re.findall(r"(?<![\w-])--[a-z][\w-]+", text)}
    assert mentioned == FLAGS_OF_OTHER_PROGRAMS.get(name, set())


@pytest.mark.parametrize("name", LIBRARY)
def test_the_library_never_prints_and_knows_of_no_command_line(name):
    code = {ast.unparse(node) for node in ast.walk(LIBRARY[name]) if isinstance(node, ast.Name | ast.Attribute)}
    assert not code & {"print", "sys.stdout", "sys.stdin"}
    assert not code & {"argv", "sys.argv"} or name in (PROGRAM, "tf1.script")  # which sets another program's
    assert not [module for module in _imports(name)[0] if module.split(".")[0] == "cli"]
    assert not _imports(name)[1] & {"absl", "argparse"}
