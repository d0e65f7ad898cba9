"""The precision of a session's arithmetic: float32, or bfloat16 where the processor has it. Imports no TensorFlow."""

from typing import Any

from cnn_estimator import processor, recipes, rules
from cnn_estimator.errors import UserError

AUTO = "auto"
CHOICES = (*recipes.PRECISIONS, AUTO)
_NATIVE = {"amx_bf16", "avx512_bf16", "bf16"}  # the last is ARM's


def bfloat16_flags() -> set[str] | None:
    """Returns the flags by which Linux says that this processor computes in bfloat16; None where it says nothing."""
    lines = processor.information("flags|Features")
    return None if lines is None else _NATIVE.intersection(" ".join(lines).split())


def has_bfloat16() -> bool:
    """Returns whether this processor computes in bfloat16 by itself, as far as Linux says so."""
    return bool(bfloat16_flags())


def prefers_bfloat16() -> bool:
    """Returns whether this processor has bfloat16 and can be expected to be faster in it.

    Intel's is fast with AMX, which a virtual machine may hide: without it a Xeon multiplied matrices at 0.57 of its
    float32 rate. AMD's Zen 4 and 5 are faster with avx512_bf16 alone.
    """
    flags = bfloat16_flags()
    makers = " ".join(processor.information("vendor_id") or [])
    return bool(flags) and (flags != {"avx512_bf16"} or "GenuineIntel" not in makers)


def resolve_precision(precision: str) -> str:
    """Returns "float32" or "bfloat16" for a name that may be "auto".

    Raises:
      UserError: there is no such name, or this processor has no bfloat16.
    """
    rules.check_value("precision", rules.Choice(CHOICES), precision)
    if precision == AUTO:
        return "bfloat16" if prefers_bfloat16() else "float32"
    if precision == "bfloat16" and not has_bfloat16():
        raise UserError(
            "precision bfloat16: this processor does not compute in it, as far as can be told from /proc/cpuinfo",
            "choose {precision} float32",
        )
    return precision


def set_precision(precision: str, session_config: Any) -> None:
    """Has the sessions of a tf.ConfigProto compute in a precision; variables and checkpoints stay float32.

    TensorFlow rewrites the graph: convolutions, matrix products and what lies between them become bfloat16.
    """
    if precision == "bfloat16":
        options = session_config.graph_options.rewrite_options
        options.auto_mixed_precision_onednn_bfloat16 = options.ON
