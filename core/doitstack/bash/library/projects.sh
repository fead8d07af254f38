# shellcheck shell=bash
# Nova and Neutron: installation from source, and configuration for each other.

# install_nova, install_neutron: clone the source and install it into the stack's environment. The
# in-tree services have their own environments.
install_nova() {
    _install_project nova
}

install_neutron() {
    _install_library neutron-lib
    _install_project neutron
}

# _install_project NAME: install NAME_REPO at NAME_BRANCH
_install_project() {
    local directory=${1^^}_DIR repository=${1^^}_REPO branch=${1^^}_BRANCH
    git_clone "${!repository:-$GIT_BASE/openstack/$1.git}" "${!directory}" "${!branch:-$TARGET_BRANCH}"
    setup_develop "${!directory}"
}

# configure_neutron_nova: configure Nova, and the conductor of each cell, to use Neutron
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

# configure_placement_nova_compute [FILE]: configure Nova to use Placement
configure_placement_nova_compute() {
    _configure_client "${1:-$NOVA_CONF}" nova placement
}

# configure_placement_neutron [FILE]: configure Neutron to use Placement
configure_placement_neutron() {
    _configure_client "${1:-$NEUTRON_CONF}" neutron placement
}

# _configure_client FILE USER SECTION
_configure_client() {
    configure_keystoneauth "$@"
    iniset "$1" "$3" region_name "$REGION_NAME"
}

# install_libvirt: install libvirt and QEMU of the distribution
install_libvirt() {
    local -a packages=(libvirt-clients libvirt-daemon-system libvirt-dev python3-libvirt ovmf swtpm swtpm-tools mdevctl)
    if is_ubuntu; then
        if is_arch aarch64; then
            packages+=(qemu-system-arm qemu-efi-aarch64)
        else
            packages+=(qemu-system-x86)
        fi
    elif is_fedora; then
        packages=(qemu-kvm libvirt libvirt-devel edk2-ovmf python3-libvirt swtpm swtpm-tools mdevctl)
        ! is_arch aarch64 || packages+=(edk2-aarch64)
    else
        exit_distro_not_supported "installation of libvirt"
    fi
    install_package "${packages[@]}"
}
