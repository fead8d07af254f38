"""Hosts of the settings, for sockets and for URLs."""

import pytest

from doitstack.config.addresses import (
    has_other_hosts,
    host_address,
    is_host,
    socket_host,
    url_host,
)


@pytest.mark.parametrize(
    ("host", "socket", "url"),
    [
        ("192.0.2.1", "192.0.2.1", "192.0.2.1"),
        ("cloud.example", "cloud.example", "cloud.example"),
        ("::1", "::1", "[::1]"),
        ("[::1]", "::1", "[::1]"),
        ("[192.0.2.1]", "192.0.2.1", "192.0.2.1"),
    ],
)
def test_hosts_have_brackets_only_in_urls(host: str, socket: str, url: str) -> None:
    assert (socket_host(host), url_host(host)) == (socket, url)


@pytest.mark.parametrize(("version", "address"), [("4", "192.0.2.1"), ("6", "fd00::2")])
def test_address_of_this_machine_is_of_the_chosen_version(version: str, address: str) -> None:
    settings = {"HOST_IP": "192.0.2.1", "HOST_IPV6": "fd00::2", "SERVICE_IP_VERSION": version}
    assert host_address(settings) == address


@pytest.mark.parametrize(
    ("host", "is_one"),
    [
        ("192.0.2.1", True),
        ("cloud.example.", True),
        ("my_host-1", True),
        ("[fe80::1%eth0]", True),
        ("300.1.1.1", False),
        ("1.2.3", False),
        ("zz::1", False),
        ("http://x", False),
        ("a b", False),
        ("", False),
    ],
)
def test_what_can_be_a_host(host: str, is_one: bool) -> None:
    assert is_host(host) is is_one


@pytest.mark.parametrize("name", ["HOSTS", "HOSTS_FILE", "ALL_HOSTS"])
def test_stack_has_other_hosts_if_a_setting_names_them(name: str) -> None:
    assert has_other_hosts({name: "one"})
    assert not has_other_hosts({name: ""})
