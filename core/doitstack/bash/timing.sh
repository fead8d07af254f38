# DevStack's component timing: time_start NAME ... time_stop NAME. Times are summed by name.

declare -gA _TIME_START _TIME_TOTAL  # ms
# DevStack's is readonly.
[[ ${_TIME_BEGIN-} ]] || declare -gi _TIME_BEGIN=$EPOCHSECONDS

# Return the ms since the machine started, in steps of 10: the clock may be set meanwhile.
_time_now() {
    local IFS=' '
    builtin read -r REPLY _ </proc/uptime
    REPLY=${REPLY/./}0
}

time_start() {
    local -
    set +x
    if [[ -n ${_TIME_START[$1]:-} ]]; then
        echo "time_start: $1 is already started; call time_stop $1 first" >&2
        return 1
    fi
    local REPLY
    _time_now
    _TIME_START[$1]=$REPLY
}

time_stop() {
    local -
    set +x
    if [[ -z ${_TIME_START[$1]:-} ]]; then
        echo "time_stop: $1 is not started; call time_start $1 first" >&2
        return 1
    fi
    local REPLY
    _time_now
    local -i elapsed=$((REPLY - ${_TIME_START[$1]}))
    _TIME_TOTAL[$1]=$((${_TIME_TOTAL[$1]:-0} + elapsed))
    unset "_TIME_START[$1]"
    [[ -z ${_doitstack_messages:-} ]] || _doitstack_send time "$1" "$elapsed"
}

time_totals() {
    local -
    set +x
    # In a session, the table at the end of the run shows all of them.
    [[ -z ${_doitstack_messages:-} ]] || return 0
    local name line='======================='
    local -i total=$((EPOCHSECONDS - _TIME_BEGIN)) accounted=0
    builtin printf '%s\n' "$line" 'DevStack Component Timing' ' (times are in seconds)' "$line"
    for name in "${!_TIME_TOTAL[@]}"; do
        accounted+=$((_TIME_TOTAL[$name] / 1000))
        builtin printf '%-20s %3d\n' "$name" "$((_TIME_TOTAL[$name] / 1000))"
    done
    builtin printf '%s\n' -------------------------
    builtin printf '%-20s %3d\n' 'Unaccounted time' "$((total - accounted))"
    builtin printf '%s\n' "$line"
    builtin printf '%-20s %3d\n' 'Total runtime' "$total"
}
