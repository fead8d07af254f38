# The bash session of a run: reads commands of the main process and says how each ended.
#
# Arguments: the descriptors of commands, answers, messages and variables, and of the slots (or
# nothing), the pid of the main process and the name of the run.

_doitstack_commands=$1
_doitstack_answers=$2
_doitstack_messages=$3
_doitstack_variables=$4
_doitstack_slots=$5
_doitstack_main=$6
_doitstack_run=$7
_doitstack_session=$BASHPID
_doitstack_home=${BASH_SOURCE[0]%/*}
set --

# Say something to the main process: one write of fields that end in NUL, with their number first.
_doitstack_tell() {
    printf '%s\0' "$#" "$@" >&"$_doitstack_messages"
}

# Ask the main process. Prints its answer and returns its code.
doitstack_request() {
    local - code out err
    set +x
    if [[ $BASHPID == "$_doitstack_session" ]]; then
        _doitstack_tell request '' "$@"
        _doitstack_answer "$_doitstack_answers"
    else
        _doitstack_ask_alone "$@"
    fi
    [[ -z $err ]] || printf '%s' "$err" >&2
    [[ -z $out ]] || printf '%s' "$out"
    return "$code"
}

_doitstack_answer() {
    IFS= read -r -d '' -u "$1" code || code=1
    IFS= read -r -d '' -u "$1" out || out=
    IFS= read -r -d '' -u "$1" err || err=
}

# A subshell gets its answer by a pipe of its own.
_doitstack_ask_alone() {
    local pipe=$DEST/async/.answer.$BASHPID descriptor
    mkfifo -m 0600 -- "$pipe"
    exec {descriptor}<>"$pipe"
    _doitstack_tell request "$pipe" "$@"
    _doitstack_answer "$descriptor"
    exec {descriptor}>&-
    rm -f -- "$pipe"
}

# A line for the user; the library leaves this one to us.
echo_summary() {
    doitstack_request say "$*"
}

# Load the functions: our own library, or those of a DevStack checkout with our futures over them.
_doitstack_load() {
    if [[ -z ${DEVSTACK_DIR:-} ]]; then
        # shellcheck source=/dev/null
        source "$_doitstack_home/library.sh"
        return
    fi
    local file
    TOP_DIR=$DEVSTACK_DIR
    for file in functions stackrc lib/{apache,tls,infra,libraries,lvm,host,database,rpc_backend} \
        lib/{keystone,glance,nova,placement,cinder,swift,neutron,horizon,ldap,etcd3,os-vif}; do
        # shellcheck source=/dev/null
        [[ ! -r $TOP_DIR/$file ]] || source "$TOP_DIR/$file"
    done
    # shellcheck source=/dev/null
    source "$_doitstack_home/timing.sh"
    # shellcheck source=/dev/null
    source "$_doitstack_home/async.sh"
}

# Source script $2 with the arguments behind it, inside a function as DevStack does. What it traces
# goes to file $1.
_doitstack_source() {
    local _doitstack_trace _doitstack_script=$2
    exec {_doitstack_trace}>>"$1"
    # Bash closes the descriptor that this one replaces.
    BASH_XTRACEFD=$_doitstack_trace
    shift 2
    # shellcheck source=/dev/null
    source "$_doitstack_script" "$@"
}

_doitstack_dump() {
    local name IFS=$' \t\n'
    for name in $(compgen -v); do
        case $name in
            _doitstack_* | _async_* | BASH* | FUNCNAME | LINENO | RANDOM | SRANDOM | SECONDS) continue ;;
            EPOCH* | _ | REPLY | PIPESTATUS | SHLVL | name | IFS | OPTIND | OPTARG) continue ;;
        esac
        [[ ${!name@a} == *[aA]* ]] || printf '%s\0%s\0' "$name" "${!name-}"
    done >"/proc/self/fd/$_doitstack_variables"
}

# Say what fails, where: if it ends the session, this was the reason.
_doitstack_on_error() {
    local -
    { set +x; } 2>/dev/null
    local code=$1 line=$2 command=$3 depth stack=
    for ((depth = 1; depth < ${#FUNCNAME[@]}; depth++)); do
        [[ ${FUNCNAME[depth]} == _doitstack_* || ${FUNCNAME[depth]} == @(source|main) ]] ||
            stack+="${stack:+ < }${FUNCNAME[depth]}"
    done
    if [[ $BASHPID == "$_doitstack_session" ]]; then
        _doitstack_tell error "$code" "${BASH_SOURCE[1]:-}" "$line" "$command" "$stack"
    elif [[ $- == *e* ]]; then
        echo "${BASH_SOURCE[1]:-}:$line: '$command' ended with code $code${stack:+ (in $stack)}" >&2
    fi
}

# `exit` in a script is never a silent end: remember where it stands.
exit() {
    local code=${1:-$?} depth
    for ((depth = 1; depth < ${#BASH_SOURCE[@]} - 1; depth++)); do
        [[ ${BASH_SOURCE[depth]} == "$_doitstack_home"/* ]] || break
    done
    _doitstack_exit_place=${BASH_SOURCE[depth]:-}:${BASH_LINENO[depth - 1]}
    builtin exit "$code"
}

_doitstack_on_exit() {
    { set +x; } 2>/dev/null
    [[ $BASHPID != "$_doitstack_session" ]] ||
        _doitstack_tell exited "$1" "${_doitstack_exit_place:-}" "${_doitstack_last_words:-}"
    # Bash has words of its own about leaving a sourced file like this.
    exec 2>/dev/null
}

# Make errors end the step and be told, whatever the last script has done to the shell.
_doitstack_arm() {
    trap '_doitstack_on_exit "$?"' EXIT
    trap '_doitstack_on_error "$?" "$LINENO" "$BASH_COMMAND"' ERR
    set -o errtrace -o errexit
}

# A script's own trap on EXIT is for the end of the run.
_doitstack_disarm() {
    { set +o errexit +o xtrace; } 2>/dev/null
    local now
    now=$(trap -p EXIT)
    [[ $now == *_doitstack_on_exit* ]] || _doitstack_exit_trap=$now
    trap - ERR EXIT
}

_doitstack_exit_trap=
while IFS= read -r -d '' -u "$_doitstack_commands" _doitstack_command; do
    _doitstack_arm
    eval "$_doitstack_command"
    _doitstack_disarm
    _doitstack_dump
    _doitstack_tell "done"
done
[[ -z $_doitstack_exit_trap ]] || eval "$_doitstack_exit_trap"
