"""Prints docs/flags.md, made from the declarations: python docs/flags_page.py > docs/flags.md"""

from collections.abc import Iterator

from cnn_estimator import cli
from cnn_estimator.cli.flags import Flag, serialize

_INTRODUCTION = """\
# All flags

`python -m cnn_estimator VERB --help` prints the flags of a verb. `python run_train.py` is the verb `train`, and
`python run_eval.py` is the verb `eval`. A flag and the argument of the Python function have the same name and take the
same values. A flag with several values takes them separated by commas. Every verb also has the flags of absl, such as
`--verbosity=-1` for warnings alone, and `--verbosity=1` for TensorFlow's lines about its internals too.

This page is made by `python docs/flags_page.py`."""


def page() -> str:
    """Returns the page in Markdown."""
    return "\n".join([_INTRODUCTION, *(line for name in cli.VERBS for line in _section(name)), ""])


def _section(name: str) -> Iterator[str]:
    """Yields the lines on a verb."""
    verb = cli.VERBS[name]
    yield from ("", f"## {name}", "", f"{verb.summary[0].upper()}{verb.summary[1:]}.", "")
    if not verb.flags:
        yield "This verb has no flags."
        return
    yield "| flag | values | default | what it does |"
    yield "| --- | --- | --- | --- |"
    yield from (_row(flag) for flag in verb.flags)


def _row(flag: Flag) -> str:
    """Returns the row of the table on a flag."""
    default = "" if flag.default is None else f"`{serialize(flag.default)}`"
    help_text = f"{flag.help} Old name: `--{flag.old_name}`." if flag.old_name else flag.help
    return f"| `--{flag.name}` | {flag.syntax} | {default} | {help_text} |"


if __name__ == "__main__":
    print(page(), end="")
