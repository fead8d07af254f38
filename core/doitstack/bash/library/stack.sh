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

# install_keystoneauth and so on: install a library from source if it is in LIBS_FROM_GIT; otherwise it comes
# with what needs it
install_keystoneauth() {
    _install_library keystoneauth
}

install_keystoneclient() {
    _install_library python-keystoneclient
}

install_cinderclient() {
    _install_library python-brick-cinderclient-ext
    _install_library python-cinderclient
}

install_glanceclient() {
    _install_library python-glanceclient
}

install_neutronclient() {
    _install_library python-neutronclient
}

install_novaclient() {
    _install_library python-novaclient
}

install_swiftclient() {
    _install_library python-swiftclient
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
