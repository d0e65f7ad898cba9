"""What a process inherits and TensorFlow cannot work with: python -OO. Imports no TensorFlow."""

from cnn_estimator.errors import UserError


def check_docstrings() -> None:
    """Raises UserError under python -OO."""
    if __doc__ is None:
        raise UserError(
            "python -OO (PYTHONOPTIMIZE=2) removes the docstrings, which tf_keras and the help texts need",
            "use -O at most",
        )
