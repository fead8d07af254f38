# shellcheck shell=bash
# Functions that add to Neutron's configuration. They create no agent, bridge or network.

# is_neutron_enabled: in any form; is_neutron_legacy_enabled: by its q-* services
is_neutron_enabled() {
    [[ ,${DISABLED_SERVICES-} != *,neutron* ]] &&
        [[ ,${ENABLED_SERVICES-} == *,neutron-* || ,${ENABLED_SERVICES-} == *,q-* ]]
}

is_neutron_legacy_enabled() {
    [[ ,${DISABLED_SERVICES-} != *,neutron* && ,${ENABLED_SERVICES-} == *,q-* ]]
}

# is_swift_enabled, is_provider_network
is_swift_enabled() {
    [[ ,${DISABLED_SERVICES-} != *,swift* && ,${ENABLED_SERVICES-} == *,s-* ]]
}

is_provider_network() {
    [[ ${Q_USE_PROVIDER_NETWORKING-} == True ]]
}

# _add_word NAME SEPARATOR WORD: add it once to the list in the variable NAME
_add_word() {
    if [[ ! ${!1-} ]]; then
        printf -v "$1" '%s' "$3"
    elif [[ $2${!1}$2 != *"$2$3$2"* ]]; then
        printf -v "$1" '%s' "${!1}$2$3"
    fi
}

# neutron_service_plugin_class_add CLASS
neutron_service_plugin_class_add() {
    _add_word Q_SERVICE_PLUGIN_CLASSES , "$1"
}

# neutron_ml2_extension_driver_add DRIVER
neutron_ml2_extension_driver_add() {
    _add_word Q_ML2_PLUGIN_EXT_DRIVERS , "$1"
}

# neutron_server_config_add FILE: add a configuration file of the server
neutron_server_config_add() {
    local REPLY
    _script_file "$1"
    _add_word NEUTRON_SERVER_CONFIG_FILES ' ' "$REPLY"
    Q_PLUGIN_EXTRA_CONF_FILES+=("$1")
}

# plugin_agent_add_l2_agent_extension, plugin_agent_add_l3_agent_extension NAME
plugin_agent_add_l2_agent_extension() {
    _add_word L2_AGENT_EXTENSIONS , "$1"
}

plugin_agent_add_l3_agent_extension() {
    _add_word L3_AGENT_EXTENSIONS , "$1"
}

# configure_l2_agent_extensions, configure_l3_agent_extensions FILE
configure_l2_agent_extensions() {
    iniset "$1" agent extensions "${L2_AGENT_EXTENSIONS-}"
}

# populate_ml2_config FILE SECTION OPTION=VALUE...
populate_ml2_config() {
    local option
    for option in "${@:3}"; do
        iniset "$1" "$2" "${option%%=*}" "${option#*=}"
    done
}

# neutron_deploy_rootwrap_filters DIRECTORY: install a project's filters next to Neutron's
neutron_deploy_rootwrap_filters() {
    local target=${Q_CONF_ROOTWRAP_D:-$NEUTRON_CONF_DIR/rootwrap.d}
    sudo install -d -o root -m 755 "$target"
    sudo install -o root -m 644 "$1"/etc/neutron/rootwrap.d/* "$target/"
}

# The mechanism of the in-tree Neutron needs no options in the files of others. With OVN, it uses Open vSwitch.
is_neutron_ovs_base_plugin() {
    is_service_enabled ovn-controller
}

# The in-tree Neutron is configured before scripts run in post-config.
configure_neutron() {
    :
}

_configure_neutron_service() {
    :
}

# _neutron_ovs_base_install_agent_packages: Open vSwitch of the distribution, unless the stack runs its own
_neutron_ovs_base_install_agent_packages() {
    ! is_service_enabled ovn-controller || return 0
    install_package openvswitch-switch
    restart_service openvswitch-switch
}

# _neutron_ovs_base_add_bridge, _neutron_ovs_base_setup_bridge BRIDGE: with ovs-vsctl, which is the stack's own if it
# has OVN
_neutron_ovs_base_add_bridge() {
    local -a datapath=()
    [[ $OVS_DATAPATH_TYPE == system ]] || datapath=(-- set Bridge "$1" "datapath_type=$OVS_DATAPATH_TYPE")
    sudo ovs-vsctl -- --may-exist add-br "$1" "${datapath[@]}"
}

_neutron_ovs_base_setup_bridge() {
    _neutron_ovs_base_add_bridge "$1"
    sudo ovs-vsctl --no-wait br-set-external-id "$1" bridge-id "$1"
}

_neutron_ovs_base_add_public_bridge() {
    _neutron_ovs_base_add_bridge "$PUBLIC_BRIDGE"
}

# _move_neutron_addresses_route FROM TO ADD_PORT DELETE_PORT FAMILY: move the address of an interface, with the
# default route, to another one. With ADD_PORT, TO is a bridge of which FROM becomes a port; with DELETE_PORT, FROM is
# the bridge, and TO is its port no more.
_move_neutron_addresses_route() {
    local gateway
    local -a words=()
    [[ $1 && $2 ]] || return 0
    # With OVN, the bridges are in the network of the stack, and this machine would lose its address.
    [[ -e /sys/class/net/$2 ]] || die "$LINENO" "there is no interface $2 on this machine, so $1 keeps its address"
    gateway=$(ip -f "$5" route show default dev "$1" | grep -o -m 1 'via [^ ]*') || :
    # inet 192.0.2.1/24 brd 192.0.2.255 scope global ...
    read -r -a words < <(ip -f "$5" address show dev "$1" scope global primary | grep -w "$5") || :
    [[ ${words[2]-} == brd ]] || words=("${words[@]:0:2}")
    # A port has no address, so it becomes one after it has lost it, and is none before it gets one.
    [[ $4 != True ]] || sudo ovs-vsctl --if-exists del-port "$1" "$2"
    if [[ ${words[1]-} ]]; then
        sudo ip address del "${words[1]}" dev "$1"
        sudo ip address replace "${words[@]:1:3}" dev "$2"
        sudo ip link set "$2" up
    fi
    [[ $3 != True ]] || sudo ovs-vsctl --may-exist add-port "$2" "$1"
    [[ ! $gateway ]] || sudo ip -f "$5" route replace default via "${gateway#via }" dev "$2"
    if [[ ${words[1]-} && $5 == inet ]] && type -P arping > /dev/null; then
        sudo arping -A -c 3 -w 5 -I "$2" "${words[1]%/*}"
    fi
}

has_neutron_plugin_security_group() {
    return 0
}

neutron_plugin_configure_common() {
    :
}

neutron_plugin_configure_dhcp_agent() {
    :
}

neutron_plugin_configure_l3_agent() {
    :
}

neutron_plugin_configure_plugin_agent() {
    :
}

neutron_plugin_configure_service() {
    :
}

neutron_plugin_create_nova_conf() {
    :
}

neutron_plugin_install_agent_packages() {
    :
}

install_neutron_agent_packages() {
    :
}

# neutron_plugin_setup_interface_driver FILE: the driver of an agent's interfaces, which are not wired without OVN
neutron_plugin_setup_interface_driver() {
    local driver=null
    ! is_neutron_ovs_base_plugin || driver=openvswitch
    iniset "$1" DEFAULT interface_driver "$driver"
}
