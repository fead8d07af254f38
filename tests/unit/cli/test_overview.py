"""The overview of commands and tasks."""

from doitstack.cli.overview import overview_text


def test_overview_begins_with_the_usage() -> None:
    assert overview_text().startswith("usage: doit [OPTION...] COMMAND or TASK... [OPTION...]\n")
