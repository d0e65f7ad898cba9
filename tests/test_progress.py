"""The progress bar in a notebook, on a terminal, and without either."""

import io
import sys
import types

import IPython
import pytest

from cnn_estimator import progress

pytestmark = pytest.mark.unit


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def notebook(monkeypatch):
    """The outputs that a notebook gets, as ("new" or "replaced", output)."""
    sent = []

    def display(bundle, *, raw, display_id):
        assert raw
        sent.append(("new", bundle))
        return types.SimpleNamespace(update=lambda bundle, *, raw: sent.append(("replaced", bundle)))

    monkeypatch.setattr(IPython, "get_ipython", lambda: types.SimpleNamespace(kernel="any"))
    monkeypatch.setattr("IPython.display.display", display)
    return sent


def run_bar(**options):
    with progress.progress_bar(total=30, **options) as bar:
        bar.update(20)


def test_a_notebook_has_one_output_that_is_replaced(notebook, capsys):
    run_bar(initial=10)
    (how, first), *others = notebook
    assert how == "new"
    assert "| 10/30 [" in first["text/plain"]
    assert {how for how, _ in others} == {"replaced"}
    assert "100%|" in others[-1][1]["text/plain"]
    assert "| 30/30 [" in others[-1][1]["text/plain"]
    assert capsys.readouterr() == ("", "")


def test_a_terminal_has_a_line_that_is_overwritten(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    run_bar(initial=10)
    assert "\r100%|" in sys.stderr.getvalue()


def test_a_hidden_bar_shows_nothing(notebook, monkeypatch):
    run_bar(initial=0, hidden=True)
    assert notebook == []
    monkeypatch.setattr(sys, "stderr", Terminal())
    run_bar(initial=0, hidden=True)
    assert sys.stderr.getvalue() == ""


def test_without_a_kernel_and_a_terminal_nothing_is_shown(monkeypatch, capsys):
    monkeypatch.setattr(IPython, "get_ipython", types.SimpleNamespace)
    run_bar(initial=0)
    assert capsys.readouterr() == ("", "")
