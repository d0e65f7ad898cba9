"""Makes every name under which programs import a part of TensorFlow lead to the same module.

The files of TensorFlow lie elsewhere than their import names say. Without this module, `import tensorflow.compat.v1`
would run a file a second time, under another name, and the second module would lack what was added to the first one.
"""

import functools
import importlib
import importlib.abc
import importlib.machinery
import importlib.metadata
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any

from cnn_estimator.tf1 import moved

_API = "tensorflow_estimator._api"

# Names that TensorFlow lacks from 2.16 on, {name: module}. On TensorFlow 2.15 they lead to the same library.
ESTIMATOR_ALIASES = {
    "tensorflow.estimator": f"{_API}.v2.estimator",
    "tensorflow.compat.v1.estimator": f"{_API}.v1.estimator",
    "tensorflow.compat.v2.estimator": f"{_API}.v2.estimator",
    "tensorflow.python.estimator": "tensorflow_estimator.python.estimator",
}
# Names that every release of TensorFlow 2 lacks.
_CONTRIB = "cnn_estimator.tf1.contrib"
_REMOVED_ALIASES = {
    "tensorflow.contrib": _CONTRIB,
    "tensorflow.examples.tutorials.mnist.input_data": "cnn_estimator.tf1.input_data",
    "tensorflow.examples.tutorials.mnist.mnist": "cnn_estimator.tf1.tutorial_mnist",
}
# TensorFlow's internal copy of Keras lacks these parts. The Keras package's parts fit, because they hold no layers.
_KERAS_PARTS = ("applications", "datasets", "preprocessing")
# Names of TensorFlow 2 that Keras provides, and that TensorFlow loads at their first use.
_KERAS_NAMES = ("initializers", "keras", "losses", "metrics", "optimizers")
# In these modules TensorFlow 2 has cells that cannot be mixed with the layers of tf.layers.
_CELL_MODULES = ("tensorflow.python.ops.rnn_cell", "tensorflow.python.ops.rnn_cell_impl")
_OLD_CELL_NAMES = ("_Linear", "_like_rnncell", "_linear")
_API_V1 = "tensorflow._api.v2.compat.v1."
# Parts that AliasFinder finds, or that are the same module under every name.
_ALIASED_PARTS = ("compat", "contrib", "estimator", "examples", "keras")
_EMPTY_PACKAGES = (
    "tensorflow.examples",
    "tensorflow.examples.tutorials",
    "tensorflow.examples.tutorials.mnist",
    *moved.PACKAGES,
)


class AliasFinder(importlib.abc.MetaPathFinder):
    """Finds modules, and their submodules, under other names."""

    def __init__(self, targets: dict[str, str]) -> None:
        """targets: {alias: name of the real module}."""
        self._targets = targets

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        for alias, real in self._targets.items():
            if fullname == alias or fullname.startswith(f"{alias}."):
                module = _import(real + fullname[len(alias) :])
                return importlib.machinery.ModuleSpec(fullname, AliasLoader(module))
        return None


def _import(name: str) -> ModuleType:
    """Returns a module. tf.contrib itself finds its parts."""
    if name.startswith(f"{_CONTRIB}."):
        return importlib.import_module(_CONTRIB).find(name.removeprefix(f"{_CONTRIB}."))
    return importlib.import_module(name)


class AliasLoader(importlib.abc.Loader):
    """Returns a module that was loaded under another name."""

    def __init__(self, module: ModuleType) -> None:
        self._module = module
        self._spec = module.__spec__

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        return self._module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self._spec  # Python has replaced it by the spec of the alias


def install_compat(tensorflow: ModuleType) -> None:
    """Makes `import tensorflow.compat.v1` find the module that TensorFlow created when it was imported.

    Call this before Keras is loaded, which imports `tensorflow.compat.v2`.
    """
    sys.modules.setdefault("tensorflow.compat", tensorflow.compat)
    for version in ("v1", "v2"):
        sys.modules.setdefault(f"tensorflow.compat.{version}", getattr(tensorflow.compat, version))


def install(targets: dict[str, str]) -> None:
    """Makes modules importable under aliases, and sets them as attributes of the aliases' parents.

    Modules that are loaded already, and attributes that exist already, stay as they are.

    Args:
      targets: {alias: name of the real module}.
    """
    sys.meta_path.insert(0, AliasFinder(targets))
    for alias, real in targets.items():
        parent, _, attribute = alias.rpartition(".")
        if parent and not hasattr(sys.modules[parent], attribute):
            setattr(sys.modules[parent], attribute, importlib.import_module(real))


def install_removed(tensorflow: ModuleType, tf: ModuleType) -> None:
    """Gives TensorFlow tf.contrib, tensorflow.examples and modules that moved. They are loaded at first use."""
    for name in _EMPTY_PACKAGES:
        module = ModuleType(name)
        module.__path__ = []
        sys.modules[name] = module
        parent, _, attribute = name.rpartition(".")
        setattr(sys.modules[parent], attribute, module)
    keras = f"{keras_package()}.api._v1.keras"
    parts = {f"tensorflow.python.keras.{part}": f"{keras}.{part}" for part in _KERAS_PARTS}
    sys.meta_path.insert(0, AliasFinder(_REMOVED_ALIASES | moved.module_aliases() | parts))
    moved.install_gone()
    contrib = importlib.import_module("tensorflow.contrib")
    for api in (tensorflow, tf):
        vars(api)["contrib"] = contrib
    _give_estimator_to_inner_copies(tensorflow)


def _give_estimator_to_inner_copies(tensorflow: ModuleType) -> None:
    """Gives tf.compat.v2.compat.v1, and the other copies of the API inside the API, their tf.estimator."""
    for outer in ("v1", "v2"):
        compat = getattr(tensorflow.compat, outer).compat
        sys.modules.setdefault(f"tensorflow.compat.{outer}.compat", compat)
        for inner in ("v1", "v2"):
            api = getattr(compat, inner)
            sys.modules.setdefault(f"tensorflow.compat.{outer}.compat.{inner}", api)
            if not hasattr(api, "estimator"):
                api.estimator = importlib.import_module(f"{_API}.{inner}.estimator")


def keras_package() -> str:
    """Returns the package behind tf.keras: keras on TensorFlow 2.15, tf_keras where the package keras is Keras 3."""
    try:
        return "keras" if importlib.metadata.version("keras").startswith("2.") else "tf_keras"
    except importlib.metadata.PackageNotFoundError:
        return "tf_keras"


def pin_keras() -> None:
    """Makes every name of tf.keras and tf.layers lead to tf-keras, on TensorFlow 2.16 and later.

    TensorFlow's own loader reads the environment at the first use of each name, when a program may have changed it. It
    also fails if two threads use a name for the first time at once.
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


def tell_keras_version() -> None:
    """Gives tf.keras its __version__, the version of the Keras behind it. TensorFlow lacks the name from 2.13 on."""
    keras = keras_package()
    version = importlib.import_module(keras).__version__
    for api in ("v1", "v2"):
        vars(importlib.import_module(f"{keras}.api._{api}.keras"))["__version__"] = version


def restore_internal_names(tf: ModuleType) -> None:
    """Gives TensorFlow's internal modules the names that TensorFlow 1 had there, for programs and for tf-slim."""
    from tensorflow.python.layers import normalization
    from tensorflow.python.ops import gen_nn_ops
    from tensorflow.python.util.lazy_loader import LazyLoader

    moved.restore_names(tf)
    cells = tf.nn.rnn_cell
    for module_name in _CELL_MODULES:
        module = importlib.import_module(module_name)
        vars(module).update({name: getattr(cells, name) for name in dir(cells) if not name.startswith("_")})
        vars(module).update(LayerRNNCell=cells.BasicLSTMCell.__base__, __getattr__=_old_cell_name)
    gen_nn_ops._relu_grad = gen_nn_ops.relu_grad
    # TensorFlow looks for batch normalization where Keras had it before Keras moved it to src.
    batch_normalization = f"{keras_package()}.src.legacy_tf_layers.normalization"
    normalization.normalization = LazyLoader("normalization", vars(normalization), batch_normalization)
    _accept_an_empty_tpu_name()


def _accept_an_empty_tpu_name() -> None:
    """Makes TPUClusterResolver("") name this machine, as in TensorFlow 1, for models that run with use_tpu=False."""
    from tensorflow.python.distribute.cluster_resolver.tpu import tpu_cluster_resolver

    resolver = tpu_cluster_resolver.TPUClusterResolver
    init = resolver.__init__

    @functools.wraps(init)
    def init_local(self: Any, tpu: Any = None, *args: Any, **kwargs: Any) -> None:
        init(self, "local" if tpu in ("", b"") else tpu, *args, **kwargs)

    resolver.__init__ = init_local


def _old_cell_name(name: str) -> object:
    """The __getattr__ of the modules of cells. It loads tf.contrib.rnn at first use."""
    if name not in _OLD_CELL_NAMES:
        raise AttributeError(f"module 'tensorflow.python.ops.rnn_cell_impl' has no attribute {name!r}")
    return getattr(importlib.import_module(f"{_CONTRIB}.rnn.ops.core_rnn_cell"), name)


def replace_dataset_loaders() -> None:
    """Makes Keras's datasets.mnist and datasets.fashion_mnist return the verified files that this package finds."""
    keras = keras_package()
    for dataset in ("mnist", "fashion_mnist"):
        source = f"{keras}.src.datasets.{dataset}"
        sys.modules.setdefault(source, ModuleType(source))
        load_data = functools.partial(_load_data, f"load_{dataset}_arrays")
        # Modules of Keras's API copy the function when they are loaded, and `import tensorflow` may have loaded them.
        for name, module in sys.modules.items():
            if name.startswith(f"{keras}.") and name.endswith(f".datasets.{dataset}"):
                vars(module)["load_data"] = load_data


def _load_data(function: str, *arguments: str, **keywords: str) -> object:
    return getattr(importlib.import_module("cnn_estimator.tf1.input_data"), function)(*arguments, **keywords)


def become_tf1(tensorflow: ModuleType, tf: ModuleType) -> None:
    """Turns the module tensorflow into the TF 1 API. Only for a process that runs nothing but a TF 1 program."""
    from cnn_estimator.tf1 import graph_types, old_keras  # they need TensorFlow

    _keep_for_the_estimator_library(tensorflow)
    keras = keras_package()
    targets = {"tensorflow.estimator": tf.estimator.__name__, "tensorflow.keras": keras}
    if keras != "keras":
        targets["keras"] = keras  # Keras 3 cannot work without eager execution
    sys.meta_path.insert(0, AliasFinder(targets))
    _give_keras_its_v1_api(keras)
    old_keras.restore(keras)
    for name in dir(tf):
        if not name.startswith("_") and name != "compat":  # tensorflow.compat has all of tf.compat already
            setattr(tensorflow, name, getattr(tf, name))
    graph_types.restore(tensorflow, tf)
    for api in (tensorflow, tf):
        api.python = sys.modules["tensorflow.python"]  # type: ignore[attr-defined]
        api.pywrap_tensorflow = api.python.pywrap_tensorflow  # type: ignore[attr-defined]
    base = importlib.import_module("tensorflow.python.layers.base")  # it has the layers of TensorFlow's copy of Keras
    base.Layer = tf.layers.Layer  # type: ignore[attr-defined]
    base.InputSpec = tf.layers.InputSpec  # type: ignore[attr-defined]
    # On TensorFlow 2.15 the attribute is a lazy loader of the module.
    for api in (tensorflow, tf):
        api.estimator = importlib.import_module(tf.estimator.__name__)  # type: ignore[attr-defined]
    private_names = [name for name in tensorflow.__all__ if name.startswith("_")]
    public_names = [name for name in dir(tf) if not name.startswith("_")]
    # What `from tensorflow import *` gives.
    tensorflow.__all__ = [*public_names, "contrib", *private_names]  # type: ignore[attr-defined]
    _install_parts("tensorflow", tf)


def become_tf2() -> None:
    """Makes `import keras` find Keras 2, as TensorFlow 2.15 had it, and `import tensorflow.keras` find tf.keras.

    Only for a process that runs nothing but a TF 2 program.
    """
    keras = keras_package()
    targets = {"tensorflow.keras": f"{keras}.api._v2.keras"}
    if keras != "keras":
        targets["keras"] = keras
    sys.meta_path.insert(0, AliasFinder(targets))


def _keep_for_the_estimator_library(tensorflow: ModuleType) -> None:
    """Gives the Estimator library's modules a copy of the module tensorflow as it is now.

    They look up names such as tf.losses.Reduction when they are used, and mean TensorFlow 2's.
    """
    importlib.import_module(f"{_API}.v2.estimator")  # loads what the API of TF 1 does not need
    for name in _KERAS_NAMES:
        dir(getattr(tensorflow, name))  # loads it: later the loader would put TensorFlow 2's module into tensorflow
    copy = ModuleType(tensorflow.__name__)
    vars(copy).update(vars(tensorflow))
    for name, module in [*sys.modules.items()]:
        if name.startswith("tensorflow_estimator.") and vars(module).get("tf") is tensorflow:
            vars(module)["tf"] = copy


def _install_parts(name: str, api: ModuleType) -> None:
    """Makes `import tensorflow.nn`, and the import of every other part, find the part of the TF 1 API.

    Otherwise Python would run TensorFlow 2's file of that name, and replace tf.nn by it.
    """
    for part in dir(api):
        module = getattr(api, part)
        if not isinstance(module, ModuleType) or part.startswith("_") or part in _ALIASED_PARTS:
            continue
        sys.modules[f"{name}.{part}"] = module
        if module.__name__.startswith(_API_V1):
            _install_parts(f"{name}.{part}", module)


def _give_keras_its_v1_api(package: str) -> None:
    """Gives the package of Keras the API that TF 1 programs know, for example the optimizers for graph mode."""
    api = importlib.import_module(f"{package}.api._v1.keras")
    newer_api = importlib.import_module(f"{package}.api._v2.keras")
    api.optimizers.experimental = newer_api.optimizers.experimental  # the Estimator library looks for them in Keras
    api.__internal__.optimizers = newer_api.__internal__.optimizers
    vars(sys.modules[package]).update({name: value for name, value in vars(api).items() if not name.startswith("_")})
    for name, module in [*sys.modules.items()]:
        if name.startswith(f"{api.__name__}."):
            sys.modules[package + name.removeprefix(api.__name__)] = module
