# Set the defaults of DevStack's projects, after override_defaults. Sourced once, at the top level of a
# session.

# Let the variables of DevStack's files that name /etc/PROJECT name the directory in our PROJECT_CONF_DIR, of
# which the arguments are names and values: some of these files assign it whatever its value is.
_doitstack_move_configuration() {
    local _doitstack_name _doitstack_etc _doitstack_place _doitstack_value
    while (($# > 0)); do
        _doitstack_etc=${1%_CONF_DIR} _doitstack_place=$2
        _doitstack_etc=/etc/${_doitstack_etc,,}
        shift 2
        for _doitstack_name in $(compgen -v); do
            _doitstack_value=${!_doitstack_name-}/
            [[ $_doitstack_value == *"${_doitstack_etc#/}/"* && $_doitstack_name != _doitstack_* ]] || continue
            _doitstack_value=${_doitstack_value//"$_doitstack_etc/"/"$_doitstack_place/"}
            [[ $_doitstack_value != "${_doitstack_etc#/}/"* ]] ||
                _doitstack_value=${_doitstack_place#/}${_doitstack_value#"${_doitstack_etc#/}"}
            builtin printf -v "$_doitstack_name" '%s' "${_doitstack_value%/}"
        done
    done
}

if [[ ! ${DEVSTACK_DIR-} ]]; then
    _set_project_defaults
else
    _doitstack_fields=()
    for _doitstack_name in {KEYSTONE,GLANCE,PLACEMENT,NEUTRON,NOVA,CINDER,SWIFT}_CONF_DIR; do
        [[ ! ${!_doitstack_name-} ]] || _doitstack_fields+=("$_doitstack_name" "${!_doitstack_name}")
    done
    # The addresses of in-tree services are those of their plugins.
    _doitstack_addresses=()
    for _doitstack_name in $(compgen -v | grep -E '^[A-Z0-9_]+_SERVICE_(HOST|PORT|PROTOCOL|URI|URI_V3)$'); do
        _doitstack_addresses+=("$_doitstack_name=${!_doitstack_name}")
    done
    for _doitstack_file in "$TOP_DIR"/lib/{apache,tls,infra,libraries,lvm,host,horizon,keystone,glance} \
        "$TOP_DIR"/lib/{nova,placement,cinder,swift,neutron,ldap,etcd3,os-vif,tempest}; do
        # shellcheck source=/dev/null
        [[ ! -r $_doitstack_file ]] || builtin source "$_doitstack_file"
    done
    _doitstack_stand_in_for_services
    # The in-tree Neutron reads the files of this list.
    # shellcheck source=/dev/null disable=SC2154 # session.sh sets it
    builtin source "$_doitstack_home/library/service_files.sh"
    eval "$(_doitstack_of_ours declare -f neutron_server_config_add _add_word)"
    # DevStack has a file for each mechanism of Neutron, but none for ours.
    _doitstack_names=()
    for _doitstack_name in has_neutron_plugin_security_group is_neutron_ovs_base_plugin \
        neutron_plugin_{setup_interface_driver,create_nova_conf,install_agent_packages} \
        neutron_plugin_configure_{common,service,dhcp_agent,l3_agent,plugin_agent}; do
        declare -F "$_doitstack_name" > /dev/null || _doitstack_names+=("$_doitstack_name")
    done
    [[ ! ${_doitstack_names[*]} ]] || eval "$(_doitstack_of_ours declare -f "${_doitstack_names[@]}")"
    _doitstack_move_configuration "${_doitstack_fields[@]}"
    unset KEYSTONE_SERVICE_URI_V3 KEYSTONE_AUTH_URI KEYSTONE_AUTH_URI_V3
    declare -g "${_doitstack_addresses[@]}"
    # Some variables are set only by functions of DevStack that do not run.
    eval "$(_doitstack_of_ours declare -f _default _set_project_defaults _set_network_defaults _set_project_paths \
        _set_service_paths _set_conf)"
    _set_project_defaults
fi
unset -f _doitstack_move_configuration
