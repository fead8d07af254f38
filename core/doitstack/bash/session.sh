# The bash session of a run: reads commands of the main process and says how each ended.
#
# Arguments: the descriptors of commands, answers, messages and variables, the pid of the main process
# and the name of the run.

_doitstack_commands=$1
_doitstack_answers=$2
_doitstack_messages=$3
_doitstack_variables=$4
_doitstack_main=$5
_doitstack_run=$6
_doitstack_session=$BASHPID
_doitstack_home=${BASH_SOURCE[0]%/*}
set --

# As in stack.sh, whatever the user's own: services run as others, too.
umask 022

# Say something to the main process: one write of fields that end in NUL, with their number first.
# (A script may have a function `printf` or `read`.)
_doitstack_tell() {
    builtin printf '%s\0' "$#" "$@" >&"$_doitstack_messages"
}

# Ask the main process. Prints its answer and returns its code. (Names of ours: a script may have made
# any other one readonly.)
doitstack_request() {
    local - _doitstack_code _doitstack_out _doitstack_err
    set +x
    _doitstack_ask "$@"
    [[ -z $_doitstack_err ]] || printf '%s' "$_doitstack_err" >&2
    [[ -z $_doitstack_out ]] || printf '%s' "$_doitstack_out"
    return "$_doitstack_code"
}

# The same, with the answer in the caller's _doitstack_code, _doitstack_out and _doitstack_err.
_doitstack_ask() {
    if [[ $BASHPID == "$_doitstack_session" ]]; then
        _doitstack_tell request '' "$@"
        _doitstack_answer "$_doitstack_answers"
    else
        _doitstack_ask_alone "$@"
    fi
}

_doitstack_answer() {
    IFS= builtin read -r -d '' -u "$1" _doitstack_code || _doitstack_code=1
    IFS= builtin read -r -d '' -u "$1" _doitstack_out || _doitstack_out=
    IFS= builtin read -r -d '' -u "$1" _doitstack_err || _doitstack_err=
}

# A subshell gets its answer by a pipe of its own.
_doitstack_ask_alone() {
    local _doitstack_pipe=$DEST/async/.answer.$BASHPID _doitstack_descriptor
    mkfifo -m 0600 -- "$_doitstack_pipe"
    exec {_doitstack_descriptor}<>"$_doitstack_pipe"
    _doitstack_tell request "$_doitstack_pipe" "$@"
    _doitstack_answer "$_doitstack_descriptor"
    exec {_doitstack_descriptor}>&-
    rm -f -- "$_doitstack_pipe"
}

# A line for the user; the library leaves this one to us.
echo_summary() {
    local IFS=' '
    doitstack_request say "$*"
}

# Send what is traced by `set -x` to file $1.
_doitstack_trace_to() {
    local _doitstack_old=${_doitstack_trace:-}
    exec {_doitstack_trace}>>"$1"
    BASH_XTRACEFD=$_doitstack_trace
    [[ -z $_doitstack_old ]] || exec {_doitstack_old}>&-
}

# Source script $3 with the arguments behind it, inside a function as DevStack does, with the names
# that DevStack's own loop has there. What it traces goes to file $1. If $2 is set, a command that
# fails is told of, and the script goes on: DevStack's unstack.sh and clean.sh have no errexit.
# shellcheck disable=SC2034 # mode, phase, plugin and dir are for the script
_doitstack_source() {
    _doitstack_trace_to "$1"
    local _doitstack_goes_on=$2 _doitstack_script=$3
    shift 3
    local mode=${1-} phase=${2-} plugin='' dir=''
    if [[ $_doitstack_script == */devstack/* ]]; then
        dir=${_doitstack_script%/devstack/*}
        plugin=${dir##*/}
    fi
    [[ ! $_doitstack_goes_on ]] || set +o errexit +o errtrace
    # shellcheck source=/dev/null
    source "$_doitstack_script" "$@"
}

_doitstack_dump() {
    local - _doitstack_name IFS=$' \t\n'
    set +ufx
    for _doitstack_name in $(compgen -v); do
        case $_doitstack_name in
            _doitstack_* | _async_* | BASH* | SHELLOPTS | FUNCNAME | LINENO | RANDOM | SRANDOM | SECONDS) continue ;;
            EPOCH* | _ | REPLY | PIPESTATUS | SHLVL | IFS | OPTIND | OPTARG) continue ;;
        esac
        [[ ${!_doitstack_name@a} == *[aA]* ]] ||
            builtin printf '%s\0%s\0' "$_doitstack_name" "${!_doitstack_name-}"
    done >|"/proc/self/fd/$_doitstack_variables"
}

# Find where in the script the shell stands: file and line, the functions it is in, and the function
# of ours that was called there, in _doitstack_place, _doitstack_stack and _doitstack_ours. $1 is the
# line in the file of our caller's caller.
_doitstack_where() {
    local _doitstack_line=$1 _doitstack_depth
    _doitstack_place='' _doitstack_stack='' _doitstack_ours=''
    for ((_doitstack_depth = 2; _doitstack_depth < ${#FUNCNAME[@]}; _doitstack_depth++)); do
        [[ ${FUNCNAME[_doitstack_depth]} != _async_work ]] || break
        if [[ $_doitstack_place || ${BASH_SOURCE[_doitstack_depth]} != "$_doitstack_home"/* ]]; then
            : "${_doitstack_place:=${BASH_SOURCE[_doitstack_depth]}${_doitstack_line:+:$_doitstack_line}}"
            [[ ${FUNCNAME[_doitstack_depth]} == @(_doitstack_*|_async_*|source|main) ]] ||
                _doitstack_stack+="${_doitstack_stack:+ < }${FUNCNAME[_doitstack_depth]}"
        else
            _doitstack_ours=${FUNCNAME[_doitstack_depth]}
        fi
        _doitstack_line=${BASH_LINENO[_doitstack_depth]}
    done
}

# A command has failed: say which, and where, if that ends the session or nobody else would know.
_doitstack_on_error() {
    local -
    { set +x; } 2>/dev/null
    local _doitstack_place _doitstack_stack _doitstack_ours _doitstack_what=$3
    [[ $- == *e* || ${_doitstack_goes_on-} ]] || return 0
    _doitstack_where "$2"
    if [[ $- != *e* ]]; then
        # Of the script as a whole, its last command has been told. Bash does not know the name of a
        # function that has failed.
        [[ ${FUNCNAME[1]} == _doitstack_source ]] ||
            echo "WARNING: $_doitstack_place: what is there ended with code $1; going on" >&2
        return 0
    fi
    if [[ ${FUNCNAME[1]} == _doitstack_source ]]; then
        # Not a command, but the status of the script as a whole.
        _doitstack_what='' _doitstack_place=$_doitstack_script
    elif [[ $_doitstack_place && $_doitstack_ours ]]; then
        _doitstack_what=$_doitstack_ours
    fi
    if [[ $BASHPID == "$_doitstack_session" ]]; then
        _doitstack_end failed "$1" "$_doitstack_place" "$_doitstack_what" "$_doitstack_stack"
    elif [[ $_doitstack_place ]]; then
        echo "$_doitstack_place: '$_doitstack_what' ended with code $1${_doitstack_stack:+ (in $_doitstack_stack)}" >&2
    fi
}

# The session is about to end: tell why, once, and see to it that our own trap hears of it. Bash has
# words of its own about leaving `source` or `eval` in its midst, so it loses its voice; a script's own
# trap on EXIT gets it back.
_doitstack_end() {
    [[ ! $_doitstack_is_told ]] || return 0
    _doitstack_is_told=1
    _doitstack_tell "$@"
    _doitstack_keep_exit_trap
    trap '_doitstack_on_exit "$?"' EXIT
    exec {_doitstack_stderr}>&2 2>/dev/null
}

# `exit` in a script is never a silent end: tell where it stands.
exit() {
    local _doitstack_status=${1:-$?}
    { local -; set +x; } 2>/dev/null
    if [[ $BASHPID == "$_doitstack_session" ]]; then
        local _doitstack_place _doitstack_stack _doitstack_ours
        _doitstack_where "${BASH_LINENO[0]}"
        _doitstack_end exited "$_doitstack_status" "$_doitstack_place" "${_doitstack_last_words:-}" \
            "$_doitstack_stack"
    fi
    [[ ! $_doitstack_is_told || $BASHPID != "$_doitstack_session" ]] || exec 2>/dev/null
    builtin exit "$_doitstack_status"
}

_doitstack_on_exit() {
    { set +x; } 2>/dev/null
    [[ $BASHPID == "$_doitstack_session" ]] || return 0
    local _doitstack_place _doitstack_stack _doitstack_ours
    # In a trap on EXIT bash knows no line.
    _doitstack_where ''
    _doitstack_end ended "$1" "$_doitstack_place" "$_doitstack_stack"
    set +o errexit
    exec 2>&"$_doitstack_stderr"
    _doitstack_run_exit_trap "$1"
    exec 2>/dev/null
}

# A script's own trap on EXIT is for the end of the run.
_doitstack_keep_exit_trap() {
    local _doitstack_now
    _doitstack_now=$(trap -p EXIT)
    [[ $_doitstack_now == *_doitstack_on_exit* ]] || _doitstack_exit_trap=$_doitstack_now
}

_doitstack_run_exit_trap() {
    [[ $_doitstack_exit_trap ]] || return 0
    local _doitstack_words=$_doitstack_exit_trap _doitstack_status=$1
    _doitstack_exit_trap=
    eval "set -- ${_doitstack_words#trap -- }"
    _doitstack_succeed_or_not "$_doitstack_status"
    eval "$1"
}

_doitstack_succeed_or_not() {
    return "$1"
}

# Make errors end the step and be told, whatever the last script has done to the shell.
_doitstack_arm() {
    trap '_doitstack_on_exit "$?"' EXIT
    trap '_doitstack_on_error "$?" "$LINENO" "$BASH_COMMAND"' ERR
    set -o errtrace -o errexit
}

_doitstack_disarm() {
    { set +o errexit +o xtrace +o verbose; } 2>/dev/null
    _doitstack_keep_exit_trap
    trap - ERR EXIT
}

_doitstack_exit_trap=
_doitstack_is_told=
while IFS= builtin read -r -d '' -u "$_doitstack_commands" _doitstack_command; do
    _doitstack_arm
    if [[ $_doitstack_command == '_doitstack_source '* ]]; then
        # Not below `eval`: see _doitstack_end.
        eval "_doitstack_words=($_doitstack_command)"
        "${_doitstack_words[@]}"
    else
        eval "$_doitstack_command"
    fi
    _doitstack_disarm
    _doitstack_dump
    _doitstack_tell "done"
done
_doitstack_run_exit_trap 0
