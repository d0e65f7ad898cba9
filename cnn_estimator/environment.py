"""What a process inherits and TensorFlow cannot work with: python -OO and TF_CONFIG. Imports no TensorFlow."""

import json
import os
from typing import Any

from cnn_estimator.errors import UserError


def check_docstrings() -> None:
    """Raises UserError under python -OO."""
    if __doc__ is None:
        raise UserError(
            "python -OO (PYTHONOPTIMIZE=2) removes the docstrings, which tf_keras and the help texts need",
            "use -O at most",
        )


def check_single_machine() -> None:
    """Raises UserError where TF_CONFIG has an Estimator do anything else than work alone.

    An empty TF_CONFIG is removed: it means what none does, but Estimator cannot read it.
    """
    text = os.environ.get("TF_CONFIG")
    if text is None:
        return
    if not text.strip():
        del os.environ["TF_CONFIG"]
        return
    try:
        config = json.loads(text)
    except (ValueError, RecursionError):
        config = None
    if not isinstance(config, dict):
        raise UserError(f"TF_CONFIG {_shortened(text)} is not a JSON object", "unset it")
    if not _works_alone(config):
        raise UserError(
            f"TF_CONFIG {_shortened(text)} makes this process a part of a cluster, but a model_dir is trained and "
            "evaluated by one process here",
            "unset it",
        )


def _works_alone(config: dict[str, Any]) -> bool:
    """Whether an Estimator with this TF_CONFIG is local, or the only node of its cluster."""
    if {"model_dir", "session_master", "eval_session_master", "service"} & config.keys():
        return False
    cluster, task = config.get("cluster", {}), config.get("task", {})
    if not (isinstance(cluster, dict) and isinstance(task, dict)):
        return False
    if not cluster:
        return task.get("type", "worker") == "worker" and task.get("index", 0) == 0
    (job, nodes), *others = cluster.items()
    alone = not others and job in ("chief", "master") and isinstance(nodes, list) and len(nodes) == 1
    return alone and isinstance(nodes[0], str) and task.get("type") == job and task.get("index") == 0


def _shortened(text: str) -> str:
    return repr(text) if len(text) <= 100 else f"{text[:100]!r}…"
