# shellcheck shell=bash
# DevStack functions that are not provided; docs/shell-functions.md says why. The file devstack_functions lists all
# of DevStack's, by the file that defines them; a plugin may define its own.

# Bash calls this, in a subshell, for a command that does not exist. A session replaces it by its own.
if ! declare -F command_not_found_handle > /dev/null; then
    command_not_found_handle() {
        local REPLY
        _why_not_found "$1"
        echo "$REPLY" >&2
        return 127
    }
fi

# _why_not_found COMMAND: set REPLY to the message for a command that does not exist
_why_not_found() {
    local line
    while IFS= read -r line; do
        if [[ " ${line#*:} " == *" $1 "* ]]; then
            REPLY="$1: DevStack function that doitstack does not provide"
            return
        fi
    done < "$_DOITSTACK_LIBRARY/devstack_functions"
    REPLY="$1: command not found"
}

# _source_of_devstack FILE: do what sourcing this file of DevStack's tree does. The library has its functions
# already; those that are missing are named.
_source_of_devstack() {
    local - file names name missing=''
    set +x
    while IFS=: read -r file names; do
        [[ $1 == */"$file" ]] || continue
        for name in $names; do
            declare -F "$name" || missing+=" $name"
        done > /dev/null # opened once, not for each name
        [[ ! $missing ]] || echo "$file: doitstack does not provide$missing"
        return 0
    done < "$_DOITSTACK_LIBRARY/devstack_functions"
}
