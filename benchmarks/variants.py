"""The rows of run.py: what is measured, by which function of which program. Imports no TensorFlow."""

import dataclasses
import importlib.util
from collections.abc import Mapping

from cnn_estimator import hardware

OURS, PRODUCTS = "cnn_estimator", "the matrix products alone"
# {option of run.py: the TensorFlow of the Python that it names}
INTERPRETERS = {"tf1": "TensorFlow 1.15.5", "tf215": "TensorFlow 2.15"}


@dataclasses.dataclass(frozen=True)
class Variant:
    """One row.

    Attributes:
      program, function: of this folder.
      model: the name of the file or folder that the function saves, or loads.
      package: what the program needs.
      interpreter: the key in INTERPRETERS of another Python that the program starts, "" for none.
    """

    group: str
    name: str
    program: str
    function: str
    precision: str | None = "float32"
    model: str | None = None
    package: str = "tensorflow"
    interpreter: str = ""

    def __str__(self) -> str:
        return f"{self.name}, {self.precision}" if self.precision else self.name

    @property
    def key(self) -> str:
        return f"{self.group}: {self}"

    def obstacle(self, quick: bool, interpreters: Mapping[str, str]) -> str | None:
        """Returns why it is skipped, or None.

        Args:
          interpreters: {key in INTERPRETERS: the Python}.
        """
        if self.interpreter and self.interpreter not in interpreters:
            return f"--{self.interpreter} names no Python with {INTERPRETERS[self.interpreter]}"
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
    Variant("training", f"the same on {INTERPRETERS['tf215']}", "tutorial.py", "train", interpreter="tf215"),
    Variant("training", f"the same on {INTERPRETERS['tf1']}", "tutorial.py", "train_as_it_is", interpreter="tf1"),
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
