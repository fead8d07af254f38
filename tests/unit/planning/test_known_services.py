"""Services that are enabled: known, DevStack's alone, or misspelt."""

from pathlib import Path

import pytest

from doitstack.planning.devstack_services import ABSENT
from doitstack.planning.known_services import KnownServices, absent_services, unknown_services
from doitstack.planning.plugin import Plugin

IN_TREE = Plugin("keystone", "here", known_services=("key", "tempest", "n-cpu", "rabbit"))


def known(text: str = "", *plugins: Plugin) -> KnownServices:
    return KnownServices((IN_TREE, *plugins), {Path("plugin.sh"): text})


@pytest.mark.parametrize(
    "text",
    [
        "if is_service_enabled mine-api; then :; fi",
        'is_service_enabled "mine-api" other',
        "run_process mine-api /x",
        'for name in mine-web mine-api; do run_process "$name"; done',
        '[[ ,$ENABLED_SERVICES =~ ,"mine-" ]]',
        "run_process mine-$part /x",
    ],
)
def test_service_in_a_script_is_known(text: str) -> None:
    assert list(unknown_services(known(text), ["mine-api"])) == []


@pytest.mark.parametrize(
    "text",
    [
        "enable_service mine-api",
        "enable_service other mine-api # mine-api",
        "ENABLED_SERVICES+=,mine-api",
        "is_service_enabled mine-api-2 not-mine-api",
        "# is_service_enabled mine-api",
    ],
)
def test_service_that_is_only_enabled_is_unknown(text: str) -> None:
    assert list(unknown_services(known(text), ["key", "mine-api"])) == ["mine-api"]


def test_service_in_a_python_plugin_is_known(tmp_path: Path) -> None:
    module = tmp_path / "50-mine.py"
    module.write_text('settings.enable_service("other")\nstack.is_service_enabled("mine")\n')
    mine = Plugin("mine", "here", modules=(module,))
    assert list(unknown_services(known("", mine), ["mine", "other"])) == ["other"]


@pytest.mark.parametrize(
    ("name", "question"),
    [
        ("kye", "; did you mean key?"),
        ("tempst", "; did you mean tempest?"),
        ("n-cup", "; did you mean n-cpu?"),
        ("horizn", ""),
        ("ceilometr", "; did you mean ceilometer?"),
    ],
)
def test_nearest_name_is_suggested(name: str, question: str) -> None:
    assert known().nearest(name) == question


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("heat", "heat (orchestration); add to local.conf: enable_plugin heat https://opendev.org/"
         "openstack/heat"),
        ("n-spice", "n-spice (a console proxy); those here are n-novnc and n-sproxy"),
        ("q-agt", "q-agt (an agent of Neutron); networks here are OVN's: enable ovn-controller"),
        ("postgresql", "postgresql (a database); services use MySQL if mysql is enabled, else "
         "SQLite"),
        ("tls-proxy", "tls-proxy (TLS for the APIs); all APIs are served as http"),
        ("zookeeper", "zookeeper (a coordination service); enable etcd3"),
        ("dstat", "dstat (a monitor of the machine)"),
    ],
)  # fmt: skip
def test_service_that_only_devstack_has_is_explained(name: str, message: str) -> None:
    assert list(unknown_services(known(), [name])) == []
    (found,) = absent_services(known(f"is_service_enabled {name}"), [name])
    assert found.startswith(f"doitstack does not have {message}")


def test_absent_services_of_one_kind_share_a_message() -> None:
    (found,) = absent_services(known(), ["q-agt", "key", "q-l3"])
    assert found.startswith("doitstack does not have q-agt, q-l3 (an agent of Neutron); ")


@pytest.mark.parametrize(
    ("name", "text", "plugin"),
    [
        ("h-api", "", "heat"),
        ("gnocchi-api", "", "ceilometer"),
        ("h-api", "run_process h-api /x", "mine"),
    ],
)
def test_plugin_may_have_the_service(name: str, text: str, plugin: str) -> None:
    assert list(absent_services(known(text, Plugin(plugin, "here")), [name])) == []


def test_drop_in_of_an_earlier_stack_directory_has_tempest() -> None:
    drop_in = Plugin("tempest", "extras.d/80-tempest.py")
    assert KnownServices((drop_in,), {}).has("tempest")
    assert not KnownServices((), {}).has("tempest")


def test_every_absent_service_has_a_description_and_most_have_advice() -> None:
    assert all(service.names and service.description for service in ABSENT)
    without = [service.names[0] for service in ABSENT if not service.advice]
    assert without == ["s-container-sync", "s3api"]
