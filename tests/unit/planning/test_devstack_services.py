"""Services that only DevStack has, by name."""

import pytest

from doitstack.planning.devstack_services import ABSENT, AbsentService, absent_service


@pytest.mark.parametrize(
    ("name", "description"),
    [
        ("zookeeper", "a coordination service"),
        ("file_tracker", "a monitor of the machine"),
        ("n-cell-region", "a service of Nova"),
        ("neutron-ovn-metadata-agent", "an agent of Neutron"),  # the first pattern that matches
        ("h-eng", "orchestration"),
        ("o-cw", "load balancers"),
    ],
)
def test_name_finds_the_first_service_that_matches(name: str, description: str) -> None:
    found = absent_service(name)
    assert found
    assert found.description == description


@pytest.mark.parametrize("name", ["key", "g-api", "n-cpu", "rabbit", "mine", "xldap", "LDAP"])
def test_other_names_find_none(name: str) -> None:
    assert absent_service(name) is None


def test_advice_is_what_is_there_instead_or_the_first_plugin() -> None:
    assert AbsentService(("a",), "text").advice == ""
    assert AbsentService(("a",), "text", "do b", ("c",)).advice == "do b"
    assert AbsentService(("a",), "text", plugins=("c", "d")).advice == (
        "add to local.conf: enable_plugin c https://opendev.org/openstack/c"
    )


def test_every_entry_can_be_found() -> None:
    hidden = [
        pattern
        for service in ABSENT
        for pattern in service.names
        if absent_service(pattern.replace("*", "x")) is not service
    ]
    assert hidden == []
