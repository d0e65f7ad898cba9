"""The progress bar: a line on a terminal, an output that is replaced in a notebook. Imports no TensorFlow."""

import contextlib
import io
import sys
from collections.abc import Iterator
from typing import Any

from tqdm import tqdm

_COLUMNS = 80
_SECONDS = 0.5  # between two states in a notebook: each is a message to the browser


@contextlib.contextmanager
def progress_bar(*, total: int, initial: int, smoothing: float = 0.3, hidden: bool = False) -> Iterator[tqdm]:
    """Yields a bar of steps; where neither a terminal nor a notebook is, it shows nothing.

    On a terminal, log lines are printed above it meanwhile.

    Args:
      smoothing: of the rate, from 0, the mean from the beginning on, to 1, that of the last update alone.
    """
    options: dict[str, Any] = {"total": total, "initial": initial, "unit": "step", "smoothing": smoothing}
    if not hidden and in_notebook():
        with _NotebookBar(**options) as bar:
            yield bar
        return
    from tqdm.contrib.logging import logging_redirect_tqdm  # in a notebook it would warn that ipywidgets is missing

    with tqdm(**options, disable=hidden or None) as bar, logging_redirect_tqdm():
        yield bar


def in_notebook() -> bool:
    """Returns whether this process is the kernel of a notebook, such as Jupyter's or Colab's."""
    if "IPython" not in sys.modules:
        return False
    return hasattr(sys.modules["IPython"].get_ipython(), "kernel")


class _NotebookBar(tqdm):
    """A bar that replaces its own output: one that moves by carriage returns leaves a line for each state in the file.

    tqdm's own bar for notebooks needs ipywidgets, and is empty where the notebook is only read.
    """

    def __init__(self, **options: Any) -> None:
        self._output: Any = None
        super().__init__(file=io.StringIO(), ascii=False, ncols=_COLUMNS, mininterval=_SECONDS, **options)

    def display(self, msg: str | None = None, pos: int | None = None) -> bool:
        from IPython.display import display

        state = {"text/plain": str(self)}
        if self._output is None:
            self._output = display(state, raw=True, display_id=True)
        else:
            self._output.update(state, raw=True)
        return True
