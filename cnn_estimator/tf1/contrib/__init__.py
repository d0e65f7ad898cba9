"""tf.contrib, as far as published programs use it. Each part is loaded when it is first touched.

A name is what TensorFlow 2 has under another name, or tf-slim's, or written here, or an error that says what to use.
"""

import functools
import importlib
import importlib.util
from types import ModuleType

from cnn_estimator.tf1.contrib import _inside
from cnn_estimator.tf1.unavailable import module_getattr

_NOBODY = "no library keeps it; TensorFlow 1.15 on Python 3.7 is the last with it"
_SUCCESSORS = {"gan": "its successor is the package tensorflow-gan"}
# The parts of TensorFlow 1.15, and of releases before it, that have no module here.
_KEPT_BY_NOBODY = """
    all_reduce android batching bayesflow bigtable boosted_trees cloud cmake coder compiler constrained_optimization
    copy_graph cudnn_rnn decision_trees deprecated ffmpeg fused_conv gan gdr graph_editor grid_rnn
    hadoop hooks hvx ignite image imperative input_pipeline integrate kafka kernel_methods kfac kinesis
    labeled_tensor libsvm linear_optimizer memory_stats meta_graph_transform mixed_precision model_pruning
    mpi_collectives nccl ndlstm nearest_neighbor nn optimizer_v2 periodic_resample proto py2tf quantization quantize
    receptive_field recurrent reduce_slice_ops remote_fused_graph resampler rpc session_bundle solvers sparsemax
    specs stat_summarizer tensor_forest tensorrt testing text tfprof timeseries verbs xla_tf_graph
"""


def __getattr__(name: str) -> ModuleType:
    try:
        return part(name)
    except ModuleNotFoundError as error:
        if error.name != f"tensorflow.contrib.{name}":
            raise
        raise AttributeError(f"module 'tensorflow.contrib' has no attribute {name!r}") from None


@functools.cache
def part(name: str) -> ModuleType:
    """Returns a part of tf.contrib; one that nobody keeps can be imported from, and its names raise at their use.

    Raises:
      ModuleNotFoundError: TensorFlow 1 had no such part.
    """
    if not name.startswith("_") and importlib.util.find_spec(f"{__name__}.{name}"):
        module = importlib.import_module(f"{__name__}.{name}")
    elif name in _KEPT_BY_NOBODY.split():
        module = ModuleType(f"tf.contrib.{name}")
        vars(module)["__getattr__"] = module_getattr(module.__name__, (), _SUCCESSORS.get(name, _NOBODY))
    else:
        full_name = f"tensorflow.contrib.{name}"
        raise ModuleNotFoundError(f"No module named {full_name!r}", name=full_name)
    vars(module).setdefault("__path__", [])  # programs import modules from inside of it
    return module


def find(path: str) -> ModuleType:
    """Returns the module that programs import as tensorflow.contrib.PATH. Raises ModuleNotFoundError."""
    name, _, inside = path.partition(".")
    return _inside.module(part(name), __name__, path) if inside else part(name)
