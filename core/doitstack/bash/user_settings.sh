# Apply the user's settings in a session: their functions and arrays from the file, and then the final
# values, in which the environment overrides the file.

# Initial value, as in the first evaluation of the settings.
# shellcheck disable=SC2034
DISABLED_SERVICES=
# shellcheck source=/dev/null
[[ ! $_doitstack_localrc ]] || source "$_doitstack_localrc"
_doitstack_settings || true
