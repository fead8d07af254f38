# shellcheck shell=bash
# Functions of stack.sh that plugins call.

# stack_install_service SERVICE: call install_SERVICE; with USE_VENV=True, install to PROJECT_VENV[SERVICE]
stack_install_service() {
    local -
    set +x
    local venv=''
    function_exists "install_$1" || die "$LINENO" "No function declared with name 'install_$1'."
    [[ ${USE_VENV-} != True ]] || venv=${PROJECT_VENV[$1]-}
    if [[ $venv ]]; then
        rm -rf "$venv"
        _ensure_venv "$venv"
        export PIP_VIRTUAL_ENV=$venv
        install_keystonemiddleware
    fi
    "install_$1"
    [[ ! $venv ]] || unset PIP_VIRTUAL_ENV
}

# save_stackenv [TAG]: write variables for later shells to $TOP_DIR/.stackenv
save_stackenv() {
    local -
    set +x
    local name text
    printf -v text '# %(%F-%H%M%S)T %s\n' -1 "${1-}"
    for name in ${STACK_ENV_VARS:-BASE_SQL_CONN DATA_DIR DEST ENABLED_SERVICES HOST_IP KEYSTONE_SERVICE_URI \
        LOGFILE OS_CACERT SERVICE_HOST STACK_USER TLS_IP HOST_IPV6 SERVICE_IP_VERSION}; do
        text+=$name=${!name-}$'\n'
    done
    echo -En "$text" > "$TOP_DIR/.stackenv"
}

# install_keystoneauth, install_keystoneclient, install_keystonemiddleware: install them, from source if
# they are in LIBS_FROM_GIT
install_keystoneauth() {
    _install_library keystoneauth
}

install_keystoneclient() {
    _install_library python-keystoneclient
}

# always needed, with the client of its token cache
install_keystonemiddleware() {
    if use_library_from_git keystonemiddleware; then
        _install_library keystonemiddleware
    else
        pip_install_gr keystonemiddleware
    fi
    pip_install_gr python-memcached
}

_install_library() {
    use_library_from_git "$1" || return 0
    git_clone_by_name "$1"
    setup_dev_lib "$1"
}

# start_keystone, stop_keystone and the like: in-tree services, as configured by their plugins
start_keystone() {
    start_service devstack@keystone
    wait_for_service "$SERVICE_TIMEOUT" "$KEYSTONE_SERVICE_URI/v3/" || die "$LINENO" "keystone did not start"
}

stop_keystone() {
    stop_service devstack@keystone
}

start_swift() {
    _each_service start s-object s-container s-account s-proxy
}

stop_swift() {
    _each_service stop s-proxy s-object s-container s-account
}

start_nova_compute() {
    _each_service start n-cpu
}

stop_nova_compute() {
    _each_service stop n-cpu
}

# conductor_conf CELL: print the configuration file of its conductor
conductor_conf() {
    echo "$NOVA_CONF_DIR/nova_cell$1.conf"
}

start_neutron_service_and_check() {
    start_service devstack@neutron-api
    wait_for_service "$SERVICE_TIMEOUT" "$NEUTRON_SERVICE_URI" || die "$LINENO" "Neutron did not start"
}

stop_neutron() {
    stop_service devstack@neutron-api
}

# _each_service VERB NAME...
_each_service() {
    local name
    for name in "${@:2}"; do
        "${1}_service" "devstack@$name"
    done
}
