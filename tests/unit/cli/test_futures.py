"""`doit futures`."""

from tests.unit.cli.conftest import Doit


def test_no_futures_give_one_line(doit: Doit) -> None:
    assert doit("futures")[:2] == (0, "no futures\n")


def test_following_ends_at_once_if_no_run_goes_on(doit: Doit) -> None:
    assert doit("futures", "-f")[:2] == (0, "no futures\n")


def test_no_futures_as_json(doit: Doit) -> None:
    assert doit("futures", "--json") == (0, "[]\n", "")
