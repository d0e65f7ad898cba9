"""The processor: how many threads it runs, and in which precision it computes. Imports no TensorFlow."""

import os
import platform
import re
from typing import Any

from cnn_estimator.errors import UserError

PRECISIONS = ("float32", "bfloat16")
MAX_THREADS = 1024
CPU_INFORMATION_FILE = "/proc/cpuinfo"
_BFLOAT16_FLAGS = {"amx_bf16", "avx512_bf16", "bf16"}  # the last one is ARM's


def available_threads() -> int:
    """Returns how many CPUs this process may use, which is how many threads TensorFlow takes by default."""
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cpus, MAX_THREADS)


def processor_name() -> str:
    """Returns the name of the processor's model, or else what Python knows of it."""
    names = _cpu_information("model name")
    return names[0].strip() if names else platform.processor() or platform.machine()


def bfloat16_flags() -> set[str] | None:
    """Returns the CPU flags that announce arithmetic in bfloat16; None where Linux lists no flags."""
    lines = _cpu_information("flags|Features")
    return None if lines is None else _BFLOAT16_FLAGS.intersection(" ".join(lines).split())


def has_bfloat16() -> bool:
    """Returns whether Linux says that this processor computes in bfloat16."""
    return bool(bfloat16_flags())


def prefers_bfloat16() -> bool:
    """Returns whether this processor computes in bfloat16 and can be expected to be faster in it than in float32.

    Intel's processors are faster with AMX, which a virtual machine may hide: without it a Xeon multiplied matrices at
    0.57 of its float32 rate. AMD's Zen 4 and Zen 5 are faster with avx512_bf16 alone.
    """
    flags = bfloat16_flags()
    makers = " ".join(_cpu_information("vendor_id") or [])
    return bool(flags) and (flags != {"avx512_bf16"} or "GenuineIntel" not in makers)


def resolve_precision(precision: str) -> str:
    """Returns "float32" or "bfloat16" for "float32", "bfloat16" or "auto".

    Raises:
      UserError: this processor does not compute in bfloat16.
    """
    if precision == "auto":
        return "bfloat16" if prefers_bfloat16() else "float32"
    if precision == "bfloat16" and not has_bfloat16():
        raise UserError(
            f"precision bfloat16: this processor does not compute in it, according to {CPU_INFORMATION_FILE}",
            "choose {precision} float32",
        )
    return precision


def set_precision(precision: str, session_config: Any) -> None:
    """Makes the sessions of a tf.ConfigProto compute in a precision; variables and checkpoints stay float32.

    TensorFlow rewrites the graph: convolutions, matrix products and what lies between them become bfloat16.
    """
    if precision == "bfloat16":
        options = session_config.graph_options.rewrite_options
        options.auto_mixed_precision_onednn_bfloat16 = options.ON


def _cpu_information(names: str) -> list[str] | None:
    """Returns the values of the lines that Linux lists under a name, a regular expression; None on other systems."""
    try:
        with open(CPU_INFORMATION_FILE, encoding="utf-8", errors="replace") as file:
            return re.findall(rf"^(?:{names})\s*:(.*)", file.read(), re.MULTILINE)
    except OSError:
        return None
