# Load the functions and the user's settings: sourced at the top level of a session, where DevStack
# has them, too. Uses _doitstack_localrc, the user's settings as a script, or nothing.
# shellcheck disable=SC2034,SC2154 # what scripts read; what session.sh has set

# DevStack sets errexit behind this.
set +o errexit
_doitstack_trace_to /dev/null

# One of our functions, for a shell that has DevStack's.
_doitstack_of_ours() (
    # shellcheck source=/dev/null
    source "$_doitstack_home/library.sh"
    "$@"
)

# What stack.sh defines itself, and sudo where there is none.
_doitstack_stand_in() {
    eval "$(_doitstack_of_ours declare -f echo_nolog sudo)"
    read_password() {
        [[ ${!1-} ]] || printf -v "$1" '%s' "$(_doitstack_of_ours _kept_password "$1")"
        export "${1?}"
    }
}

# The directory of a stackrc that finds the user's settings beside it, at the moment when it wants them:
# behind its own DEST, and before all that it makes of that.
_doitstack_make_rc() {
    mkdir -p "$DEST/.devstack"
    ln -sfn "$DEVSTACK_DIR/stackrc" "$DEST/.devstack/stackrc"
    # shellcheck disable=SC2016 # for later
    echo 'source "$DEVSTACK_DIR/functions"' >|"$DEST/.devstack/functions"
    # shellcheck disable=SC2016
    echo 'source "$_doitstack_home/user_settings.sh"' >|"$DEST/.devstack/.localrc.auto"
}

if [[ ! ${DEVSTACK_DIR-} ]]; then
    # shellcheck source=/dev/null
    source "$_doitstack_home/library.sh"
    # shellcheck source=/dev/null
    source "$_doitstack_home/user_settings.sh"
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
    source "$_doitstack_home/timing.sh"
    # shellcheck source=/dev/null
    source "$_doitstack_home/async.sh"
    for _doitstack_file in "$TOP_DIR"/lib/{database,rpc_backend}; do
        # shellcheck source=/dev/null
        [[ ! -r $_doitstack_file ]] || source "$_doitstack_file"
    done
fi
unset -f _doitstack_settings
