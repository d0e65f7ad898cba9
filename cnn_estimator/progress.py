"""The progress bar: a line on a terminal, or an output that is replaced in a notebook. Imports no TensorFlow."""

import contextlib
import io
import sys
from collections.abc import Iterator
from typing import Any

from tqdm import tqdm

_NOTEBOOK_COLUMNS = 80
_NOTEBOOK_UPDATE_SECONDS = 0.5  # each update is a message to the browser


@contextlib.contextmanager
def progress_bar(*, total: int, initial: int, hidden: bool = False) -> Iterator[tqdm]:
    """Yields a progress bar of steps, which shows nothing without a terminal or a notebook.

    On a terminal, log lines are printed above the bar.

    Args:
      total: steps at the end of the bar.
      initial: steps that are done already.
      hidden: whether to show nothing in any case.
    """
    options: dict[str, Any] = {"total": total, "initial": initial, "unit": "step"}
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
    """A bar that replaces its output: a bar that moves by carriage returns would save a line per update in the file.

    tqdm's bar for notebooks needs ipywidgets, and is empty where the saved notebook is only read.
    """

    def __init__(self, **options: Any) -> None:
        self._output: Any = None
        super().__init__(
            file=io.StringIO(),
            ascii=False,
            ncols=_NOTEBOOK_COLUMNS,
            mininterval=_NOTEBOOK_UPDATE_SECONDS,
            **options,
        )

    def display(self, msg: str | None = None, pos: int | None = None) -> bool:
        from IPython.display import display

        state = {"text/plain": str(self)}
        if self._output is None:
            self._output = display(state, raw=True, display_id=True)
        else:
            self._output.update(state, raw=True)
        return True
