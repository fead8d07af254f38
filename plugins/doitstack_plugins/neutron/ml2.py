"""The configuration of Neutron's ML2: for OVN, or for our driver, which wires nothing."""

from doitstack import Settings, Stack
from doitstack_plugins.ovn import between_hosts, datapath, places
from doitstack_plugins.shared.conf_files import Sections

_UNWIRED = "unwired"

_OVN = {
    "Q_AGENT": "ovn",
    "Q_ML2_PLUGIN_MECHANISM_DRIVERS": "ovn",
    "Q_ML2_PLUGIN_TYPE_DRIVERS": "local,flat,vlan,geneve",
    "Q_ML2_TENANT_NETWORK_TYPE": "geneve",
    "Q_ML2_PLUGIN_GENEVE_TYPE_OPTIONS": "vni_ranges=1:65536",
    "ML2_L3_PLUGIN": "ovn-router",
}
"""The defaults of DevStack's lib/neutron_plugins/ovn_agent."""

_WITHOUT_WIRES = {
    "Q_AGENT": _UNWIRED,
    "Q_ML2_PLUGIN_MECHANISM_DRIVERS": _UNWIRED,
    "Q_ML2_PLUGIN_TYPE_DRIVERS": "local,flat,vlan",
    "Q_ML2_TENANT_NETWORK_TYPE": "local",
    "ML2_L3_PLUGIN": "router",
}

_NEED_WIRES = frozenset({"ovn", "openvswitch", "linuxbridge", "l2population", "ovn-router"})
"""Mechanism drivers and service plugins that do not work without OVN or agents."""


def set_ml2_defaults(settings: Settings) -> None:
    """Set DevStack's variables, so that they tell scripts how it is."""
    is_ovn = settings.is_service_enabled(*places.SERVICES)
    if is_ovn and between_hosts.is_wanted(settings):
        settings.default("Q_ML2_TENANT_NETWORK_TYPE", "vlan")
    for name, value in (_OVN if is_ovn else _WITHOUT_WIRES).items():
        settings.default(name, value)
    if is_ovn:
        tunnels = settings["Q_ML2_TENANT_NETWORK_TYPE"] == "geneve"
        settings.default("OVS_ENABLE_TUNNELING", str(tunnels))
        places.set_remotes(settings)
    settings.default("TENANT_VLAN_RANGE", "1:4094")
    settings.default("Q_ML2_PLUGIN_EXT_DRIVERS", "port_security")
    settings.default("Q_SERVICE_PLUGIN_CLASSES", f"{settings['ML2_L3_PLUGIN']},segments")


def service_plugins(stack: Stack) -> str:
    """Return Neutron's service plugins, with those that scripts have added."""
    router = stack.settings["ML2_L3_PLUGIN"] if places.is_enabled(stack) else "router"
    return _words(stack, router, "segments", stack.settings["Q_SERVICE_PLUGIN_CLASSES"])


def _words(stack: Stack, *lists: str) -> str:
    """Return the words of lists, each once, without what does not work in this stack."""
    words = dict.fromkeys(word.strip() for text in lists for word in text.split(","))
    refused = frozenset({""}) if places.is_enabled(stack) else _NEED_WIRES | {""}
    return ",".join(word for word in words if word not in refused)


def sections(stack: Stack) -> Sections:
    """Return ml2_conf.ini."""
    return _ovn(stack) if places.is_enabled(stack) else _without_wires(stack)


def _ovn(stack: Stack) -> Sections:
    settings = stack.settings
    physical = settings["PUBLIC_PHYSICAL_NETWORK"]
    return {
        "ml2": {
            "type_drivers": settings["Q_ML2_PLUGIN_TYPE_DRIVERS"],
            "tenant_network_types": settings["Q_ML2_TENANT_NETWORK_TYPE"],
            "mechanism_drivers": settings["Q_ML2_PLUGIN_MECHANISM_DRIVERS"],
            "extension_drivers": settings["Q_ML2_PLUGIN_EXT_DRIVERS"],
            "overlay_ip_version": "6" if ":" in settings["TUNNEL_ENDPOINT_IP"] else "4",
        },
        "ml2_type_flat": {"flat_networks": physical},
        "ml2_type_vlan": {"network_vlan_ranges": f"{physical}:{settings['TENANT_VLAN_RANGE']}"},
        "ml2_type_geneve": {"vni_ranges": "1:65536", "max_header_size": "38"},
        "securitygroup": {"enable_security_group": "true"},
        "ovn": {
            "ovn_nb_connection": places.database(stack, "nb"),
            "ovn_sb_connection": places.database(stack, "sb"),
            "ovn_metadata_enabled": str(places.has_agent(stack)).lower(),
            # Open vSwitch's own datapath takes what its sender has joined for one packet, too large
            # to pass: what is sent to a floating IP would stall.
            "ovn_emit_need_to_frag": str(datapath.kind(stack) == datapath.KERNEL).lower(),
        },
    }


def _without_wires(stack: Stack) -> Sections:
    drivers = stack.settings["Q_ML2_PLUGIN_MECHANISM_DRIVERS"]
    return {
        "ml2": {
            "type_drivers": _WITHOUT_WIRES["Q_ML2_PLUGIN_TYPE_DRIVERS"],
            "tenant_network_types": _WITHOUT_WIRES["Q_ML2_TENANT_NETWORK_TYPE"],
            "mechanism_drivers": _words(stack, _UNWIRED, drivers),
            "extension_drivers": stack.settings["Q_ML2_PLUGIN_EXT_DRIVERS"],
        },
        "ml2_type_flat": {"flat_networks": stack.settings["PUBLIC_PHYSICAL_NETWORK"]},
    }
