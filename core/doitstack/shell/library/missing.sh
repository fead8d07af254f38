# shellcheck shell=bash
# Functions of DevStack that are not provided: they need a hypervisor, Open vSwitch or OVN, a
# loop device, or are what the in-tree plugins do. Each says so and fails; a plugin may define
# its own.

_MISSING_FUNCTIONS='
cleanup_lvm_backing_file cleanup_ovn compile_ovn compile_ovs configure_API_version
configure_database_postgresql configure_keystone configure_neutron _configure_neutron_common
_configure_neutron_service configure_ovn configure_ovn_plugin configure_qos
configure_segments_extension configure_segments_service_plugin create_disk
create_neutron_initial_network create_nova_accounts create_public_bridge init_lvm_volume_group
init_neutron init_ovn install_libvirt install_ovn _move_neutron_addresses_route
_neutron_configure_router_v4 _neutron_configure_router_v6 _neutron_create_public_subnet_v4
_neutron_create_public_subnet_v6 _neutron_ovs_base_add_bridge
_neutron_ovs_base_install_agent_packages _neutron_ovs_base_setup_bridge
neutron_plugin_configure_l3_agent neutron_plugin_setup_interface_driver ovn_base_setup_bridge
remove_ovs_packages start_neutron start_neutron_agents start_ovn stop_new_ovs stop_ovn
use_new_ovn_repository
'

_not_provided() {
    echo "${FUNCNAME[1]}: DevStack function that doitstack does not provide" >&2
    return 1
}

# _define_missing: a name becomes a function only by eval; the names are those above
_define_missing() {
    local name text=''
    for name in $_MISSING_FUNCTIONS; do
        declare -F "$name" > /dev/null || text+="$name() { _not_provided; };"
    done
    eval "$text"
}

_define_missing
