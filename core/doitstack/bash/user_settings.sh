# The user's settings in a session, which has read them before: their functions and arrays, and what
# all of them come to, which the environment has a say in.

# It was this, too, before they were read.
# shellcheck disable=SC2034
DISABLED_SERVICES=
# shellcheck source=/dev/null
[[ ! $_doitstack_localrc ]] || source "$_doitstack_localrc"
_doitstack_settings
