# shellcheck shell=bash
# Scripts look in their call stack for the name of this file, to know that `doit unstack` sources them.

_doitstack_in_unstack() {
    _doitstack_run_phase "$@"
}
