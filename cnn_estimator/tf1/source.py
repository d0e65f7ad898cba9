"""Reads from a program's source which modules it imports and which of their names it uses. Runs nothing."""

import ast
import dataclasses
import os
from collections.abc import Iterable, Iterator, Sequence

# Exceptions that a program catches where a name may be absent.
_ABSENCE_ERRORS = {"AttributeError", "BaseException", "Exception", "ImportError", "ModuleNotFoundError"}
# Methods of tf.data.Dataset that only TensorFlow 1 has.
_TF1_METHODS = ("make_initializable_iterator", "make_one_shot_iterator")
# Methods of tf.data.Dataset whose results only eager code can loop over.
_EAGER_LOOPS = ("as_numpy_iterator", "take")
# What a condition asks that chooses between versions of a library.
_VERSION_TESTS = {"GIT_VERSION", "VERSION", "__version__", "hasattr", "version"}
# NumPy 2 computes with these scalars and a Python number in the scalar's type; NumPy 1 chose a type for both values.
_NUMPY_SCALARS = {
    f"numpy.{name}" for name in ("float16", "float32", "int16", "int32", "int8", "uint16", "uint32", "uint64", "uint8")
}


@dataclasses.dataclass(frozen=True)
class Use:
    """A name of another module that a file uses.

    Attributes:
      name: the full name, such as tensorflow.layers.dense.
      line: the line of the file.
      optional: whether the file handles the absence of the name, by an exception or a test of a version.
    """

    name: str
    line: int
    optional: bool = False


@dataclasses.dataclass(frozen=True)
class Source:
    """What a file says about other modules.

    Attributes:
      uses: the names that it uses, in the order of the lines.
      imports: full names of the modules that it imports, with leading dots where they are relative.
      reads_numpy: whether it calls a method numpy() without arguments, as eager code does with tensors.
      loops_over_data: whether it loops over dataset.take(n) or dataset.as_numpy_iterator(), as eager code does.
      tf1_methods: the methods that it calls and that only TensorFlow 1's datasets have.
      scalar_arithmetic: the lines with arithmetic such as np.uint8(x) + 100, which NumPy 2 computes otherwise.
    """

    uses: tuple[Use, ...]
    imports: tuple[str, ...]
    reads_numpy: bool
    loops_over_data: bool
    tf1_methods: tuple[str, ...]
    scalar_arithmetic: tuple[int, ...]


def read(path: str) -> Source:
    """Returns what a Python file says. Raises SyntaxError if it is not valid Python, and OSError."""
    with open(path, "rb") as file:
        return parse(file.read(), path)


def parse(code: bytes | str, path: str = "<string>") -> Source:
    """Returns what Python code says. Raises SyntaxError if it is not valid Python."""
    try:
        tree = ast.parse(code, path)
    except ValueError as error:  # null bytes, in some releases of Python
        raise SyntaxError(str(error)) from error
    bindings = _Bindings()
    bindings.visit(tree)
    uses = _Uses(bindings.names)
    uses.visit(tree)
    return Source(
        uses=tuple(uses.found),
        imports=tuple(bindings.imports),
        reads_numpy=uses.reads_numpy,
        loops_over_data=uses.loops_over_data,
        tf1_methods=tuple(uses.tf1_methods),
        scalar_arithmetic=tuple(uses.scalar_arithmetic),
    )


def read_program(path: str, folder: str) -> dict[str, Source]:
    """Returns {path: source} of a program's main file and of the files in the folder that it imports.

    A file that is not valid Python is left out: the program itself reports the error.
    """
    sources: dict[str, Source] = {}
    waiting = [path]
    while waiting:
        current = waiting.pop()
        if current in sources:
            continue
        try:
            sources[current] = read(current)
        except (OSError, SyntaxError):
            continue
        for name in sources[current].imports:
            waiting += _files(name, os.path.dirname(current), folder)
    return sources


def _files(module: str, current_folder: str, folder: str) -> Iterator[str]:
    """Yields the files below a folder that the import of a module loads."""
    name = module.lstrip(".")
    level = len(module) - len(name)
    base = os.path.join(current_folder, *[os.pardir] * (level - 1)) if level else folder
    parts = name.split(".") if name else []
    for length in range(len(parts) + 1):
        place = os.path.normpath(os.path.join(base, *parts[:length]))
        for file in (f"{place}.py", os.path.join(place, "__init__.py")):
            if length and os.path.isfile(file):
                yield file


class _Bindings(ast.NodeVisitor):
    """Collects which full name each name of a file stands for. The first binding counts."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self.imports: list[str] = []

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self.imports.append(alias.name)
            root = alias.name.partition(".")[0]
            self.names.setdefault(alias.asname or root, alias.name if alias.asname else root)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        module = "." * node.level + (node.module or "")
        self.imports.append(module)
        for alias in node.names:
            separator = "" if module.endswith(".") else "."
            self.imports.append(f"{module}{separator}{alias.name}")
            if not node.level:
                self.names.setdefault(alias.asname or alias.name, f"{module}.{alias.name}")

    def visit_Call(self, node: ast.Call) -> None:
        module = _imported_module(node, self.names)
        if module:
            self.imports.append(module)
        self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> None:
        """Follows assignments such as slim = tf.contrib.slim, and tf = importlib.import_module("tensorflow")."""
        name = full_name(node.value, self.names) or _imported_module(node.value, self.names)
        if name and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            self.names.setdefault(node.targets[0].id, name)
        self.generic_visit(node)


class _Uses(ast.NodeVisitor):
    """Collects the names of other modules that a file uses."""

    def __init__(self, names: dict[str, str]) -> None:
        self.found: list[Use] = []
        self.reads_numpy = False
        self.loops_over_data = False
        self.tf1_methods: list[str] = []
        self.scalar_arithmetic: list[int] = []
        self._names = names
        self._optional = False

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self._add(alias.name, node)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        if node.level:
            return
        for alias in node.names:
            self._add(node.module or "" if alias.name == "*" else f"{node.module}.{alias.name}", node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        name = full_name(node, self._names)
        if name:
            self._add(name, node)
        else:
            self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        function = node.func
        if isinstance(function, ast.Attribute) and function.attr == "numpy" and not (node.args or node.keywords):
            self.reads_numpy = True
        if isinstance(function, ast.Attribute) and function.attr in _TF1_METHODS and not self._names_module(function):
            self.tf1_methods.append(function.attr)
        self.generic_visit(node)

    def visit_For(self, node: ast.For) -> None:
        self._visit_loop(node.iter)
        self.generic_visit(node)

    def visit_comprehension(self, node: ast.comprehension) -> None:
        self._visit_loop(node.iter)
        self.generic_visit(node)

    def _visit_loop(self, values: ast.expr) -> None:
        function = values.func if isinstance(values, ast.Call) else None
        if isinstance(function, ast.Attribute) and function.attr in _EAGER_LOOPS and not self._names_module(function):
            self.loops_over_data = True

    def _names_module(self, node: ast.Attribute) -> bool:
        """Returns True for a function of a module, such as tf.compat.v1.data.make_one_shot_iterator."""
        return full_name(node, self._names) is not None

    def visit_BinOp(self, node: ast.BinOp) -> None:
        calls = [side for side in (node.left, node.right) if isinstance(side, ast.Call)]
        if any(full_name(call.func, self._names) in _NUMPY_SCALARS for call in calls):
            self.scalar_arithmetic.append(node.lineno)
        self.generic_visit(node)

    def visit_Try(self, node: ast.Try) -> None:
        catches = any(_catches_absence(handler) for handler in node.handlers)
        self._visit_all(node.body, optional=catches)
        self._visit_all(node.handlers, optional=catches)
        self._visit_all([*node.orelse, *node.finalbody], optional=False)

    def visit_If(self, node: ast.If) -> None:
        self.visit(node.test)
        self._visit_all([*node.body, *node.orelse], optional=_tests_version(node.test))

    def visit_IfExp(self, node: ast.IfExp) -> None:
        self._visit_all([node.test, node.body, node.orelse], optional=_tests_version(node.test))

    def _visit_all(self, nodes: Sequence[ast.AST], *, optional: bool) -> None:
        before = self._optional
        self._optional = before or optional
        for node in nodes:
            self.visit(node)
        self._optional = before

    def _add(self, name: str, node: ast.stmt | ast.expr) -> None:
        self.found.append(Use(name, node.lineno, self._optional))


def full_name(node: ast.AST, names: dict[str, str]) -> str | None:
    """Returns the full name of an expression such as tf.layers.dense; None if it is no name of an imported module."""
    attributes: list[str] = []
    while isinstance(node, ast.Attribute):
        attributes.insert(0, node.attr)
        node = node.value
    if isinstance(node, ast.Name) and node.id in names:
        return ".".join([names[node.id], *attributes])
    return None


def _imported_module(node: ast.AST, names: dict[str, str]) -> str | None:
    """Returns the module that a call of importlib.import_module or __import__ returns; None for another expression."""
    if not (isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant)):
        return None
    module = node.args[0].value
    if not isinstance(module, str):
        return None
    if full_name(node.func, names) == "importlib.import_module":
        return module
    if isinstance(node.func, ast.Name) and node.func.id == "__import__":
        return module.partition(".")[0]
    return None


def _catches_absence(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    return bool(_ABSENCE_ERRORS & _identifiers([handler.type]))


def _tests_version(test: ast.expr) -> bool:
    return bool(_VERSION_TESTS & _identifiers([test]))


def _identifiers(nodes: Iterable[ast.AST]) -> set[str]:
    """Returns the names and attributes in expressions."""
    walked = [node for root in nodes for node in ast.walk(root)]
    names = {node.id for node in walked if isinstance(node, ast.Name)}
    return names | {node.attr for node in walked if isinstance(node, ast.Attribute)}
