# shellcheck shell=bash
# Services: the stack's own run under its supervisor, others under the machine's service manager.

SYSTEMCTL=${SYSTEMCTL:-doitstack_systemctl}
SYSTEMD_DIR=${SYSTEMD_DIR:-/etc/systemd/system}

# run_process NAME COMMAND [GROUP [USER [ENVIRONMENT]]]: start it if the service is enabled
run_process() {
    local -
    set +x
    local result=0
    if ! is_service_enabled "$1"; then
        echo "$1 is not enabled, so run_process does not start it" >&2
        return 0
    fi
    _common_systemd_pitfalls "$2"
    time_start run_process
    doitstack_request run_process "$@" || result=$?
    time_stop run_process
    return "$result"
}

# stop_process NAME
stop_process() {
    local -
    set +x
    ! is_service_enabled "$1" || doitstack_request stop_process "$1"
}

# _common_systemd_pitfalls COMMAND: refuse commands that would need a shell or sudo
_common_systemd_pitfalls() {
    if [[ $1 == *sudo* ]]; then
        die "$LINENO" "You are trying to use run_process with sudo, this is not going to work: name the user, run_process NAME COMMAND GROUP USER"
    fi
    if [[ $1 != /* ]]; then
        die "$LINENO" "The cmd=\"$1\" does not start with an absolute path; please update your run_process stanza to have one"
    fi
}

# write_user_unit_file, write_uwsgi_user_unit_file UNIT COMMAND GROUP USER [ENVIRONMENT]:
# the unit devstack@NAME.service is the stack's service NAME
write_user_unit_file() {
    local -
    set +x
    doitstack_request write_unit "$(_unit_service "$1")" "${@:2}"
}

write_uwsgi_user_unit_file() {
    write_user_unit_file "$@"
}

# _unit_service UNIT: print the stack's service of that unit
_unit_service() {
    local name=${1%.service}
    echo "${name#devstack@}"
}

# _service VERB NAME: use the supervisor if NAME is a service of the stack
_service() {
    local -
    set +x
    if [[ $2 == devstack@* ]]; then
        doitstack_request "${1}_process" "$(_unit_service "$2")"
    elif [[ -d /run/systemd/system ]]; then
        sudo systemctl "$1" "$2"
    elif [[ -x /etc/init.d/$2 ]]; then
        sudo "/etc/init.d/$2" "${1/reload-or-restart/reload}"
    else
        echo "$1 $2: no such service: this machine has no systemd and no /etc/init.d/$2" >&2
        return 5
    fi
}

# start_service, stop_service, restart_service, reload_service NAME
start_service() {
    _service start "$1"
}

stop_service() {
    _service stop "$1"
}

restart_service() {
    _service restart "$1"
}

reload_service() {
    _service reload-or-restart "$1"
}

# doitstack_systemctl VERB UNIT...: the value of $SYSTEMCTL: the unit devstack@NAME is the stack's service
# NAME; other units are passed to systemd, if there is one
doitstack_systemctl() {
    local -
    set +x
    local word
    local -a options=() words=() own=()
    for word; do
        case $word in
            -*) options+=("$word") ;;
            devstack@*) own+=("$word") ;;
            *) words+=("$word") ;;
        esac
    done
    for word in "${own[@]}"; do
        _systemctl_own "${words[0]}" "$word" || return
    done
    # a verb without units, such as daemon-reload, concerns only systemd
    ((${#own[@]} > 0 && ${#words[@]} == 1)) || _systemctl_other "${words[@]}" "${options[@]}"
}

# The supervisor does not need to enable services.
_systemctl_own() {
    local unit state
    case $1 in
        enable | disable | daemon-reload | mask | unmask) return 0 ;;
        is-enabled | is-active | status) ;;
        *) _service "$1" "$2"; return ;;
    esac
    while read -r unit state; do
        [[ $unit == "$(_unit_service "$2")" ]] || continue
        [[ $1 == is-enabled || $state == RUNNING ]] || return 3
        [[ $1 != status ]] || echo "$2: $state"
        return 0
    done < <(service_check)
    return 4
}

# Without systemd there is nothing to enable or reload either.
_systemctl_other() {
    if [[ -d /run/systemd/system ]]; then
        sudo systemctl "$@"
    elif [[ $1 == @(start|stop|restart|reload|reload-or-restart) ]]; then
        _service "$1" "$2"
    fi
}

# service_check: print the state of the stack's services
service_check() {
    doitstack_request service_check
}
