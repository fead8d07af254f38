# Futures for bash, with the names and the output of DevStack's own.
#
# Outside of a session, these functions do everything themselves. In a session, the main process also
# knows Python futures, so it is notified of each start and does the waiting. Starting a future takes one
# fork and no external program.

declare -gA _async_pids _async_commands  # of futures that were started here and are not collected
declare -ga _async_secret_names  # of variables
declare -ga _doitstack_secrets  # values that are never shown
declare -gA _async_shown  # calls and arguments that were shown after a look for secrets
declare -g _async_must_look=''  # whether a future was started without a look for secrets
declare -gi _ASYNC_BG_TIME=${_ASYNC_BG_TIME:-0}  # ms

async_init() {
    _async_in_session && return 0
    _async_directory
    rm -rf -- "$REPLY"
    mkdir -p -- "$REPLY"
    chmod 0700 -- "$REPLY"
    _async_pids=()
}

# async_run [--lock LOCK] [--timeout SECONDS] NAME COMMAND...: futures with the same lock run one at a time;
# one that runs for longer than SECONDS is stopped with everything that it has started, and has failed.
# (The name of a future cannot begin with a dash.)
async_run() {
    local _async_lock='' _async_timeout='' _async_start_gate='' _async_text
    while [[ ${1-} == --@(lock|timeout) && $# -gt 1 ]]; do
        [[ $1 == --lock ]] && _async_lock=$2 || _async_timeout=$2
        shift 2
    done
    _async_declare "$@" || return
    if [[ ${DEVSTACK_PARALLEL:-True} == [Ff]alse ]]; then
        _async_in_place "$@"
    else
        _async_fork "$@"
    fi
}

async_runfunc() {
    async_run "$1" "$@"
}

async_wait() {
    local -
    set +x
    if _async_in_session; then
        # The main process shows what the futures have printed.
        [[ ! $_async_must_look ]] || _async_learn_secrets
        doitstack_request async_wait "$@"
        return
    fi
    local name rc=0 collected=() IFS=' '
    for name in "$@"; do
        _async_collect "$name" || rc=$?
        if ((rc)); then
            echo "Stopping async wait due to error: $*"
            break
        fi
    done
    ((${#collected[@]} == 0)) || rm -f -- "${collected[@]}"
    return "$rc"
}

async_cleanup() {
    local -
    set +x
    if _async_in_session; then
        doitstack_request async_cleanup
        return
    fi
    local inifile name
    _async_directory
    local -A names
    for inifile in "$REPLY"/*.ini; do
        name=${inifile##*/}
        [[ ! -e $inifile ]] || names[${name%.ini}]=
    done
    for name in "${!_async_pids[@]}"; do
        names[$name]=
    done
    for name in "${!names[@]}"; do
        echo "WARNING: uncollected async future $name"
        async_wait "$name" || true
    done
}

async_pidof() {
    local -
    set +x
    local pid=
    _async_get "$1" pid && pid=$REPLY
    echo "${pid:-UNKNOWN}"
    [[ $pid ]]
}

# Print a message about a future; %command in it becomes the future's command.
async_log() {
    local -
    set +x
    local name=$1 pid=UNKNOWN command=
    shift
    _async_get "$name" pid && pid=$REPLY
    _async_get "$name" command && command=$REPLY
    local IFS=' '
    local message=$*
    _async_say "$name" "$pid" "${message//%command/"$command"}"
}

async_print_timing() {
    local -
    set +x
    _async_in_session && return 0
    [[ ${DEVSTACK_PARALLEL:-True} == [Ff]alse ]] && return 0
    local -i background elapsed serial
    background=$(((_ASYNC_BG_TIME - ${_TIME_TOTAL[async_wait]:-0}) / 1000))
    elapsed=$((EPOCHSECONDS - _TIME_BEGIN))
    serial=$((elapsed + background))
    local speedup=$((elapsed ? serial * 100 / elapsed : 100))
    builtin printf '\n%s\n' '=================' ' Async summary' '================='
    echo " Time spent in the background minus waits: $background sec"
    echo " Elapsed time: $elapsed sec"
    echo " Time if we did everything serially: $serial sec"
    builtin printf ' Speedup:  %d.%02d\n' $((speedup / 100)) $((speedup % 100))
}

# -- the functions below return text in REPLY: a subshell would cost a fork -----------------------

_async_in_session() {
    [[ -n ${_doitstack_messages:-} ]]
}

_async_directory() {
    REPLY=${DEST:?set DEST to a directory of your own}/async
}

# Return milliseconds since the epoch.
_async_now() {
    REPLY=${EPOCHREALTIME/[.,]/}
    REPLY=${REPLY%???}
}

# Return when process $1 started, in clock ticks since boot (field 22 of /proc/PID/stat).
_async_start_time() {
    local stat IFS=' '
    # To remove the longest prefix of the line takes five times as long.
    builtin mapfile -d ')' -t stat <"/proc/$1/stat"
    # shellcheck disable=SC2086 # the fields after the process name
    set -- ${stat[-1]}
    REPLY=${20}
}

# How the names of secrets end, and values of such names that are none; Python reads these, too.
{
    builtin read -r _async_secret_endings
    builtin read -r _async_harmless_words
} <"${_DOITSTACK_LIBRARY:-${BASH_SOURCE[0]%/*}}/../config/secret_words"

# The last three letters of the names: bash filters all names by them in a fifth of the time.
_async_last_letters='*[OSARKosark][RWSELrwsel][DESTNYdestny]'

# Look for secrets before these arguments are shown. A look takes half as long as a future, so there is none for
# arguments that are too short for a secret (see _async_learn_secret), or that the same lines have shown before: a
# loop. From another line, they may have become a secret.
_async_look_for_secrets_in() {
    local IFS=' ' _async_words _async_call
    _async_words=$*
    _async_call="${BASH_LINENO[*]} $_async_words"
    if [[ $BASHPID == "${_doitstack_session-}" && (${#_async_words} -lt 5 ||
        (${#_async_words} -lt 12 && $_async_words != *[!0-9]*) || ${_async_shown["$_async_call"]-}) ]]; then
        _async_must_look=yes
        return
    fi
    _async_learn_secrets
    _async_shown["$_async_call"]=yes
}

# Hide the secrets that the script has set since its start, and tell the main process, which knows the others.
_async_learn_secrets() {
    local _async_variable _async_variables
    _async_must_look=''
    _async_list_variables
    # To find out which names are those of secrets takes as long as the list.
    [[ ${_async_variables[*]} == "${_async_last_variables-}" ]] || _async_find_secret_names
    for _async_variable in "${_async_secret_names[@]}"; do
        _async_learn_secret "${!_async_variable-}"
    done
}

_async_find_secret_names() {
    _async_last_variables=${_async_variables[*]}
    _async_secret_names=()
    for _async_variable in "${_async_variables[@]}"; do
        [[ ${_async_variable^^} != *@($_async_secret_endings) ]] || _async_secret_names+=("$_async_variable")
    done
}

# Set _async_variables to the names that may be those of secrets. Bash filters: a loop over all names of a
# session takes ten times as long. The session has a file of its own for such lists, others need a fork.
_async_list_variables() {
    local IFS=$' \t\n'
    if [[ ${_doitstack_session-} == "$BASHPID" && -f /dev/fd/${_doitstack_variables-} ]]; then
        builtin compgen -v -X "!$_async_last_letters" >|"/proc/self/fd/$_doitstack_variables" || true
        builtin mapfile -t _async_variables <"/proc/self/fd/$_doitstack_variables"
    else
        # shellcheck disable=SC2207 # names
        _async_variables=($(builtin compgen -v -X "!$_async_last_letters"))
    fi
}

_async_learn_secret() {
    local _async_secret
    for _async_secret in "${_doitstack_secrets[@]}"; do
        [[ $_async_secret != "$1" ]] || return 0
    done
    [[ ${#1} -ge 5 && ${1,,} != @(/*|$_async_harmless_words) ]] || return 0
    [[ $1 == *[!0-9]* || ${#1} -ge 12 ]] || return 0
    # The name of a service or plugin hides nothing, and would make stars of all lines about it.
    local _async_names=${ENABLED_SERVICES-},${DEVSTACK_PLUGINS-}
    [[ ,${_async_names,,}, != *",${1,,},"* ]] || return 0
    _doitstack_secrets+=("$1")
    ! _async_in_session || _doitstack_send secret "$1"
}

# Return the words as one text, with stars for the secrets in it.
_async_redact() {
    local _async_secret IFS=' '
    REPLY=$*
    for _async_secret in "${_doitstack_secrets[@]}"; do
        REPLY=${REPLY//"$_async_secret"/'***'}
    done
}

# Set _async_text, a local variable of the caller, to the command as it is shown: to make it takes time.
_async_set_text() {
    _async_command "$@"
    _async_text=$REPLY
}

# Return a command as one line to show to users, without secrets.
_async_command() {
    [[ ${1-} != _async_@(eval|separately) ]] || shift
    _async_redact "$@"
    [[ $REPLY != *[[:cntrl:]]* ]] || builtin printf -v REPLY '%q' "$REPLY"
}

# Return key $2 of the file of future $1.
_async_get() {
    local line lines inifile
    _async_directory
    inifile=$REPLY/$1.ini
    REPLY=
    [[ -f $inifile ]] || return 1
    builtin mapfile -t lines <"$inifile"
    for line in "${lines[@]}"; do
        if [[ $line == "$2 = "* ]]; then
            REPLY=${line#"$2 = "}
            return 0
        fi
    done
    return 1
}

_async_is_name() {
    # Bash compiles a regular expression each time, which takes three times as long.
    [[ $1 == [A-Za-z0-9]* && $1 != *[!A-Za-z0-9._-]* ]]
}

_async_say() {
    builtin printf '[Async %s:%s]: %s\n' "$@"
}

# Reserve the name of the future, or report why it cannot be used.
_async_declare() {
    local -
    set +x
    if [[ ${1-} == -* ]]; then
        echo "async_run: there is no option '$1'; there are --lock LOCK and --timeout SECONDS" >&2
        return 1
    fi
    if ! _async_is_name "${1-}"; then
        echo "async_run: bad name for a future: '${1-}'; use letters, digits, '.', '_' and '-'" >&2
        return 1
    fi
    if (($# < 2)); then
        echo "async_run: the future $1 has no command" >&2
        return 1
    fi
    if [[ $_async_lock ]] && ! _async_is_name "$_async_lock"; then
        echo "async_run: bad name for a lock: '$_async_lock'; use letters, digits, '.', '_' and '-'" >&2
        return 1
    fi
    if [[ ${_async_timeout-} ]] && ! _async_in_session; then
        echo "async_run: --timeout is for runs of doit" >&2
        return 1
    fi
    if [[ ${_async_timeout-} && ! $_async_timeout =~ ^[0-9]+(\.[0-9]+)?$ ]]; then
        echo "async_run: bad timeout: '$_async_timeout'; use a number of seconds" >&2
        return 1
    fi
    if _async_in_session; then
        local _doitstack_code _doitstack_out _doitstack_err
        # A function's name alone holds no secret, but it may print one.
        if (($# < 3)); then _async_must_look=yes; else _async_look_for_secrets_in "${@:3}"; fi
        _async_set_text "${@:2}"
        _doitstack_ask async_declare "$1" "$_async_text" "$_async_lock" "${_async_timeout-}"
        [[ ! $_doitstack_err ]] || builtin printf '%s' "$_doitstack_err" >&2
        _async_start_gate=$_doitstack_out
        return "$_doitstack_code"
    fi
    _async_directory
    if [[ -e $REPLY/$1.ini || -n ${_async_pids[$1]:-} ]]; then
        echo "async_run: future $1 is already started and not collected; use another name" >&2
        return 1
    fi
    _async_set_text "${@:2}"
}

# Start a future of a Python plugin. Arguments: its name, its start gate or '', its command.
_async_planned() {
    local _async_start_gate=$2 _async_lock='' _async_text
    _async_set_text _async_eval "$3"
    _async_fork "$1" _async_eval "$3"
}

_async_fork() {
    local - traced=$-
    set +x
    local name=$1 pid
    # A future has its own process group, so that it can be stopped as a whole.
    set -m
    _async_child "$traced" "$@" &
    pid=$!
    _async_now
    if _async_in_session; then
        _doitstack_send async_started "$name" "$pid" "$REPLY" "$_async_text"
    else
        _async_pids[$name]=$pid
        _async_commands[$name]=$_async_text
    fi
    _async_say "$name" "$pid" "running: $_async_text"
}

# The process of a future: run $3... with the caller's shell options $1, and write the exit code to disk
# before the process ends, because bash remembers the codes of only some children.
_async_child() {
    local traced=$1 name=$2
    shift 2
    set +m
    # The name by which processes of this shell without a program of their own are found: see tree.py.
    builtin printf 'future-%s' "$BASHPID" >|"/proc/$BASHPID/comm"
    _async_open "$name" "$BASHPID"
    # Do not start if the main process was killed, or the session was stopped, before either could know
    # of this future.
    [[ -z ${_doitstack_main:-} || (-d /proc/$_doitstack_main && -d /proc/${_doitstack_session:-}) ]] ||
        builtin exit 1
    _async_process=$BASHPID
    export DOITSTACK_FUTURE=${_doitstack_run:-shell}:$name
    trap '_async_close "$?"' EXIT
    trap 'builtin exit 143' TERM
    [[ -z ${_async_start_gate-} ]] || _async_wait_at "$_async_start_gate"
    [[ -z ${_async_lock-} ]] || _async_in_session || _async_hold "$_async_lock"
    if _async_in_session; then
        exec </dev/null >>"$_async_log" 2>&1
        _async_work "$traced" "$@"
    else
        # In a separate process, so that a daemon of it does not keep the shell's output open.
        (trap - EXIT; _async_let_go; _async_work "$traced" "$@") </dev/null >>"$_async_log" 2>&1
    fi
    builtin exit
}

# Run a command of a Python plugin. Not inside `eval`, because bash 5.2 prints an extra message there if
# errexit ends the shell.
_async_eval() {
    eval "_async_command_of_plan() { $1"$'\n'"}"
    _async_command_of_plan
}

_async_work() {
    local traced=$1
    shift
    set -e
    [[ $traced == *x* ]] && set -x
    "$@"
    # If async_run itself is part of a condition, errexit has no effect here either.
    local _async_code=$?
    { set +x; } 2>/dev/null
    builtin exit "$_async_code"
}

# Write the file of future $1, which runs in process $2, and create its log.
_async_open() {
    local name=$1 pid=$2 lines started start_time
    # The second line, since Linux 4.7, is "Umask:" and the mask; `umask` would take a fork to read.
    builtin mapfile -t -n 2 lines <"/proc/$BASHPID/status"
    local mask=022
    [[ ${lines[1]-} != Umask:* ]] || mask=${lines[1]#Umask:}
    _async_start_time "$BASHPID"
    started=$REPLY
    _async_now
    start_time=$REPLY
    _async_directory
    _async_inifile=$REPLY/$name.ini
    _async_log=$REPLY/$name.log
    _async_name=$name
    umask 077
    builtin printf '%s\n' '[job]' "command = $_async_text" "pid = $pid" "start_time = $start_time" \
        "pid_start_time = $started" >"$_async_inifile"
    [[ $pid == self ]] || : >|"$_async_log"
    umask "${mask//[[:space:]]/}"
}

# Record that the future ended with code $1.
_async_close() {
    trap - EXIT
    { set +x; } 2>/dev/null
    local rc=$1
    _async_now
    builtin printf 'end_time = %s\nrc = %s\n' "$REPLY" "$rc" >>"$_async_inifile"
    exec 2>/dev/null
    _async_in_session && return 0
    local message='finished successfully'
    ((rc == 0)) || message="FAILED with rc $rc"
    _async_say "$_async_name" "$BASHPID" "$message"
}

# Wait until the main process opens the start gate: there is a slot and the lock is free.
_async_wait_at() {
    IFS= builtin read -r _ <"$1"
    _async_now
    echo "start_time = $REPLY" >>"$_async_inifile"
}

# Outside of a session, a lock is a file lock. It is released when every process that has the file open has
# ended, so nothing that the future starts may inherit it.
_async_hold() {
    _async_directory
    exec {_async_holds}>>"$REPLY/.$1.lock"
    flock "$_async_holds"
}

_async_let_go() {
    [[ -z ${_async_holds-} ]] || exec {_async_holds}>&-
}

# Run a command of a Python plugin with DEVSTACK_PARALLEL=False: in a separate process, so that it may fail
# without ending the session.
_async_separately() {
    _async_work - _async_eval "$1" &
    wait "$!"
}

# With DEVSTACK_PARALLEL=False: run the command in the foreground.
_async_in_place() {
    local _async_inifile _async_log _async_name _async_rc=0 _async_text
    _async_set_text "${@:2}"
    if _async_in_session; then
        _async_now
        _doitstack_send async_started "$1" 0 "$REPLY" "$*"
    fi
    _async_open "$1" self
    _async_say "$1" self "Running synchronously: $_async_text"
    _async_in_session || _async_pids[$1]=self
    "${@:2}"
    _async_rc=$?
    _async_now
    builtin printf 'end_time = %s\nrc = %s\n' "$REPLY" "$_async_rc" >>"$_async_inifile"
    if _async_in_session; then
        _doitstack_send async_ended "$1" "$_async_rc"
    fi
    return "$_async_rc"
}

# Wait for future $1, print its log, and return its code. Adds its file to `collected`.
_async_collect() {
    local name=$1 pid=${_async_pids[$1]:-} command start_time end_time rc
    local -i waited
    _async_directory
    local directory=$REPLY
    if [[ -z $pid ]]; then
        if [[ ! -e $directory/$name.ini ]]; then
            echo "Not waiting for async task $name that we never started or" \
                "has already been waited for"
            return 0
        fi
        _async_get "$name" pid || true
        pid=$REPLY
    fi
    local others=$((${#_async_pids[@]} - 1))
    _async_now
    waited=-$REPLY
    if [[ $pid != self ]]; then
        command=${_async_commands[$name]:-$name}
        _async_say "$name" "$pid" "Waiting for completion of $command ($others other jobs running)"
        _async_await "$pid"
        _async_print "$directory/$name.log"
    fi
    _async_now
    waited+=$REPLY
    _async_get "$name" command && command=$REPLY || command=$name
    _async_get "$name" rc && rc=$REPLY || rc=137
    _async_get "$name" start_time && start_time=$REPLY || start_time=0
    _async_get "$name" end_time && end_time=$REPLY || end_time=$start_time
    _TIME_TOTAL[async_wait]=$((${_TIME_TOTAL[async_wait]:-0} + waited))
    _ASYNC_BG_TIME+=$((end_time - start_time))
    _async_say "$name" "$pid" \
        "finished $command with result $rc in $(((end_time - start_time) / 1000)) seconds"
    unset "_async_pids[$name]" "_async_commands[$name]"
    collected+=("$directory/$name.ini")
    return "$rc"
}

# Print file $1: a short one without another process, a long one in constant memory.
_async_print() {
    [[ -s $1 ]] || return 0
    local text
    if IFS= builtin read -r -d '' -n 65536 text <"$1"; then
        cat -- "$1"
    else
        builtin printf '%s' "$text"
    fi
}

# Wait until process $1 has ended, even if it is not a child of this shell.
_async_await() {
    wait "$1" 2>/dev/null || true
    [[ ! -d /proc/$1 ]] || tail --pid="$1" -f /dev/null
}
