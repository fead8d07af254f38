# shellcheck shell=bash
# The log formats of oslo.log, in colour if LOG_COLOR is True.

# _iniset_log_format FILE SECTION: set the formats in the caller's variables context, plain, suffix, trace
_iniset_log_format() {
    local file=$1 section=$2
    iniset "$file" "$section" logging_context_format_string "$context"
    iniset "$file" "$section" logging_default_format_string "$plain"
    iniset "$file" "$section" logging_debug_format_suffix "$suffix"
    iniset "$file" "$section" logging_exception_prefix "$trace"
    iniset "$file" "$section" log_color "${LOG_COLOR:-False}"
}

# setup_colorized_logging FILE [SECTION [PROJECT USER]]: with the time, for terminals
setup_colorized_logging() {
    local -
    set +x
    local esc=$'\e[' context plain suffix trace
    local project=${3:-project_name} user=${4:-user_name}
    local time='%(asctime)s.%(msecs)03d' request='%(global_request_id)s %(request_id)s'
    context="$time %(color)s%(levelname)s %(name)s [${esc}01;36m$request ${esc}00;36m%($project)s %($user)s%(color)s] ${esc}01;35m%(instance)s%(color)s%(message)s${esc}00m"
    plain="$time %(color)s%(levelname)s %(name)s [${esc}00;36m-%(color)s] ${esc}01;35m%(instance)s%(color)s%(message)s${esc}00m"
    suffix="${esc}00;33mfrom (pid=%(process)d) %(funcName)s %(pathname)s:%(lineno)d${esc}00m"
    trace="%(color)s$time TRACE %(name)s ${esc}01;35m%(instance)s${esc}00m"
    _iniset_log_format "$1" "${2:-DEFAULT}"
}

# setup_systemd_logging FILE [SECTION]: without the time, since the journal adds it
setup_systemd_logging() {
    local -
    set +x
    local esc=$'\e[' context plain suffix trace pid='(pid=%(process)d) '
    USE_JOURNAL=$(trueorfalse False USE_JOURNAL)
    if [[ $USE_JOURNAL == True ]]; then
        iniset "$1" "${2:-DEFAULT}" use_journal True
        pid=''
    fi
    context="%(color)s%(levelname)s %(name)s [${esc}01;36m%(global_request_id)s %(request_id)s ${esc}00;36m%(project_name)s %(user_name)s%(color)s] ${esc}01;35m%(instance)s%(color)s%(message)s${esc}00m"
    plain="%(color)s%(levelname)s %(name)s [${esc}00;36m-%(color)s] ${esc}01;35m%(instance)s%(color)s%(message)s${esc}00m"
    suffix="${esc}00;33m{{${pid}%(funcName)s %(pathname)s:%(lineno)d}}${esc}00m"
    trace="ERROR %(name)s ${esc}01;35m%(instance)s${esc}00m"
    _iniset_log_format "$1" "${2:-DEFAULT}"
}

# setup_standard_logging_identity FILE
setup_standard_logging_identity() {
    iniset "$1" DEFAULT logging_user_identity_format "%(project_name)s %(user_name)s"
}

# setup_logging FILE [SECTION]: with the time, since our services write their own logs
setup_logging() {
    setup_colorized_logging "$1" "${2:-DEFAULT}"
}
