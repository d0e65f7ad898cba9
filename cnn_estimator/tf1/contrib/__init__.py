"""The parts of tf.contrib that published programs use. Each part is loaded at first use.

A name is an alias of something in TensorFlow 2, comes from tf-slim, is written here, or is an error with advice.
"""

import functools
import importlib
import importlib.util
import pkgutil
from types import ModuleType

from cnn_estimator.tf1.contrib import _parts, _submodules
from cnn_estimator.tf1.unavailable import module_getattr, public_names

_NO_SUCCESSOR = "no library replaces it, TensorFlow 1.15 on Python 3.7 is the last release with it"
# Parts of TensorFlow 1.15 and earlier releases that have no module here.
_UNAVAILABLE_PARTS = """
    all_reduce android batching bayesflow bigtable boosted_trees cloud cmake coder compiler constrained_optimization
    copy_graph decision_trees deprecated ffmpeg fused_conv gdr grid_rnn
    hadoop hooks hvx ignite imperative input_pipeline integrate kafka kernel_methods kfac kinesis
    labeled_tensor libsvm linear_optimizer memory_stats meta_graph_transform model_pruning
    mpi_collectives nccl ndlstm nearest_neighbor periodic_resample proto py2tf quantization quantize
    receptive_field recurrent reduce_slice_ops remote_fused_graph rpc session_bundle solvers
    specs stat_summarizer tensor_forest tensorrt testing text timeseries verbs xla_tf_graph
"""


def __getattr__(name: str) -> ModuleType:
    try:
        return part(name)
    except ModuleNotFoundError as error:
        if error.name != f"tensorflow.contrib.{name}":
            raise
        raise AttributeError(f"module 'tensorflow.contrib' has no attribute {name!r}") from None


def parts() -> list[str]:
    """Returns the parts that have other names than errors, sorted."""
    modules = [module.name for module in pkgutil.iter_modules(__path__)]
    return sorted([*_parts.PARTS, *(name for name in modules if not name.startswith("_"))])


@functools.cache
def part(name: str) -> ModuleType:
    """Returns a part of tf.contrib. The names of a part that has no module here raise an error when they are used.

    Raises:
      ModuleNotFoundError: TensorFlow 1 had no such part.
    """
    if name in _parts.PARTS:
        module = _parts.make(name)
    elif not name.startswith("_") and importlib.util.find_spec(f"{__name__}.{name}"):
        module = importlib.import_module(f"{__name__}.{name}")
    elif name in _UNAVAILABLE_PARTS.split():
        module = ModuleType(f"tf.contrib.{name}")
        vars(module)["__getattr__"] = module_getattr(module.__name__, (), _NO_SUCCESSOR)
    else:
        full_name = f"tensorflow.contrib.{name}"
        raise ModuleNotFoundError(f"No module named {full_name!r}", name=full_name)
    vars(module).setdefault("__path__", [])  # programs import its submodules
    _list_names(module)
    return module


def _list_names(module: ModuleType) -> None:
    """Makes `import *` and dir() find all names of a part, also those that its __getattr__ looks up."""
    look_up = vars(module).get("__getattr__")
    if look_up is None:
        return
    own_list = vars(module).pop("__all__", None)

    def list_names() -> list[str]:
        return sorted(own_list or public_names(module))

    @functools.wraps(look_up)  # it keeps the attribute `sources`
    def __getattr__(name: str) -> object:
        return list_names() if name == "__all__" else look_up(name)

    vars(module).update({"__getattr__": __getattr__, "__dir__": list_names})


def find(path: str) -> ModuleType:
    """Returns the module that programs import as tensorflow.contrib.PATH. Raises ModuleNotFoundError if none exists."""
    name, _, submodule = path.partition(".")
    return _submodules.find(part(name), __name__, path) if submodule else part(name)
