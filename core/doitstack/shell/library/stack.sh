# shellcheck shell=bash
# Pieces of stack.sh that plugins call.

# stack_install_service SERVICE: install_SERVICE, where there is one
stack_install_service() {
    local -
    set +x
    function_exists "install_$1" || return 0
    if [[ ${PROJECT_VENV[$1]-} ]]; then
        rm -rf "${PROJECT_VENV[$1]}"
        _ensure_venv "${PROJECT_VENV[$1]}"
        export PIP_VIRTUAL_ENV=${PROJECT_VENV[$1]}
    fi
    "install_$1"
    [[ ! ${PROJECT_VENV[$1]-} ]] || unset PIP_VIRTUAL_ENV
}

# save_stackenv [TAG]: what a later shell may want to know, in $TOP_DIR/.stackenv
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

# install_keystoneauth, install_keystoneclient, install_keystonemiddleware: from their
# source where LIBS_FROM_GIT says so
install_keystoneauth() {
    _install_library keystoneauth
}

install_keystoneclient() {
    _install_library python-keystoneclient
}

install_keystonemiddleware() {
    _install_library keystonemiddleware
}

_install_library() {
    use_library_from_git "$1" || return 0
    git_clone_by_name "$1"
    setup_dev_lib "$1"
}
