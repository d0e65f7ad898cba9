"""tensorflow.python.keras for programs under `run`: up to TensorFlow 2.5 it was the Keras behind tf.keras.

Today it is a copy of Keras, whose layers cannot be mixed with the layers of tf.keras.
"""

import importlib.abc
import importlib.machinery
import importlib.util
import re
import sys
from collections.abc import Sequence
from types import ModuleType

from cnn_estimator.tf1 import aliases

_NAME = "tensorflow.python.keras"
_API = "api._v1.keras"
_LAYERS = f"{_API}.layers"
# Parts whose TensorFlow 1 classes are only in the package's API. Elsewhere the package has TensorFlow 2's classes.
_API_PARTS = (
    *("applications", "callbacks", "initializers", "layers", "metrics", "optimizers", "preprocessing"),
    *("preprocessing.image", "preprocessing.sequence", "preprocessing.text"),
)
_OLD_FILES = """
    advanced_activations convolutional_recurrent core cudnn_recurrent embeddings local noise pooling wrappers
"""
_OLD_KERAS = "cnn_estimator.tf1.old_keras"
_OLD_WRAPPERS = "cnn_estimator.tf1.keras_wrappers"
# Modules that moved: {name inside tensorflow.python.keras: modules that have its names now, the last one has
# precedence}. They are inside the package, unless they are modules of this one.
_MOVED_MODULES: dict[str, tuple[str, ...]] = {
    "callbacks.callbacks": (f"{_API}.callbacks",),
    "datasets.cifar": ("src.datasets.cifar",),
    "engine": ("src.engine", "src.utils.layer_utils", _API, _LAYERS),
    "engine.base_layer": ("src.engine.base_layer", "src.engine.input_spec"),
    "engine.network": ("src.engine.functional", _API),
    "engine.saving": (
        *("src.saving.legacy.saving_utils", "src.saving.legacy.hdf5_format"),
        *("src.saving.legacy.model_config", "src.saving.legacy.save"),
    ),
    "engine.topology": ("src.engine.base_layer", "src.utils.layer_utils", _API, _LAYERS),
    "layers.convolutional": ("src.layers.convolutional.base_conv", _LAYERS),
    "layers.merge": ("src.layers.merging.base_merge", _LAYERS),
    "layers.normalization": ("src.layers.normalization.batch_normalization", _LAYERS),
    "layers.normalization_v2": ("api._v2.keras.layers",),
    "layers.recurrent": ("src.layers.rnn.dropout_rnn_cell_mixin", "src.layers.rnn.rnn_utils", _LAYERS),
    "layers.recurrent_v2": ("api._v2.keras.layers",),
    "objectives": (f"{_API}.losses",),
    "optimizer_v2": ("src.optimizers.legacy",),
    "saving": ("src.saving", "src.saving.legacy"),
    "saving.hdf5_format": ("src.saving.legacy.hdf5_format",),
    "saving.model_config": ("src.saving.legacy.model_config",),
    "saving.save": ("src.saving.legacy.save",),
    "saving.saved_model": ("src.saving.legacy.saved_model",),
    "saving.saving_utils": ("src.saving.legacy.saving_utils",),
    "utils": ("src.utils", _OLD_KERAS),
    "utils.generic_utils": (
        *("src.utils.generic_utils", "src.saving.object_registration", "src.saving.legacy.serialization"),
    ),
    "utils.io_utils": ("src.utils.io_utils", _OLD_KERAS),
    "utils.multi_gpu_utils": (_OLD_KERAS,),
    "utils.tf_utils": ("src.utils.tf_utils", "src.utils.control_flow_util"),
    "utils.training_utils": (_OLD_KERAS,),
    "wrappers": (_OLD_WRAPPERS,),
    "wrappers.scikit_learn": (_OLD_WRAPPERS,),
    **{f"layers.{name}": (_LAYERS,) for name in _OLD_FILES.split()},
}
_PACKAGES = ("", "_impl", "_impl.keras", "wrappers")
# Modules that old releases of Keras had: {name inside keras and tensorflow.keras: name in tensorflow.python.keras}.
_OLD_MODULES = {
    "backend.tensorflow_backend": "backend",
    **{name: name for name in _MOVED_MODULES if name != "utils" and not name.startswith(("optimizer_v2", "saving"))},
    **{f"engine.{name}": f"engine.{name}" for name in ("input_layer", "input_spec", "sequential", "training")},
    **{f"utils.{name}_utils": f"utils.{name}_utils" for name in ("conv", "data", "layer", "np", "vis")},
}
_NETWORK = {"Container": "Model", "Network": "Model"}
# {module of tensorflow.python.keras, or of the package's API: {old name: new name in that module}}
_RENAMED = {
    f"{_API}.constraints": {"maxnorm": "max_norm", "nonneg": "non_neg", "unitnorm": "unit_norm"},
    f"{_API}.initializers": {"one": "Ones", "zero": "Zeros"},
    f"{_API}.optimizers": {
        name.lower(): name for name in ("Adadelta", "Adagrad", "Adam", "Adamax", "Nadam", "RMSprop", "SGD")
    },
    "engine": _NETWORK,
    "engine.network": _NETWORK,
    "engine.topology": _NETWORK,
    "layers.recurrent": {
        "_generate_zero_filled_state": "generate_zero_filled_state",
        "_generate_zero_filled_state_for_cell": "generate_zero_filled_state_for_cell",
        "_is_multiple_state": "is_multiple_state",
        "_standardize_args": "standardize_args",
    },
}


class _KerasFinder(importlib.abc.MetaPathFinder):
    """Finds modules of the package behind tf.keras under tensorflow.python.keras.

    Modules that the package lacks come from TensorFlow's copy of Keras. Modules that only old releases of Keras had
    are found under all names of Keras.
    """

    def __init__(self, package: str, api: int, copies: dict[str, ModuleType]) -> None:
        """api: 1 or 2, of TensorFlow; copies: {name: module} of the loaded modules of TensorFlow's copy."""
        self._package = package
        self._api = f"api._v{api}.keras"
        self._copies = copies
        self._old_modules = {
            f"{keras}.{old}": f"{_NAME}.{name}"
            for keras in (f"{package}.{self._api}", package, "keras", "tensorflow.keras")
            for old, name in _OLD_MODULES.items()
        }

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname in self._old_modules:
            module = importlib.import_module(self._old_modules[fullname])
            return importlib.machinery.ModuleSpec(fullname, aliases.AliasLoader(module))
        if not f"{fullname}.".startswith(f"{_NAME}."):
            return None
        inside = fullname[len(_NAME) + 1 :]
        sources = self._sources(inside)
        if sources:
            if inside in _PACKAGES or len(sources) > 1:
                return importlib.machinery.ModuleSpec(fullname, _MergingLoader(sources), is_package=True)
            return importlib.machinery.ModuleSpec(fullname, aliases.AliasLoader(importlib.import_module(sources[0])))
        if fullname in self._copies:
            return importlib.machinery.ModuleSpec(fullname, aliases.AliasLoader(self._copies[fullname]))
        return None

    def _sources(self, inside: str) -> list[str]:
        """Returns the modules for a name inside tensorflow.python.keras. The last one has precedence."""
        inside = re.sub(r"^_impl(\.keras)?(\.|$)", "", inside)  # names of TensorFlow 1.8 and earlier
        candidates = list(_MOVED_MODULES.get(inside, (f"src.{inside}".rstrip("."),)))
        if inside in _API_PARTS:
            candidates.append(f"{_API}.{inside}")
        if inside == "optimizers" and self._api == "api._v1.keras":
            candidates.append("src.optimizers.optimizer_v1")  # TensorFlow 1 had Keras's first optimizers there
        folder, _, name = inside.rpartition(".")
        if len(_MOVED_MODULES.get(folder, ())) == 1:
            candidates.append(f"{_MOVED_MODULES[folder][0]}.{name}")
        candidates = [each.replace(_API, self._api) for each in candidates]
        names = [each if each.startswith("cnn_estimator.") else f"{self._package}.{each}" for each in candidates]
        return [name for name in names if _exists(name)]


def _exists(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:  # its parent does not exist
        return False


class _MergingLoader(importlib.abc.Loader):
    """Fills a module with the functions and classes of other modules. The finder finds its submodules."""

    def __init__(self, sources: list[str]) -> None:
        self._sources = sources

    def exec_module(self, module: ModuleType) -> None:
        def import_submodule(name: str) -> ModuleType:
            try:
                if not name.startswith("__"):  # Python's own look-ups, such as __wrapped__
                    return importlib.import_module(f"{module.__name__}.{name}")
            except ModuleNotFoundError:
                pass
            raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")

        vars(module)["__getattr__"] = import_submodule
        for source in self._sources:
            for key, value in vars(importlib.import_module(source)).items():
                if not key.startswith("__") and not isinstance(value, ModuleType):
                    vars(module)[key] = value


def install(package: str, api: int) -> None:
    """Makes the modules of a package importable under tensorflow.python.keras.

    Args:
      package: keras or tf_keras.
      api: 1 or 2, the API of TensorFlow that the program gets.
    """
    names = [name for name in sys.modules if f"{name}.".startswith(f"{_NAME}.")]
    copies = {name: sys.modules.pop(name) for name in names}
    vars(sys.modules["tensorflow.python"]).pop("keras", None)
    sys.meta_path.insert(0, _KerasFinder(package, api, copies))
    if api == 1:
        _restore_old_names(package)


def _restore_old_names(package: str) -> None:
    """Gives the modules of the package's API the modules and names of old releases of Keras."""
    for path, names in _RENAMED.items():
        module = importlib.import_module(f"{package if path.startswith('api.') else _NAME}.{path}")
        vars(module).update({old: getattr(module, new) for old, new in names.items()})
    old_keras = importlib.import_module(_OLD_KERAS)
    for name in ("HDF5Matrix", "multi_gpu_model"):
        setattr(importlib.import_module(f"{package}.{_API}.utils"), name, getattr(old_keras, name))
    layer_utils = importlib.import_module(f"{package}.src.utils.layer_utils")
    vars(importlib.import_module(f"{package}.{_API}.utils"))["print_summary"] = layer_utils.print_summary
    functions = old_keras.backend_functions()
    vars(importlib.import_module(f"{package}.{_API}.backend")).update(functions)
    del functions["slice"]  # src.backend uses Python's own slice
    vars(importlib.import_module(f"{package}.src.backend")).update(functions)
    for path in _OLD_MODULES:
        parent, _, name = path.rpartition(".")
        for keras in (f"{package}.{_API}", package):
            module = importlib.import_module(f"{keras}.{path}")
            setattr(importlib.import_module(f"{keras}.{parent}".rstrip(".")), name, module)
