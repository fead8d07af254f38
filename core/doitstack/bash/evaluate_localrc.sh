# Evaluate a localrc ($1) and print what it sets: records of four NUL-ended fields.
# Run by localconf.py in a bash of its own, so that a user's mistake ends this process only.

# shellcheck disable=SC2329 # these functions are for the user's file

# What the syntax has against it is all that we print then.
bash -n "$1" || exit 2

_doitstack_file=$1
set --

for _doitstack_part in "${BASH_SOURCE[0]%/*}"/library/*.sh; do
    # DevStack has its functions by then, and makes its defaults later.
    # shellcheck source=/dev/null
    [[ $_doitstack_part == */defaults.sh ]] || source "$_doitstack_part"
done

# Say what is wrong, with the line of the user's file where we are, and end.
_doitstack_mistake() {
    local -i depth=0
    until [[ ${BASH_SOURCE[depth]} == "$_doitstack_file" ]]; do
        depth+=1
    done
    printf '%s\0' mistake "${BASH_LINENO[depth - 1]}" "$1" '' >&"$_doitstack_out"
    # We may be in a subshell.
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
        _doitstack_mistake "${_doitstack_last_words:-exit $status: what stands below would be ignored}"
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

# shellcheck source=/dev/null
source "$_doitstack_file"

_doitstack_print() {
    local _doitstack_name _doitstack_names
    mapfile -t _doitstack_names < <(compgen -v)
    for _doitstack_name in "${_doitstack_names[@]}"; do
        case $_doitstack_name in
            _doitstack_* | BASH* | FUNCNAME | LINENO | SHELLOPTS | RANDOM | SRANDOM | SECONDS | EPOCH* | PIPESTATUS | _ | COLUMNS | LINES | PWD | OLDPWD | SHLVL) continue ;;
            # A session reads its enable_plugin itself.
            DEVSTACK_PLUGINS) continue ;;
        esac
        # An array is a matter of the shell alone.
        [[ ${!_doitstack_name@a} != *[aA]* ]] || continue
        [[ -v _doitstack_before[$_doitstack_name] &&
            ${_doitstack_before[$_doitstack_name]} == "${!_doitstack_name-}" ]] ||
            printf '%s\0' variable "$_doitstack_name" "${!_doitstack_name-}" ''
    done
}
_doitstack_print >&"$_doitstack_out"
printf '%s\0' end '' '' '' >&"$_doitstack_out"
