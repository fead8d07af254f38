# Load the functions and the user's settings. Sourced at the top level of a session, as in DevStack.
# Uses _doitstack_localrc, the user's settings as a script; it may be empty.
# shellcheck disable=SC2034,SC2154 # scripts read some variables; session.sh sets others

# DevStack sets errexit later.
set +o errexit
_doitstack_trace_to /dev/null

# End the session: without one of our files, scripts would do something else.
_doitstack_cannot_load() {
    _doitstack_exit_message="cannot load $1"
    exit 1
}

# Run one of our functions in a shell that has DevStack's.
_doitstack_of_ours() (
    # shellcheck source=/dev/null
    source "$_doitstack_home/library.sh"
    "$@"
)

# Define what stack.sh defines itself, sudo if it is not installed, and our installation of Python packages.
_doitstack_stand_in() {
    eval "$(_doitstack_of_ours declare -f echo_nolog sudo _lock _print_trimmed _set_path)"
    # bindep is ours, too.
    eval "$(_doitstack_of_ours declare -f _install_listed_packages install_bindep)"
    # shellcheck source=/dev/null
    source "$_doitstack_home/library/python.sh"
    PYTHON=$STACK_VENV/bin/python
    _set_path
    read_password() {
        [[ ${!1-} ]] || builtin printf -v "$1" '%s' "$(_doitstack_of_ours _kept_password "$1")"
        export "${1?}"
    }
}

# Define what starts services, or reaches those of the stack: they are not units of systemd, and have other ports.
# Called after each of DevStack's files that defines some of it.
_doitstack_stand_in_for_services() {
    local _doitstack_file
    SYSTEMCTL=doitstack_systemctl
    APACHE_CONF_DIR=$DEST/apache/sites-available
    APACHE_SETTINGS_DIR=$DEST/apache/conf-enabled
    eval "$(_doitstack_of_ours declare -f ipv6_unquote ipv6_quote curl_get wait_for_service _is_privileged)"
    for _doitstack_file in processes database rpc web apache identity; do
        # shellcheck source=/dev/null
        source "$_doitstack_home/library/$_doitstack_file.sh"
    done
}

# Make a directory for DevStack's stackrc, so that it finds our settings next to it. It reads them after it has
# set DEST and before it uses DEST.
_doitstack_make_rc() {
    mkdir -p "$DEST/.devstack"
    ln -sfn "$DEVSTACK_DIR/stackrc" "$DEST/.devstack/stackrc"
    # shellcheck disable=SC2016 # expanded when it is sourced
    echo 'source "$DEVSTACK_DIR/functions"' >|"$DEST/.devstack/functions"
    echo '_doitstack_set_places' >|"$DEST/.devstack/.localrc.auto"
}

# Set the user's settings, and the places that are ours.
_doitstack_set_places() {
    # DevStack does not run as root.
    STACK_USER=$(id -un)
    # A login sets it; a container may not.
    export USER="${USER:-$STACK_USER}"
    # shellcheck source=/dev/null
    source "$_doitstack_home/user_settings.sh" || _doitstack_cannot_load user_settings.sh
    # Endpoints of scripts name it; DevStack's is 0.0.0.0.
    SERVICE_LISTEN_ADDRESS=${SERVICE_LISTEN_ADDRESS:-$SERVICE_HOST}
    STACK_VENV=${STACK_VENV:-$DEST/venvs/stack}
    DEVSTACK_VENV=${DEVSTACK_VENV:-$STACK_VENV}
    TEMPEST_CONFIG_DIR=${TEMPEST_CONFIG_DIR:-$DATA_DIR/tempest/etc}
    # Its plugin for SQLAlchemy is installed by DevStack's own run.
    MYSQL_GATHER_PERFORMANCE=${MYSQL_GATHER_PERFORMANCE:-False}
}

if [[ ! ${DEVSTACK_DIR-} ]]; then
    # shellcheck source=/dev/null
    source "$_doitstack_home/library.sh" || _doitstack_cannot_load library.sh
    # shellcheck source=/dev/null
    source "$_doitstack_home/user_settings.sh" || _doitstack_cannot_load user_settings.sh
    _set_path
else
    TOP_DIR=$DEVSTACK_DIR
    FILES=$TOP_DIR/files
    # shellcheck source=/dev/null
    source "$DEVSTACK_DIR/functions"
    ! declare -F GetDistro >/dev/null || GetDistro
    _doitstack_make_rc
    # shellcheck source=/dev/null
    source "$DEST/.devstack/stackrc"
    _doitstack_stand_in
    # shellcheck source=/dev/null
    source "$_doitstack_home/timing.sh" || _doitstack_cannot_load timing.sh
    # shellcheck source=/dev/null
    source "$_doitstack_home/async.sh" || _doitstack_cannot_load async.sh
    for _doitstack_file in "$TOP_DIR"/lib/{stack,database,rpc_backend}; do
        # shellcheck source=/dev/null
        [[ ! -r $_doitstack_file ]] || source "$_doitstack_file"
    done
    _doitstack_stand_in_for_services
fi
unset -f _doitstack_settings _doitstack_cannot_load
