"""`doit services`."""

from tests.unit.cli.conftest import Doit


def test_no_services_are_said_to_be_none(doit: Doit) -> None:
    code, out, _ = doit("services")
    assert (code, out) == (0, "no services\n")
