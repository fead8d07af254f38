# shellcheck shell=bash
# Nova and Neutron, from their source and in each other's configuration.

# install_nova, install_neutron: the source, and it in the stack's environment. The in-tree
# services have environments of their own.
install_nova() {
    _install_project nova
}

install_neutron() {
    _install_library neutron-lib
    _install_project neutron
}

# _install_project NAME: from NAME_REPO, at NAME_BRANCH
_install_project() {
    local directory=${1^^}_DIR repository=${1^^}_REPO branch=${1^^}_BRANCH
    git_clone "${!repository:-$GIT_BASE/openstack/$1.git}" "${!directory}" "${!branch:-$TARGET_BRANCH}"
    setup_develop "${!directory}"
}

# configure_neutron_nova: how Nova, and the conductor of each of its cells, reaches Neutron
configure_neutron_nova() {
    local -i cell
    local conf
    create_nova_conf_neutron "$NOVA_CONF"
    for ((cell = 1; cell <= ${NOVA_NUM_CELLS:-1}; cell++)); do
        conf=$(conductor_conf "$cell")
        [[ ! -e $conf ]] || create_nova_conf_neutron "$conf"
    done
}

# create_nova_conf_neutron [FILE]
create_nova_conf_neutron() {
    _configure_client "${1:-$NOVA_CONF}" nova neutron
}

# configure_placement_nova_compute [FILE]: how Nova reaches Placement
configure_placement_nova_compute() {
    _configure_client "${1:-$NOVA_CONF}" nova placement
}

# configure_placement_neutron [FILE]: how Neutron does
configure_placement_neutron() {
    _configure_client "${1:-$NEUTRON_CONF}" neutron placement
}

# _configure_client FILE USER SECTION
_configure_client() {
    configure_keystoneauth "$@"
    iniset "$1" "$3" region_name "$REGION_NAME"
}
