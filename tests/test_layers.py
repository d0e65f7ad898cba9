"""The rules for all modules, read from their code: layers, who may import TensorFlow, who may know of flags."""

import ast
import re

import pytest
from helpers import REPOSITORY

pytestmark = pytest.mark.unit

# From the top down: a module or package at the top of the house imports only from the rows below its own.
LAYERS = (
    ("", "__main__"),
    ("cli",),
    ("demo",),
    ("explain", "exporting", "reproduction", "scan"),
    ("evaluation", "learning_rate_finder", "prediction", "summary", "training"),
    ("distributed",),
    ("hooks", "metrics", "model_session", "plots"),
    ("layers",),
    ("run_dir",),
    ("inputs", "model"),
    ("keras_networks", "keras_weights", "networks"),
    ("dropout",),
    ("tf2",),
    ("tf1",),
    ("data",),
    ("settings",),
    ("files", "hardware", "progress", "recipes", "waiting"),
    ("stopping",),
    ("errors",),
)
ROW = {room: number for number, rooms in enumerate(LAYERS) for room in rooms}
TENSORFLOW = {"tensorflow", "tensorflow_estimator", "tf_keras", "keras"}
# It is run as a program: Keras needs a TensorFlow that tf1/ has not changed.
PROGRAM = "keras_networks"
PLAIN_KERAS = {PROGRAM, "keras_weights"}
FLAGS_OF_OTHER_PROGRAMS = {
    "exporting": {"--saved_model_dir", "--output_file", "--saved-model", "--output"},
}


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


def _nodes(tree, *, at_import=False):
    """Yields the nodes of a syntax tree; at_import: only of what runs when the module is imported."""
    for node in ast.iter_child_nodes(tree):
        if at_import and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if at_import and isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            node = ast.Module(node.orelse, [])
        yield node
        yield from _nodes(node, at_import=at_import)


def _imports(name, *, at_import=False):
    """Returns ({modules of this package}, {other packages}) that a module imports."""
    local = set()
    others = set()
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
                local.add(inside if inside in MODULES else inside.rpartition(".")[0])
    return local, others


def _room(name):
    return name.partition(".")[0]


@pytest.mark.parametrize("name", MODULES)
def test_imports_run_downwards_only(name):
    rooms = {_room(other) for other in _imports(name)[0]} - {_room(name)}
    assert all(ROW[room] > ROW[_room(name)] for room in rooms)


@pytest.mark.parametrize("package", ["cli", "data", "distributed", "keras_weights", "run_dir", "tf1", "training"])
def test_a_package_has_no_circle_inside(package):
    inside = {name: _imports(name, at_import=True)[0] for name in MODULES if _room(name) == package}
    remaining = {name: {other for other in others if other in inside} - {name} for name, others in inside.items()}
    while free := {name for name, others in remaining.items() if not others & remaining.keys()}:
        remaining = {name: others for name, others in remaining.items() if name not in free}
    assert not remaining


def test_the_bridge_imports_nothing_else_but_errors_and_data():
    rooms = {_room(other) for name in MODULES if _room(name) == "tf1" for other in _imports(name)[0]}
    assert rooms == {"tf1", "data", "errors"}


def test_only_tf1_imports_tensorflow():
    importers = {name for name in MODULES if _imports(name)[1] & TENSORFLOW} - PLAIN_KERAS
    assert {_room(name) for name in importers} == {"tf1", "tf2"}


def _loaded_by(name):
    """Returns the modules that are loaded when a module is imported, with the module itself."""
    found = set()
    new = {name}
    while new:
        found |= new
        packages = {module.rpartition(".")[0] for module in new}
        new = packages.union(*(_imports(module, at_import=True)[0] for module in new)) - found
    return found


@pytest.mark.parametrize(
    "name",
    [
        name
        for name, tree in MODULES.items()
        if name in ("", "__main__", "cli", "cli.flags", "metrics", "plots", "settings")
        or _room(name) == "data"
        or re.search(r"(Imports|Loads) no TensorFlow|imports no TensorFlow", ast.get_docstring(tree) or "")
    ],
)
def test_no_tensorflow_is_loaded_where_none_is_needed(name):
    loaded = _loaded_by(name)
    assert not [module for module in loaded if _room(module) == "tf1"]
    assert not {package for module in loaded for package in _imports(module, at_import=True)[1]} & TENSORFLOW


@pytest.mark.parametrize("name", ["training", "evaluation", "prediction", "explain"])
def test_no_matplotlib_is_loaded_before_something_is_plotted(name):
    packages = {package for module in _loaded_by(name) for package in _imports(module, at_import=True)[1]}
    assert "matplotlib" not in packages


def test_the_bridge_loads_no_part_of_contrib():
    assert not [module for module in _loaded_by("tf1") if module.startswith("tf1.contrib")]


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
    assert not [module for module in _imports(name)[0] if _room(module) == "cli"]
    assert not _imports(name)[1] & {"absl", "argparse"}
