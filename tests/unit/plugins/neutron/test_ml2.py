"""The configuration of ML2, with and without OVN."""

from pathlib import Path

from doitstack_plugins.neutron import ml2
from tests.unit.plugins.ovn.stacks import make_ovn


def test_without_ovn_ports_are_bound_by_our_driver(tmp_path: Path) -> None:
    stack = make_ovn(tmp_path, ENABLED_SERVICES="neutron-api")
    assert ml2.sections(stack)["ml2"]["mechanism_drivers"] == "unwired"
    assert ml2.service_plugins(stack) == "router,segments"


def test_ovn_is_configured_as_in_devstack(tmp_path: Path) -> None:
    stack = make_ovn(tmp_path)
    conf = ml2.sections(stack)
    assert conf["ml2"]["mechanism_drivers"] == "ovn"
    assert conf["ml2"]["tenant_network_types"] == "geneve"
    assert conf["ml2"]["overlay_ip_version"] == "4"
    assert conf["ovn"]["ovn_metadata_enabled"] == "true"
    assert conf["ovn"]["ovn_sb_connection"].endswith("/data/ovn/sb.sock")
    assert ml2.service_plugins(stack) == "ovn-router,segments"


def test_devstacks_variables_win(tmp_path: Path) -> None:
    stack = make_ovn(
        tmp_path,
        ENABLED_SERVICES="neutron-api,ovn-controller",
        Q_ML2_TENANT_NETWORK_TYPE="vlan",
        Q_ML2_PLUGIN_MECHANISM_DRIVERS="ovn,logger",
        TUNNEL_ENDPOINT_IP="::1",
        ML2_L3_PLUGIN="ovn-router,trunk",
    )
    conf = ml2.sections(stack)
    assert conf["ml2"]["tenant_network_types"] == "vlan"
    assert conf["ml2"]["mechanism_drivers"] == "ovn,logger"
    assert conf["ml2"]["overlay_ip_version"] == "6"
    assert conf["ovn"]["ovn_metadata_enabled"] == "false"
    assert ml2.service_plugins(stack) == "ovn-router,trunk,segments"
