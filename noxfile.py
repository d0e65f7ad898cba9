"""The checks that CI runs: `nox` for all of them, `nox -s tests` for both ends of the TensorFlow range."""

import nox


@nox.session
@nox.parametrize("python,tensorflow", [("3.11", "2.15.1"), ("3.13", "2.21.*")])
def tests(session, tensorflow):
    session.install(".[test]", f"tensorflow=={tensorflow}")
    session.run("pytest", *session.posargs)


@nox.session
def lint(session):
    session.install("ruff>=0.9")
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
