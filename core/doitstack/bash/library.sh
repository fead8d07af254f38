# shellcheck shell=bash
# DevStack's function library. `source library.sh` loads all of it; it needs only bash and coreutils.

if [[ ! ${_DOITSTACK_LIBRARY-} ]]; then
    _DOITSTACK_LIBRARY=${BASH_SOURCE[0]%/*}
    [[ $_DOITSTACK_LIBRARY != "${BASH_SOURCE[0]}" ]] || _DOITSTACK_LIBRARY=.
    case $- in
        *x*) _DOITSTACK_XTRACE=-x ;;
        *) _DOITSTACK_XTRACE=+x ;;
    esac
    set +x
    # timing.sh first: request.sh replaces its functions only if they are missing
    for _doitstack_file in "$_DOITSTACK_LIBRARY"/{timing,async}.sh "$_DOITSTACK_LIBRARY"/library/*.sh; do
        # shellcheck source=/dev/null
        [[ ! -e $_doitstack_file ]] || source "$_doitstack_file" || return
    done
    unset _doitstack_file
    set "$_DOITSTACK_XTRACE"
    unset _DOITSTACK_XTRACE
fi
