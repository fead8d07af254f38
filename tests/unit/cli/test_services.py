"""`doit services`."""

from tests.unit.cli.conftest import Doit


def test_no_services_give_one_line(doit: Doit) -> None:
    code, out, _ = doit("services")
    assert (code, out) == (0, "no services\n")


def test_no_services_as_json(doit: Doit) -> None:
    assert doit("services", "--json") == (0, "[]\n", "")
