# shellcheck shell=bash
# Scripts look in their call stack for the name of this file, to know that `doit clean` sources them.

_doitstack_in_clean() {
    _doitstack_run_phase "$@"
}
