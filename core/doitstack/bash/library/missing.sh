# shellcheck shell=bash
# DevStack functions that are not provided: they need a hypervisor, Open vSwitch, OVN or a loop
# device, or the in-tree plugins do their work. Each prints a message and fails; a plugin may define
# its own.

_MISSING_FUNCTIONS='
bootstrap_keystone clean_lvm_filter clean_lvm_volume_group cleanup_cinder cleanup_etcd3
cleanup_glance cleanup_horizon cleanup_keystone cleanup_lvm_backing_file cleanup_neutron
cleanup_nova cleanup_ovn cleanup_placement cleanup_swift cleanup_tempest compile_ovn compile_ovs
configure_API_version configure_cinder configure_database_postgresql configure_glance
configure_horizon configure_keystone configure_libvirt configure_neutron
configure_neutron_after_post_config _configure_neutron_common _configure_neutron_service
configure_nova configure_ovn configure_ovn_plugin configure_placement configure_qos
configure_segments_extension configure_segments_service_plugin configure_swift configure_tempest
create_cinder_accounts create_disk create_flavors create_glance_accounts
create_keystone_accounts create_ldap_domain create_neutron_accounts
create_neutron_initial_network create_nova_accounts create_placement_accounts
create_public_bridge create_swift_accounts create_volume_types destroy_disk
enable_kernel_bridge_firewall get_instance_ip has_neutron_plugin_security_group init_cinder
init_default_lvm_volume_group init_glance init_horizon init_keystone init_lvm_volume_group
init_neutron init_nova init_ovn init_placement init_swift install_cinder install_cinderclient
install_devstack_tools install_etcd3 install_glance install_glanceclient install_horizon
install_infra install_keystone install_libs install_libvirt install_neutron_agent_packages
install_neutronclient install_novaclient install_ovn install_placement install_swift
install_swiftclient install_tempest install_tempest_plugins is_neutron_ovs_base_plugin
load_plugin_settings _move_neutron_addresses_route _neutron_configure_router_v4
_neutron_configure_router_v6 _neutron_create_public_subnet_v4 _neutron_create_public_subnet_v6
_neutron_ovs_base_add_bridge _neutron_ovs_base_install_agent_packages
_neutron_ovs_base_setup_bridge neutron_plugin_configure_dhcp_agent
neutron_plugin_configure_l3_agent neutron_plugin_configure_plugin_agent
neutron_plugin_configure_service neutron_plugin_create_nova_conf
neutron_plugin_install_agent_packages
ovn_base_setup_bridge ping_check plugin_override_defaults remove_ovs_packages run_phase
run_plugins set_lvm_filter set_systemd_override ssh_check start_cinder start_dstat start_etcd3
start_glance start_horizon start_neutron start_neutron_agents start_nova start_nova_api
start_nova_conductor start_nova_rest start_ovn start_placement stop_cinder stop_dstat stop_etcd3
stop_glance stop_horizon stop_new_ovs stop_nova stop_ovn stop_placement use_new_ovn_repository
wait_for_compute write_clouds_yaml
'

_not_provided() {
    echo "${FUNCNAME[1]}: DevStack function that doitstack does not provide" >&2
    return 1
}

# _define_missing: define a function for each name above; that needs eval
_define_missing() {
    local name text=''
    for name in $_MISSING_FUNCTIONS; do
        declare -F "$name" || text+="$name() { _not_provided; };"
    done > /dev/null # opened once, not for each name
    eval "$text"
}

_define_missing
