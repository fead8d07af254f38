"""The configuration of Neutron's ML2: for OVN, or for our driver, which wires nothing."""

from doitstack import Settings, Stack
from doitstack_plugins.ovn import places
from doitstack_plugins.shared.conf_files import Sections

_UNWIRED = "unwired"


def set_ml2_defaults(settings: Settings) -> None:
    """Set the defaults of DevStack's lib/neutron_plugins/ovn_agent."""
    settings.default("Q_ML2_PLUGIN_MECHANISM_DRIVERS", "ovn")
    settings.default("Q_ML2_PLUGIN_TYPE_DRIVERS", "local,flat,vlan,geneve")
    settings.default("Q_ML2_TENANT_NETWORK_TYPE", "geneve")
    settings.default("Q_ML2_PLUGIN_EXT_DRIVERS", "port_security")
    settings.default("ML2_L3_PLUGIN", "ovn-router")


def service_plugins(stack: Stack) -> str:
    """Return Neutron's service plugins."""
    router = stack.settings["ML2_L3_PLUGIN"] if places.is_enabled(stack) else "router"
    return f"{router},segments"


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
        "ml2_type_vlan": {"network_vlan_ranges": physical},
        "ml2_type_geneve": {"vni_ranges": "1:65536", "max_header_size": "38"},
        "securitygroup": {"enable_security_group": "true"},
        "ovn": {
            "ovn_nb_connection": places.database(stack, "nb"),
            "ovn_sb_connection": places.database(stack, "sb"),
            "ovn_metadata_enabled": str(places.has_agent(stack)).lower(),
        },
    }


def _without_wires(stack: Stack) -> Sections:
    return {
        "ml2": {
            "type_drivers": "local,flat,vlan",
            "tenant_network_types": "local",
            "mechanism_drivers": _UNWIRED,
            "extension_drivers": "port_security",
        },
        "ml2_type_flat": {"flat_networks": stack.settings["PUBLIC_PHYSICAL_NETWORK"]},
    }
