"""The rows of run.py: what is measured, by which function of which program. Imports no TensorFlow."""

import dataclasses
import importlib.util

from cnn_estimator import hardware

OURS, PRODUCTS = "cnn_estimator", "the matrix products alone"


@dataclasses.dataclass(frozen=True)
class Variant:
    """One row.

    Attributes:
      program, function: of this folder.
      model: the name of the file or folder that the function saves, or loads.
      package: what the program needs.
    """

    group: str
    name: str
    program: str
    function: str
    precision: str | None = "float32"
    model: str | None = None
    package: str = "tensorflow"

    def __str__(self) -> str:
        return f"{self.name}, {self.precision}" if self.precision else self.name

    @property
    def key(self) -> str:
        return f"{self.group}: {self}"

    def obstacle(self, quick: bool) -> str | None:
        """Returns why it is skipped, if it is."""
        if importlib.util.find_spec(self.package) is None:
            return f"{self.package} is not installed"
        if self.precision == "bfloat16" and not hardware.has_bfloat16():
            return "this processor has no bfloat16"
        if self.precision == "bfloat16" and quick:
            return "left out for --quick"
        return None


def _in_both(group: str, name: str, program: str, function: str, **more: str) -> list[Variant]:
    return [Variant(group, name, program, function, each, **more) for each in ("float32", "bfloat16")]


_OF_OURS = {"model": "model_dir"}
_OF_KERAS = {"model": "model.keras", "package": "keras"}
_OF_PYTORCH = {"model": "model.pt", "package": "torch"}
VARIANTS = (
    *_in_both("training", OURS, "ours.py", "train", **_OF_OURS),
    *_in_both("training", "the same graph in a bare session", "bare_session.py", "train"),
    Variant("training", "the tutorial's script", "tutorial.py", "train"),
    Variant("training", "Keras", "keras_peer.py", "train", **_OF_KERAS),
    *_in_both("training", "PyTorch", "pytorch_peer.py", "train", **_OF_PYTORCH),
    *_in_both("training", PRODUCTS, "matrix_product.py", "measure"),
    *_in_both("evaluation", OURS, "ours.py", "evaluate", **_OF_OURS),
    Variant("evaluation", "Keras", "keras_peer.py", "evaluate", **_OF_KERAS),
    *_in_both("evaluation", "PyTorch", "pytorch_peer.py", "evaluate", **_OF_PYTORCH),
    Variant("start", "import tensorflow", "ours.py", "import_tensorflow", None),
    Variant("start", "run_train.py to its first step", "ours.py", "first_step", None),
    Variant("start", "predict, one image", "ours.py", "predict", None, **_OF_OURS),
)
