#!/usr/bin/env bash
# The phases of stack.sh, with DevStack's functions in DevStack's order. The in-tree services are installed and
# configured, and never initialized or started.

# shellcheck disable=SC1091  # the files of DevStack

source "${BASH_SOURCE[0]%/*}/session.sh"
source "$TOP_DIR/lib/stack"
GetDistro
rm -f "$TOP_DIR/.localrc.auto"
extract_localrc_section "$TOP_DIR/local.conf" "$TOP_DIR/localrc" "$TOP_DIR/.localrc.auto"
source "$TOP_DIR/stackrc"
disable_negated_services
mkdir -p "$DEST" "$DATA_DIR" "$LOGDIR"
async_init
install_python
set -o errexit -o errtrace
trap _note_failure ERR
source "$TOP_DIR/lib/database"
source "$TOP_DIR/lib/rpc_backend"
fetch_plugins
run_phase override_defaults
passed override_defaults
source_libraries
run_phase source
passed source
# They ask the cloud.
configure_tempest() { :; }
install_tempest_plugins() { :; }
initialize_database_backends
define_database_baseurl
save_stackenv
git_clone "$REQUIREMENTS_REPO" "$REQUIREMENTS_DIR" "$REQUIREMENTS_BRANCH"
setup_devstack_virtualenv
install_infra
# Of the package glance_store.
mkdir -p "$DEVSTACK_VENV/etc/glance/rootwrap.d"
touch "$DEVSTACK_VENV/etc/glance/rootwrap.conf"
run_phase stack pre-install
passed stack pre-install
# It takes a minute, and is the same for all plugins.
if [[ ! -r $IN_TREE ]]; then
    for service in keystone swift glance cinder neutron nova placement horizon; do
        stack_install_service "$service"
        case $service in
            neutron | horizon) ;; # they are configured later
            *) "configure_$service" ;;
        esac
    done
    configure_placement_nova_compute
    tar --create --file "$IN_TREE.part" /etc/{keystone,swift,glance,cinder,nova,placement} \
        "$DEVSTACK_VENV" "$DATA_DIR"
    mv "$IN_TREE.part" "$IN_TREE"
fi
tar --extract --file "$IN_TREE" --directory /
run_phase stack install
passed stack install
write_clouds_yaml
export OS_CLOUD=${OS_CLOUD:-devstack-admin}
configure_horizon
configure_neutron
configure_neutron_nova
run_phase stack post-config
passed stack post-config
merge_config_group "$TOP_DIR/local.conf" post-config
run_phase stack extra
passed stack extra
run_phase stack test-config
passed stack test-config
