"""`doit services`."""

from pathlib import Path

import pytest

from doitstack.cli.services import unless_all_stopped
from doitstack.services.services import ServiceState, ServiceStatus
from tests.unit.cli.conftest import Doit


def test_no_services_give_one_line(doit: Doit) -> None:
    code, out, _ = doit("services")
    assert (code, out) == (0, "no services\n")


def test_no_services_as_json(doit: Doit) -> None:
    assert doit("services", "--json") == (0, "[]\n", "")


@pytest.mark.parametrize(
    ("states", "ports", "shown"),
    [
        ("STOPPED STOPPED", {}, 0),
        ("STOPPED RUNNING", {}, 2),
        ("STOPPED", {"a": [80]}, 1),
        ("FATAL", {}, 1),
    ],
)
def test_services_that_are_all_stopped_are_none(
    states: str, ports: dict[str, list[int]], shown: int
) -> None:
    services = [ServiceStatus("a", ServiceState[name], None, Path("a")) for name in states.split()]
    assert len(unless_all_stopped(services, ports)) == shown
