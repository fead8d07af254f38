# shellcheck shell=bash
# Enabled services: ENABLED_SERVICES and DISABLED_SERVICES.

# _cleanup_service_list LIST: without superfluous commas
_cleanup_service_list() {
    local -
    set +x
    local list=${1//,,/,}
    list=${list#,}
    echo "${list%,}"
}

# _in_list NAME LIST
_in_list() {
    [[ ,$2, == *",$1,"* ]]
}

# is_service_enabled SERVICE...: whether one of them is enabled; a function is_NAME_enabled may decide
is_service_enabled() {
    local -
    set +x
    local service enabled=1
    local IFS=$' \t\n'
    # shellcheck disable=SC2048  # one argument may name several
    for service in $*; do
        if _in_list "$service" "${ENABLED_SERVICES-}" || _is_family_enabled "$service"; then
            enabled=0
        fi
        if declare -F "is_${service}_enabled" > /dev/null && "is_${service}_enabled"; then
            enabled=0
        fi
    done
    return "$enabled"
}

# is_nova_enabled, is_glance_enabled, is_cinder_enabled, is_placement_enabled: whether a part is enabled
is_nova_enabled() {
    _is_project_enabled nova n-
}

is_glance_enabled() {
    _is_project_enabled glance g-
}

is_cinder_enabled() {
    _is_project_enabled cinder c-
}

is_placement_enabled() {
    _is_project_enabled placement placement-
}

# _is_project_enabled NAME PREFIX: whether a part is enabled and the project as a whole is not disabled
_is_project_enabled() {
    [[ ,${DISABLED_SERVICES-} != *,"$1"* && ,${ENABLED_SERVICES-} == *,"$2"* ]]
}

# Services of one project share a prefix, and the project's name means any of them.
_is_family_enabled() {
    local list=,${ENABLED_SERVICES-}
    case $1 in
        nova) [[ $list == *,n-* ]] ;;
        glance) [[ $list == *,g-* ]] ;;
        neutron) [[ $list == *,q-* ]] ;;
        trove) [[ $list == *,tr-* ]] ;;
        swift) [[ $list == *,s-* ]] ;;
        n-cpu-*) [[ $list == *,n-cpu* ]] ;;
        s-*) [[ $list == *,swift* ]] ;;
        *) return 1 ;;
    esac
}

# enable_service SERVICE...
enable_service() {
    local -
    set +x
    local service list=${ENABLED_SERVICES-}
    local IFS=$' \t\n'
    # shellcheck disable=SC2048
    for service in $*; do
        if _in_list "$service" "${DISABLED_SERVICES-}"; then
            warn "$LINENO" "Attempt to enable_service $service when it has been disabled"
        elif ! is_service_enabled "$service"; then
            list+=,$service
        fi
    done
    ENABLED_SERVICES=$(_cleanup_service_list "$list")
    disable_negated_services
}

# disable_service SERVICE...: later calls cannot enable them again
disable_service() {
    local -
    set +x
    local service list=,${ENABLED_SERVICES-}, disabled=${DISABLED_SERVICES-}
    local IFS=$' \t\n'
    # shellcheck disable=SC2048
    for service in $*; do
        disabled+=,$service
        list=${list//",$service,"/,}
    done
    DISABLED_SERVICES=$(_cleanup_service_list "$disabled")
    ENABLED_SERVICES=$(_cleanup_service_list "$list")
}

disable_all_services() {
    ENABLED_SERVICES=''
}

# disable_negated_services: apply the "-name" entries of ENABLED_SERVICES
disable_negated_services() {
    local -
    set +x
    local service remove='' remaining=''
    local IFS=$', \t\n'
    for service in ${ENABLED_SERVICES-}; do
        if [[ $service == -* ]]; then
            remove+=,${service#-}
        else
            remaining+=,$service
        fi
    done
    ENABLED_SERVICES=$(remove_disabled_services "$remaining" "$remove")
}

# remove_disabled_services LIST REMOVE_LIST: names are separated by commas or blanks
remove_disabled_services() {
    local -
    set +x
    local service enabled='' remove=${2//[[:space:]]/,}
    local IFS=$', \t\n'
    for service in $1; do
        _in_list "$service" "$remove" || enabled+=,$service
    done
    _cleanup_service_list "$enabled"
}

# verify_disabled_services: fail if a disabled service was added to ENABLED_SERVICES directly
verify_disabled_services() {
    local service
    local IFS=','
    for service in ${ENABLED_SERVICES-}; do
        if _in_list "$service" "${DISABLED_SERVICES-}"; then
            die "$LINENO" "ENABLED_SERVICES directly modified to overcome 'disable_service $service'"
        fi
    done
}

# use_exclusive_service OPTIONS_NAME RESULT_NAME SELECTION
use_exclusive_service() {
    local option options=${!1} selection=${3-}
    [[ $selection && $options == *"$selection"* ]] || return 1
    for option in $options; do
        if [[ $option == "$selection" ]]; then
            enable_service "$option"
        else
            disable_service "$option"
        fi
    done
    printf -v "$2" '%s' "$selection"
}

# is_ironic_hardware
is_ironic_hardware() {
    is_service_enabled ironic && [[ ${IRONIC_IS_HARDWARE-} == True ]]
}

is_ironic_enforce_scope() {
    is_service_enabled ironic && [[ ${IRONIC_ENFORCE_SCOPE-} == True || ${ENFORCE_SCOPE-} == True ]]
}

is_ironic_sharded() {
    is_service_enabled ironic && [[ ${IRONIC_SHARDS-} == 1 ]]
}
