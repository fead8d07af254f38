# shellcheck shell=bash
# What only the main process can do: it is asked, and answers with output and status.

# doitstack_request VERB ARG...: a session of a run brings its own, over its pipe
if ! declare -F doitstack_request > /dev/null; then
    doitstack_request() {
        local -
        set +x
        "${DOITSTACK_PYTHON:-python3}" -m doitstack request "$@"
    }
fi

# time_start, time_stop NAME: nothing to measure where timing.sh is not there
if ! declare -F time_start > /dev/null; then
    time_start() { :; }
    time_stop() { :; }
fi
