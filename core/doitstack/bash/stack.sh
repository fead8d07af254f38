# shellcheck shell=bash
# Scripts look in their call stack for the name of this file, to know that `doit stack` sources them.

_doitstack_in_stack() {
    _doitstack_run_phase "$@"
}
