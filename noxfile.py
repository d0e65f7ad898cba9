"""The checks: `nox` runs all of them, `nox -s tests` the tests at both ends of the TensorFlow range."""

import nox

NEWEST, OLDEST = ("3.13", "2.21.*"), ("3.11", "2.15.1")


@nox.session
@nox.parametrize("python,tensorflow", [NEWEST, OLDEST], ids=["newest", "oldest"])
def tests(session, tensorflow):
    session.install(".[test]", f"tensorflow=={tensorflow}")
    if tensorflow == NEWEST[1]:
        session.run("pytest", "-n", "2", "-m", "not serial", *session.posargs)
        session.run("pytest", "-m", "serial", *session.posargs)
    else:
        session.run("pytest", "-n", "2", "-m", "not serial and not newest", *session.posargs)


@nox.session
def lint(session):
    session.install(".[dev]")
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    session.run("mypy")
