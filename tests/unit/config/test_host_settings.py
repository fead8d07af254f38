"""The local.conf of another host."""

from pathlib import Path

import pytest

from doitstack.config.host_settings import group_and_host, local_conf_of, services_of_hosts
from doitstack.config.local_conf import LocalSettings, parse_sections, read_local_settings
from doitstack.config.settings import Settings

CONF = """\
[[local|localrc]]
ENABLED_SERVICES=key
HOSTS=one,two
HOST_IP=192.0.2.1
SHARED=yes
[[local:subnode|localrc]]
ENABLED_SERVICES=n-cpu
[[local:two|localrc]]
SERVICE_HOST=192.0.2.9
[[post-config|/etc/a.conf]]
[all]
[[post-config:one|/etc/a.conf]]
[one]
[[post-config:two|/etc/a.conf]]
[two]
[[post-config:subnode|/etc/b.conf]]
[subnode]
"""


def conf_of(host: str, tmp_path: Path) -> tuple[dict[str, str], list[tuple[str, ...]]]:
    """Return the settings of a host, and the other sections of its local.conf."""
    sections = parse_sections(CONF, Path("local.conf"))
    text = local_conf_of(host, sections, {"SERVICE_HOST": "192.0.2.1", "P_PASSWORD": "it's $a"})
    (tmp_path / "local.conf").write_text(text)
    read = read_local_settings(tmp_path, {})
    rest = [(one.group, one.file, *one.lines) for one in read.sections if one.group != "local"]
    return read.variables, rest


def test_host_has_what_is_for_all_for_subnodes_and_for_itself(tmp_path: Path) -> None:
    settings, rest = conf_of("two", tmp_path)
    assert settings["ENABLED_SERVICES"] == "n-cpu"
    assert settings["SHARED"] == "yes"
    assert settings["SERVICE_HOST"] == "192.0.2.9", "its own sections have the last word"
    assert settings["P_PASSWORD"] == "it's $a"
    assert not {"HOSTS", "HOST_IP"} & settings.keys()
    assert rest == [
        ("post-config", "/etc/a.conf", "[all]"),
        ("post-config", "/etc/a.conf", "[two]"),
        ("post-config", "/etc/b.conf", "[subnode]"),
    ]


def test_host_without_sections_of_its_own_is_any_subnode(tmp_path: Path) -> None:
    settings, rest = conf_of("three", tmp_path)
    assert settings["SERVICE_HOST"] == "192.0.2.1"
    assert [section[2] for section in rest] == ["[all]", "[subnode]"]


@pytest.mark.parametrize(
    ("services", "expected"),
    [
        (
            "key,mysql,n-api,n-cpu,ovn-controller,ovn-northd,c-vol,tides",
            "n-cpu,ovn-controller,tides",
        ),
        ("key", ","),
    ],
)
def test_hosts_have_services_that_are_not_for_a_controller_alone(
    services: str, expected: str
) -> None:
    settings = Settings({"ENABLED_SERVICES": services}, LocalSettings({}), frozenset())
    assert services_of_hosts(settings) == expected


def test_groups_may_name_a_host() -> None:
    assert group_and_host("post-config:one") == ("post-config", "one")
    assert group_and_host("local") == ("local", "")
