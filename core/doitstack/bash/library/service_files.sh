# shellcheck shell=bash
# DevStack's names of the configuration of in-tree services: /etc/PROJECT/FILE.

_CONFIGURED_PROJECTS=(KEYSTONE GLANCE PLACEMENT NEUTRON NOVA CINDER SWIFT)

# _service_file FILE: set REPLY to the file that the service reads if FILE is /etc/PROJECT/NAME, else to FILE
_service_file() {
    local project directory
    REPLY=$1
    [[ $1 == /etc/*/* ]] || return 0
    for project in "${_CONFIGURED_PROJECTS[@]}"; do
        directory=${project}_CONF_DIR
        if [[ $1 == "/etc/${project,,}/"* && ${!directory-} ]]; then
            REPLY=${!directory}/${1#/etc/*/}
            return 0
        fi
    done
}

# _script_file FILE: the same for a file that a script names. If /etc/PROJECT is a directory of the user's or of a script,
# only files that the stack has are the stack's. A missing directory is made.
_script_file() {
    local directory
    _service_file "$1"
    [[ $REPLY != "$1" ]] || return 0
    directory=${1#/etc/}
    if [[ ! -e $REPLY ]] && _is_real_directory "/etc/${directory%%/*}"; then
        REPLY=$1
    elif [[ ! -d ${REPLY%/*} ]]; then
        mkdir -p "${REPLY%/*}"
    fi
}

# _is_real_directory PATH: in which we may write. A link may be another stack's.
_is_real_directory() {
    [[ ! -L $1 && -d $1 && -w $1 ]]
}
