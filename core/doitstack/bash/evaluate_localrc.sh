# Evaluate a localrc ($1) and print the variables that it sets: records of four NUL-terminated fields.
# config/local_conf.py runs this in a separate bash, so that a user's mistake ends only this process.

# shellcheck disable=SC2329 # these functions are for the user's file

# If there is a syntax error, print only bash's message.
bash -n "$1" || exit 2

_doitstack_file=$1
set --

# As in session.sh.
: "${FUNCNEST:=1000}"

for _doitstack_part in "${BASH_SOURCE[0]%/*}"/library/*.sh; do
    # In DevStack, functions are loaded before localrc, and defaults are set later.
    # shellcheck source=/dev/null
    [[ $_doitstack_part == */defaults.sh ]] || source "$_doitstack_part" || exit 2
done

# Report a mistake with the current line of the user's file, and exit.
_doitstack_mistake() {
    local -i depth=0
    until [[ ${BASH_SOURCE[depth]} == "$_doitstack_file" ]]; do
        depth+=1
    done
    printf '%s\0' mistake "${BASH_LINENO[depth - 1]}" "$1" '' >&"$_doitstack_out"
    # This may be a subshell.
    kill -USR1 "$$"
    builtin exit 1
}
trap 'builtin exit 1' USR1

command_not_found_handle() {
    [[ ${BASH_SOURCE[1]} != "$_doitstack_file" ]] || _doitstack_mistake "$1: command not found"
    echo "$1: command not found" >&2
    return 127
}

exit() {
    local status=${1:-$?}
    if [[ $BASHPID == "$$" ]]; then
        _doitstack_mistake "${_doitstack_exit_message:-exit $status: everything below would be ignored}"
    fi
    builtin exit "$status"
}

eval "_doitstack_$(declare -f enable_plugin)"

enable_plugin() {
    (($# >= 2)) || _doitstack_mistake "enable_plugin needs a name and a URL"
    [[ $1 =~ ^[A-Za-z0-9][A-Za-z0-9._-]*$ ]] || _doitstack_mistake \
        "enable_plugin: bad name for a plugin: '$1'; use letters, digits, '.', '_' and '-'"
    ! is_plugin_enabled "$1" || _doitstack_mistake "plugin $1 is enabled twice"
    _doitstack_enable_plugin "$@"
    printf '%s\0' plugin "$1" "$2" "${3:-}" >&"$_doitstack_out"
}

exec {_doitstack_out}>&1 1>&2

declare -A _doitstack_before=()
for _doitstack_name in $(compgen -v); do
    [[ ${!_doitstack_name@a} == *[aA]* ]] || _doitstack_before[$_doitstack_name]=${!_doitstack_name-}
done

# After the message of a command of the user's file that fails, write NUL, its line, NUL, its status, NUL.
_doitstack_failed() {
    [[ $3 != "$_doitstack_file" ]] || printf '\0%s\0%s\0' "$2" "$1" >&2
}
trap '_doitstack_failed "$?" "$LINENO" "${BASH_SOURCE[0]}"' ERR

# shellcheck source=/dev/null
source "$_doitstack_file"

trap - ERR
_doitstack_print() {
    local _doitstack_name _doitstack_names
    mapfile -t _doitstack_names < <(compgen -v)
    for _doitstack_name in "${_doitstack_names[@]}"; do
        case $_doitstack_name in
            _doitstack_* | BASH* | FUNCNAME | LINENO | SHELLOPTS | RANDOM | SRANDOM | SECONDS | EPOCH* | PIPESTATUS | _ | COLUMNS | LINES | PWD | OLDPWD | SHLVL) continue ;;
            # A session evaluates enable_plugin itself.
            DEVSTACK_PLUGINS) continue ;;
        esac
        # Arrays exist only in the shell.
        [[ ${!_doitstack_name@a} != *[aA]* ]] || continue
        [[ -v _doitstack_before[$_doitstack_name] &&
            ${_doitstack_before[$_doitstack_name]} == "${!_doitstack_name-}" ]] ||
            printf '%s\0' variable "$_doitstack_name" "${!_doitstack_name-}" ''
    done
}
_doitstack_print >&"$_doitstack_out"
printf '%s\0' end '' '' '' >&"$_doitstack_out"
