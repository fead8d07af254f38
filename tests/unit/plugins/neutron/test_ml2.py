"""The configuration of ML2, with and without OVN."""

from pathlib import Path

import pytest

from doitstack_plugins.neutron import ml2
from doitstack_plugins.ovn import places
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


def test_what_scripts_add_is_used_but_nothing_that_needs_wires(tmp_path: Path) -> None:
    stack = make_ovn(
        tmp_path,
        ENABLED_SERVICES="neutron-api",
        Q_ML2_PLUGIN_MECHANISM_DRIVERS="openvswitch,ovn,demo",
        Q_ML2_PLUGIN_EXT_DRIVERS="port_security,qos",
        Q_SERVICE_PLUGIN_CLASSES="ovn-router,segments,taas",
    )
    conf = ml2.sections(stack)["ml2"]
    assert conf["mechanism_drivers"] == "unwired,demo"
    assert conf["extension_drivers"] == "port_security,qos"
    assert ml2.service_plugins(stack) == "router,segments,taas"


def test_variables_tell_scripts_how_it_is(tmp_path: Path) -> None:
    names = ("Q_AGENT", "Q_ML2_PLUGIN_MECHANISM_DRIVERS", "ML2_L3_PLUGIN")
    wired, unwired = make_ovn(tmp_path), make_ovn(tmp_path, ENABLED_SERVICES="neutron-api")
    assert [wired.settings[name] for name in names] == ["ovn", "ovn", "ovn-router"]
    assert [unwired.settings[name] for name in names] == ["unwired", "unwired", "router"]
    names = ("OVS_ENABLE_TUNNELING", "Q_ML2_PLUGIN_GENEVE_TYPE_OPTIONS")
    assert [wired.settings[name] for name in names] == ["True", "vni_ranges=1:65536"]
    vlans = make_ovn(tmp_path, Q_ML2_TENANT_NETWORK_TYPE="vlan")
    assert vlans.settings["OVS_ENABLE_TUNNELING"] == "False"
    addresses = (wired.settings["OVN_NB_REMOTE"], wired.settings["OVN_SB_REMOTE"])
    assert addresses == (places.database(wired, "nb"), places.database(wired, "sb"))


def test_networks_of_projects_are_vlans_where_there_may_be_other_hosts(tmp_path: Path) -> None:
    stack = make_ovn(tmp_path, HOST_IP="192.0.2.1", SERVICE_HOST="127.0.0.1")
    conf = ml2.sections(stack)
    assert conf["ml2"]["tenant_network_types"] == "vlan"
    assert conf["ml2_type_vlan"]["network_vlan_ranges"] == "public:1:4094"
    assert stack.settings["OVN_SB_REMOTE"] == "tcp:127.0.0.1:6642"


@pytest.mark.parametrize(("kind", "value"), [("netdev", "false"), ("system", "true")])
def test_too_large_packets_are_told_where_they_are_recognized(
    tmp_path: Path, kind: str, value: str
) -> None:
    conf = ml2.sections(make_ovn(tmp_path, OVS_DATAPATH_TYPE=kind))
    assert conf["ovn"]["ovn_emit_need_to_frag"] == value
