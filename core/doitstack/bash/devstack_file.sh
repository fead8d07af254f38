# shellcheck shell=bash
# Stands for a file of DevStack's tree, such as $TOP_DIR/lib/nova, which is a link to this one.

if [[ ! ${_DOITSTACK_LIBRARY-} ]]; then
    # shellcheck source=/dev/null
    source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/library.sh"
fi
_source_of_devstack "${BASH_SOURCE[0]}"
