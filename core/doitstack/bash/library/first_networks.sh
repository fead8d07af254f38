# shellcheck shell=bash
# The first networks, as the in-tree Neutron makes them too: for plugins that set NEUTRON_CREATE_INITIAL_NETWORKS=False,
# and make them, or parts of them, when what they need is there. Objects are named by NET_ID, SUBNET_ID,
# IPV6_SUBNET_ID, ROUTER_ID and EXT_NET_ID.

# is_networking_extension_supported ALIAS
is_networking_extension_supported() {
    if [[ ! ${EXT_LIST-} ]]; then
        EXT_LIST=$(_network_command devstack-admin extension list --network -c Alias -f value)
    fi
    [[ $'\n'$EXT_LIST$'\n' == *$'\n'"$1"$'\n'* ]]
}

# create_neutron_initial_network: those that the in-tree Neutron or an earlier run has made, or new ones
create_neutron_initial_network() {
    local owner=devstack
    ! is_provider_network || die "$LINENO" "Q_USE_PROVIDER_NETWORKING: doitstack makes no provider network"
    if [[ $(trueorfalse True NEUTRON_CREATE_INITIAL_NETWORKS) == True && ${_doitstack_session-} ]]; then
        async_wait create_neutron_initial_network
    fi
    ! _find_first_networks || return 0
    NET_ID=$(_network_command devstack network create "$PRIVATE_NETWORK_NAME" -f value -c id)
    [[ $IP_VERSION != 4* ]] || SUBNET_ID=$(_neutron_create_private_subnet_v4)
    [[ $IP_VERSION != *6 ]] || IPV6_SUBNET_ID=$(_neutron_create_private_subnet_v6)
    [[ $Q_L3_ROUTER_PER_TENANT == True ]] || owner=devstack-admin
    ROUTER_ID=$(_network_command "$owner" router create "$Q_ROUTER_NAME" -f value -c id)
    _create_public_network
    [[ $IP_VERSION != 4* ]] || _neutron_configure_router_v4
    [[ $IP_VERSION != *6 ]] || _neutron_configure_router_v6
}

# _find_first_networks: set the variables if all are there
_find_first_networks() {
    NET_ID=$(_network_id devstack network "$PRIVATE_NETWORK_NAME") &&
        ROUTER_ID=$(_network_id devstack-admin router "$Q_ROUTER_NAME") &&
        EXT_NET_ID=$(_network_id devstack-admin network "$PUBLIC_NETWORK_NAME") &&
        { [[ $IP_VERSION != 4* ]] || SUBNET_ID=$(_network_id devstack subnet "$PRIVATE_SUBNET_NAME"); } &&
        { [[ $IP_VERSION != *6 ]] || IPV6_SUBNET_ID=$(_network_id devstack subnet "$IPV6_PRIVATE_SUBNET_NAME"); }
}

_network_id() {
    _network_command "$1" "$2" show "$3" -f value -c id 2> /dev/null
}

_create_public_network() {
    local -a options=(--external)
    ! is_networking_extension_supported auto-allocated-topology || options+=(--default)
    if [[ $Q_USE_PROVIDERNET_FOR_PUBLIC == True ]]; then
        options+=(--provider-network-type "${PUBLIC_PROVIDERNET_TYPE:-flat}")
        options+=(--provider-physical-network "$PUBLIC_PHYSICAL_NETWORK")
        [[ ! ${PUBLIC_PROVIDERNET_SEGMENTATION_ID-} ]] ||
            options+=(--provider-segment "$PUBLIC_PROVIDERNET_SEGMENTATION_ID")
    fi
    EXT_NET_ID=$(_network_command devstack-admin network create "$PUBLIC_NETWORK_NAME" "${options[@]}" \
        -f value -c id)
}

# _neutron_create_private_subnet_v4, _neutron_create_private_subnet_v6: print the id of a new subnet of NET_ID
_neutron_create_private_subnet_v4() {
    _network_command devstack subnet create --ip-version 4 --network "$NET_ID" --subnet-range "$FIXED_RANGE" \
        ${NETWORK_GATEWAY:+--gateway "$NETWORK_GATEWAY"} "$PRIVATE_SUBNET_NAME" -f value -c id
}

_neutron_create_private_subnet_v6() {
    _network_command devstack subnet create --ip-version 6 --network "$NET_ID" --subnet-range "$FIXED_RANGE_V6" \
        --ipv6-ra-mode "$IPV6_RA_MODE" --ipv6-address-mode "$IPV6_ADDRESS_MODE" \
        ${IPV6_PRIVATE_NETWORK_GATEWAY:+--gateway "$IPV6_PRIVATE_NETWORK_GATEWAY"} "$IPV6_PRIVATE_SUBNET_NAME" \
        -f value -c id
}

# _neutron_create_public_subnet_v4, _neutron_create_public_subnet_v6: print the lines of `gateway_ip` and `id` of a
# new subnet of EXT_NET_ID, as one line
_neutron_create_public_subnet_v4() {
    _create_public_subnet --ip-version 4 --subnet-range "$FLOATING_RANGE" \
        ${Q_FLOATING_ALLOCATION_POOL:+--allocation-pool "$Q_FLOATING_ALLOCATION_POOL"} \
        ${PUBLIC_NETWORK_GATEWAY:+--gateway "$PUBLIC_NETWORK_GATEWAY"} "$PUBLIC_SUBNET_NAME"
}

_neutron_create_public_subnet_v6() {
    _create_public_subnet --ip-version 6 --subnet-range "$IPV6_PUBLIC_RANGE" \
        --gateway "$IPV6_PUBLIC_NETWORK_GATEWAY" "$IPV6_PUBLIC_SUBNET_NAME"
}

_create_public_subnet() {
    local dhcp=--no-dhcp made
    [[ ${PUBLIC_SUBNET_ENABLE_DHCP-} != True ]] || dhcp=--dhcp
    made=$(_network_command devstack-admin subnet create --network "$EXT_NET_ID" "$dhcp" "$@")
    # shellcheck disable=SC2046,SC2005 # one line with single spaces, of which plugins take the fields
    echo $(grep -e ' gateway_ip ' -e ' id ' <<< "$made")
}

# _neutron_configure_router_v4, _neutron_configure_router_v6: connect ROUTER_ID to the private subnet, and to a new
# public one. OVN's plugin has connected the bridge already.
_neutron_configure_router_v4() {
    local REPLY
    _network_command devstack-admin router add subnet "$ROUTER_ID" "$SUBNET_ID"
    REPLY=$(_neutron_create_public_subnet_v4)
    # shellcheck disable=SC2034 # scripts read it
    PUB_SUBNET_ID=$(get_field 5 <<< "$REPLY")
    _network_command devstack-admin router set --external-gateway "$EXT_NET_ID" "$ROUTER_ID"
}

_neutron_configure_router_v6() {
    _network_command devstack-admin router add subnet "$ROUTER_ID" "$IPV6_SUBNET_ID"
    _neutron_create_public_subnet_v6 > /dev/null
    [[ $IP_VERSION != 6 ]] ||
        _network_command devstack-admin router set --external-gateway "$EXT_NET_ID" "$ROUTER_ID"
}

# _network_command CLOUD WORD...: openstack, as an account of clouds.yaml
_network_command() {
    openstack --os-cloud "$1" --os-region-name "$REGION_NAME" "${@:2}"
}
