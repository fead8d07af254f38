# The bash session of a run: reads commands from the main process and reports how each ended.
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

# This is not for the programs of scripts: see bash_process.py.
[[ ${GLIBC_TUNABLES-} != glibc.malloc.tcache_count=0 ]] || unset GLIBC_TUNABLES

# As in stack.sh, and regardless of the user's umask, since services may run as other users.
umask 022

# Bash says where a function calls itself without end. Without a limit it takes quadratic time until it crashes.
: "${FUNCNEST:=1000}"

# Send a message to the main process: the number of fields, then the fields; each ends in NUL. It is one
# write, as others may write at the same time: bash writes each line by itself, so line ends are escaped,
# and the kernel splits what is longer than a page, so that goes through a file.
# (`builtin`, because a script may define a function `printf` or `read`.)
_doitstack_backslash=\\\\ _doitstack_line_end='\n' _doitstack_sent=0
_doitstack_send() {
    local _doitstack_text
    # If a script has closed or replaced the pipe, nobody would ever answer.
    [[ -p /dev/fd/$_doitstack_messages ]] || builtin exit 70
    builtin printf -v _doitstack_text '%s ' "$@"
    # A character may have four bytes.
    if [[ $_doitstack_text == *[$'\\\n']* || ${#_doitstack_text} -gt 1000 ]]; then
        _doitstack_send_escaped "$@"
    else
        builtin printf '%s\0' "doitstack $#" "$@" >&"$_doitstack_messages"
    fi
}

_doitstack_send_escaped() {
    local _doitstack_parts=("${@//\\/"$_doitstack_backslash"}") _doitstack_text _doitstack_long
    _doitstack_parts=("${_doitstack_parts[@]//$'\n'/"$_doitstack_line_end"}")
    builtin printf -v _doitstack_text '%s ' "${_doitstack_parts[@]}"
    if ((${#_doitstack_text} > 1000)); then
        _doitstack_long=$DEST/async/.message.$BASHPID.$((++_doitstack_sent))
        builtin printf '%s\0' "doitstack $#" "${_doitstack_parts[@]}" >|"$_doitstack_long"
        _doitstack_parts=(file "$_doitstack_long")
    fi
    builtin printf '%s\0' "doitstack ${#_doitstack_parts[@]}" "${_doitstack_parts[@]}" >&"$_doitstack_messages"
}

# Send a request to the main process, print its answer and return its code. (The variables have our prefix,
# because a script may have made any other name readonly.)
doitstack_request() {
    local - _doitstack_code _doitstack_out _doitstack_err
    set +x
    _doitstack_ask "$@"
    [[ -z $_doitstack_err ]] || builtin printf '%s' "$_doitstack_err" >&2
    [[ -z $_doitstack_out ]] || builtin printf '%s' "$_doitstack_out"
    return "$_doitstack_code"
}

# The same, but return the answer in the caller's _doitstack_code, _doitstack_out and _doitstack_err.
_doitstack_ask() {
    if [[ $BASHPID == "$_doitstack_session" ]]; then
        _doitstack_send request '' "$@"
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

# A subshell receives its answer through its own pipe.
_doitstack_ask_alone() {
    local _doitstack_pipe=$DEST/async/.answer.$BASHPID _doitstack_descriptor
    mkfifo -m 0600 -- "$_doitstack_pipe"
    exec {_doitstack_descriptor}<>"$_doitstack_pipe"
    _doitstack_send request "$_doitstack_pipe" "$@"
    _doitstack_answer "$_doitstack_descriptor"
    exec {_doitstack_descriptor}>&-
    rm -f -- "$_doitstack_pipe"
}

# Print a line for the user. The library does not redefine it in a session.
echo_summary() {
    local - REPLY
    set +x
    _async_learn_secrets
    _async_redact "$@"
    doitstack_request say "$REPLY"
}

# Write the traces of `set -x` to file $1.
_doitstack_trace_to() {
    local _doitstack_old=${_doitstack_trace:-}
    # Without a file for it, as on a full disk, there is no trace, and the script runs.
    { exec {_doitstack_trace}>>"$1"; } 2>/dev/null || exec {_doitstack_trace}>>/dev/null
    BASH_XTRACEFD=$_doitstack_trace
    [[ -z $_doitstack_old ]] || exec {_doitstack_old}>&-
}

# Source a script, with the arguments of _doitstack_source, below a function of a file with the name of
# DevStack's program.
_doitstack_run_script() {
    local _doitstack_program=stack
    [[ ! $2 ]] || _doitstack_program=unstack
    [[ ! $2 || ${4-} != clean ]] || _doitstack_program=clean
    # shellcheck source=/dev/null
    declare -F "_doitstack_in_$_doitstack_program" >/dev/null ||
        builtin source "$_doitstack_home/$_doitstack_program.sh"
    "_doitstack_in_$_doitstack_program" "$@"
}

# DevStack's run_phase is between stack.sh and the function that sources a script, so `caller 2` is stack.sh.
_doitstack_run_phase() {
    _doitstack_source "$@"
}

# Source script $3 with the remaining arguments, inside a function as in DevStack, with the variables of
# DevStack's own loop. Traces go to file $1. If $2 is set, a failing command is reported and the script
# continues, since DevStack's unstack.sh and clean.sh have no errexit.
# shellcheck disable=SC2034 # the script uses mode, phase, plugin and dir
_doitstack_source() {
    _doitstack_trace_to "$1"
    local _doitstack_continues=$2 _doitstack_script=$3
    shift 3
    local mode=${1-} phase=${2-} plugin='' dir=''
    if [[ $_doitstack_script == */devstack/* ]]; then
        dir=${_doitstack_script%/devstack/*}
        plugin=${dir##*/}
    fi
    [[ ! $_doitstack_continues ]] || set +o errexit +o errtrace
    # shellcheck source=/dev/null
    builtin source "$_doitstack_script" "$@"
}

# Write the names of all variables, their attributes and their values, each list in the same order. A few
# commands take less than half of the time of a loop, but one for all would take memory that each fork copies.
# shellcheck disable=SC2016 # expanded by eval
_doitstack_dump() {
    local - IFS=$' \t\n' _doitstack_names
    set +ufx
    [[ -f /dev/fd/$_doitstack_variables ]] || builtin exit 70
    builtin compgen -v >|"/proc/self/fd/$_doitstack_variables"
    builtin mapfile -t _doitstack_names <"/proc/self/fd/$_doitstack_variables"
    {
        builtin printf '%s\0' "${_doitstack_names[@]}"
        _doitstack_expand ' "${%s@a}"'
        _doitstack_expand ' "${%s-}"'
    } >|"/proc/self/fd/$_doitstack_variables"
}

# Print what $1, with each name in the place of %s, expands to.
# shellcheck disable=SC2059 # a format
_doitstack_expand() {
    local _doitstack_first _doitstack_words
    for ((_doitstack_first = 0; _doitstack_first < ${#_doitstack_names[@]}; _doitstack_first += 200)); do
        builtin printf -v _doitstack_words "$1" "${_doitstack_names[@]:_doitstack_first:200}"
        builtin eval "builtin printf '%s\\0'$_doitstack_words"
    done
}

# Find the current position in the script. Sets _doitstack_place (file and line), _doitstack_stack (the
# script's functions) and _doitstack_ours (the library function that was called there). $1 is the line in
# the file of our caller's caller.
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

# Return the line at $1, FILE:LINE, in REPLY; nothing if there is none.
_doitstack_line_at() {
    local _doitstack_lines=() _doitstack_number=${1##*:}
    REPLY=
    [[ $_doitstack_number =~ ^[1-9][0-9]*$ && -r ${1%:*} ]] || return 0
    builtin mapfile -t -s "$((_doitstack_number - 1))" -n 1 _doitstack_lines <"${1%:*}"
    [[ ! ${_doitstack_lines[0]-} =~ ^[[:space:]]*(.*[^[:space:]]) ]] || REPLY=${BASH_REMATCH[1]}
}

# Bash calls this, in a subshell, for a command that does not exist. Report the line of the script, even if
# a function of ours runs the command.
command_not_found_handle() {
    { local -; set +x; } 2>/dev/null
    local _doitstack_line=${BASH_LINENO[0]} _doitstack_depth _doitstack_place='' REPLY="$1: command not found"
    for ((_doitstack_depth = 1; _doitstack_depth < ${#FUNCNAME[@]}; _doitstack_depth++)); do
        if [[ ${BASH_SOURCE[_doitstack_depth]} != "$_doitstack_home"/* ]]; then
            _doitstack_place=${BASH_SOURCE[_doitstack_depth]}:$_doitstack_line
            break
        fi
        _doitstack_line=${BASH_LINENO[_doitstack_depth]}
    done
    ! declare -F _why_not_found >/dev/null || _why_not_found "$1"
    echo "${_doitstack_place:+$_doitstack_place: }$REPLY" >&2
    return 127
}

# A command failed: report which and where, if this ends the session or would otherwise go unnoticed.
_doitstack_on_error() {
    local -
    { set +x; } 2>/dev/null
    local _doitstack_place _doitstack_stack _doitstack_ours _doitstack_what=$3 REPLY
    [[ $- == *e* || ${_doitstack_continues-} ]] || return 0
    _doitstack_where "$2"
    if [[ $- != *e* ]]; then
        # If the script as a whole failed, its last command has already been reported. The command is not
        # named, since bash does not know the name of a failed function here.
        [[ ${FUNCNAME[1]} == _doitstack_source ]] ||
            echo "WARNING: $_doitstack_place: this command ended with code $1; continuing" >&2
        return 0
    fi
    if [[ ${FUNCNAME[1]} == _doitstack_source ]]; then
        # The status of the script as a whole, not of one command.
        _doitstack_what='' _doitstack_place=$_doitstack_script
    elif [[ $_doitstack_place && $_doitstack_ours ]]; then
        _doitstack_what=$_doitstack_ours
    elif [[ $_doitstack_what == return* ]]; then
        # Of a function that has returned, bash only knows how.
        _doitstack_line_at "$_doitstack_place"
        _doitstack_what=${REPLY:-$_doitstack_what}
    fi
    if [[ $BASHPID == "$_doitstack_session" ]]; then
        _doitstack_end failed "$1" "$_doitstack_place" "$_doitstack_what" "$_doitstack_stack"
    elif [[ $_doitstack_place ]]; then
        echo "$_doitstack_place: '$_doitstack_what' ended with code $1${_doitstack_stack:+ (in $_doitstack_stack)}" >&2
    fi
}

# The session is about to end: report the reason once, and make sure that our EXIT trap runs. Bash prints
# its own message when `source` or `eval` is left early, so stderr is closed here; a script's EXIT trap
# gets it back.
_doitstack_end() {
    [[ ! $_doitstack_is_reported ]] || return 0
    _doitstack_is_reported=1
    ! declare -F _async_learn_secrets >/dev/null || _async_learn_secrets
    _doitstack_send "$@"
    _doitstack_keep_exit_trap
    trap '_doitstack_on_exit "$?"' EXIT
    exec {_doitstack_stderr}>&2 2>/dev/null
}

# Replace `exit`, so that a script never ends the session or a future silently: report where it was called.
exit() {
    local _doitstack_status=${1:-$?}
    [[ $_doitstack_status =~ ^-?[0-9]+$ ]] || _doitstack_status=2
    { local -; set +x; } 2>/dev/null
    local _doitstack_place _doitstack_stack _doitstack_ours
    if [[ $BASHPID == "$_doitstack_session" ]]; then
        _doitstack_where "${BASH_LINENO[0]}"
        _doitstack_end exited "$_doitstack_status" "$_doitstack_place" "${_doitstack_exit_message:-}" \
            "$_doitstack_stack"
    elif [[ $BASHPID == "${_async_process-}" && $_doitstack_status != 0 && ! ${_doitstack_exit_message-} ]]; then
        _doitstack_where "${BASH_LINENO[0]}"
        [[ ! $_doitstack_place ]] ||
            echo "$_doitstack_place: exit $_doitstack_status${_doitstack_stack:+ (in $_doitstack_stack)}" >&2
    fi
    [[ ! $_doitstack_is_reported || $BASHPID != "$_doitstack_session" ]] || exec 2>/dev/null
    builtin exit "$_doitstack_status"
}

_doitstack_on_exit() {
    { set +x; } 2>/dev/null
    [[ $BASHPID == "$_doitstack_session" ]] || return 0
    local _doitstack_place _doitstack_stack _doitstack_ours
    # In an EXIT trap, bash does not know the line.
    _doitstack_where ''
    _doitstack_end ended "$1" "$_doitstack_place" "$_doitstack_stack"
    set +o errexit
    exec 2>&"$_doitstack_stderr"
    _doitstack_run_exit_trap "$1"
    exec 2>/dev/null
}

# A script's own EXIT trap runs at the end of the run.
_doitstack_keep_exit_trap() {
    local _doitstack_now
    _doitstack_now=$(trap -p EXIT)
    [[ $_doitstack_now == *_doitstack_on_exit* ]] || _doitstack_exit_trap=$_doitstack_now
}

_doitstack_run_exit_trap() {
    [[ $_doitstack_exit_trap ]] || return 0
    local _doitstack_fields=$_doitstack_exit_trap _doitstack_status=$1
    _doitstack_exit_trap=
    eval "set -- ${_doitstack_fields#trap -- }"
    _doitstack_succeed_or_not "$_doitstack_status"
    eval "$1"
}

_doitstack_succeed_or_not() {
    return "$1"
}

# Make errors end the step and report them, whatever the last script has changed in the shell.
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
_doitstack_is_reported=
_doitstack_number=0
while IFS= builtin read -r -d '' -u "$_doitstack_commands" _doitstack_command; do
    # The mark of the programs of this command; the main process counts them, too.
    export DOITSTACK_FUTURE="$_doitstack_run:(command $((++_doitstack_number)))"
    _doitstack_arm
    if [[ $_doitstack_command == '_doitstack_run_script '* ]]; then
        # Not inside `eval`: see _doitstack_end.
        eval "_doitstack_fields=($_doitstack_command)"
        "${_doitstack_fields[@]}"
    else
        eval "$_doitstack_command"
    fi
    _doitstack_disarm
    _doitstack_dump
    _doitstack_send "done"
done
_doitstack_run_exit_trap 0
