"""Every spelling under which programs import a part of TensorFlow leads to one module.

TensorFlow's files lie elsewhere than its names say: `import tensorflow.compat.v1` would run a file once more, under
another name, and lack what the first module was given.
"""

import functools
import importlib
import importlib.abc
import importlib.machinery
import importlib.metadata
import operator
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any

_API = "tensorflow_estimator._api"

# What releases without tf.estimator lack, {name: module}: on TensorFlow 2.15 the same names lead to the same library.
ESTIMATOR = {
    "tensorflow.estimator": f"{_API}.v2.estimator",
    "tensorflow.compat.v1.estimator": f"{_API}.v1.estimator",
    "tensorflow.compat.v2.estimator": f"{_API}.v2.estimator",
    "tensorflow.python.estimator": "tensorflow_estimator.python.estimator",
}
# What every release lacks.
_CONTRIB = "cnn_estimator.tf1.contrib"
REMOVED = {
    "tensorflow.contrib": _CONTRIB,
    "tensorflow.examples.tutorials.mnist.input_data": "cnn_estimator.tf1.input_data",
    "tensorflow.examples.tutorials.mnist.mnist": "cnn_estimator.tf1.tutorial_mnist",
}
# What has moved inside of TensorFlow.
_MOVED = {"tensorflow.python.training.training_ops": "tensorflow.python.ops.gen_training_ops"}
# What TensorFlow's internal copy of Keras lacks: Keras's own work beside it, as they hold no layers of the copy.
_KERAS_PARTS = ("applications", "datasets", "preprocessing")
# Names inside of TensorFlow as TF 1 had them: {module: {name there: name in tf}}.
_CONSTANTS = {"convert_variables_to_constants": "graph_util.convert_variables_to_constants"}
_INNER_NAMES = {
    "framework.graph_util": _CONSTANTS,
    "framework.graph_util_impl": _CONSTANTS,
    "framework.ops": {
        "IndexedSlices": "IndexedSlices",
        "Tensor": "Tensor",
        "register_tensor_conversion_function": "register_tensor_conversion_function",
    },
    "ops.array_ops": {"stack": "stack", "unstack": "unstack"},
    "ops.control_flow_ops": {"Assert": "Assert", "case": "case", "cond": "cond", "while_loop": "while_loop"},
    "ops.functional_ops": {"map_fn": "map_fn"},
    "ops.variable_scope": {"variable": "Variable"},
    "pywrap_tensorflow": {"NewCheckpointReader": "train.NewCheckpointReader"},
    "util.nest": {"is_sequence": "nest.is_nested"},
}
_API_V1 = "tensorflow._api.v2.compat.v1."
_SERVED_OTHERWISE = ("compat", "contrib", "estimator", "examples", "keras")  # by Aliases, or TF 1 everywhere
_EMPTY = ("tensorflow.examples", "tensorflow.examples.tutorials", "tensorflow.examples.tutorials.mnist")


class Aliases(importlib.abc.MetaPathFinder):
    """Finds modules, and the modules inside of them, under other names."""

    def __init__(self, targets: dict[str, str]) -> None:
        """targets: {name: name of the module that it leads to}."""
        self._targets = targets

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        for name, real in self._targets.items():
            if fullname == name or fullname.startswith(f"{name}."):
                return importlib.machinery.ModuleSpec(fullname, Loaded(real + fullname[len(name) :]))
        return None


class Loaded(importlib.abc.Loader):
    """Loads a module by its real name."""

    def __init__(self, name: str) -> None:
        self._name = name

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        if self._name.startswith(f"{_CONTRIB}."):
            module = importlib.import_module(_CONTRIB).find(self._name.removeprefix(f"{_CONTRIB}."))
        else:
            module = importlib.import_module(self._name)
        self._spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self._spec  # Python has set that of the other name


def register_compat(tensorflow: ModuleType) -> None:
    """Has `import tensorflow.compat.v1` find the module that TensorFlow made at its own import.

    It has to come before Keras is loaded, which imports `tensorflow.compat.v2`.
    """
    sys.modules.setdefault("tensorflow.compat", tensorflow.compat)
    for version in ("v1", "v2"):
        sys.modules.setdefault(f"tensorflow.compat.{version}", getattr(tensorflow.compat, version))


def register(tensorflow: ModuleType, targets: dict[str, str]) -> None:
    """Lets programs import {name: module}, and find the modules as attributes of TensorFlow's where it lacks them.

    A module that was imported before stays what it is.
    """
    sys.meta_path.insert(0, Aliases(targets))
    for name, real in targets.items():
        parent, _, attribute = name.rpartition(".")
        if parent and not hasattr(sys.modules[parent], attribute):
            setattr(sys.modules[parent], attribute, importlib.import_module(real))


def register_removed(tensorflow: ModuleType, tf: ModuleType) -> None:
    """Gives TensorFlow tf.contrib and tensorflow.examples; their parts are loaded when they are first touched."""
    for name in _EMPTY:
        module = ModuleType(name)
        module.__path__ = []
        sys.modules[name] = module
        parent, _, attribute = name.rpartition(".")
        setattr(sys.modules[parent], attribute, module)
    keras = f"{keras_package()}.api._v1.keras"
    parts = {f"tensorflow.python.keras.{part}": f"{keras}.{part}" for part in _KERAS_PARTS}
    sys.meta_path.insert(0, Aliases(REMOVED | _MOVED | parts))
    contrib = importlib.import_module("tensorflow.contrib")
    for api in (tensorflow, tf):
        vars(api)["contrib"] = contrib


def keras_package() -> str:
    """Returns the package behind tf.keras: keras on TensorFlow 2.15, and tf_keras where that package is Keras 3."""
    try:
        return "keras" if importlib.metadata.version("keras").startswith("2.") else "tf_keras"
    except importlib.metadata.PackageNotFoundError:
        return "tf_keras"


def fix_keras() -> None:
    """Has every spelling of tf.keras and tf.layers lead to tf-keras, from TensorFlow 2.16 on.

    TensorFlow's own loader asks the environment at the first use of each spelling, when a program may have changed it,
    and fails where two threads use one for the first time.
    """
    from tensorflow.python.util.lazy_loader import KerasLazyLoader, LazyLoader

    def initialize(loader: Any) -> None:
        version = "v1" if loader._tfll_mode == "v1" else "v2"
        submodule = f".{loader._tfll_submodule}" if loader._tfll_submodule else ""
        package = f"tf_keras.api._{version}.keras{submodule}"
        loader._tfll_keras_version = "tf_keras"
        LazyLoader.__init__(loader, loader._tfll_name, loader._tfll_parent_module_globals, package)
        loader._tfll_initialized = True

    KerasLazyLoader._initialize = initialize


def restore_inner_names(tf: ModuleType) -> None:
    """Gives modules inside of TensorFlow the names that TensorFlow 1 had there, for programs and for tf-slim."""
    from tensorflow.python.layers import normalization
    from tensorflow.python.ops import gen_nn_ops
    from tensorflow.python.util.lazy_loader import LazyLoader

    for name, moved in _INNER_NAMES.items():
        module = importlib.import_module(f"tensorflow.python.{name}")
        for there, public in moved.items():
            if not hasattr(module, there):
                setattr(module, there, operator.attrgetter(public)(tf))
    gen_nn_ops._relu_grad = gen_nn_ops.relu_grad
    # TensorFlow looks for it where Keras had it before it moved to src.
    batch_normalization = f"{keras_package()}.src.legacy_tf_layers.normalization"
    normalization.normalization = LazyLoader("normalization", vars(normalization), batch_normalization)


def serve_datasets() -> None:
    """Has Keras's datasets.mnist and datasets.fashion_mnist read the verified files that this package finds."""
    keras = keras_package()
    for dataset in ("mnist", "fashion_mnist"):
        source = f"{keras}.src.datasets.{dataset}"
        sys.modules.setdefault(source, ModuleType(source))
        load_data = functools.partial(_load_data, f"load_{dataset}_arrays")
        # The modules of Keras's API copy the function when they are loaded, which `import tensorflow` may have done.
        for name, module in sys.modules.items():
            if name.startswith(f"{keras}.") and name.endswith(f".datasets.{dataset}"):
                vars(module)["load_data"] = load_data


def _load_data(function: str, *arguments: str, **keywords: str) -> object:
    return getattr(importlib.import_module("cnn_estimator.tf1.input_data"), function)(*arguments, **keywords)


def be_tensorflow_1(tensorflow: ModuleType, tf: ModuleType) -> None:
    """Makes the module tensorflow the TF 1 API: for a process that runs a TF 1 program, and nothing else."""
    keras = keras_package()
    targets = {"tensorflow.estimator": tf.estimator.__name__, "tensorflow.keras": keras}
    if keras != "keras":
        targets["keras"] = keras  # Keras 3 cannot work without eager execution
    sys.meta_path.insert(0, Aliases(targets))
    _be_keras_1(keras)
    for name in dir(tf):
        if not name.startswith("_") and name != "compat":  # tensorflow.compat has the same, and this TF 1 in it
            setattr(tensorflow, name, getattr(tf, name))
    base = importlib.import_module("tensorflow.python.layers.base")  # loaded with those of TensorFlow's copy of Keras
    base.Layer, base.InputSpec = tf.layers.Layer, tf.layers.InputSpec  # type: ignore[attr-defined]
    # On TensorFlow 2.15 the attribute is a stand-in for the module.
    for api in (tensorflow, tf):
        api.estimator = importlib.import_module(tf.estimator.__name__)  # type: ignore[attr-defined]
    _serve_parts("tensorflow", tf)


def _serve_parts(name: str, api: ModuleType) -> None:
    """Has `import tensorflow.nn`, and that of each other part, find the part of TF 1.

    By itself it would run TensorFlow 2's file, and put that in the place of tf.nn.
    """
    for part in dir(api):
        module = getattr(api, part)
        if not isinstance(module, ModuleType) or part.startswith("_") or part in _SERVED_OTHERWISE:
            continue
        sys.modules[f"{name}.{part}"] = module
        if module.__name__.startswith(_API_V1):
            _serve_parts(f"{name}.{part}", module)


def _be_keras_1(package: str) -> None:
    """Makes Keras the API that TF 1 programs know: its optimizers, for example, are those that work in graph mode."""
    api, newer = (importlib.import_module(f"{package}.api._{version}.keras") for version in ("v1", "v2"))
    api.optimizers.experimental = newer.optimizers.experimental  # the Estimator library looks for them in Keras
    api.__internal__.optimizers = newer.__internal__.optimizers
    vars(sys.modules[package]).update({name: value for name, value in vars(api).items() if not name.startswith("_")})
    for name, module in [*sys.modules.items()]:
        if name.startswith(f"{api.__name__}."):
            sys.modules[package + name.removeprefix(api.__name__)] = module
