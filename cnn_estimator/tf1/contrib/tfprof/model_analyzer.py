"""tf.contrib.tfprof.model_analyzer: parameters, operations, times and memory of a graph."""

from typing import Any

import tensorflow.compat.v1 as tf
from tensorflow.python.profiler import model_analyzer as _model_analyzer

ALL_ADVICE = _model_analyzer.ALL_ADVICE
Profiler = tf.profiler.Profiler

_ALL: dict[str, Any] = {
    "max_depth": 10000,
    "min_bytes": 0,
    "min_micros": 0,
    "min_params": 0,
    "min_float_ops": 0,
    "order_by": "name",
    "account_type_regexes": [".*"],
    "start_name_regexes": [".*"],
    "trim_name_regexes": [],
    "show_name_regexes": [".*"],
    "hide_name_regexes": [],
    "account_displayed_op_only": True,
    "output": "stdout",
    "dump_to_file": "",
}
TRAINABLE_VARS_PARAMS_STAT_OPTIONS = _ALL | {"account_type_regexes": ["_trainable_variables"], "select": ["params"]}
FLOAT_OPS_OPTIONS = _ALL | {"min_float_ops": 1, "order_by": "float_ops", "select": ["float_ops"]}
PRINT_ALL_TIMING_MEMORY = _ALL | {"min_bytes": 1, "min_micros": 1, "select": ["micros", "bytes"]}


def print_model_analysis(
    graph: tf.Graph,
    run_meta: Any = None,
    op_log: Any = None,
    tfprof_cmd: str = "scope",
    tfprof_options: Any = 0,
) -> Any:
    """Prints an analysis, and returns it as a protocol buffer. Options: tf.profiler.profile."""
    return tf.profiler.profile(graph, run_meta, op_log, tfprof_cmd, tfprof_options)


def advise(graph: tf.Graph, run_meta: Any = None, tfprof_options: Any = 0) -> Any:
    """Is tf.profiler.advise."""
    return tf.profiler.advise(graph, run_meta, tfprof_options)
