# shellcheck shell=bash
# Requests to the main process, which answers with output and status.

# doitstack_request VERB ARG...: a session defines its own, which uses its pipe
if ! declare -F doitstack_request > /dev/null; then
    doitstack_request() {
        local -
        set +x
        "${DOITSTACK_PYTHON:-python3}" -m doitstack request "$@"
    }
fi

# time_start, time_stop NAME: do nothing if timing.sh is not loaded
if ! declare -F time_start > /dev/null; then
    time_start() { :; }
    time_stop() { :; }
fi
