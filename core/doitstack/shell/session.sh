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

# Source script $1 with the arguments behind it, inside a function as DevStack does.
_doitstack_source() {
    local _doitstack_script=$1
    shift
    # shellcheck source=/dev/null
    source "$_doitstack_script" "$@"
}

_doitstack_dump() {
    local name
    for name in $(compgen -v); do
        case $name in
            _doitstack_* | _async_* | BASH* | FUNCNAME | LINENO | RANDOM | SRANDOM | SECONDS | EPOCH* | _ | REPLY | PIPESTATUS | SHLVL | name) continue ;;
        esac
        [[ ${!name@a} == *[aA]* ]] || printf '%s\0%s\0' "$name" "${!name-}"
    done >"/proc/self/fd/$_doitstack_variables"
}

# Where and what failed; kept by the ERR trap for the EXIT trap.
_doitstack_failed=()
_doitstack_on_error() {
    local code=$1 line=$2 command=$3 depth
    local stack=
    for ((depth = 1; depth < ${#FUNCNAME[@]}; depth++)); do
        [[ ${FUNCNAME[depth]} == _doitstack_* || ${FUNCNAME[depth]} == source ]] && continue
        stack+="${stack:+ < }${FUNCNAME[depth]}"
    done
    _doitstack_failed=("$code" "${BASH_SOURCE[1]:-}" "$line" "$command" "$stack")
    if [[ $BASHPID != "$_doitstack_session" ]]; then
        echo "${BASH_SOURCE[1]:-}:$line: '$command' ended with code $code${stack:+ (in $stack)}" >&2
    fi
}

_doitstack_on_exit() {
    local code=$1
    [[ $BASHPID == "$_doitstack_session" ]] || return 0
    { set +x; } 2>/dev/null
    if ((code)) && ((${#_doitstack_failed[@]})); then
        _doitstack_tell failed "${_doitstack_failed[@]}"
    else
        _doitstack_tell exited "$code" "${_doitstack_exit_place:-}"
    fi
}

# `exit` in a script is never a silent end: remember where it stands.
exit() {
    local code=${1:-$?}
    _doitstack_exit_place=${BASH_SOURCE[1]:-}:${BASH_LINENO[0]}
    builtin exit "$code"
}

trap '_doitstack_on_exit "$?"' EXIT
trap '_doitstack_on_error "$?" "$LINENO" "$BASH_COMMAND"' ERR
set -o errtrace

# shellcheck source=/dev/null
source "${BASH_SOURCE[0]%/*}/library.sh"

while IFS= read -r -d '' -u "$_doitstack_commands" _doitstack_command; do
    set -o errexit
    eval "$_doitstack_command"
    { set +o errexit +o xtrace; } 2>/dev/null
    _doitstack_dump
    _doitstack_tell "done"
done
trap - EXIT
