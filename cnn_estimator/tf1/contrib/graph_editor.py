"""tf.contrib.graph_editor: functions that find operations and tensors in a graph. Those that change it are errors."""

from collections.abc import Callable, Iterable
from typing import Any

import tensorflow.compat.v1 as tf  # type: ignore[import-untyped]
from tensorflow.python.ops import op_selector  # type: ignore[import-untyped]

from cnn_estimator.tf1.unavailable import module_getattr

get_backward_walk_ops = op_selector.get_backward_walk_ops
get_consuming_ops = op_selector.get_consuming_ops
get_generating_ops = op_selector.get_generating_ops
get_tensors = op_selector.get_tensors
make_list_of_op = op_selector.make_list_of_op
make_list_of_t = op_selector.make_list_of_t


def get_forward_walk_ops(
    seed_ops: Any,
    inclusive: bool = True,
    within_ops: Iterable[tf.Operation] | None = None,
    within_ops_fn: Callable[[tf.Operation], bool] | None = None,
    stop_at_ts: Iterable[tf.Tensor] = (),
) -> list[tf.Operation]:
    """Returns the operations that use the results of others, near ones first.

    Args:
      seed_ops: where to start: operations, or tensors in place of the operations that use them.
      inclusive: False leaves the first operations out.
      within_ops: the operations that may be found. None: all.
      within_ops_fn: returns True for an operation that may be found.
      stop_at_ts: tensors whose users are not looked for.
    """
    seeds = list(seed_ops) if op_selector.is_iterable(seed_ops) else [seed_ops]
    if seeds and isinstance(seeds[0], tf.Tensor):
        seeds = get_consuming_ops(seeds)
    allowed = None if within_ops is None else set(within_ops)
    seeds = [op for op in dict.fromkeys(seeds) if not allowed or op in allowed]
    stops = {tensor.ref() for tensor in stop_at_ts}
    found = dict.fromkeys(seeds)
    wave = seeds
    while wave:
        users = [user for op in wave for out in op.outputs if out.ref() not in stops for user in out.consumers()]
        wave = [op for op in dict.fromkeys(users) if op not in found and (allowed is None or op in allowed)]
        wave = [op for op in wave if within_ops_fn is None or within_ops_fn(op)]
        found |= dict.fromkeys(wave)
    return [op for op in found if inclusive or op not in seeds]


_ERRORS = """
    ControlOutputs SubGraphView Transformer TransformerInfo add_control_inputs assign_renamed_collections_handler bypass
    can_be_regex check_cios compute_boundary_ts connect copy copy_op_handler copy_with_input_replacements detach
    detach_control_inputs detach_control_outputs detach_inputs detach_outputs edit filter_ops filter_ops_from_regex
    filter_ts filter_ts_from_regex get_name_scope_ops get_ops_ios get_walks_intersection_ops get_walks_union_ops
    get_within_boundary_ops graph_replace keep_t_if_possible_handler make_placeholder_from_dtype_and_shape
    make_placeholder_from_tensor make_regex make_view make_view_from_scope ph placeholder_name remove_control_inputs
    replace_t_with_placeholder_handler reroute reroute_inputs reroute_ios reroute_outputs reroute_ts select select_ops
    select_ops_and_ts select_ts sgv sgv_scope subgraph swap_inputs swap_ios swap_outputs swap_ts transform
    transform_op_if_inside_handler util
"""
__getattr__ = module_getattr(
    "tf.contrib.graph_editor",
    (),
    "no library replaces it, TensorFlow 1.15 on Python 3.7 is the last release with it",
    names=_ERRORS,
)
