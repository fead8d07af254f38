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

# _script_file FILE: the same for a file that a script names, unless /etc/PROJECT is a real directory in which we
# may write: then the script means that one. A link may be another stack's. A missing directory is made.
_script_file() {
    local directory
    REPLY=$1
    [[ $1 == /etc/*/* ]] || return 0
    directory=${1#/etc/}
    directory=/etc/${directory%%/*}
    [[ -L $directory || ! -w $directory ]] || return 0
    _service_file "$1"
    [[ $REPLY == "$1" || -d ${REPLY%/*} ]] || mkdir -p "${REPLY%/*}"
}
