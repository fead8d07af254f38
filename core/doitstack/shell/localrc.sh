# Evaluate a localrc ($1) and print what it sets: records of four NUL-ended fields.
# Run by localconf.py in a bash of its own, so that a user's mistake ends this process only.

# shellcheck disable=SC2329 # these functions are for the user's file

bash -n "$1" || exit 1

_doitstack_before=" $(compgen -v | tr '\n' ' ') "

command_not_found_handle() {
    # Runs in a child: the exit code is what reaches us.
    echo "${BASH_SOURCE[1]}: line ${BASH_LINENO[0]}: $1: command not found" >&2
    kill -USR1 "$$"
    return 127
}
trap 'exit 1' USR1

enable_plugin() {
    if [[ $# -lt 2 ]]; then
        echo "${BASH_SOURCE[1]}: line ${BASH_LINENO[0]}: enable_plugin needs a name and a URL" >&2
        exit 1
    fi
    printf '%s\0' plugin "$1" "$2" "${3:-}" >&"$_doitstack_out"
}

enable_service() {
    local service
    for service in "$@"; do
        if [[ $service == -* ]]; then
            disable_service "${service#-}"
        elif [[ ,$ENABLED_SERVICES, != *,"$service",* ]]; then
            ENABLED_SERVICES=${ENABLED_SERVICES:+$ENABLED_SERVICES,}$service
        fi
    done
}

disable_service() {
    local service services
    for service in "$@"; do
        services=,$ENABLED_SERVICES,
        services=${services//,"$service",/,}
        services=${services#,}
        ENABLED_SERVICES=${services%,}
    done
}

disable_all_services() {
    ENABLED_SERVICES=
}

exec {_doitstack_out}>&1 1>&2

# shellcheck source=/dev/null
source "$1"

for _doitstack_name in $(compgen -v); do
    case $_doitstack_name in
        _doitstack_* | BASH* | FUNCNAME | LINENO | RANDOM | SRANDOM | SECONDS | EPOCH* | PIPESTATUS | _ | COLUMNS | LINES | PWD | OLDPWD | SHLVL) continue ;;
    esac
    # An array is a matter of the shell alone.
    [[ ${!_doitstack_name@a} == *[aA]* ]] && continue
    if [[ $_doitstack_before != *" $_doitstack_name "* || ${!_doitstack_name@a} == *x* ]]; then
        printf '%s\0' variable "$_doitstack_name" "${!_doitstack_name}" '' >&"$_doitstack_out"
    fi
done
exit 0
