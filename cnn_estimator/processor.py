"""What Linux says of the processor. Imports no TensorFlow."""

import platform
import re

CPU_INFORMATION = "/proc/cpuinfo"


def information(names: str) -> list[str] | None:
    """Returns what the lines of such names have, a regular expression; None where Linux says nothing."""
    try:
        with open(CPU_INFORMATION, encoding="utf-8", errors="replace") as file:
            return re.findall(rf"^(?:{names})\s*:(.*)", file.read(), re.MULTILINE)
    except OSError:
        return None


def name() -> str:
    """Returns the name of its model, or else what Python knows of it."""
    for model in information("model name") or []:
        if model.strip():
            return model.strip()
    return platform.processor() or platform.machine()
